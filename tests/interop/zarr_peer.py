# SPDX-License-Identifier: BSD-3-Clause
"""zarr_peer.py PEER FOLDER - runs in a peer's environment: reads what tests/zarr/write.c wrote.

PEER is zarr (the package of any version) or tensorstore.  Lines of write.c come on stdin; what
differs is printed, and last "N passed, M failed, K not its own".
"""
import json
import sys
from pathlib import Path

import numpy as np

ATTRIBUTES = {"units": "K", "n": [1, 2.5, None, {"a": True}]}


def open_zarr(folder, store):
    """The root group, by its consolidated metadata."""
    import zarr

    root = zarr.open_consolidated(f"{folder}/{store}", mode="r")
    assert root.attrs["title"] == "na\u00efve", dict(root.attrs)
    return root


def read_zarr(roots, folder, line):
    """An array's items as they are stored, after a look at its attributes."""
    import zarr

    if line["store"] == "x":  # not all of it is known to it
        a = zarr.open_array(f"{folder}/x/{line['name']}", mode="r")
    else:
        if line["store"] not in roots:
            roots[line["store"]] = open_zarr(folder, line["store"])
        a = roots[line["store"]][line["name"]]
    attrs = dict(a.attrs)
    attrs.pop("_ARRAY_DIMENSIONS", None)
    assert attrs == ATTRIBUTES, attrs
    return a[...]


def read_tensorstore(folder, line):
    """The same through tensorstore."""
    import tensorstore as ts

    driver = "zarr" if line["format"] == 2 else "zarr3"
    path = f"{folder}/{line['store']}/{line['name']}"
    return ts.open({"driver": driver, "kvstore": {"driver": "file", "path": path}},
                   read=True).result().read().result()


def can(peer, line):
    """Does the peer know the data type and the codec?"""
    import importlib.metadata

    name = line["dtype"] if isinstance(line["dtype"], str) else "record"
    if isinstance(line["dtype"], dict):
        name = line["dtype"]["name"]
    if peer == "tensorstore":
        times = line["format"] == 2 and name[1] in "Mm"
        return not (times or line["format"] == 3 and name.startswith(("numpy", "null", "raw", "str"))
                    or line["format"] == 2 and line["codec"] == "lz4"
                    or name in ("record", "struct", "uint4", "float8_e4m3", "|V3", "|S5"))
    version = [int(n) for n in importlib.metadata.version("zarr").split(".")[:2]]
    return (line["format"] == 2 or version >= [3, 0]) and (name != "struct" or version >= [3, 2]
            ) and name not in ("bfloat16", "int4", "uint4", "float8_e4m3")


def same(got, raw, line):
    """Are the bits of the items those of the file?"""
    dtype = got.dtype
    if line["format"] == 2 and isinstance(line["dtype"], str):
        dtype = np.dtype(line["dtype"])
    elif line["format"] == 2:
        dtype = np.dtype([tuple(f) for f in line["dtype"]])
    if dtype.kind in "OV" and dtype.names is None and dtype.itemsize != len(raw) // got.size:
        return False
    if got.dtype.name == "int4":
        dtype = np.dtype("int8")
    return got.astype(dtype).tobytes() == raw


def main():
    """Reads all and counts."""
    peer, folder = sys.argv[1:]
    lines = [json.loads(line) for line in sys.stdin]
    counts, roots = {"passed": 0, "failed": 0, "not its own": 0}, {}
    for line in lines:
        if not can(peer, line):
            counts["not its own"] += 1
            continue
        name = line["name"].split("/")[-1]
        raw = Path(f"{folder}/{name}.raw").read_bytes()
        try:
            got = (read_zarr(roots, folder, line) if peer == "zarr"
                   else read_tensorstore(folder, line))
            good = same(got, raw, line)
            why = f"{got.dtype} of {got.shape} differ"
        except Exception as e:  # noqa: BLE001 - whatever the peer throws is a failure
            good, why = False, f"{type(e).__name__}: {e}"
        counts["passed" if good else "failed"] += 1
        if not good:
            print(f"{peer}: format {line['format']} {name} {line['dtype']}: {why[:200]}")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
