#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_crash.sh [POINTS [SEED [LIFE]]] - crashes at every point of many lives of files
# (tests/crash); what is left is read by Tessera and by python-blosc2.  20,000 points are drawn
# unless it is told otherwise.
set -uo pipefail
cd "$(dirname "$0")/.."
python=$PWD/build/peers/blosc2/bin/python
if ! scripts/meson.sh gcc; then
    echo "0 passed, 1 failed"
    exit 1
fi
if [ -x "$python" ]; then export TESSERA_PEER="'$python' '$PWD/tests/crash/peer.py'"; fi
[ $# -gt 0 ] || set -- 20000
build/gcc/tests/crash "$@"
