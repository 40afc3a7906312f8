#!/usr/bin/env bash
# A project of somebody else: libmpx is found with find_package, linked and run.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
use_find_package "$prefix" "$WORK/find_package"
