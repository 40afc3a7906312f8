/* The solver as C and Fortran see it. */
#ifndef HEAT_H
#define HEAT_H

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Before MPI_Init, by every rank. Returns 0, or 1 after a message on stderr. */
int heat_prepare(void);

/* Solves the heat equation on `points` x `points` inner points of the unit square, in `steps`
 * steps; appends to `log_file`, and prints on rank 0. Collective over `communicator`, which is as
 * from MPI_Comm_c2f, or a Fortran handle. Returns 0, or 1 after a message on stderr. */
int heat_solve(MPI_Fint communicator, int points, int steps, const char* log_file);

#ifdef __cplusplus
}
#endif

#endif
