#!/usr/bin/env bash
# session_survive_test.sh PROGRAM: Sessions that go wrong, and programs that go wrong around them, end
# or go on, and say why. Nothing hangs.

program=$1
# shellcheck source=tests/ranks/check.sh
. "$(dirname "$0")/check.sh"
export OMPI_MCA_mpi_yield_when_idle=1

# run_until TEXT COMMAND…: creates $folder/go, for which a rank waits, when TEXT has been printed.
run_until() {
  local text=$1
  shift
  rm -f "$folder/go"
  timeout -k 2 90 "$@" >"$out" 2>&1 &
  local running=$!
  until grep -q -- "$text" "$out" || ! kill -0 $running 2>/dev/null; do sleep 0.1; done
  touch "$folder/go"
  wait $running
  status=$?
}

for np in 2 4; do
  run mpirun -n $np "$program" throw
  check "np $np: an exception that leaves a Session ends the job" test "$status" = 1
  check "np $np: … naming the rank" says "^mpx: rank 1 "
  check "np $np: … and the exception" says "std::runtime_error: no input file"
  check "np $np: … and where it was thrown" says "thrown at"
done

for level in single multiple; do
  run mpirun -n 2 "$program" outlive $level
  check "$level: MPI_Finalize ends a Session that is alive" test "$status" = 0
  check "$level: … says so on each rank" lines 2 "MPI_Finalize is called while a Session is alive"
  check "$level: … and then the Session is refused" lines 2 "a Session is used that has ended"
  check "$level: … and so are handles" lines 2 "an object of libmpx is used after"
  run mpirun -n 4 "$program" outlive-one $level
  check "$level: … also if only one rank has it still" test "$status" = 0
  check "$level: … which says so" lines 1 "MPI_Finalize is called while a Session is alive"
done
run mpirun -n 2 "$program" globals
check "handles and a Session may be globals" test "$status" = 0
check "… it ends in MPI_Finalize" lines 2 "MPI_Finalize is called while a Session is alive"

run_until "make a Session on it too" mpirun -n 3 "$program" late single "$folder/go"
check "a rank that waits for others to make a Session says so" \
  says "rank 0 of the 3 ranks of a communicator.*make a Session on it too"
check "… and the Session comes when they do" lines 3 "nothing was thrown"
check "… with status 0" test "$status" = 0
run_until "has waited 10 s for rank 1" mpirun -n 3 "$program" end-late single "$folder/go"
check "a rank that waits for others to end a Session names them" \
  says "at the end of the Session rank 0 has waited 10 s for rank 1"
check "… and ends when they do" lines 3 "^ended"
check "… with status 0" test "$status" = 0
run_until "looking up a named object takes" mpirun -n 2 "$program" compute single "$folder/go"
check "a rank that waits for one that computes says so" \
  says "looking up a named object takes more than 10 s: rank 0 has not answered"
check "… and goes on with it" lines 2 "^ended"
check "… with status 0" test "$status" = 0

for level in single multiple; do
  run env MPX_DEADLOCK=abort mpirun -n 3 "$program" stuck $level
  check "$level: ranks of which none can go on are told, and the job ends" test "$status" = 1
  check "$level: … with each that waits" lines 2 'an item of Queue "tiles" (empty)'
  check "$level: … as a deadlock" says "^mpx: deadlock: every process has waited"
done
# On request, of rank 0, while the last rank computes.
rm -f "$folder/go"
timeout -k 2 90 mpirun -n 3 "$program" asked single "$folder/go" >"$out" 2>&1 &
running=$!
until grep -q "^pid" "$out" || ! kill -0 $running 2>/dev/null; do sleep 0.1; done
until [ "$(grep -c 'an item of Queue "tiles"' "$out")" -ge 2 ] || ! kill -0 $running 2>/dev/null; do
  kill -USR2 "$(sed -n 's/^pid //p' "$out")" # again, if they had not begun to wait
  sleep 2
done
touch "$folder/go"
wait $running
status=$?
check "SIGUSR2: who waits for what is told" says "^mpx: who waits for what:"
check "… and who does not answer" says "it computes, or waits outside libmpx"
check "… and no deadlock" lines 0 "mpx: deadlock"
check "… and the job goes on" lines 3 "^ended"

for variable in MPX_SLOTS MPX_WORDS MPX_WORDS_PER_RANK; do
  run mpirun -n 3 "$program" bad-variable single $variable
  check "a wrong $variable on one rank is told to all" lines 3 "no Session: on rank 1 $variable"
  check "… and the program goes on" lines 3 "nothing was thrown"
  check "… with status 0" test "$status" = 0
done

run mpirun -n 2 "$program" thread single
check "another thread below MPI_THREAD_SERIALIZED is refused" lines 2 "made by another thread"
check "… and the program goes on" lines 2 "nothing was thrown"
check "… with status 0" test "$status" = 0

run "$program" no-mpi
check "a Session before MPI_Init is refused" says "make it after MPI_Init"
check "… by an exception" test "$status" = 0
run mpirun -n 2 "$program" no-communicator
check "MPI_COMM_NULL is refused" lines 2 "made on MPI_COMM_NULL"
check "an intercommunicator is refused" lines 2 "made on an intercommunicator"
check "a Session after MPI_Finalize is refused" lines 2 "end it before MPI_Finalize"
check "… all by exceptions" test "$status" = 0
run mpirun -n 2 "$program" run
check "a Session inside mpx::run, and in a process, is refused" \
  lines 2 "a Session is made inside mpx::run"
check "… by an exception" test "$status" = 0

exit $failed
