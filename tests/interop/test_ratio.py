#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compressed sizes beside python-blosc2's: same codec, level, filter, chunk and block shape.

Eight kinds of data, each an array of about a MiB in a frame; Tessera's frame may be 2 % larger at
most, but where MORE says so.  -v prints the table: sizes in KiB, ours and theirs, and their
quotient."""
import itertools
import sys

import blosc2
import numpy as np

import tsr
from tally import Tally

CODECS = {"blosclz": blosc2.Codec.BLOSCLZ, "lz4": blosc2.Codec.LZ4, "lz4hc": blosc2.Codec.LZ4HC,
          "zlib": blosc2.Codec.ZLIB, "zstd": blosc2.Codec.ZSTD}
FILTERS = {"none": 0, "shuffle": 1, "bitshuffle": 2}
LEVELS = (1, 5, 9)
MOST = 1.02
MORE = {("steps", "blosclz", "shuffle"): 1.16, ("near_power", "zlib", "none"): 1.03}
t = Tally()


def volume(rng):
    """A smooth f4 field with some detail, as of a simulation."""
    z, y, x = np.meshgrid(*(np.linspace(0, 3, n) for n in (48, 64, 80)), indexing="ij")
    v = np.sin(3 * x + y) * np.cos(2 * y - z) + 0.3 * np.sin(9 * z * x)
    return v.astype("<f4"), (24, 32, 80), (8, 16, 80)


def image(rng):
    """A u2 detector image: a background with photon noise, and stars."""
    y, x = np.mgrid[:700, :800]
    sky = 900 + 0.2 * x + 0.1 * y
    for cy, cx, flux in zip(rng.integers(0, 700, 60), rng.integers(0, 800, 60),
                            rng.lognormal(7, 1, 60)):
        sky[max(cy - 12, 0):cy + 12, max(cx - 12, 0):cx + 12] += (flux * np.exp(
            -((y - cy)**2 + (x - cx)**2) / 9))[max(cy - 12, 0):cy + 12, max(cx - 12, 0):cx + 12]
    return rng.poisson(sky).astype("<u2"), (175, 400), (35, 400)


def counts(rng):
    """Sparse u1 counts: most are 0, as of a catalogue binned in space."""
    v = np.zeros((100, 100, 100), "u1")
    at = np.clip(rng.normal(50, 13, (60000, 3)), 0, 99).astype(int)
    np.add.at(v, tuple(at.T), 1)
    return v, (50, 50, 100), (10, 50, 100)


def walk(rng):
    """An i4 random walk, as of a recorded signal."""
    return rng.integers(-60, 61, 300000).cumsum().astype("<i4"), (75000,), (15000,)


def table(rng):
    """f8 rows of a table: a time, prices of few digits, a rate, a flag."""
    n = 30000
    price = np.round(100 + rng.normal(0, 0.05, n).cumsum(), 2)
    v = np.stack([1.7e9 + np.arange(n) * 0.5, price, np.round(price * 0.01, 4),
                  (rng.random(n) < 0.1).astype("f8")], axis=1)
    return v.astype("<f8"), (10000, 4), (2000, 4)


def near_power(rng):
    """u2 counts around 1024: six planes of bits, each noise, are equal or inverted."""
    return rng.integers(1000, 1032, 500000).astype("<u2"), (125000,), (62500,)


def steps(rng):
    """A curve in whole numbers, f4: it shrinks to a fiftieth and less."""
    v = np.floor(100 * np.sin(np.arange(300000) / 500))
    return v.astype("<f4"), (75000,), (37500,)


def tone(rng):
    """A noisy f4 sine: its low bytes hold noise."""
    v = np.sin(np.arange(300000) / 500) + rng.normal(0, 1e-3, 300000)
    return v.astype("<f4"), (75000,), (37500,)


def ours(data, chunks, blocks, codec, name, level):
    steps = ([(name, None)] if name != "none" else []) + [(codec, f"clevel={level}")]
    with tsr.Array.create(None, data.dtype.str, data.shape, chunks, blocks, steps) as a:
        a.write(data.tobytes())
        return len(a.to_frame())


def theirs(data, chunks, blocks, codec, name, level):
    cparams = blosc2.CParams(codec=CODECS[codec], clevel=level, typesize=data.dtype.itemsize,
                             filters=[blosc2.Filter(i) for i in [0] * 5 + [FILTERS[name]]],
                             filters_meta=[0] * 6, nthreads=1)
    return len(blosc2.asarray(data, chunks=chunks, blocks=blocks, cparams=cparams).to_cframe())


def main():
    verbose = "-v" in sys.argv[1:]
    blosc2.set_nthreads(1)
    worst = []
    for kind in (volume, image, counts, walk, table, near_power, steps, tone):
        data, chunks, blocks = kind(np.random.default_rng(2026))
        for codec, name, level in itertools.product(CODECS, FILTERS, LEVELS):
            what = f"{kind.__name__:10} {codec:8} {name:10} {level}"
            with t.case(what):
                how = (data, chunks, blocks, codec, name, level)
                a, b = ours(*how), theirs(*how)
                most = MORE.get((kind.__name__, codec, name), MOST)
                t.check(a <= most * b, what, f"{a} bytes, the peer {b}: {a / b:.4f}")
                worst.append((a / b, what))
                if verbose:
                    print(f"{what}  {data.nbytes / 1024:7.0f}  {a / 1024:7.1f} {b / 1024:7.1f} "
                          f"{a / b:8.4f}")
    worst.sort(reverse=True)
    if worst:
        mean = np.exp(np.mean([np.log(q) for q, _ in worst]))
        print(f"note: sizes are {mean:.4f} of the peer's on average, {worst[-1][0]:.4f} at best "
              f"({' '.join(worst[-1][1].split())}), {worst[0][0]:.4f} at worst "
              f"({' '.join(worst[0][1].split())})")
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
