#!/usr/bin/env bash
# Hosts that cannot run the job: each is an error that names it, soon.

# shellcheck source=tests/cluster/check.sh
. "$(dirname "$0")/check.sh"
folder=$cluster/share/bin
mkdir $folder
cp "$program" $folder/program

run 60 "$mpx_run" --hostfile $cluster/hostfile $folder/program work
check "three nodes" test "$status" = 0
check "… all work" says "6 slots on node1 node2 node3"
check "… and no process is left" nothing_left 5 node1 node2 node3

run 60 "$mpx_run" --host node2:2,node3:2 $folder/program work
check "without the node that mpx-run is on" says "4 slots on node2 node3"
check "… the job succeeds" test "$status" = 0

printf 'node1 slots=1\nnode7 slots=2\n' >$cluster/share/unknown
run 60 "$mpx_run" --hostfile $cluster/share/unknown $folder/program work
check "an unknown host is an error" test "$status" != 0
check "… within 30 s" test "$seconds" -le 30
check "… naming it" says node7
check "… and no process is left" nothing_left 5 node1 node2 node3

printf 'node1 slots=1\nnode2 slots=1\n' >$cluster/share/few
run 60 "$mpx_run" --hostfile $cluster/share/few -n 6 $folder/program work
check "more ranks than slots run all the same" test "$status" = 0
check "… on the nodes there are" says "5 slots on node1 node2"
run 60 mpirun --hostfile $cluster/share/few -n 6 $folder/program work
check "mpirun refuses them" says "not enough slots"
check "… with a status that is not 0" test "$status" != 0

on node3 mount --bind "$other" $folder/program
run 60 "$mpx_run" --hostfile $cluster/hostfile $folder/program work
check "another build on one host is refused" test "$status" != 0
check "… naming it" says "on host node3 runs another build than rank 0 on host node1"
check "… and no process is left" nothing_left 5 node1 node2 node3
on node3 umount $folder/program

on node3 mount -t tmpfs none $folder
run 60 "$mpx_run" --hostfile $cluster/hostfile $folder/program work
check "a program that is missing on a node is an error" test "$status" != 0
check "… within 30 s" test "$seconds" -le 30
check "… naming the program" says "$folder/program"
check "… and the node" says "node3"
check "… and no process is left" nothing_left 5 node1 node2 node3
exit $failed
