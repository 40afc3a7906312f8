#!/usr/bin/env bash
# A program without CMake: the flags come from pkg-config.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
use_pkg_config "$prefix" "$WORK/pkg_config_consumer"
[ "$(pkg-config --modversion mpx)" = "$VERSION" ] || fail "version $(pkg-config --modversion mpx)"
pkg-config --validate mpx || fail "the .pc file is not valid"
