/* The heat equation from C; as main.cpp. */

#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "heat.h"

static int level_of(const char* name) {
  if (strcmp(name, "single") == 0) return MPI_THREAD_SINGLE;
  if (strcmp(name, "funneled") == 0) return MPI_THREAD_FUNNELED;
  if (strcmp(name, "serialized") == 0) return MPI_THREAD_SERIALIZED;
  if (strcmp(name, "multiple") == 0) return MPI_THREAD_MULTIPLE;
  return -1;
}

int main(int argc, char** argv) {
  const int level = level_of(argc > 1 ? argv[1] : "funneled");
  int provided = 0;
  int status = 0;
  if (level < 0) {
    fputs("usage: 08_heat_c [single | funneled | serialized | multiple [log file]]\n", stderr);
    return 2;
  }
  if (heat_prepare() != 0) return 1;
  MPI_Init_thread(&argc, &argv, level, &provided);
  status = heat_solve(MPI_Comm_c2f(MPI_COMM_WORLD), 60, 500, argc > 2 ? argv[2] : "heat.log");
  MPI_Finalize();
  return status;
}
