# SPDX-License-Identifier: BSD-3-Clause
"""zarr_cases.py - the arrays of test_zarr_matrix.py, for it and for what runs beside the peers.

A case is what a document of Zarr says: {"id", "format", "type" (key of TYPES), "shape", "chunks",
"fill" (key of fills_of), "order" and "separator" of format 2 or "keys" of format 3, "codecs" (of
format 2: [filters, compressor]), "about"}.  Every type meets every codec; layouts and fill values
go round, so that each of them meets every type and every codec; and a set of its own has every
layout with every fill value.  Of the types and codecs every second pair is taken, which saves half
of the time; TESSERA_MATRIX=all takes all."""
import base64
import itertools
import math
import os
import struct

import numpy as np

ATTRIBUTES = {"units": "K", "text": "na\u00efve \u6f22\u5b57", "big": 2**60, "pi": 3.25,
              "list": [1, "two", {"three": None}], "flag": True}

ALL = os.environ.get("TESSERA_MATRIX") == "all"


class Type:
    """A data type: its name in both formats (None: it has none there), and as NumPy has its items,
    little-endian, in files beside the arrays."""

    def __init__(self, v2, v3, items, codecs=(), odd=False):
        self.v2, self.v3, self.codecs, self.odd = v2, v3, codecs, odd
        self.items = np.dtype(items)

    def stored(self, fmt):
        """The dtype of items as libtessera gives them: of format 2 as they lie in chunks."""
        return numpy_v2(self.v2) if fmt == 2 else self.items


def numpy_v2(doc):
    """The dtype of a document of format 2."""
    if isinstance(doc, str):
        return np.dtype(doc)
    return np.dtype([(f[0], numpy_v2(f[1]), *[tuple(s) for s in f[2:]]) for f in doc])


def _named(name, **configuration):
    return {"name": name, "configuration": configuration}


def _struct(*fields):
    return _named("struct", fields=[{"name": n, "data_type": t} for n, t in fields])


ANY, INT = ("any",), ("any", "int")
TYPES = {
    "bool": Type("|b1", "bool", "?", ("any", "bool")),
    "i1": Type("|i1", "int8", "i1", INT),
    "i2": Type("<i2", "int16", "<i2", INT),
    "i4": Type(">i4", "int32", "<i4", INT),
    "i8": Type("<i8", "int64", "<i8", INT),
    "u1": Type("|u1", "uint8", "u1", INT),
    "u2": Type(">u2", "uint16", "<u2", INT),
    "u4": Type("<u4", "uint32", "<u4", INT),
    "u8": Type("<u8", "uint64", "<u8", INT),
    "f2": Type("<f2", "float16", "<f2", ANY),
    "f4": Type(">f4", "float32", "<f4", ANY),
    "f8": Type("<f8", "float64", "<f8", ANY),
    "c8": Type("<c8", "complex64", "<c8", ANY),
    "c16": Type(">c16", "complex128", "<c16", ANY),
    "datetime": Type("<M8[ns]", _named("numpy.datetime64", unit="ns", scale_factor=1), "<M8[ns]", ANY),
    "timedelta": Type(">m8[10s]", _named("numpy.timedelta64", unit="s", scale_factor=10), "<m8[10s]",
                      ANY),
    "S5": Type("|S5", _named("null_terminated_bytes", length_bytes=5), "S5", ANY),
    "U3": Type("<U3", _named("fixed_length_utf32", length_bytes=12), "<U3", ANY),
    "U2big": Type(">U2", None, "<U2", ANY),
    "V3": Type("|V3", _named("raw_bytes", length_bytes=3), "V3", ANY),
    "record": Type([["a", "<i2"], ["b", ">f8"], ["c", "|S3"]], None,
                   [("a", "<i2"), ("b", "<f8"), ("c", "S3")], ANY, True),
    "parts": Type([["x", "<f4"], ["z", ">i2", [2, 2]]], None, [("x", "<f4"), ("z", "<i2", (2, 2))],
                  ANY, True),
    "nested": Type([["a", "|u1"], ["b", [["c", "<u4"], ["d", "|b1"]]]], None,
                   [("a", "u1"), ("b", [("c", "<u4"), ("d", "?")])], ANY, True),
    "struct": Type(None, _struct(("a", "int16"), ("b", "float64")), [("a", "<i2"), ("b", "<f8")], ANY,
                   True),
    "r16": Type(None, "r16", "V2", ANY, True),
    "bfloat16": Type(None, "bfloat16", "<u2", ANY, True),
    "int2": Type(None, "int2", "i1", ANY, True),
    "int4": Type(None, "int4", "i1", ANY, True),
    "e3m4": Type(None, "float8_e3m4", "u1", ANY, True),
    "e5m2": Type(None, "float8_e5m2", "u1", ANY, True),
}
BITS = {"int2": 2, "int4": 4}

