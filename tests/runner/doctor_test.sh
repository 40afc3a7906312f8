#!/usr/bin/env bash
# mpx-run --doctor with the real mpirun, and with pretended ones that fail in every way.

# shellcheck source=tests/runner/check.sh
. "$(dirname "$0")/check.sh"
cd "$work" || exit 1
unset MPX_WORDS

# expect_row CHECK LEVEL TEXT WHAT
expect_row() {
  grep -E "^$1 +$2 " "$work/out" | grep -qF -- "$3" || fail "$4: no \"$1 $2 … $3\" in: $(cat "$work/out" "$work/err")"
}

run --doctor
expect_row start ok "mpirun starts programs on this node" "this machine"
expect_row libmpi ok "Open MPI v" "this machine"
expect_row threads ok MPI_THREAD_SERIALIZED "this machine"
expect_row messages ok "2 ranks" "this machine"
expect_row one-sided ok "component sm" "this machine"
expect_row libmpx ok "processes, queues and values" "this machine"
expect_row "temporary files" ok "$TMPDIR" "this machine"
grep -qE "^17 checks: [0-9]+ ok, [0-9]+ warn, 0 bad$" out || fail "this machine: $(cat out)"
expect_status 0 "this machine"

run --doctor --host localhost:1,no-such-host.invalid:1
expect_status 1 "a host that does not exist"
expect_row "host names" bad "not known here: no-such-host.invalid" "a host that does not exist"
expect_row start bad "no-such-host.invalid: " "a host that does not exist"
! grep -qE "^start .* localhost: " out || fail "localhost is called lost: $(cat out)"

ulimit -Sn 100
run --doctor
expect_status 1 "few open files"
expect_row "open files" bad "100, for" "few open files"
ulimit -Sn "$(ulimit -Hn)"

run --doctor ./program
expect_status 2 "a program"
expect_text err "--doctor runs no program" "a program"
TMPDIR=/proc/nowhere run --doctor
expect_status 1 "no temporary folder"
expect_text err "/proc/nowhere" "no temporary folder"

# The probe crashes or hangs, the launcher is another or lacks: findings, not the doctor's end.
mkdir bin
# shellcheck disable=SC2016
fake() { printf '#!/bin/sh\n[ "$1" != --version ] || { echo "%s"; exit; }\n%s\n' "$1" "$2" >bin/mpirun && chmod +x bin/mpirun; }
real=$(command -v mpirun)
export PATH=$work/bin:$PATH
# shellcheck disable=SC2016
fake "mpirun (Open MPI) 4.1.4" 'case "$*" in
  *" words 1") echo "step libmpx"; trap "" TERM; sleep 1000 ;;
  *" mpi") echo "step MPI_Init"; echo "step messages"; kill -SEGV $$ ;;
  *) exec '"$real"' "$@" ;;
esac'
run --doctor --timeout 5s
expect_status 1 "a probe that crashes, and one that hangs"
expect_row start ok "starts programs" "a probe that crashes, and one that hangs"
expect_row messages bad "killed by signal 11 (Segmentation fault) in messages" "a crash"
expect_row libmpx bad "no answer within 5 s in libmpx -> " "a hang"

fake "mpirun (Open MPI) 4.1.4" 'echo "my words" >&2; exit 7'
run --doctor
expect_status 1 "a launcher that fails"
expect_row start bad "mpirun: status 7: my words" "a launcher that fails"
expect_row "open files" ok "" "a launcher that fails"

fake "HYDRA build details: Version 4.0" ''
run --doctor
expect_status 1 "not Open MPI"
expect_row mpirun bad "is not Open MPI" "not Open MPI"

fake "mpirun (Open MPI) 4.1.4" 'sleep 1000'
set -m # or INT would be ignored by what runs in the background
"$mpx_run" --doctor >out 2>err </dev/null &
pid=$!
set +m
for ((i = 0; i < 1500; i++)); do
  started=$(pgrep -P "$pid" -x mpirun) && break
  sleep 0.02
done
kill -INT "$pid"
wait "$pid"
status=$?
expect_status 130 "interrupted"
expect_gone "$started" 2000 "interrupted"

printf '#!/bin/sh\necho "MPI plugin types are... none pmi2"\n' >bin/srun
chmod +x bin/srun
rm bin/mpirun
run --doctor
expect_row Slurm warn "has no plug-in pmix" "Slurm without pmix"
finish
