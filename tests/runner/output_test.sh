#!/usr/bin/env bash
# What ranks print, on its way through the real mpirun; and the statuses of programs that end in good
# order.

# shellcheck source=tests/runner/check.sh
. "$(dirname "$0")/check.sh"
cd "$work" || exit 1

# Short lines, of which mpirun's own tags lose a third; both streams; nothing after the last line.
run --tag-output -n 1 sh -c 'seq 1 20000; seq 1 3000 >&2; printf last'
expect_status 0 "--tag-output"
(seq 1 20000 && echo last) | sed 's/^/0: /' | cmp -s - out || fail "--tag-output: $(tail -n 3 out)"
seq 1 3000 | sed 's/^/0: /' | cmp -s - err || fail "--tag-output: $(tail -n 3 err)"

# Three ranks of three processes, each of whose lines says where it is from, in any pieces.
cat >writers.py <<'EOF'
import os, random
rank = os.environ["OMPI_COMM_WORLD_RANK"]
for child in range(3):
    if os.fork() == 0:
        for i in range(400):
            line = f"{rank} {child} {i} " + "x" * random.choice([0, 9, 300, 4000])
            os.write(1 + i % 2, line.encode() + b"\n")
        os._exit(0)
for child in range(3):
    os.wait()
EOF
for way in MPX_SOME=1 MPX_RELAY=/none; do # to mpx-run itself, and through mpirun, as from other nodes
  run --tag-output -x $way -n 3 python3 writers.py
  expect_status 0 "--tag-output of many, $way"
  whole=$(cat out err | grep -Ec '^([0-2]): \1 [0-2] [0-9]+ x*$')
  [ "$whole" = 3600 ] || fail "--tag-output of many, $way: $whole whole lines of $(cat out err | wc -l)"
  [ "$(cat out err | cut -d' ' -f2-4 | sort -u | wc -l)" = 3600 ] || fail "--tag-output of many, $way: lost"
done

# Lines that processes of libmpx print piece by piece.
run --tag-output -w 2 "$programs/runner_stops" print 100
expect_status 0 "printing processes"
whole=$(grep -Ec '^1: (a [0-9]+ a+|b [0-9]+ b+)$' out)
[ "$whole" = 200 ] || fail "printing processes: $whole whole lines of $(wc -l <out)"

# The status of a rank that dies, and its last words.
# shellcheck disable=SC2016
run --tag-output -n 1 sh -c 'echo words; echo last >&2; kill -KILL $$'
expect_status 137 "--tag-output, killed"
expect_text err "0: last" "--tag-output, killed"
expect_text out "0: words" "--tag-output, killed"
run --tag-output -n 1 --mpi-arg -x --mpi-arg A=1 no-such-program-anywhere
expect_status 127 "--tag-output, no program"

# A process that its rank leaves behind keeps its file, but not the job.
# shellcheck disable=SC2016
run --output left -n 1 sh -c 'echo first; setsid sleep 300 & echo $!'
expect_status 0 "--output and a stray process"
expect_gone "$(tail -n 1 left/rank.0)" 100 "--output and a stray process"

# A device that is full.
mkdir full
ln -s /dev/full full/rank.1
run --output full -n 2 seq 1 50000
expect_status 1 "--output, full"
[ "$(grep -c "cannot write $work/full/rank.1: No space left on device" err)" = 1 ] ||
  fail "--output, full: $(cat err)"
seq 1 50000 | cmp -s - full/rank.0 || fail "--output, full: the other rank's file"
timeout 60 "$mpx_run" --tag-output -n 1 seq 1 5 >/dev/full 2>err
status=$?
expect_status 1 "--tag-output, full"
expect_text err "cannot write to standard output: No space left on device" "--tag-output, full"

# However a program ends in good order, mpirun does not have to end it.
expect_end() { # STATUS ARGUMENTS
  run --verbose -n 2 "$programs/runner_ends" "${@:2}"
  expect_status "$1" "ends ${*:2}"
  expect_no_text err "non-zero" "ends ${*:2}"
  [ "$(grep -c '^destroyed$' err)" = 2 ] || fail "ends ${*:2}: $(cat err)"
}
expect_end 0 0
expect_end 3 3
expect_end 4 exit 4
expect_end 5 main 5
expect_end 1 throw
# A shell that is between gets the true status.
# shellcheck disable=SC2016
run -n 2 sh -c '"$0" 6; echo "ended with $?"' "$programs/runner_ends"
expect_status 6 "ends in a shell"
expect_text out "ended with 6" "ends in a shell"
finish
