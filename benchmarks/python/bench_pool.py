"""Empty tasks through multiprocessing.Pool.map, two workers: chunk 1 and Python's own chunk."""

import multiprocessing

from bench import CONTEXT, QUICK, emit, median_seconds

TASKS = {1: 50, 0: 200} if QUICK else {1: 20000, 0: 1000000}  # chunk size (0: automatic) -> tasks


def same(value):
    return value


def main():
    with multiprocessing.get_context(CONTEXT).Pool(2) as pool:
        for chunk, tasks in TASKS.items():
            elapsed = median_seconds(3, lambda: pool.map(same, range(tasks), chunk or None))
            emit("pool", "python", chunk, "throughput", "1/s", tasks / elapsed)


if __name__ == "__main__":
    main()
