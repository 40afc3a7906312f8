"""What every Python twin shares: its options, its timing and its output (see common/bench.hpp)."""

import statistics
import sys
import time

QUICK = "--quick" in sys.argv
# --parties N: how many processes take part, where these are not ranks.
PARTIES = int(sys.argv[sys.argv.index("--parties") + 1]) if "--parties" in sys.argv else 2
TURNS_TIME = 0.02 if QUICK else 2  # seconds
# Python 3.11's default on Linux, said aloud since later versions changed it.
CONTEXT = "fork"


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median_seconds(repetitions, action):
    """Median of `repetitions` timings, after one run that is not counted."""
    action()
    return statistics.median(seconds(action) for _ in range(repetitions))


def emit(benchmark, variant, size, metric, unit, value):
    print(f"{benchmark},{variant},{size},{metric},{unit},{value:.9g}", flush=True)


def take_turns(turn):
    """How many turns this process has in TURNS_TIME."""
    turns = 0
    end = time.monotonic() + TURNS_TIME
    while time.monotonic() < end:
        turn()
        turns += 1
    return turns


def emit_turns(benchmark, variant, turns):
    """Turns a second, and most to least of one process."""
    emit(benchmark, variant, len(turns), "throughput", "1/s", sum(turns) / TURNS_TIME)
    emit(benchmark, variant, len(turns), "most_to_least", "x",
         max(turns) / min(turns) if min(turns) else float("inf"))
