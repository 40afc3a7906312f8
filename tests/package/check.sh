# Shared by the tests of the package: source it. They get their folders from the environment:
#   BUILD  the build tree      WORK     a folder for these tests      CONSUMER  the foreign project
#   SOURCE libmpx's sources    COMPILER, GENERATOR, LAUNCHER          of the build tree
# shellcheck shell=bash

set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
CONSUMER=$here/consumer

# The installation made by install_test.sh and moved since. Nothing else on this machine may help.
# shellcheck disable=SC2034
prefix=$WORK/prefix
unset CPATH LIBRARY_PATH LD_LIBRARY_PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH MANPATH

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# quietly COMMAND: shows what it printed only if it fails.
quietly() {
  local said status=0
  said=$("$@" 2>&1) || status=$?
  [ "$status" = 0 ] || fail "$* ended with $status: $said"
}

# expect_hello COMMAND: it must print what the consumer prints.
expect_hello() {
  local said
  said=$("$@" 2>&1) || fail "$* ended with $?: $said"
  grep -q "^hello foo$" <<<"$said" || fail "$* printed no \"hello foo\": $said"
}

# install_and_move BUILD PREFIX: the installation is made elsewhere and then moved to PREFIX.
install_and_move() {
  rm -rf "$2" "$2.made"
  quietly cmake --install "$1" --prefix "$2.made"
  mv "$2.made" "$2"
  ! grep -rIl -- "$2.made" "$2" | grep -v modulefiles || fail "these name the first prefix"
}

# use_find_package PREFIX FOLDER: builds the consumer in FOLDER, runs it alone and by mpx-run.
use_find_package() {
  rm -rf "$2"
  quietly cmake -S "$CONSUMER" -B "$2" -G "$GENERATOR" -D CMAKE_CXX_COMPILER="$COMPILER" \
    -D CMAKE_CXX_COMPILER_LAUNCHER="$LAUNCHER" -D CMAKE_PREFIX_PATH="$1"
  grep -q "^mpx_DIR:PATH=$1/" "$2/CMakeCache.txt" || fail "find_package has found another libmpx"
  quietly cmake --build "$2"
  expect_hello "$2/consumer"
  if [ -x "$1/bin/mpx-run" ]; then
    expect_hello "$1/bin/mpx-run" -n 2 "$2/consumer"
    # Its probe lies elsewhere, and uses libmpx too.
    grep -qE "^libmpx +ok" <<<"$("$1/bin/mpx-run" --doctor)" || fail "$("$1/bin/mpx-run" --doctor)"
  fi
}

# use_pkg_config PREFIX PROGRAM: builds the consumer with no more than the compiler and pkg-config.
use_pkg_config() {
  local flags
  export PKG_CONFIG_PATH=$1/lib/pkgconfig
  flags=$(pkg-config --cflags --libs mpx) || fail "pkg-config: $flags"
  # shellcheck disable=SC2086
  quietly "$COMPILER" -std=c++20 "$CONSUMER/main.cpp" -o "$2" $flags
  # Where libmpx is shared, those who link without CMake say where it is.
  LD_LIBRARY_PATH=$1/lib expect_hello "$2"
}
