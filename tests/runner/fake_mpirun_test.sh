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
fake "mpirun (Open MPI) 4.1.4" 'exit 205'
run /bin/true
expect_status 205 "a lost node"

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
