#!/usr/bin/env bash
# A Debian 13 beside the Debian 12 of this machine, for Open MPI 5.

set -euo pipefail
shopt -s inherit_errexit
self=$(readlink -f "$0")
source_tree=$(dirname "$(dirname "$(dirname "$self")")")
trixie=$(realpath -m "${MPX_TRIXIE:-$source_tree/build/trixie}")
build=$source_tree/build/openmpi5
# shellcheck source=tests/support/packages.sh
. "$source_tree/tests/support/packages.sh"
packages=("${mpx_build_packages[@]}" "${mpx_test_packages[@]}" "${mpx_cluster_packages[@]}"
  python3-mpi4py)

usage() {
  cat <<END
usage: trixie.sh make             makes the Debian 13, or completes it
       trixie.sh run COMMAND...   makes it where it is missing, and runs COMMAND in it
       trixie.sh build [ARG...]   builds libmpx in it: arguments of cmake --build
       trixie.sh check            says why it cannot be had here, and returns 77
       trixie.sh remove           deletes it, and what was built in it

Debian 13 is in the folder build/trixie, or MPX_TRIXIE (1.7 GB; several source trees may share one). Its
packages come from MPX_MIRROR, by default http://deb.debian.org/debian. In it are

  /src     this source tree, read-only
  /build   build/openmpi5 of this tree: what is built; COMMAND runs there

and a /tmp, /run and /dev/shm that are empty at each start. Its network is the loopback device. All
mounts and processes end with COMMAND, or with this script, however it ends. Examples:

  trixie.sh build --target mpx-run example_01_hello
  trixie.sh run runner/mpx-run examples/01_hello
  trixie.sh run bash
  trixie.sh build && trixie.sh run python3 /src/benchmarks/compare.py --build /build --only lock
END
}

die() {
  echo "trixie.sh: $*" >&2
  exit 1
}

obstacle() {
  local command
  [ "$(id -u)" = 0 ] || { echo "a system of its own takes root" && return; }
  for command in debootstrap unshare pivot_root setpriv flock; do
    command -v "$command" >/dev/null || { echo "there is no $command" && return; }
  done
  unshare --mount --pid --net --fork true 2>/dev/null || echo "the kernel does not allow namespaces"
}
require() {
  local reason
  reason=$(obstacle)
  [ -z "$reason" ] && return
  echo "skipped: no Debian 13 here: $reason"
  exit 77
}

# in_namespaces KINDS FUNCTION ARGUMENT…: calls a function below, in namespaces that end with this
# shell.
in_namespaces() {
  local job
  trap '{ kill -KILL "$job"; wait "$job" || true; } 2>/dev/null; exit 143' INT TERM HUP
  setpriv --pdeathsig KILL "$self" __outer $$ "$@" <&0 &
  job=$!
  wait "$job"
}
outer() { # PARENT KINDS FUNCTION ARGUMENT…
  [ "$PPID" = "$1" ] || exit 1 # it died before it could take us with it
  # shellcheck disable=SC2086
  exec unshare $2 --fork --kill-child --mount-proc "$self" __inner "${@:3}"
}
files_and_processes="--mount --pid"
and_network="--mount --pid --net"

make() {
  [ "$(cat "$trixie/packages" 2>/dev/null)" = "${packages[*]}" ] && return
  mkdir -p "$trixie"
  exec 9>"$trixie/lock"
  flock 9 # the other may have made it meanwhile
  if [ "$(cat "$trixie/packages" 2>/dev/null)" != "${packages[*]}" ]; then
    # debootstrap cannot go on where it was interrupted, apt can.
    [ -d "$trixie/root" ] || in_namespaces "$files_and_processes" bootstrap
    in_namespaces "$files_and_processes" enter install_packages "${packages[@]}"
    echo "${packages[*]}" >"$trixie/packages"
  fi
  exec 9>&-
}
bootstrap() {
  rm -rf "$trixie/new"
  mkdir -p "$trixie/downloads"
  debootstrap --variant=minbase --cache-dir="$trixie/downloads" trixie "$trixie/new" \
    "${MPX_MIRROR:-http://deb.debian.org/debian}" || die "debootstrap failed; its log is in $trixie/new"
  rm -rf "$trixie/downloads"
  mv "$trixie/new" "$trixie/root"
}
install_packages() { # in the new root
  echo 'APT::Install-Recommends "false"; Acquire::Languages "none";' >/etc/apt/apt.conf.d/90mpx
  export DEBIAN_FRONTEND=noninteractive
  dpkg --configure -a
  apt-get update -qq
  apt-get install -qq -y "$@"
  apt-get clean
}

# enter COMMAND…: makes Debian 13 the root, and runs it there.
enter() {
  local root=$trixie/root file
  mkdir -p "$build" "$root/src" "$root/build"
  mount --bind "$root" "$root"
  mount --bind -o ro "$source_tree" "$root/src"
  mount --bind "$build" "$root/build"
  mount --rbind /dev "$root/dev"
  mount --rbind /sys "$root/sys"
  mount -t proc proc "$root/proc"
  for file in dev/shm run tmp; do mount -t tmpfs tmpfs "$root/$file"; done
  chmod 1777 "$root/dev/shm" "$root/tmp"
  for file in hosts resolv.conf hostname; do
    [ -e "$root/etc/$file" ] || : >"$root/etc/$file"
    mount --bind "$(realpath "/etc/$file")" "$root/etc/$file"
  done
  cd "$root"
  # Not chroot, within which no more namespaces could be made.
  pivot_root . .
  umount -l .
  cd /build
  export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
  unset TMPDIR
  local status=0
  "$@" || status=$?
  exit "$status" # and not exec: what loses its parent is reaped here
}

alone() { # COMMAND…: without the network, in which more may be than Open MPI can cope with
  ip link set lo up
  "$@"
}
build_in() { # ARGUMENTS…
  [ -e /build/build.ninja ] ||
    cmake -G Ninja -S /src -B /build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMPX_WERROR=ON
  cmake --build /build "$@"
}

case ${1:-} in
make) require && make ;;
run)
  [ $# -gt 1 ] || { usage >&2 && exit 2; }
  require
  make
  in_namespaces "$and_network" enter alone env -- "${@:2}"
  ;;
build)
  require
  make
  in_namespaces "$and_network" enter alone build_in "${@:2}"
  ;;
check) require ;;
remove) rm -rf "$trixie" "$build" ;;
__outer) outer "${@:2}" ;;
__inner) "${@:2}" ;;
-h | --help) usage ;;
*) usage >&2 && exit 2 ;;
esac
