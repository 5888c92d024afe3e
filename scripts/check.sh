#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check.sh [NAME...] - all checks, or the named ones; last line "N passed, M failed".
#
# Each check is a command whose own last line has that form; its whole output is kept in
# build/check/NAME.log and shown when something failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export JOBS=${JOBS:-$(nproc)} PYTHONDONTWRITEBYTECODE=1
logs=build/check
mkdir -p $logs

checks=(layers headers gcc scalar asan tsan fuzz install docs format tidy interop crash python peers)
command_of()
{
    case $1 in
    layers) echo scripts/check_layers.py ;;
    headers) echo scripts/check_headers.sh ;;
    gcc) echo scripts/check_tests.sh gcc ;;
    scalar) echo env TESSERA_CPU=scalar scripts/check_tests.sh gcc kernel codec chunk zarr format array ;;
    asan) echo scripts/check_tests.sh asan ;;
    tsan) echo scripts/check_tests.sh tsan sys task array frame store format ;;
    fuzz) echo scripts/fuzz.sh 8 ;;
    install) echo scripts/check_install.sh ;;
    docs) echo scripts/docs.py --check ;;
    format) echo scripts/check_format.sh ;;
    tidy) echo scripts/check_tidy.sh ;;
    interop) echo scripts/check_interop.sh ;;
    crash) echo scripts/check_crash.sh ;;
    python) echo scripts/check_python.sh ;;
    peers) echo tests/peers/run_blosc2.py ;;
    *) return 1 ;;
    esac
}

passed=0 failed=0
run()
{
    local name=$1 log=$logs/$1.log start=$SECONDS rc p f
    # shellcheck disable=SC2046
    $(command_of "$name") >"$log" 2>&1 </dev/null
    rc=$?
    read -r p f < <(scripts/count.sh "$log" $rc)
    passed=$((passed + p)) failed=$((failed + f))
    printf '%-8s %5d passed %3d failed  %4d s\n' "$name" "$p" "$f" $((SECONDS - start))
    grep -E '^(skipped|note|CPU):' "$log" | sort | uniq -c | sed 's/^ *1 /  /; s/^ */  /' | head -n 20
    if [ "$f" -ne 0 ]; then
        echo "---- $log"
        tail -n 60 "$log"
        echo "----"
    fi
}

[ $# -gt 0 ] || set -- "${checks[@]}"
for name in "$@"; do
    command_of "$name" >/dev/null || { echo "no check named $name; there are: ${checks[*]}" >&2; exit 2; }
done
if ! scripts/setup.sh build python check browser peer servers || ! scripts/build.sh; then
    echo "0 passed, 1 failed"
    exit 1
fi
for name in "$@"; do run "$name"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
