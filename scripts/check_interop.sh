#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_interop.sh [FILE...] - the tests in tests/interop against python-blosc2.
# Each test_*.py there is a program of its own: it finds ours in $TESSERA, the golden files in
# $TESSERA_GOLDEN when that is set, says "skipped: why" where something is missing, and ends with
# a line "N passed, M failed".
set -uo pipefail
cd "$(dirname "$0")/.."
python=$PWD/build/peers/blosc2/bin/python
if [ ! -x "$python" ]; then
    echo "skipped: python-blosc2 could not be had from PyPI"
    echo "0 passed, 0 failed"
    exit
fi
export TESSERA=${TESSERA:-$PWD/build/tessera}
if [ -z "${TESSERA_TOOLS:-}" ]; then # programs of tests/, for what the command line does not reach
    export TESSERA_TOOLS=$PWD/build/gcc/tests
    scripts/meson.sh gcc || { echo "0 passed, 1 failed"; exit 1; }
fi
[ $# -gt 0 ] || set -- $(find tests/interop -name 'test_*.py' 2>/dev/null | sort)
passed=0 failed=0
for t in "$@"; do
    log=build/check/interop-$(basename "$t" .py).log
    "$python" "$t" >"$log" 2>&1
    rc=$?
    grep -E '^(skipped|note):' "$log"
    read -r p f < <(scripts/count.sh "$log" $rc)
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$f" -ne 0 ]; then tail -n 40 "$log"; fi
    echo "$t: $p passed, $f failed"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
