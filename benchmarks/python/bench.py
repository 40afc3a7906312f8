"""What every Python twin shares: its one option, its timing and its output (see common/bench.hpp)."""

import statistics
import sys
import time

QUICK = "--quick" in sys.argv
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
