#!/usr/bin/env bash
# The cache is tested on a real Redis; take what is there, else Debian's package where that is allowed.
set -euo pipefail

if command -v redis-server >/dev/null; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends redis-server >/dev/null
  exit 0
fi
echo "The tests of the Redis cache need redis-server: install it (Debian: apt-get install redis-server)" >&2
exit 1
