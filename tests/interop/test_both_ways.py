#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Arrays, super-chunks and chunks go both ways between Tessera and python-blosc2.

Every codec x filter x typesize is written by each side and read by the other; levels, contents
and dimensions rotate so that every pair of values of two factors occurs (checked at the end).
Quirks of the peer are avoided where a comment names the section of the format's specification."""
import ast
import itertools
import os
import random
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from makers import (CODECS, DTYPES, FILTERS, TYPESIZES, a_box, cparams_of, filled, item_of, make,
                    slots_of, some_bytes, steps_of)
from tally import Tally

SEED = int(os.environ.get("TESSERA_SEED", 2026))
LEVELS = (1, 5, 9)
CONTENTS = ("data", "zeros", "nan", "value", "uninit")
DIMENSIONS = ("schunk", 0, 1, 2, 3, 4, 5, 6, 7, 8, 16)
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


def main():
    print(f"note: python-blosc2 {blosc2.__version__}, NumPy {np.__version__}, seed {SEED}")
    blosc2.set_nthreads(1)
    for part in (matrix, dtypes, shapes, chunks):
        if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
            part()
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
