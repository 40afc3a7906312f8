"""Ints through multiprocessing.Queue: one process puts them, the other takes them out."""

import multiprocessing
import statistics
import time

from bench import CONTEXT, QUICK, emit

CASES = [(1 << 20, 2)] if QUICK else [(1 << 20, 100), (32 << 20, 6)]
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


def put_large(queue, ready, size, count):
    item = bytes(size)
    ready.wait()
    for _ in range(count):
        queue.put(item)


def transfer_large(context, size, count):
    queue = context.Queue()
    ready = context.Event()
    process = context.Process(target=put_large, args=(queue, ready, size, count))
    process.start()
    start = time.perf_counter()
    ready.set()
    for _ in range(count):
        if len(queue.get()) != size:
            raise SystemExit("queue: an item came short")
    elapsed = time.perf_counter() - start
    process.join()
    return elapsed


def main():
    context = multiprocessing.get_context(CONTEXT)
    for size in SIZES:
        repetitions = 1 if size >= 1000000 else 3
        elapsed = statistics.median(transfer(context, size) for _ in range(repetitions))
        emit("queue", "python", size, "throughput", "1/s", size / elapsed)
    for size, count in CASES:
        elapsed = statistics.median(transfer_large(context, size, count) for _ in range(5))
        bandwidth = size * count / (1 << 20) / elapsed
        emit("queue_large", "python", size, "bandwidth", "MiB/s", bandwidth)


if __name__ == "__main__":
    main()
