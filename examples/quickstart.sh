#!/usr/bin/env bash
# Builds libmpx and runs two programs with it on this machine: a word count over real files, and a
# picture of the Mandelbrot set.

set -euo pipefail

case ${1:-} in -h | --help)
  echo "usage: examples/quickstart.sh [files and folders to count the words of]"
  echo "(default: /usr/include/c++; the picture is written to mandelbrot.png)"
  exit
  ;;
esac

inputs=()
for input in "$@"; do
  if [ ! -r "$input" ]; then
    echo "quickstart.sh: cannot read $input" >&2
    exit 1
  fi
  inputs+=("$(readlink -f "$input")")
done
[ $# -gt 0 ] || inputs=(/usr/include/c++) # it comes with g++
here=$PWD

cd "$(dirname "$0")/.."
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh
mpx_have "${mpx_build_packages[@]}"
mpx_allow_root

build=$PWD/build/quickstart
mkdir -p "$build"
echo "== building, for some minutes (the full output is in $build/quickstart.log)"
if ! {
  cmake --preset default -D MPX_BUILD_TESTS=OFF -D MPX_BUILD_BENCHMARKS=OFF -B "$build" &&
    cmake --build "$build" --target mpx-run mpx-probe example_06_word_count example_07_mandelbrot
} >"$build/quickstart.log" 2>&1; then
  tail -n 30 "$build/quickstart.log" >&2
  exit 1
fi

cd "$here"
echo "== mpx-run 06_word_count ${inputs[*]}"
"$build/runner/mpx-run" "$build/examples/06_word_count" "${inputs[@]}"
echo "== mpx-run 07_mandelbrot mandelbrot.png"
"$build/runner/mpx-run" "$build/examples/07_mandelbrot" mandelbrot.png
echo "== done; mpx-run is $build/runner/mpx-run, and README.md says how to build a program of yours"
