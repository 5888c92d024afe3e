# SPDX-License-Identifier: BSD-3-Clause
"""Parameters and data that the interop tests have in common: codecs, filters and dtypes by name,
the same parameters for Tessera (steps) and for python-blosc2 (CParams), and arrays to store."""
import blosc2
import numpy as np

CODECS = {"blosclz": blosc2.Codec.BLOSCLZ, "lz4": blosc2.Codec.LZ4, "lz4hc": blosc2.Codec.LZ4HC,
          "zlib": blosc2.Codec.ZLIB, "zstd": blosc2.Codec.ZSTD}
FILTERS = {                                                 # name: [(filter, meta)]
    "none": [], "shuffle": [("shuffle", 0)], "bitshuffle": [("bitshuffle", 0)],
    "twice": [("shuffle", 0), ("shuffle", 0)], "group": [("shuffle", 2)],
    "mixed": [("shuffle", 3), ("bitshuffle", 0)]}
FILTER_IDS = {"shuffle": 1, "bitshuffle": 2}
TYPESIZES = (1, 2, 3, 4, 7, 8, 12, 16, 255, 256, 300)
DTYPES = {1: "|u1", 2: "<f2", 3: "|S3", 4: "<f4", 7: "|S7", 8: "<f8", 12: "|S12", 16: "<c16",
          255: "|S255", 256: "|S256", 300: "|S300"}


def steps_of(codec, filters, level):
    steps = [(name, f"meta={meta}" if meta else None) for name, meta in FILTERS[filters]]
    return steps + [(codec, f"clevel={level}")]


def slots_of(filters):
    """Slots and parameter bytes as chunks have them: the last filter is in slot 5."""
    f = FILTERS[filters]
    pad = [0] * (6 - len(f))
    return pad + [FILTER_IDS[n] for n, _ in f], pad + [meta for _, meta in f]


def cparams_of(codec, filters, level, typesize, **more):
    slots, metas = slots_of(filters)
    return blosc2.CParams(codec=CODECS[codec], clevel=level, typesize=typesize, nthreads=1,
                          filters=[blosc2.Filter(i) for i in slots], filters_meta=metas, **more)


def some_bytes(rng, n, typesize):
    """Smooth, noisy, constant and random stretches, so that all kinds of streams occur."""
    kind = rng.integers(5)
    if kind == 0:
        return rng.integers(0, 256, n, dtype="u1").tobytes()
    if kind == 1:
        items = (np.arange(n // 8 + 1, dtype="<i8") * int(rng.integers(1, 9))) >> 2
        return items.tobytes()[:n]
    if kind == 2:
        return rng.integers(0, 3, n, dtype="u1").tobytes()
    row = rng.integers(0, 256, typesize, dtype="u1")
    data = np.resize(row, n)
    if kind == 3:
        at = rng.integers(0, max(n, 1), n // 20)
        data[at] = rng.integers(0, 256, len(at), dtype="u1")
    else:
        data[n // 3:n // 2] = 0
        data[n // 2:2 * n // 3] = rng.integers(0, 256, 2 * n // 3 - n // 2, dtype="u1")
    return data.tobytes()


def make(rng, dtype, shape):
    n = int(np.prod(shape, dtype=np.int64))
    size = np.dtype(dtype).itemsize
    return np.frombuffer(some_bytes(rng, n * size, size), dtype=dtype).reshape(shape)


def item_of(content, dtype):
    """One item; types that have no NaN repeat a value instead."""
    size = np.dtype(dtype).itemsize
    if content == "nan" and np.dtype(dtype).kind in "fc":
        return np.full((), np.nan, dtype).tobytes()
    return bytes((37 * i + 11) % 255 + 1 for i in range(size))


def filled(content, dtype, shape):
    item = bytes(np.dtype(dtype).itemsize)
    if content in ("nan", "value"):
        item = item_of(content, dtype)
    n = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(item * n, dtype=dtype).reshape(shape)


def a_box(rng, shape, steps=False):
    """A random box that is not empty, as start, count, step and as Python slices."""
    start, count, step, index = [], [], [], []
    for n in shape:
        s = int(rng.integers(0, n))
        k = int(rng.choice((1, 1, 2, 3, -1, -2))) if steps else 1
        room = (n - s + k - 1) // k if k > 0 else s // -k + 1
        c = int(rng.integers(1, room + 1))
        end = s + c * k
        start.append(s), count.append(c), step.append(k)
        index.append(slice(s, end if end >= 0 else None, k))
    return start, count, step, tuple(index) or ...
