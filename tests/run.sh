#!/usr/bin/env bash
# Builds libmpx and passes its tests, on a fresh Debian 12 machine too.

set -euo pipefail

usage() {
  cat <<'END'
usage: tests/run.sh [arguments of ctest]

Installs what is missing (as root, on Debian), builds into build/default and runs
the tests, without the big and the long ones, those in Slurm, those on the other
carriers of words and those under Open MPI 5. MPX_PRESET names another preset of CMakePresets.json. Examples:
  tests/run.sh
  tests/run.sh -R runner          only tests whose name matches
  tests/run.sh -L 'big|long'      the big and the long ones
  tests/run.sh -L slurm           jobs in a real Slurm on virtual nodes
  tests/run.sh -L words           locks and values on each carrier of words
  tests/run.sh -L openmpi5        the suites under Open MPI 5, in a Debian 13
END
}

case ${1:-} in -h | --help)
  usage
  exit
  ;;
esac

cd "$(dirname "$0")/.."
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh
mpx_have "${mpx_build_packages[@]}" "${mpx_test_packages[@]}"
if [ "$(id -u)" = 0 ]; then
  mpx_have "${mpx_cluster_packages[@]}"
  case "$*" in *slurm*) mpx_have "${mpx_slurm_packages[@]}" ;; esac
  case "$*" in *openmpi5*) mpx_have "${mpx_openmpi5_packages[@]}" ;; esac
fi
mpx_allow_root

preset=${MPX_PRESET:-default}
cmake --preset "$preset"
cmake --build --preset "$preset"
selection=(-LE '^(big|long|lint|slurm|words|openmpi5)$')
for argument in "$@"; do
  case $argument in -L*) selection=() ;; esac
done
# ctest counts what is skipped, and says no reason.
tests/cluster/vcluster.sh check "build/$preset/tests/cluster/vswitch" |
  sed 's/^skipped/labels cluster and slurm will be skipped/' || true
# Tests with several ranks say so (PROCESSORS) and run alone.
exec ctest --test-dir "build/$preset" -j2 --output-on-failure "${selection[@]}" "$@"
