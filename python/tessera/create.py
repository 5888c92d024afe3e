# SPDX-License-Identifier: BSD-3-Clause
"""Functions that make arrays: of one value, of a rule, of what other packages hold.

All take, besides their own parameters, the keywords

chunks, blocks
    Shapes: of what is stored as one, and of what is decoded as one inside it.  Default: chosen, the
    same on every machine.
cparams, dparams
    `CParams` and `DParams`, or dictionaries.
urlpath, mode, contiguous, locking, mmap_mode, meta ... or storage
    The fields of `Storage`.  Without urlpath: in memory.  mode "a" (the default) refuses what is
    there already, "w" replaces it (a file no folder, though).  Files stay until the new one is
    whole.  An array of Zarr in a folder or on a server goes when arguments and dtype are found to
    be right: what fails later, an iterator for one, leaves neither.
format
    Of the container; default: by the suffix of urlpath, else "b2nd".
fill_value
    What items read as that nobody writes; default: zero.  Zarr records it.
attributes
    A mapping of names to JSON values.
storage_options
    How the server of urlpath is spoken to, as of `open`.

and, for Zarr alone,

chunks
    May be the lengths of all chunks along each axis, as dask has them, ``((4, 1, 5), (3, 3), 8)``
    (format "zarr3").  With blocks, chunks are shards and blocks their inner chunks.
dimension_names
    A name or None for each dimension (format "zarr3").
codecs
    As in Zarr's metadata, in place of cparams: a list of names and ``{"name": .., "configuration":
    ..}`` (format "zarr3"), or ``{"filters": .., "compressor": ..}`` (format "zarr2").
data_type
    One that NumPy has no name for, "bfloat16" for one, in place of dtype.
order, separator, key_encoding, index_location, write_empty_chunks
    "F": of items in chunks (format "zarr2"); "." or "/" in the names of chunks; "v2" (format
    "zarr3"); "start": of the index of shards; True: chunks of the fill value are stored too.

They raise `KeyError` for others, `ValueError` for shapes, chunks or modes that do not fit,
`RuntimeError` for a file that is there, `TypeError` for a dtype that cannot be stored.  They return
an `NDArray` whose file is complete.  Values of a rule are made and written part by part: memory is
for some chunks only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from tessera import loose
from tessera.build import Plan, fill_flat, fill_from, make, partition, runs, storable
from tessera.loose import kind_of
from tessera.ndarray import NDArray, dims

Shape: TypeAlias = int | Sequence[int]
Items: TypeAlias = np.ndarray[Any, Any]


def zeros(shape: Shape, dtype: DTypeLike = np.float64, **kwargs: Any) -> NDArray:
    """An array of zeros; takes some 200 bytes whatever its shape.

    Examples
    --------
    >>> import tessera
    >>> tessera.zeros((2, 3), dtype="i4")[1]
    array([0, 0, 0], dtype=int32)
    """
    return make(_of_zeros(kwargs), shape, dtype)


def _of_zeros(kwargs: dict[str, Any]) -> Plan:
    """The plan of an array whose items are zeros where nobody writes."""
    plan = Plan.of(kwargs)
    if plan.fill_value is not None:
        raise ValueError("fill_value: here it is zero; full and empty take another one")
    return plan


def empty(shape: Shape, dtype: DTypeLike = np.float64, **kwargs: Any) -> NDArray:
    """An array to be written; until then it reads as zeros, or fill_value.

    Examples
    --------
    >>> import tessera
    >>> tessera.empty(5).shape
    (5,)
    """
    return make(Plan.of(kwargs), shape, dtype)


def uninit(shape: Shape, dtype: DTypeLike = np.float64, **kwargs: Any) -> NDArray:
    """As `empty`, and files say that the content is of no meaning.

    Examples
    --------
    >>> import tessera
    >>> tessera.uninit((2, 2), dtype="u1").dtype
    dtype('uint8')
    """
    return make(Plan.of(kwargs), shape, dtype, uninit=True)


def nans(shape: Shape, dtype: DTypeLike = np.float64, **kwargs: Any) -> NDArray:
    """An array of NaN, of a dtype of floats.

    Examples
    --------
    >>> import tessera
    >>> tessera.nans(2)[:]
    array([nan, nan])
    """
    return full(shape, math.nan, np.float64 if dtype is None else dtype, **kwargs)


def ones(shape: Shape, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
    """An array of ones; dtype None: float64.

    Examples
    --------
    >>> import tessera
    >>> tessera.ones(3, dtype="i8")[:]
    array([1, 1, 1])
    """
    return full(shape, 1, np.float64 if dtype is None else dtype, **kwargs)


def full(shape: Shape, fill_value: Any, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
    """An array of one value; dtype None: the value's.

    Each chunk takes 32 bytes and an item.  dtype "string", and in a container of Zarr `str` and
    `bytes`, are items of any length, which are read as objects.

    Examples
    --------
    >>> import tessera
    >>> tessera.full((2, 2), 7)[:]
    array([[7, 7],
           [7, 7]])
    >>> names = tessera.full(2, "nobody", dtype="string", format="zarr3")
    >>> names[1] = "Ada"
    >>> names[:]
    array(['nobody', 'Ada'], dtype=object)
    """
    plan = Plan.of(kwargs)
    kind = kind_of(dtype, plan.is_zarr)
    if kind is not None:
        return make(plan, shape, kind, **loose.fill(fill_value, kind))
    dt = storable(np.asarray(fill_value).dtype if dtype is None else dtype)
    item = np.empty((), dtype=dt)
    item[...] = fill_value
    return make(plan, shape, dt, **_first(item))


def _first(item: Items) -> dict[str, Any]:
    """The spec's fill, which is zeros unless it says otherwise."""
    raw = item.tobytes()
    return {"fill": raw} if raw.strip(b"\0") else {}


