#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every codec, with and without dictionary, x filters x item sizes x contents x kinds of frame x
dimensions: written by Tessera and read by python-blosc2, and the other way round.

The valid combinations are some hundred thousand.  A sample in which every pair of values of two
factors occurs is taken each time; TESSERA_ALL=1 takes them all, TESSERA_PART=i/n one part of n.

What is lossless is compared with NumPy.  What is lossy is compared with the other side's decode
of the same file, bit by bit, and must be near the data.  The peer's defects are named in DEFECTS
with the section of the format's specification; what Tessera gives is asserted all the same."""
import itertools
import math
import os
import random
import shutil
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from makers import DTYPES, filled, item_of, make
from tally import Tally

SEED = int(os.environ.get("TESSERA_SEED", 2026))
ALL = os.environ.get("TESSERA_ALL", "") not in ("", "0")
PART, PARTS = (int(n) for n in os.environ.get("TESSERA_PART", "0/1").split("/"))
C, F = blosc2.Codec, blosc2.Filter
# name: codec, its meta, dictionary
CODECS = {"blosclz": ("blosclz", 0, False), "lz4": ("lz4", 0, False), "lz4hc": ("lz4hc", 0, False),
          "zlib": ("zlib", 0, False), "zstd": ("zstd", 0, False), "lz4+dict": ("lz4", 0, True),
          "lz4hc+dict": ("lz4hc", 0, True), "zstd+dict": ("zstd", 0, True),
          "ndlz4": ("ndlz", 4, False), "ndlz8": ("ndlz", 8, False),
          "zfp_acc": ("zfp_acc", -3, False), "zfp_prec": ("zfp_prec", 20, False),
          "zfp_rate": ("zfp_rate", 40, False)}
# name: steps of (filter, meta), in the order in which they run
FILTERS = {"none": (), "shuffle": (("shuffle", 0),), "bitshuffle": (("bitshuffle", 0),),
           "group": (("shuffle", 2),), "delta": (("delta", 0),),
           "delta+shuffle": (("delta", 0), ("shuffle", 0)), "bytedelta": (("bytedelta", 0),),
           "shuffle+bytedelta": (("shuffle", 0), ("bytedelta", 0)),
           "trunc+": (("trunc_prec", 10), ("shuffle", 0)),
           "trunc-": (("trunc_prec", -5), ("bitshuffle", 0)),
           "int_trunc+": (("int_trunc", 5), ("shuffle", 0)), "int_trunc-": (("int_trunc", -3),),
           "ndcell": (("ndcell", 2), ("shuffle", 0)), "ndmean": (("ndmean", 2), ("shuffle", 0))}
TYPESIZES = (1, 2, 3, 4, 7, 8, 12, 16, 255, 256, 300)
CONTENTS = ("data", "zeros", "nan", "value", "uninit")
KINDS = ("contiguous", "sparse")
# what is stored: a super-chunk, or an array of shape, chunks, blocks
LAYOUTS = {
    "schunk": None, "0-d": ((), (), ()), "1-d": ((203,), (100,), (32,)),
    "2-d": ((37, 29), (20, 16), (10, 8)), "3-d": ((11, 9, 13), (8, 5, 8), (4, 5, 4)),
    "4-d": ((5, 6, 7, 5), (4, 4, 5, 5), (4, 4, 4, 4)), "5-d": ((3, 4, 3, 3, 4), (2, 3, 3, 3, 4), (2,) * 5),
    "8-d": ((2, 2, 3, 2, 2, 1, 2, 3), (2, 2, 2, 2, 2, 1, 1, 3), (2, 2, 2, 2, 2, 1, 1, 2)),
    "16-d": ((2,) * 8 + (1,) * 7 + (3,), (2,) * 4 + (1,) * 11 + (2,), (2,) * 4 + (1,) * 11 + (2,))}
LOSSY = ("trunc_prec", "int_trunc", "ndmean", "zfp_acc", "zfp_prec", "zfp_rate")

t = Tally()
folder = tempfile.TemporaryDirectory(prefix="tessera-combinations-")


# ---- which are valid ----

def dims_of(layout):
    return None if LAYOUTS[layout] is None else len(LAYOUTS[layout][0])


def codec_fits(name, filters, typesize, layout):
    codec, dims = CODECS[name][0], dims_of(layout)
    if codec == "ndlz":
        return typesize == 1 and dims == 2
    if not codec.startswith("zfp"):
        return True
    moves = {f for f, _ in FILTERS[filters]} - {"trunc_prec"}
    return typesize in (4, 8) and dims in (1, 2, 3, 4) and not moves and min(LAYOUTS[layout][2]) >= 4


def filter_fits(name, typesize, layout):
    dims = dims_of(layout)
    for f, meta in FILTERS[name]:
        if f == "trunc_prec" and typesize not in (4, 8):
            return False
        if f == "int_trunc" and typesize not in (1, 2, 4, 8):
            return False
        if f in ("ndcell", "ndmean"):
            if not dims or dims > 8 or meta ** dims > math.prod(LAYOUTS[layout][2]):
                return False
        if f == "ndmean" and (typesize not in (4, 8) or min(LAYOUTS[layout][2]) < meta):
            return False
    return True


