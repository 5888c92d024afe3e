# SPDX-License-Identifier: BSD-3-Clause
"""Arrays with more or fewer dimensions of one item, on the items of another array.

A view has no handle of its own: its keys become keys of the array it looks at, without the axes
that were added and with the ones that were left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tessera.ndarray import NDArray

Axes: TypeAlias = int | Sequence[int]


class View(NDArray):
    """The items of `base` in a shape with other dimensions of one item.

    What is written through it is written to `base`, which lives as long as the view does.
    """

    _base: NDArray
    _axes: tuple[int | None, ...]  # of each axis of the base the view's, None: left out

    @classmethod
    def _of(cls, array: NDArray, axes: Sequence[int | None], ndim: int) -> View:
        """A view with `ndim` axes; axes: for each of the array's axes the view's."""
        self = cls.__new__(cls)
        dims = []
        for of_base in (array.shape, array.chunks, array.blocks):
            of_view = [1] * ndim
            for at, n in zip(axes, of_base, strict=True):
                if at is not None:
                    of_view[at] = n
            dims.append(of_view)
        self._look_like(array, *dims)
        if isinstance(array, View):  # look at the array itself
            axes = [None if at is None else axes[at] for at in array._axes]
            array = array._base
        self._base, self._axes = array, tuple(axes)
        return self

    @property
    def base(self) -> NDArray:
        """The array that holds the items."""
        return self._base

    def _base_key(self, slices: Sequence[slice]) -> tuple[slice | int, ...] | None:
        """The base's key of slices of the view; None when they select nothing."""
        if any(s == slice(0, 0) for s in slices):
            return None
        return tuple(0 if at is None else slices[at] for at in self._axes)

    def __getitem__(self, key: Any) -> Any:
        out = self._get_box(key)
        return self._get_other(key) if out is NotImplemented else out

    def _get_box(self, key: Any) -> Any:
        found = self._slices(key)
        if found is None:
            return NotImplemented
        slices, shape = found
        where = self._base_key(slices)
        inner = self.dtype.subdtype[1] if self.dtype.subdtype else ()
        if where is None:
            return np.empty(shape, self.dtype)
        return self._base._get_box(where).reshape(shape + inner)

    def _has_moved(self, seen: Any) -> bool:
        return False  # a view keeps its own

    def _get_bytes(self) -> bytes:
        return self._base._get_bytes()

    def _get_box_into(self, key: Any, out: Any) -> None:
        items = np.ascontiguousarray(self._get_box(key)).reshape(-1).view(np.uint8)
        into = memoryview(out).cast("B")
        if into.nbytes < items.nbytes:
            raise ValueError(f"out holds {into.nbytes} bytes, the selection {items.nbytes}")
        into[: items.nbytes] = items.data

    def _set_box(self, key: Any, value: Any) -> Any:
        found = self._slices(key)
        if found is None:
            return NotImplemented
        slices, shape = found
        where = self._base_key(slices)
        item, inner = self.dtype.subdtype or (self.dtype, ())
        values = np.broadcast_to(np.asarray(value, dtype=item), shape + inner)
        if where is not None:
            kept = [slices[at] for at in self._axes if at is not None]
            box = tuple(len(range(*s.indices(2**63 - 1))) for s in kept)
            self._base._set_box(where, values.reshape(box + inner))
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        return View._of, (self._base, self._axes, self.ndim)

    def to_cframe(self) -> bytes:
        """The items in the view's shape as a Blosc2 frame."""
        return self.copy().to_cframe()

    def _reduce(self, how: str, axes: Sequence[bool], ddof: float, wide: bool) -> np.ndarray:
        of_base = [at is None or axes[at] for at in self._axes]
        kept = [n for n, gone in zip(self.shape, axes, strict=True) if not gone]
        return self._base._reduce(how, of_base, ddof, wide).reshape(kept)

    def close(self) -> None:
        """Nothing: the base is closed on its own."""


def _to_base(name: str) -> Callable[..., Any]:
    def call(self: View, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._base, name)(*args, **kwargs)

    call.__name__ = name
    return call


def _refused(name: str) -> Callable[..., Any]:
    def call(self: View, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(f"{name}: this array is a view of another one: use its `base`, or a copy")

    call.__name__ = name
    return call


def expand_dims(array: NDArray, axis: Axes = 0) -> NDArray:
    """A view of an array with new axes of length one.

    Parameters
    ----------
    array : NDArray
    axis : int or sequence of int
        Where the new axes stand in the result's shape.

    Returns
    -------
    NDArray
        Shares the items: what is written to one is seen in the other.

    Raises
    ------
    ValueError
        An axis is out of range or there twice, or there would be more than 16.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((2, 3))
    >>> tessera.expand_dims(a, axis=(0, -1)).shape
    (1, 2, 3, 1)
    """
    n = 1 if isinstance(axis, (int, np.integer)) else len(axis)
    ndim = array.ndim + n
    if ndim > 16:
        raise ValueError(f"{ndim} dimensions, at most 16 are possible")
    new = normalize_axis_tuple(axis, ndim)
    return View._of(array, [d for d in range(ndim) if d not in new], ndim)


def squeeze(array: NDArray, axis: Axes | None = None) -> NDArray:
    """A view of an array without axes of length one.

    Parameters
    ----------
    array : NDArray
    axis : int or sequence of int, optional
        Default: all that have length one.

    Returns
    -------
    NDArray
        Shares the items: what is written to one is seen in the other.

    Raises
    ------
    ValueError
        An axis is out of range, there twice, or longer than one.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((1, 2, 1, 3))
    >>> tessera.squeeze(a).shape, tessera.squeeze(a, 0).shape
    ((2, 3), (2, 1, 3))
    """
    if axis is None:
        axis = [d for d, n in enumerate(array.shape) if n == 1]
    out = normalize_axis_tuple(axis, array.ndim)
    if any(array.shape[d] != 1 for d in out):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    axes: list[int | None] = []
    for d in range(array.ndim):
        axes.append(None if d in out else d - sum(o < d for o in out))
    return View._of(array, axes, array.ndim - len(out))


for _name in ("flush", "sync", "refresh", "change_tick", "_stats", "_spec", "_cparams", "_lock",
              "_unlock", "_attrs", "_attr_set", "_attr_remove", "_meta_names", "_meta_get",
              "_meta_set", "_meta_remove"):  # fmt: skip
    setattr(View, _name, _to_base(_name))
for _name in ("append", "get_chunk", "iterchunks_info", "resize"):
    setattr(View, _name, _refused(_name))
