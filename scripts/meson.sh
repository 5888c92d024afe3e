#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/meson.sh KIND - configures a build folder once, then builds what has changed.
#
#   build  build/        what users get: program, libraries, examples
#   gcc    build/gcc     the same with tests and benchmarks, warnings are errors
#   asan   build/asan    clang, address and undefined-behaviour sanitizers, fuzz targets
#   tsan   build/tsan    clang, thread sanitizer
#   bench  build/bench   benchmarks
#
# A folder that another Meson or other options configured is configured anew.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=build/$1
strict=(-Dwerror=true -Db_lundef=false)
# a tree that is cloned anew builds the same again
cached() { if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi; }
case $1 in
build) dir=build args=(-Dtests=false) ;;
gcc) CC=$(cached gcc); args=(-Dwerror=true -Dbench=true) ;;
asan)
    CC=$(cached clang)
    args=("${strict[@]}" -Db_sanitize=address,undefined -Dfuzz=true --buildtype=debugoptimized
          -Dpeer="$(scripts/peer.sh)") # fuzz_diff asks it
    ;;
tsan)
    CC=$(cached clang)
    args=("${strict[@]}" -Db_sanitize=thread -Dexamples=false --buildtype=debugoptimized)
    ;;
bench)
    # beside the peer, if there is one
    args=(-Dtests=false -Dexamples=false -Dbench=true -Dpeer="$(scripts/peer.sh)")
    ;;
*) echo "meson.sh: unknown kind $1" >&2; exit 2 ;;
esac
[ -z "${CC:-}" ] || export CC

want="$(command -v meson) $(meson --version) ${CC:-cc} ${args[*]}"
stamp=$dir/.configured
if [ ! -f "$dir/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
    rm -rf "$dir/meson-private" "$dir/meson-info" "$dir/build.ninja"
    mkdir -p "$dir"
    if ! meson setup "$dir" "${args[@]}" >"$dir/setup.log" 2>&1 </dev/null; then
        tail -n 20 "$dir/setup.log"
        exit 1
    fi
    echo "$want" >"$stamp"
fi
if ! ninja -C "$dir" -j "${JOBS:-$(nproc)}" >"$dir/ninja.log" 2>&1 </dev/null; then
    grep -E -A5 'error:|FAILED:|undefined reference|warning:|ERROR' "$dir/ninja.log" | head -n 60
    exit 1
fi
