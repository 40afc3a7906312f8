#!/usr/bin/env bash
# survive_test.sh PROGRAM OTHER_BUILD MPX_RUN: jobs that go wrong end soon, say why, and leave nothing.

program=$1
other=$2
mpx_run=$3
# shellcheck source=tests/ranks/check.sh
. "$(dirname "$0")/check.sh"
limit=30
export MPX_SURVIVE_MARK="mark-$$-$RANDOM"

# Processes of this test that still run, a few seconds after the job.
nothing_left() {
  local tries
  for tries in $(seq 50); do
    left=$(grep -lsz "MPX_SURVIVE_MARK=$MPX_SURVIVE_MARK" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 |
      while read -r pid; do
        case $(cat "/proc/$pid/comm" 2>/dev/null) in bash | grep | cut | sed | cat | "") ;; *) echo "$pid" ;; esac
      done)
    [ -z "$left" ] && return 0
    sleep 0.1
  done
  echo "left: $left" >>"$out"
  return 1
}

for np in 1 2 4; do
  run mpirun -n $np "$program" throw
  check "np $np: an exception that leaves the body is printed" says "std::logic_error: the body gives up"
  check "np $np: … and the status is 1" test "$status" = 1
  check "np $np: … and nothing is left" nothing_left

  run mpirun -n $np "$program" exit-with-pool
  check "np $np: mpx::exit with a live pool ends the job with its status" test "$status" = 5

  run mpirun -n $np "$program" group-signals
  check "np $np: a launcher's signals end no task" says "storm 0, results 100"
  check "np $np: … nor the job" test "$status" = 0

  limit=60 run mpirun -n $np "$program" rough-tasks
  check "np $np: a task may print" says "printed by a task"
  check "np $np: … and start an MPI job" says "from the inner job"
  check "np $np: … that succeeds" says "inner job 0"
  check "np $np: mpirun does not wait for a task's grandchild" test "$status" = 0
  check "np $np: … and it is gone" nothing_left
done

for np in 2 4; do
  run mpirun -n $np "$program" kill-rank
  check "np $np: a rank that is killed ends the job" test "$status" != 0
  check "np $np: … within seconds" test "$seconds" -le 10
  check "np $np: … naming the rank" says "rank 1"
  check "np $np: … and nothing is left" nothing_left
done

timeout -k 2 60 mpirun -n 2 "$program" stop-rank >"$out" 2>&1 &
pid=$!
for _ in $(seq 300); do says "have not answered: rank 1" && break; sleep 0.1; done
check "rank 0 says for which rank it waits at the end" says "have not answered: rank 1 on host"
kill -CONT "$(sed -n 's/^stopped \([0-9]*\)$/\1/p' "$out")"
wait $pid
status=$?
check "… and goes on when it answers" test "$status" = 0
check "… having said it once" test "$(grep -c "have not answered" "$out")" = 1

# Not `mpirun … : …`: Debian 13's mpirun (5.0.7) crashes at any colon.
# shellcheck disable=SC2016
run mpirun -n 2 sh -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] || exec "$1" inner; exec "$0" inner' \
  "$program" "$other"
check "another build is refused" test "$status" != 0
check "… naming rank and host" says "rank 1 on host"
check "… and nothing is left" nothing_left

set -m # else what runs in the background ignores INT, and mpx-run leaves that so
for signal in INT TERM; do
  "$mpx_run" --grace 0 -w 2 "$program" wait >"$out" 2>&1 &
  pid=$!
  for _ in $(seq 100); do says ready && break; sleep 0.1; done
  start=$(date +%s%N)
  kill -$signal $pid
  wait $pid
  status=$?
  took=$((($(date +%s%N) - start) / 1000000))
  check "SIG$signal to mpx-run ends the job with 128+n" test "$status" = "$([ $signal = INT ] && echo 130 || echo 143)"
  check "… within 2 s (took $took ms)" test "$took" -le 2500
  check "… and nothing is left" nothing_left
done
set +m

run "$mpx_run" -w 3 "$program" environment
check "mpx-run sets the slots of its job" says "slots 3"
check "… and the body does not pass on its completion file" says "body.* MPX_COMPLETION=none"
check "… nor a task that file or the slots" says "task MPX_SLOTS=none MPX_COMPLETION=none"
check "… and mpx-run sees how the job ended" test "$status" = 0

run "$mpx_run" -w 2 --timeout 2s --grace 0 "$program" wait
check "--timeout ends the job with 124" test "$status" = 124
check "… and nothing is left" nothing_left

exit $failed
