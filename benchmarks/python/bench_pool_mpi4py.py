"""Empty tasks through mpi4py.futures: mpirun -n 3 python3 -m mpi4py.futures bench_pool_mpi4py.py"""

from mpi4py.futures import MPIPoolExecutor

from bench import QUICK, emit, median_seconds

TASKS = {1: 50} if QUICK else {1: 2000}  # chunk size -> tasks; it has no automatic chunk


def same(value):
    return value


def main():
    with MPIPoolExecutor(max_workers=2) as pool:
        for chunk, tasks in TASKS.items():
            elapsed = median_seconds(
                3, lambda: list(pool.map(same, range(tasks), chunksize=chunk)))
            emit("pool", "mpi4py", chunk, "throughput", "1/s", tasks / elapsed)


if __name__ == "__main__":
    main()
