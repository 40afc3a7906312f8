# Shared by the tests here that run whole programs and look at what they print: source it.
# shellcheck shell=bash disable=SC2034

set -uo pipefail
# shellcheck source=tests/support/mpirun.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/mpirun.sh"
folder=$(mktemp -d)
out=$folder/out # of the last run
trap 'rm -rf "$folder"' EXIT
limit=60 # seconds that a run may take
failed=0 status=0 seconds=0

check() { # NAME CONDITION…
  local name=$1
  shift
  if "$@"; then echo "ok: $name"; else
    echo "FAILED: $name (status $status)"
    sed 's/^/    /' "$out"
    failed=1
  fi
}

run() { # COMMAND…: status in $status, time in $seconds
  local start=$SECONDS
  timeout -k 2 "$limit" "$@" >"$out" 2>&1
  status=$?
  seconds=$((SECONDS - start))
}

says() { grep -q -- "$1" "$out"; }
lines() { [ "$(grep -c -- "$2" "$out")" = "$1" ]; } # COUNT TEXT
