# SPDX-License-Identifier: BSD-3-Clause
"""zarr_items_peer.py MODE FOLDER - runs with zarr-python 3 or 2.18: items of variable length.

write: makes the arrays of CASES, FOLDER/theirs/ID, and their items; read: reads FOLDER/ours/ID; a
line of JSON for each that it has tells "id" and what is wrong, null: nothing."""
import json
import random
import sys
import warnings

SHAPE, CHUNKS, INNER = [9, 7], [4, 6], [2, 3]
WORDS = ["", "a", "na\u00efve", "\u6f22\u5b57", "\U0001f600", "x" * 300]
CASES = [{"id": i, "format": fmt, "type": kind, "codec": codec, "layout": layout}
         for i, (fmt, kind, codec, layout) in enumerate(
             (fmt, kind, codec, layout) for fmt in (2, 3) for kind in ("string", "bytes")
             for codec in ("none", "gzip", "zstd") for layout in ("plain", "other"))]


def items_of(case):
    """Text or bytes, 63 of them, of which the first chunk is empty ones."""
    r = random.Random(case["id"])
    items = [r.choice(WORDS) + r.choice(WORDS) for _ in range(63)]
    items = ["" if i // 7 < 4 and i % 7 < 6 else item for i, item in enumerate(items)]
    return items if case["type"] == "string" else [item.encode() for item in items]


def make(zarr, path, case):
    """An array of the peer; layout other: F order in format 2, shards in format 3."""
    import numcodecs

    codec = {"none": None, "gzip": {"id": "gzip", "level": 1}, "zstd": {"id": "zstd", "level": 1}}
    compressor = codec[case["codec"]] and numcodecs.get_codec(dict(codec[case["codec"]]))
    order = "F" if case["layout"] == "other" else "C"
    text = case["type"] == "string"
    if int(zarr.__version__.split(".")[0]) < 3:
        return zarr.create(shape=SHAPE, chunks=CHUNKS, dtype=object, store=path, compressor=compressor,
                           object_codec=numcodecs.VLenUTF8() if text else numcodecs.VLenBytes(),
                           order=order, fill_value="" if text else None)
    from zarr.dtype import VariableLengthBytes

    name = "string" if text else VariableLengthBytes()
    if case["format"] == 2:
        return zarr.create_array(path, shape=SHAPE, chunks=CHUNKS, dtype=name, zarr_format=2,
                                 compressors=compressor, order=order)
    config = codec[case["codec"]]
    compressors = config and [{"name": config["id"], "configuration": {
        "level": 1, **({"checksum": False} if config["id"] == "zstd" else {})}}]
    shards = CHUNKS if order == "F" else None
    return zarr.create_array(path, shape=SHAPE, chunks=INNER if shards else CHUNKS, dtype=name,
                             shards=shards, compressors=compressors)


def one(zarr, np, mode, folder, case):
    """What is wrong."""
    items = np.array(items_of(case), object).reshape(SHAPE)
    if mode == "write":
        make(zarr, f"{folder}/theirs/{case['id']}", case)[...] = items
        return None
    got = zarr.open_array(f"{folder}/ours/{case['id']}", mode="r")[...]
    got = got.ravel().tolist()
    if case["type"] == "bytes":  # 2.18 gives the fill value of bytes as the text that it is in JSON
        got = [item or b"" for item in got]
    return None if got == items.ravel().tolist() else "other items"


def main():
    """All cases of the formats that the version has."""
    import numpy as np
    import zarr

    warnings.simplefilter("ignore")
    three = int(zarr.__version__.split(".")[0]) >= 3
    for case in CASES if three else [c for c in CASES if c["format"] == 2]:
        try:
            wrong = one(zarr, np, *sys.argv[1:], case)
        except Exception as e:  # noqa: BLE001 - whatever the peer throws is its answer
            wrong = f"{type(e).__name__}: {e}"[:500]
        print(json.dumps({"id": case["id"], "wrong": wrong}))


if __name__ == "__main__":
    main()
