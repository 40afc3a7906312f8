#!/usr/bin/env bash
# A user's program, built in another way than the installed libmpx that it is linked to, and run
# alone and on two ranks. Usage: variant_test.sh VARIANT.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
compile=$(pkg-config --cflags mpx) link=$(pkg-config --libs mpx)
program=$WORK/variant_$1
compiler=$COMPILER

case $1 in
  debug) flags="-O0 -D_GLIBCXX_DEBUG" ;;
  icf) flags="-O3 -ffunction-sections -fuse-ld=gold -Wl,--icf=all" ;;
  lto) flags="-O2 -flto" ;;
  sanitize)
    flags="-O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all"
    export LSAN_OPTIONS="suppressions=$prefix/share/mpx/lsan.supp:print_suppressions=0"
    export ASAN_OPTIONS=fast_unwind_on_malloc=0:detect_leaks=1
    ;;
  clang)
    compiler=clang++-14 flags="-O1"
    command -v "$compiler" >/dev/null || fail "there is no $compiler; apt-get install clang-14"
    ;;
  *) fail "no variant $1" ;;
esac

# shellcheck disable=SC2086
quietly "$compiler" -std=c++20 -Wall -Wextra -Werror $flags $compile "$CONSUMER/everything.cpp" \
  -o "$program" $link
expect_hello "$program"
[ ! -x "$prefix/bin/mpx-run" ] || expect_hello "$prefix/bin/mpx-run" -n 2 "$program"

if [ "$1" = sanitize ]; then # what is suppressed is Open MPI's, and no more
  said=$("$program" leak 2>&1) && fail "a leak of the program is not found"
  grep -q "LeakSanitizer: detected memory leaks" <<<"$said" || fail "leak: $said"
  [ "$(grep -c "leak of" <<<"$said")" = 1 ] || fail "more than the one leak: $said"
fi