_BLOSC = {"clevel": 5, "blocksize": 0}
CODECS2 = {  # name: what types it is for, filters, compressor
    "none": ("any", None, None),
    "zlib": ("any", None, {"id": "zlib", "level": 1}),
    "gzip": ("any", None, {"id": "gzip", "level": 5}),
    "bz2": ("any", None, {"id": "bz2", "level": 1}),
    "lzma": ("any", None, {"id": "lzma", "format": 1, "check": -1, "preset": 1, "filters": None}),
    "zstd": ("any", None, {"id": "zstd", "level": 1}),
    "lz4": ("any", None, {"id": "lz4", "acceleration": 1}),
    "blosc lz4": ("any", None, {"id": "blosc", "cname": "lz4", "shuffle": 1, **_BLOSC}),
    "blosc zstd bits": ("any", None, {"id": "blosc", "cname": "zstd", "shuffle": 2, **_BLOSC}),
    "blosc blosclz": ("any", None, {"id": "blosc", "cname": "blosclz", "shuffle": 0, **_BLOSC}),
    "blosc lz4hc auto": ("any", None, {"id": "blosc", "cname": "lz4hc", "shuffle": -1, **_BLOSC}),
    "blosc zlib": ("any", None, {"id": "blosc", "cname": "zlib", "shuffle": 1, **_BLOSC}),
    "shuffle zlib": ("any", [{"id": "shuffle", "elementsize": 4}], {"id": "zlib", "level": 1}),
    "crc32": ("any", [{"id": "crc32"}], None),
    "adler32 zstd": ("any", [{"id": "adler32"}], {"id": "zstd", "level": 1}),
    "fletcher32": ("any", [{"id": "fletcher32"}], None),
    "jenkins": ("any", [{"id": "jenkins_lookup3"}], None),
    "delta zlib": ("int", [{"id": "delta", "dtype": None, "astype": None}], {"id": "zlib", "level": 1}),
    "packbits": ("bool", [{"id": "packbits"}], None),
}

LE = _named("bytes", endian="little")
BE = _named("bytes", endian="big")
CRC = {"name": "crc32c"}
GZIP = _named("gzip", level=5)
ZSTD = _named("zstd", level=1, checksum=False)


def _blosc3(cname, shuffle):
    return _named("blosc", cname=cname, shuffle=shuffle, typesize=4, **_BLOSC)


