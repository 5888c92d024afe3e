#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_tidy.sh [FILE...] - clang-tidy with the checks of .clang-tidy over the library and
# the program; a file counts as one.
set -uo pipefail
cd "$(dirname "$0")/.."
scripts/meson.sh asan || { echo "0 passed, 1 failed"; exit 1; }
[ $# -gt 0 ] || set -- src/*/*.c src/*/*/*.c cli/*.c
out=build/check/tidy
mkdir -p "$out"
tidy()
{
    local log=$out/${1//\//_}.log
    if ! clang-tidy -p build/asan --quiet "$1" >"$log" 2>&1; then
        grep -E -A4 'error:|warning:' "$log"
        echo "FAILED $1"
    fi
}
export -f tidy
export out
files=()
for f in "$@"; do [ -f "$f" ] && files+=("$f"); done
said=$(printf '%s\n' "${files[@]}" | xargs -P "${JOBS:-2}" -I{} bash -c 'tidy {}')
[ -z "$said" ] || printf '%s\n' "$said"
failed=$(grep -c '^FAILED' <<<"$said")
echo "$((${#files[@]} - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
