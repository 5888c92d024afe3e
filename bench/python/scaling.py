# SPDX-License-Identifier: BSD-3-Clause
"""scaling.py - how reads from eight Python threads scale when the pool has one thread.

The cores of a machine may be shared, so the measure is a loop in C that touches registers only,
called without the GIL from as many threads, in turn with the reads: scaling is the rate of eight
threads over that of one, and what counts is the reads' scaling over the loop's, each pair within a
moment of the other.  The median of ten pairs is given; pairs that others disturbed are done again
(bench/probe.h).
"""

from __future__ import annotations

import ctypes
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import data
from limits import Probe

NAME = "threads scaling"
THREADS, PAIRS, MOST_PAIRS, TARGET = 8, 10, 30, 0.8

LOOP = """
unsigned long spin(unsigned long n)
{
    unsigned long x = n | 1;
    for (; n; n--) x = x * 6364136223846793005ul + 1442695040888963407ul;
    return x;
}
"""


def spinner(folder: str) -> Callable[[int], int]:
    """The loop, compiled; ctypes releases the GIL while it runs."""
    source, library = Path(folder) / "spin.c", Path(folder) / "spin.so"
    source.write_text(LOOP)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", source, "-o", library], check=True)
    spin = ctypes.CDLL(str(library)).spin
    spin.argtypes, spin.restype = [ctypes.c_ulong], ctypes.c_ulong
    return spin


def scale(pool: ThreadPoolExecutor, work: Callable[[int], Any], jobs: int) -> float:
    """The rate of `jobs` jobs on the threads of the pool over their rate one by one."""
    begin = time.perf_counter()
    for i in range(jobs):
        work(i)
    alone = time.perf_counter() - begin
    begin = time.perf_counter()
    list(pool.map(work, range(jobs)))
    return alone / (time.perf_counter() - begin)


def jobs_for(work: Callable[[int], Any], seconds: float) -> int:
    """How many jobs take about that long, a multiple of the threads."""
    work(0)
    begin = time.perf_counter()
    for i in range(8):
        work(i)
    each = (time.perf_counter() - begin) / 8
    return max(THREADS, round(seconds / each / THREADS) * THREADS)


def measure(folder: str, probe: Probe) -> dict[str, Any]:
    """Both scalings, pair by pair, and the median of their ratios."""
    import tessera

    values = data.smooth_f4((320, 320, 320))
    arr = tessera.asarray(
        values, chunks=(80,) * 3, blocks=(20,) * 3, cparams={"nthreads": 1}, dparams={"nthreads": 1}
    )
    spin = spinner(folder)
    spin_n = 1 << 20
    at = np.random.default_rng(3).integers(0, 240, (256, 3)).tolist()

    def read(i: int) -> None:
        x, y, z = at[i % len(at)]
        arr[x : x + 40, y : y + 80, z : z + 80]

    def loop(_: int) -> None:
        spin(spin_n)

    pairs = []
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = jobs_for(read, 0.25), jobs_for(loop, 0.25)
        for done in range(MOST_PAIRS):
            quiet = probe.quiet()
            pair = scale(pool, read, jobs[0]), scale(pool, loop, jobs[1])
            if (probe.quiet() and quiet) or MOST_PAIRS - done <= PAIRS - len(pairs):
                pairs.append(pair)
            if len(pairs) == PAIRS:
                break
    ratio = statistics.median(a / b for a, b in pairs)
    return {"reads": [a for a, _ in pairs], "loop": [b for _, b in pairs], "ratio": ratio}


def report(folder: str, probe: Probe) -> dict[str, Any]:
    """Measures and prints one line."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        got = measure(place, probe)
    reads, loop = (statistics.median(got[k]) for k in ("reads", "loop"))
    print(
        f"\nthreads: {THREADS} Python threads read one array, pool of 1: {reads:.2f}x of one; a "
        f"loop in registers {loop:.2f}x; ratio {got['ratio']:.2f} (target {TARGET})"
    )
    return got


if __name__ == "__main__":
    report(".", Probe("", THREADS))
