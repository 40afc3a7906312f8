#!/usr/bin/env bash
# on_link.sh DELAY_US LOSS_PERCENT COMMAND…: in a cluster with a switch, a command over such links.

set -euo pipefail
vcluster=$(dirname "$0")/vcluster.sh
"$vcluster" delay all "$1"
"$vcluster" loss all "$2"
exec "${@:3}"
