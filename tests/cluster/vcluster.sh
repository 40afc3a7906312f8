#!/usr/bin/env bash
# Several compute nodes on one machine, for as long as a command runs.

set -euo pipefail
shopt -s inherit_errexit
self=$(readlink -f "$0")
state=/run/vcluster # in a /run of the cluster's own

usage() {
  cat <<'END'
usage: vcluster.sh run [--switch VSWITCH] N COMMAND...
       vcluster.sh check [--switch VSWITCH]

Makes nodes node1 ... nodeN, runs COMMAND beside them, and ends them with it. Each node has a
network interface, host name, process numbers, /tmp and /dev/shm of its own, and an sshd; all else
of the file system is shared. Their network has no way out of the machine. Everything lives in
namespaces that die with this process, however it ends, so that nothing can be left behind, and
any number of clusters may run at once.

With --switch the nodes are joined by tests/cluster/vswitch.cpp, which can delay and lose frames,
instead of a bridge of the kernel. Where nodes cannot be made, `run` and `check` say why and
return 77.

Within COMMAND (a shell, for example):
  vcluster.sh exec NODE COMMAND...     runs COMMAND on NODE, in this directory
  vcluster.sh mpirun ARGUMENTS...      mpirun on node1, over all nodes
  vcluster.sh link NODE up|down        mends or cuts NODE's cable
  vcluster.sh delay NODE|all MICROSECONDS   of what NODE sends; needs --switch, as does
  vcluster.sh loss NODE|all PERCENT
  vcluster.sh kill NODE                all processes of NODE die at once
  vcluster.sh processes NODE           those that are there beside its sshd
In /run/vcluster are `hostfile` (two slots a node), `nodes`, and `share`, a folder for all. There is
a user `mpx` who is not root and may log in from node to node.
END
}

die() {
  echo "vcluster: $*" >&2
  exit 1
}
pid_of() { cat "$state/$1.pid" 2>/dev/null || die "there is no node $1"; }
in_net_of() { nsenter --target "$(pid_of "$1")" --net "${@:2}"; }

