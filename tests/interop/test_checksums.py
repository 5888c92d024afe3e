#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Files with Tessera's checksums: python-blosc2 reads them, and what it changes is never taken for
damage; what is damaged is found, at the right chunk, also after a repack brought the checksums
back."""
import os
import shutil
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from tally import Tally

SEED = int(os.environ.get("TESSERA_SEED", 2026))
LIVES = int(os.environ.get("TESSERA_LIVES", 300)) // 10

t = Tally()
folder = tempfile.TemporaryDirectory(prefix="tessera-checksums-")
SHAPE, CHUNKS, BLOCKS = (40, 30), (8, 10), (4, 5)


def objects(url):
    """The files that make a container, by name."""
    if os.path.isfile(url):
        return [url]
    return [os.path.join(url, name) for name in sorted(os.listdir(url))]


def flip(name, at, bit):
    with open(name, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << bit]))


def problems(url):
    """What verify finds; that the file cannot even be opened is a finding too."""
    try:
        return tsr.verify(url)
    except tsr.Error as e:
        return [(-1, (), str(e))]


def flips(rng, url, what, count):
    """Bits of stored chunks, flipped one at a time, are found at their chunk."""
    with tsr.Schunk.open(url, format="b2frame") as s:
        chunks = [s.get_chunk(i) for i in range(s.nchunks)]
    for _ in range(count):
        i = int(rng.integers(len(chunks)))
        if len(chunks[i]) <= 32:
            continue                            # special: it has no bytes of its own
        place = next((name, data.find(chunks[i])) for name in objects(url)
                     for data in [open(name, "rb").read()] if chunks[i] in data)
        at, bit = place[1] + int(rng.integers(len(chunks[i]))), int(rng.integers(8))
        flip(place[0], at, bit)
        found = problems(url)
        t.check(i in [chunk for chunk, _, _ in found], f"{what}: a bit of chunk {i} is found", found)
        flip(place[0], at, bit)
        t.counts["bits flipped"] += 1
    t.same(problems(url), [], f"{what}: nothing is wrong when all are back")


def peer_changes(rng, url, model):
    b = blosc2.open(url, mode="a")
    for _ in range(int(rng.integers(1, 4))):
        op = int(rng.integers(3))
        if op == 0:
            b.schunk.vlmeta[f"n{rng.integers(3)}"] = "x" * int(rng.integers(200))
        elif op == 1:
            rows = slice(int(rng.integers(20)), int(rng.integers(21, 40)))
            model[rows] = rng.normal(size=model[rows].shape)
            b[rows] = model[rows]
        else:
            model = np.concatenate([model, np.zeros((8, model.shape[1]))])
            b.resize(model.shape)
    return model


def live(number):
    rng = np.random.default_rng((SEED, number))
    url, sparse = os.path.join(folder.name, "c.b2nd"), bool(number % 2)
    what = f"life {number}, {'sparse' if sparse else 'contiguous'}"
    model = rng.normal(size=SHAPE).round(2)
    with tsr.Array.create(url, "<f8", SHAPE, CHUNKS, BLOCKS, checksum=True, sparse=sparse) as a:
        a.write(model.tobytes())
    t.same(problems(url), [], f"{what}: new")
    flips(rng, url, what, 5)
    t.same(blosc2.open(url, mode="r")[...].tobytes(), model.tobytes(), f"{what}: blosc2 reads")
    model = peer_changes(rng, url, model)
    t.same(problems(url), [], f"{what}: changed by blosc2")
    with tsr.Array.open(url, "r+") as a:
        t.same(a.read(), model.tobytes(), f"{what}: tessera reads what blosc2 changed")
        model[3:9, 2:7] = 5
        a.write(model[3:9, 2:7].tobytes(), (3, 2), (6, 5), (1, 1))
    t.same(problems(url), [], f"{what}: changed by tessera after blosc2")
    tsr.repack(url, checksum=True)
    flips(rng, url, f"{what}, repacked", 5)
    t.same(blosc2.open(url, mode="r")[...].tobytes(), model.tobytes(), f"{what}: at the end")
    shutil.rmtree(url) if sparse else os.unlink(url)


def main():
    print(f"note: python-blosc2 {blosc2.__version__}, NumPy {np.__version__}, seed {SEED}")
    for number in range(LIVES):
        with t.case(f"life {number}"):
            live(number)
    t.counts["lives"] = LIVES
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
