#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""plot.py RESULTS.json PICTURE.png - a benchmark run, of C or of Python, as a picture.

Left the ratios with their targets, right how near Tessera is to the limit; below them, where they
were measured, scaling over that of a loop in registers, memory of a plane, and cost against size.
Without matplotlib: the ratios as bars of text."""
import json
import math
import sys

GOOD, FAIR, BAD, DARK, PEER = "#2a788e", "#e0a030", "#c43c39", "#222222", "#999999"


def rows_of(result):
    """Name, ratio, target and limit over ours (or None) of each row that was compared."""
    out = []
    for row in result.get("rows", []):
        if "ratio" not in row:
            continue
        limit, ours = row.get("limit"), row.get("seconds")
        if "engines" in row:  # as bench/python has it
            ours = next(iter(row["engines"].values()))["seconds"]
            limit = limit and limit["seconds"]
        part = limit / ours if limit else None
        out.append((f"{row['group']}  {row['name']}", row["ratio"], row.get("target") or 1, part))
    return out


def text_bars(rows):
    print("\npeer time / Tessera's time, four # per doubling (| is 1.0):")
    for name, ratio, *_ in rows:
        n = round(4 * math.log2(ratio))
        left = "#" * min(-n, 12) if n < 0 else ""
        print(f"{name:52} {left:>12}|{'#' * min(max(n, 0), 40)} {ratio:.2f}")


def colour(value, target, one=1.0):
    return GOOD if value >= target else FAIR if value >= one else BAD


def plain(ax):
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)


def draw_ratios(ax, rows):
    """Bars from 1 on a doubling scale, with a mark where the target is."""
    at = range(len(rows))
    ax.barh(at, [math.log2(r) for _, r, _, _ in rows], height=0.72,
            color=[colour(r, t) for _, r, t, _ in rows])
    for y, (_, ratio, target, _) in enumerate(rows):
        x = math.log2(target)
        ax.plot([x, x], [y - 0.46, y + 0.46], color=DARK, linewidth=1.6)
        ax.text(max(math.log2(ratio), x, 0) + 0.08, y, f"{ratio:.2f}", va="center", fontsize=6.5)
    low = min(-1, math.floor(min(math.log2(r) for _, r, _, _ in rows)))
    high = max(3, math.ceil(max(math.log2(r) for _, r, _, _ in rows)) + 1)
    ax.set_xlim(low, high)
    ax.set_xticks(range(low, high), [f"{2.0 ** t:g}x" for t in range(low, high)])
    ax.set_yticks(at, [name for name, *_ in rows])
    ax.axvline(0, color=DARK, linewidth=0.8)
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel("times as fast as the peer; black mark: target")


def draw_limits(ax, rows):
    """The time of the codecs' libraries alone over ours, in percent."""
    for y, (_, _, _, part) in enumerate(rows):
        if part is None:
            continue
        ax.barh(y, 100 * min(part, 1.2), height=0.72, color=GOOD, alpha=0.55)
        ax.text(100 * min(part, 1.2) + 2, y, f"{part:.0%}", va="center", fontsize=6.5)
    ax.axvline(100, color=DARK, linewidth=0.8)
    ax.set_xlim(0, 150)
    ax.set_xticks([0, 50, 100], ["0", "50 %", "100 %"])
    ax.tick_params(axis="y", labelleft=False)
    ax.set_xlabel("limit / Tessera's time")


def draw_scaling(ax, result):
    """Pool of two and threads of the user: scaling over that of the loop."""
    lines = [(f"{r['group']} {r['name']}", r["ratio"], r["target"])
             for study in ("pool", "threads") if isinstance(result.get(study), list)
             for r in result[study] if "ratio" in r]
    lines.reverse()
    ax.barh(range(len(lines)), [v for _, v, _ in lines], height=0.7,
            color=[colour(v, t, t) for _, v, t in lines])
    for y, (_, value, target) in enumerate(lines):
        ax.plot([target, target], [y - 0.45, y + 0.45], color=DARK, linewidth=1.6)
        ax.text(max(value, target) + 0.02, y, f"{value:.2f}", va="center", fontsize=6.5)
    ax.set_yticks(range(len(lines)), [name for name, *_ in lines])
    ax.set_xlim(0, 1.4)
    ax.set_xlabel("scaling / that of a loop in registers; black mark: target")
    ax.set_title("pool of two against one; threads of a user", fontsize=8)


