#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/package.sh NAME - fetches a Debian package of data and unpacks it in build/demo/NAME,
# where it stays; nothing is installed.  Fails when it cannot be had, and says why.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/demo
cd build/demo
[ -d "$1" ] && exit
apt=(-o APT::Sandbox::User=root -qq)
echo "fetching $1 from Debian (unpacked in build/demo, not installed)"
if ! apt-get "${apt[@]}" download "$1" >apt.log 2>&1; then
    # a new machine has no package lists yet
    if [ "$(id -u)" -eq 0 ]; then apt-get -qq update >>apt.log 2>&1
    elif command -v sudo >/dev/null; then sudo apt-get -qq update >>apt.log 2>&1; fi || true
    if ! apt-get "${apt[@]}" download "$1" >>apt.log 2>&1; then
        echo "cannot be had: $1: $(tail -n 1 apt.log)"
        exit 1
    fi
fi
rm -rf "$1.part"
dpkg -x "$1"_*.deb "$1.part" && mv "$1.part" "$1" && rm -f "$1"_*.deb
