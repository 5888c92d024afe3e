#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/install.sh PREFIX [DESTDIR] - installs what build/ holds.
set -euo pipefail
cd "$(dirname "$0")/.."
meson configure build -Dprefix="$1"
meson install -C build --quiet ${2:+--destdir "$2"}
if [ -z "${2:-}" ] && [ "$(id -u)" -eq 0 ]; then ldconfig; fi
echo "installed below ${2:-}$1"
