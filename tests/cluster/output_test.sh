#!/usr/bin/env bash
# Many MB of output from all ranks at once arrive whole.

# shellcheck source=tests/cluster/check.sh
. "$(dirname "$0")/check.sh"
lines=100000 # of 100 bytes, from each of 7 processes on three nodes

run 200 "$mpx_run" --hostfile $cluster/hostfile "$program" print $lines
mv $out $cluster/share/printed
tail -n 3 $cluster/share/printed >$out
echo "$(stat -c %s $cluster/share/printed) bytes in $seconds s"
check "the job succeeds" test "$status" = 0
check "every byte arrives" test "$(stat -c %s $cluster/share/printed)" = $((7 * lines * 100))
# Lines of several processes may be mixed, but none is harmed.
check "every line does" test "$(wc -l <$cluster/share/printed)" = $((7 * lines))
check "and what is in it" test "$(tr -cd x <$cluster/share/printed | wc -c)" = $((7 * lines * 81))

# With their rank before them none is torn, wherever it is from.
run 100 "$mpx_run" --hostfile $cluster/hostfile --tag-output "$program" print 5000
mv $out $cluster/share/printed
tail -n 3 $cluster/share/printed >$out
check "with --tag-output: the job succeeds" test "$status" = 0
check "… all lines are whole" test 35000 = \
  "$(grep -cE '^[0-3]: task +[0-6] +[0-9]+ x{81}$' $cluster/share/printed)"
check "… and from all ranks" test "$(cut -d: -f1 $cluster/share/printed | sort -u | wc -l)" = 4
check "no process is left" nothing_left 5 node1 node2 node3
exit $failed