def arange(
    start: Any,
    stop: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    shape: Shape | None = None,
    c_order: bool = True,
    **kwargs: Any,
) -> NDArray:
    """Evenly spaced values, the ones of `numpy.arange`.

    Parameters
    ----------
    start, stop, step : number
        With one of them only: from 0 to that.  dtype None: theirs together.
    shape : int or sequence of int, optional
        Of as many items as there are values.
    c_order : bool
        Items are always in C order here.

    Raises
    ------
    ValueError
        The shape has another number of items.

    Examples
    --------
    >>> import tessera
    >>> tessera.arange(6, shape=(2, 3))[:]
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    if stop is None:
        start, stop = 0, start
    plan = Plan.of(kwargs)
    num = max(math.ceil((stop - start) / step), 0)
    if dtype is None:
        dtype = np.arange(start * 0, stop * 0, step).dtype
    dt = storable(dtype)
    first = np.arange(start, start + 2 * step, step, dtype=dt)[:2]
    if first.size < 2:
        first = np.array([start, start + step], dtype=dt)
    return _ruled(plan, num, shape, dt, lambda i: _affine(i, first))


def _affine(i: Items, first: Items) -> Items:
    """first[0] + i * (first[1] - first[0]) with the arithmetic of numpy.arange."""
    work = first.astype(np.float32) if first.dtype == np.float16 else first
    with np.errstate(over="ignore"):
        delta = work[1] - work[0]
        values: Items = work[0] + i.astype(delta.dtype) * delta
    return values.astype(first.dtype, copy=False)


def linspace(
    start: Any,
    stop: Any,
    num: int | None = None,
    dtype: DTypeLike | None = None,
    endpoint: bool = True,
    shape: Shape | None = None,
    c_order: bool = True,
    **kwargs: Any,
) -> NDArray:
    """`num` values from start to stop, the ones of `numpy.linspace`.

    Parameters
    ----------
    num : int, optional
        Default: as many as the shape has items.
    endpoint : bool
        Whether stop is the last value.
    shape, c_order
        As of `arange`.

    Raises
    ------
    ValueError
        The shape has another number of items, or neither num nor shape is given.

    Examples
    --------
    >>> import tessera
    >>> tessera.linspace(0, 1, 5)[:]
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    plan = Plan.of(kwargs)
    if num is None:
        if shape is None:
            raise ValueError("linspace: give num or shape")
        num = math.prod(dims(shape))
    kind = np.result_type(np.asarray(start) * 1.0, np.asarray(stop) * 1.0, float(num))
    dt = storable(kind if dtype is None else dtype)
    count, steps = num, num - 1 if endpoint else num

    def values(i: Items) -> Items:
        delta = np.subtract(stop, start, dtype=kind)
        y: Items = i.astype(kind)
        step = delta / steps if steps > 0 else delta
        y = y / steps * delta if steps > 0 and step == 0 else y * step
        y += start
        if endpoint and count > 1:
            y[i == count - 1] = stop
        return (np.floor(y) if dt.kind in "iu" else y).astype(dt, copy=False)

    return _ruled(plan, num, shape, dt, values)


