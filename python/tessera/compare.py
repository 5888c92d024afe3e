# SPDX-License-Identifier: BSD-3-Clause
"""Arrays as a whole: one digest for the same items, what differs between two, what is broken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tessera import _compare, remote
from tessera._engine import UnsupportedError
from tessera.copies import reshape
from tessera.create import asarray
from tessera.group import Group
from tessera.ndarray import NDArray
from tessera.opening import open, place
from tessera.schunk import SChunk
from tessera.view import View

_NAN, _BITS, _ITEMS = 1, 2, 4


def hash(x: Any, *, attrs: bool = False, storage_options: Mapping[str, Any] | None = None) -> str:
    """One digest for the same array, whatever its format, chunks, codec and byte order.

    It is of dtype, shape and the bits of all items, and of the attributes if asked for;
    docs/hash.md defines it.  Blocks are decoded once, in parallel, in bounded memory.

    Parameters
    ----------
    x : NDArray, SChunk, str, path or array_like
        A str or path is the place of an array or super-chunk.  A super-chunk has the digest of
        the row of its items.
    attrs : bool
        Attributes count too.
    storage_options : dict, optional
        Of a place, as of `open`.

    Returns
    -------
    str
        32 digits of hexadecimal.

    Raises
    ------
    RuntimeError
        Something cannot be read, or is a group.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> tessera.hash(np.arange(6, dtype=">i4").reshape(2, 3))
    '02c8e2f566b43fed1d20ed3cdaeb2321'
    >>> a = tessera.arange(6, dtype="<i4", shape=(2, 3), urlpath="six.zarr", mode="w")
    >>> a.hash() == tessera.hash("six.zarr")
    True
    >>> tessera.remove_urlpath("six.zarr")
    """
    if _is_place(x):
        with _opened(x, storage_options) as there:
            return hash(there, attrs=attrs)
    if isinstance(x, SChunk):
        return _compare.hash_schunk(x)
    return _compare.hash_array(_array(x), attrs)


def _is_place(x: Any) -> bool:
    return isinstance(x, str | os.PathLike) and not isinstance(x, np.generic)


def _opened(x: str | os.PathLike[str], options: Mapping[str, Any] | None) -> NDArray | SChunk:
    there = open(x, storage_options=options)
    if isinstance(there, Group):
        there.close()
        raise UnsupportedError(f"{os.fsdecode(x)}: a group, expected an array or super-chunk")
    return there


def _array(x: Any) -> NDArray:
    """x as an array with a handle of its own."""
    if isinstance(x, View):
        return reshape(x, x.shape)
    return x if isinstance(x, NDArray) else asarray(x)


# ---- differences ----


@dataclass(frozen=True)
class Difference:
    """Something that differs between two arrays.

    Attributes
    ----------
    what : {"dtype", "shape", "fill", "attribute", "item"}
    name : str or None
        Of an attribute.
    a, b : str or None
        The two values as text, JSON of attributes; None where there is none.
    index : tuple of int
        Of an item.
    chunk_a, chunk_b : tuple of int
        Coordinates of the chunks that hold the item, in the grids of the two arrays.
    """

    what: str
    name: str | None
    a: str | None
    b: str | None
    index: tuple[int, ...]
    chunk_a: tuple[int, ...]
    chunk_b: tuple[int, ...]

    def __str__(self) -> str:
        if self.what != "item":
            return f"{self.what}{f' {self.name}' if self.name else ''}: {self.a} != {self.b}"
        chunks = f"chunk {self.chunk_a}"
        if self.chunk_a != self.chunk_b:
            chunks = f"chunks {self.chunk_a} and {self.chunk_b}"
        return f"{self.index}: {self.a} != {self.b} in {chunks}"


@dataclass(frozen=True)
class Diff:
    """What `diff` found; prints as text.

    Attributes
    ----------
    differences : tuple of Difference
        What differs besides items, then the first items in C order.
    metadata : int
        How many things differ besides items.
    items, different : int
        Items that were compared (0: shapes differ, or dtypes that are no numbers), and of these
        those that differ.
    most_abs, most_rel : float
        The greatest difference of two numbers, and relative to that of b; also of those within
        the tolerance.
    same_stored : int
        Chunks that were not decoded: both store the same bytes.
    """

    differences: tuple[Difference, ...]
    metadata: int
    items: int
    different: int
    most_abs: float
    most_rel: float
    same_stored: int

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.metadata and not self.different

    def __str__(self) -> str:
        if self.same:
            return f"the same: {self.items} items"
        told = sum(d.what == "item" for d in self.differences)
        lines = [str(d) for d in self.differences]
        if self.different > told:
            lines.append(f"and {self.different - told} more items")
        if self.items:
            lines.append(
                f"{self.different} of {self.items} items differ, "
                f"by at most {self.most_abs:g}, relatively {self.most_rel:g}"
            )
        return "\n".join(lines)


def diff(
    a: Any,
    b: Any,
    rtol: float = 0.0,
    atol: float = 0.0,
    *,
    equal_nan: bool = True,
    bits: bool = False,
    items_only: bool = False,
    first: int = 10,
    memory_bytes: int = 0,
    storage_options: Mapping[str, Any] | None = None,
) -> Diff:
    """Compares two arrays: dtype, shape, attributes, fill value and items.

    Items x of a and y of b are the same when ``abs(x - y) <= atol + rtol * abs(y)``; -0.0 is 0.0.
    Integers are compared exactly, numbers of two dtypes by value, beside the dtypes.  Byte order,
    format, chunks and compression do not matter.

    Parameters
    ----------
    a, b : NDArray, str, path or array_like
        A str or path is the place of an array.
    rtol, atol : float
    equal_nan : bool
        NaN is the same as NaN.
    bits : bool
        Items are the same when their bits are, as for `hash`; no tolerance.
    items_only : bool
        Of attributes and fill values nothing is said.
    first : int
        How many items are told of, 0 to 64.
    memory_bytes : int
        For items of both; 0: 256 MiB.
    storage_options : dict, optional
        Of places, as of `open`.

    Returns
    -------
    Diff

    Raises
    ------
    ValueError
        A tolerance below 0, or together with bits.
    RuntimeError
        Something cannot be read, or is no array.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((100, 100), chunks=(50, 50))
    >>> b = a.copy(chunks=(10, 100))
    >>> tessera.diff(a, b).same
    True
    >>> b[60, 7] = 1e-3
    >>> print(tessera.diff(a, b))
    (60, 7): 0.0 != 0.001 in chunks (1, 0) and (6, 0)
    1 of 10000 items differ, by at most 0.001, relatively 1
    >>> tessera.diff(a, b, atol=0.01).same
    True
    """
    if not 0 <= first <= 64:
        raise ValueError(f"first: found {first}, expected 0 to 64")
    flags = (0 if equal_nan else _NAN) | (_BITS if bits else 0) | (_ITEMS if items_only else 0)
    x, y = _side(a, storage_options), _side(b, storage_options)
    try:
        told, counts = _compare.diff(x, y, rtol, atol, flags, first or -1, memory_bytes)
    finally:
        for given, side in ((a, x), (b, y)):
            if side is not given:
                side.close()
    return Diff(tuple(Difference(*d) for d in told), **counts)


def _side(x: Any, options: Mapping[str, Any] | None) -> NDArray:
    if not _is_place(x):
        return _array(x)
    there = _opened(x, options)
    if isinstance(there, SChunk):
        there.close()
        raise UnsupportedError(f"{os.fsdecode(x)}: a super-chunk, expected an array")
    return there


# ---- problems ----


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with what is stored, or that may be news.

    Attributes
    ----------
    chunk : int or None
        Its number; None: the container itself.
    coords : tuple of int
        Of the chunk in the grid; () where there is none.
    error : type of exception or None
        What reading it would raise; None: it breaks no rule.
    text : str
    """

    chunk: int | None
    coords: tuple[int, ...]
    error: type[Exception] | None
    text: str

    def __str__(self) -> str:
        where = f"chunk {self.chunk} at {self.coords}: " if self.chunk is not None else ""
        return where + self.text


