# SPDX-License-Identifier: BSD-3-Clause
"""New arrays made of others: copies, parts, other shapes, several joined."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import DTypeLike

from tessera import params
from tessera._array import concat as _concat
from tessera.build import Plan, boxes, fill_from, make, partition
from tessera.loose import Kind, kind_of
from tessera.ndarray import NDArray, dims
from tessera.view import View


def copy(array: NDArray, dtype: DTypeLike | None = None, **kwargs: Any) -> NDArray:
    """A new array with the same items and metadata; see `NDArray.copy`.

    Parameters
    ----------
    array : NDArray
    dtype : optional
        Items are cast to it.
    **kwargs
        As of `tessera.empty`, but `meta`.

    Raises
    ------
    ValueError
        `meta` is given.

    Examples
    --------
    >>> import tessera
    >>> tessera.copy(tessera.arange(3), dtype="f8")[:]
    array([0., 1., 2.])
    """
    if isinstance(array, View) and dtype is None:
        return reshape(array, array.shape, **kwargs)
    plan = _derived(array, kwargs, "copy")
    plan.spare(array)
    kind = kind_of(dtype, plan.is_zarr)
    if dtype is None or (kind == array.item_kind and (kind or np.dtype(dtype) == array.dtype)):
        _with_blocks(plan, array.shape, array.dtype)
        spec = plan.spec(None, array.shape, **_fill(plan, array))
        plan.rehearse()
        return plan.finished(plan.created(array._copy(plan.url, spec, **plan.place())))
    _same_grid(_like(array, plan), array)
    given = plan.attributes or {}
    plan.attributes = {**array.attrs.getall(), **given}
    out = make(plan, array.shape, dtype, lambda a: fill_from(a, array))
    if not array.format.startswith("zarr") and not out.format.startswith("zarr"):
        for name in array._meta_names(True):
            if name not in given:
                out._meta_set(True, name, array._meta_get(True, name))
    out.flush()
    return out


def _derived(array: NDArray, kwargs: dict[str, Any], what: str) -> Plan:
    """The plan for something made of array that takes its metadata along."""
    plan = Plan.of(kwargs)
    if plan.storage.meta is not None:
        raise ValueError(f"{what}: meta goes along, and cannot be given anew")
    if array.item_kind is not None and plan.format is None and plan.url is None:
        plan.format = array.format
    if plan.is_zarr or (plan.is_blosc2 and array.format.startswith("zarr")):
        plan.attributes = {**array.attrs.getall(), **(plan.attributes or {})}
    if plan.cparams is None and array.format.startswith("zarr"):
        return plan  # the engine knows more of its codecs than cparams can say
    return _like(array, plan)


def _fill(plan: Plan, array: NDArray) -> dict[str, Any]:
    kind = None if array.item_kind is None else Kind(array.item_kind)
    return {} if plan.fill_value is None else plan.fill(kind or array.dtype)


def _like(array: NDArray, plan: Plan) -> Plan:
    """The plan with compression as of array where it says nothing."""
    if plan.zarr.codecs is not None or array.item_kind is not None:
        return plan
    if plan.cparams is None:
        plan.cparams = array.cparams
    elif not isinstance(plan.cparams, params.CParams):
        plan.cparams = params.filled(params.CParams, plan.cparams, **dict(array.cparams))
    if plan.dparams is None and array._threads[1]:
        plan.dparams = array.dparams
    plan.cparams = dataclasses.replace(plan.cparams, typesize=array.dtype.itemsize)
    return plan


def _same_grid(plan: Plan, array: NDArray) -> None:
    """Chunks and blocks as of array where the plan leaves both open."""
    if plan.chunks is None and plan.lengths is None and plan.blocks is None:
        plan.chunks, plan.blocks = array._longest, array.blocks


def _with_blocks(plan: Plan, shape: Sequence[int], dtype: np.dtype) -> None:
    """Where only blocks are given, chunks are chosen for them."""
    given = plan.blocks is not None and dtype.kind != "O"
    if plan.chunks is None and plan.lengths is None and given:
        plan.chunks, plan.blocks = partition(shape, plan.chunks, plan.blocks, dtype)


def from_key(array: NDArray, key: Any, **kwargs: Any) -> NDArray:
    """What a basic key selects of an array as a new one; see `NDArray.slice`."""
    plan = _derived(array, kwargs, "slice")
    plan.spare(array)
    if isinstance(array, View):
        array = reshape(array, array.shape)
    shape = np.broadcast_to(np.uint8(0), array.shape)[key].shape
    _with_blocks(plan, shape, array.dtype)
    spec = plan.spec(None, shape, **_fill(plan, array))
    plan.rehearse()
    return plan.finished(plan.created(array._slice(key, plan.url, spec, **plan.place())))


def reshape(array: NDArray, shape: int | Sequence[int], **kwargs: Any) -> NDArray:
    """The items of an array in C order, in another shape; see `NDArray.reshape`.

    Parameters
    ----------
    shape : int or sequence of int
        One of them may be -1: what is left.

    Raises
    ------
    ValueError
        The shape has another number of items.

    Examples
    --------
    >>> import tessera
    >>> tessera.reshape(tessera.arange(6), (2, -1)).shape
    (2, 3)
    """
    whole = list(dims(shape, least=-1))
    if whole.count(-1) == 1:
        rest = -math.prod(whole)
        whole[whole.index(-1)] = array.size // rest if rest else 0
    if math.prod(whole) != array.size or min(whole, default=0) < 0:
        raise ValueError(f"cannot reshape {array.size} items into the shape {tuple(whole)}")
    if isinstance(array, View):
        array = array.base
    plan = _derived(array, kwargs, "reshape")
    plan.spare(array)
    _with_blocks(plan, whole, array.dtype)
    spec = plan.spec(None, whole, **_fill(plan, array))
    plan.rehearse()
    new = array._copy(plan.url, spec, reshape=True, **plan.place())
    return plan.finished(plan.created(new))


def concat(arrays: Sequence[NDArray], axis: int = 0, **kwargs: Any) -> NDArray:
    """Arrays one after the other along an axis, as a new array.

    Parameters
    ----------
    arrays : sequence of NDArray
        Of one shape but for that axis.  Other dtypes than the first one's are promoted as in NumPy.
    axis : int
    **kwargs
        As of `tessera.empty`; chunks and compression are the first array's.

    Raises
    ------
    ValueError
        No array, or shapes that do not fit.

    Examples
    --------
    >>> import tessera
    >>> tessera.concat([tessera.zeros(2), tessera.ones(1)])[:]
    array([0., 0., 1.])
    """
    arrays = _same(arrays, "concat")
    at = normalize_axis_index(axis, arrays[0].ndim)
    if any(_without(a.shape, at) != _without(arrays[0].shape, at) for a in arrays):
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ValueError(f"concat: shapes differ in more than axis {at}: {shapes}")
    dtype = np.result_type(*(a.dtype for a in arrays))
    plan = Plan.of(kwargs)
    plan.spare(*arrays)
    if plan.says_nothing() and all(a.dtype == dtype and not isinstance(a, View) for a in arrays):
        new = _concat(list(arrays), at, plan.url, **plan.place())
        return plan.finished(new)
    _same_grid(_like(arrays[0], plan), arrays[0])
    total = sum(a.shape[at] for a in arrays)
    shape = (*arrays[0].shape[:at], total, *arrays[0].shape[at + 1 :])
    return make(plan, shape, dtype, lambda out: _join(out, arrays, at, False))


def stack(arrays: Sequence[NDArray], axis: int = 0, **kwargs: Any) -> NDArray:
    """Arrays of one shape along a new axis, as a new array.

    Parameters
    ----------
    arrays : sequence of NDArray
    axis : int
        Where the new axis is in the result.
    **kwargs
        As of `tessera.empty`; compression is the first array's.

    Raises
    ------
    ValueError
        No array, or other shapes.

    Examples
    --------
    >>> import tessera
    >>> tessera.stack([tessera.zeros(2), tessera.ones(2)], axis=1)[:]
    array([[0., 1.],
           [0., 1.]])
    """
    arrays = _same(arrays, "stack")
    first = arrays[0]
    if any(a.shape != first.shape for a in arrays):
        raise ValueError(f"stack: shapes differ: {[a.shape for a in arrays]}")
    at = normalize_axis_index(axis, first.ndim + 1)
    plan = _like(first, Plan.of(kwargs))
    plan.spare(*arrays)
    if plan.chunks is None and plan.lengths is None and plan.blocks is None:
        plan.chunks = (*first._longest[:at], 1, *first._longest[at:])
        plan.blocks = (*first.blocks[:at], 1, *first.blocks[at:])
    shape = (*first.shape[:at], len(arrays), *first.shape[at:])
    dtype = np.result_type(*(a.dtype for a in arrays))
    return make(plan, shape, dtype, lambda out: _join(out, arrays, at, True))


def _same(arrays: Sequence[NDArray], what: str) -> Sequence[NDArray]:
    if not arrays:
        raise ValueError(f"{what}: at least one array is needed")
    for a in arrays:
        if not isinstance(a, NDArray):
            raise TypeError(f"{what}: expected NDArray, found {type(a).__name__}")
    return arrays


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


def _join(out: NDArray, arrays: Sequence[NDArray], axis: int, new: bool) -> None:
    """Writes the arrays into out, part by part, along an axis of theirs or a new one."""
    start = 0
    for i, a in enumerate(arrays):
        for box in boxes(a.shape, a._longest, a.dtype.itemsize) if a.size else ():
            s = box[axis] if not new else slice(0)
            at: Any = i if new else slice(s.start + start, s.stop + start)
            out[(*box[:axis], at, *box[axis + (not new) :])] = a[box]
        start += 0 if new else a.shape[axis]
