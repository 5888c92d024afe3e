#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""seed_zarr.py - writes the kept corpora of fuzz_zarr_meta, fuzz_zarr_shard, fuzz_zcodec and fuzz_zip
into fuzz/corpus, in place of what is there: small documents, shards, streams and archives, made with
nothing but the standard library."""
import base64
import bz2
import gzip
import io
import itertools
import json
import lzma
import shutil
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"


def write(target, seeds):
    """Replaces a corpus."""
    folder = CORPUS / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in seeds.items():
        (folder / name.replace(" ", "_")).write_bytes(data)


# ---- documents ----

def text(doc):
    """JSON without spaces."""
    return json.dumps(doc, separators=(",", ":")).encode()


def named(name, **configuration):
    """An extension of format 3."""
    return {"name": name, "configuration": configuration}


LE, CRC = named("bytes", endian="little"), {"name": "crc32c"}
FLOATS = [0.0, -0.0, 1.5, 1e-300, "NaN", "-Infinity"]
TYPES3 = {
    "bool": [True], "int8": [-128], "uint16": [65535], "int32": [-7], "uint64": [2**64 - 1],
    "float16": FLOATS + ["0x7e01"], "float32": FLOATS + ["0x7fc00001"], "float64": FLOATS,
    "complex64": [[0.0, "NaN"]], "r24": [[1, 2, 3]], "string": ["\u00e9"], "bytes": ["AQI="],
    "variable_length_bytes": [[1, 2]], "int4": [-8], "bfloat16": ["0x7fc0", 2.0],
    "float8_e4m3": [1.0], "complex_bfloat16": [[1.0, 0.0]],
}
SIZED3 = [
    (named("numpy.datetime64", unit="ns", scale_factor=1), "NaT"),
    (named("numpy.timedelta64", unit="generic", scale_factor=25), 3),
    (named("fixed_length_utf32", length_bytes=8), "a\u6f22"),
    (named("null_terminated_bytes", length_bytes=3), "YWI="),
    (named("raw_bytes", length_bytes=2), "AQI="),
    (named("struct", fields=[{"name": "a", "data_type": "int16"}, {"name": "b", "data_type": named(
        "struct", fields=[{"name": "c", "data_type": "float32"}])}]), {"a": 1, "b": {"c": "NaN"}}),
    (named("structured", fields=[["a", "uint8"], ["b", "int16"]]), "AQID"),
]
CHAINS3 = [
    [named("bytes", endian="big"), named("gzip", level=5)],
    [named("transpose", order=[1, 0]), LE, named("zstd", level=-3, checksum=True), CRC],
    [LE, named("blosc", cname="lz4", clevel=5, shuffle="bitshuffle", typesize=4, blocksize=0)],
    [named("cast_value", data_type="int16", rounding="towards-zero", out_of_range="clamp",
           scalar_map={"encode": [["NaN", 0]], "decode": [[0, "NaN"]]}), LE],
    [named("scale_offset", offset=1, scale=2.5), LE], [named("reshape", shape=[-1, [0]]), LE],
    [named("bitround", keepbits=9), LE], [named("packbits", padding_encoding="first_byte")],
    [named("numcodecs.delta", dtype="<f4"), LE, named("numcodecs.lzma", format=3, filters=[
        {"id": 3, "dist": 4}, {"id": 33, "preset": 1}])],
    [named("numcodecs.fixedscaleoffset", offset=1, scale=2, dtype="<f4", astype="<i2"), LE,
     named("numcodecs.shuffle", elementsize=2), named("numcodecs.crc32", location="end")],
    [named("sharding_indexed", chunk_shape=[2, 2], codecs=[named(
        "sharding_indexed", chunk_shape=[1, 2], codecs=[LE, CRC], index_codecs=[LE])],
        index_codecs=[LE, CRC], index_location="start"), CRC],
    [{"name": "odd", "must_understand": False}, "bytes"],
]
RECTILINEAR = named("rectilinear", kind="inline", chunk_shapes=[[[2, 2], 4], 3])


def array3(**more):
    """A document of format 3; None leaves a member out."""
    doc = {"zarr_format": 3, "node_type": "array", "shape": [8, 6], "data_type": "float32",
           "chunk_grid": named("regular", chunk_shape=[4, 4]),
           "chunk_key_encoding": named("default", separator="/"), "fill_value": 0, "codecs": [LE]}
    return text({k: v for k, v in {**doc, **more}.items() if v is not None})


def arrays3():
    """Documents of arrays and groups of format 3."""
    seeds = {}
    for name, fills in TYPES3.items():
        codec = {"string": "vlen-utf8", "bytes": "vlen-bytes", "variable_length_bytes": "vlen-bytes"}
        codecs = [{"name": codec[name]}] if name in codec else [LE]
        for i, fill in enumerate(fills):
            seeds[f"3 {name} {i}"] = array3(data_type=name, fill_value=fill, codecs=codecs)
    for doc, fill in SIZED3:
        seeds[f"3 {doc['name']}"] = array3(data_type=doc, fill_value=fill)
    for i, chain in enumerate(CHAINS3):
        seeds[f"3 chain {i}"] = array3(codecs=chain)
    seeds["3 rectilinear"] = array3(chunk_grid=RECTILINEAR, shape=[7, 6])
    seeds["3 keys"] = array3(chunk_key_encoding={"name": "v2", "separator": "/"},
                             dimension_names=["y", None], attributes={"a": [1, None, "\u20ac"]})
    seeds["3 scalar"] = array3(shape=[], chunk_grid=named("regular", chunk_shape=[]))
    seeds["3 more"] = array3(storage_transformers=[], odd={"must_understand": False})
    for member in json.loads(array3()):
        seeds[f"3 no {member}"] = array3(**{member: None})
        seeds[f"3 other {member}"] = array3(**{member: [{"name": 1.5e400}]})
    node = {"zarr_format": 3, "node_type": "group", "attributes": {"t": 1}}
    inner = {"a": json.loads(array3()), "g": node, "g/b": json.loads(array3(data_type="int8"))}
    seeds["3 group"] = text({**node, "consolidated_metadata": {
        "kind": "inline", "must_understand": False, "metadata": inner}})
    return {name: b"3" + doc for name, doc in seeds.items()}


TYPES2 = [("|b1", True), ("<i2", -2), (">u8", 2**63), ("<f4", "NaN"), (">f8", -0.0), ("<c8", [1, "NaN"]),
          ("<M8[25us]", "NaT"), ("<m8", 5), ("|S3", "YWI="), ("<U2", "\u00e9"), ("|V2", "AQI="),
          ([["a", "<i2"], ["b", "|u1", [3]]], "AQIDBAU="), ([["", "|V1"], ["n", [["c", ">f4"]]]], None)]
CODECS2 = [
    ([], {"id": "zlib", "level": 1}), (None, {"id": "blosc", "cname": "zstd", "shuffle": -1}),
    ([{"id": "delta", "dtype": "<i4", "astype": "<i2"}], {"id": "bz2", "level": 1}),
    ([{"id": "astype", "encode_dtype": "<i2", "decode_dtype": "<i4"}, {"id": "crc32"}], None),
    ([{"id": "quantize", "digits": 2, "dtype": "<f4"}], {"id": "lz4", "acceleration": 1}),
    ([{"id": "shuffle", "elementsize": 4}, {"id": "jenkins_lookup3", "initval": 1, "prefix": "YQ=="}],
     {"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None}),
]
OBJECTS2 = [("vlen-utf8", {}, "a"), ("vlen-bytes", {}, "YQ=="), ("vlen-array", {"dtype": "<i2"}, None),
            ("json2", {"encoding": "utf-8"}, 0), ("msgpack2", {"raw": False}, None),
            ("categorize", {"labels": ["a", "b"], "dtype": "|O", "astype": "|u1"}, "")]


def array2(**more):
    """A document of format 2."""
    return text({"zarr_format": 2, "shape": [8, 6], "chunks": [4, 4], "dtype": "<i4", "fill_value": 0,
                 "order": "C", "filters": None, "compressor": None, **more})


def arrays2():
    """Documents of arrays and groups of format 2, and a consolidated tree of them."""
    seeds = {}
    for i, (dtype, fill) in enumerate(TYPES2):
        seeds[f"2 type {i}"] = b"a" + array2(dtype=dtype, fill_value=fill)
    for i, (filters, compressor) in enumerate(CODECS2):
        dtype = "<f4" if i == 4 else "<i4"
        seeds[f"2 codecs {i}"] = b"a" + array2(dtype=dtype, filters=filters, compressor=compressor,
                                               order="F", dimension_separator="/")
    for name, config, fill in OBJECTS2:
        seeds[f"2 {name}"] = b"a" + array2(dtype="|O", filters=[{"id": name, **config}], fill_value=fill)
    for member in json.loads(array2()):
        seeds[f"2 other {member}"] = b"a" + array2(**{member: {"id": [True, -1]}})
    seeds["2 attributes"] = (b"a" + array2() + b"\0"
                             + b'{"_ARRAY_DIMENSIONS":["y","x"],"bad":NaN,"inf":-Infinity}')
    seeds["2 group"] = b'g{"zarr_format":2}'
    tree = {".zgroup": {"zarr_format": 2}, ".zattrs": {"a": 1}, "g/.zgroup": {"zarr_format": 2},
            "g/x/.zarray": json.loads(array2()), "g/x/.zattrs": {"_ARRAY_DIMENSIONS": ["y", "x"]}}
    seeds["2 consolidated"] = b"m" + text({"metadata": tree, "zarr_consolidated_format": 1})
    return seeds


# ---- shards (the four bytes in front: see fuzz_zarr_shard.c) ----

def crc32c(data):
    """The checksum, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def vlen(items):
    """Items of variable length, counted."""
    return struct.pack("<I", len(items)) + b"".join(struct.pack("<I", len(i)) + i for i in items)


