#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_headers.sh - the public header compiles alone in strict C and in C++, with both
# compilers; each internal header compiles alone.  Files named *_impl.h are bodies, not headers.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0 failed=0
try()
{
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "does not compile alone: $what"
    fi
}

public='#include <tessera/tessera.h>'
warn=(-Wall -Wextra -Werror -fsyntax-only -Iinclude)
for cc in gcc clang; do
    try "tessera.h, $cc C17" "$cc" -xc -std=c17 -pedantic "${warn[@]}" - <<<"$public"
    try "tessera.h, $cc C++17" "$cc" -xc++ -std=c++17 -pedantic "${warn[@]}" - <<<"$public"
done
deps=$(pkg-config --cflags json-c libpng libzstd liblz4 libxxhash)
for h in $(find src -name '*.h' ! -name '*_impl.h' | sort); do
    # shellcheck disable=SC2086
    try "$h" gcc -xc -std=gnu17 "${warn[@]}" -Isrc $deps - <<<"#include \"${h#src/}\""
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
