# SPDX-License-Identifier: BSD-3-Clause
"""zarr_matrix_peer.py PEER MODE FOLDER - runs in a peer's environment, for test_zarr_matrix.py.

PEER is zarr (the package of any version) or tensorstore.  write: makes every case of zarr_cases.py
in FOLDER/PEER and writes its items; read: reads every case in FOLDER/ours.  A line of JSON for each
tells what became of it, {"id", "error"} with what the peer said or {"id", "differs"} with what was
found; the first line names the version, and whether it has format 3."""
import base64
import ctypes
import json
import math
import sys
import warnings

import numpy as np

from zarr_cases import ATTRIBUTES, TYPES, cases, fill_item, fill_json, items_of, place

warnings.simplefilter("ignore")
NAMES = ["y", None, "z"]


def differs(case, got):
    """What is wrong with the items, None: nothing."""
    t = TYPES[case["type"]].items
    if list(got.shape) != case["shape"]:
        return f"shape {got.shape}"
    odd = case["type"] in ("bfloat16", "e3m4", "e5m2", "int2", "int4")
    if got.dtype.itemsize != t.itemsize:
        return f"items are {got.dtype}"
    items = np.asarray(got, order="C")
    found = items.tobytes() if odd else items.astype(t).tobytes()
    return None if found == items_of(case).tobytes() else f"other items, of {got.dtype}"


class Zarr:
    """zarr-python 3, or 2 which has format 2 only."""

    def __init__(self):
        import numcodecs
        import zarr

        self.zarr, self.version, self.codec = zarr, zarr.__version__, numcodecs.get_codec
        self.three = int(self.version.split(".")[0]) >= 3
        self.roots = {}

    def root(self, folder, tree):
        """The root group of a tree of ours, by its consolidated metadata."""
        if tree not in self.roots:
            self.roots[tree] = self.zarr.open_consolidated(f"{folder}/ours/{tree}", mode="r")
            assert dict(self.roots[tree].attrs) == ATTRIBUTES
        return self.roots[tree]

    def read(self, folder, case):
        """The items and attributes."""
        tree, name = place(case)
        if tree[0] == "x" or case["id"] % 8:  # by the root it takes some times as long
            a = self.zarr.open_array(f"{folder}/ours/{tree}/{name}", mode="r")
        else:
            a = self.root(folder, tree)[name]
        if case["format"] == 3:
            names = list(a.metadata.dimension_names or [])
            assert names == NAMES[:len(case["shape"])], names
        return np.asarray(a[...]), dict(a.attrs)

    def fill(self, case):
        """The fill value as zarr-python takes it."""
        if case["fill"] == "null":
            return None
        t = TYPES[case["type"]]
        return np.frombuffer(fill_item(case), t.items).astype(t.stored(case["format"]))[0]

    def write(self, folder, case):
        """Makes the array."""
        tree, name = place(case)
        path = f"{folder}/zarr/{tree}/{name}"
        make = self.make_v3 if case["format"] == 3 else self.make_v2
        a = make(path, case)
        a[...] = items_of(case).astype(a.dtype)
        a.attrs.update(ATTRIBUTES)

    def make_v2(self, path, case):
        """An array of format 2."""
        filters, compressor = case["codecs"]
        t = TYPES[case["type"]].stored(2)
        filters = [self.codec(dict(f)) for f in filters] if filters else None
        compressor = self.codec(dict(compressor)) if compressor else None
        more = {"shape": case["shape"], "chunks": case["chunks"], "dtype": t,
                "fill_value": self.fill(case), "filters": filters, "order": case["order"]}
        if not self.three:
            return self.zarr.create(store=path, compressor=compressor, overwrite=True,
                                    dimension_separator=case["separator"], **more)
        return self.zarr.create_array(path, compressors=compressor, zarr_format=2, overwrite=True,
                                      chunk_key_encoding=_keys("v2", case["separator"]), **more)

    def make_v3(self, path, case):
        """An array of format 3, its codecs as their documents."""
        codecs = case["codecs"]
        at = next(i for i, c in enumerate(codecs)
                  if c["name"] in ("bytes", "sharding_indexed", "packbits"))
        t = TYPES[case["type"]]
        text = isinstance(t.v3, str) or case["type"] in ("struct", "V3")
        return self.zarr.create_array(
            path, shape=case["shape"], chunks=case["chunks"], zarr_format=3, overwrite=True,
            dtype=t.v3 if text else t.items, fill_value=self.fill(case), filters=codecs[:at] or None,
            serializer=codecs[at], compressors=codecs[at + 1:] or None,
            chunk_key_encoding=_keys(*case["keys"]), dimension_names=NAMES[:len(case["shape"])])

    def finish(self, folder):
        """Consolidated metadata of the trees in which every type is known."""
        for tree, fmt in (("2", 2), ("3", 3)):
            if fmt == 3 and not self.three:
                continue
            more = {"zarr_format": fmt} if self.three else {}
            root = self.zarr.open_group(f"{folder}/zarr/{tree}", mode="a", **more)
            for i in range(3):
                root.require_group(f"g{i}").attrs["i"] = i
            root.attrs.update(ATTRIBUTES)
            self.zarr.consolidate_metadata(root.store)


def _keys(name, separator):
    return {"name": name, "separator": separator}