CODECS3 = {
    "plain": ("any", [LE]),
    "big": ("any", [BE]),
    "gzip": ("any", [LE, GZIP]),
    "zstd": ("any", [BE, ZSTD]),
    "zstd sum": ("any", [LE, _named("zstd", level=3, checksum=True)]),
    "crc32c": ("any", [LE, CRC]),
    "zstd crc32c": ("any", [BE, ZSTD, CRC]),
    "blosc lz4": ("any", [LE, _blosc3("lz4", "shuffle")]),
    "blosc zstd bits": ("any", [BE, _blosc3("zstd", "bitshuffle")]),
    "blosc blosclz": ("any", [LE, _blosc3("blosclz", "noshuffle")]),
    "blosc zlib": ("any", [LE, _blosc3("zlib", "shuffle")]),
    "blosc lz4hc": ("any", [LE, _blosc3("lz4hc", "bitshuffle")]),
    "numcodecs zlib": ("any", [LE, _named("numcodecs.zlib", level=1)]),
    "numcodecs bz2": ("any", [LE, _named("numcodecs.bz2", level=1)]),
    "numcodecs lzma": ("any", [LE, _named("numcodecs.lzma", format=1, check=-1, preset=1)]),
    "numcodecs lz4": ("any", [BE, _named("numcodecs.lz4", acceleration=1)]),
    "numcodecs shuffle": ("any", [LE, _named("numcodecs.shuffle", elementsize=2), ZSTD]),
    "numcodecs crc32": ("any", [LE, _named("numcodecs.crc32", location="start")]),
    "numcodecs adler32": ("any", [LE, _named("numcodecs.adler32", location="start")]),
    "numcodecs fletcher32": ("any", [LE, _named("numcodecs.fletcher32")]),
    "numcodecs delta": ("int", [_named("numcodecs.delta", dtype=None, astype=None), LE, GZIP]),
    "packbits": ("packbits", [_named("packbits", padding_encoding="none")]),
}

LAYOUTS2 = [  # shape, chunks, order, separator
    ("C .", [9, 14], [4, 6], "C", "."),
    ("F .", [9, 14], [4, 6], "F", "."),
    ("C /", [9, 14], [4, 6], "C", "/"),
    ("F /", [9, 14], [4, 6], "F", "/"),
    ("larger chunk", [9, 14], [16, 20], "C", "."),
    ("1-d", [37], [8], "C", "/"),
    ("3-d F", [5, 6, 7], [2, 4, 3], "F", "."),
    ("one row", [5, 14], [1, 14], "F", "."),
]


def _shard(inner, codecs, index=(LE, CRC), at="end"):
    return [_named("sharding_indexed", chunk_shape=inner, codecs=codecs, index_codecs=list(index),
                   index_location=at)]


def _turned(order, then=lambda codecs: codecs):
    return lambda codecs: [_named("transpose", order=order), *then(codecs)]


LAYOUTS3 = [  # shape, chunks, name and separator of keys, what is put around the codecs
    ("/", [9, 14], [4, 6], ("default", "/"), list),
    ("shard", [9, 14], [8, 6], ("default", "/"), lambda c: _shard([4, 3], c)),
    (".", [9, 14], [4, 6], ("default", "."), list),
    ("shard start", [9, 14], [8, 12], ("v2", "."), lambda c: _shard([2, 6], c, at="start")),
    ("v2 /", [9, 14], [4, 6], ("v2", "/"), list),
    ("F", [9, 14], [4, 6], ("v2", "."), _turned([1, 0])),
    ("big index", [9, 14], [4, 6], ("default", "."), lambda c: _shard([2, 2], c, [BE], "start")),
    ("nested", [9, 14], [8, 12], ("default", "/"), lambda c: _shard([4, 6], _shard([2, 3], c, [LE]))),
    ("F shard", [9, 14], [4, 6], ("default", "/"), _turned([1, 0], lambda c: _shard([2, 2], c))),
    ("larger chunk", [9, 14], [16, 20], ("default", "/"), list),
    ("larger shard", [9, 14], [16, 20], ("default", "/"), lambda c: _shard([8, 5], c)),
    ("1-d", [37], [8], ("default", "/"), list),
    ("3-d turned", [5, 6, 7], [2, 4, 3], ("default", "/"), _turned([1, 2, 0])),
]
SMALL = [("0-d", [], []), ("empty", [0, 5], [2, 3]), ("empty last", [5, 0], [2, 3]),
         ("one item", [1], [1])]


