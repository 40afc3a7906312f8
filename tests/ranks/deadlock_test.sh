#!/usr/bin/env bash
# deadlock_test.sh PROGRAM MPX_RUN: who waits for what is told when nobody can go on, when the time
# limit strikes, and on request; and nobody is said to be stuck who is not.

set -uo pipefail
program=$1 mpx_run=$2
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
unset MPX_DEADLOCK
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

check() { # NAME FILE PATTERN
  if grep -qE -- "$3" "$2"; then echo "ok: $1"; else
    echo "FAILED: $1: nothing matches: $3"
    sed 's/^/    /' "$2"
    failed=1
  fi
}
expect() { # NAME FILE CONDITION…
  local name=$1 file=$2
  shift 2
  if "$@"; then echo "ok: $name"; else
    echo "FAILED: $name: $*"
    sed 's/^/    /' "$file"
    failed=1
  fi
}
# run_all COMMAND-PREFIX SITUATION…: three at a time; output to $work/SITUATION, status to ….status.
run_all() {
  local prefix=$1 situation started=0
  shift
  for situation in "$@"; do
    if ((started++ % 3 == 0)); then wait; fi
    {
      # shellcheck disable=SC2086  # it is several words
      timeout -k 2 90 $prefix "$program" "$situation" >"$work/$situation" 2>&1 </dev/null
      echo $? >"$work/$situation.status"
    } &
  done
  wait
}
status_of() { cat "$work/$1.status"; }

# Nobody can go on: with MPX_DEADLOCK=abort the report ends the job.
stuck="locks own_lock queue semaphores pipe barrier condition task two_threads"
export MPX_DEADLOCK=abort
# shellcheck disable=SC2086
run_all "$mpx_run -w 2" $stuck
for situation in $stuck; do
  expect "$situation ends" "$work/$situation" test "$(status_of "$situation")" = 1
  check "$situation is found" "$work/$situation" "^mpx: deadlock: every process has waited for 5 s"
done
table=" +[0-9]+ +[^ ]+ +[0-9]+ +[0-9.]+ s +"
check "locks: main" "$work/locks" "MainProcess${table}the end of first$"
check "locks: holder" "$work/locks" "first${table}Lock \"b\", held by second$"
check "locks: cycle" "$work/locks" \
  "cycle: first -> Lock \"b\" -> second -> Lock \"a\" -> first$"
check "own lock: cycle" "$work/own_lock" "cycle: twice -> Lock #1 of MainProcess -> twice$"
check "queue" "$work/queue" "an item of Queue #[0-9]+ of MainProcess \(empty\)$"
check "semaphores: cycle" "$work/semaphores" "cycle: .*-> Semaphore #1 of MainProcess ->"
check "pipe" "$work/pipe" "listener${table}a message on Connection #[0-9]+ of MainProcess$"
check "barrier" "$work/barrier" "early${table}Barrier .*\(2 of 3 are there\)"
check "condition" "$work/condition" "waiter${table}a Condition over Lock #"
check "task" "$work/task" "PoolWorker-[0-9]${table}an item of Queue"
check "task: its pool" "$work/task" "results of Pool .*0 of 1 elements finished"
expect "two threads: a line each" "$work/two_threads" \
  test "$(grep -c "double .*an item of Queue" "$work/two_threads")" = 2

# Somebody can.
unset MPX_DEADLOCK
well="computing timed another_thread early_thread"
# shellcheck disable=SC2086
run_all "$mpx_run -w 2" $well
for situation in $well; do
  expect "$situation ends well" "$work/$situation" test "$(status_of "$situation")" = 0
  expect "$situation is no deadlock" "$work/$situation" \
    test "$(cat "$work/$situation")" = done
done

# By default the job goes on, until its time limit; off says nothing but then.
run_all "$mpx_run -w 2 --timeout 25s --grace 1s" locks
expect "report: the time limit ends it" "$work/locks" test "$(status_of locks)" = 124
check "report: the deadlock is told" "$work/locks" "^mpx: deadlock: "
check "report: again at the time limit" "$work/locks" "^mpx: who waits for what:"
MPX_DEADLOCK=off run_all "$mpx_run -w 2 --timeout 12s --grace 0" locks
expect "off: no deadlock is told" "$work/locks" test "$(grep -c "mpx: deadlock" "$work/locks")" = 0
check "off, without a grace: told at the time limit" "$work/locks" "^mpx: who waits for what:"
expect "off: status" "$work/locks" test "$(status_of locks)" = 124

# On request, of a job that runs well.
"$mpx_run" -w 2 "$program" looked_into >"$work/out" 2>&1 </dev/null &
pid=$!
until grep -q runs "$work/out" || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
until grep -q "reader .*an item of Queue" "$work/out" || ! kill -0 $pid 2>/dev/null; do
  kill -USR2 $pid # again, if the reader had not begun to wait
  sleep 0.5
done
wait $pid
status=$?
expect "on request: the job goes on" "$work/out" test $status = 0
check "on request: who waits" "$work/out" "reader${table}an item of Queue \"numbers\" \(empty\)$"
check "on request: who computes" "$work/out" "MainProcess .*it computes, or waits outside libmpx"
expect "on request: no deadlock" "$work/out" test "$(grep -c "mpx: deadlock" "$work/out")" = 0

MPX_DEADLOCK=perhaps "$mpx_run" -w 2 "$program" queue >"$work/out" 2>&1
expect "a wrong setting is refused" "$work/out" test $? != 0
check "… with the right ones" "$work/out" "MPX_DEADLOCK is 'perhaps': not report, abort or off"

exit $failed
