# SPDX-License-Identifier: BSD-3-Clause
"""zarr_groups.py - runs in an environment with zarr-python, 2.18 or 3: groups both ways.

    zarr_groups.py write FOLDER FORMAT   makes a hierarchy there and consolidates it
    zarr_groups.py change FOLDER         adds a group and an attribute, consolidates it again
    zarr_groups.py read FOLDER           prints what it sees, by consolidated metadata and without

What is printed is JSON: [{path: [kind, attributes, shape, sum]}, ...].
"""

import json
import sys

import numpy as np
import zarr

V3 = int(zarr.__version__.split(".")[0]) >= 3


def _create(group, name, **kwargs):
    if V3:
        return group.create_array(name, **kwargs)
    return group.create_dataset(name, **kwargs)


def write(folder, fmt):
    """The hierarchy that the test knows."""
    root = zarr.open_group(folder, mode="w", **({"zarr_format": int(fmt)} if V3 else {}))
    root.attrs.update({"title": "naïve 漢字 😀", "n": [1, 2.5, None, {"a": True}]})
    root.create_group("a/b.c").attrs["level"] = 2
    a = _create(root["a"], "x", shape=(5, 7), chunks=(2, 3), dtype="<i4")
    a[...] = np.arange(35).reshape(5, 7)
    a.attrs["units"] = "K"
    root.create_group("empty")
    zarr.consolidate_metadata(root.store)


def change(folder):
    """A new group and a new attribute."""
    root = zarr.open_group(folder, mode="r+")
    root.create_group("theirs").attrs["by"] = "peer"
    root["a"].attrs["changed"] = True
    zarr.consolidate_metadata(root.store)


def _entry(node):
    if hasattr(node, "shape"):
        return ["array", dict(node.attrs), list(node.shape), int(node[...].sum())]
    return ["group", dict(node.attrs), None, None]


def _seen(group, out, prefix=""):
    out[prefix] = _entry(group)
    for name in group:
        path = f"{prefix}/{name}" if prefix else name
        node = group[name]
        if hasattr(node, "shape"):
            out[path] = _entry(node)
        else:
            _seen(node, out, path)
    return out


def read(folder):
    """Both views of it."""
    plain = {"use_consolidated": False} if V3 else {}
    views = [zarr.open_consolidated(folder, mode="r"), zarr.open_group(folder, mode="r", **plain)]
    print(json.dumps([_seen(v, {}) for v in views]))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
