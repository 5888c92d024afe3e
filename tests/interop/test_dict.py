#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Dictionaries: chunks and arrays with them, both ways with python-blosc2, and their sizes.

Ours must be read by the peer and the peer's by us, whole, in slices and after either changed a
file of the other.  A chunk of ours may never be larger than the same without a dictionary by
more than 1 %, nor than the peer's with one by more than 5 %.  -v prints the sizes."""
import itertools
import os
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from tally import Tally

CODECS = {"zstd": blosc2.Codec.ZSTD, "lz4": blosc2.Codec.LZ4, "lz4hc": blosc2.Codec.LZ4HC}
FILTERS = {"none": 0, "shuffle": 1, "bitshuffle": 2, "delta": 3}
t = Tally()
ratios = []


def records(rng, n):
    """Lines of text that are much alike."""
    names = ("alpha", "beta", "gamma", "delta")
    text = "".join(f'{{"id": {i}, "name": "{names[rng.integers(4)]}", "value": {v:.3f}}}\n'
                   for i, v in enumerate(rng.normal(size=n // 30)))
    return np.frombuffer(text.encode(), "u1")[:n]


def waves(rng, n):
    """An f4 signal with a little noise."""
    m = n // 4
    return (np.sin(np.arange(m) / 300) * 1000 + rng.normal(size=m) * .05).astype("<f4")


def words(rng, n):
    """u2 numbers of which few are common."""
    return rng.zipf(1.5, n // 2).clip(0, 60000).astype("<u2")


def rows(rng, n):
    """Records of 12 bytes."""
    v = np.zeros(n // 12, "<i4,<i4,<f4")
    v["f0"] = np.arange(len(v))
    v["f1"] = rng.integers(0, 9, len(v))
    v["f2"] = v["f1"] * 1.5
    return v


def noise(rng, n):
    return rng.integers(0, 256, n, "u1")


KINDS = (records, waves, words, rows, noise)


def peer_params(codec, name, level, item, dictionary=True):
    return {"codec": CODECS[codec], "clevel": level, "typesize": item, "use_dict": dictionary,
            "filters": [blosc2.Filter(i) for i in [0] * 5 + [FILTERS[name]]],
            "filters_meta": [0] * 6, "nthreads": 1}


def steps_of(codec, name, level, dictionary=True):
    return (([(name, None)] if name != "none" else []) +
            [(codec, f"clevel={level},dict=1" if dictionary else f"clevel={level}")])


def chunks(kind, n, block, codec, name, level):
    what = f"{kind.__name__} {n}/{block} {codec} {name} {level}"
    data = kind(np.random.default_rng(5), n)
    raw, item = data.tobytes(), data.dtype.itemsize
    with t.case(what):
        ours = tsr.compress(raw, item, steps_of(codec, name, level), block)
        plain = tsr.compress(raw, item, steps_of(codec, name, level, False), block)
        t.check(len(ours) <= 1.01 * len(plain), what, f"{len(ours)} bytes, {len(plain)} without")
        t.same(blosc2.decompress2(ours, nthreads=1), raw, f"{what}: the peer reads ours")
        t.same(tsr.decompress(ours), raw, f"{what}: we read ours")
        theirs = blosc2.compress2(raw, blocksize=block, **peer_params(codec, name, level, item))
        t.counts["chunks of ours with a dictionary"] += tsr.chunk_info(ours).dict
        t.counts["chunks"] += 1
        if tsr.chunk_info(theirs).memcpyed and theirs[31] & 1:
            t.counts["chunks the peer cannot read itself (blosc2.md 3.1 [Q])"] += 1
        t.same(tsr.decompress(theirs), raw, f"{what}: we read theirs")
        at, m = len(raw) // 3, len(raw) // 4
        t.same(tsr.decompress_range(theirs, at, m), raw[at:at + m], f"{what}: a part of theirs")
        t.check(len(ours) <= 1.05 * len(theirs), what, f"{len(ours)} bytes, the peer's "
                f"{len(theirs)}")
        ratios.append((len(ours) / len(theirs), len(ours) / len(plain), what))


def arrays(codec, name, folder):
    """Each library writes an array, the other reads it, changes it, and the first reads that."""
    what = f"array {codec} {name}"
    rng = np.random.default_rng(6)
    data = waves(rng, 4 * 300 * 200).reshape(300, 200)
    shape, blocks = (150, 100), (10, 50)
    box = np.s_[40:260, 30:170]
    patch = waves(rng, 4 * 60 * 50).reshape(60, 50)
    new = data.copy()
    new[100:160, 80:130] = patch
    mine, other = os.path.join(folder, "a.b2nd"), os.path.join(folder, "b.b2nd")
    with t.case(what):
        with tsr.Array.create(mine, "<f4", data.shape, shape, blocks,
                              steps_of(codec, name, 5)) as a:
            a.write(data.tobytes())
            t.same(a.steps[-1][1], "clevel=5,dict=1", f"{what}: its steps")
        b = blosc2.open(mine, mode="a")
        t.same(b.schunk.cparams.use_dict, True, f"{what}: the frame says so")
        t.same(b[:].tobytes(), data.tobytes(), f"{what}: the peer reads ours")
        t.same(b[box].tobytes(), data[box].tobytes(), f"{what}: the peer reads a slice")
        b[100:160, 80:130] = patch
        del b
        with tsr.Array.open(mine) as a:
            t.same(a.read(), new.tobytes(), f"{what}: we read what the peer changed")
        blosc2.asarray(data, chunks=shape, blocks=blocks, urlpath=other, mode="w",
                       cparams=peer_params(codec, name, 5, 4))
        with tsr.Array.open(other, "r+") as a:
            t.same(a.read(), data.tobytes(), f"{what}: we read theirs")
            t.same(a.read((40, 30), (220, 140)), data[box].tobytes(), f"{what}: and a slice")
            a.write(patch.tobytes(), (100, 80), (60, 50))
            t.same(a.read(), new.tobytes(), f"{what}: after our change, by us")
        t.same(blosc2.open(other)[:].tobytes(), new.tobytes(), f"{what}: and by the peer")
    for path in (mine, other):
        if os.path.exists(path):
            os.remove(path)


def super_chunks(codec, folder):
    what = f"super-chunk {codec}"
    data = records(np.random.default_rng(7), 400000).tobytes()
    path = os.path.join(folder, "s.b2frame")
    with t.case(what):
        with tsr.Schunk.create(path, 1, 100000, 4096, steps_of(codec, "none", 5)) as s:
            for at in range(0, len(data), 70001):
                s.append(data[at:at + 70001])
        t.same(blosc2.open(path)[:], data, f"{what}: the peer reads ours")
        with tsr.Schunk.open(path, "r+") as s:
            dicts = sum(tsr.chunk_info(s.get_chunk(i)).dict for i in range(s.nchunks))
            if codec != "lz4":  # to which that of a short chunk does not pay
                t.same(dicts, s.nchunks, f"{what}: each chunk has a dictionary")
            s.set(50000, data[:1000])
        new = data[:50000] + data[:1000] + data[51000:]
        t.same(blosc2.open(path)[:], new, f"{what}: the peer reads our change")


def main():
    blosc2.set_nthreads(1)
    for kind, codec, name, level in itertools.product(KINDS, CODECS, FILTERS, (1, 5)):
        chunks(kind, 300000, 4096 - 4096 % 12, codec, name, level)
    for kind, codec, block in itertools.product(KINDS, CODECS, (1200, 24000)):
        chunks(kind, 1200000, block, codec, "shuffle", 5)
    for n, codec in itertools.product((100, 2400, 6000, 20000), CODECS):
        chunks(records, n, 600, codec, "none", 5)
    chunks(records, 300000, 6000, "zstd", "none", 9)
    with tempfile.TemporaryDirectory() as folder:
        for codec, name in itertools.product(CODECS, ("none", "shuffle", "bitshuffle")):
            arrays(codec, name, folder)
        for codec in CODECS:
            super_chunks(codec, folder)
    if "-v" in sys.argv[1:]:
        for r in sorted(ratios, reverse=True):
            print("%.4f of the peer's, %.4f of ours without: %s" % r)
    if ratios:
        theirs, plain = (np.exp(np.mean([np.log(r[i]) for r in ratios])) for i in (0, 1))
        worst = max(ratios)
        print(f"note: chunks with dictionaries are {theirs:.4f} of the peer's on average, "
              f"{worst[0]:.4f} at worst ({worst[2]}); {plain:.4f} of those without")
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
