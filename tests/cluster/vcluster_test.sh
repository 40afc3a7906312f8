#!/usr/bin/env bash
# vcluster_test.sh VSWITCH: nodes are apart from each other, and gone however their cluster ends.

set -uo pipefail
vcluster=$(dirname "$(readlink -f "$0")")/vcluster.sh
"$vcluster" check "$1" || exit
mark="MPX_CLUSTER_MARK=mark-$$-$RANDOM"
failed=0

check() { # NAME CONDITION…
  if "${@:2}"; then echo "ok: $1"; else echo "FAILED: $1" && failed=1; fi
}
cluster() { env "$mark" "$vcluster" run "$@"; }
# shellcheck disable=SC2317  # by way of check
gone() { # no process of our clusters is left, a few seconds after
  local tries
  for tries in $(seq 100); do
    grep -qsz "^$mark" /proc/[0-9]*/environ || return 0
    sleep 0.1
  done
  echo "still there after $tries tries: $(grep -lsz "^$mark" /proc/[0-9]*/environ)"
  return 1
}

export vcluster
# shellcheck disable=SC2016
apart='
  on() { "$vcluster" exec "$@"; }
  on node1 touch /tmp/x /dev/shm/x
  on node1 sleep 1000 &
  [ "$(on node1 hostname) $(on node2 hostname)" = "node1 node2" ] || echo "host names"
  [ -z "$(on node2 ls /tmp /dev/shm | grep x)" ] || echo "files"
  [ "$(on node1 ssh node2 hostname)" = node2 ] || echo "network"
  [ -z "$("$vcluster" processes node2)" ] || echo "processes"
  on node1 ip route get 192.0.2.1 2>/dev/null && echo "a way out"
  setsid sleep 1000 &
  exit 5'
for kind in "" "--switch $1"; do
  # shellcheck disable=SC2086
  said=$(cluster $kind 2 bash -c "$apart")
  check "the status is the command's ${kind%% *}" test $? = 5
  check "nodes have nothing in common but files" test "$said" = ""
  check "… and nothing is left" gone
done

cluster 2 sh -c 'exit 6' &
cluster 2 sh -c 'exit 7' &
wait %1
check "two clusters at once: the first" test $? = 6
wait %2
check "… and the second" test $? = 7

for signal in KILL TERM HUP; do
  exec 3< <(env "$mark" "$vcluster" run 2 sh -c 'echo up; exec sleep 1000' & echo $!; wait)
  read -r pid <&3
  read -r up <&3
  check "up" test "$up" = up
  kill -$signal "$pid"
  check "SIG$signal, and nothing is left" gone
done
exit $failed
