// An MPI program that does nothing: compare.py times mpirun, start to finish.
#include <mpi.h>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Finalize();
}
