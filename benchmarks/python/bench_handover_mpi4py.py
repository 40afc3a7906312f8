"""Ranks take and give back one mpi4py.util.sync.Mutex: mpirun -n 4 python3 bench_handover_mpi4py.py"""

from mpi4py import MPI
from mpi4py.util.sync import Mutex

from bench import emit_turns, take_turns


def main():
    comm = MPI.COMM_WORLD
    mutex = Mutex(comm=comm)

    def turn():
        mutex.acquire()
        mutex.release()

    comm.Barrier()
    turns = comm.gather(take_turns(turn))
    if comm.rank == 0:
        emit_turns("handover", "mpi4py", turns)
    mutex.free()


if __name__ == "__main__":
    main()
