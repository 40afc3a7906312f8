#!/usr/bin/env bash
# However a job is ended from outside, it ends within 2 seconds and nothing of it stays.

# shellcheck source=tests/runner/check.sh
. "$(dirname "$0")/check.sh"
cd "$work" || exit 1
set -m # so that background jobs heed SIGINT

# begin ARGUMENTS: starts mpx-run; when its two ranks are up, $pid is its id, $ranks are theirs.
begin() {
  : >out
  "$mpx_run" "$@" >out 2>err </dev/null &
  pid=$!
  wait_for_lines out 2
  ranks=$(sed -n 's/^ready //p' out)
  mpirun=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")
  segments=$(for process in $ranks; do cat "/proc/$process/maps"; done |
    grep -oE '/dev/shm/(vader|sm)_segment[^ ]*' | sort -u)
}

# expect_end STATUS SINCE WITHIN_MS WHAT
expect_end() {
  wait "$pid"
  status=$?
  local took=$(($(now_ms) - $2))
  expect_status "$1" "$4"
  [ "$took" -le "$3" ] || fail "$4: took $took ms"
  for process in $mpirun $ranks; do expect_gone "$process" 50 "$4"; done
  for file in $segments; do [ ! -e "$file" ] || fail "$4: $file stays"; done
  for folder in "$TMPDIR"/ompi.*/pid.* "$TMPDIR"/prterun.*; do [ ! -e "$folder" ] || fail "$4: $folder stays"; done
  echo "$4: status $status after $took ms"
}

for kind in "" stubborn; do
  for signal in INT:130 TERM:143 HUP:129; do
    begin -n 2 "$programs/runner_sleeper" $kind
    since=$(now_ms)
    kill -"${signal%:*}" "$pid"
    expect_end "${signal#*:}" "$since" 2000 "$signal $kind"
  done
done

# Twice, as an impatient user does.
begin -n 2 "$programs/runner_sleeper" stubborn
since=$(now_ms)
kill -INT "$pid"
kill -INT "$pid"
expect_end 130 "$since" 2000 "two interrupts"

# mpirun itself is stopped and cannot help.
begin -n 2 "$programs/runner_sleeper"
kill -STOP "$mpirun"
since=$(now_ms)
kill -TERM "$pid"
expect_end 143 "$since" 2000 "mpirun stopped"

begin --timeout 5s -n 2 "$programs/runner_sleeper" stubborn
expect_end 124 "$(now_ms)" 7000 "time limit"
expect_text err "time limit of 5 s" "time limit"

# mpirun is killed: mpx-run says so and ends what it left, and removes its files.
begin -n 2 "$programs/runner_sleeper" stubborn
[ -n "$segments" ] || fail "the ranks have no segments in /dev/shm: nothing to look for"
since=$(now_ms)
kill -KILL "$mpirun"
expect_end 137 "$since" 2000 "mpirun killed"
expect_text err "mpirun was killed by signal 9" "mpirun killed"

# mpx-run is killed: mpirun is told, and ends the job. The folder that stays is removed by the next one.
begin -n 2 "$programs/runner_sleeper"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
for process in $mpirun $ranks; do expect_gone "$process" 10000 "mpx-run killed"; done
[ -n "$(find "$TMPDIR" -name 'mpx-run.*')" ] || fail "mpx-run killed: nothing to look for"
run -n 1 true
expect_status 0 "after a killed one"

# As under nohup: whoever is told of a hang-up goes on. INT, QUIT and TERM, ignored, are so by mpx-run.
(
  trap '' HUP INT QUIT TERM
  exec "$mpx_run" -n 2 "$programs/runner_sleeper" >out 2>err </dev/null
) &
pid=$!
wait_for_lines out 2
ranks=$(sed -n 's/^ready //p' out)
mpirun=$(cut -d' ' -f1 "/proc/$pid/task/$pid/children")
segments=
for signal in HUP INT QUIT TERM; do kill -$signal "$pid"; done
# shellcheck disable=SC2086
kill -HUP $mpirun $ranks
# What all of them still do: mpx-run and mpirun pass USR2 on, whose default action ends the ranks.
since=$(now_ms)
kill -USR2 "$pid"
expect_end 140 "$since" 10000 "a hang-up that is ignored"
expect_no_text err "signal 1 " "a hang-up that is ignored"

# A process that left its rank does not outlive the job.
# shellcheck disable=SC2016
run -n 1 sh -c 'setsid sleep 300 >/dev/null 2>&1 & echo $!'
expect_status 0 "stray process"
expect_gone "$(cat out)" 100 "stray process"
finish