class Tensorstore:
    """tensorstore, which has no groups, and attributes in format 3 only."""

    def __init__(self):
        import importlib.metadata

        import tensorstore

        self.ts, self.version, self.three = tensorstore, importlib.metadata.version("tensorstore"), True
        self.context = tensorstore.Context({"cache_pool": {"total_bytes_limit": 0}})

    def where(self, folder, writer, case):
        """The driver and the place."""
        path = "/".join([folder, writer, *place(case)])
        return {"driver": "zarr" if case["format"] == 2 else "zarr3",
                "kvstore": {"driver": "file", "path": path + "/"}}

    def attributes(self, folder, writer, case):
        """.zattrs of format 2, a document of its own."""
        path = "/".join([folder, writer, *place(case), ".zattrs"])
        return self.ts.open({"driver": "json", "kvstore": {"driver": "file", "path": path}},
                            context=self.context).result()

    def parts(self, case):
        """Fields of records are arrays of their own: their names, (None,) of what is no record."""
        return case["type"] != "nested" and TYPES[case["type"]].items.names or (None,)

    def open(self, spec, field, **more):
        """The array of a field."""
        spec = {**spec, "field": field} if field else spec
        return self.ts.open(spec, context=self.context, **more).result()

    def read_part(self, out, a, field):
        """The items of a field into those of a record; letters are an axis of their own."""
        got = a.read(order="C").result()
        items = np.asarray(got, order="C")
        if got.dtype.itemsize == 0:  # letters and bytes, by a dtype that says they have no size
            letters = ctypes.string_at(got.ctypes.data, math.prod(got.shape))
            items = np.frombuffer(letters, f"{got.dtype.kind}{got.shape[-1]}").reshape(got.shape[:-1])
        if field is None:
            return items
        out[field] = items
        return out

    def read(self, folder, case):
        """The items and attributes."""
        spec, out = self.where(folder, "ours", case), np.empty(case["shape"], TYPES[case["type"]].items)
        for field in self.parts(case):
            a = self.open(spec, field, read=True)
            out = self.read_part(out, a, field)
        metadata = a.spec().to_json()["metadata"]
        if case["format"] == 2:
            attributes = self.attributes(folder, "ours", case).read().result().item()
        else:
            attributes = metadata["attributes"]
            names = metadata.get("dimension_names", [None] * len(case["shape"]))
            assert names == NAMES[:len(case["shape"])], names
        return out, attributes

    def write_part(self, a, items):
        """Items as the array has them."""
        t = a.dtype.numpy_dtype
        if t.itemsize == 0:
            items = items[..., None].view(f"{t.kind}1")
        elif t.isbuiltin != 1:
            items = items.view(t)
        a.write(items).result()

    def write(self, folder, case):
        """Makes the array of its document."""
        spec, items = self.where(folder, "tensorstore", case), items_of(case)
        if case["format"] == 3 and case["type"] in ("V3", "r16"):  # it ends the program when told of these
            kvstore = {**spec["kvstore"], "path": spec["kvstore"]["path"] + "zarr.json"}
            self.ts.open({"driver": "json", "kvstore": kvstore}, context=self.context
                         ).result().write(_document(case)).result()
        else:
            spec["metadata"] = _document(case)
        for field in self.parts(case):
            a = self.open(spec, field, create="metadata" in spec, open=True)
            self.write_part(a, items[field] if field else items)
        if case["format"] == 2:
            self.attributes(folder, "tensorstore", case).write(ATTRIBUTES).result()

    def finish(self, folder):
        """There are no groups."""


def _document(case):
    t, fill = TYPES[case["type"]], fill_json(case)
    if case["format"] == 2:
        filters, compressor = case["codecs"]
        return {"zarr_format": 2, "shape": case["shape"], "chunks": case["chunks"], "dtype": t.v2,
                "compressor": compressor, "filters": filters, "order": case["order"],
                "fill_value": fill, "dimension_separator": case["separator"]}
    if case["type"] == "r16":  # tensorstore knows no list of bytes
        fill = base64.b64encode(bytes(fill)).decode()
    return {"zarr_format": 3, "node_type": "array", "shape": case["shape"], "data_type": t.v3,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": case["chunks"]}},
            "chunk_key_encoding": {"name": case["keys"][0],
                                   "configuration": {"separator": case["keys"][1]}},
            "fill_value": fill, "codecs": case["codecs"], "attributes": ATTRIBUTES,
            "dimension_names": NAMES[:len(case["shape"])]}


def one(peer, mode, folder, case):
    """What became of a case."""
    try:
        if mode == "write":
            return peer.write(folder, case)
        got, attributes = peer.read(folder, case)
    except AssertionError as e:
        return {"differs": f"assertion: {e}"}
    except Exception as e:  # noqa: BLE001 - whatever the peer throws is its answer
        return {"error": f"{type(e).__name__}: {e}"[:2000]}
    found = differs(case, got)
    if found is None and attributes != ATTRIBUTES:
        found = f"attributes {attributes}"
    return {"differs": found} if found else None


def main():
    """All cases of the formats that the peer has."""
    name, mode, folder = sys.argv[1:]
    peer = Tensorstore() if name == "tensorstore" else Zarr()
    print(json.dumps({"version": peer.version, "three": peer.three, "numpy": np.__version__}))
    for case in cases():
        if case["format"] == 3 and not peer.three:
            continue
        print(json.dumps({"id": case["id"], **(one(peer, mode, folder, case) or {})}))
    if mode == "write":
        peer.finish(folder)


if __name__ == "__main__":
    main()
