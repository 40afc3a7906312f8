#!/usr/bin/env bash
# A real Slurm on the virtual nodes of tests/cluster/vcluster.sh, for as long as a command runs.

set -euo pipefail
shopt -s inherit_errexit
vcluster=$(dirname "$(readlink -f "$0")")/../cluster/vcluster.sh
cluster=/run/vcluster
state=$cluster/slurm # what all nodes see
at=/tmp/slurm        # what each has for itself
export SLURM_CONF=$state/slurm.conf

usage() {
  cat <<'END'
usage: vcluster.sh run N vslurm.sh run COMMAND...
       vslurm.sh check

Starts munged and slurmd on every node and slurmctld on node1, runs COMMAND beside them when all
nodes are idle, and ends jobs and daemons. Each node says that it has two CPUs. Where there is no
Slurm, `run` and `check` say why and return 77. Logs are in /run/vcluster/slurm/log.

Within COMMAND:
  vslurm.sh exec COMMAND...     sbatch, squeue and so on, on node1 as the user mpx, from this folder
  vslurm.sh as-root COMMAND...  the same as root
END
}

die() {
  echo "vslurm: $*" >&2
  exit 1
}
on() { "$vcluster" exec "$@"; }
as_mpx() {
  on node1 setpriv --reuid 4711 --regid 4711 --clear-groups \
    env HOME=$cluster/home USER=mpx LOGNAME=mpx "$@"
}
nodes() { cat "$cluster/nodes"; }

require() {
  local command
  for command in munged slurmctld slurmd sbatch srun scontrol; do
    PATH=$PATH:/usr/sbin command -v "$command" >/dev/null && continue
    echo "skipped: no Slurm here: there is no $command"
    exit 77
  done
}

# Why each line is as it is, where it is not obvious: no cgroups (their plug-in wants a hierarchy of
# its own to write to); TmpFS of each node, where the PMIx plug-in makes its folders; more CPUs than
# the machine has (config_overrides); a time limit or a requeue takes effect soon.
configure() {
  local address node
  mkdir -p "$state/state" "$state/log"
  dd if=/dev/urandom of="$state/munge.key" bs=128 count=1 2>/dev/null
  chmod 400 "$state/munge.key"
  address=$(awk '$2 == "node1" {print $1}' "$cluster/hosts")
  cat >"$SLURM_CONF" <<END
ClusterName=vcluster
SlurmctldHost=node1($address)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$at/munge.sock,cred_expire=5
StateSaveLocation=$state/state
SlurmctldPidFile=$at/slurmctld.pid
SlurmctldLogFile=$state/log/slurmctld.log
SlurmdSpoolDir=$at/slurmd
SlurmdPidFile=$at/slurmd.pid
SlurmdLogFile=$state/log/slurmd-%n.log
TmpFS=$at
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=pmix
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=100000,batch_sched_delay=0
ReturnToService=2
KillWait=10
UnkillableStepTimeout=60
SlurmdTimeout=300
InactiveLimit=0
MinJobAge=600
END
  nodes | while read -r node; do
    address=$(awk -v node="$node" '$2 == node {print $1}' "$cluster/hosts")
    echo "NodeName=$node NodeAddr=$address CPUs=2 RealMemory=1000 State=UNKNOWN"
  done >>"$SLURM_CONF"
  echo "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP" >>"$SLURM_CONF"
}

start_munge() { # NODE
  on "$1" sh -c "mkdir -p $at/slurmd && exec munged --force --key-file=$state/munge.key \
    --socket=$at/munge.sock --pid-file=$at/munged.pid --log-file=$state/log/munged-$1.log \
    --seed-file=$at/munge.seed" 2>>"$state/log/munged.errors"
}
all_idle() { [ "$(on node1 sinfo -h -N -t idle | wc -l)" = "$(nodes | wc -l)" ]; }

run() {
  local node tries
  require
  [ -f "$cluster/nodes" ] || die "run me within vcluster.sh run N"
  configure
  for node in $(nodes); do start_munge "$node"; done
  on node1 slurmctld
  for node in $(nodes); do on "$node" slurmd -N "$node"; done
  for tries in $(seq 600); do
    all_idle 2>/dev/null && break
    sleep 0.1
  done
  all_idle || die "not all nodes are idle ($tries tries): $(
    on node1 sinfo -N -l
    tail -n 5 "$state"/log/*.log
  )"
  local status=0
  "$@" || status=$?
  [ "$status" = 0 ] || tail -n 15 "$state"/log/slurm*.log
  exit "$status"
}

action=${1:-help}
shift || true
case $action in
  run) run "$@" ;;
  check) require ;;
  exec) as_mpx "$@" ;;
  as-root) on node1 "$@" ;;
  help | -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
