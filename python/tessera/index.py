# SPDX-License-Identifier: BSD-3-Clause
"""Keys that are no box: arrays of integers, masks, and orthogonal selections.

A NumPy key is taken apart in what it says of each axis.  Arrays of indices are broadcast against
each other (a mask is the arrays of its `nonzero`); whole numbers are arrays of one index then.
What is read is one of three, whichever touches least:

    cross    each array varies along result axes of its own: lists of indices, in orthogonal order
    box      the points lie so densely that the box around them is read, and NumPy picks from it
    points   else, item by item, sorted by where they are stored

`cross` is the work of C and each block is decoded once; so it is in `points`, in groups.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray as Items

from tessera import _select

if TYPE_CHECKING:
    from tessera.ndarray import NDArray

_DENSE = 4  # a box of up to so many times the items that are wanted is read whole
_GROUP = 1 << 21  # points that are read at once
_LINE = 1 << 15  # items of one point from which on it is read as a box

_WHAT = ("only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or "
         "boolean arrays are valid indices")  # fmt: skip


# ---- keys ----


class _Axis(NamedTuple):
    """What a key says of one axis, or, with axis None, of a new one."""

    axis: int | None
    part: range | None  # of a slice
    at: Items[np.int64] | None  # of an array, a mask or a whole number


class _Gap(NamedTuple):
    """An ellipsis that stands for no axis still parts arrays."""


def _entry(k: Any) -> Any:
    """An entry of a key as None, Ellipsis, slice, int, or an array of integers or bools."""
    if k is None or k is Ellipsis or isinstance(k, slice):
        return k
    if isinstance(k, (bool, np.bool_)):
        return np.asarray(k)
    if not isinstance(k, np.ndarray):
        try:
            return operator.index(k)
        except TypeError:
            pass
    a = np.asarray(k)
    if a.size == 0 and not hasattr(k, "dtype"):
        a = a.astype(np.int64)
    if a.dtype.kind not in "iub":
        if isinstance(k, (str, bytes, float, complex)) or not hasattr(k, "dtype"):
            raise IndexError(_WHAT)
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return int(a) if a.ndim == 0 and a.dtype.kind != "b" else a


def _width(k: Any) -> int:
    """How many axes an entry is of."""
    if k is None:
        return 0
    return k.ndim if isinstance(k, np.ndarray) and k.dtype.kind == "b" else 1


def _inside(index: Any, axis: int, n: int) -> Items[np.int64]:
    """Indices from 0 on, as int64."""
    i = np.asarray(index, dtype=np.int64)
    wrong = (i < -n) | (i >= n)
    if wrong.any():
        raise IndexError(f"index {i[wrong].flat[0]} is out of bounds for axis {axis} with size {n}")
    negative = i < 0
    return np.where(negative, i + n, i) if negative.any() else i


def _mask(mask: np.ndarray[Any, Any], axis: int, shape: tuple[int, ...]) -> list[_Axis]:
    for d, n in enumerate(mask.shape):
        if n not in (0, shape[axis + d]):  # NumPy lets sides of nothing pass
            raise IndexError(f"boolean index did not match indexed array along axis {axis + d}; "
                             f"size of axis is {shape[axis + d]} but size of corresponding "
                             f"boolean axis is {n}")  # fmt: skip
    if mask.ndim == 0:
        return [_Axis(None, None, np.zeros(int(mask), np.int64))]
    # of one dimension NumPy passes over long runs of False at once
    found = np.unravel_index(np.flatnonzero(mask), mask.shape) if mask.ndim > 1 else mask.nonzero()
    return [_Axis(axis + d, None, np.asarray(i, np.int64)) for d, i in enumerate(found)]


def _parse(key: Any, shape: tuple[int, ...]) -> list[_Axis | _Gap]:
    """What a key says, in its order, of all axes."""
    keys = [_entry(k) for k in (key if isinstance(key, tuple) else (key,))]
    dots = sum(k is Ellipsis for k in keys)
    if dots > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not dots:
        keys.append(Ellipsis)
    given = sum(_width(k) for k in keys if k is not Ellipsis)
    if given > len(shape):
        raise IndexError(f"too many indices for array: array is {len(shape)}-dimensional, but "
                         f"{given} were indexed")  # fmt: skip
    out: list[_Axis | _Gap] = []
    d = 0
    for k in keys:
        if k is None:
            out.append(_Axis(None, range(1), None))
        elif k is Ellipsis:
            out.append(_Gap())
            for axis in range(d, d + len(shape) - given):
                out.append(_Axis(axis, range(shape[axis]), None))
            d += len(shape) - given
        elif isinstance(k, slice):
            out.append(_Axis(d, range(*k.indices(shape[d])), None))
        elif isinstance(k, np.ndarray) and k.dtype.kind == "b":
            out += _mask(k, d, shape)
        else:  # its bounds are looked at later: not when nothing is selected
            out.append(_Axis(d, None, np.asarray(k, np.int64)))
        d += 0 if k is Ellipsis else _width(k)
    return out


def _numpy_says(key: Any, shape: tuple[int, ...], error: Exception) -> NoReturn:
    """Raises what NumPy raises for a key, else the error that was found."""
    nothing = np.broadcast_to(np.zeros((), np.bool_), shape)
    nothing[key]
    raise error


# ---- selections ----


class _Selection:
    """A NumPy key of an array of some shape.

    The result has the axes that arrays are broadcast to, `points`, and one for each slice and each
    new axis, `plain`; the former stand together before plain axis `at`.
    """

    def __init__(self, key: Any, shape: tuple[int, ...]) -> None:
        entries = _parse(key, shape)
        axes = [e for e in entries if isinstance(e, _Axis)]
        arrays = [e.at for e in axes if e.at is not None]
        self.points = np.broadcast_shapes(*(i.shape for i in arrays))
        self.plain = [e for e in axes if e.at is None]
        self.at = self._place(entries)
        plain = tuple(len(e.part or ()) for e in self.plain)
        self.shape = plain[: self.at] + self.points + plain[self.at :]
        self.size = math.prod(self.shape)
        self.parts: list[range | None] = [None] * len(shape)
        self.index: dict[int, Items[np.int64]] = {}
        for e in axes:
            if e.axis is not None and e.at is None:
                self.parts[e.axis] = e.part
            elif e.axis is not None and e.at is not None:
                looked_at = math.prod(self.points) or not e.at.ndim
                i = _inside(e.at, e.axis, shape[e.axis]) if looked_at else e.at
                self.index[e.axis] = i

    @staticmethod
    def _place(entries: list[_Axis | _Gap]) -> int:
        """Plain axes before the arrays': none when something parts these."""
        before, seen, parted = 0, False, False
        for e in entries:
            if isinstance(e, _Axis) and e.at is not None:
                if parted:
                    return 0
                seen = True
            elif seen:
                parted = True
            elif isinstance(e, _Axis):
                before += 1
        return before

    # ---- cross ----

    def _varies(self, axis: int) -> list[int]:
        """The points' axes that an axis's array varies along."""
        i = self.index[axis]
        first = len(self.points) - i.ndim
        return [first + k for k in range(i.ndim) if i.shape[k] != 1]

    @property
    def is_cross(self) -> bool:
        """Whether no two arrays vary along the same axis."""
        used = [k for axis in self.index for k in self._varies(axis)]
        return len(used) == len({*used}) and all(
            n == 1 or k in used for k, n in enumerate(self.points)
        )

    def cross(self) -> list[range | Items[np.int64]]:
        """The indices along each axis."""
        return [
            part if part is not None else np.ascontiguousarray(self.index[d].reshape(-1))
            for d, part in enumerate(self.parts)
        ]

    def _labels(self) -> tuple[list[int], list[int]]:
        """Of a cross: the result axes in its order, and how many each array axis became."""
        nplain = [e.axis for e in self.plain]
        labels, widths = [], []
        for d, part in enumerate(self.parts):
            mine = [self.at + k for k in self._varies(d)] if part is None else []
            if part is not None:
                k = nplain.index(d)
                mine = [k if k < self.at else k + len(self.points)]
            labels += mine
            widths.append(len(mine))
        return labels, widths

    def from_cross(self, items: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The result, of what a cross gave."""
        labels, _ = self._labels()
        items = items.reshape([self.shape[k] for k in labels])
        return items.transpose(np.argsort(labels)).reshape(self.shape)

    def to_cross(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Values of the result's shape as a cross takes them."""
        labels, widths = self._labels()
        ones = tuple(k for k in range(len(self.shape)) if k not in labels)
        rank = np.argsort(np.argsort(labels))
        values = values.squeeze(ones).transpose(rank)
        shape, k = [], 0
        for w in widths:
            shape.append(math.prod(values.shape[k : k + w]))
            k += w
        return values.reshape(shape)

    # ---- boxes ----

    def box(self) -> list[range | Items[np.int64]]:
        """The box around the points, and the slices."""
        return [
            part
            if part is not None
            else range(int(self.index[d].min()), int(self.index[d].max()) + 1)
            for d, part in enumerate(self.parts)
        ]

    @property
    def is_dense(self) -> bool:
        """Whether the box around the points is not much larger than they are many."""
        return math.prod(len(r) for r in self.box()) <= _DENSE * self.size

    def in_box(self) -> tuple[Any, ...]:
        """The points in their box, a key of which the result's points come first."""
        key = [
            slice(None) if part is not None else self.index[d] - self.index[d].min()
            for d, part in enumerate(self.parts)
        ]
        return tuple(key)

    # ---- points ----

    def points_first(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """A view of the result: all points as one axis, then the axes of slices."""
        k = len(self.points)
        values = np.moveaxis(values, range(self.at, self.at + k), range(k))
        lines = [len(part) for part in self.parts if part is not None]
        return values.reshape([math.prod(self.points), *lines])

    def from_points(self, items: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The result, of what `points_first` would make of it."""
        k = len(self.points)
        plain = self.shape[: self.at] + self.shape[self.at + k :]
        items = items.reshape(self.points + plain)
        return np.moveaxis(items, range(k), range(self.at, self.at + k))

    def groups(self) -> Iterator[tuple[slice, Items[np.int64]]]:
        """Points in groups: which ones, and the coordinates of their items, in C order."""
        flat = {d: np.broadcast_to(i, self.points).reshape(-1) for d, i in self.index.items()}
        lines = np.indices([len(p) for p in self.parts if p is not None], dtype=np.int64)
        lines = lines.reshape(len(lines), self.line)
        n, line = math.prod(self.points), lines.shape[1]
        step = max(_GROUP // max(line, 1), 1)
        for lo in range(0, n, step):
            hi = min(lo + step, n)
            coords = np.empty((hi - lo, line, len(self.parts)), np.int64)
            k = 0
            for d, part in enumerate(self.parts):
                if part is None:
                    coords[:, :, d] = flat[d][lo:hi, np.newaxis]
                else:
                    coords[:, :, d] = part.start + part.step * lines[k]
                    k += 1
            yield slice(lo, hi), coords.reshape(-1, len(self.parts))

    @property
    def line(self) -> int:
        """Items of each point."""
        return self.size // max(math.prod(self.points), 1)

    def lines(self) -> Iterator[tuple[int, list[range | Items[np.int64]]]]:
        """Points one by one, each as a box."""
        flat = {d: np.broadcast_to(i, self.points).reshape(-1) for d, i in self.index.items()}
        for k in range(math.prod(self.points)):
            at = {d: int(i[k]) for d, i in flat.items()}
            yield k, [part or range(at[d], at[d] + 1) for d, part in enumerate(self.parts)]


def _select_key(key: Any, shape: tuple[int, ...]) -> _Selection:
    try:
        return _Selection(key, shape)
    except (IndexError, ValueError) as error:
        _numpy_says(key, shape, error)


# ---- the array below ----


class _Target:
    """The array whose items are read and written; a view's axes are mapped to its own."""

    def __init__(self, array: NDArray) -> None:
        self.axes: tuple[int | None, ...] = getattr(array, "_axes", tuple(range(array.ndim)))
        base: Any = getattr(array, "_base", array)
        self.array: NDArray = base
        self.ndim = array.ndim
        self.item = _plain(array.dtype)

    def _of_base(self, axes: list[Any], items: np.ndarray[Any, Any]) -> tuple[Any, Any]:
        """The base's axes and items of them; of an axis that it does not have, the last item."""
        mine = [range(1) if at is None else axes[at] for at in self.axes]
        new = [d for d in range(self.ndim) if d not in self.axes]
        items = items[tuple(slice(-1, None) if d in new else slice(None) for d in range(self.ndim))]
        order = [at for at in self.axes if at is not None] + new
        items = items.transpose(order)
        shape = [1 if at is None else len(axes[at]) for at in self.axes]
        return mine, items.reshape(shape)

    def read(self, axes: list[Any]) -> np.ndarray[Any, Any]:
        """The items where axes meet."""
        out = np.empty([len(x) for x in axes], self.item)
        if not out.size or not self.item.itemsize:
            return out
        if self.axes == tuple(range(self.ndim)):
            _select.read_cross(self.array, axes, out)
            return out
        mine, one = self._of_base(axes, out)
        into = np.empty(one.shape, self.item)
        _select.read_cross(self.array, mine, into)
        kept = [d for d in range(self.ndim) if d in self.axes]
        shape = [len(axes[d]) if d in kept else 1 for d in range(self.ndim)]
        out[...] = into.reshape(shape)
        return out

    def write(self, axes: list[Any], items: np.ndarray[Any, Any]) -> None:
        """items to where axes meet."""
        if not items.size or not self.item.itemsize:
            return
        if self.axes != tuple(range(self.ndim)):
            axes, items = self._of_base(axes, items)
        _select.write_cross(self.array, axes, items)

    def coords(self, coords: Items[np.int64]) -> Items[np.int64]:
        """The base's coordinates."""
        if self.axes == tuple(range(self.ndim)):
            return coords
        out = np.zeros((len(coords), len(self.axes)), np.int64)
        for d, at in enumerate(self.axes):
            if at is not None:
                out[:, d] = coords[:, at]
        return out

    def read_points(self, coords: Items[np.int64], out: np.ndarray[Any, Any]) -> None:
        """The items at coords to out."""
        if self.item.itemsize:
            _select.read_points(self.array, self.coords(coords), out)

    def write_points(self, coords: Items[np.int64], items: np.ndarray[Any, Any]) -> None:
        """items to coords."""
        if self.item.itemsize:
            _select.write_points(self.array, self.coords(coords), items)


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A dtype whose arrays have no axes of their own."""
    return np.dtype((np.void, dtype.itemsize)) if dtype.subdtype else dtype


def _finish(items: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Items of _plain(dtype) as those of dtype."""
    if not dtype.subdtype:
        return items
    item, inner = dtype.subdtype
    return np.ndarray(items.shape + inner, item, np.ascontiguousarray(items).data)


def _values(value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A value cast and broadcast to items of _plain(dtype)."""
    item, inner = dtype.subdtype or (dtype, ())
    v = np.asarray(value, dtype=item)
    given, want = v.shape, shape + inner
    while v.ndim > len(want) and v.shape[0] == 1:
        v = v[0]
    try:
        v = np.broadcast_to(v, want)
    except ValueError:
        text = f"shape mismatch: value array of shape {_text(given)} could not be broadcast to "
        raise ValueError(f"{text}indexing result of shape {_text(want)}") from None
    if dtype.subdtype:
        v = np.ndarray(shape, _plain(dtype), np.ascontiguousarray(v).data)
    return v


def _text(shape: tuple[int, ...]) -> str:
    return str(shape).replace(" ", "")


# ---- the keys of NumPy ----


def _whole_mask(array: NDArray, key: Any) -> np.ndarray[Any, Any] | None:
    """The mask, when the key is one of the array's shape that is mostly true."""
    if isinstance(key, tuple) and len(key) == 1:
        key = key[0]
    if not isinstance(key, np.ndarray) or key.dtype.kind != "b" or key.shape != array.shape:
        return None
    return key if key.ndim and np.count_nonzero(key) * _DENSE >= key.size else None


def get(array: NDArray, key: Any) -> np.ndarray[Any, Any]:
    """The items of a key, as NumPy gives them.

    Parameters
    ----------
    array : NDArray
    key
        Whatever NumPy takes.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    IndexError
        As NumPy raises it.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.asarray(np.arange(12).reshape(3, 4))
    >>> get(a, ([0, 2], [1, 3]))
    array([ 1, 11])
    """
    to = _Target(array)
    mask = _whole_mask(array, key)
    if mask is not None:
        items = to.read([range(n) for n in array.shape])
        return _finish(items[mask], array.dtype)
    s = _select_key(key, array.shape)
    if not s.size:
        return _finish(np.empty(s.shape, to.item), array.dtype)
    if s.is_cross:
        return _finish(s.from_cross(to.read(s.cross())), array.dtype)
    if s.is_dense:
        items = to.read(s.box())
        at = [d for d, part in enumerate(s.parts) if part is not None]
        items = np.moveaxis(items, at, range(items.ndim - len(at), items.ndim))
        picked = items[tuple(k for k in s.in_box() if not isinstance(k, slice))]
        return _finish(s.from_points(picked), array.dtype)
    return _finish(s.from_points(_get_points(to, s)), array.dtype)


def _get_points(to: _Target, s: _Selection) -> np.ndarray[Any, Any]:
    out = np.empty((math.prod(s.points), s.line), to.item)
    if s.line >= _LINE:
        for k, box in s.lines():
            out[k] = to.read(box).reshape(-1)
    else:
        for points, coords in s.groups():
            to.read_points(coords, out[points].reshape(-1))
    return out


def set(array: NDArray, key: Any, value: Any) -> None:
    """Writes value to the items of a key, cast and broadcast as NumPy does.

    Parameters
    ----------
    array : NDArray
    key
        Whatever NumPy takes.  Where it names an item more than once, the last value stays.
    value : array_like

    Raises
    ------
    IndexError, ValueError
        As NumPy raises them.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((2, 3), dtype="i4")
    >>> set(a, ([0, 1], [1, 2]), [7, 8])
    >>> a[:]
    array([[0, 7, 0],
           [0, 0, 8]], dtype=int32)
    """
    to = _Target(array)
    mask = _whole_mask(array, key)
    if mask is not None:
        _set_mask(to, mask, value, array.dtype)
        return
    s = _select_key(key, array.shape)
    values = _values(value, s.shape, array.dtype)
    if not s.size:
        return
    if s.is_cross:
        to.write(s.cross(), s.to_cross(values))
        return
    values = s.points_first(values)
    if s.is_dense:
        _set_in_box(to, s, values)
    elif s.line >= _LINE:
        for k, box in s.lines():
            to.write(box, values[k].reshape([len(r) for r in box]))
    else:
        for points, coords in s.groups():
            to.write_points(coords, _flat(values[points]))


def _flat(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """All values one after the other; one that is repeated is not copied."""
    if all(st == 0 or n == 1 for st, n in zip(values.strides, values.shape, strict=True)):
        return np.broadcast_to(values.reshape(-1)[:1], values.size)
    return values.reshape(-1)


def _set_mask(to: _Target, mask: np.ndarray[Any, Any], value: Any, dtype: np.dtype[Any]) -> None:
    values = _values(value, (int(np.count_nonzero(mask)),), dtype)
    axes = [range(n) for n in mask.shape]
    items = to.read(axes)
    items[mask] = values
    to.write(axes, items)


def _set_in_box(to: _Target, s: _Selection, values: np.ndarray[Any, Any]) -> None:
    """values: points first, then the axes of slices."""
    box = s.box()
    items = to.read(box)
    at = [d for d, part in enumerate(s.parts) if part is not None]
    view = np.moveaxis(items, at, range(items.ndim - len(at), items.ndim))
    key = tuple(k for k in s.in_box() if not isinstance(k, slice))
    view[key] = values.reshape(s.points + values.shape[1:])
    to.write(box, items)


def steady(array: NDArray, read: Callable[[], Items[Any]]) -> Items[Any]:
    """What read gives, which is done anew where another thread changed the shape beneath it."""
    while True:
        seen = array._seen()
        try:
            return read()
        except (IndexError, ValueError):
            if not array._has_moved(seen):
                raise


# ---- orthogonal keys ----


class OIndex:
    """Orthogonal selections: ``array.oindex[rows, cols]`` is where the rows meet the columns.

    For each axis a whole number, a slice, a list of indices or a mask of the axis; an ellipsis and
    axes at the end may be left out.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.asarray(np.arange(12).reshape(3, 4))
    >>> OIndex(a)[[0, 2], [1, 3]]
    array([[ 1,  3],
           [ 9, 11]])
    """

    def __init__(self, array: NDArray) -> None:
        self._array = array

    def _axes(self, key: Any) -> tuple[list[range | Items[np.int64]], tuple[int, ...]]:
        """Indices of each axis, and the axes of whole numbers, which go."""
        shape = self._array.shape
        axes: list[range | Items[np.int64]] = []
        gone = []
        for k in map(_entry, key if isinstance(key, tuple) else (key,)):
            if k is None or (isinstance(k, np.ndarray) and k.ndim != 1):
                raise IndexError("oindex: for each axis a whole number, a slice, a list of indices "
                                 "or a mask of the axis")  # fmt: skip
        for e in _parse(key, shape):
            if isinstance(e, _Gap) or e.axis is None:
                continue
            if e.part is not None:
                axes.append(e.part)
            elif e.at is not None:
                i = _inside(e.at, e.axis, shape[e.axis])
                axes.append(np.ascontiguousarray(i.reshape(-1)))
                if i.ndim == 0:
                    gone.append(e.axis)
        return axes, tuple(gone)

    def __getitem__(self, key: Any) -> np.ndarray[Any, Any]:
        return steady(self._array, lambda: self._get(key))

    def _get(self, key: Any) -> np.ndarray[Any, Any]:
        axes, gone = self._axes(key)
        items = _Target(self._array).read(axes)
        return _finish(items.squeeze(gone), self._array.dtype)

    def __setitem__(self, key: Any, value: Any) -> None:
        axes, gone = self._axes(key)
        shape = tuple(len(x) for d, x in enumerate(axes) if d not in gone)
        values = _values(value, shape, self._array.dtype)
        _Target(self._array).write(axes, np.expand_dims(values, gone))
