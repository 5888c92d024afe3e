#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Zarr arrays of rectilinear grids, both ways with zarr-python where it knows them (3.2 and later):
what it makes is read here, whole and in slices, and what is made here is read by it."""
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import tsr
from tally import Tally

ROOT = Path(__file__).resolve().parents[2]
PEER = os.environ.get("TESSERA_ZARR_PEER", ROOT / "build/peers/zarr/bin/python")
t = Tally()
r = random.Random(3)


def peer(mode, folder):
    """Runs the peer; None: it has no such grids."""
    out = subprocess.run([PEER, Path(__file__).with_name("zarr_uneven_peer.py"), mode, folder],
                         capture_output=True, text=True)
    t.check(out.returncode in (0, 3), f"peer: {mode}", out.stderr[-500:])
    return None if out.returncode == 3 else out.stdout


def check(path):
    """An array of the peer, and slices with steps of it."""
    items = np.load(path)
    with tsr.Array.open(path.with_suffix("")) as a:
        t.same(a.read(), items.tobytes(), path.name)
        for _ in range(20):
            start = [r.randint(0, n - 1) for n in items.shape]
            step = [r.choice([1, 1, 2, 5, -1, -3]) for _ in start]
            key = tuple(slice(lo, None, s) for lo, s in zip(start, step))
            want = items[key]
            t.same(a.read(start, want.shape, step), want.tobytes(), f"{path.name} {key}")


def make(folder, name):
    """An array of ours, which grows or shrinks too."""
    ndim, sharded = r.randint(1, 3), r.random() < 0.5
    inner = [r.randint(1, 3) if sharded else 1 for _ in range(ndim)]
    runs = [[(n * r.randint(1, 5), r.randint(1, 2)) for _ in range(r.randint(1, 4))] for n in inner]
    shape = [sum(e * n for e, n in axis) for axis in runs]
    edges = ";".join("+".join(f"{e}x{n}" for e, n in axis) for axis in runs)
    with tsr.Array.create(folder / name, "<i4", shape, blocks=inner if sharded else None,
                          format="zarr3", zarr=f"edges={edges}") as a:
        if r.random() < 0.5:
            shape = [r.randint(1, n + 6) for n in shape]
            a.resize(shape)
        start = [r.randint(0, n - 1) for n in shape]
        part = np.arange(np.prod([n - lo for n, lo in zip(shape, start)]), dtype="<i4") + 1
        part = part.reshape([n - lo for n, lo in zip(shape, start)])
        a.write(part.tobytes(), start, part.shape)
        items = np.zeros(shape, "<i4")
        items[tuple(slice(lo, None) for lo in start)] = part
    np.save(folder / f"{name}.npy", items)


with tempfile.TemporaryDirectory() as text:
    folder = Path(text)
    if not os.path.exists(PEER) or peer("make", folder) is None:
        print("skipped: no zarr-python that knows rectilinear grids")
    else:
        for path in sorted(folder.glob("a*.npy")):
            check(path)
        for i in range(40):
            make(folder, f"w{i}")
        t.same(peer("read", folder), "40\n", "arrays read by zarr-python")
print(f"{t.passed} passed, {t.failed} failed")
sys.exit(t.failed > 0)
