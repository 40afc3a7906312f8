"""Start and join of a multiprocessing.Process that does nothing, fork context."""

import multiprocessing

from bench import CONTEXT, QUICK, emit, median_seconds


def nothing():
    pass


def main():
    context = multiprocessing.get_context(CONTEXT)

    def start_and_join():
        process = context.Process(target=nothing)
        process.start()
        process.join()

    elapsed = median_seconds(3 if QUICK else 200, start_and_join)
    emit("start_join", "python", 1, "time", "us", elapsed * 1e6)


if __name__ == "__main__":
    main()
