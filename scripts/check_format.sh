#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/check_format.sh [--fix] - every C file looks as .clang-format says; --fix makes it so.
set -uo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(find include src cli tests examples fuzz bench -name '*.[ch]' | sort)
if [ "${1:-}" = --fix ]; then
    clang-format -i "${files[@]}"
    exit
fi
# clang-format breaks no comments.
narrow() {
    ! LC_ALL=C.UTF-8 grep -nHE '^.{101}' "$1"
}
failed=0
for f in "${files[@]}"; do
    clang-format --dry-run -Werror "$f" && narrow "$f" || failed=$((failed + 1))
done
echo "$((${#files[@]} - failed)) passed, $failed failed"
[ $failed -eq 0 ]
