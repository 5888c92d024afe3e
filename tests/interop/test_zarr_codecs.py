#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Codecs of numcodecs, both ways: what it encodes libtessera decodes to the same bytes, and the other
way round; filters, which leave no choice, must make the very same bytes.  Streams that either side
is handed cut or longer are refused by ours."""
import itertools
import os
import sys
import warnings

from zarr_serve import Refused, Serve, run_in_peer

from tally import Tally

if not run_in_peer():
    print("skipped: numcodecs could not be had from PyPI")
    sys.exit(print("0 passed, 0 failed"))

warnings.simplefilter("ignore")
import numcodecs  # noqa: E402
import numpy as np  # noqa: E402

t = Tally()
serve = Serve()
rng = np.random.default_rng(int(os.environ.get("TESSERA_SEED", 2026)))

INTS = ["|i1", "|u1", "<i2", "<u2", ">i2", "<i4", "<u4", ">u4", "<i8", "<u8", ">i8"]
FLOATS = ["<f2", "<f4", "<f8", ">f4", ">f8"]
SHAPES = [(1,), (7,), (8,), (513,), (20, 16), (3, 5, 7), (1200,)]


def data(dtype, shape, kind):
    """Smooth numbers, noise, or equal ones."""
    dt, n = np.dtype(dtype), int(np.prod(shape))
    if kind == "noise" and dt.kind in "iu":
        a = np.frombuffer(rng.bytes(n * dt.itemsize), dt)
    elif kind == "noise":
        a = (rng.standard_normal(n) * 100).astype(dt)
    elif kind == "equal":
        a = np.full(n, 7, dt)
    else:
        a = (np.cumsum(rng.integers(-3, 4, n)) + 50).astype(dt)
    return a.reshape(shape)


def request(a, *codecs):
    return {"format": 2, "type": a.dtype.str, "shape": list(a.shape), "order": "C",
            "codecs": list(codecs)}


def config(codec):
    return codec.get_config()


def as_bytes(x):
    return np.ascontiguousarray(x).tobytes() if isinstance(x, np.ndarray) else bytes(x)


def both_ways(codec, a, what, same=False):
    """One array through one codec."""
    with t.case(what):
        q = request(a, config(codec))
        try:
            theirs = as_bytes(codec.encode(np.ascontiguousarray(a)))
        except Exception as e:
            t.counts[f"not encoded by numcodecs ({type(e).__name__})"] += 1
            return
        plain = as_bytes(np.asarray(codec.decode(theirs)))
        t.same(serve.decode(q, theirs), plain, f"{what}: theirs, decoded")
        t.counts["decoded from numcodecs"] += 1
        ours = serve.encode(q, a.tobytes())
        t.same(as_bytes(np.asarray(codec.decode(ours))), plain, f"{what}: ours, decoded by numcodecs")
        t.counts["decoded by numcodecs"] += 1
        if same:
            t.same(ours, theirs, f"{what}: encoded")
            t.counts["encoded to the same bytes"] += 1
        refuses(q, theirs, what)


def refuses(q, stream, what):
    """A byte less and a byte more."""
    for broken in (stream[:-1], stream + b"\x05"):
        try:
            serve.decode(q, broken)
            t.check(False, f"{what}: {len(broken)} bytes for {len(stream)} are refused")
        except Refused:
            t.passed += 1
            t.counts["broken streams refused"] += 1


# ---- bytes to bytes ----

def compressors():
    for level in (1, 6, 9):
        yield numcodecs.GZip(level)
        yield numcodecs.Zlib(level)
    for level in (-3, 0, 1, 9, 19):
        yield numcodecs.Zstd(level)
    yield numcodecs.Zstd(3, True)
    for level in (1, 9):
        yield numcodecs.BZ2(level)
    for acceleration in (1, 100):
        yield numcodecs.LZ4(acceleration)
    yield numcodecs.LZMA()
    yield numcodecs.LZMA(check=1, preset=1)
    yield numcodecs.LZMA(format=2, preset=2)
    yield numcodecs.LZMA(format=3, filters=[{"id": 33, "preset": 1}])
    yield numcodecs.LZMA(format=3, filters=[{"id": 3, "dist": 4}, {"id": 33, "preset": 1}])
    yield numcodecs.LZMA(format=3, filters=[{"id": 0x4000000000000001, "lc": 1, "lp": 2}])
    for cname in ("blosclz", "lz4", "lz4hc", "zlib", "zstd"):
        for clevel, shuffle, block in ((0, 1, 0), (1, 0, 0), (5, 1, 0), (5, 2, 0), (9, 1, 4096),
                                       (3, -1, 512), (7, 2, 1000)):
            yield numcodecs.Blosc(cname, clevel, shuffle, block)
    yield numcodecs.Base64()


kinds = ("smooth", "noise", "equal")
for codec in compressors():
    for dtype, shape in itertools.product(("|u1", "<i2", "<f4", "<f8"),
                                          ((1,), (513,), (3, 5, 7), (70000,))):
        if shape == (70000,) and codec.codec_id in ("bz2", "lzma") and dtype != "<i2":
            continue
        for kind in kinds:
            both_ways(codec, data(dtype, shape, kind), f"{config(codec)} {dtype} {shape} {kind}")

sums = [numcodecs.checksum32.CRC32(), numcodecs.checksum32.CRC32(location="end"),
        numcodecs.checksum32.Adler32(), numcodecs.checksum32.Adler32(location="end"),
        numcodecs.fletcher32.Fletcher32(), numcodecs.checksum32.JenkinsLookup3(),
        numcodecs.checksum32.JenkinsLookup3(initval=77)]
if hasattr(numcodecs.checksum32, "CRC32C"):
    sums += [numcodecs.checksum32.CRC32C(), numcodecs.checksum32.CRC32C(location="start")]
for codec in sums + [numcodecs.Shuffle(s) for s in (1, 2, 4)]:
    for n in [*range(4, 80, 4), 720, 724, 1440, 4000, 100000]:
        a = data("|u1", (n,), "noise")
        with t.case(f"{config(codec)} {n}"):
            q = request(a, config(codec))
            theirs, ours = as_bytes(codec.encode(a)), serve.encode(q, a.tobytes())
            t.same(ours, theirs, f"{config(codec)} {n}: encoded")
            t.same(serve.decode(q, theirs), a.tobytes(), f"{config(codec)} {n}: decoded")
            t.counts["encoded to the same bytes"] += 1
            t.counts["decoded from numcodecs"] += 1

# ---- filters ----

for dtype, shape, kind in itertools.product(INTS + FLOATS, SHAPES, kinds):
    a = data(dtype, shape, kind)
    both_ways(numcodecs.Delta(dtype), a, f"delta {dtype} {shape} {kind}", same=True)
for dtype, astype in (("<i4", "<i2"), ("<i8", "|i1"), ("<u2", "|u1"), (">i4", "<i2"), ("<i2", "<i8"),
                      ("<u1", "<i2"), ("<f8", "<f4"), ("<f4", "<f8")):
    for shape in SHAPES:
        both_ways(numcodecs.Delta(dtype, astype), data(dtype, shape, "smooth"),
                  f"delta {dtype} {astype} {shape}", same=True)

for dtype, astype in itertools.product(FLOATS + ["<i4", "<u2", "|i1"],
                                       ("|u1", "<i2", "<u2", "<i4", "<i8", "<f4", "<f8", ">i4")):
    for (offset, scale), shape in itertools.product(((0, 1), (-10, 10), (3, 2), (0.5, 4), (50, 0.25)),
                                                    ((1,), (513,), (20, 16))):
        a = data(dtype, shape, "smooth")
        a = np.clip(a.astype("f8"), 0, 30).astype(dtype) if scale == 10 else \
            np.clip(a.astype("f8"), 50, 90).astype(dtype)
        both_ways(numcodecs.FixedScaleOffset(offset, scale, dtype, astype), a,
                  f"fixedscaleoffset {offset} {scale} {dtype} {astype} {shape}", same=True)

for dtype, digits, shape in itertools.product(("<f4", "<f8", ">f8"), (-2, -1, 0, 1, 2, 3, 5),
                                              ((7,), (1200,))):
    for astype in (dtype, "<f4"):
        both_ways(numcodecs.Quantize(digits, dtype, astype), data(dtype, shape, "noise"),
                  f"quantize {digits} {dtype} {astype}", same=True)

for dtype, bits in (("<f2", 10), ("<f4", 23), ("<f8", 52)):
    for keep, shape in itertools.product(range(0, bits + 1, 3), ((7,), (1200,))):
        a = data(dtype, shape, "noise")
        with t.case(f"bitround {dtype} {keep}"):
            codec = numcodecs.BitRound(keep)
            theirs = as_bytes(codec.encode(a.copy()))
            t.same(serve.encode(request(a, config(codec)), a.tobytes()), theirs,
                   f"bitround {dtype} {keep}")
            t.counts["encoded to the same bytes"] += 1

for dtype, astype in itertools.product(INTS + FLOATS, INTS + FLOATS):
    # what NumPy makes of floats beyond integers depends on the machine
    a = np.clip(data(dtype, (1200,), "smooth").astype("f8"), 0, 127).astype(dtype)
    both_ways(numcodecs.AsType(astype, dtype), a, f"astype {dtype} {astype}", same=True)

for n in [*range(1, 40), 1000, 1001]:
    a = rng.integers(0, 2, n).astype(bool)
    with t.case(f"packbits {n}"):
        codec = numcodecs.PackBits()
        theirs = as_bytes(codec.encode(a))
        t.same(serve.encode(request(a, config(codec)), a.tobytes()), theirs, f"packbits {n}")
        t.same(serve.decode(request(a, config(codec)), theirs), a.tobytes(), f"packbits {n}, back")
        t.counts["encoded to the same bytes"] += 1
        t.counts["decoded from numcodecs"] += 1

# ---- items of variable length ----

# without msgpack numcodecs has no codec of it
OBJECTS = [numcodecs.JSON()] + ([numcodecs.MsgPack()] if hasattr(numcodecs, "MsgPack") else [])
TEXTS = ["", "a", "é", "漢字", "tab\t\"quoted\" \\ \n", "x" * 300, "\U0001f600 end"]


def stream(items):
    return b"".join(len(i).to_bytes(4, "little") + i for i in items)


def objects(values):
    a = np.empty(len(values), object)
    a[:] = values
    return a


for n in (1, 2, 7, 100):
    texts = [TEXTS[i % len(TEXTS)] + str(i) for i in range(n - 1)] + [""]
    raws = [i.encode()[::-1] for i in texts]
    arrays = [np.arange(i % 5, dtype="<i2") for i in range(n)]
    cases = [(numcodecs.VLenUTF8(), texts, [i.encode() for i in texts], True),
             (numcodecs.VLenBytes(), raws, raws, False),
             (numcodecs.VLenArray("<i2"), arrays, [i.tobytes() for i in arrays], False),
             *[(codec, texts, [i.encode() for i in texts], True) for codec in OBJECTS]]
    for codec, values, items, text in cases:
        what = f"{config(codec)['id']} of {n}"
        with t.case(what):
            q = {"format": 2, "type": "|O", "shape": [n], "codecs": [config(codec)]}
            if text:
                q["text"] = True
            a = np.empty(n, object)
            for i, v in enumerate(values):
                a[i] = v
            theirs = bytes(codec.encode(a))
            t.same(serve.decode(q, theirs), stream(items), f"{what}: theirs, decoded")
            ours = serve.encode(q, stream(items))
            back = codec.decode(ours)
            flat = [v.tobytes() if isinstance(v, np.ndarray) else v for v in back.ravel()]
            want = [v.tobytes() if isinstance(v, np.ndarray) else v for v in values]
            t.same(flat, want, f"{what}: ours, decoded by numcodecs")
            if config(codec)["id"].startswith("vlen"):
                t.same(ours, theirs, f"{what}: encoded")
            t.counts["decoded from numcodecs"] += 1
            t.counts["decoded by numcodecs"] += 1
            refuses(q, theirs, what)

# any value: its JSON is what lies in memory
mixed = [1, -2.5, True, None, "t", [1, [2]], {"k": "v", "l": []}, 2**63]
for codec in OBJECTS:
    with t.case(f"{config(codec)['id']} of any values"):
        q = {"format": 2, "type": "|O", "shape": [len(mixed)], "codecs": [config(codec)]}
        theirs = bytes(codec.encode(objects(mixed)))
        items = serve.decode(q, theirs)
        back = codec.decode(serve.encode(q, items))
        t.same(list(back), mixed, f"{config(codec)['id']} of any values, both ways")

labels = ["lo", "mid", "hï", "a longer one"]
for dtype, astype in itertools.product(("|O", "<U3", ">U12"), ("|u1", "<u2", "<i4")):
    for n in (1, 5, 700):
        with t.case(f"categorize {dtype} {astype} {n}"):
            values = [(labels + ["other", ""])[i * 7 % 6] for i in range(n)]
            a = objects(values) if dtype == "|O" else np.array(values, dtype)
            codec = numcodecs.Categorize(labels, dtype, astype)
            q = {"format": 2, "type": dtype, "shape": [n], "codecs": [config(codec)]}
            if dtype == "|O":
                q["text"] = True
            src = stream([v.encode() for v in values]) if dtype == "|O" else a.tobytes()
            theirs = as_bytes(codec.encode(a))
            back = codec.decode(theirs)
            want = stream([v.encode() for v in back]) if dtype == "|O" else back.tobytes()
            t.same(serve.encode(q, src), theirs, f"categorize {dtype} {astype} {n}: encoded")
            t.same(serve.decode(q, theirs), want, f"categorize {dtype} {astype} {n}: decoded")
            t.counts["encoded to the same bytes"] += 1
            t.counts["decoded from numcodecs"] += 1

print(f"note: numcodecs {numcodecs.__version__}, NumPy {np.__version__}")
sys.exit(t.finish())
