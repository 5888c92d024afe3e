# SPDX-License-Identifier: BSD-3-Clause
"""Super-chunks whose items pass through functions in Python (see `tessera.callbacks`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tessera.schunk import SChunk


class Filtered(SChunk):
    """A super-chunk with a prefilter or a postfilter."""

    # ---- out of it ----

    def _read(self, data: bytes, offset: int) -> bytes:
        return self._post(data, offset) if self._post and data else data

    def __getitem__(self, key: Any) -> bytes:
        start = key if isinstance(key, slice) else slice(key, None)
        return self._read(super().__getitem__(key), start.indices(len(self))[0])

    def get_slice(self, start: Any = 0, stop: Any = None, out: Any = None) -> bytes | None:
        """Items as the postfilter gives them; see `SChunk.get_slice`."""
        data = self[slice(start, stop)]
        if out is None or not data:
            return data
        _put(out, data, ValueError)
        return None

    def decompress_chunk(self, nchunk: int, dst: Any = None) -> bytes | None:
        """A chunk as the postfilter gives it; see `SChunk.decompress_chunk`."""
        data = self._read(self._read_chunk(nchunk), nchunk * self.chunkshape)
        if dst is None:
            return data
        if not memoryview(dst).nbytes:
            raise ValueError("dst is empty")
        _put(dst, data, RuntimeError)
        return None

    def iterchunks(self, dtype: DTypeLike) -> Iterator[np.ndarray]:
        """Each chunk as the postfilter gives it; see `SChunk.iterchunks`."""
        for i in range(self.nchunks):
            yield np.frombuffer(bytearray(self.decompress_chunk(i) or b""), dtype=dtype)

    # ---- into it ----

    def _written(self, data: Any, offset: int) -> Any:
        return self._pre(data, offset) if self._pre else data

    def append_data(self, data: Any) -> int:
        """Appends what the prefilter makes of data; see `SChunk.append_data`."""
        return super().append_data(self._written(data, len(self)))

    def insert_data(self, nchunk: int, data: Any, copy: bool = True) -> int:
        """Inserts what the prefilter makes of data; see `SChunk.insert_data`."""
        return super().insert_data(nchunk, self._written(data, nchunk * self.chunkshape), copy)

    def update_data(self, nchunk: int, data: Any, copy: bool = True) -> int:
        """Replaces by what the prefilter makes of data; see `SChunk.update_data`."""
        return super().update_data(nchunk, self._written(data, nchunk * self.chunkshape), copy)

    def __setitem__(self, key: Any, value: Any) -> None:
        start = key if isinstance(key, slice) else slice(key, None)
        super().__setitem__(key, self._written(value, start.indices(len(self))[0]))


def _put(out: Any, data: bytes, error: type[Exception]) -> None:
    """data at the beginning of a writable buffer."""
    view = memoryview(out).cast("B")
    if view.nbytes < len(data):
        raise error(f"Not enough space: {view.nbytes} bytes for {len(data)}")
    view[: len(data)] = data
