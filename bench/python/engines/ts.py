# SPDX-License-Identifier: BSD-3-Clause
"""tensorstore; see engines/__init__.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorstore

if TYPE_CHECKING:
    from zarr_data import Layout

pools: dict[str, Any] = {}  # of the context


def set_nthreads(n: int) -> None:
    pools["data_copy_concurrency"] = {"limit": n}


def context(**more: Any) -> Any:
    return tensorstore.Context({**pools, **more})


def place(path: str, driver: str) -> dict[str, Any]:
    return {"driver": driver, "kvstore": {"driver": "file", "path": path}}


def open(path: str, cache: int = 0) -> Any:
    driver = "zarr3" if (Path(path) / "zarr.json").exists() else "zarr"
    where = context(cache_pool={"total_bytes_limit": cache})
    return tensorstore.open(place(path, driver), context=where, read=True).result()


def read(array: Any, key: Any) -> np.ndarray:
    return array[key].read().result()


def points(array: Any, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    return array.vindex[rows, cols].read().result()


def codecs(layout: Layout) -> list[Any]:
    plain: list[Any] = [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "zstd", "configuration": {"level": 3}},
    ]
    if not layout.shards:
        return plain
    shard = {
        "chunk_shape": layout.chunks,
        "codecs": plain,
        "index_codecs": [plain[0], {"name": "crc32c"}],
    }
    return [{"name": "sharding_indexed", "configuration": shard}]


def write(path: str, layout: Layout, values: np.ndarray) -> None:
    cut = {"chunk_shape": layout.shards or layout.chunks}
    meta = {
        "shape": layout.shape,
        "data_type": np.dtype(layout.dtype).name,
        "chunk_grid": {"name": "regular", "configuration": cut},
        "codecs": codecs(layout),
        "fill_value": 0,
    }
    spec = {**place(path, "zarr3"), "metadata": meta}
    array = tensorstore.open(spec, context=context(), create=True, delete_existing=True).result()
    array.write(values).result()
