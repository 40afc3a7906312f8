#!/usr/bin/env bash
# The man page is without faults for man and for mandoc. usage: man_test.sh PAGE

set -u
page=$1
warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -l "$page" 2>&1 >/dev/null)
[ -z "$warnings" ] || { echo "man: $warnings" >&2 && exit 1; }
# The pages that it refers to need not be installed where it is checked.
faults=$(mandoc -T lint "$page" 2>&1 | grep -v -e "referenced manual not found" -e "outdated mandoc.db")
[ -z "$faults" ] || { echo "mandoc: $faults" >&2 && exit 1; }
