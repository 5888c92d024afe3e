# SPDX-License-Identifier: BSD-3-Clause
"""zarr_uneven_peer.py MODE FOLDER - runs in the environment of zarr-python with rectilinear grids.

make: random arrays a0, a1, ... and their items, a0.npy, ...  read: arrays w0, w1, ... beside their
items; what differs is printed, and last how many were as expected."""
import random
import sys
from pathlib import Path

import numpy as np
import zarr

ARRAYS = 40


def make(folder, name, r):
    """One random array, of unlike chunks or of shards that are not alike."""
    ndim, sharded = r.randint(1, 3), r.random() < 0.5
    inner = [r.randint(1, 3) if sharded else 1 for _ in range(ndim)]
    edges = [[n * r.randint(1, 5) for _ in range(r.randint(1, 5))] for n in inner]
    shape = [sum(e) for e in edges]
    cut = {"chunks": inner, "shards": edges} if sharded else {"chunks": edges}
    a = zarr.create_array(folder / name, shape=shape, dtype=r.choice(["u1", "i4", "f8"]),
                          fill_value=r.randint(0, 9), **cut)
    items = np.asarray(a[...])
    for _ in range(3):
        at = tuple(slice(lo := r.randint(0, n - 1), r.randint(lo + 1, n)) for n in shape)
        items[at] = np.arange(items[at].size).reshape(items[at].shape) % 251
        a[at] = items[at]
    np.save(folder / f"{name}.npy", items)


def read(folder):
    """How many arrays are what lies beside them."""
    good = 0
    for path in sorted(folder.glob("w*.npy")):
        a = zarr.open_array(path.with_suffix(""), mode="r")
        if np.array_equal(a[...], np.load(path)):
            good += 1
        else:
            print(f"{path.name}: other items")
    print(good)


def main():
    """Exit status 3: this version knows no rectilinear grids."""
    try:
        zarr.config.get("array.rectilinear_chunks")
    except KeyError:
        sys.exit(3)
    zarr.config.set({"array.rectilinear_chunks": True})
    folder = Path(sys.argv[2])
    if sys.argv[1] == "read":
        return read(folder)
    r = random.Random(7)
    for i in range(ARRAYS):
        make(folder, f"a{i}", r)


if __name__ == "__main__":
    main()
