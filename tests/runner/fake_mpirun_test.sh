#!/usr/bin/env bash
# mpx-run with a pretended mpirun: what it is given, and how mpx-run takes answers that the real one
# gives only when a node dies.

# shellcheck source=tests/runner/check.sh
. "$(dirname "$0")/check.sh"
cd "$work" || exit 1
mkdir bin
export PATH=$work/bin:$PATH

# fake VERSION SCRIPT: an mpirun of that version that runs SCRIPT.
fake() {
  # shellcheck disable=SC2016
  printf '#!/bin/sh\n[ "$1" != --version ] || { echo "%s"; exit; }\n%s\n' "$1" "$2" >bin/mpirun
  chmod +x bin/mpirun
}

# shellcheck disable=SC2016
fake "mpirun (Open MPI) 5.0.7" 'echo "$PRTE_MCA_rmaps_default_mapping_policy $OMPI_MCA_osc $*"'
run -w 4 --host a:2,b:2 /bin/true x
expect_status 0 "version 5"
expect_text out ":oversubscribe  -n 3 --host a:2,b:1 --map-by slot -x MPX_SLOTS=2,2 /bin/true x" \
  "version 5"

# shellcheck disable=SC2016
fake "mpirun (Open MPI) 4.1.4" 'echo "$OMPI_MCA_osc"'
OMPI_MCA_osc=ucx run /bin/true
expect_text out "ucx" "the user's setting stays"

# shellcheck disable=SC2016
fake "mpirun (Open MPI) 5.0.7" 'echo started >>"$MPX_COMPLETION"; exit 0'
run /bin/true
expect_status 1 "success without completion"
# shellcheck disable=SC2016
fake "mpirun (Open MPI) 5.0.7" 'printf "started\nstatus 9\n" >>"$MPX_COMPLETION"; exit 0'
run /bin/true
expect_status 9 "the completion counts"
# So it is on another node; on this one mpx-run finds it out before.
fake "mpirun (Open MPI) 4.1.4" \
  "echo 'Open MPI tried to fork a new process via the \"execve\" system call but' >&2; exit 131"
run /bin/true
expect_status 126 "what another node cannot execute"
expect_no_text err "signal" "what another node cannot execute"
fake "mpirun (Open MPI) 4.1.4" 'exit 205'
run /bin/true
expect_status 205 "a lost node"

# The real mpirun prints its banner about an ordinary status most of the time, this one always.
rule=$(printf -- '-%.0s' $(seq 74))
banner() { # RANK
  printf '%s\n' "$rule" \
    "mpirun detected that one or more processes exited with non-zero status, thus causing" \
    "the job to be terminated. The first process to do so was:" "" \
    "  Process name: [[1,1],$1]" "  Exit code:    6" "$rule"
}
banner 0 >banner0
banner 1 >banner1
fake "mpirun (Open MPI) 4.1.4" 'echo mine >&2; cat banner0 >&2; exit 6'
run /bin/true
expect_status 6 "banner"
[ "$(cat err)" = mine ] || fail "banner: $(cat err)"
run --verbose /bin/true
expect_text err "Exit code:    6" "verbose shows all that mpirun says"
fake "mpirun (Open MPI) 4.1.4" 'cat banner1 >&2; exit 6'
run /bin/true
cmp -s err banner1 || fail "the banner that names another rank: $(cat err)"

# It cannot write what it was given, and says so; and all others are told to nobody.
fake "mpirun (Open MPI) 4.1.4" 'echo lost'
timeout 60 "$mpx_run" /bin/true >/dev/full 2>err
status=$?
expect_status 1 "a full device"
[ "$(grep -c "cannot write to standard output: No space left on device" err)" = 1 ] ||
  fail "a full device: $(cat err)"
timeout 60 "$mpx_run" /bin/true >&- 2>err
status=$?
expect_status 0 "no standard output"
timeout 60 "$mpx_run" --help >/dev/full 2>err
status=$?
expect_status 1 "help on a full device"
expect_text err "cannot write to standard output" "help on a full device"

# Signals as an unkind parent leaves them.
fake "mpirun (Open MPI) 4.1.4" 'grep -E "Sig(Ign|Blk)" /proc/$$/status'
timeout 60 python3 -c '
import os, signal, sys
for name in "CHLD", "ALRM", "USR1", "INT", "QUIT":
    signal.signal(getattr(signal, "SIG" + name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGALRM, signal.SIGHUP])
os.execv(sys.argv[1], sys.argv[1:])' "$mpx_run" /bin/true >out 2>err
status=$?
expect_status 0 "SIGCHLD ignored"
expect_text out "SigIgn:	0000000000000004" "only QUIT stays ignored in mpirun, which INT ends"

fake "HYDRA build details: Version 4.0" ''
run /bin/true
expect_status 127 "not Open MPI"
expect_text err "is not Open MPI" "not Open MPI"

# shellcheck disable=SC2016
fake "mpirun (Open MPI) 4.1.4" 'trap "echo passed on; exit 0" USR1; echo $$; while :; do sleep 0.01; done'
"$mpx_run" /bin/true >out 2>err &
pid=$!
wait_for_lines out 1
kill -USR1 "$pid"
wait "$pid" || fail "USR1"
expect_text out "passed on" "USR1"
finish
