#!/usr/bin/env bash
# inherit_test.sh PROGRAM MPX_RUN: what a program inherits from its starter, and what it does beside
# libmpx (threads, fork, signals, its standard input), has the outcome that programs expect.

program=$1
mpx_run=$2
# shellcheck source=tests/ranks/check.sh
. "$(dirname "$0")/check.sh"
limit=40

for launcher in "" "mpirun -n 2" "$mpx_run -w 2"; do
  name=${launcher##*/}
  name=${name:-alone}
  # shellcheck disable=SC2086
  for count in 1 4; do
    run $launcher "$program" threads $count
    check "$name: the waits of $count threads end with the body" test "$status" = 0
    check "$name: … and each is told" lines "$count" "told: .*mpx::run (or the Session) has ended"
  done
  # shellcheck disable=SC2086
  run $launcher "$program" exit-in-thread
  check "$name: exit() in a thread ends the job with its status" test "$status" = 7
  [ "${launcher% -w 2}" = "$mpx_run" ] && continue
  for way in exit:3 return:9 use:3; do
    # shellcheck disable=SC2086
    run $launcher "$program" fork ${way%:*}
    check "$name: a copy of the body by fork may ${way%:*}" says "^copy ${way#*:}, queue 11$"
    check "$name: … and the job goes on" test "$status" = 0
  done
  check "$name: what such a copy does with libmpx is an error" lines 4 "a copy that fork() made"
  # shellcheck disable=SC2086
  run $launcher "$program" fork-in-task
  check "$name: a copy of a task may exit" says "^exits 3$"
  check "$name: … and does not pass for its process when it comes back" says "^comes back 1$"
  check "$name: … and can be terminated" says "^is terminated -15 -15$"
done

for launcher in "" "mpirun -n 2"; do
  # shellcheck disable=SC2086
  timeout -k 2 60 setsid $launcher "$program" sleep >"$out" 2>&1 &
  job=$!
  until says "^ready" || ! kill -0 $job 2>/dev/null; do sleep 0.05; done
  target=$(pgrep -P $job)  # of mpirun, which passes signals on, or of a group of the program's own
  [ -n "$launcher" ] || target=-$target
  for _ in $(seq 5); do
    kill -USR2 -- "$target"
    sleep 0.1
  done
  for _ in $(seq 5); do
    kill -USR1 -- "$target"
    sleep 0.1
  done
  wait $job
  status=$?
  check "${launcher:-alone}: requests cut no sleep short" says "^undisturbed$"
  check "${launcher:-alone}: … and end nobody" test "$status" = 0
done

for launcher in "" "mpirun -n 2"; do
  # shellcheck disable=SC2086
  seq 10000 | timeout -k 2 40 $launcher "$program" input >"$out" 2>&1
  check "${launcher:-alone}: the standard input is the body's alone" says "^lines 0 10000 0$"
done
run "$program" input <&-
check "a closed standard input is an empty one" says "^lines 0 0 0$"
timeout -k 2 40 "$program" input </dev/null >&- 2>&-
check "a closed standard output is none" test $? = 0

run env --ignore-signal=CHLD --block-signal=TERM --block-signal=USR1 "$program" limits
check "SIGCHLD inherited as ignored is not so in the program" says "system() 5$"
run bash -c "ulimit -S -n 64 && exec '$program' limits"
check "the limit of open files is raised, but not for tasks" says "in a task 64,"
check "… for the body" grep -qv "open files 64," "$out"
run bash -c "ulimit -n 64 && exec '$program' many"
check "too many processes for the open files: a pool says so" says "^pool: .*cannot be started: .*Too many open files"
check "… and a Process" says "^process: .*cannot be started on rank 0, .*Too many open files"
check "… and the log says it once for each" test "$(grep -c " error .*cannot be started: " "$out")" -le 2
check "… with a count" says "more processes could not be started, for the same reason"

exit $failed
