#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs a test script under Node in a network namespace that ends with it: only
# loopback, and a cable to nowhere, because a browser offers no candidate of
# loopback. Nothing that Chromium or a peer sends can leave it.
#   netns.sh SCRIPT…
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)

skip ()
{
  printf '1..0 # SKIP %s\n' "$1"
  exit 0
}

# Where somebody counts on these tests, a machine that cannot run them is a
# failure: PATCHBAY_BROWSER=needed.
absent ()
{
  [ "${PATCHBAY_BROWSER:-}" != needed ] || {
    printf '1..1\nnot ok 1 %s\n' "$1"
    exit 1
  }
  skip "$1"
}

for program in node chromium ip nft unshare; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
    absent "$program is not installed"
done
PATH=$PATH:/usr/sbin:/sbin
for package in axe-core playwright-core; do
  [ -d "$here/node_modules/$package" ] ||
    absent 'npm ci was not run in tests/browser (./run test does)'
done
[ "$(id -u)" -eq 0 ] || absent 'network namespaces need root'
unshare --net true 2>/dev/null ||
  absent 'this machine does not allow network namespaces'

# shellcheck disable=SC2016 # the inner shell's
exec unshare --net sh -eu -c '
  ip link set lo up
  ip link add pb0 type veth peer name pb1
  ip addr add 10.77.0.1/24 dev pb0
  ip link set pb0 up
  ip link set pb1 up
  # a page without a camera offers the address of the default route only
  ip route add default via 10.77.0.2
  exec node "$@"' netns "$@"
