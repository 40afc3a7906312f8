#!/usr/bin/env bash
# session_survive_test.sh PROGRAM: Sessions that go wrong end the job soon and say why.

set -uo pipefail
program=$1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_mpi_yield_when_idle=1
out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0

check() { # NAME CONDITION…
  local name=$1
  shift
  if "$@"; then echo "ok: $name"; else
    echo "FAILED: $name"
    sed 's/^/    /' "$out"
    failed=1
  fi
}
run() { # COMMAND…: status in $status
  timeout -k 2 20 "$@" >"$out" 2>&1
  status=$?
}
says() { grep -q "$1" "$out"; }

for np in 2 4; do
  run mpirun -n $np "$program" throw
  check "np $np: an exception that leaves a Session ends the job" test "$status" = 1
  check "np $np: … naming the rank" says "^mpx: rank 1 "
  check "np $np: … and the exception" says "std::runtime_error: no input file"
  check "np $np: … and where it was thrown" says "thrown at"
done

run mpirun -n 2 "$program" outlive
check "a Session that outlives MPI_Finalize is told so" says "a Session outlives MPI_Finalize"
check "… and nothing hangs" test "$status" = 0

run "$program" no-mpi
check "a Session before MPI_Init is refused" says "make it after MPI_Init"
check "… by an exception" test "$status" = 0

exit $failed
