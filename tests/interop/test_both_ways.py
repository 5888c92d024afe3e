#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Arrays, super-chunks and chunks go both ways between Tessera and python-blosc2.

Every codec x filter x typesize is written by each side and read by the other; levels, contents
and dimensions rotate so that every pair of values of two factors occurs (checked at the end).
Then arrays and super-chunks live random lives in which both sides change them in turns, and are
compared with NumPy after each step by both.  Quirks of the peer are avoided where a comment
names the section of the format's specification."""
import ast
import itertools
import os
import random
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from tally import Tally

SEED = int(os.environ.get("TESSERA_SEED", 2026))
LIVES = int(os.environ.get("TESSERA_LIVES", 300))          # of arrays; super-chunks: half of it
CODECS = {"blosclz": blosc2.Codec.BLOSCLZ, "lz4": blosc2.Codec.LZ4, "lz4hc": blosc2.Codec.LZ4HC,
          "zlib": blosc2.Codec.ZLIB, "zstd": blosc2.Codec.ZSTD}
FILTERS = {                                                 # name: [(filter, meta)]
    "none": [], "shuffle": [("shuffle", 0)], "bitshuffle": [("bitshuffle", 0)],
    "twice": [("shuffle", 0), ("shuffle", 0)], "group": [("shuffle", 2)],
    "mixed": [("shuffle", 3), ("bitshuffle", 0)]}
FILTER_IDS = {"shuffle": 1, "bitshuffle": 2}
TYPESIZES = (1, 2, 3, 4, 7, 8, 12, 16, 255, 256, 300)
LEVELS = (1, 5, 9)
CONTENTS = ("data", "zeros", "nan", "value", "uninit")
DIMENSIONS = ("schunk", 0, 1, 2, 3, 4, 5, 6, 7, 8, 16)
DTYPES = {1: "|u1", 2: "<f2", 3: "|S3", 4: "<f4", 7: "|S7", 8: "<f8", 12: "|S12", 16: "<c16",
          255: "|S255", 256: "|S256", 300: "|S300"}
# shape, chunks, blocks: odd sizes, edges cut in each way, chunks larger than the shape
GEOMETRY = {
    0: [((), (), ())],
    1: [((1003,), (100,), (30,)), ((333,), (400,), (64,)), ((64,), (16,), (16,))],
    2: [((37, 29), (12, 16), (5, 8)), ((3, 211), (2, 100), (1, 33)), ((50, 7), (50, 7), (9, 7))],
    3: [((11, 9, 13), (6, 5, 7), (3, 2, 7)), ((2, 30, 17), (2, 8, 20), (1, 8, 5))],
    4: [((5, 6, 7, 5), (3, 4, 4, 5), (2, 2, 3, 5))],
    5: [((3, 4, 5, 3, 6), (2, 3, 3, 3, 4), (1, 2, 3, 2, 4))],
    6: [((3, 3, 2, 5, 3, 4), (2, 2, 2, 3, 3, 4), (2, 1, 2, 2, 3, 3))],
    7: [((2, 3, 2, 3, 2, 3, 4), (2, 2, 1, 2, 2, 2, 4), (1, 2, 1, 2, 1, 2, 3))],
    8: [((2, 2, 3, 2, 2, 3, 2, 3), (2, 1, 2, 2, 2, 2, 1, 3), (1, 1, 2, 2, 1, 2, 1, 2))],
    16: [((2, 1, 2, 1, 1, 3, 1, 2, 1, 1, 2, 3, 1, 2, 2, 3),
          (2, 1, 1, 1, 1, 2, 1, 2, 1, 1, 2, 2, 1, 2, 2, 2),
          (1, 1, 1, 1, 1, 2, 1, 2, 1, 1, 1, 2, 1, 2, 2, 2))]}

t = Tally()
folder = tempfile.TemporaryDirectory(prefix="tessera-both-ways-")
path = lambda name: os.path.join(folder.name, name)


# ---- parameters and data ----

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


# ---- the matrix: every codec x filter x typesize, the rest in pairs ----