def _ruled(plan: Plan, num: int, shape: Any, dt: np.dtype, values: Any) -> NDArray:
    """num values of a rule in a shape."""
    whole = (num,) if shape is None else dims(shape)
    if math.prod(whole) != num:
        raise ValueError(f"the shape {whole} has {math.prod(whole)} items, there are {num} values")
    return make(plan, whole, dt, lambda a: fill_flat(a, values))


def eye(
    N: int, M: int | None = None, k: int = 0, dtype: DTypeLike = np.float64, **kwargs: Any
) -> NDArray:
    """Ones on the diagonal k of an array of (N, M) zeros; M None: N.

    Examples
    --------
    >>> import tessera
    >>> tessera.eye(2, 3, k=1, dtype="i4")[:]
    array([[0, 1, 0],
           [0, 0, 1]], dtype=int32)
    """
    cols = N if M is None else M

    def diagonal(a: NDArray) -> None:
        for i in range(max(0, -k), min(N, cols - k), max(a._longest[0], 1)):
            n = min(i + a._longest[0], N, cols - k) - i
            a[i : i + n, i + k : i + k + n] = np.eye(n, dtype=a.dtype)

    return make(_of_zeros(kwargs), (N, cols), dtype, diagonal)


def fromiter(
    iterable: Iterable[Any], shape: Shape, dtype: DTypeLike, c_order: bool = True, **kwargs: Any
) -> NDArray:
    """As many items of an iterable as the shape has, in C order.

    Raises
    ------
    ValueError
        The iterable ends too early.

    Examples
    --------
    >>> import tessera
    >>> tessera.fromiter((i * i for i in range(6)), shape=(2, 3), dtype="i8")[1]
    array([ 9, 16, 25])
    """
    items = iter(iterable)

    def take(a: NDArray) -> None:
        for box in runs(a.shape, a._longest, a.dtype.itemsize) if a.size else ():
            part = tuple(len(range(*s.indices(n))) for s, n in zip(box, a.shape, strict=True))
            n = math.prod(part)
            a[box] = np.fromiter(itertools.islice(items, n), a.dtype, count=n).reshape(part)

    return make(Plan.of(kwargs), shape, dtype, take)


def frombuffer(buffer: Any, shape: Shape, dtype: DTypeLike = np.uint8, **kwargs: Any) -> NDArray:
    """The items at the beginning of a buffer, in C order.

    Raises
    ------
    ValueError
        The buffer is too small.

    Examples
    --------
    >>> import tessera
    >>> tessera.frombuffer(b"tessera!", (2, 4))[1]
    array([101, 114,  97,  33], dtype=uint8)
    """
    dt, whole = np.dtype(dtype), dims(shape)
    n = math.prod(whole)
    items = np.frombuffer(buffer, dt, count=n) if n else np.empty(0, dt)
    return asarray(items.reshape(whole), **kwargs)


