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
# run_all FOLDER AT_ONCE COMMAND-PREFIX SITUATION…: so many at a time, which mostly sleep; output to
# $work/FOLDER/SITUATION, status to ….status.
run_all() {
  local folder=$work/$1 at_once=$2 prefix=$3 situation started=0
  shift 3
  mkdir "$folder"
  for situation in "$@"; do
    if ((started++ % at_once == 0)); then wait; fi
    {
      # shellcheck disable=SC2086  # it is several words
      timeout -k 2 90 $prefix "$program" "$situation" >"$folder/$situation" 2>&1 </dev/null
      echo $? >"$folder/$situation.status"
    } &
  done
  wait
}
status_of() { cat "$work/$1.status"; }

stuck="locks own_lock queue semaphores pipe barrier condition task two_threads"
well="computing timed another_thread early_thread"
# shellcheck disable=SC2086
MPX_DEADLOCK=abort run_all stuck 3 "$mpx_run -w 2" $stuck &
# shellcheck disable=SC2086
run_all well 2 "$mpx_run -w 2" $well &
{
  run_all report 1 "$mpx_run -w 2 --timeout 25s --grace 1s" locks
  MPX_DEADLOCK=off run_all off 1 "$mpx_run -w 2 --timeout 12s --grace 0" locks
} &
wait

# Nobody can go on: with MPX_DEADLOCK=abort the report ends the job.
for situation in $stuck; do
  expect "$situation ends" "$work/stuck/$situation" test "$(status_of "stuck/$situation")" = 1
  check "$situation is found" "$work/stuck/$situation" \
    "^mpx: deadlock: every process has waited for 5 s"
done
table=" +[0-9]+ +[^ ]+ +[0-9]+ +[0-9.]+ s +"
check "locks: main" "$work/stuck/locks" "MainProcess${table}the end of first$"
check "locks: holder" "$work/stuck/locks" "first${table}Lock \"b\", held by second$"
check "locks: cycle" "$work/stuck/locks" \
  "cycle: first -> Lock \"b\" -> second -> Lock \"a\" -> first$"
check "own lock: cycle" "$work/stuck/own_lock" "cycle: twice -> Lock #1 of MainProcess -> twice$"
check "queue" "$work/stuck/queue" "an item of Queue #[0-9]+ of MainProcess \(empty\)$"
check "semaphores: cycle" "$work/stuck/semaphores" "cycle: .*-> Semaphore #1 of MainProcess ->"
check "pipe" "$work/stuck/pipe" "listener${table}a message on Connection #[0-9]+ of MainProcess$"
check "barrier" "$work/stuck/barrier" "early${table}Barrier .*\(2 of 3 are there\)"
check "condition" "$work/stuck/condition" "waiter${table}a Condition over Lock #"
check "task" "$work/stuck/task" "PoolWorker-[0-9]${table}an item of Queue"
check "task: its pool" "$work/stuck/task" "results of Pool .*0 of 1 elements finished"
expect "two threads: a line each" "$work/stuck/two_threads" \
  test "$(grep -c "double .*an item of Queue" "$work/stuck/two_threads")" = 2

# Somebody can.
for situation in $well; do
  expect "$situation ends well" "$work/well/$situation" test "$(status_of "well/$situation")" = 0
  expect "$situation is no deadlock" "$work/well/$situation" \
    test "$(cat "$work/well/$situation")" = "done"
done

# By default the job goes on, until its time limit; off says nothing but then.
expect "report: the time limit ends it" "$work/report/locks" test "$(status_of report/locks)" = 124
check "report: the deadlock is told" "$work/report/locks" "^mpx: deadlock: "
check "report: again at the time limit" "$work/report/locks" "^mpx: who waits for what:"
expect "off: no deadlock is told" "$work/off/locks" \
  test "$(grep -c "mpx: deadlock" "$work/off/locks")" = 0
check "off, without a grace: told at the time limit" "$work/off/locks" "^mpx: who waits for what:"
expect "off: status" "$work/off/locks" test "$(status_of off/locks)" = 124

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