def cases(rnd):
    """The combinations, each with the level, content and dimensions that cover most new pairs."""
    def pairs(case):
        return {((i, a), (j, b)) for (i, a), (j, b) in itertools.combinations(enumerate(case), 2)}

    factors = (tuple(CODECS), tuple(FILTERS), TYPESIZES, LEVELS, CONTENTS, DIMENSIONS)
    wanted = {((i, a), (j, b)) for i, j in itertools.combinations(range(len(factors)), 2)
              for a in factors[i] for b in factors[j]}
    rest = list(itertools.product(LEVELS, CONTENTS, DIMENSIONS))
    heads = list(itertools.product(CODECS, FILTERS, TYPESIZES))
    rnd.shuffle(heads)
    chosen = []
    for head in heads:
        best = max((head + r for r in rnd.sample(rest, 60)), key=lambda c: len(pairs(c) & wanted))
        wanted -= pairs(best)
        chosen.append(best)
    t.check(not wanted, "every pair of two factors occurs", f"{len(wanted)} are missing")
    return chosen


ATTRS = {"count": 7, "text": "grün", "list": [1, 2.5, None, True, "x"],
         "tree": {"a": {"b": [[], {}]}, "big": -2**40}, "half": 0.5}


def check_peer_cparams(schunk, case, what):
    codec, filters, typesize, level, *_ = case
    cp = schunk.cparams
    slots, metas = slots_of(filters)
    t.same((cp.codec, cp.clevel, cp.typesize), (CODECS[codec], level, typesize), f"{what}: codec")
    t.same(([int(f.value) for f in cp.filters], list(cp.filters_meta)), (slots, metas),
           f"{what}: filters")


def array_from_tessera(rng, case, geometry, what):
    codec, filters, typesize, level, content, _ = case
    shape, chunks, blocks = geometry
    dtype, url = DTYPES[typesize], path("t.b2nd")
    data = make(rng, dtype, shape) if content == "data" else filled(content, dtype, shape)
    fill = item_of(content, dtype) if content in ("nan", "value") else None
    split = int(rng.integers(0, 3))
    with tsr.Array.create(url, dtype, shape, chunks, blocks, steps_of(codec, filters, level),
                          split=split, fill=fill, uninit=content == "uninit",
                          metas={"mine": b"\x93\x01\x02\x03"}) as a:
        if content == "data":
            a.write(data.tobytes())
        for name, value in ATTRS.items():
            a.attr_set(name, value)
    b = blosc2.open(url, mode="r")
    found = (b.shape, b.chunks, b.blocks, b.dtype.str)
    t.same(found, (shape, chunks, blocks, np.dtype(dtype).str), f"{what}: geometry")
    if content != "uninit":                     # 3.2: what the peer delivers is not specified
        t.same(b[...].tobytes(), data.tobytes(), f"{what}: all items")
        *_, index = a_box(rng, shape)
        t.same(np.asarray(b[index]).tobytes(), data[index].tobytes(), f"{what}: a slice")
    check_peer_cparams(b.schunk, case, what)
    t.same(b.schunk.cparams.splitmode.value, split or 3, f"{what}: split")
    t.same({k: b.schunk.vlmeta[k] for k in ATTRS}, ATTRS, f"{what}: attributes")
    t.same(b.schunk.meta["mine"], [1, 2, 3], f"{what}: metalayer")
    if content in ("zeros", "nan", "value", "uninit") and shape:
        t.check(os.path.getsize(url) < 2000 + (33 + typesize + 8) * b.schunk.nchunks,
                f"{what}: special chunks cost no data", os.path.getsize(url))


PEER_MAKES = {"zeros": blosc2.zeros, "uninit": blosc2.uninit}


def array_from_peer(rng, case, geometry, what):
    codec, filters, typesize, level, content, _ = case
    shape, chunks, blocks = geometry
    dtype, url = DTYPES[typesize], path("p.b2nd")
    how = dict(urlpath=url, mode="w", chunks=chunks, blocks=blocks, meta={"mine": {"k": [1, 2]}},
               cparams=cparams_of(codec, filters, level, typesize))
    data = make(rng, dtype, shape) if content == "data" else filled(content, dtype, shape)
    if content == "data":
        b = blosc2.asarray(data, **how)
    elif content in PEER_MAKES:
        b = PEER_MAKES[content](shape, dtype=dtype, **how)
    else:
        b = blosc2.full(shape, data.flat[0], dtype=dtype, **how)
    for name, value in ATTRS.items():
        b.schunk.vlmeta[name] = value
    splitmode = b.schunk.cparams.splitmode.value
    del b
    with tsr.Array.open(url) as a:
        t.same((a.shape, a.chunks, a.blocks, np.dtype(a.dtype)),
               (shape, chunks, blocks, np.dtype(dtype)), f"{what}: geometry")
        t.same(a.read(), data.tobytes(), f"{what}: all items")
        for _ in range(3):
            start, count, step, index = a_box(rng, shape, steps=True)
            t.same(a.read(start, count, step), data[index].tobytes(),
                   f"{what}: slice {start} {count} {step}")
        t.same(a.attrs, ATTRS, f"{what}: attributes")
        t.same(a.meta(tsr.META, "mine"), bytes.fromhex("81a16b920102"), f"{what}: metalayer")
        check_steps(a.steps, case, what)
        t.same(a.spec.split, splitmode if splitmode < 3 else 0, f"{what}: split")
    with open(url, "rb") as f:
        frame = f.read()
    with tsr.Array.from_frame(frame, borrow=bool(rng.integers(2))) as a:
        t.same(a.read(), data.tobytes(), f"{what}: from memory")


