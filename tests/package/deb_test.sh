#!/usr/bin/env bash
# cpack makes a Debian package; its fields and files are checked, and it is installed into a folder
# and used from there.

# shellcheck source=tests/package/check.sh
. "$(dirname "$0")/check.sh"
packages=$WORK/packages
root=$WORK/root
rm -rf "$packages" "$root"
quietly cpack -G DEB --config "$BUILD/CPackConfig.cmake" -B "$packages"
deb=("$packages"/libmpx-dev_"$VERSION"-1_*.deb)
[ -f "${deb[0]}" ] || fail "no package: $(ls "$packages")"

field() { dpkg-deb --field "${deb[0]}" "$1"; }
[ "$(field Architecture)" = "$(dpkg --print-architecture)" ] || fail "Architecture: $(field Architecture)"
[ "$(field Version)" = "$VERSION-1" ] || fail "Version: $(field Version)"
# Each is a package that exists, and the libraries of mpx-run are among them.
depends=$(field Depends)
read -ra packages_needed <<<"$(sed 's/([^)]*)//g; s/|[^,]*//g; s/,/ /g' <<<"$depends")"
for package in "${packages_needed[@]}"; do
  dpkg-query -W "$package" >/dev/null 2>&1 || fail "Depends: $package, which is not installed here"
done
for package in libc6 libstdc++6 libboost-serialization-dev; do
  grep -qw -- "$package" <<<"$depends" || fail "Depends: $depends, without $package"
done

files=$(dpkg-deb --contents "${deb[0]}")
for file in usr/include/mpx/mpx.hpp usr/lib/pkgconfig/mpx.pc usr/lib/cmake/mpx/mpxConfig.cmake \
  "usr/share/mpx/modulefiles/mpx/$VERSION" usr/share/mpx/lsan.supp usr/share/doc/libmpx-dev/copyright \
  usr/share/doc/libmpx-dev/changelog.gz usr/share/doc/libmpx-dev/changelog.Debian.gz \
  usr/share/doc/libmpx-dev/README.md \
  usr/share/doc/libmpx-dev/examples/01_hello.cpp; do
  grep -qE " \./$file\$" <<<"$files" || fail "no $file in the package: $files"
done
if [ -x "$prefix/bin/mpx-run" ]; then
  for file in bin/mpx-run libexec/mpx/mpx-probe share/man/man1/mpx-run.1.gz \
    share/bash-completion/completions/mpx-run; do
    grep -qE " \./usr/$file\$" <<<"$files" || fail "no $file in the package: $files"
  done
fi
! awk '$2 != "root/root" || $6 !~ /^\.\/(usr\/.*)?$/' <<<"$files" | grep . ||
  fail "these belong to no root, or lie outside /usr"
! awk '$1 ~ /^[-d].{4}w|^[-d].{7}w/' <<<"$files" | grep . || fail "others may write these"

if [ "$(id -u)" = 0 ]; then # dpkg itself, with its own books in that folder too
  mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
  touch "$root/var/lib/dpkg/status"
  quietly dpkg --root="$root" --force-depends,bad-path --log=/dev/null -i "${deb[0]}"
else
  dpkg-deb -x "${deb[0]}" "$root"
fi
(cd "$root" && dpkg-deb --ctrl-tarfile "${deb[0]}" | tar -xO ./md5sums | md5sum --quiet -c) ||
  fail "md5sums"
use_pkg_config "$root/usr" "$WORK/deb_consumer"
use_find_package "$root/usr" "$WORK/find_package_deb"