def draw_sizes(ax, result):
    """Cost against size, both engines, log-log."""
    marks = {"open": "o", "item": "s", "append": "^", "commit": "D"}
    label_at = 0.0
    for line in sorted(result["size"], key=lambda line: line["seconds"][-1]):
        ours, end = line["engine"] == "tessera", 1e6 * line["seconds"][-1]
        ax.plot([1e3, 1e4, 1e5, 1e6], [1e6 * s for s in line["seconds"]],
                marker=marks[line["what"]], markersize=4, linewidth=1.2 if ours else 0.9,
                color=GOOD if ours else PEER)
        label_at = max(end, 1.6 * label_at)  # so that they do not lie on each other
        ax.text(1.25e6, label_at, f"{line['what']}: {line['verdict']}", fontsize=6.5, va="center",
                color=GOOD if ours else PEER)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(7e2, 8e6)
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_xlabel("chunks; blue: Tessera, grey: peer")
    ax.set_title("cost against size, us", fontsize=8)


def headline(result, rows):
    mean = math.exp(sum(math.log(r) for _, r, _, _ in rows) / len(rows))
    slow = sum(r < 1 for _, r, _, _ in rows)
    under = sum(r < t for _, r, t, _ in rows)
    peer = result.get("peer") or "the peer"
    peer = peer if "blosc2" in peer else f"c-blosc2 {peer}"
    peer = " ".join(peer.split()[:2])
    text = (f"Tessera beside {peer}: {len(rows)} rows, geometric mean {mean:.2f}x, "
            f"{slow} below 1.0, {under} under target")
    planes = [r for r in result.get("memory", []) if "extra" in r]
    if planes:
        worst = max(r["extra"] for r in planes)
        text += (f"\na plane of a 4 GB array takes {worst / 1e6:.1f} MB over the result "
                 f"(target {planes[0]['target'] / 1e6:.1f})")
    if result.get("scaling"):
        text += ("\n8 Python threads read one array: scaling "
                 f"{result['scaling']['ratio']:.2f} of that of a loop in registers (target 0.8)")
    return text


def picture(plt, result, rows, path):
    studies = "size" in result or "pool" in result
    rows = rows[::-1]
    tall = max(0.17 * len(rows), 1.2) + 0.6
    heights = [tall, 2.9] if studies else [tall]
    fig = plt.figure(figsize=(10.5, sum(heights) + 1.1), layout="constrained")
    grid = fig.add_gridspec(len(heights), 3, height_ratios=heights, width_ratios=[1.6, 1, 1.1])
    left = fig.add_subplot(grid[0, :2])
    right = fig.add_subplot(grid[0, 2], sharey=left)
    draw_ratios(left, rows)
    draw_limits(right, rows)
    left.set_ylim(-0.8, len(rows) - 0.2)
    below = []
    if "pool" in result:
        draw_scaling(ax := fig.add_subplot(grid[1, 0]), result)
        below.append(ax)
    if "size" in result and "seconds" in result["size"][0]:
        draw_sizes(ax := fig.add_subplot(grid[1, 1:]), result)
        below.append(ax)
    for ax in (left, right, *below):
        plain(ax)
        ax.tick_params(labelsize=7)
        ax.xaxis.label.set_size(8)
    fig.suptitle(headline(result, rows), fontsize=10)
    fig.savefig(path, dpi=120)
    print(f"plot: {path}")


def main():
    with open(sys.argv[1]) as f:
        result = json.load(f)
    rows = rows_of(result)
    if not rows:
        print(f"{sys.argv[1]}: no row was compared, so there is nothing to draw")
        return
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        text_bars(rows)
    else:
        picture(plt, result, rows, sys.argv[2])


if __name__ == "__main__":
    main()
