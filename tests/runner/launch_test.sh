#!/usr/bin/env bash
# mpx-run with the real mpirun: exit statuses, what is shown and what is not, what ranks get.

# shellcheck source=tests/runner/check.sh
. "$(dirname "$0")/check.sh"
cd "$work" || exit 1

run "$programs/runner_status" 0
expect_status 0 "success"
expect_text err "rank 0 was here" "success"
expect_text err "rank 1 was here" "success"

run "$programs/runner_status" 3
expect_status 3 "status 3"
expect_text err "rank 1 was here" "status 3"
expect_no_text err "non-zero" "status 3 is no accident"

run --verbose "$programs/runner_status" 3
expect_status 3 "verbose"
expect_text err "MPX_SLOTS=" "verbose shows the command"

run "$programs/runner_status" -9
expect_status 137 "killed by a signal"
expect_text err "mpx-run: a rank was killed by signal 9" "killed by a signal"

run sh -c 'exit 5'
expect_status 5 "a program without MPI"
# shellcheck disable=SC2016
run -n 2 sh -c '[ "$OMPI_COMM_WORLD_RANK" = 0 ] || exit 6'
expect_status 6 "another rank than 0 fails"

# shellcheck disable=SC2016
run -w 3 -x GIVEN='a b;c' -- sh -c 'echo "$OMPI_COMM_WORLD_SIZE $MPX_SLOTS $GIVEN $1 $#"' sh 'x  y' ''
expect_status 0 "variables"
expect_text out "2 3 a b;c x  y 2" "ranks get slots, variables and arguments unharmed"
# shellcheck disable=SC2016
run -n 3 sh -c 'echo "$OMPI_COMM_WORLD_SIZE ${MPX_SLOTS-none}"'
[ "$(grep -c '^3 none$' "$work/out")" = 3 ] || fail "-n 3: $(cat "$work/out")"
# shellcheck disable=SC2016
run -w 3 --host localhost:2 sh -c 'echo "$OMPI_COMM_WORLD_SIZE $MPX_SLOTS"'
[ "$(grep -c '^2 3$' "$work/out")" = 2 ] || fail "--host: $(cat "$work/out" "$work/err")"
printf 'localhost slots=5\n' >hosts
# shellcheck disable=SC2016
run --hostfile hosts sh -c 'echo "$OMPI_COMM_WORLD_SIZE $MPX_SLOTS"'
[ "$(grep -c '^2 5$' "$work/out")" = 2 ] || fail "--hostfile: $(cat "$work/out" "$work/err")"

# A script's other children are not mpx-run's, though it becomes their parent.
# shellcheck disable=SC2016
bash -c 'sleep 300 & echo $!; exec "$@"' bash "$mpx_run" -n 1 true >"$work/out" 2>"$work/err"
sleeper=$(cat "$work/out")
kill "$sleeper" 2>"$work/err" || fail "a background job of a script that became mpx-run was ended"

run --dry-run -n 2 "$programs/runner_status" 0
expect_status 0 "dry run"
expect_no_text err "was here" "dry run"
bash -c "$(cat "$work/out")" >"$work/out2" 2>"$work/err"
expect_text err "rank 1 was here" "the printed command, pasted"

run --mpi-arg --tag-output "$programs/runner_status" 0
expect_text err "[1,0]<stderr>" "--mpi-arg"

echo "hello there" | timeout 60 "$mpx_run" cat >"$work/out" 2>"$work/err"
expect_text out "hello there" "standard input"

# Errors of 1 MB arrive whole and in order.
run -n 1 sh -c 'seq 1 150000 >&2; exit 4'
expect_status 4 "much output"
seq 1 150000 | cmp -s - "$work/err" || fail "much output: not the same"

run "$programs/runner_status" 0 4
expect_status 4 "what the program notes counts"
run "$programs/runner_status" 0 started
expect_status 1 "started, but not completed"
expect_text err "did not come to its end" "started, but not completed"

run ./nothing
expect_status 127 "no such program"
expect_text err "mpx-run: there is no program ./nothing; " "no such program"
run "$work"
expect_status 126 "a folder"
run hosts
expect_status 127 "not on PATH"
run ./hosts
expect_status 126 "not executable"
expect_text err "chmod +x ./hosts" "not executable"
echo 'echo hello' >script
chmod +x script
run ./script
expect_status 126 "no first line"
expect_text err "./script cannot be run: Exec format error; a script needs" "no first line"
run --whatever "$programs/runner_status"
expect_status 2 "unknown option"
expect_text err "--mpi-arg --whatever" "unknown option"
PATH=$work/empty run /bin/true
expect_status 127 "no mpirun"
finish
