#!/usr/bin/env bash
# The scripts of slurm/, as they are, submitted to a real Slurm.

# shellcheck source=tests/slurm/check.sh
. "$(dirname "$0")/check.sh"

succeeds() { # SCRIPT ARGUMENTS…
  submit "$scripts/$1" "${@:2}" || return
  check "$1: the job succeeds" ends_as COMPLETED
}
# shellcheck disable=SC2317  # by way of await
no_job_is_left() { [ -z "$("$slurm" as-root squeue -h)" ]; }
lines() { # EXPRESSION
  grep -cE -- "$1" "$out"
}

succeeds single_node.sbatch
check "… on two slots" says 'portions on 2 processes'
check "… and counts right" says '^checked against a sequential count: equal$'

succeeds rank_per_node.sbatch
check "… on three worker ranks of two slots" says 'MPX_SLOTS=2,2,2 '
check "… that share the work" says '^each of [1-6] processes \(ranks: [1-3]\) drew'
check "… and the picture is there" test -s mandelbrot.png

succeeds rank_per_core.sbatch
check "… on six worker ranks of one slot" says 'MPX_SLOTS=1,1,1,1,1,1 '
check "… which the program sees" says 'portions on 6 processes'
check "… and counts right" says '^checked against a sequential count: equal$'

succeeds heterogeneous.sbatch
check "… says what each node gives" says 'MPX_SLOTS=(2,2,1|2,1,2|1,2,2) '
check "… and uses all of it" says 'portions on 5 processes'
check "… and counts right" says '^checked against a sequential count: equal$'

succeeds srun.sbatch
check "… on five worker ranks of two slots" says 'portions on 10 processes'
check "… and counts right" says '^checked against a sequential count: equal$'

succeeds hpc_code.sbatch
check "… computes right" test "$(lines 'hottest 0\.[0-9]+, equals the exact solution')" = 6
check "… on three ranks" says '^log: 18 lines, of 3 ranks$'

# Each job of the array is one to squeue; all have counted each file once.
submit "$scripts/array.sbatch" && array=$id
check "array.sbatch: all jobs are over" await 120 no_job_is_left
files=0
for task in 0 1 2 3; do
  id=${array}_$task out=$work/mpx-array-${array}_$task.out
  check "… job $task succeeds" is COMPLETED
  check "… and counts right" says '^checked against a sequential count: equal$'
  files=$((files + $(sed -nE 's/^([0-9]+) files, .*/\1/p' "$out")))
done
check "… and together all files" test "$files" = \
  "$(find /usr/share/common-licenses -type f | wc -l)"
check "no process is left" nothing_left

# What this test would say of a script that is wrong.
sed 's/^set -euo pipefail/if/' "$scripts/single_node.sbatch" >"$work/wrong.sbatch"
submit "$work/wrong.sbatch"
check "a script with a mistake fails" ends_as FAILED
check "… and says where" says 'syntax error'
exit $failed
