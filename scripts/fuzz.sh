#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/fuzz.sh SECONDS [TARGET...] - runs each fuzz target over its kept corpus in
# fuzz/corpus/TARGET and then for so many seconds on inputs of its own, which it keeps in
# build/fuzz/TARGET for the next time.  A failing input is left in build/fuzz.  Prints how many
# inputs each had and how many edges of the code they met; fuzz_diff, which compares with
# c-blosc2, also how many were the same and which rules allowed a difference how often.
#
# In a run of less than a minute, which is a check and no search, all draw the same inputs each
# time, and fuzz_diff asks about the kept ones only: a new difference is a question and no failure
# yet.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
if ! scripts/meson.sh asan; then
    echo "0 passed, 1 failed"
    exit 1
fi
[ $# -gt 0 ] || set -- $(find build/asan/fuzz -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x -printf '%f\n' | sort)

[ -n "$(scripts/peer.sh)" ] || echo "skipped: fuzz_diff: python-blosc2 could not be had from PyPI"

# One target; the inputs found are kept beside the corpus, never in the source tree.
one()
{
    local own=build/fuzz/$1 kept=fuzz/corpus/$1 log=build/fuzz/$1.log
    mkdir -p "$own" "build/fuzz/empty"
    [ -d "$kept" ] || kept=build/fuzz/empty
    # -entropic=0: its upkeep takes two thirds of the time with some thousand inputs
    local long=(-max_total_time="$seconds" -entropic=0)
    if [ "$seconds" -lt 60 ]; then
        rm -rf "$own" && mkdir -p "$own"
        long+=(-seed=1)
        [ "$1" != fuzz_diff ] || long=(-runs=0)
    fi
    if "build/asan/fuzz/$1" "${long[@]}" -rss_limit_mb=2048 -timeout=25 \
        -artifact_prefix="build/fuzz/$1-" -print_final_stats=1 "$own" "$kept" >"$log" 2>&1; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
            "$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1) of" \
            "$(sed -n 's/.*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$log") edges"
        grep -E '^(compared|rule):' "$log"
        return 0
    else
        echo "FAILED $1:"
        tail -n 40 "$log"
        return 1
    fi
}

export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=allocator_may_return_null=1
passed=0 failed=0 pids=()
finish()
{
    if wait "$1"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
for t in "$@"; do
    one "$t" &
    pids+=($!)
    if [ ${#pids[@]} -ge "${JOBS:-2}" ]; then
        finish "${pids[0]}"
        pids=("${pids[@]:1}")
    fi
done
for p in "${pids[@]}"; do finish "$p"; done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
