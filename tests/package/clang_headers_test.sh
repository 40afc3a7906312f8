#!/usr/bin/env bash
# Clang compiles all public headers and all examples: in one file, each example in a namespace of
# its own, since reading the headers takes longer than the rest.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
clang=clang++-14
command -v "$clang" >/dev/null || fail "there is no $clang; apt-get install clang-14"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
file=$WORK/clang_headers.cpp
examples=("$SOURCE"/examples/*.cpp "$SOURCE"/examples/08_heat/*.cpp)
[ ${#examples[@]} -ge 15 ] || fail "where are the examples? ${examples[*]}"
{
  (cd "$SOURCE/libmpx/include" && find mpx -maxdepth 1 -name '*.hpp' | sed 's/.*/#include <&>/')
  cat "${examples[@]}" "$SOURCE"/examples/*/*.hpp | grep -h '^#include <' | sort -u
  for example in "${examples[@]}"; do
    name=$(basename "$(dirname "$example")")_$(basename "$example" .cpp)
    case $name in 08_heat_*) name=08_heat ;; esac # of several files
    echo "namespace ${name//[^a-z0-9]/_}_example {"
    grep -v '^#include <' "$example"
    echo "}"
  done
} | sed 's/^namespace \([0-9]\)/namespace _\1/' >"$file"
# shellcheck disable=SC2046
quietly "$clang" -std=c++20 -fsyntax-only -Wall -Wextra -Werror -Wno-unused-function \
  -I "$SOURCE/examples/08_heat" $(pkg-config --cflags mpx) $(mpicxx --showme:compile) "$file"
