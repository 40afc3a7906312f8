#!/usr/bin/env bash
# shm_full_test.sh PROGRAM MPX_RUN: jobs where /dev/shm is full, or becomes so, end soon and say it.
#
# Each runs in a mount namespace of its own, with a small tmpfs as /dev/shm.

program=$1
mpx_run=$2
# shellcheck source=tests/ranks/check.sh
. "$(dirname "$0")/check.sh"

if ! reason=$(unshare -m sh -c 'mount -t tmpfs -o size=64k tmpfs /dev/shm' 2>&1); then
  echo "skipped: a /dev/shm of our own takes mount namespaces, which are not allowed here: $reason"
  exit 77
fi

run() { # SIZE_KIB FREE_KIB COMMAND…: status in $status
  unshare -m bash -c '
    mount -t tmpfs -o size=$1k tmpfs /dev/shm || exit 99
    head -c $((($1 - $2) * 1024)) /dev/zero >/dev/shm/filler || exit 99
    shift 2
    timeout -k 2 30 "$@"' - "$@" >"$out" 2>&1
  status=$?
}

run 8192 0 "$program" inner
check "without a launcher nothing is needed there" says "from the inner job"
check "… and the job succeeds" test "$status" = 0

case $(mpirun --version) in
*"(Open MPI) 4."*) size=8192 too_little="0 100 2000 6000" ;;
*) # refuses to start itself where there is less than 17 MiB, so more has to be asked for
  size=32768 too_little="18500 25000 30000"
  export MPX_WORDS_PER_RANK=262144
  for free in 0 16000; do
    run $size $free mpirun -n 2 "$program" inner
    check "$free KiB free: Open MPI says it" says "not enough space for /dev/shm/"
    check "… and fails" test "$status" != 0 -a "$status" != 124
  done
  ;;
esac
for launcher in "mpirun -n 2" "$mpx_run -w 2"; do
  for free in $too_little; do
    # shellcheck disable=SC2086
    run $size $free $launcher "$program" inner
    check "$launcher, $free KiB free: refused" says "LaunchError: /dev/shm on host .* is full"
    check "… with the figures" says "needs [0-9]* KiB there, and [0-9]* KiB are free"
    check "… and what to do" says "make it larger"
    check "… and status 1" test "$status" = 1
  done
done

run $((2 * size)) $((2 * size)) mpirun -n 2 "$program" inner
check "what is asked for is enough" test "$status" = 0

# Refused above with the usual number of words.
MPX_WORDS_PER_RANK=1024 run $size "${too_little##* }" mpirun -n 2 "$program" inner
check "fewer words take less" test "$status" = 0

run $((2 * size)) $((2 * size)) mpirun -n 2 "$program" fill-shared-memory
check "full while the job runs" says "^full"
if [ "$status" = 0 ]; then
  check "… it ends right" says "sum 100000000"
else
  check "… it says so" says "SIGBUS.*/dev/shm has 0 KiB free"
  check "… and does not hang" test "$status" != 124
fi

exit $failed
