#!/usr/bin/env bash
# libmpx inside somebody else's project (add_subdirectory), as a shared library, a few large
# translation units, not optimised: it is compiled for this test alone. Its installation is moved and used
# too: shared libraries must be found there.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
build=$WORK/subdirectory # stays from run to run: what has not changed is not compiled again
quietly cmake -S "$here/subdirectory" -B "$build" -G "$GENERATOR" \
  -D CMAKE_CXX_COMPILER="$COMPILER" -D CMAKE_CXX_COMPILER_LAUNCHER="$LAUNCHER" \
  -D CMAKE_BUILD_TYPE=None -D CMAKE_CXX_FLAGS=-O0 -D MPX_SOURCE="$SOURCE" -D BUILD_SHARED_LIBS=ON -D CMAKE_UNITY_BUILD=ON -D MPX_BUILD_RUNNER=ON
quietly cmake --build "$build" -j2
expect_hello "$build/consumer"
for part in tests examples benchmarks; do
  [ ! -e "$build/mpx/$part" ] || fail "a project that adds libmpx builds its $part too"
done

shared=$WORK/shared_prefix
install_and_move "$build" "$shared"
[ -f "$shared/lib/libmpx.so.0.1" ] || fail "no libmpx.so.0.1: $(ls "$shared/lib")"
use_find_package "$shared" "$WORK/find_package_shared"
use_pkg_config "$shared" "$WORK/pkg_config_shared"
! pkg-config --libs mpx | grep -q fmt || fail "a shared libmpx needs no more than Boost.Serialization"
