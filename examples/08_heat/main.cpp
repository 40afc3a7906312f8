// Solves the heat equation; heat.cpp says what it shows. Argument: MPI's thread level.
//
//   mpirun -n 4 ./08_heat [single | funneled | serialized | multiple [log file]]

#include <mpi.h>

#include <iostream>
#include <string>

#include "heat.h"

namespace {

int level_of(const std::string& name) {
  if (name == "single") return MPI_THREAD_SINGLE;
  if (name == "funneled") return MPI_THREAD_FUNNELED;
  if (name == "serialized") return MPI_THREAD_SERIALIZED;
  if (name == "multiple") return MPI_THREAD_MULTIPLE;
  std::cerr << "usage: 08_heat [single | funneled | serialized | multiple [log file]]\n";
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const int level = level_of(argc > 1 ? argv[1] : "funneled");
  if (heat_prepare() != 0) return 1;
  int provided = 0;
  MPI_Init_thread(&argc, &argv, level, &provided);
  const int status =
      heat_solve(MPI_Comm_c2f(MPI_COMM_WORLD), 60, 500, argc > 2 ? argv[2] : "heat.log");
  MPI_Finalize();
  return status;
}
