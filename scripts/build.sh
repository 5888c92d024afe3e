#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/build.sh - the program at build/tessera, the libraries beside it, the examples.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build
scripts/meson.sh build
