# SPDX-License-Identifier: BSD-3-Clause
"""The class of arrays: what can be asked of one, and done to it as a whole."""

from __future__ import annotations

import json
import math
import operator
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import ArrayLike, DTypeLike

from tessera import loose, params
from tessera._array import Array
from tessera.chunkview import ArrayChunks
from tessera.fields import NDField
from tessera.info import InfoReporter, array_items
from tessera.meta import Attributes, Meta, VLMeta
from tessera.neighbours import Neighbours
from tessera.reductions import Reductions

_ROWS_BYTES = 16 << 20  # what an iteration over rows decodes at a time


class ArrayChunkInfo(NamedTuple):
    """One chunk of an array, as `NDArray.iterchunks_info` tells of it."""

    nchunk: int
    coords: tuple[int, ...]  #: where it is in the grid of chunks
    cratio: float
    special: params.SpecialValue
    repeated_value: Any  #: of the array's dtype, where one value is all there is; else None
    lazychunk: bytes  #: its header (and where its blocks are)


class NDArray(Reductions, Neighbours, Array):
    """A chunked, compressed N-dimensional array, wherever it is stored.

    Arrays come from functions: `tessera.open`, `asarray`, `zeros`, `full`, `arange` and so on.
    Keys work as in NumPy and give NumPy arrays; only the blocks that a key meets are read and
    decoded.  A handle may be used by many threads at once: reads run together, changes alone.

    Attributes
    ----------
    shape, chunks, blocks : tuple of int
        Items along each dimension: of the array, of what is stored as one, and of what is decoded
        as one inside that.  Along an axis whose chunks are not alike (Zarr), `chunks` has a tuple
        of their lengths.
    dtype : numpy.dtype
        Of items of variable length (Zarr) object.
    item_kind : str or None
        What these are: "string" (`str`), "bytes", "json" (any value of JSON), "array(<i2)" (arrays
        of one dimension); None of items of a fixed size.
    ndim : int
    urlpath : str or None
        Where it is stored; None in memory.
    mode : str

    Examples
    --------
    >>> import numpy as np, tessera
    >>> a = tessera.asarray(np.arange(12).reshape(3, 4))
    >>> a.shape, a.dtype
    ((3, 4), dtype('int64'))
    >>> a[1:, ::-2]
    array([[ 7,  5],
           [11,  9]])
    >>> a[0] = 7
    >>> a.append([[1, 2, 3, 4]], axis=0)
    4
    """

    _threads: tuple[int, int] = (0, 0)  # to compress and to decompress; 0: the default
    _contiguous: bool | None = None
    _given: params.CParams | None = None  # at its creation
    _options: dict[str, Any] | None = None  # what it was opened with, besides its path

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("arrays are made by tessera.zeros, asarray, open and the like")

    # ---- items ----

    def _get_other(self, key: Any) -> Any:
        """The items of a key that `_get_box` does not know."""
        if type(key) is str:
            return NDField(self, key)
        from tessera import index

        return index.steady(self, lambda: index.get(self, key))

    def __setitem__(self, key: Any, value: Any) -> None:
        """Writes value, broadcast and cast as in NumPy, to the items of a key."""
        if self._set_box(key, value) is not NotImplemented:
            return
        if type(key) is str:
            NDField(self, key)[...] = value
        else:
            from tessera import index

            index.set(self, key, value)

    @property
    def oindex(self) -> Any:
        """Orthogonal selections, to read and to write: each axis is selected on its own.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.arange(12, shape=(3, 4))
        >>> a.oindex[[0, 2], [1, 3]]
        array([[ 1,  3],
               [ 9, 11]])
        """
        from tessera import index

        return index.OIndex(self)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of an array without dimensions")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        """Rows along the first axis, as NumPy arrays (of one dimension: NumPy scalars)."""
        if not self.ndim:
            raise TypeError("iteration over an array without dimensions")
        return self._rows()

    def _rows(self) -> Iterator[Any]:
        row = max(self.nbytes // max(self.shape[0], 1), 1)
        step = self._longest[0] * max(_ROWS_BYTES // (row * max(self._longest[0], 1)), 1)
        for i in range(0, self.shape[0], max(step, 1)):
            yield from self._get_box(slice(i, i + step))

    def slice(self, key: Any, **kwargs: Any) -> NDArray:
        """The items of a key as a new array, compressed as this one unless kwargs say otherwise.

        Parameters
        ----------
        key : int, slice, Ellipsis or tuple of these
            As in indexing; axes of whole numbers are dropped.
        **kwargs
            As of `tessera.empty`: urlpath, chunks, blocks, cparams ...

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(100).slice(slice(10, 20)).shape
        (10,)
        """
        from tessera import copies

        return copies.from_key(self, key, **kwargs)

    def hash(self, *, attrs: bool = False) -> str:
        """One digest for the same items, whatever the format and chunks; see `tessera.hash`.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.arange(1000, chunks=(100,))
        >>> a.hash() == a.copy(chunks=(7,), cparams={"clevel": 9}).hash()
        True
        """
        from tessera import compare

        return compare.hash(self, attrs=attrs)

    def tobytes(self) -> bytes:
        """All items in C order, decoded: `nbytes` bytes.

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(3, dtype="u1").tobytes()
        b'\\x00\\x01\\x02'
        """
        return self._get_bytes()

    @property
    def fields(self) -> dict[str, Any]:
        """A view for each field of a structured dtype, by name."""
        return {name: NDField(self, name) for name in self.dtype.names or ()}

    @property
    def T(self) -> np.ndarray:
        """The items with the axes in reverse order, decoded."""
        return np.asarray(self[...]).T

    # ---- facts ----

    @property
    def size(self) -> int:
        """Number of items."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all items, decoded."""
        return self.size * self.dtype.itemsize

    @property
    def cbytes(self) -> int:
        """Bytes of what is stored; of Zarr all chunks are looked at; over a network: -1."""
        return self._cbytes()

    @property
    def cratio(self) -> float:
        """Decoded bytes, those that fill up the last chunks included, by stored bytes."""
        return math.prod(self.ext_shape) * self.dtype.itemsize / max(self.cbytes, 1)

    @property
    def ext_shape(self) -> tuple[int, ...]:
        """The shape made up to whole chunks."""
        return _whole(self.shape, self._longest)

    @property
    def ext_chunks(self) -> tuple[int, ...]:
        """The shape of chunks made up to whole blocks."""
        return _whole(self._longest, self.blocks)

    @property
    def chunksize(self) -> int:
        """Decoded bytes of a stored chunk."""
        return math.prod(self.ext_chunks) * self.dtype.itemsize

    @property
    def blocksize(self) -> int:
        """Decoded bytes of a block."""
        return math.prod(self.blocks) * self.dtype.itemsize

    @property
    def contiguous(self) -> bool:
        """Whether it is one file (or buffer), not a folder with a file per chunk."""
        if self._contiguous is not None:
            return self._contiguous
        return self.urlpath is not None and not os.path.isdir(self.urlpath)

    @property
    def format(self) -> str:
        """Of its container: "b2nd", "npy", "raw" ..."""
        return str(self._spec()["format"])

    @property
    def cparams(self) -> params.CParams:
        """How new chunks are compressed."""
        if self.format in ("b2nd", "b2frame"):
            cp = params.from_slots(self._cparams())
            cp.typesize, cp.blocksize = self.dtype.itemsize, self.blocksize
        else:
            cp = params.from_spec(self._spec(), self.dtype.itemsize, self.blocksize)
        cp.nthreads = self._threads[0] or cp.nthreads
        return params.placed(cp, self._given)

    @property
    def dparams(self) -> params.DParams:
        """How chunks are decompressed."""
        return params.DParams(self._threads[1] or params.default_nthreads())

    @property
    def meta(self) -> Meta:
        """Header metalayers by name; values may change as long as their encoded size does not."""
        return Meta(self)

    @property
    def vlmeta(self) -> VLMeta:
        """User metadata by name: a mutable mapping that is stored with the array."""
        return VLMeta(self)

    @property
    def attrs(self) -> Attributes:
        """Attributes by name: JSON values that every program can read, stored with the array."""
        return Attributes(self)

    @property
    def fill_value(self) -> Any:
        """What items read as that nobody wrote, as a NumPy scalar; None: no file says so.

        Of items of variable length one of them: `str`, `bytes`, a value of JSON, an array.
        """
        raw = self._spec()["fill"]
        if raw is None:
            return None
        if self.item_kind is not None:
            return loose.item(raw, self.item_kind)
        return np.frombuffer(raw, self.dtype, 1)[0]

    @property
    def dimension_names(self) -> tuple[str | None, ...] | None:
        """Of each dimension its name or None; None: there are no names."""
        names: tuple[str | None, ...] | None = self._spec()["names"]
        return names

    @property
    def codecs(self) -> Any:
        """How Zarr's metadata say that chunks are encoded (of a shard: its inner chunks).

        A list in format 3, a dictionary of filters and compressor in format 2; None of others.
        """
        text = self._spec()["codecs"]
        return None if text is None else json.loads(text)

    @property
    def data_type(self) -> str | None:
        """Its name in Zarr's metadata where NumPy has none ("bfloat16"), else None."""
        kind: str | None = self._spec()["type"]
        return kind

    @property
    def order(self) -> str:
        """Of the items in a chunk, "C" or "F" (only in Zarr format 2)."""
        return "F" if "order=F" in (self._spec()["zarr"] or "").split(",") else "C"

    @property
    def schunk(self) -> Any:
        """The chunks below the array."""
        return ArrayChunks(self)

    @property
    def info(self) -> Any:
        """A report: prints as text, shows as a table in notebooks."""
        return InfoReporter(self)

    @property
    def info_items(self) -> list[tuple[str, Any]]:
        """The rows of `info`, as (name, value)."""
        return array_items(self)

    # ---- chunks ----

    def get_chunk(self, nchunk: int) -> bytes:
        """A compressed chunk by its number in the grid, C order.

        Raises
        ------
        RuntimeError
            There is no such chunk, or the format has no Blosc2 chunks.

        Examples
        --------
        >>> import tessera
        >>> chunk = tessera.arange(4, chunks=(2,), blocks=(2,), dtype="i4").get_chunk(1)
        >>> tessera.decompress2(chunk)
        b'\\x02\\x00\\x00\\x00\\x03\\x00\\x00\\x00'
        """
        return self._get_chunk(_chunk_number(self, nchunk))

    def iterchunks_info(self) -> Iterator[ArrayChunkInfo]:
        """Facts of each chunk in turn, without decoding any.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.full((4, 4), 7, dtype="i4", chunks=(2, 4), blocks=(2, 2))
        >>> [(c.nchunk, c.coords, c.repeated_value) for c in a.iterchunks_info()]
        [(0, (0, 0), np.int32(7)), (1, (1, 0), np.int32(7))]
        """
        grid = tuple(-(-n // c) if c else 0 for n, c in zip(self.shape, self._longest, strict=True))
        for i, coords in enumerate(np.ndindex(grid)):
            nbytes, cbytes, special = self._chunk_info(i)
            lazy = self._get_chunk(i, True)
            kind = params.SpecialValue(special)
            value = self._repeated(lazy) if kind is params.SpecialValue.VALUE else None
            yield ArrayChunkInfo(i, coords, nbytes / cbytes, kind, value, lazy)

    def _repeated(self, chunk: bytes) -> Any:
        return np.frombuffer(chunk, self.dtype, 1, offset=len(chunk) - self.dtype.itemsize)[0]

    # ---- shape ----

    def resize(self, newshape: int | Sequence[int]) -> None:
        """Changes the shape in place: new items are zeros, those outside are gone for good.

        Parameters
        ----------
        newshape : int or sequence of int
            As many dimensions as there are.

        Raises
        ------
        ValueError
            Another number of dimensions, or a read-only array.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.ones((2, 2), dtype="i4")
        >>> a.resize((3, 2))
        >>> a[:]
        array([[1, 1],
               [1, 1],
               [0, 0]], dtype=int32)
        """
        self._resize(dims(newshape))

    def append(self, values: ArrayLike, axis: int | None = None) -> int:
        """Adds values at the end.

        Parameters
        ----------
        values : array_like
            Cast to the array's dtype.  With `axis`: of the array's shape but for that axis.
        axis : int, optional
            May be left out for arrays of one dimension.

        Returns
        -------
        int
            The new length of the axis.

        Raises
        ------
        ValueError
            No axis for an array of several dimensions, another shape, or a read-only array.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.zeros((0, 3), dtype="i2")
        >>> a.append([[1, 2, 3]], axis=0)
        1
        """
        if axis is None and self.ndim != 1:
            raise ValueError(f"append: name the axis; the array has {self.ndim} dimensions")
        at = normalize_axis_index(axis or 0, self.ndim)
        v = np.ascontiguousarray(np.asarray(values, dtype=self.dtype))
        if self.ndim == 1:
            v = v.reshape(-1)
        rest = self.shape[:at] + self.shape[at + 1 :]
        if v.ndim != self.ndim or v.shape[:at] + v.shape[at + 1 :] != rest:
            raise ValueError(f"append: found values of the shape {v.shape} along axis {at} of "
                             f"an array of the shape {self.shape}")  # fmt: skip
        if v.size and self.item_kind is not None:
            old = self.shape
            self.resize((*old[:at], old[at] + v.shape[at], *old[at + 1 :]))
            self[(slice(None),) * at + (slice(old[at], None),)] = v
        elif v.size:
            self._append(v, at)
        elif v.shape[at]:  # of no items: another axis has none
            self.resize((*self.shape[:at], self.shape[at] + v.shape[at], *self.shape[at + 1 :]))
        return self.shape[at]

    def squeeze(self, axis: int | Sequence[int] | None = None) -> NDArray:
        """A view without axes of one item: all of these, or the given ones.

        Parameters
        ----------
        axis : int or sequence of int, optional
            Default: all that have length one.

        Raises
        ------
        ValueError
            An axis is out of range, there twice, or longer than one.

        Examples
        --------
        >>> import tessera
        >>> tessera.zeros((1, 3, 1)).squeeze(axis=0).shape
        (3, 1)
        """
        from tessera import view

        return view.squeeze(self, axis)

    def take(self, indices: ArrayLike, axis: int | None = None) -> NDArray:
        """The items with the given numbers along an axis, as a new array; see `tessera.take`.

        Raises
        ------
        TypeError
            The indices are no integers.
        IndexError
            One is out of bounds.
        ValueError
            The axis is.

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(10).take([7, 2, 2])[:]
        array([7, 2, 2])
        """
        from tessera.take import take

        return take(self, indices, axis)

    def reshape(self, shape: int | Sequence[int], c_order: bool = True, **kwargs: Any) -> NDArray:
        """The items in C order as a new array of another shape; kwargs as of `tessera.empty`.

        Raises
        ------
        ValueError
            The shape has another number of items.

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(6).reshape((2, 3))[1]
        array([3, 4, 5])
        """
        from tessera import copies

        return copies.reshape(self, shape, **kwargs)

    # ---- copies ----

    def copy(self, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
        """A new array with the same items, compressed as this one unless kwargs say otherwise.

        Chunks go along as they are stored where neither their shape nor the compression changes.

        Parameters
        ----------
        dtype : optional
            Items are cast to it.
        **kwargs
            As of `tessera.empty`, but `meta`: metadata goes along.

        Examples
        --------
        >>> import tessera
        >>> b = tessera.arange(6).copy(dtype="f4", chunks=(3,))
        >>> b.dtype, b.chunks
        (dtype('float32'), (3,))
        """
        from tessera import copies

        return copies.copy(self, dtype, **kwargs)

    def save(self, urlpath: str | os.PathLike[str], contiguous: bool = True, **kwargs: Any) -> None:
        """Writes a copy to a file, or with contiguous=False to a folder.

        Raises
        ------
        RuntimeError
            There is something already, and the mode is not "w".

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(5).save("numbers.b2nd", mode="w")
        >>> with tessera.open("numbers.b2nd") as a:
        ...     a[1:3]
        array([1, 2])
        >>> tessera.remove_urlpath("numbers.b2nd")
        """
        self.copy(urlpath=urlpath, contiguous=contiguous, **kwargs).close()

    def __copy__(self) -> NDArray:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> NDArray:
        return self.copy()

    @contextmanager
    def holding_lock(self) -> Iterator[NDArray]:
        """Keeps other programs out, from the first read inside to the last write.

        For arrays opened with ``locking=True`` (or under BLOSC_LOCKING=1); else it does nothing.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.zeros(3, urlpath="shared.b2nd", mode="w", locking=True)
        >>> with a.holding_lock():
        ...     a[0] = a[0] + 1
        >>> a[:]
        array([1., 0., 0.])
        >>> a.close()
        >>> tessera.remove_urlpath("shared.b2nd")
        >>> tessera.remove_urlpath("shared.b2nd.b2lock")  # stays for other programs
        """
        self._lock()
        try:
            yield self
        finally:
            self._unlock()


def _whole(shape: Sequence[int], unit: Sequence[int]) -> tuple[int, ...]:
    """Each number made up to a multiple of its unit."""
    return tuple(-(-n // u) * u if u else 0 for n, u in zip(shape, unit, strict=True))


def _chunk_number(a: NDArray, nchunk: int) -> int:
    n = a._stats()["nchunks"]
    if not 0 <= nchunk < n:
        raise RuntimeError(f"chunk {nchunk}: there are {n}")
    return nchunk


def dims(shape: Any, least: int = 0) -> tuple[int, ...]:
    """A shape from a whole number or a sequence of them.

    Raises
    ------
    TypeError
        It is neither.
    ValueError
        One is under `least` or beyond 64 bits.
    """
    try:
        many = isinstance(shape, Iterable) and not isinstance(shape, bytes)
        given = shape if many else (shape,)
        out = tuple(operator.index(n) for n in given)
    except TypeError:
        raise TypeError(f"a shape is made of whole numbers, found {shape!r}") from None
    for d, n in enumerate(out):
        if not least <= n < 2**63:
            span = f"{least} to 2**63 - 1"
            raise ValueError(f"shape {out}: dimension {d}: found {n}, expected {span}")
    return out
