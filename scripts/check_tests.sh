#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_tests.sh gcc|asan|tsan [SUITE...] [-SUITE...] - builds the C tests as
# scripts/meson.sh says and runs them, or only the named suites (folders of tests/), or all but those
# with a minus.
set -uo pipefail
cd "$(dirname "$0")/.."
dir=build/$1
wrap=()
# the thread sanitizer of clang 14 cannot place its shadow under wide address randomisation
if [ "$1" = tsan ] && setarch -R true 2>/dev/null; then wrap=(setarch -R); fi
export TESSERA_SERVERS=needed # moto and nginx: scripts/setup.sh servers
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
if ! scripts/meson.sh "$1"; then
    echo "the build in $dir failed"
    echo "0 passed, 1 failed"
    exit 1
fi
shift

suites=()
for s in "$@"; do
    case $s in
    -*) suites+=(--no-suite "${s#-}") ;;
    *) suites+=(--suite "$s") ;;
    esac
done
rm -f "$dir/meson-logs/testlog.json"
# sanitizers and the scalar core are slower than the limits, which are set for the shipped build;
# one test more than there are cores, since some mostly wait
"${wrap[@]}" meson test -C "$dir" --no-rebuild --num-processes $((${JOBS:-2} + 1)) \
    --timeout-multiplier 4 "${suites[@]}" >"$dir/test.log" 2>&1
scripts/tally.py "$dir/meson-logs/testlog.json"