def check_steps(found, case, what):
    """Names and parameters; a parameter that is zero may be left out."""
    codec, filters, _, level, *_ = case
    params = lambda text: {k: v for k, _, v in (p.partition("=") for p in (text or "").split(","))
                           if v not in ("", "0")}
    expected = [(n, params(p)) for n, p in steps_of(codec, filters, level)]
    t.same([(n, params(p)) for n, p in found], expected, f"{what}: steps")


def schunk_content(rng, content, typesize, nitems):
    if content == "data":
        return some_bytes(rng, nitems * typesize, typesize)
    return filled(content, DTYPES[typesize], (nitems,)).tobytes()


def schunk_from_tessera(rng, case, what):
    codec, filters, typesize, level, content, _ = case
    url = path("t.b2frame")
    per_chunk, nitems = int(rng.integers(50, 400)), int(rng.integers(1, 1500))
    data = schunk_content(rng, content, typesize, nitems)
    with tsr.Schunk.create(url, typesize, per_chunk * typesize,
                           steps=steps_of(codec, filters, level),
                           metas={"mine": b"\x93\x01\x02\x03"}) as s:
        for at in range(0, len(data), 333 * typesize):
            s.append(data[at:at + 333 * typesize])
        s.meta_set(tsr.VLMETA, "note", b"\xa5hello")
    b = blosc2.open(url, mode="r")
    t.same((b.typesize, b.chunksize, b.nbytes), (typesize, per_chunk * typesize, len(data)),
           f"{what}: sizes")
    t.same(bytes(b[:]), data, f"{what}: all items")
    start, stop = sorted(int(i) for i in rng.integers(0, nitems + 1, 2))
    if start < stop:
        t.same(bytes(b[start:stop]), data[start * typesize:stop * typesize], f"{what}: items")
    check_peer_cparams(b, case, what)
    t.same((b.meta["mine"], b.vlmeta["note"]), ([1, 2, 3], "hello"), f"{what}: metalayers")


def schunk_from_peer(rng, case, what):
    codec, filters, typesize, level, content, _ = case
    url = path("p.b2frame")
    per_chunk, nitems = int(rng.integers(50, 400)), int(rng.integers(1, 1500))
    data = schunk_content(rng, content, typesize, nitems)
    b = blosc2.SChunk(chunksize=per_chunk * typesize, urlpath=url, mode="w", contiguous=True,
                      meta={"mine": [1, 2, 3]}, cparams=cparams_of(codec, filters, level, typesize))
    special = {"zeros": blosc2.SpecialValue.ZERO, "uninit": blosc2.SpecialValue.UNINIT}
    if content in special:
        b.fill_special(nitems, special[content])
    else:
        b.append_data(data[:per_chunk * typesize])
        for at in range(per_chunk * typesize, len(data), per_chunk * typesize):
            b.append_data(data[at:at + per_chunk * typesize])
    b.vlmeta["note"] = "hello"
    chunksize = b.chunksize
    del b
    with tsr.Schunk.open(url) as s:
        t.same((s.spec.item_bytes, s.spec.chunk_bytes, s.nitems), (typesize, chunksize, nitems),
               f"{what}: sizes")
        t.same(s.read(), data, f"{what}: all items")
        for _ in range(3):
            start, stop = sorted(int(i) for i in rng.integers(0, nitems + 1, 2))
            t.same(s.get(start, stop - start), data[start * typesize:stop * typesize],
                   f"{what}: items {start}:{stop}")
        for i in range(s.nchunks):
            part = data[i * chunksize:(i + 1) * chunksize]
            t.same(s.read_chunk(i), part, f"{what}: chunk {i}")
            if content != "uninit":
                t.same(bytes(blosc2.decompress2(s.get_chunk(i))), part, f"{what}: raw chunk {i}")
        t.same((s.meta(tsr.META, "mine"), s.meta(tsr.VLMETA, "note")), (b"\x93\1\2\3", b"\xa5hello"),
               f"{what}: metalayers")


