# SPDX-License-Identifier: BSD-3-Clause
"""What is measured of Zarr: each workload once, for any adapter of engines/.

As in workloads.py a workload is a function that gives a Row; it finds the array and its values in
its folder (zarr_data.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import data
from limits import Plan
from workloads import Row, Workload, remove
from zarr_data import Chunks, Layout, values_of

PLAIN_V2 = Layout((1024, 256, 256), (64, 128, 128), codec="blosc", version=2)
PLAIN_V3 = Layout((1024, 256, 256), (64, 128, 128))
SHARDED = Layout((512, 512, 512), (32, 32, 32), "u2", shards=(256, 256, 256), make=data.image_u2)
SHOT = replace(SHARDED, make=data.shot_u2)  # of more noise, which libzstd decodes faster
SMALL = Layout((8192, 8192), (32, 32))
IMAGE = Layout((8192, 8192), (512, 512))
LONG = Layout((10_000_000,), (100,), "f8", some=5000, make=data.table_f8)


def rows_of(
    layout: Layout, keys: list[Any], checked: list[Any] | None = None, cache: int = 0
) -> Any:
    """Reads array[key] for each key; what is compared is these, or other keys."""

    def make(lib: Any, folder: Path) -> Row:
        values, path = values_of(folder), folder / "array.zarr"
        array = lib.open(str(path), cache)

        def run(n: int) -> None:
            for key in keys[:n]:
                lib.read(array, key)

        def check() -> bool:
            return all(np.array_equal(lib.read(array, k), values[k]) for k in checked or keys)

        row = Row(run, check, len(keys))
        row.limit = lambda: plan(layout, path, keys)
        return row

    return make


def plan(layout: Layout, path: Path, keys: list[Any], encode: bool = False) -> Plan:
    """What the codec must do for these keys."""
    chunks = Chunks(path, layout)
    touched = [[part for part in chunks.touched(key) if part] for key in keys]
    return Plan(
        path,
        encode=encode,
        keys=keys,
        codec=layout.codec,
        parts=[part for parts in touched for part in parts],
        size=layout.chunk_bytes,
        most_threads=max(1, *map(len, touched)),
    )


WHOLE = [slice(None)]


def planes(n: int) -> list[Any]:
    """n planes across each axis of an array, in turn."""
    at = np.random.default_rng(11).integers(0, n, 12).tolist()
    return [(slice(None),) * (k % 3) + (i,) for k, i in enumerate(at)]


def inner_chunks() -> list[Any]:
    """More than a block cache holds, none of them twice."""
    at = np.random.default_rng(11).permutation(16**3)[:600]
    starts = np.stack(np.unravel_index(at, (16,) * 3), 1) * 32
    return [tuple(slice(i, i + 32) for i in start) for start in starts.tolist()]


def points(lib: Any, folder: Path) -> Row:
    values, path = values_of(folder), folder / "array.zarr"
    rows, cols = np.random.default_rng(11).integers(0, 8192, (2, 100_000))
    array = lib.open(str(path))

    def check() -> bool:
        return np.array_equal(lib.points(array, rows, cols), values[rows, cols])

    row = Row(lambda n: lib.points(array, rows, cols), check)
    row.limit = lambda: plan(IMAGE, path, WHOLE)
    return row


def open_one(lib: Any, folder: Path) -> Row:
    values, path = values_of(folder), str(folder / "array.zarr")
    at = np.random.default_rng(11).integers(0, LONG.some, 50).tolist()

    def run(n: int) -> None:
        for i in at[:n]:
            lib.read(lib.open(path), i)

    def check() -> bool:
        return all(lib.read(lib.open(path), i) == values[i] for i in at)

    row = Row(run, check, len(at))
    row.limit = lambda: plan(LONG, Path(path), at)
    return row


def whole_write(layout: Layout) -> Callable[[Any, Path], Row]:
    def make(lib: Any, folder: Path) -> Row:
        values = np.array(values_of(folder))
        path = folder / f"written-{os.getpid()}.zarr"

        def run(_: int) -> None:
            lib.write(str(path), layout, values)

        def check() -> bool:
            return np.array_equal(lib.read(lib.open(str(path)), slice(None)), values)

        row = Row(run, check, fresh=lambda: remove(path))
        row.limit = lambda: plan(layout, folder / "array.zarr", WHOLE, encode=True)
        return row

    return make


def workload(group: str, name: str, target: float, layout: Layout, make: Any, **more: Any) -> Any:
    return Workload(f"zarr-{group}", name, target, make, layout=layout, **more)


WORKLOADS = [
    workload("whole", "268 MB f4, v2 blosc-lz4", 2.3, PLAIN_V2, rows_of(PLAIN_V2, WHOLE)),
    workload("whole", "268 MB f4, v3 zstd", 2.6, PLAIN_V3, rows_of(PLAIN_V3, WHOLE)),
    workload("write", "268 MB f4, v3 zstd", 1.1, PLAIN_V3, whole_write(PLAIN_V3)),
    workload("shard", "256^3 of 32^3 u2, whole", 6, SHARDED, rows_of(SHARDED, WHOLE)),
    workload("shard", "planes of all axes", 5, SHARDED, rows_of(SHARDED, planes(512))),
    workload("shard", "random inner chunk", 20, SHARDED, rows_of(SHARDED, inner_chunks())),
    workload("shard", "the same, of photons' noise", 20, SHOT, rows_of(SHOT, inner_chunks())),
    workload(
        "shard",
        "planes in turn, cache of 128 MiB",
        40,
        SHARDED,
        rows_of(SHARDED, list(range(64, 80)), cache=128 << 20),
    ),
    workload("write", "256^3 of 32^3 u2, sharded", 1.9, SHARDED, whole_write(SHARDED)),
    workload(
        "small",
        "64 Ki chunks of 4 KiB, whole",
        40,
        SMALL,
        rows_of(SMALL, WHOLE, [slice(0, 256)]),
        rounds=2,
    ),
    workload("points", "10^5 of 8192^2 f4", 1.6, IMAGE, points),
    workload("open", "and an item, grid of 100,000", 10, LONG, open_one),
]
