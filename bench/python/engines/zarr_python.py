# SPDX-License-Identifier: BSD-3-Clause
"""zarr-python 3 with its default codec pipeline, its fused one, or that of zarrs; see
engines/__init__.py.  It also makes the files that all read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

if TYPE_CHECKING:
    from zarr_data import Layout

PIPELINES = {
    "fused": "zarr.core.codec_pipeline.FusedCodecPipeline",
    "zarrs": "zarrs.ZarrsCodecPipeline",
}


def use(variant: str) -> None:
    if variant == "zarrs":
        import zarrs  # noqa: F401 - which registers its pipeline
    zarr.config.set({"codec_pipeline.path": PIPELINES[variant]})


def set_nthreads(n: int) -> None:
    zarr.config.set({"threading.max_workers": n})


def open(path: str, cache: int = 0) -> Any:
    """It has no cache of decoded chunks."""
    return zarr.open_array(path, mode="r")


def read(array: Any, key: Any) -> np.ndarray:
    return array[key]


def points(array: Any, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    return array.vindex[rows, cols]


def codec_of(layout: Layout) -> dict[str, Any]:
    """As keywords of create_array."""
    if layout.codec == "zstd":
        return {"compressors": ZstdCodec(level=3), "filters": None}
    import numcodecs

    return {"compressors": numcodecs.Blosc("lz4", clevel=5, shuffle=1), "filters": None}


def create(path: str, layout: Layout) -> Any:
    return zarr.create_array(
        path,
        shape=layout.shape,
        chunks=layout.chunks,
        shards=layout.shards,
        dtype=layout.dtype,
        fill_value=0,
        zarr_format=layout.version,
        overwrite=True,
        **codec_of(layout),
    )


def write(path: str, layout: Layout, values: np.ndarray) -> None:
    create(path, layout)[...] = values
