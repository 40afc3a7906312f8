#!/usr/bin/env bash
# A node that is lost ends the job within 15 s, with the node's name, and leaves no process.

# shellcheck source=tests/cluster/check.sh
. "$(dirname "$0")/check.sh"
bound=15
words=node3

lose() { # WHAT NODES_THAT_STAY COMMAND…
  begin "$mpx_run" --hostfile $cluster/hostfile "$program" wait
  "${@:3}"
  end_within $bound
  check "$1: the job ends within $bound s (it took $seconds)" test "$seconds" -le $bound
  check "$1: … with a status that is not 0 (it is $status)" test "$status" != 0
  check "$1: … naming the node" says "$words"
  # shellcheck disable=SC2086
  check "$1: … and no process is left" nothing_left $bound $2
}

# shellcheck disable=SC2317  # by way of lose
kill_all_on_node3() {
  "$vcluster" processes node3 | while read -r pid _; do
    on node3 kill -KILL "$pid" 2>/dev/null # those of a rank end with it
  done
}
# shellcheck disable=SC2317
kill_ranks_on_node3() {
  "$vcluster" processes node3 | while read -r pid name; do
    [[ $name = @(orted|prted) ]] || on node3 kill -KILL "$pid" 2>/dev/null
  done
}

# In Open MPI 5 a rank that notices it by TCP may abort first, and says no more than that.
[[ $(mpirun --version) = *"(Open MPI) 4."* ]] || words="node3|An error occurred in Socket closed"
lose "ranks killed" "node1 node2 node3" kill_ranks_on_node3
words=node3
lose "ranks and daemon killed" "node1 node2 node3" kill_all_on_node3
lose "link down" "node1 node2 node3" "$vcluster" link node3 down
"$vcluster" link node3 up
# TCP's keepalive sends nothing while what was sent before waits for its acknowledgement.
# shellcheck disable=SC2317
link_down_and_signal() {
  "$vcluster" link node3 down
  "$vcluster" processes node1 | while read -r pid name; do # mpirun passes it on to all nodes
    [[ $name != mpx-run ]] || on node1 kill -USR1 "$pid"
  done
}
lose "link down, and something is sent" "node1 node2 node3" link_down_and_signal
"$vcluster" link node3 up
lose "node dead" "node1 node2" "$vcluster" kill node3
exit $failed