def asarray(
    obj: Any, dtype: DTypeLike | None = None, copy: bool | None = None, **kwargs: Any
) -> NDArray:
    """An array of what NumPy can make an array of.

    Parameters
    ----------
    obj : array_like
        Arrays of other packages that can be sliced (h5py, zarr, dask) are read part by part.
    dtype : optional
        Default: the object's.
    copy : bool, optional
        True: always a new array.  False: `ValueError` unless obj is an `NDArray` that can be given
        back.  None: such a one is given back when nothing else is asked for.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> a = tessera.asarray(np.eye(2), urlpath=None)
    >>> tessera.asarray(a) is a
    True
    """
    if isinstance(obj, NDArray):
        same = not kwargs and (dtype is None or np.dtype(dtype) == obj.dtype)
        if same and not copy:
            return obj
        if copy is False:
            raise ValueError("asarray: what was asked for takes a copy")
        return obj.copy(dtype, **kwargs)
    if copy is False:
        raise ValueError("asarray: what is not compressed yet takes a copy")
    plan = Plan.of(kwargs)
    kind = kind_of(dtype, plan.is_zarr)
    if _sliceable(obj):
        source = obj
    else:
        source = loose.objects(obj, kind) if kind else np.asarray(obj, dtype=dtype)
    if dtype is None:
        kind = loose.kind_of_items(source)
    dt = kind or storable(source.dtype if dtype is None else dtype)
    if kind and plan.replaces:
        loose.check(source, kind)
    return make(plan, source.shape, dt, lambda a: fill_from(a, source))


def _sliceable(obj: Any) -> bool:
    """Whether obj knows its form and can be read in parts."""
    return all(hasattr(obj, name) for name in ("shape", "dtype", "__getitem__")) and isinstance(
        obj.dtype, np.dtype) and obj.shape != ()  # fmt: skip


def array(obj: Any, dtype: DTypeLike | None = None, copy: bool = True, **kwargs: Any) -> NDArray:
    """As `asarray`, a new array by default.

    Examples
    --------
    >>> import tessera
    >>> tessera.array([1.5, 2.5])[1].item()
    2.5
    """
    return asarray(obj, dtype, copy or None, **kwargs)


# ---- of the form of another ----


def _form(
    x: Any, dtype: DTypeLike | None, kwargs: dict[str, Any]
) -> tuple[Any, Any, dict[str, Any]]:
    """Shape, dtype and keywords for an array like x."""
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        x = np.asarray(x)
    if isinstance(x, NDArray) and not {"chunks", "blocks"} & kwargs.keys():
        kwargs = {"chunks": x._longest, "blocks": x.blocks, **kwargs}
    return x.shape, x.dtype if dtype is None else dtype, kwargs


def zeros_like(x: ArrayLike, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
    """`zeros` of the shape and dtype of x (and, of an `NDArray`, its chunks).

    Examples
    --------
    >>> import tessera
    >>> tessera.zeros_like(tessera.ones((2, 2), chunks=(1, 2))).chunks
    (1, 2)
    """
    shape, dt, kw = _form(x, dtype, kwargs)
    return zeros(shape, dt, **kw)


def empty_like(x: ArrayLike, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
    """`empty` of the shape and dtype of x.

    Examples
    --------
    >>> import tessera
    >>> tessera.empty_like([[1, 2]]).shape
    (1, 2)
    """
    shape, dt, kw = _form(x, dtype, kwargs)
    return empty(shape, dt, **kw)


def ones_like(x: ArrayLike, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
    """`ones` of the shape and dtype of x.

    Examples
    --------
    >>> import tessera
    >>> tessera.ones_like([0.5, 0.5])[:]
    array([1., 1.])
    """
    shape, dt, kw = _form(x, dtype, kwargs)
    return ones(shape, dt, **kw)


def full_like(
    x: ArrayLike, fill_value: Any, dtype: DTypeLike | None = None, **kwargs: Any
) -> NDArray:
    """`full` of the shape and dtype of x.

    Examples
    --------
    >>> import tessera
    >>> tessera.full_like([0.5, 0.5], 3)[:]
    array([3., 3.])
    """
    shape, dt, kw = _form(x, dtype, kwargs)
    return full(shape, fill_value, dt, **kw)


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
