#!/usr/bin/env bash
# Widgets are tested in Chromium; take what is there, else Debian's packages where that is allowed.
set -euo pipefail

if command -v chromium >/dev/null; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
  exit 0
fi
echo "The tests of widgets need Chromium: install it (Debian: apt-get install chromium)" >&2
exit 1
