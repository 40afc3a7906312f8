# Shared by the tests within a cluster: source it with MPX_RUN PROGRAM OTHER_BUILD.
# shellcheck shell=bash disable=SC2034

set -uo pipefail
mpx_run=$1
program=$2
other=$3
vcluster=$(dirname "$(readlink -f "$0")")/vcluster.sh
cluster=/run/vcluster
out=$cluster/share/out
failed=0

on() { "$vcluster" exec "$@"; }

# run SECONDS COMMAND…: on node1; its status is in $status, its time in $seconds, its output in $out.
run() {
  local start=$SECONDS
  timeout -k 2 "$1" "$vcluster" exec node1 "${@:2}" >"$out" 2>&1 </dev/null
  status=$?
  seconds=$((SECONDS - start))
}
# begin COMMAND…: the same in the background, until it says "ready"; end_within SECONDS awaits it.
begin() {
  "$vcluster" exec node1 "$@" >"$out" 2>&1 </dev/null &
  job=$!
  local tries
  for tries in $(seq 600); do
    says '^ready' && return
    kill -0 "$job" 2>/dev/null || break
    sleep 0.1
  done
  check "the program gets ready ($tries tries)" false
}
end_within() {
  local start=$SECONDS tries
  for tries in $(seq $(($1 * 10 + 50))); do
    kill -0 "$job" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$job" 2>/dev/null
  wait "$job"
  status=$?
  seconds=$((SECONDS - start))
}

check() { # NAME CONDITION…
  if "${@:2}"; then echo "ok: $1"; else
    echo "FAILED: $1 (status $status after $seconds s)"
    head -c 5000 "$out" | sed 's/^/    /'
    failed=1
  fi
}
says() { grep -qE -- "$1" "$out"; }

# nothing_left SECONDS NODE…: no process but its sshd is on them, at the latest after so long.
nothing_left() {
  local tries left
  for tries in $(seq $(($1 * 10))); do
    left=$(for node in "${@:2}"; do "$vcluster" processes "$node" | sed "s/^/$node: /"; done)
    [ -z "$left" ] && return 0
    sleep 0.1
  done
  echo "left after $tries tries: $left" >>"$out"
  return 1
}
status=0 seconds=0
