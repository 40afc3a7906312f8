"""A process that waits in Connection.recv: what waiting costs, and how soon it is over."""

import multiprocessing
import statistics
import time

from bench import CONTEXT, QUICK, emit

IDLE, PAUSE, WAKES = (0.01, 0.001, 2) if QUICK else (3.0, 0.02, 50)


def waiter(connection):
    before = time.process_time()
    start = time.perf_counter()
    connection.recv()
    share = (time.process_time() - before) / (time.perf_counter() - start)
    delays = []
    for _ in range(WAKES):
        sent = connection.recv()
        delays.append(time.monotonic_ns() - sent)
    emit("idle", "python", 1, "cpu", "%", 100 * share)
    emit("wake", "python", 8, "delay", "us", statistics.median(delays) / 1000)


def main():
    context = multiprocessing.get_context(CONTEXT)
    near, far = context.Pipe()
    process = context.Process(target=waiter, args=(far,))
    process.start()
    time.sleep(IDLE)
    near.send(0)
    for _ in range(WAKES):
        time.sleep(PAUSE)
        near.send(time.monotonic_ns())
    process.join()


if __name__ == "__main__":
    main()
