#!/usr/bin/env bash
# Programs of libmpx that srun starts: by itself, and for mpx-run.

# shellcheck source=tests/slurm/check.sh
. "$(dirname "$0")/check.sh"

# As the README tells users: without it a rank now and then crashes as it starts. mpx-run sets it.
plain_srun="env SLURM_PMIX_FENCE=ring srun --mpi=pmix"

# srun itself, in a job of six tasks on three nodes.
# shellcheck disable=SC2086
submit_command plain --ntasks-per-node=2 -c1 -- $plain_srun "$program" work
check "srun ./program: succeeds" ends_as COMPLETED
check "… with five worker ranks on three nodes" says '^5 slots on node1 node2 node3$'

# Outside of a job, as interactively: srun gets one.
out=$work/interactive
# shellcheck disable=SC2086
"$slurm" exec $plain_srun -N3 -n4 "$program" work >"$out" 2>&1
check "srun outside of a job: succeeds" test $? = 0
check "… with three worker ranks" says '^3 slots on node[1-3 node]+$'

submit_command launcher -- "$MPX_RUN" --launcher srun "$program" work
check "mpx-run --launcher srun: succeeds" ends_as COMPLETED
check "… on all CPUs of the job" says '^6 slots on node1 node2 node3$'

submit_command fence -- "$MPX_RUN" --launcher srun printenv SLURM_PMIX_FENCE
check "… whose ranks wait for each other in MPI_Init" ends_as COMPLETED
check "… all three, in a ring" test "$(grep -cx ring "$out")" = 4

submit_command status -- "$MPX_RUN" --launcher srun "$program" no-such-mode
check "mpx-run --launcher srun: hands on the program's status" ends_as FAILED
check "… which is 1" test "$(field ExitCode)" = 1:0
check "… and no process is left" nothing_left

# What mpx-run ends itself.
submit_command interrupted -- "$MPX_RUN" --launcher srun "$program" wait
check "mpx-run --launcher srun … wait: gets ready" await 120 says '^ready'
"$slurm" exec scancel --batch --signal=INT "$id" # mpx-run alone, and as at Ctrl-C
check "… SIGINT ends the job" ends_as FAILED
check "… with its status" test "$(field ExitCode)" = 130:0
check "… what is unfinished is said" await 10 says 'this is unfinished:'
check "… and no process is left" nothing_left

for command in "$MPX_RUN --launcher srun" "$plain_srun"; do
  # shellcheck disable=SC2086
  submit_command cancelled -- $command "$program" wait
  check "${command##*/} … wait: gets ready" await 120 says '^ready'
  "$slurm" exec scancel "$id"
  check "… scancel ends the job" ends_as CANCELLED
  check "… what is unfinished is said" await 10 says 'this is unfinished:'
  check "… and no process is left" nothing_left
done
exit $failed
