# SPDX-License-Identifier: BSD-3-Clause
"""Tessera over Zarr arrays; see engines/__init__.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import tessera

if TYPE_CHECKING:
    from zarr_data import Layout

set_nthreads = tessera.set_nthreads


def open(path: str, cache: int = 0) -> Any:
    if cache:
        tessera.set_cache(cache)
    return tessera.open(path, mode="r")


def read(array: Any, key: Any) -> np.ndarray:
    return array[key]


def points(array: Any, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    return array[rows, cols]


def write(path: str, layout: Layout, values: np.ndarray) -> None:
    array = tessera.asarray(
        values,
        chunks=layout.shards or layout.chunks,
        blocks=layout.chunks,
        # what is level 3 of zstd in Zarr's metadata
        cparams={"codec": tessera.Codec.ZSTD, "clevel": 2, "filters": [], "filters_meta": []},
        urlpath=path,
        mode="w",
        format="zarr3",
    )
    array.flush()