def pack(chunks, order, crc, start):
    """A shard of encoded chunks (None: one that is not there)."""
    at = len(chunks) * 16 + 4 * crc if start else 0
    body, entries = b"", []
    for chunk in chunks:
        entries += [2**64 - 1] * 2 if chunk is None else [at + len(body), len(chunk)]
        body += chunk or b""
    index = struct.pack(f"{order}{len(entries)}Q", *entries)
    index += crc32c(index) if crc else b""
    return index + body if start else body + index


def shard(bits, inner, count):
    """What the bits ask for: two of the chunks are there, in the other order."""
    n, items = count[0] * count[1], inner[0] * inner[1]

    def encode(k, size):
        plain = (vlen([bytes([65 + k])] * size) if bits & 64
                 else struct.pack(f">{size}H", *[k * 257 + i for i in range(size)]))
        return gzip.compress(plain, 1, mtime=0) if bits & 8 else plain

    def chunk(k):
        if bits & 32:
            return pack([encode(k + i, 1) if i % 2 == 0 else None for i in range(items)], "<", False,
                        False)
        return encode(k, items)

    data = pack([chunk(k) if k in (0, n - 1) else None for k in range(n)], ">" if bits & 4 else "<",
                bits >> 1 & 1, bits & 1)
    data += crc32c(data) if bits & 16 else b""
    return bytes([bits, inner[0] - 1, inner[1] - 1, count[0] - 1 | count[1] - 1 << 2]) + data


