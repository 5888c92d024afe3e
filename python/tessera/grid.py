# SPDX-License-Identifier: BSD-3-Clause
"""Chunks and blocks: which ones an array gets, which ones a key meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tessera.build import Plan, make
from tessera.ndarray import NDArray, dims
from tessera.schunk import SChunk


def partition(
    shape: Sequence[int], chunks: Any, blocks: Any, dtype: np.dtype, **kwargs: Any
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks and blocks of an array that would be created."""
    a = make(Plan.of({"chunks": chunks, "blocks": blocks, **kwargs}), shape, dtype)
    return a.chunks, a.blocks


def compute_chunks_blocks(
    shape: int | Sequence[int],
    chunks: Any = None,
    blocks: Any = None,
    dtype: DTypeLike = np.uint8,
    **kwargs: Any,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The chunks and blocks that an array of this shape gets.

    Parameters
    ----------
    chunks, blocks : int or sequence of int, optional
        What is given stays; blocks are cut to the shape.
    **kwargs
        Compression parameters; they do not matter here.

    Raises
    ------
    ValueError
        Zeros, another number of dimensions, or blocks larger than chunks.

    Examples
    --------
    >>> import tessera
    >>> tessera.compute_chunks_blocks((100, 100), chunks=(50, 100), blocks=(10, 100))
    ((50, 100), (10, 100))
    """
    whole = dims(shape)
    parts = []
    for name, given in (("chunks", chunks), ("blocks", blocks)):
        part = None if given is None else dims(given)
        if part is not None and len(part) != len(whole):
            raise ValueError(f"{name}: found {len(part)} dimensions, the shape has {len(whole)}")
        if part is not None and any(p < 1 <= n for p, n in zip(part, whole, strict=True)):
            raise ValueError(f"{name}: found {part}, expected at least 1 in each dimension")
        parts.append(part)
    if parts[1] is not None:
        parts[1] = tuple(min(b, n) for b, n in zip(parts[1], whole, strict=True))
    return partition(whole, parts[0], parts[1], np.dtype(dtype))


def get_slice_nchunks(obj: NDArray | SChunk, key: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The numbers of the chunks that hold what a key selects, in order.

    Parameters
    ----------
    obj : NDArray or SChunk
    key
        Of an array: whole numbers, slices, an ellipsis.  Of a super-chunk: a whole number, a slice
        or (start, stop), in items.

    Returns
    -------
    numpy.ndarray of int64

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((10, 10), chunks=(5, 4), blocks=(5, 2))
    >>> tessera.get_slice_nchunks(a, (slice(6, 8), slice(3, 5)))
    array([3, 4])
    """
    if not isinstance(obj, NDArray):
        return _of_items(obj, key)
    found = obj._slices(key)
    if found is None:
        raise IndexError("only whole numbers, slices and an ellipsis are possible here")
    grid, wanted = [], []
    for s, n, c in zip(found[0], obj.shape, obj.chunks, strict=True):
        items = np.arange(*s.indices(n)) if c else np.empty(0, np.int64)
        wanted.append(np.unique(items // max(c, 1)))
        grid.append(-(-n // max(c, 1)))
    if not grid:
        return np.zeros(1, np.int64)
    numbers = np.ravel_multi_index(np.ix_(*wanted), grid) if all(grid) else np.empty(0, np.int64)
    return np.asarray(numbers, dtype=np.int64).ravel()


def _of_items(obj: SChunk, key: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    if isinstance(key, (tuple, list)):
        key = slice(*key)
    elif not isinstance(key, slice):
        key = slice(key, key + 1)
    items = range(*key.indices(len(obj)))
    if not items:
        return np.empty(0, np.int64)
    unit = obj.chunkshape
    return np.arange(items[0] // unit, items[-1] // unit + 1, dtype=np.int64)
