#!/usr/bin/env bash
# Bash completion of mpx-run, asked as bash itself asks it. usage: completion_test.sh COMPLETION

set -u
# shellcheck source=runner/mpx-run.bash
. "$1"
failures=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir folder programs
touch hosts 'a file' programs/simulate
chmod +x programs/simulate
export MPX_A_VARIABLE=1

[ "$(complete -p mpx-run)" = "complete -F _mpx_run mpx-run" ] || { echo "FAILED: not registered" && failures=1; }

# expect "WORD …" WORDS: what completes the last of WORDS, when they are typed after mpx-run; among
# others, if the last expected is "…".
expect() {
  local wanted=$1 found word
  shift
  COMP_WORDS=(mpx-run "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _mpx_run
  found=" ${COMPREPLY[*]-} "
  for word in $wanted; do
    [ "$word" = … ] || [[ $found = *" $word "* ]] || break
    word=
  done
  if [ -n "${word-}" ] || { [[ $wanted != *… ]] && [ "${#COMPREPLY[@]}" != "$(wc -w <<<"$wanted")" ]; }; then
    echo "FAILED: mpx-run $*: \"$wanted\" wanted, found \"${found}\"" >&2
    failures=1
  fi
}

expect "--doctor" --doc
expect "--hostfile --host" --host
expect "--ranks --workers --nodes --ranks-per-node --slots-per-rank -n -x --timeout …" -
expect "auto mpirun srun" --launcher ""
expect "srun" --launcher s
expect "auto mpirun srun" --launcher =
expect "mpirun" --launcher = m
expect "hosts" --hostfile ho
expect "folder" --output f
expect "MPX_A_VARIABLE" -x MPX_A_
expect "" -n ""
expect "" --timeout ""
expect "programs/simulate" programs/si
expect "programs/simulate" -w 4 --launcher srun programs/si
expect "programs/simulate" -- programs/si
expect "bash …" bas
# What follows the program is the program's.
expect "hosts" programs/simulate ho
expect "" programs/simulate --doc
expect "hosts" -n 4 --launcher = srun -v programs/simulate ho
expect "hosts" -- programs/simulate ho
expect "hosts" --host a : 4,b : 2 programs/simulate ho
expect "hosts" -x A = 1 -n 2 programs/simulate ho
expect "programs/simulate" --host a : 4 programs/si
expect "" --host a :
exit $failures
