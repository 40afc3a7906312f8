#!/usr/bin/env bash
# How a libmpx program is asked to stop, what is said of what it left unfinished, and the slots of
# its processes.

# shellcheck source=tests/runner/check.sh
. "$(dirname "$0")/check.sh"
cd "$work" || exit 1
set -m # so that background jobs heed SIGINT

# begin ARGUMENTS: starts mpx-run on the program; $pid is its id once the program is "ready".
begin() {
  : >out
  "$mpx_run" "$@" >out 2>err </dev/null &
  pid=$!
  wait_for_lines out 1
}

end() { # STATUS WHAT
  wait "$pid"
  status=$?
  expect_status "$1" "$2"
}

# USR1 asks; the program goes on until it is ready, and has its own status.
begin -n 3 "$programs/runner_stops" drain
kill -USR1 "$pid"
end 7 "USR1"
expect_text out "drained 100" "USR1"
expect_no_text err "unfinished" "USR1"

# SIGTERM, several times as from Slurm, asks as well.
begin -w 3 "$programs/runner_stops" drain
for _ in 1 2 3; do kill -TERM "$pid"; done
end 7 "TERM"
expect_text out "drained 100" "TERM"
expect_text err "mpx-run: SIGTERM: asking the job to stop, within 10 s" "TERM"

begin --timeout 3s -w 3 "$programs/runner_stops" drain
end 124 "the time limit asks"
expect_text out "drained 100" "the time limit asks"
expect_text err "the time limit of 3 s is over; asking the job to stop" "the time limit asks"

# One that does not heed it is ended after the grace, and says what is unfinished.
expect_report() { # WHAT
  expect_text err "mpx: the job ends, and this is unfinished:" "$1"
  expect_text err "pool 'squares': 3 of 10 elements finished" "$1"
  expect_text err "on rank 1, host $(hostname): 'sleeper', 'squaresWorker-1'" "$1"
}
begin --grace 1s -w 2 "$programs/runner_stops" stubborn
kill -TERM "$pid"
end 143 "TERM, stubborn"
expect_text err "mpx-run: the job has not stopped within 1 s; ending it" "TERM, stubborn"
expect_report "TERM, stubborn"

begin --timeout 2s --grace 0 -w 2 "$programs/runner_stops" stubborn
end 124 "time limit, stubborn"
expect_report "time limit, stubborn"

begin -w 2 "$programs/runner_stops" stubborn
since=$(now_ms)
kill -INT "$pid"
end 130 "INT"
[ $(($(now_ms) - since)) -le 2000 ] || fail "INT: took $(($(now_ms) - since)) ms"
# The launcher of Open MPI 5 does not always leave the ranks the time to say it.
[[ $(mpirun --version) != *"(Open MPI) 4."* ]] || expect_report "INT"

# Ctrl-C twice, also in the time of grace: at once.
begin -w 2 "$programs/runner_stops" stubborn
kill -TERM "$pid"
wait_for_lines err 1 # it has been heeded
kill -INT "$pid"
kill -INT "$pid"
end 143 "TERM, then INT twice"

# Slots: numbers from 0 on, one more process than slots has none; cores only where asked for.
run -w 2 "$programs/runner_stops" slots 3
expect_status 0 "slots"
for line in "MPX_SLOT=0 OMP_NUM_THREADS=none" "MPX_SLOT=1 OMP_NUM_THREADS=none" \
  "MPX_SLOT=none OMP_NUM_THREADS=none" "again MPX_SLOT=0"; do expect_text out "$line" "slots"; done

read -ra cores < <(python3 -c 'import os; print(*sorted(os.sched_getaffinity(0)))')
run --cpus-per-slot 1 -w "${#cores[@]}" "$programs/runner_stops" slots $((${#cores[@]} + 1))
expect_status 0 "bound slots"
for i in "${!cores[@]}"; do
  grep -qx "MPX_SLOT=$i OMP_NUM_THREADS=1 cores ${cores[i]}" out || fail "slot $i: $(cat out)"
done
expect_text out "MPX_SLOT=none OMP_NUM_THREADS=1 cores ${cores[*]}" "the process too many"

if [ "${#cores[@]}" -ge 2 ]; then # two worker ranks of this node do not overlap
  OMP_NUM_THREADS=5 run --cpus-per-slot 1 --ranks-per-node 2 --slots-per-rank 1 \
    "$programs/runner_stops" slots 2
  for i in 0 1; do
    grep -qx "MPX_SLOT=$i OMP_NUM_THREADS=5 cores ${cores[i]}" out || fail "rank $i: $(cat out err)"
  done
fi

run --cpus-per-slot 1000 -w 1 "$programs/runner_stops" slots 1
expect_text err "has 1 process slots of 1000 cores each and may use ${#cores[@]} core" "shortage"
expect_text out "MPX_SLOT=0 OMP_NUM_THREADS=1000 cores ${cores[*]}" "shortage"

# --output: all that a rank and its processes print, one file each, and nothing on our own.
run --output "results/a b" -n 3 "$programs/runner_stops" slots 2
expect_status 0 "--output"
[ ! -s out ] || fail "--output: $(cat out)"
[ "$(cat "results/a b/rank.0" | wc -l)" = 3 ] || fail "--output: $(ls results/*)"
[ -e "results/a b/rank.2" ] || fail "--output: $(ls results/*)"
mkdir closed
: >closed/file
run --output closed/file/x "$programs/runner_stops" slots 1
expect_status 2 "--output"
expect_text err "name a folder that you may write" "--output"

run --tag-output -w 1 "$programs/runner_stops" slots 1
grep -q '^0: again MPX_SLOT=0' out || fail "--tag-output: $(cat out)"

# A reader that has seen enough, and one that is slow.
timeout 60 "$mpx_run" -n 1 sh -c 'seq 1 2000000' 2>err | head -n 1 >out
[ "$(cat out)" = 1 ] || fail "head: $(cat out err)"
timeout 60 "$mpx_run" -n 1 sh -c 'seq 1 200000' | (
  read -r first
  sleep 1
  cat
) | tail -n 1 >out
[ "$(cat out)" = 200000 ] || fail "slow reader: $(cat out)"
finish
