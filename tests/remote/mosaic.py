# SPDX-License-Identifier: BSD-3-Clause
"""mosaic.py - sharded Zarr arrays of format 3, written by the specification with nothing but the
standard library."""
import gzip
import json
import os
import struct
from array import array


def metadata(shape, shard, inner, dtype="float32"):
    return {"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shard}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0, "attributes": {},
            "codecs": [{"name": "sharding_indexed", "configuration": {
                "chunk_shape": inner, "index_location": "end",
                "codecs": [{"name": "bytes", "configuration": {"endian": "little"}},
                           {"name": "gzip", "configuration": {"level": 1}}],
                "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}}]}


def item(i, j, seed=0):
    """What stands at (i, j): exact as a float32."""
    return float((i * 31 + j * 17 + seed * 7919) % 65521)


def box(rows, columns, seed=0):
    return array("f", [item(i, j, seed) for i in rows for j in columns]).tobytes()


def shard_bytes(at, shard, inner, seed=0):
    """The object of the shard at these chunk coordinates, and the stored length of each inner chunk."""
    n = [s // c for s, c in zip(shard, inner)]
    body, index, lengths = b"", b"", {}
    for a in range(n[0]):
        for b in range(n[1]):
            i, j = at[0] * shard[0] + a * inner[0], at[1] * shard[1] + b * inner[1]
            part = gzip.compress(box(range(i, i + inner[0]), range(j, j + inner[1]), seed), 1)
            index += struct.pack("<QQ", len(body), len(part))
            lengths[a, b] = len(part)
            body += part
    return body + index, lengths


def write(folder, shape, shard, inner, shards, seed=0):
    """The array with these shards; the others are not there.  (at -> lengths, index bytes)."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "zarr.json"), "w") as f:
        json.dump(metadata(shape, shard, inner), f)
    lengths = {}
    for at in shards:
        data, lengths[at] = shard_bytes(at, shard, inner, seed)
        os.makedirs(os.path.join(folder, f"c/{at[0]}"), exist_ok=True)
        with open(os.path.join(folder, f"c/{at[0]}/{at[1]}"), "wb") as f:
            f.write(data)
    return lengths, 16 * (shard[0] // inner[0]) * (shard[1] // inner[1])
