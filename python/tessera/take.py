# SPDX-License-Identifier: BSD-3-Clause
"""Items taken by number along an axis, as new arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tessera.create import asarray
from tessera.ndarray import NDArray


def _indices(indices: Any, n: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Whole numbers below n, from 0 on."""
    numbers = np.asarray(indices)
    if numbers.size == 0:
        numbers = numbers.astype(np.int64)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, found {numbers.dtype}")
    wrong = (numbers < -n) | (numbers >= n)
    if wrong.any():
        first = numbers[wrong].flat[0]
        raise IndexError(f"index {first} is out of bounds for an axis of size {n}")
    return np.where(numbers < 0, numbers + n, numbers)


def take(x: NDArray, indices: Any, axis: int | None = None) -> NDArray:
    """The items with the given numbers along an axis.

    Parameters
    ----------
    x : NDArray
    indices : array of integers
        Of any shape, which takes the axis's place in the result; negative ones count from the
        end.
    axis : int, optional
        Default: the items in C order are numbered.

    Returns
    -------
    NDArray
        In memory, of x's dtype.

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
    >>> a = tessera.arange(12, shape=(3, 4))
    >>> tessera.take(a, [3, 0], axis=1)[:]
    array([[ 3,  0],
           [ 7,  4],
           [11,  8]])
    >>> tessera.take(a, [[0, -1]])[:]
    array([[ 0, 11]])
    """
    if axis is None:
        numbers = _indices(indices, int(np.prod(x.shape)))
        return asarray(x[np.unravel_index(numbers, x.shape)])
    axis = normalize_axis_index(axis, x.ndim)
    return asarray(x[(slice(None),) * axis + (_indices(indices, x.shape[axis]),)])


def take_along_axis(x: NDArray, indices: Any, axis: int = -1) -> NDArray:
    """For each place of `indices` the item with that number along an axis.

    Parameters
    ----------
    x : NDArray
    indices : array of integers
        Of x's shape but for the axis, or one that broadcasts to it.
    axis : int

    Returns
    -------
    NDArray
        In memory, of the indices' shape and x's dtype.

    Raises
    ------
    TypeError, IndexError, ValueError
        As `take`; ValueError also for indices of another number of dimensions.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.arange(6, shape=(2, 3))
    >>> tessera.take_along_axis(a, [[2, 0], [1, 1]], axis=1)[:]
    array([[2, 0],
           [4, 4]])
    """
    axis = normalize_axis_index(axis, x.ndim)
    numbers = _indices(indices, x.shape[axis])
    if numbers.ndim != x.ndim:
        raise ValueError(f"indices of {numbers.ndim} dimensions for an array of {x.ndim}")
    others: list[Any] = []
    for d, n in enumerate(x.shape):
        place = [1] * x.ndim
        place[d] = -1
        others.append(numbers if d == axis else np.arange(n).reshape(place))
    return asarray(x[tuple(np.broadcast_arrays(*others))])
