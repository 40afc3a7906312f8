"""Ints through multiprocessing.Queue: one process puts them, the other takes them out."""

import multiprocessing
import statistics
import time

from bench import CONTEXT, QUICK, emit

SIZES = [100] if QUICK else [10000, 100000, 1000000]


def put_all(queue, size):
    for number in range(size):
        queue.put(number)


def transfer(context, size):
    queue = context.Queue()
    ready = context.Event()
    process = context.Process(target=wait_and_put, args=(queue, ready, size))
    process.start()
    start = time.perf_counter()
    ready.set()
    for number in range(size):
        if queue.get() != number:
            raise SystemExit("queue: wrong order")
    elapsed = time.perf_counter() - start
    process.join()
    return elapsed


def wait_and_put(queue, ready, size):
    ready.wait()
    put_all(queue, size)


def main():
    context = multiprocessing.get_context(CONTEXT)
    for size in SIZES:
        repetitions = 1 if size >= 1000000 else 3
        elapsed = statistics.median(transfer(context, size) for _ in range(repetitions))
        emit("queue", "python", size, "throughput", "1/s", size / elapsed)


if __name__ == "__main__":
    main()
