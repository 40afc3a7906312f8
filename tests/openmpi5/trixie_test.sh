#!/usr/bin/env bash
# What runs in the Debian 13 changes nothing outside its build folder, and is gone however it ends.

# shellcheck disable=SC2317  # by way of check
set -uo pipefail
trixie=$(dirname "$(readlink -f "$0")")/trixie.sh
"$trixie" check || exit
mark="MPX_TRIXIE_MARK=mark-$$-$RANDOM"
failed=0

check() { # NAME CONDITION…
  if "${@:2}"; then echo "ok: $1"; else echo "FAILED: $1" && failed=1; fi
}
gone() { # no process of ours is left, a few seconds after
  local tries
  for tries in $(seq 100); do
    grep -qsz "^$mark" /proc/[0-9]*/environ || return 0
    sleep 0.1
  done
  echo "still there after $tries tries: $(grep -lsz "^$mark" /proc/[0-9]*/environ)"
  return 1
}
mounts_as_before() { [ "$(cat /proc/self/mounts)" = "$mounts" ]; }
mounts=$(cat /proc/self/mounts)

# shellcheck disable=SC2016
said=$(env "$mark" "$trixie" run bash -c '
  [ -z "$(find /tmp /run /dev/shm -mindepth 1)" ] || echo "not empty"
  [[ $(mpirun --version) = *"(Open MPI) 5.0."* ]] || echo "not Open MPI 5"
  python3 -c "import mpi4py.util.sync" || echo "no mpi4py 4"
  [ "$PWD" = /build ] && [ -e /src/libmpx ] || echo "the source tree"
  touch /src/x 2>/dev/null && echo "the source tree can be written to"
  touch /tmp/x /run/x /dev/shm/x
  (exec 3<>/dev/tcp/192.0.2.1/80) 2>/dev/null && echo "a way out"
  unshare --mount true || echo "no namespaces within it"
  setsid sleep 1000 &
  exit 5')
check "the status is the command's" test $? = 5
check "it is a Debian 13 with this source tree, and apart: ${said:-yes}" test "$said" = ""
check "… nothing of it is left" gone
check "… nor are its files" test "$("$trixie" run ls /tmp /run /dev/shm | tr -d '\n')" = /dev/shm:/run:/tmp:
check "… nor its mounts" mounts_as_before

for signal in KILL TERM HUP; do
  exec 3< <(env "$mark" "$trixie" run sh -c 'echo up; exec sleep 1000' & echo $!; wait)
  read -r pid <&3
  read -r up <&3
  check "up" test "$up" = up
  kill -$signal "$pid"
  check "SIG$signal, and nothing is left" gone
  check "… no mounts either" mounts_as_before
done
exit $failed
