"""Processes meet at multiprocessing.Barrier over and over."""

import multiprocessing

from bench import CONTEXT, PARTIES, QUICK, emit, median_seconds

ROUNDS = 5 if QUICK else 200


def meet(barrier):
    def rounds():
        for _ in range(ROUNDS):
            barrier.wait()

    return median_seconds(9, rounds) / ROUNDS


def main():
    context = multiprocessing.get_context(CONTEXT)
    barrier = context.Barrier(PARTIES)
    processes = [context.Process(target=meet, args=(barrier,)) for _ in range(PARTIES - 1)]
    for process in processes:
        process.start()
    emit("barrier", "python", PARTIES, "time", "us", meet(barrier) * 1e6)
    for process in processes:
        process.join()


if __name__ == "__main__":
    main()
