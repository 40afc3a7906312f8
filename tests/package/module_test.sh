#!/usr/bin/env bash
# The environment module, with the real module command of Debian's environment-modules.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
modulecmd=$(command -v modulecmd) ||
  fail "there is no modulecmd; apt-get install environment-modules"

# module ARGUMENTS: as the function that a login shell has.
module() { eval "$("$modulecmd" bash "$@" 2>"$WORK/module.err")"; }
export MODULEPATH='' LOADEDMODULES='' _LMFILES_=''

# expect_loaded PREFIX: what a user of the module then has.
expect_loaded() {
  [ "${MPX_ROOT:-}" = "$1" ] || fail "MPX_ROOT=${MPX_ROOT:-}, not $1: $(cat "$WORK/module.err")"
  [ "$(pkg-config --variable=includedir mpx | xargs readlink -f)" = "$1/include" ] ||
    fail "pkg-config finds another libmpx"
  [ ! -x "$1/bin/mpx-run" ] || [ "$(command -v mpx-run)" = "$1/bin/mpx-run" ] || fail "PATH=$PATH"
  [ ! -f "$1/share/man/man1/mpx-run.1" ] || man -w mpx-run >/dev/null || fail "MANPATH=$MANPATH"
  [[ $LD_LIBRARY_PATH: = $1/lib:* ]] || fail "LD_LIBRARY_PATH=$LD_LIBRARY_PATH"
  [[ $CMAKE_PREFIX_PATH: = $1:* ]] || fail "CMAKE_PREFIX_PATH=$CMAKE_PREFIX_PATH"
}

module use "$prefix/share/mpx/modulefiles"
module load mpx
expect_loaded "$prefix" # where it was moved to
module whatis mpx
grep -q "libmpx $VERSION" "$WORK/module.err" || fail "whatis: $(cat "$WORK/module.err")"
module help mpx
grep -q "Built with " "$WORK/module.err" || fail "help: $(cat "$WORK/module.err")"
module unload mpx
[ -z "${MPX_ROOT:-}" ] || fail "unload leaves MPX_ROOT=$MPX_ROOT"
module unuse "$prefix/share/mpx/modulefiles"

# A site copies it into its own tree: then the prefix is the one that it was installed to.
quietly cmake --install "$BUILD" --prefix "$WORK/kept"
rm -rf "$WORK/site" && mkdir "$WORK/site" && cp -r "$WORK/kept/share/mpx/modulefiles/mpx" "$WORK/site"
module use "$WORK/site"
module load "mpx/$VERSION"
expect_loaded "$WORK/kept"
rm -rf "$WORK/kept" "$WORK/site"