def valid(case):
    codec, filters, typesize, content, kind, layout = case
    return (codec_fits(codec, filters, typesize, layout) and filter_fits(filters, typesize, layout)
            and not (layout == "0-d" and content == "uninit"))


def pairs(case):
    return {((i, a), (j, b)) for (i, a), (j, b) in itertools.combinations(enumerate(case), 2)}


def sample(cases):
    """Cases in which every pair occurs that occurs in any."""
    rnd = random.Random(SEED)
    rnd.shuffle(cases)
    seen, chosen = set(), []
    for case in cases:
        new = pairs(case) - seen
        if new:
            seen |= new
            chosen.append(case)
    return chosen


# ---- parameters of both sides ----

def steps_of(case):
    codec, meta, use_dict = CODECS[case[0]]
    params = ["clevel=5"] + ([f"meta={meta}"] if meta else []) + (["dict=1"] if use_dict else [])
    steps = [(f, f"meta={m}" if m else None) for f, m in FILTERS[case[1]]]
    return steps + [(codec, ",".join(params))]


def cparams_of(case):
    codec, meta, use_dict = CODECS[case[0]]
    filters = FILTERS[case[1]]
    pad = 6 - len(filters)
    return blosc2.CParams(
        codec=C[codec.upper()], codec_meta=meta & 255, clevel=5, typesize=case[2], nthreads=1,
        use_dict=use_dict, filters=[F.NOFILTER] * pad + [F[f.upper()] for f, _ in filters],
        filters_meta=[0] * pad + [m for _, m in filters],
        splitmode=blosc2.SplitMode.NEVER_SPLIT if codec.startswith("zfp") else
        blosc2.SplitMode.AUTO_SPLIT)


def peer_opens(case):
    """DEFECTS, parameter."""
    names = {f for f, _ in FILTERS[case[1]]}
    return min([0] + [m for _, m in FILTERS[case[1]]]) >= 0 and not ("bytedelta" in names and
                                                                    case[2] > 127)


def is_lossy(case):
    return CODECS[case[0]][0] in LOSSY or any(f in LOSSY for f, _ in FILTERS[case[1]])


def data_of(rng, case, shape):
    dtype = DTYPES[case[2]]
    if case[3] != "data":
        return filled(case[3], dtype, shape)
    if is_lossy(case) and case[2] in (4, 8) and "int_trunc" not in dict(FILTERS[case[1]]):
        n = math.prod(shape)                    # numbers of ordinary size, not bits of any kind
        return (np.sin(np.arange(n) / 9) * 50 + rng.normal(size=n)).astype(dtype).reshape(shape)
    return make(rng, dtype, shape)


# ---- what both sides see ----

# The peer's defects: what it reads wrong although the file is right.
DEFECTS = {
    "delta": "3.6: partial reads of delta chunks are wrong unless block 0 is decoded in the same "
             "call; whole chunks are compared instead",
    "uninit": "3.2: what uninitialised items read as is not specified there; zeros here",
    "stale": "3.1: chunks that are stored plain while dictionaries are on keep the flag of one, and "
             "are not read",
    "own": "not in the specification: some of the files with dictionaries that it wrote it reads "
           "wrong in part, or not at all",
    "parameter": "python-blosc2 keeps parameter bytes of filters as int8 and cannot open a file with "
                 "one above 127: negative ones of trunc_prec and int_trunc, item sizes of bytedelta"}


def defects_of(case):
    found = {f for f, _ in FILTERS[case[1]]} & set(DEFECTS)
    found |= {"uninit"} if case[3] == "uninit" else set()
    return found if peer_opens(case) else found | {"parameter"}


def near(found, data, case):
    """A loose bound that catches what is not the data at all."""
    if found == data.tobytes():
        return True
    if "int_trunc" in dict(FILTERS[case[1]]):
        a = np.frombuffer(found, f"<u{case[2]}")
        b = np.frombuffer(data.tobytes(), f"<u{case[2]}")
        bits = 8 * case[2]
        lost = bits - 5 if case[1] == "int_trunc+" else 3
        cut = (b >> b.dtype.type(lost)) << b.dtype.type(lost)
        return bool(np.all((a == cut) | (a == b)))  # chunks that do not shrink are stored whole
    a = np.frombuffer(found, data.dtype).reshape(data.shape)
    far = 150 if "ndmean" in dict(FILTERS[case[1]]) else 1.0
    return bool(np.all(np.isclose(a, data, rtol=0.1, atol=far, equal_nan=True)))


def ours_of(case, url):
    """All items, all chunks (whole, padding and all), and whether a chunk shows DEFECTS, stale."""
    with tsr.Schunk.open(url, format="b2frame") as s:
        chunks = b"".join(s.read_chunk(i) for i in range(s.nchunks))
        items = s.read() if LAYOUTS[case[5]] is None else None
        facts = [tsr.chunk_info(s.get_chunk(i)) for i in range(s.nchunks)]
    if items is None:
        with tsr.Array.open(url) as a:
            items = a.read()
    return items, chunks, any(f.memcpyed and f.blosc2_flags & 1 for f in facts)


