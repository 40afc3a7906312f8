"""Processes take and give back one multiprocessing.Lock, a semaphore of this node."""

import multiprocessing

from bench import CONTEXT, PARTIES, emit_turns, take_turns


def take_part(lock, barrier, counts):
    barrier.wait()

    def turn():
        lock.acquire()
        lock.release()

    counts.put(take_turns(turn))


def main():
    context = multiprocessing.get_context(CONTEXT)
    lock = context.Lock()
    barrier = context.Barrier(PARTIES)
    counts = context.SimpleQueue()
    processes = [context.Process(target=take_part, args=(lock, barrier, counts))
                 for _ in range(PARTIES)]
    for process in processes:
        process.start()
    turns = [counts.get() for _ in processes]
    for process in processes:
        process.join()
    emit_turns("handover_process", "python", turns)


if __name__ == "__main__":
    main()