# Why no cluster can be made here; nothing if it can.
obstacle() { # [VSWITCH]
  local command reason
  [ "$(id -u)" = 0 ] || { echo "namespaces for virtual nodes take root" && return; }
  for command in ip ssh ssh-keygen /usr/sbin/sshd nsenter unshare setpriv; do
    command -v "$command" >/dev/null || { echo "there is no $command" && return; }
  done
  [ -z "${1:-}" ] || [ -c /dev/net/tun ] || { echo "there is no /dev/net/tun" && return; }
  reason=$(unshare --mount --net --pid --uts --ipc --fork sh -c '
    ip link add br0 type bridge && ip link add eth0 type veth peer name node1 &&
    mount -t tmpfs tmpfs /run && mount -t proc proc /proc' 2>&1) ||
    echo "the kernel does not allow it: ${reason:-unshare failed}"
}
require() {
  local reason
  reason=$(obstacle "$@")
  [ -z "$reason" ] && return
  echo "skipped: no virtual nodes here: $reason"
  exit 77
}

# ---- from outside to the inside, and back to nothing

# The namespaces end with their first process, that ends with unshare, and unshare with this shell.
run() {
  local switch="" job
  [ "$1" != --switch ] || { switch=$2 && shift 2; }
  [[ ${1:-} =~ ^[1-9][0-9]?$ && $# -gt 1 ]] || { usage >&2 && exit 2; }
  require "$switch"
  trap '{ kill -KILL "$job"; wait "$job" || true; } 2>/dev/null; exit 143' INT TERM HUP
  setpriv --pdeathsig KILL "$self" __outer $$ "$switch" "$@" <&0 &
  job=$!
  wait "$job"
}
outer() { # PARENT SWITCH N COMMAND…
  [ "$PPID" = "$1" ] || exit 1 # it died before it could take us with it
  exec unshare --mount --net --pid --fork --kill-child --mount-proc "$self" __inner "${@:2}"
}
inner() { # SWITCH N COMMAND…
  local switch=$1 count=$2 i
  share_files "$count"
  ip link set lo up
  for i in $(seq "$count"); do start_node "node$i"; done
  if [ -n "$switch" ]; then join_by_switch "$switch" "$count"; else join_by_bridge "$count"; fi
  for i in $(seq "$count"); do
    in_net_of "node$i" ip address add "10.99.0.$i/24" brd + dev eth0
    in_net_of "node$i" ip link set eth0 up
    await "sshd of node$i" "$state/node$i.log" answers "node$i"
  done
  local status=0
  "${@:3}" || status=$?
  exit "$status" # and not exec: the nodes' ends are reaped here
}

await() { # WHAT LOG CONDITION…
  local tries
  for tries in $(seq 500); do
    "${@:3}" 2>/dev/null && return
    sleep 0.02
  done
  die "$1 does not come ($tries tries): $(cat "$2")"
}
answers() { in_net_of "$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/22'; }

# What all nodes see: in a /run of the cluster's own, and over a few files of /etc.
share_files() { # N
  local i
  mount -t tmpfs -o mode=755 vcluster /run
  mkdir -p /run/sshd /run/lock "$state/share" "$state/home" "$state/keep"
  chmod 1777 "$state/share"
  seq -f node%g "$1" >"$state/nodes"
  sed 's/$/ slots=2/' "$state/nodes" >"$state/hostfile"
  for i in $(seq "$1"); do echo "10.99.0.$i node$i"; done | sed '1i 127.0.0.1 localhost' >"$state/hosts"
  sed '/^mpx:/d; $a mpx:x:4711:4711::/run/vcluster/home:/bin/sh' /etc/passwd >"$state/passwd"
  ssh-keygen -q -t ed25519 -N '' -C vcluster -f "$state/root.key"
  cp "$state/root.key" "$state/mpx.key"
  chown -R 4711:4711 "$state/mpx.key" "$state/home"
  sed "s/^/* /" "$state/root.key.pub" >"$state/known_hosts"
  cat >"$state/ssh_config" <<END
Host *
  IdentityFile $state/%u.key
  IdentitiesOnly yes
  UserKnownHostsFile $state/known_hosts
  BatchMode yes
  LogLevel ERROR
  ConnectTimeout 10
END
  cat >"$state/sshd_config" <<END
HostKey $state/root.key
AuthorizedKeysFile $state/root.key.pub
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
MaxStartups 100
PrintMotd no
END
  mount --bind "$state/hosts" /etc/hosts
  mount --bind "$state/passwd" /etc/passwd
  mount --bind "$state/ssh_config" /etc/ssh/ssh_config
}

start_node() { # NODE
  unshare --mount --net --pid --uts --ipc --fork --kill-child "$self" __node "$1" \
    </dev/null >"$state/$1.log" 2>&1 &
  await "$1" "$state/$1.log" test -s "$state/$1.pid"
}
node() { # NODE: becomes its first process, on whose end all others there end
  local pid root
  read -r pid _ </proc/self/stat # as seen from outside: this /proc is still that of the cluster
  root=$(dirname "$(dirname "$(dirname "$self")")")
  hostname "$1"
  mount --bind "$root" "$state/keep" # the project may lie in /tmp
  mount -t tmpfs -o mode=1777 tmp /tmp
  if [[ $root == /tmp/* ]]; then mkdir -p "$root" && mount --bind "$state/keep" "$root"; fi
  mount -t tmpfs -o mode=1777 shm /dev/shm
  mount -t proc proc /proc
  ip link set lo up
  echo "$pid" >"$state/$1.pid.new"
  mv "$state/$1.pid.new" "$state/$1.pid"
  exec /usr/sbin/sshd -D -e -f "$state/sshd_config"
}

address() { printf '02:00:00:00:00:%02x' "$1"; }
join_by_bridge() { # N
  local i
  ip link add br0 type bridge
  ip link set br0 up
  for i in $(seq "$1"); do
    ip link add eth0 netns "$(pid_of "node$i")" address "$(address "$i")" \
      type veth peer name "node$i"
    ip link set "node$i" master br0 up
  done
}
join_by_switch() { # VSWITCH N
  local i ports=()
  for i in $(seq "$2"); do ports+=("node$i,$(pid_of "node$i"),$(address "$i")"); done
  echo "$1" >"$state/switch"
  "$1" serve "$state/switch.socket" "${ports[@]}" </dev/null >"$state/switch.log" 2>&1 &
  await "the switch" "$state/switch.log" test -S "$state/switch.socket"
}

# ---- within

enter() { # NODE COMMAND…
  local pid
  pid=$(pid_of "$1")
  # nsenter passes no signals on: its death does.
  # shellcheck disable=SC2016
  exec nsenter --target "$pid" --mount --net --pid --uts --ipc \
    env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 \
    sh -c 'cd "$0" 2>/dev/null || cd /; exec setpriv --pdeathsig TERM "$@"' "$PWD" "${@:2}"
}
# All nodes are on the same few cores: mpirun, which does not know, would bind all to the first.
on_all() {
  # shellcheck source=tests/support/mpirun.sh
  . "$(dirname "$self")/../support/mpirun.sh"
  enter node1 mpirun --hostfile "$state/hostfile" "$@"
}
switched() {
  [ -f "$state/switch" ] || die "$1 needs --switch"
  "$(cat "$state/switch")" set "$state/switch.socket" "$@"
}
link() { # NODE up|down
  if [ -f "$state/switch" ]; then switched link "$1" "$([ "$2" = up ] && echo 1 || echo 0)"; else
    ip link set "$1" "$2"
  fi
}
processes() { # NODE
  # shellcheck disable=SC2016
  enter "$1" sh -c 'for folder in /proc/[0-9]*; do
    read -r name <"$folder/comm" && [ "$folder" != /proc/$$ ] && echo "${folder#/proc/} $name"
  done' 2>/dev/null | grep -vE ' sshd(-session|-auth)?$' || true
}

action=${1:-help}
shift || true
case $action in
  run) run "$@" ;;
  check) require "${2:-}" ;;
  __outer) outer "$@" ;;
  __inner) inner "$@" ;;
  __node) node "$@" ;;
  exec) enter "$@" ;;
  mpirun) on_all "$@" ;;
  link) link "$@" ;;
  delay | loss) switched "$action" "$@" ;;
  kill) kill -KILL "$(pid_of "$1")" && rm "$state/$1.pid" ;;
  processes) processes "$1" ;;
  help | -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