def theirs_of(case, url, whole_only):
    """The same as the peer reads it."""
    b = blosc2.open(url, mode="r")
    s = b if LAYOUTS[case[5]] is None else b.schunk     # which lives as long as b does
    items = None if whole_only else bytes(s[:]) if s is b else b[...].tobytes()
    return items, b"".join(s.decompress_chunk(i) for i in range(s.nchunks))


def look(case, side, url, data):
    what = f"{side} writes {' '.join(str(f) for f in case)}"
    items, chunks, stale = ours_of(case, url)
    if is_lossy(case):
        t.check(near(items, data, case), f"{what}: near the data")
    else:
        t.same(items, data.tobytes(), f"{what}: ours")
    t.check(side == "blosc2" or not stale, f"{what}: no dictionary's flag without one")
    defects = defects_of(case) | ({"stale"} if stale else set())
    for d in defects:
        t.counts[f"cases with a defect of the peer: {DEFECTS[d]}"] += 1
    if defects & {"uninit", "parameter", "stale"}:
        return
    own = side == "blosc2" and CODECS[case[0]][2] and items == data.tobytes()
    try:
        found = theirs_of(case, url, bool(defects))
    except RuntimeError:
        if not own:
            raise
        found = None, chunks
    t.same(found[1], chunks, f"{what}: chunks")
    if own and not defects and items != found[0]:
        t.counts[f"cases with a defect of the peer: {DEFECTS['own']}"] += 1
    elif not defects:
        t.same(found[0], items, f"{what}: theirs")


def remove(url):
    shutil.rmtree(url) if os.path.isdir(url) else os.unlink(url)


def peer_writes(case):
    """It has no parameter byte for bytedelta's item size, and ndcell wants that of the header."""
    return not ("bytedelta" in case[1] and case[2] > 127 or case[1] == "ndcell" and case[2] > 255)


def by_tessera(rng, case, url):
    typesize, content, sparse = case[2], case[3], case[4] == "sparse"
    if LAYOUTS[case[5]] is None:
        data = data_of(rng, case, (700,))
        with tsr.Schunk.create(url, typesize, 300 * typesize, 60 * typesize, steps_of(case),
                               sparse=sparse) as s:
            s.append(data.tobytes())
        return data
    shape, chunks, blocks = LAYOUTS[case[5]]
    data, dtype = data_of(rng, case, shape), DTYPES[typesize]
    fill = item_of(content, dtype) if content in ("nan", "value") else None
    with tsr.Array.create(url, dtype, shape, chunks, blocks, steps_of(case), fill=fill,
                          uninit=content == "uninit", sparse=sparse) as a:
        if content == "data":
            a.write(data.tobytes())
    return data


def by_peer(rng, case, url):
    typesize, content, contiguous = case[2], case[3], case[4] == "contiguous"
    how = dict(urlpath=url, mode="w", contiguous=contiguous, cparams=cparams_of(case))
    if LAYOUTS[case[5]] is None:
        data = data_of(rng, case, (700,))
        how["cparams"].blocksize = 60 * typesize
        b = blosc2.SChunk(chunksize=300 * typesize, **how)
        for at in range(0, 700, 300):
            b.append_data(bytearray(data[at:at + 300].tobytes()))   # 3.5: it may write into it
        return data
    shape, chunks, blocks = LAYOUTS[case[5]]
    data, dtype = data_of(rng, case, shape), DTYPES[typesize]
    how |= dict(chunks=chunks, blocks=blocks)
    if content == "data":
        blosc2.asarray(data.copy(), **how)
    elif content in ("zeros", "uninit"):
        getattr(blosc2, content)(shape, dtype=dtype, **how)
    else:
        blosc2.full(shape, data.flat[0], dtype=dtype, **how)
    return data


def main():
    print(f"note: python-blosc2 {blosc2.__version__}, NumPy {np.__version__}, seed {SEED}")
    blosc2.set_nthreads(1)
    cases = [c for c in itertools.product(CODECS, FILTERS, TYPESIZES, CONTENTS, KINDS, LAYOUTS)
             if valid(c)]
    t.counts["valid combinations"] = len(cases)
    chosen = (cases if ALL else sample(cases))[PART::PARTS]
    for i, case in enumerate(chosen):
        for side, maker in (("tessera", by_tessera), ("blosc2", by_peer)):
            if side == "blosc2" and not peer_writes(case):
                continue
            what = f"{side} writes {' '.join(str(f) for f in case)}"
            url = os.path.join(folder.name, f"{i}.b2nd")
            with t.case(what):
                look(case, side, url, maker(np.random.default_rng((SEED, i)), case, url))
            if os.path.exists(url):
                remove(url)
    t.counts["combinations, each in both directions"] = len(chosen)
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
