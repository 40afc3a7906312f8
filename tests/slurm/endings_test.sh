#!/usr/bin/env bash
# Jobs that Slurm ends: nothing is left on any node, and what is unfinished is said.

# shellcheck source=tests/slurm/check.sh
. "$(dirname "$0")/check.sh"
waiting=("$MPX_RUN" "$program" wait) # prints "ready", then waits in a map of 1000 elements

# begin NAME OPTIONS… -- COMMAND…: a job, until it says "ready".
begin() {
  submit_command "$@" || return
  check "$1: the program gets ready" await 120 says '^ready'
}
# shellcheck disable=SC2317  # by way of check and await
is_said() { says 'this is unfinished:' && says 'elements finished'; }
# shellcheck disable=SC2317
count_ready() { [ "$(grep -c '^ready' "$out")" = "$1" ]; }

begin scancel -- "${waiting[@]}"
"$slurm" exec scancel "$id"
check "scancel: the job is cancelled" ends_as CANCELLED
check "… what is unfinished is said" await 10 is_said
check "… and no process is left" nothing_left

begin time-limit -- "${waiting[@]}"
"$slurm" as-root scontrol update "JobId=$id" EndTime=now+2
check "time limit: the job is ended" ends_as TIMEOUT
check "… what is unfinished is said" await 10 is_said
check "… and no process is left" nothing_left

begin node-loss -- "${waiting[@]}"
"$vcluster" processes node3 | awk '/cluster_program/ {print $1}' | while read -r pid; do
  "$vcluster" exec node3 kill -KILL "$pid" 2>/dev/null # those of a rank end with it
done
check "ranks of a node killed: the job fails" ends_as FAILED
check "… naming the node" says node3
check "… and no process is left" nothing_left

begin requeue --requeue --open-mode=append -- "${waiting[@]}"
"$slurm" exec scontrol requeue "$id"
check "requeue: the job waits again" await 60 is PENDING
check "… what was unfinished is said" await 10 is_said
check "… and no process is left" nothing_left
"$slurm" as-root scontrol update "JobId=$id" StartTime=now
check "… it runs again" await 120 count_ready 2
"$slurm" exec scancel "$id"
check "… and can be cancelled" ends_as CANCELLED
check "… and no process is left" nothing_left

# The script that drains, asked to by Slurm's own signal as the time limit nears.
rm -f drain.txt
submit "$scripts/drain.sbatch"
check "drain.sbatch: results come" await 120 test -s drain.txt
"$slurm" as-root scontrol update "JobId=$id" EndTime=now+55 # within the minute of --signal
check "… asked to stop, it is queued again" await 120 is PENDING
check "… names what is unfinished" says '^asked to stop; unfinished: .*-999$'
check "… and no process is left" nothing_left
done_by_first=$(wc -l <drain.txt)
check "… some are done, not all" test "$done_by_first" -lt 1000
# The second run gets only a few tasks to do: it is to see that it does these.
awk -v n=997 '{has[$1] = 1} END {for (i = 0; i < n; ++i) if (!(i in has)) print i, i * i}' \
  drain.txt >missing
cat missing >>drain.txt
left=$((1000 - $(wc -l <drain.txt)))
sleep 2 # a job that starts in the second in which it ended is taken for the ended one
"$slurm" as-root scontrol update "JobId=$id" StartTime=now
check "… the second run ends in good order" ends_as COMPLETED
check "… it did only what was missing" says \
  "^$((1000 - left)) results were there, $left tasks to do"
check "… and all is done" says '^all 1000 results are there$'
check "… each once, and right" test "$(sort -n drain.txt)" = \
  "$(awk 'BEGIN {for (i = 0; i < 1000; ++i) print i, i * i}')"
exit $failed