def matrix():
    chosen = cases(random.Random(SEED))
    for i, case in enumerate(chosen):
        rng = np.random.default_rng((SEED, i))
        codec, filters, typesize, level, content, dims = case
        what = f"{codec}-{level} {filters} typesize {typesize} {content} {dims}"
        if dims == "schunk":
            with t.case(f"tessera to blosc2: {what}"):
                schunk_from_tessera(rng, case, f"tessera to blosc2: {what}")
            with t.case(f"blosc2 to tessera: {what}"):
                schunk_from_peer(rng, case, f"blosc2 to tessera: {what}")
            continue
        geometry = GEOMETRY[dims][i % len(GEOMETRY[dims])]
        with t.case(f"tessera to blosc2: {what}"):
            array_from_tessera(rng, case, geometry, f"tessera to blosc2: {what}")
        with t.case(f"blosc2 to tessera: {what}"):
            array_from_peer(rng, case, geometry, f"blosc2 to tessera: {what}")
    t.counts["combinations, each in both directions"] = len(chosen)


# ---- dtypes, automatic and empty shapes, chunks of several blocks ----

OTHER_DTYPES = ["|b1", "<i2", ">i4", "<u8", ">f8", "<c8", "<U5", "<M8[ns]", "<m8[s]", "|V12",
                [("a", "<i4"), ("b", "<f8", (2,))],
                {"names": ["x", "y"], "formats": ["<u2", "S6"], "offsets": [1, 5], "itemsize": 16}]


def dtypes():
    rng = np.random.default_rng(SEED)
    for spec in OTHER_DTYPES:
        dtype = np.dtype(spec)
        text, url = str(dtype) if dtype.names else dtype.str, path("d.b2nd")
        data = np.frombuffer(rng.integers(0, 2, 77 * dtype.itemsize, dtype="u1").tobytes(), dtype)
        with t.case(f"dtype {text}"):
            with tsr.Array.create(url, text, (7, 11), (4, 5), (2, 3)) as a:
                a.write(data.tobytes())
            b = blosc2.open(url, mode="r")
            # the peer reads every plain void as a structure of one field
            expected = dtype if dtype.kind != "V" or dtype.names else b.dtype
            t.same(b.dtype, expected, f"dtype {text} from tessera")
            t.same(b[...].tobytes(), data.tobytes(), f"items {text} from tessera")
            b = blosc2.asarray(data.reshape(7, 11), urlpath=url, mode="w", chunks=(4, 5),
                               blocks=(2, 3))
            expected = b.dtype                  # it spells out plain voids and the gaps of offsets
            del b
            with tsr.Array.open(url) as a:
                found = ast.literal_eval(a.dtype) if a.dtype[0] in "[{" else a.dtype
                t.same(np.dtype(found), expected, f"dtype {text} from blosc2")
                t.same(a.read(), data.tobytes(), f"items {text} from blosc2")


def shapes():
    """Shapes nobody gave, and arrays without items."""
    rng = np.random.default_rng(SEED)
    for shape in [(100003,), (300, 400), (0,), (0, 3), (4, 0, 5), (50, 40, 60), (1, 1, 1), (2**17,)]:
        url = path("s.b2nd")
        data = make(rng, "<i4", shape)
        with t.case(f"automatic shapes of {shape}"):
            with tsr.Array.create(url, "<i4", shape) as a:
                a.write(data.tobytes())
                chunks, blocks = a.chunks, a.blocks
            b = blosc2.open(url, mode="r")
            t.same((b.shape, b.chunks, b.blocks), (shape, chunks, blocks), f"{shape} from tessera")
            t.same(b[...].tobytes(), data.tobytes(), f"items of {shape} from tessera")
            b = blosc2.asarray(data, urlpath=url, mode="w")
            chunks, blocks = b.chunks, b.blocks
            del b
            with tsr.Array.open(url) as a:
                t.same((a.shape, a.chunks, a.blocks), (shape, chunks, blocks),
                       f"{shape} from blosc2")
                t.same(a.read(), data.tobytes(), f"items of {shape} from blosc2")


