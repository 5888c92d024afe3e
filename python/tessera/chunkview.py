# SPDX-License-Identifier: BSD-3-Clause
"""`array.schunk`: the chunks below an array, seen as a super-chunk.

A view that keeps its array alive.  Items are those of the chunks one after the other, what fills up
the last ones included; their number follows from the shape, so chunks are replaced, never added.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tessera import _chunk, params
from tessera._engine import SchunkSpec

if TYPE_CHECKING:
    from tessera.ndarray import NDArray


class ChunkInfo(NamedTuple):
    """One chunk, as `iterchunks_info` tells of it."""

    nchunk: int
    cratio: float
    special: params.SpecialValue
    repeated_value: bytes | None
    lazychunk: bytes


class ArrayChunks:
    """The super-chunk below an array.

    Examples
    --------
    >>> import tessera
    >>> s = tessera.zeros((10, 10), chunks=(5, 10), blocks=(5, 5), dtype="i4").schunk
    >>> s.nchunks, s.chunksize, s.typesize
    (2, 200, 4)
    >>> len(s.decompress_chunk(1))
    200
    """

    def __init__(self, array: NDArray) -> None:
        self._array = array

    def __getattr__(self, name: str) -> Any:
        """Facts that are the array's: urlpath, mode, cparams, meta, vlmeta, flush ..."""
        if name in _SHARED:
            return getattr(self._array, name)
        raise AttributeError(f"the super-chunk of an array has no {name!r}")

    # ---- facts ----

    @property
    def nchunks(self) -> int:
        """Number of chunks."""
        return int(self._array._stats()["nchunks"])

    @property
    def typesize(self) -> int:
        """Bytes of an item."""
        return int(self._array.dtype.itemsize)

    @property
    def chunkshape(self) -> int:
        """Items of a chunk."""
        return math.prod(self._array.ext_chunks)

    @property
    def nbytes(self) -> int:
        """Decoded bytes of all chunks."""
        return self.nchunks * int(self.chunksize)

    @property
    def cratio(self) -> float:
        """Decoded bytes by stored bytes."""
        return self.nbytes / max(self._array.cbytes, 1)

    def __len__(self) -> int:
        return self.nchunks * self.chunkshape

    @property
    def info(self) -> Any:
        """A report, as text or a table."""
        from tessera.info import InfoReporter

        return InfoReporter(self)

    @property
    def info_items(self) -> list[tuple[str, Any]]:
        """The rows of `info`."""
        from tessera.info import schunk_items

        return schunk_items(self)

    # ---- chunks ----

    def get_lazychunk(self, nchunk: int) -> bytes:
        """The header of a chunk, in files with where its blocks are; those of one value whole."""
        return self._array._get_chunk(self._number(nchunk), True)

    def decompress_chunk(self, nchunk: int, dst: Any = None) -> bytes | None:
        """A chunk decoded: as bytes, or at the beginning of a writable buffer.

        Raises
        ------
        ValueError
            dst is empty.
        RuntimeError
            There is no such chunk, or dst is too small.
        """
        number = self._number(nchunk)
        if dst is None:
            decoded = np.empty(self.chunksize, "u1")
            self._array._decode_chunk(number, decoded)
            return decoded.tobytes()
        room = memoryview(dst).cast("B")
        if not room.nbytes:
            raise ValueError("dst is empty")
        if room.nbytes < self.chunksize:
            raise RuntimeError(f"dst holds {room.nbytes} bytes, the chunk {self.chunksize}")
        self._array._decode_chunk(number, room[: self.chunksize])
        return None

    def iterchunks(self, dtype: Any) -> Iterator[np.ndarray]:
        """Each chunk in turn, decoded, as an array of its own."""
        for i in range(self.nchunks):
            yield np.frombuffer(bytearray(self.decompress_chunk(i) or b""), dtype)

    def iterchunks_info(self) -> Iterator[ChunkInfo]:
        """Facts of each chunk in turn, without decoding any."""
        for i in range(self.nchunks):
            nbytes, cbytes, special = self._array._chunk_info(i)
            lazy = self._array._get_chunk(i, True)
            kind = params.SpecialValue(special)
            value = lazy[32:] if kind is params.SpecialValue.VALUE else None
            yield ChunkInfo(i, nbytes / cbytes, kind, value, lazy)

    def update_chunk(self, nchunk: int, chunk: Any) -> int:
        """A compressed chunk of the same decoded size takes the place of one.

        Returns
        -------
        int
            The number of chunks.
        """
        self._array._put_chunk(self._number(nchunk), chunk)
        return self.nchunks

    def update_data(self, nchunk: int, data: Any, copy: bool = True) -> int:
        """Data, a whole chunk of it, is compressed and takes the place of a chunk."""
        nbytes = memoryview(data).nbytes
        if nbytes != self.chunksize:
            raise RuntimeError(f"found {nbytes} bytes, a chunk has {self.chunksize}")
        a = self._array
        cp = a.cparams
        spec = SchunkSpec(item_bytes=self.typesize, block_bytes=a.blocksize, steps=params.steps(cp),
                          split=params.split(cp))  # fmt: skip
        a._put_chunk(self._number(nchunk), _chunk.compress(data, spec, a._threads[0]))
        return self.nchunks

    def _number(self, nchunk: int) -> int:
        n = self.nchunks
        if not 0 <= nchunk < n:
            raise RuntimeError(f"chunk {nchunk}: there are {n}")
        return nchunk

    # ---- items ----

    def get_slice(self, start: int = 0, stop: int | None = None, out: Any = None) -> bytes | None:
        """Items start .. stop - 1 of the chunks in a row, as bytes or in `out`.

        Raises
        ------
        ValueError
            out is too small.
        """
        first, last, _ = slice(start, stop).indices(len(self))
        size, unit = self.typesize, self.chunkshape
        parts = []
        for i in range(first // unit, -(-last // unit)) if first < last else ():
            chunk = self.decompress_chunk(i) or b""
            part = chunk[max(first - i * unit, 0) * size : min(last - i * unit, unit) * size]
            parts.append(part)
        data = b"".join(parts)
        if out is None:
            return data
        room = memoryview(out).cast("B")
        if room.nbytes < len(data):
            raise ValueError(f"Not enough space: out holds {room.nbytes} bytes, not {len(data)}")
        room[: len(data)] = data
        return None

    def __getitem__(self, item: int | slice) -> bytes | None:
        if not isinstance(item, slice):
            i = item if item >= 0 else item + len(self)
            return self.get_slice(i, i + 1) if i >= 0 else b""
        if item.step not in (None, 1):
            raise IndexError("only a step of 1 is possible")
        return self.get_slice(item.start or 0, item.stop)


_SHARED = {
    "blocksize", "cbytes", "change_tick", "chunksize", "close", "contiguous", "cparams", "dparams",
    "flush", "get_chunk", "holding_lock", "meta", "mode", "refresh", "sync", "to_cframe",
    "urlpath", "vlmeta",
}  # fmt: skip


def get_slice_nchunks(schunk: Any, key: Any) -> np.ndarray:
    """The numbers of the chunks that a key meets.

    Parameters
    ----------
    schunk : SChunk or NDArray
    key : int, slice, (start, stop), or for arrays any key of whole numbers and slices
        Of a super-chunk in items.

    Returns
    -------
    numpy.ndarray
        Rising; of an array the numbers are those of its grid in C order.

    Raises
    ------
    IndexError
        The key is out of bounds, or of another kind.
    ValueError
        The super-chunk has chunks of any size.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((4, 6), chunks=(2, 2))
    >>> tessera.get_slice_nchunks(a, (slice(1, 3), -1))
    array([2, 5])
    >>> tessera.get_slice_nchunks(tessera.SChunk(chunksize=10, data=bytes(95)), (25, 40))
    array([2, 3])
    """
    if not hasattr(schunk, "_slices"):
        if isinstance(key, tuple):
            key = slice(*key)
        if not schunk.chunkshape:
            raise ValueError("chunks of any size have no place among the items")
        at = range(len(schunk))[key]
        return _met(at if isinstance(at, range) else range(at, at + 1), schunk.chunkshape)
    found = schunk._slices(key)
    if found is None:
        raise IndexError("only whole numbers, slices, an ellipsis and None are possible here")
    axes, grid = [], []
    for s, n, c in zip(found[0], schunk.shape, schunk.chunks, strict=True):
        if isinstance(c, tuple):  # of several lengths
            ends = np.cumsum(c)
            axes.append(np.unique(np.searchsorted(ends, np.arange(n)[s], side="right")))
            grid.append(int(np.searchsorted(ends, n - 1, side="right")) + 1)
            continue
        axes.append(_met(range(n)[s], max(c, 1)))
        grid.append(-(-n // max(c, 1)))
    if not axes:
        return np.zeros(1, dtype=np.int64)
    if any(not len(at) for at in axes):
        return np.zeros(0, dtype=np.int64)
    return np.ravel_multi_index(np.ix_(*axes), grid).reshape(-1)


def _met(items: range, chunk: int) -> np.ndarray:
    """The numbers of the chunks of so many items in which some of the items lie."""
    if not items:
        return np.zeros(0, dtype=np.int64)
    first, last = sorted((items[0], items[-1]))
    if abs(items.step) <= chunk:
        return np.arange(first // chunk, last // chunk + 1)
    return np.arange(first, last + 1, abs(items.step)) // chunk
