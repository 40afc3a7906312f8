# Shared by the tests within Slurm: source it with MPX_RUN EXAMPLES PROGRAM (the paths of mpx-run,
# of the folder with the examples, and of cluster_program).
# shellcheck shell=bash disable=SC2034

set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
scripts=$here/../../slurm
vcluster=$here/../cluster/vcluster.sh
slurm=$here/vslurm.sh
export MPX_RUN=$1 MPX_EXAMPLES=$2
program=$3
all_nodes="node1 node2 node3"
failed=0
id=0 state=none out=/dev/null

# The nodes share a few cores, whatever they say.
export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
export OMPI_MCA_mpi_yield_when_idle=1

# A folder of the user mpx that all nodes see, for the jobs' files.
work=/run/vcluster/share/work
install -d -o 4711 -g 4711 "$work"
cd "$work" || exit 1

# submit ARGUMENTS…: as the user mpx; sets $id, and $out to the file of its output.
submit() {
  out=$work/out # until it has one
  id=$("$slurm" exec sbatch --parsable "$@" 2>"$out") || {
    check "sbatch takes the script" false
    return 1
  }
  out=$(field StdOut)
}
# A job that runs COMMAND…, on all CPUs of three nodes.
submit_command() { # NAME OPTIONS… -- COMMAND…
  local options=("--job-name=$1" -N3 --ntasks-per-node=1 -c2 "--output=$1-%j.out")
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  printf '#!/bin/sh\nexec' >"$work/command.sbatch"
  printf ' %q' "${@:2}" >>"$work/command.sbatch"
  submit "${options[@]}" "$work/command.sbatch"
}

# field NAME: of the job $id, as `scontrol show job` calls it.
field() {
  "$slurm" as-root scontrol show job -o "$id" | tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1
}
is() { # STATE
  state=$(field JobState)
  [ "$state" = "$1" ]
}
is_over() {
  state=$(field JobState)
  case $state in PENDING | CONFIGURING | RUNNING | COMPLETING | STOPPED | SUSPENDED) false ;; esac
}
says() { grep -qE -- "$1" "$out" 2>/dev/null; }

# await SECONDS CONDITION…: asks again and again; false if it has not come true by then.
await() {
  local since=$SECONDS
  while ! "${@:2}"; do
    [ $((SECONDS - since)) -lt "$1" ] || return
    sleep 0.1
  done
}

check() { # NAME CONDITION…
  if "${@:2}"; then echo "ok: $1"; else
    echo "FAILED: $1 (job $id: $state, status $(field ExitCode 2>/dev/null))"
    head -c 5000 "$out" | sed 's/^/    /'
    failed=1
  fi
}
ends_as() { # STATE, within six minutes: a solver that waits for its halos is slow on busy cores
  await 360 is_over && [ "$state" = "$1" ]
}

# nothing_left: no process of a job is on any node, at the latest after 30 s.
nothing_left() { await 30 nothing_is_left; }
nothing_is_left() {
  local node left
  left=$(for node in $all_nodes; do
    "$vcluster" processes "$node" | grep -vE ' (munged|slurmctld|slurmd|slurmscriptd)$' |
      sed "s/^/left on $node: /"
  done)
  [ -z "$left" ] && return
  echo "$left" >"$work/left"
  false
}