# ---- single chunks ----

def one_chunk(rng, codec, filters, typesize, level, n):
    what = f"chunk {codec}-{level} {filters} typesize {typesize}, {n} bytes"
    data = some_bytes(rng, n, typesize)
    block = int(rng.choice((0, 0, 32, 1000, 4096))) // typesize * typesize   # 2.7: rounded
    with t.case(what):
        c = tsr.compress(data, typesize, steps_of(codec, filters, level), block)
        t.same(bytes(blosc2.decompress2(c)) if n else b"", data, f"tessera to blosc2: {what}")
        t.same(tsr.decompress(c), data, f"tessera to itself: {what}")
        t.check(len(c) <= n + 32, f"bound: {what}", len(c))
    if n == 0 or (typesize > 255 and n % typesize):
        return                                  # the peer refuses the first, damages the second (2.7)
    with t.case(what):
        kept = bytearray(data)                  # 3.5: its compressor may overwrite the source
        c = blosc2.compress2(kept, cparams=cparams_of(codec, filters, level, typesize,
                                                      blocksize=block))
        t.same(tsr.decompress(c), data, f"blosc2 to tessera: {what}")
        facts = tsr.chunk_info(c)
        t.same((facts.nbytes, facts.cbytes), (n, len(c)), f"facts: {what}")
        start, stop = sorted(int(i) for i in rng.integers(0, n + 1, 2))
        t.same(tsr.decompress_range(c, start, stop - start), data[start:stop],
               f"bytes {start}:{stop} of blosc2's: {what}")


def chunks():
    rng = np.random.default_rng((SEED, 1))
    sizes = {"small": (0, 1, 31, 32, 33, 100), "middle": (1000, 4097, 12345),
             "large": (40000, 131071, 262144)}
    n = 0
    for i, (codec, filters, typesize) in enumerate(
            itertools.product(CODECS, FILTERS, TYPESIZES)):
        for kind in sizes.values():
            count = kind[int(rng.integers(len(kind)))]
            # 5.3, 5.2: bytes after the last whole item; the peer's split streams need whole ones
            count = count // typesize * typesize if rng.integers(4) else count
            one_chunk(rng, codec, filters, typesize, LEVELS[i % 3], count)
            n += 1
    t.counts["chunks, each in both directions"] = n


# ---- lives of arrays ----

