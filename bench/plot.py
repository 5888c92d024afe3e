#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""plot.py RESULTS.json PICTURE.png - the ratios of a benchmark run as bars.

A PNG where matplotlib is installed, else bars of text; 1.0 is the peer."""
import json
import math
import sys


def text_bars(rows):
    print("\npeer time / Tessera's time, four # per doubling (| is 1.0):")
    for name, ratio in rows:
        n = round(4 * math.log2(ratio))
        left = "#" * min(-n, 12) if n < 0 else ""
        print(f"{name:52} {left:>12}|{'#' * min(max(n, 0), 40)} {ratio:.2f}")


def picture(plt, rows, path):
    fig, ax = plt.subplots(figsize=(9, 0.22 * len(rows) + 1))
    names, ratios = zip(*reversed(rows))
    ax.barh(names, [math.log2(r) for r in ratios],
            color=["#2a788e" if r >= 1 else "#c43c39" for r in ratios])
    ticks = range(-2, 7)
    ax.set_xticks(list(ticks), [f"{2.0 ** t:g}x" for t in ticks])
    ax.axvline(0, color="black", linewidth=1)
    ax.set_xlabel("times as fast as the peer (right is faster)")
    ax.tick_params(axis="y", labelsize=7)
    fig.tight_layout()
    fig.savefig(path, dpi=130)
    print(f"plot: {path}")


def main():
    with open(sys.argv[1]) as f:
        rows = [(f"{r['group']} {r['name']}", r["ratio"]) for r in json.load(f)["rows"]
                if "ratio" in r]
    if not rows:
        return
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        text_bars(rows)
    else:
        picture(plt, rows, sys.argv[2])


if __name__ == "__main__":
    main()
