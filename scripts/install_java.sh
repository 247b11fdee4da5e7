#!/usr/bin/env bash
# Spark runs on Java 17 or later; take what is there, else Debian's package where that is allowed.
set -euo pipefail

major() { "$1" -version 2>&1 | sed -nE '1s/.*"([0-9]+).*/\1/p'; }

java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
if command -v "$java" >/dev/null && [ "$(major "$java")" -ge 17 ]; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null
  exit 0
fi
echo "Spark needs Java 17: install it (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME" >&2
exit 1
