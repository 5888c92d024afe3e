# SPDX-License-Identifier: BSD-3-Clause
"""The chunks and blocks that arrays get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tessera.build import Plan, make
from tessera.ndarray import dims


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
