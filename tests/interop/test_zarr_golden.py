#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Chunks of the golden Zarr stores, decoded by the codecs of libtessera: every array without shards
has the content that its manifest says, and chunks that must be refused are."""
import base64
import hashlib
import itertools
import json
import math
import os
import struct
import sys
import tarfile
import zipfile

from zarr_serve import Refused, Serve, run_in_peer

from tally import Tally

folder = os.path.join(os.environ.get("TESSERA_GOLDEN", ""), "zarr")
if not os.path.exists(os.path.join(folder, "manifest.json")):
    print("skipped: TESSERA_GOLDEN is not set")
    sys.exit(print("0 passed, 0 failed"))
if not run_in_peer():
    print("skipped: numcodecs could not be had from PyPI")
    sys.exit(print("0 passed, 0 failed"))

import numpy as np  # noqa: E402

t = Tally()
serve = Serve()


def read_store(name):
    """All objects of a store by key."""
    path = os.path.join(folder, name)
    if name.endswith(".tar"):
        with tarfile.open(path) as f:
            return {m.name.removeprefix("./"): f.extractfile(m).read() for m in f if m.isfile()}
    with zipfile.ZipFile(path) as f:
        prefix = "data.zarr/" if name == "v3_zip_prefixed.zip" else ""
        return {i.filename.removeprefix(prefix): f.read(i) for i in f.infolist()
                if not i.is_dir()}


def little(dtype):
    """The dtype with every number in it little-endian, fields packed."""
    return dtype.newbyteorder("<")


def numpy_type(doc, fmt):
    """The dtype of items in memory, None: of variable length."""
    if fmt == 2:
        if doc == "|O":
            return None
        if isinstance(doc, list):
            return np.dtype([(f[0] or f"f{i}", numpy_type(f[1], 2),
                              *[tuple(np.atleast_1d(s)) for s in f[2:]])
                             for i, f in enumerate(doc)])
        return np.dtype(doc)
    name, conf = (doc, {}) if isinstance(doc, str) else (doc["name"], doc.get("configuration", {}))
    if name in ("string", "bytes", "variable_length_bytes"):
        return None
    if name in ("struct", "structured"):
        fields = [(f[0], f[1]) if isinstance(f, list) else (f["name"], f["data_type"])
                  for f in conf["fields"]]
        return np.dtype([(n, numpy_type(d, 3)) for n, d in fields])
    if name == "fixed_length_utf32":
        return np.dtype(f"<U{conf['length_bytes'] // 4}")
    if name == "null_terminated_bytes":
        return np.dtype(f"S{conf['length_bytes']}")
    if name == "raw_bytes":
        return np.dtype(f"V{conf['length_bytes']}")
    if name.startswith("numpy."):
        unit = f"[{conf['scale_factor']}{conf['unit'].replace('μ', 'u').replace('µ', 'u')}]"
        return np.dtype(("<M8" if "datetime" in name else "<m8")
                        + ("" if conf["unit"] == "generic" else unit))
    if name[0] == "r" and name[1:].isdigit():
        return np.dtype(f"V{int(name[1:]) // 8}")
    if name.startswith("complex_"):
        return np.dtype(f"V{2 * numpy_type(name[8:], 3).itemsize}")
    small = {"int2": "i1", "int4": "i1", "uint2": "u1", "uint4": "u1", "bfloat16": "V2"}
    if name in small or name.startswith(("float8_", "float6_", "float4_")):
        return np.dtype(small.get(name, "u1"))
    return little(np.dtype(name))


def text_codec(codecs):
    return any(c.get("id") in ("vlen-utf8", "categorize") for c in codecs)


def chunk_key(path, entry, doc, index):
    if entry["zarr_format"] == 2:
        sep = doc.get("dimension_separator", ".")
        key = sep.join(map(str, index)) or "0"
    else:
        enc = doc["chunk_key_encoding"]
        enc = {"name": enc} if isinstance(enc, str) else enc
        conf = {**enc, **enc.get("configuration", {})}
        if enc["name"] == "v2":
            key = conf.get("separator", ".").join(map(str, index)) or "0"
        else:
            key = conf.get("separator", "/").join(["c", *map(str, index)])
    return f"{path}/{key}" if path else key


def request_of(entry, doc):
    if entry["zarr_format"] == 2:
        codecs = (doc["filters"] or []) + ([doc["compressor"]] if doc.get("compressor") else [])
        q = {"format": 2, "type": doc["dtype"], "order": doc["order"], "codecs": codecs}
        if doc["dtype"] == "|O" and text_codec(codecs):
            q["text"] = True
        return q
    codecs = [c for c in doc["codecs"]
              if isinstance(c, str) or c.get("must_understand", True) or c["name"] == "bytes"]
    return {"format": 3, "type": doc["data_type"], "codecs": codecs, "fill": doc["fill_value"]}


def items_of(data, n):
    """Items of variable length."""
    out, at = [], 0
    for _ in range(n):
        size, = struct.unpack_from("<I", data, at)
        out.append(data[at + 4:at + 4 + size])
        at += 4 + size
    assert at == len(data), "bytes behind the last item"
    return out


def fill_of(entry):
    """The fill value of items of variable length."""
    v = entry["fill_value"]
    if isinstance(v, str) and entry["dtype"] in ("bytes", "variable_length_bytes"):
        return base64.b64decode(v)
    if isinstance(v, list):
        return bytes(v)
    return b"" if v is None else v.encode() if isinstance(v, str) else str(v).encode()


def unquote(entry, q, items):
    """json2 and msgpack2 give the JSON of each item."""
    ids = [c.get("id") for c in q["codecs"] if isinstance(c, dict)]
    if not {"json2", "msgpack2"} & set(ids):
        return items
    return [json.loads(i).encode() for i in items]


def read_array(entry, store, doc, q):
    """Decodes all chunks: the digest of the content, None: a missing chunk whose fill value this
    test does not know."""
    shape = tuple(doc["shape"])
    if entry["zarr_format"] == 2:
        chunks = tuple(max(c, 1) for c in doc["chunks"])
    elif doc["chunk_grid"]["name"] != "regular":
        return None
    else:
        chunks = tuple(max(c, 1) for c in doc["chunk_grid"]["configuration"]["chunk_shape"])
    dtype = numpy_type(q["type"], entry["zarr_format"])
    whole = np.empty(shape, dtype if dtype is not None else object)
    for index in itertools.product(*[range(math.ceil(n / c)) for n, c in zip(shape, chunks)]):
        where = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, chunks))
        data = store.get(chunk_key(entry["path"], entry, doc, index))
        if data is None:
            if dtype is not None or not shape:
                return None
            whole[where] = fill_of(entry)
            continue
        got = serve.decode({**q, "shape": chunks}, data)
        t.counts["chunks decoded"] += 1
        if dtype is None:
            part = np.empty(math.prod(chunks), object)
            part[:] = unquote(entry, q, items_of(got, math.prod(chunks)))
            part = part.reshape(chunks)
        else:
            part = np.frombuffer(got, dtype).reshape(chunks)
        whole[where] = part[tuple(slice(0, s) for s in whole[where].shape)]
    if dtype is None:
        swap = any(c.get("dtype", "").startswith(">") for c in q["codecs"] if isinstance(c, dict))
        items = [np.frombuffer(i, ">i2").astype("<i2").tobytes() if swap else i
                 for i in whole.ravel()]
        return hashlib.sha256(b"".join(struct.pack("<I", len(i)) + i for i in items)).hexdigest()
    return hashlib.sha256(np.ascontiguousarray(whole).astype(little(dtype)).tobytes()).hexdigest()


def document(store, entry):
    prefix = entry["path"] + "/" if entry["path"] else ""
    return json.loads(store[prefix + (".zarray" if entry["zarr_format"] == 2 else "zarr.json")])


manifest = json.load(open(os.path.join(folder, "manifest.json")))
stores = {}
for entry in manifest["arrays"]:
    store = stores.setdefault(entry["store"], read_store(entry["store"]))
    what = f"{entry['store']} {entry['path']}"
    with t.case(what):
        doc = document(store, entry)
        q = request_of(entry, doc)
        if "sharding_indexed" in json.dumps(q["codecs"]):
            t.counts["arrays with shards, not looked at"] += 1
            continue
        found = read_array(entry, store, doc, q)
        if found is None:
            t.counts["arrays with missing chunks or rectilinear grids, not looked at"] += 1
            continue
        t.counts["arrays read"] += 1
        t.same(found, entry["sha256"], what)

# Chunks and codecs that must be refused; what is wrong elsewhere is for others.
HERE = {"transpose_not_permutation", "transpose_letter", "gzip_level", "blosc_cname", "endian_missing",
        "endian_bad", "string_with_bytes_codec", "cast_value_extra_key", "cast_value_wrap_float"}
for r in manifest["rejects"]:
    if r["store"] not in ("reject_v2.zip", "reject_v3.zip"):
        continue
    if r["when"] != "read" and r["path"] not in HERE or r["path"].startswith(("shard", "huge")):
        continue
    store = stores.setdefault(r["store"], read_store(r["store"]))
    entry = {"path": r["path"], "zarr_format": 2 if "v2" in r["store"] else 3}
    with t.case(f"{r['store']} {r['path']}"):
        doc = document(store, entry)
        q = request_of(entry, doc)
        chunks = doc["chunks"] if "chunks" in doc else \
            doc["chunk_grid"]["configuration"]["chunk_shape"]
        data = store.get(chunk_key(r["path"], entry, doc, [0] * len(chunks)), b"")
        try:
            serve.decode({**q, "shape": chunks}, data)
            t.check(False, f"{r['path']} ({r['why']}) is refused", r["kind"])
        except Refused as e:
            t.check(e.status in (-7, -8, -9), r["path"], str(e))
            t.counts["rejects refused"] += 1
sys.exit(t.finish())
