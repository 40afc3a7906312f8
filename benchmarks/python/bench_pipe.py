"""Round trips through multiprocessing.Pipe between two processes."""

import multiprocessing

from bench import CONTEXT, QUICK, emit, median_seconds

CASES = [(8, 10), (65536, 2)] if QUICK else [(8, 2000), (65536, 300), (1 << 20, 40), (32 << 20, 2)]


def echo(connection):
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        pass


def main():
    context = multiprocessing.get_context(CONTEXT)
    for size, round_trips in CASES:
        near, far = context.Pipe()
        process = context.Process(target=echo, args=(far,), daemon=True)
        process.start()
        message = bytes(size)

        def ping():
            for _ in range(round_trips):
                near.send(message)
                near.recv()

        trip = median_seconds(9, ping) / round_trips
        emit("pipe_process", "python", size, "round_trip", "us", trip * 1e6)
        if size > 8:
            emit("pipe_process", "python", size, "bandwidth", "MiB/s", 2 * size / (1 << 20) / trip)
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
