# Shared by the tests of the real mpx-run: source it with the test's arguments.
# shellcheck shell=bash

set -u
mpx_run=$1
# shellcheck disable=SC2034
programs=$2
work=$(mktemp -d)
export TMPDIR=$work/tmp  # where mpx-run and mpirun keep their files: must be empty at the end
mkdir "$TMPDIR"
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

# run ARGUMENTS: runs mpx-run; its status is in $status, its output in $work/out and $work/err.
run() {
  timeout 60 "$mpx_run" "$@" >"$work/out" 2>"$work/err" </dev/null
  status=$?
}

expect_status() {
  [ "$status" = "$1" ] || fail "$2: status $status instead of $1; it said: $(cat "$work/err")"
}

expect_text() { # FILE TEXT WHAT
  grep -qF -- "$2" "$work/$1" || fail "$3: no \"$2\" in: $(cat "$work/$1")"
}

expect_no_text() { # FILE TEXT WHAT
  ! grep -qF -- "$2" "$work/$1" || fail "$3: \"$2\" in: $(cat "$work/$1")"
}

# wait_for_lines FILE N: until the file has N lines; the test fails after 30 s.
wait_for_lines() {
  for ((i = 0; i < 1500; i++)); do
    [ "$(wc -l <"$1")" -ge "$2" ] && return
    sleep 0.02
  done
  fail "no $2 lines in $1: $(cat "$1")"
}

# expect_gone PID WITHIN_MS WHAT
expect_gone() {
  for ((i = 0; i < $2; i += 10)); do
    case $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) in '' | Z) return ;; esac
    sleep 0.01
  done
  fail "$3: process $1 is still there"
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

finish() {
  local left
  left=$(find "$TMPDIR" -mindepth 1 -name 'mpx-run.*')
  [ -z "$left" ] || fail "left behind: $left"
  rm -rf "$work"
  [ "$failures" = 0 ] && echo "all as expected"
  exit $((failures > 0))
}
