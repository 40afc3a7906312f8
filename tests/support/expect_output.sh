#!/usr/bin/env bash
# Runs a command and compares its standard output with a file of expectations: as many lines, each
# an extended regular expression for the whole line. Passes the command's exit status on.

set -u

if [ $# -lt 2 ]; then
  echo "usage: expect_output.sh EXPECTED COMMAND [ARGUMENT...]" >&2
  exit 2
fi
mapfile -t expected <"$1"
shift

exec 3< <("$@")
runs=$!
mapfile -t printed <&3
wait "$runs"
status=$?

wrong=0
if [ ${#printed[@]} != ${#expected[@]} ]; then
  echo "${#printed[@]} lines instead of ${#expected[@]}"
  wrong=1
fi
for i in "${!expected[@]}"; do
  if ! [[ ${printed[i]-} =~ ^(${expected[i]})$ ]]; then
    echo "line $((i + 1)) is not /${expected[i]}/"
    wrong=1
  fi
done
if [ $wrong != 0 ] || [ $status != 0 ]; then
  echo "exit status $status; printed:"
  printf '%s\n' "${printed[@]}"
fi
[ $status = 0 ] && exit $wrong
exit $status