def fills_of(key):
    """Fill values of a type: {name: bytes of an item, little-endian}."""
    t = TYPES[key].items
    if key == "bfloat16":
        return {"zero": b"\0\0", "nan": b"\xc0\x7f", "-inf": b"\x80\xff", "1.5": b"\xc0\x3f"}
    if key in ("e3m4", "e5m2"):
        return {"zero": b"\0", "1.5": b"\x38" if key == "e3m4" else b"\x3e"}
    if key in BITS:
        return {"zero": b"\0", "least": np.int8(-(2 ** (BITS[key] - 1))).tobytes(),
                "one": b"\1"}
    values = {"b": {"zero": False, "true": True}, "V": {"zero": 0}, "S": {"zero": b"", "text": b"ab"},
              "U": {"zero": "", "text": "\u6f22\u00e9"}}
    values["f"] = {"zero": 0.0, "nan": np.nan, "inf": np.inf, "-inf": -np.inf, "-0": -0.0, "1.5": 1.5}
    values["c"] = {"zero": 0, "nan inf": complex(np.nan, -np.inf), "-0": complex(-0.0, 2.5)}
    if t.kind in "iu":
        i = np.iinfo(t)
        values[t.kind] = {"zero": 0, "least": i.min, "greatest": i.max, "seven": 7}
    if t.kind in "mM":
        return {"zero": bytes(8), "NaT": struct.pack("<q", -(2**63)), "5": struct.pack("<q", 5)}
    if t.kind == "V":
        return {"zero": bytes(t.itemsize), "bits": bytes(i % 2 for i in range(1, t.itemsize + 1))}
    return {n: np.array(v, t).tobytes() for n, v in values[t.kind].items()}


def fill_item(case):
    """The bytes of the case's fill value, of zeros when there is none."""
    return fills_of(case["type"]).get(case["fill"], bytes(TYPES[case["type"]].items.itemsize))


def _bits(rng, t, n):
    """Random bits, but for what has rules."""
    if t.names:
        out = np.empty(n, t)
        for name in t.names:
            sub, shape = (t[name].subdtype or (t[name], ()))
            out[name] = _bits(rng, sub, n * math.prod(shape)).reshape((n, *shape))
        return out
    if t.kind == "b":
        return rng.integers(0, 2, n).astype("?")
    if t.kind in "SU":
        size = t.itemsize // (4 if t.kind == "U" else 1)
        letters = rng.integers(97, 123, (n, size)).astype("<u4" if t.kind == "U" else "u1")
        letters[np.arange(size) >= rng.integers(0, size + 1, n)[:, None]] = 0
        return letters.view(t).reshape(n)
    return np.frombuffer(rng.bytes(n * t.itemsize), t)


