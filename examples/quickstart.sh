#!/usr/bin/env bash
# Builds libmpx and runs two programs with it on this machine: a word count over real files, and a
# picture of the Mandelbrot set.

set -euo pipefail

case ${1:-} in -h | --help)
  echo "usage: examples/quickstart.sh [files and folders to count the words of]"
  echo "(default: /usr/share/common-licenses; the picture is written to mandelbrot.png)"
  exit
  ;;
esac

[ $# -gt 0 ] || set -- /usr/share/common-licenses
inputs=()
for input in "$@"; do
  if [ ! -r "$input" ]; then
    echo "quickstart.sh: cannot read $input" >&2
    exit 1
  fi
  inputs+=("$(readlink -f "$input")")
done
here=$PWD

cd "$(dirname "$0")/.."
# shellcheck source=tests/support/packages.sh
. tests/support/packages.sh
mpx_have "${mpx_build_packages[@]}"
mpx_allow_root

cmake --preset default -D MPX_BUILD_TESTS=OFF -D MPX_BUILD_BENCHMARKS=OFF -B build/quickstart
cmake --build build/quickstart --target mpx-run example_06_word_count example_07_mandelbrot

bin=$PWD/build/quickstart
cd "$here"
echo "== mpx-run example_06_word_count ${inputs[*]}"
"$bin/runner/mpx-run" "$bin/examples/example_06_word_count" "${inputs[@]}"
echo "== mpx-run example_07_mandelbrot mandelbrot.png"
"$bin/runner/mpx-run" "$bin/examples/example_07_mandelbrot" mandelbrot.png
