# SPDX-License-Identifier: BSD-3-Clause
"""Zarr arrays that are measured: how they lie in files, and the encoded chunks in them.

zarr-python makes each once, with the values beside it, and all engines read the same files.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import data

Shape = tuple[int, ...]
EMPTY = 2**64 - 1  # of a shard's index: not there


@dataclass(frozen=True)
class Layout:
    """`chunks`: what is encoded for itself; `shards`: what makes a file, where they differ;
    `codec`: "zstd" of level 3, or "blosc": LZ4, shuffled; `some`: the first items, if not all,
    are there; `make`: a function of data.py."""

    shape: Shape
    chunks: Shape
    dtype: str = "f4"
    codec: str = "zstd"
    shards: Shape | None = None
    version: int = 3
    some: int = 0
    make: Callable[[Shape], np.ndarray] = data.smooth_f4

    def values(self) -> np.ndarray:
        return self.make((self.some,) if self.some else self.shape)

    @property
    def chunk_bytes(self) -> int:
        return int(np.prod(self.chunks)) * np.dtype(self.dtype).itemsize


def make(lib: Any, folder: Path, layout: Layout) -> None:
    """The array and its values, in a folder."""
    values = layout.values()
    np.save(folder / "values.npy", values)
    where = slice(layout.some) if layout.some else ...
    lib.create(str(folder / "array.zarr"), layout)[where] = values


def values_of(folder: Path) -> np.ndarray:
    return np.load(folder / "values.npy", mmap_mode="r")


# ---- the encoded chunks ----


def chunk_file(path: Path, layout: Layout, at: Shape) -> Path:
    names = [str(i) for i in at]
    return path / ".".join(names) if layout.version == 2 else path.joinpath("c", *names)


class Chunks:
    """The encoded chunks of an array, by their place in the grid of all of them."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout
        self.files: dict[Shape, bytes] = {}

    def file(self, at: Shape) -> bytes:
        if at not in self.files:
            self.files[at] = chunk_file(self.path, self.layout, at).read_bytes()
        return self.files[at]

    def __getitem__(self, at: Shape) -> bytes:
        if not self.layout.shards:
            return self.file(at)
        per = [s // c for s, c in zip(self.layout.shards, self.layout.chunks, strict=True)]
        shard = self.file(tuple(i // n for i, n in zip(at, per, strict=True)))
        index = len(shard) - 16 * int(np.prod(per)) - 4
        inner = np.ravel_multi_index([i % n for i, n in zip(at, per, strict=True)], per)
        off, size = struct.unpack_from("<QQ", shard, index + 16 * int(inner))
        return b"" if off == EMPTY else shard[off : off + size]

    def touched(self, key: Any) -> list[bytes]:
        """By a key of integers and slices."""
        key = key if isinstance(key, tuple) else (key,)
        key += (slice(None),) * (len(self.layout.shape) - len(key))
        axes = []
        for part, n, c in zip(key, self.layout.shape, self.layout.chunks, strict=True):
            lo, hi = part.indices(n)[:2] if isinstance(part, slice) else (part, part + 1)
            axes.append(range(lo // c, (hi - 1) // c + 1))
        return [self[at] for at in itertools.product(*axes)]
