#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/bench.sh [WORD...] - Tessera beside the C library of python-blosc2's wheel, workload by
# workload, then the Python packages of both, then Zarr arrays beside zarr-python, zarrs and
# tensorstore: all of them, or those whose group or name holds a WORD.  `c`, `python` or `zarr`
# first: only these.  `kernels` and `box` instead time the parts inside.
# Leaves build/bench/results.txt, .json and, with matplotlib, .png; python.txt, zarr.txt and so on.
# docs/bench.md says what the columns mean.
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in -h | --help | help) sed -n '3,8s/^# //p' "scripts/bench.sh"; exit ;; esac
scripts/setup.sh build peer
peer=$(scripts/peer.sh)
sides=(c python zarr)
case ${1:-} in c | python | zarr) sides=("$1"); shift ;; esac
scripts/meson.sh bench

case ${1:-} in
kernels | box)
    name=$1
    shift
    exec "build/bench/bench/bench_$name" "$@"
    ;;
esac

grep -m1 'model name' /proc/cpuinfo | sed 's/.*: /CPU: /' || true
echo "cores: $(nproc), load: $(cut -d' ' -f1 /proc/loadavg)"
if [ "${sides[*]}" != c ]; then
    scripts/setup.sh python
    env=$(scripts/python.sh env)
fi
work=build/bench/work
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
other=build/peers/blosc2/bin/python
draw=python3
[ -x $other ] && draw=$other
common=(--dir "$work" --limit "$PWD/build/bench/bench/bench_limit.so")

beside_c()
{
    local args=("${common[@]}" --json build/bench/results.json)
    [ -n "$peer" ] && args+=(--peer "$PWD/build/bench/bench/bench_blosc2.so")
    build/bench/bench/bench "${args[@]}" "$@" | tee build/bench/results.txt
    "$draw" bench/plot.py build/bench/results.json build/bench/results.png || true
}

# in_python SET NAME WORD...
in_python()
{
    local args=("${common[@]}" --set "$1" --json "build/bench/$2.json" --peers "$PWD/build/peers")
    local name=$2
    shift 2
    echo
    "$env/bin/python" bench/python/bench.py "${args[@]}" "$@" | tee "build/bench/$name.txt"
    "$draw" bench/plot.py "build/bench/$name.json" "build/bench/$name.png" || true
}

beside_python() { in_python blosc2 python "$@"; }
beside_zarr() { in_python zarr zarr "$@"; }

known()
{
    for side in "${sides[@]}"; do
        case $side in
        c) build/bench/bench/bench --list ;;
        python) "$env/bin/python" bench/python/bench.py --list ;;
        zarr) "$env/bin/python" bench/python/bench.py --set zarr --list ;;
        esac
    done
}

workloads=$(known)
for word; do
    grep -qF -- "$word" <<< "$workloads" && continue
    echo "bench: no workload has '$word' in its name; these are the groups:"
    cut -d' ' -f1 <<< "$workloads" | sort -u | paste -sd' '
    exit 2
done >&2
begin=$SECONDS
for side in "${sides[@]}"; do "beside_$side" "$@"; done
echo "bench: $((SECONDS - begin)) seconds"
