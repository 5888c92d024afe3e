#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/bench.sh [WORD...] - Tessera beside the C library of python-blosc2's wheel, workload by
# workload: all of them, or those whose group or name holds a WORD.  `kernels` and `box` instead
# time the parts inside.  Leaves build/bench/results.txt, .json and, with matplotlib, .png.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build peer
peer=$(scripts/peer.sh)
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
work=build/bench/work
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
args=(--dir "$work" --json build/bench/results.json)
[ -n "$peer" ] && args+=(--peer "$PWD/build/bench/bench/bench_blosc2.so")
build/bench/bench/bench "${args[@]}" "$@" | tee build/bench/results.txt
python3 bench/plot.py build/bench/results.json build/bench/results.png || true
