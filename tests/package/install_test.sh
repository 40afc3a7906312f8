#!/usr/bin/env bash
# Installs the build tree and moves the installation: the other tests here use it from there.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
mkdir -p "$WORK"
install_and_move "$BUILD" "$prefix"