def shards():
    """One for each pair of what can be chosen, and some sizes."""
    seeds = {}
    for a, b in itertools.combinations_with_replacement(range(7), 2):
        bits = 1 << a | 1 << b
        seeds[f"bits {bits:07b}"] = shard(bits, (2, 1), (2, 1))
    for inner, count in (((1, 1), (1, 1)), ((4, 4), (1, 2)), ((1, 3), (4, 4))):
        seeds[f"inner {inner} count {count}".replace(",", "").replace("(", "").replace(")", "")] = \
            shard(2, inner, count)
    return seeds


# ---- streams (the two bytes in front: see fuzz_zcodec.c) ----

PLAIN = bytes(range(16)) * 3


def blosc(flags, typesize, plain):
    """A chunk of Blosc 1 that is stored as it is."""
    return struct.pack("<4B3I", 2, 1, flags | 2, typesize, len(plain), len(plain), 16 + len(plain)) + plain


def lz4_block(plain):
    """Literals and no match."""
    n = len(plain) - 15
    return bytes([0xF0]) + b"\xff" * (n // 255) + bytes([n % 255]) + plain


def streams():
    """(codec's number in fuzz_zcodec.c, decoded bytes or None, stream) by name."""
    raw = [{"id": lzma.FILTER_LZMA2, "preset": 0}]
    text3 = [b"a", b"bb", b"", b"\xc3\xa9", b"e", b"f"]
    zstd = b"\x28\xb5\x2f\xfd\x20" + bytes([len(PLAIN)]) + struct.pack("<I", 1 | len(PLAIN) << 3)[:3] + PLAIN
    nested = [["a", "b", "c"], ["d", "e", "f"]]
    return {
        "gzip": (0, 48, gzip.compress(PLAIN, 1, mtime=0)),
        "gzip members": (0, None, gzip.compress(b"a", 9, mtime=0) + gzip.compress(b"b", 1, mtime=0)),
        "zlib": (1, 48, zlib.compress(PLAIN, 1)),
        "zstd raw": (2, 48, zstd), "zstd skipped": (2, 48, b"\x50\x2a\x4d\x18\x02\0\0\0ab" + zstd),
        "lz4": (3, 48, struct.pack("<I", 48) + lz4_block(PLAIN)),
        "bz2": (4, 48, bz2.compress(PLAIN, 1)),
        "bz2 twice": (4, None, bz2.compress(b"a", 1) + bz2.compress(b"b", 1)),
        "xz": (5, 48, lzma.compress(PLAIN, preset=0)),
        "lzma alone": (6, 48, lzma.compress(PLAIN, lzma.FORMAT_ALONE, preset=0)),
        "lzma raw": (7, 48, lzma.compress(PLAIN, lzma.FORMAT_RAW, filters=raw)),
        "blosc lz4": (8, 48, blosc(1, 4, PLAIN)), "blosc zstd": (9, 48, blosc(4, 2, PLAIN)),
        "crc32": (10, 48, struct.pack("<I", zlib.crc32(PLAIN)) + PLAIN),
        "crc32c": (11, 48, PLAIN + crc32c(PLAIN)),
        "fletcher32": (12, 0, bytes(4)), "jenkins": (13, 48, PLAIN + bytes(4)),
        "base64": (14, 48, base64.b64encode(PLAIN)), "shuffle": (15, 48, PLAIN),
        "delta": (16, 48, PLAIN[:24]), "fixedscaleoffset": (17, 48, PLAIN[:12]),
        "astype": (18, 48, bytes(12)), "packbits": (19, 16, b"\0\xa5\x5a"),
        "bytes": (20, None, PLAIN * 2), "bools": (21, None, bytes([0, 1] * 12)),
        "transpose": (22, None, PLAIN), "transpose texts": (23, None, vlen(text3)),
        "packbits int4": (24, None, bytes(range(11)) + b"\4"), "packbits float64": (25, None, bytes(153)),
        "cast to float": (26, None, PLAIN * 2), "cast to int": (27, None, PLAIN * 12),
        "scale offset": (28, None, bytes(48)), "categorize": (29, None, bytes([0, 1, 2, 3, 1, 2])),
        "categorize letters": (30, None, bytes([0, 1, 2, 0, 1, 2])),
        "vlen-utf8": (31, None, vlen(text3)), "vlen-bytes": (32, None, vlen(text3)),
        "vlen-array": (33, None, vlen([b"\1\0" * k for k in range(6)])),
        "json2": (34, None, text([*nested, "|O", [2, 3]])),
        "msgpack2": (35, None, b"\x94\x93\xa1a\xa1b\xc0\x93\xa1d\x01\xcb" + bytes(8) + b"\xa2|O\x92\2\3"),
    }


# ---- archives ----

def archive(entries, method=zipfile.ZIP_STORED, comment=b"", large=False):
    """A zip archive of (name, data); large: sizes take 64 bits."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as z:
        warnings.simplefilter("ignore")  # names that are there twice
        z.comment = comment
        for name, data in entries:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = method
            with z.open(info, "w", force_zip64=large) as f:
                f.write(data)
    return out.getvalue()


def archives():
    """What writers make, and some of what is refused."""
    tree = [("zarr.json", b"{}"), ("c/0", b"abcd"), ("c/1/0", PLAIN), ("empty", b"")]
    whole = archive(tree)
    return {
        "stored": whole, "stored 64": archive(tree, large=True), "empty": archive([]),
        "deflated": archive(tree, zipfile.ZIP_DEFLATED),
        "duplicates comment": archive([*tree, ("c/0", b"efghi"), ("c/0", b"j")], comment=b"hello"),
        "umlaut": archive([("gr\u00fc\u00df/\u6f22", b"1"), ("a b/c%20", b"2")]),
        "folders": archive([("data/", b""), *[(f"data/{n}", d) for n, d in tree]]),
        "behind other bytes": b"#!/bin/sh\n" + whole, "cut": whole[:-9],
        "encrypted": whole.replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"),
        "bad names": archive([("../a", b"1"), ("/b", b"2"), ("c//d", b"3"), ("e\\f", b"4")]),
    }


def main():
    """All four."""
    write("fuzz_zarr_meta", {**arrays3(), **arrays2()})
    write("fuzz_zarr_shard", shards())
    write("fuzz_zip", archives())
    write("fuzz_zcodec", {name: bytes([k, 255 if n is None else n // 8]) + data
                          for name, (k, n, data) in streams().items()})


if __name__ == "__main__":
    main()
