#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/bench.sh [NAME...] - builds the benchmarks and runs them one after the other, beside the
# C library of python-blosc2's wheel where it can be had.  What is printed is kept in
# build/bench/results.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build peer
export TESSERA_PEER=$PWD/build/peers/blosc2
scripts/meson.sh bench
[ $# -gt 0 ] || set -- $(find build/bench/bench -maxdepth 1 -type f -name 'bench_*' -perm -u+x -printf '%f\n' | sort)
{
    grep -m1 'model name' /proc/cpuinfo | sed 's/.*: /CPU: /' || true
    echo "cores: $(nproc)"
    for b in "$@"; do
        echo
        echo "== $b"
        "build/bench/bench/$b"
    done
} | tee build/bench/results.txt
