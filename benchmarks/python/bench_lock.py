"""multiprocessing.Lock, a semaphore of this node: alone, and fought over by two processes; alone,
the Lock of a Manager, which other nodes could use too: a process that is asked."""

import multiprocessing
import time

from bench import CONTEXT, QUICK, emit, median_seconds

PAIRS = 20 if QUICK else 20000
REQUESTED = 20 if QUICK else 1000  # pairs


def take_turns(lock, pairs=PAIRS):
    for _ in range(pairs):
        lock.acquire()
        lock.release()


def contender(lock, barrier, spans):
    barrier.wait()
    start = time.monotonic()
    take_turns(lock)
    spans.put((start, time.monotonic()))


def main():
    context = multiprocessing.get_context(CONTEXT)
    lock = context.Lock()
    elapsed = median_seconds(9, lambda: take_turns(lock))
    emit("lock_uncontended", "python", 1, "pair", "us", elapsed / PAIRS * 1e6)

    barrier = context.Barrier(2)
    spans = context.SimpleQueue()
    processes = [context.Process(target=contender, args=(lock, barrier, spans)) for _ in range(2)]
    for process in processes:
        process.start()
    starts, ends = zip(*(spans.get() for _ in processes))
    for process in processes:
        process.join()
    elapsed = max(ends) - min(starts)
    emit("lock_contended", "python", 2, "pair", "us", elapsed / (2 * PAIRS) * 1e6)

    with context.Manager() as manager:
        far = manager.Lock()
        elapsed = median_seconds(9, lambda: take_turns(far, REQUESTED))
    emit("lock_process", "python", 1, "operation", "us", elapsed / (2 * REQUESTED) * 1e6)


if __name__ == "__main__":
    main()
