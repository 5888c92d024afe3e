#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/count.sh LOG STATUS - "P F" from a log whose last line is "P passed, F failed".  What
# broke down before it could count, or failed without saying of what, is one failure.
read -r p f < <(tail -n 1 "$1" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2/p')
if [ -z "${f:-}" ]; then p=0 f=1; fi
if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
echo "$p $f"
