#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/build.sh - the program at build/tessera, the libraries beside it, the examples, and a
# Python environment with the package at build/venv.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build python
scripts/meson.sh build
if ! scripts/python.sh env >/dev/null; then
    echo "build: the Python package could not be built; the rest is there" >&2
fi