def items_of(case):
    """The items of a case: random, its first chunk of the fill value, some zeros elsewhere."""
    t, shape = TYPES[case["type"]].items, case["shape"]
    rng = np.random.default_rng(case["id"])
    a = _bits(rng, t, math.prod(shape)).copy()
    if case["type"] in BITS:
        half = 1 << (BITS[case["type"]] - 1)
        a = (a.astype("i2") % (2 * half) - half).astype(t)
    a = a.reshape(shape)
    if shape:
        a[tuple(slice(0, max(c // 2, 1)) for c in case["chunks"])] = np.zeros((), t)
    if math.prod(shape) > 1:
        a[tuple(slice(0, c) for c in case["chunks"])] = np.frombuffer(fill_item(case), t)[0]
        a[tuple(slice(-2, None) for _ in shape)] = np.zeros((), t)
    return a


def fill_json(case):
    """The fill value as the document has it."""
    key, item, name = case["type"], fill_item(case), case["fill"]
    t = TYPES[key].items
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    if name == "null":
        return None
    if key in ("bfloat16", "e3m4", "e5m2"):
        return words.get(name, {"zero": 0.0, "1.5": 1.5}.get(name))
    if key == "r16":
        return list(item)
    if t.names and case["format"] == 3:
        value = np.frombuffer(item, t)[0]
        return {n: value[n].item() for n in t.names}
    if t.kind in "SV":
        return base64.b64encode(np.frombuffer(item, t).astype(TYPES[key].stored(case["format"]))
                                .tobytes()).decode()
    if t.kind in "mM":
        return struct.unpack("<q", item)[0]
    value = np.frombuffer(item, t)[0].item()
    parts = [_float_json(v) for v in (value.real, value.imag)] if t.kind == "c" else None
    return parts or (_float_json(value) if t.kind == "f" else value)


def _float_json(v):
    if math.isfinite(v):
        return v
    return "NaN" if math.isnan(v) else "Infinity" if v > 0 else "-Infinity"


def _with_dtype(codecs, key, fmt):
    """The codecs with the type, or its size, where they name it."""
    out = []
    for codec in codecs or []:
        codec = {**codec}
        inner = codec.get("configuration", codec)
        if "dtype" in inner:
            text = TYPES[key].v2 if fmt == 2 else TYPES[key].items.str
            inner = {**inner, "dtype": text, "astype": text}
        if "elementsize" in inner:
            inner = {**inner, "elementsize": TYPES[key].items.itemsize}
        if "configuration" in codec:
            codec["configuration"] = inner
        else:
            codec = inner
        out.append(codec)
    return out or None


def _case(fmt, key, codec, layout, fill):
    if fmt == 2:
        what, shape, chunks, order, separator = layout
        _, filters, compressor = CODECS2[codec]
        more = {"order": order, "separator": separator,
                "codecs": [_with_dtype(filters, key, 2), compressor]}
    else:
        what, shape, chunks, keys, around = layout
        more = {"keys": keys, "codecs": around(_with_dtype(CODECS3[codec][1], key, 3))}
    return {"format": fmt, "type": key, "shape": shape, "chunks": chunks, "fill": fill, **more,
            "about": f"format {fmt} {key}, {codec}, {what}, fill {fill}"}


def _suits(kind, key):
    if kind == "packbits":
        return key in ("bool", "int2", "int4")
    return kind in TYPES[key].codecs


def _all_codecs(fmt):
    codecs, layouts = (CODECS2, LAYOUTS2) if fmt == 2 else (CODECS3, LAYOUTS3)
    types = [k for k, t in TYPES.items() if (t.v2 if fmt == 2 else t.v3) is not None]
    for (i, key), (j, codec) in itertools.product(enumerate(types), enumerate(codecs)):
        fills = list(fills_of(key)) + (["null"] if fmt == 2 else [])
        rare = codecs[codec][0] != "any"
        if _suits(codecs[codec][0], key) and (ALL or rare or (i + j) % 2 == 0):
            layout = layouts[(i + j // 2) % len(layouts)]
            yield _case(fmt, key, codec, layout, fills[(i + j // 2) % len(fills)])


def _all_layouts(fmt):
    layouts = LAYOUTS2 if fmt == 2 else LAYOUTS3
    plain = ("C", ".") if fmt == 2 else (("default", "/"), list)
    layouts = layouts + [(*small, *plain) for small in SMALL]
    if fmt == 3:
        layouts = layouts + [("0-d shard", [], [], ("v2", "."), lambda c: _shard([], c)),
                             ("F shard 3x2", [9, 14], [4, 6], ("default", "/"),
                              _turned([1, 0], lambda c: _shard([3, 2], c))),
                             ("empty shard", [0, 5], [2, 4], plain[0], lambda c: _shard([1, 2], c))]
    for key, layout in itertools.product(("f4", "i8", "bool") if ALL else ("f4", "bool"), layouts):
        for fill in fills_of(key):
            yield _case(fmt, key, "zlib" if fmt == 2 else "zstd crc32c", layout, fill)


def cases():
    """All of them, each once."""
    out = []
    for fmt in (2, 3):
        out += _all_codecs(fmt)
        out += _all_layouts(fmt)
    return [{"id": i, **c} for i, c in enumerate(out)]


def place(case):
    """Where the array lies: trees 2 and 3 have what every zarr-python of the format can open."""
    odd = "3x2" in case["about"] or case["format"] == 3 and "packbits" in case["about"]
    tree = "x" if odd or TYPES[case["type"]].odd else ""
    return f"{tree}{case['format']}", f"g{case['id'] % 3}/a{case['id']}"
