#!/usr/bin/env bash
# A node's /dev/shm is full, its /tmp read-only, the working directory not ours to write.

# shellcheck source=tests/cluster/check.sh
. "$(dirname "$0")/check.sh"
job=("$mpx_run" --hostfile "$cluster/hostfile" -n 6 "$program" work)

on node2 sh -c 'mount -o remount,size=64k /dev/shm; cat /dev/zero >/dev/shm/filler' 2>/dev/null
run 60 "${job[@]}"
check "a full /dev/shm on node2 ends in a result or an error" test "$status" != 124
if [ "$status" = 0 ]; then check "… the right one" says "5 slots on node1 node2 node3"; else
  check "… that names the node and the folder" says "/dev/shm on host node2"
fi
check "… and no process is left" nothing_left 5 node1 node2 node3
on node2 sh -c 'rm /dev/shm/filler; mount -o remount,size=50% /dev/shm'

on node2 mount -o remount,ro /tmp
run 60 "${job[@]}"
check "a read-only /tmp on node2 is an error or none" test "$status" != 124
if [ "$status" != 0 ] && [[ $(mpirun --version) = *"(Open MPI) 4."* ]]; then
  check "… that names the folder" says "/tmp" # the daemon of 5.0 ends without a word
fi
[ "$status" = 0 ] || check "… and the node" says "node2"
check "… and no process is left" nothing_left 5 node1 node2 node3
on node2 mount -o remount,rw /tmp

on node1 mount -o remount,ro /tmp
run 60 "${job[@]}"
check "a read-only /tmp where mpx-run runs is refused" test "$status" = 1
check "… saying what to do" says "cannot make the folder /tmp/.*: Read-only file system; set TMPDIR"
on node1 mount -o remount,rw /tmp

cd / || exit 1
run 60 setpriv --reuid 4711 --regid 4711 --clear-groups env HOME=$cluster/home "${job[@]}"
check "a user who may not write the working directory" says "5 slots on node1 node2 node3"
check "… succeeds" test "$status" = 0
check "… and no process is left" nothing_left 5 node1 node2 node3
exit $failed