@dataclass(frozen=True)
class Verification:
    """What `verify` found; prints as text.

    Attributes
    ----------
    problems : tuple of Problem
        What is broken.
    news : tuple of Problem
        What breaks no rule: chunks that are not stored, objects that nobody reads.
    """

    problems: tuple[Problem, ...]
    news: tuple[Problem, ...]

    @property
    def good(self) -> bool:
        """Whether nothing is broken."""
        return not self.problems

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.problems, *self.news))) or "nothing is wrong"


def verify(
    urlpath: str | os.PathLike[str], *, storage_options: Mapping[str, Any] | None = None
) -> Verification:
    """Checks all that is stored at a place: structure, metadata, checksums, and each chunk by
    decoding it; of a group all arrays below it.

    Parameters
    ----------
    urlpath : str or path
        As of `open`.
    storage_options : dict, optional
        As of `open`.

    Returns
    -------
    Verification

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    OSError, RuntimeError
        It could not look.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.arange(1000, chunks=(100,), urlpath="row.zarr", mode="w")
    >>> tessera.verify("row.zarr").good
    True
    >>> from pathlib import Path
    >>> n = Path("row.zarr/c/3").write_bytes(b"no chunk")
    >>> [(p.chunk, p.coords, p.error.__name__) for p in tessera.verify("row.zarr").problems]
    [(3, (3,), 'CorruptError')]
    >>> tessera.remove_urlpath("row.zarr")
    """
    found = [Problem(*p) for p in _compare.verify(place(urlpath), remote.members(storage_options))]
    return Verification(
        tuple(p for p in found if p.error is not None), tuple(p for p in found if p.error is None)
    )