class Life:
    """One array that both sides change; .model is NumPy's idea of it."""

    def __init__(self, number):
        self.rng = np.random.default_rng((SEED, 2, number))
        self.what, self.url, self.story = f"life {number}", path(f"life{number}.b2nd"), []
        rng = self.rng
        ndim = int(rng.choice((1, 1, 2, 2, 2, 3, 3, 4)))
        top = {1: 500, 2: 40, 3: 14, 4: 8}[ndim]
        self.shape = tuple(int(n) for n in rng.integers(1, top, ndim))
        self.chunks = tuple(int(n) for n in rng.integers(1, max(top // 2, 2), ndim))
        self.blocks = tuple(int(rng.integers(1, c + 1)) for c in self.chunks)
        self.top = top
        self.typesize = int(rng.choice((1, 2, 4, 8, 8, 3, 12, 16, 256)))
        self.dtype = np.dtype(DTYPES[self.typesize])
        self.how = (str(rng.choice(list(CODECS))), str(rng.choice(list(FILTERS))),
                    int(rng.choice((0, 1, 5, 5, 9))))
        self.attrs, self.content = {}, str(rng.choice(("data", "zeros", "nan", "value")))
        self.stale = self.content in ("nan", "value")       # padding may hold old values (10.2)

    def create(self):
        data = (make(self.rng, self.dtype, self.shape) if self.content == "data"
                else filled(self.content, self.dtype, self.shape))
        self.model = data.copy()
        maker = "tessera" if self.rng.integers(2) else "blosc2"
        self.tell(f"{maker} creates {self.dtype.str} {self.shape} {self.chunks} {self.blocks} "
                  f"{self.how} {self.content}")
        if maker == "tessera":
            fill = item_of(self.content, self.dtype) if self.content in ("nan", "value") else None
            with tsr.Array.create(self.url, self.dtype.str, self.shape, self.chunks, self.blocks,
                                  steps_of(*self.how), fill=fill) as a:
                if self.content == "data":
                    a.write(data.tobytes())
            return
        how = dict(urlpath=self.url, mode="w", chunks=self.chunks, blocks=self.blocks,
                   cparams=cparams_of(*self.how, self.typesize))
        if self.content == "data":
            blosc2.asarray(data, **how)
        elif self.content == "zeros":
            blosc2.zeros(self.shape, dtype=self.dtype, **how)
        else:
            blosc2.full(self.shape, data.flat[0], dtype=self.dtype, **how)

    def tell(self, event):
        self.story.append(event)

    def grown(self, shape):
        """The model with another shape: what is new is zeros."""
        new = np.zeros(shape, self.dtype)
        box = tuple(slice(0, min(a, b)) for a, b in zip(shape, self.model.shape))
        new[box] = self.model[box]
        self.model = new

    # -- what Tessera does --

    def tessera(self):
        with tsr.Array.open(self.url, "r+") as a:
            for _ in range(int(self.rng.integers(1, 4))):
                self.tessera_step(a)
                if self.rng.integers(3) == 0:
                    a.flush()
        # closing flushed

    def tessera_step(self, a):
        rng, op = self.rng, self.rng.integers(5)
        if op <= 1 and self.model.size:
            start, count, step, index = a_box(rng, self.model.shape, steps=True)
            data = make(rng, self.dtype, tuple(count))
            if rng.integers(5) == 0:
                data = np.zeros(tuple(count), self.dtype)
            self.tell(f"tessera writes {start} {count} {step}")
            a.write(data.tobytes(), start, count, step)
            self.model[index] = data
        elif op == 2:
            shape = self.new_shape()
            self.tell(f"tessera resizes to {shape}")
            a.resize(shape)
            self.grown(shape)
        elif op == 3:
            axis = int(rng.integers(self.model.ndim))
            slab = list(self.model.shape)
            slab[axis] = int(rng.integers(1, 6))
            if not all(slab):
                return
            data = make(rng, self.dtype, tuple(slab))
            self.tell(f"tessera appends {slab[axis]} along {axis}")
            a.append(axis, np.ascontiguousarray(data).tobytes())
            self.model = np.concatenate([self.model, data], axis=axis)
        else:
            self.tessera_attr(a)

    def tessera_attr(self, a):
        rng, name = self.rng, f"a{self.rng.integers(4)}"
        if name in self.attrs and rng.integers(3) == 0:
            self.tell(f"tessera removes attribute {name}")
            a.attr_remove(name)
            del self.attrs[name]
            return
        self.tell(f"tessera sets attribute {name}")
        self.attrs[name] = [name, int(rng.integers(10**9)), "x" * int(rng.integers(300))]
        a.attr_set(name, self.attrs[name])

    def new_shape(self):
        shape = list(self.model.shape)
        for d in range(len(shape)):
            if self.rng.integers(2):
                shape[d] = int(self.rng.integers(-1, self.top + 10))
                shape[d] = max(shape[d], 0)
        return tuple(shape)

    # -- what the peer does --

    def peer(self):
        b = blosc2.open(self.url, mode="a")
        for _ in range(int(self.rng.integers(1, 4))):
            self.peer_step(b)
        del b

    def peer_step(self, b):
        rng, op = self.rng, self.rng.integers(5)
        if op <= 1 and self.model.size:
            start, count, _, index = a_box(rng, self.model.shape)
            data = make(rng, self.dtype, tuple(count))
            self.tell(f"blosc2 writes {start} {count}")
            b[index] = data
            self.model[index] = data
        elif op == 2:
            shape = self.new_shape()
            self.tell(f"blosc2 resizes to {shape}")
            self.peer_resize(b, shape)
        elif op == 3:
            axis = int(rng.integers(self.model.ndim))
            more = list(self.model.shape)
            more[axis] = int(rng.integers(1, 6))
            data = make(rng, self.dtype, tuple(more))
            self.tell(f"blosc2 appends {more[axis]} along {axis}")
            old = self.model.shape[axis]
            shape = list(self.model.shape)
            shape[axis] += more[axis]
            self.peer_resize(b, tuple(shape))
            index = tuple(slice(old, None) if d == axis else slice(None) for d in range(len(shape)))
            b[index] = data
            self.model[index] = data
        else:
            name = f"a{rng.integers(4)}"
            self.tell(f"blosc2 sets attribute {name}")
            self.attrs[name] = {"n": int(rng.integers(10**9)), "t": "y" * int(rng.integers(300))}
            b.schunk.vlmeta[name] = self.attrs[name]

    def peer_resize(self, b, shape):
        """10.2: the peer leaves what it cuts off in the padding, and growing shows it again."""
        old = self.model.shape
        self.stale |= any(n < m and n % c for n, m, c in zip(shape, old, self.chunks))
        b.resize(shape)
        self.grown(shape)
        if self.stale and any(n > m for n, m in zip(shape, old)):
            seen = b[...]
            box = tuple(slice(0, min(n, m)) for n, m in zip(shape, old))
            seen[box] = self.model[box]
            self.model = np.ascontiguousarray(seen)

    # -- both look --

    def look(self):
        expected, story = self.model.tobytes(), "; ".join(self.story)
        with tsr.Array.open(self.url) as a:
            good = t.same(a.shape, self.model.shape, f"{self.what}: tessera's shape: {story}")
            good &= t.same(a.read(), expected, f"{self.what}: tessera reads: {story}")
            if self.model.size:
                start, count, step, index = a_box(self.rng, self.model.shape, steps=True)
                good &= t.same(a.read(start, count, step), self.model[index].tobytes(),
                               f"{self.what}: tessera slices {index}: {story}")
            good &= t.same(a.attrs, self.attrs, f"{self.what}: tessera's attributes: {story}")
        b = blosc2.open(self.url, mode="r")
        good &= t.same(b.shape, self.model.shape, f"{self.what}: blosc2's shape: {story}")
        good &= t.same(b[...].tobytes(), expected, f"{self.what}: blosc2 reads: {story}")
        names = sorted(b.schunk.vlmeta)
        good &= t.same({k: b.schunk.vlmeta[k] for k in names}, self.attrs,
                       f"{self.what}: blosc2's attributes: {story}")
        return good

    def live(self):
        self.create()
        good = self.look()
        for _ in range(int(self.rng.integers(3, 8))):
            if not good:
                return                          # one failure per life tells enough
            (self.tessera if self.rng.integers(2) else self.peer)()
            good = self.look()
            t.counts["steps of arrays changed by both sides"] += 1
        os.unlink(self.url)


# ---- lives of super-chunks ----

class SchunkLife:
    """A list of chunks that both sides change; all have the same size but the last."""

    def __init__(self, number):
        self.rng = np.random.default_rng((SEED, 3, number))
        self.what, self.url = f"schunk life {number}", path(f"life{number}.b2frame")
        self.typesize = int(self.rng.choice((1, 2, 4, 7, 8, 16, 300)))
        self.chunk = int(self.rng.integers(20, 300)) * self.typesize
        self.how = (str(self.rng.choice(list(CODECS))), str(self.rng.choice(list(FILTERS))),
                    int(self.rng.choice((1, 5, 9))))
        self.model, self.story = b"", []

    def data(self, n):
        if self.rng.integers(6) == 0:
            return bytes(n)
        return some_bytes(self.rng, n, self.typesize)

    @property
    def nchunks(self):
        return -(-len(self.model) // self.chunk)

    def whole(self):
        return len(self.model) % self.chunk == 0

    def create(self):
        if self.rng.integers(2):
            self.story.append(f"tessera creates {self.typesize} {self.chunk} {self.how}")
            with tsr.Schunk.create(self.url, self.typesize, self.chunk,
                                   steps=steps_of(*self.how)) as s:
                self.tessera_append(s)
        else:
            self.story.append(f"blosc2 creates {self.typesize} {self.chunk} {self.how}")
            b = blosc2.SChunk(chunksize=self.chunk, urlpath=self.url, mode="w", contiguous=True,
                              cparams=cparams_of(*self.how, self.typesize))
            self.model = self.data(self.chunk)
            b.append_data(self.model)

    def tessera_append(self, s):
        n = int(self.rng.integers(1, 3 * self.chunk // self.typesize))
        data = self.data(n * self.typesize)
        self.story.append(f"tessera appends {n}")
        s.append(data)
        self.model += data

    def tessera_set(self, s):
        total = len(self.model) // self.typesize
        start = int(self.rng.integers(0, total + 1))
        n = int(self.rng.integers(1, self.chunk // self.typesize * 2))
        data = self.data(n * self.typesize)
        self.story.append(f"tessera sets {start} {n}")
        s.set(start, data)
        at = start * self.typesize
        self.model = self.model[:at] + data + self.model[at + len(data):]

    def tessera_chunk(self, s):
        op, i = self.rng.integers(3), int(self.rng.integers(0, self.nchunks + 1))
        at = i * self.chunk
        if op == 0 and (i < self.nchunks or self.whole()):
            data = self.data(self.chunk)
            self.story.append(f"tessera inserts chunk {i}")
            s.insert_chunk(i, data)
            self.model = self.model[:at] + data + self.model[at:]
        elif op == 1 and i < self.nchunks:
            n = len(self.model[at:at + self.chunk])
            data = self.data(n)
            self.story.append(f"tessera updates chunk {i}")
            s.update_chunk(i, data)
            self.model = self.model[:at] + data + self.model[at + n:]
        elif op == 2 and i < self.nchunks > 1:
            self.story.append(f"tessera deletes chunk {i}")
            s.delete_chunk(i)
            self.model = self.model[:at] + self.model[at + self.chunk:]

    def tessera(self):
        with tsr.Schunk.open(self.url, "r+") as s:
            for _ in range(int(self.rng.integers(1, 4))):
                op = self.rng.integers(3)
                (self.tessera_append, self.tessera_set, self.tessera_chunk)[op](s)
                if self.rng.integers(3) == 0:
                    s.flush()

    def peer(self):
        b = blosc2.open(self.url, mode="a")
        for _ in range(int(self.rng.integers(1, 4))):
            self.peer_step(b)
        del b

    def peer_step(self, b):
        op, i = self.rng.integers(4), int(self.rng.integers(0, max(self.nchunks, 1)))
        at, data = i * self.chunk, self.data(self.chunk)
        if op == 0 and self.whole():            # it appends to whole chunks only
            self.story.append("blosc2 appends a chunk")
            b.append_data(data)
            self.model += data
        elif op == 1 and at + self.chunk <= len(self.model):
            self.story.append(f"blosc2 updates chunk {i}")
            b.update_data(i, data, copy=True)
            self.model = self.model[:at] + data + self.model[at + self.chunk:]
        elif op == 2 and self.whole() and self.model:  # 7.1: else the chunk size becomes variable
            self.story.append(f"blosc2 inserts chunk {i}")
            b.insert_data(i, data, copy=True)
            self.model = self.model[:at] + data + self.model[at:]
        elif op == 3 and self.nchunks > 2 and self.whole():
            self.story.append(f"blosc2 deletes chunk {i}")
            b.delete_chunk(i)
            self.model = self.model[:at] + self.model[at + self.chunk:]

    def look(self):
        story = "; ".join(self.story)
        with tsr.Schunk.open(self.url) as s:
            good = t.same((s.nitems * self.typesize, s.nchunks), (len(self.model), self.nchunks),
                          f"{self.what}: tessera's sizes: {story}")
            good &= t.same(s.read(), self.model, f"{self.what}: tessera reads: {story}")
        b = blosc2.open(self.url, mode="r")
        good &= t.same((b.nbytes, b.nchunks), (len(self.model), self.nchunks),
                       f"{self.what}: blosc2's sizes: {story}")
        found = b"".join(b.decompress_chunk(i) for i in range(b.nchunks))
        good &= t.same(found, self.model, f"{self.what}: blosc2 reads: {story}")
        return good

    def live(self):
        self.create()
        good = self.look()
        for _ in range(int(self.rng.integers(3, 8))):
            if not good:
                return
            (self.tessera if self.rng.integers(2) else self.peer)()
            good = self.look()
            t.counts["steps of super-chunks changed by both sides"] += 1
        os.unlink(self.url)


def lives():
    for number in range(LIVES):
        life = Life(number)
        with t.case(f"life {number}: {'; '.join(life.story)}"):
            try:
                life.live()
            except Exception as e:
                raise RuntimeError(f"{e} after: {'; '.join(life.story)}") from e
    for number in range(LIVES // 2):
        life = SchunkLife(number)
        with t.case(f"schunk life {number}"):
            try:
                life.live()
            except Exception as e:
                raise RuntimeError(f"{e} after: {'; '.join(life.story)}") from e
    t.counts["lives"] = LIVES + LIVES // 2


def main():
    print(f"note: python-blosc2 {blosc2.__version__}, NumPy {np.__version__}, seed {SEED}")
    blosc2.set_nthreads(1)
    for part in (matrix, dtypes, shapes, chunks, lives):
        if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
            part()
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
