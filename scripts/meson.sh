#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/meson.sh FOLDER [MESON OPTION...] - configures once, then builds what has changed.
# A folder that another Meson or another set of options configured is configured anew.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1
shift
want="$(command -v meson) $(meson --version) ${CC:-cc} $*"
stamp=$dir/.configured
if [ ! -f "$dir/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
    rm -rf "$dir/meson-private" "$dir/meson-info" "$dir/build.ninja"
    mkdir -p "$dir"
    if ! meson setup "$dir" "$@" >"$dir/setup.log" 2>&1 </dev/null; then
        tail -n 20 "$dir/setup.log"
        exit 1
    fi
    echo "$want" >"$stamp"
fi
if ! ninja -C "$dir" -j "${JOBS:-$(nproc)}" >"$dir/ninja.log" 2>&1 </dev/null; then
    grep -E -A5 'error:|FAILED:|undefined reference|warning:' "$dir/ninja.log" | head -n 60
    exit 1
fi
