#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# examples/run.sh PROGRAMS LINE - runs a shell line in a folder of its own, programs in PATH.
set -e
here=$(cd "$(dirname "$0")" && pwd)
export here PATH="$1:$PATH"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
eval "$2"
