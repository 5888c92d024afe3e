# SPDX-License-Identifier: BSD-3-Clause
"""Sums, extremes, moments of arrays, as NumPy has them, without the array in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import DTypeLike

from tessera._engine import UnsupportedError
from tessera._reduce import reduce_axes

if TYPE_CHECKING:
    from tessera._array import Array

Axis: TypeAlias = int | Sequence[int] | None


def _reduced(axis: Axis, ndim: int) -> list[bool]:
    """Which axes an `axis` argument means."""
    if axis is None:
        return [True] * ndim
    gone = normalize_axis_tuple(axis, ndim)
    return [d in gone for d in range(ndim)]


def _through(how: str, have: np.dtype, want: np.dtype) -> tuple[str, bool]:
    """The reduction, and whether a wide one, of which a result of dtype `want` can be made."""
    if want.kind == "b" and how in ("sum", "prod"):
        return ("any" if how == "sum" else "all"), False
    if want.kind in "fc" and (want.kind == "c" or have.kind != "c" or how in ("std", "var")):
        return how, True
    if want.kind in "iu" and have.kind in "biu" and how in ("sum", "prod"):
        return how, False  # modulo 2^64, of which the rest modulo any smaller power remains
    raise TypeError(f"{how} of {have} items as {want}: convert the items first")


def _handed_out(result: np.ndarray, out: np.ndarray | None) -> Any:
    if out is None:
        return result[()]
    if out.shape != result.shape:
        raise ValueError(f"out has shape {out.shape}, the result {result.shape}")
    np.copyto(out, result, casting="same_kind")
    return out


class Reductions:
    """What arrays say of all their items, or of those along axes.

    The methods take NumPy's arguments and give NumPy's results: a scalar, or an array where axes
    stay.  Blocks are reduced where they are decoded, on all threads, so memory is needed for the
    result only; chunks of one value are not expanded, and those that the index knows to be zeros
    not even visited.  Floats are added up in double precision, and the result does not depend on
    the number of threads.

    All of them raise TypeError for dtypes that have no such reduction here (strings, structured
    ones; sums of times; extremes of complex numbers), and ValueError or
    `numpy.exceptions.AxisError` for axes that are not there or there twice.
    """

    __slots__ = ()

    dtype: np.dtype

    def _reduce(self: Any, how: str, axes: Sequence[bool], ddof: float, wide: bool) -> np.ndarray:
        array: Array = self
        return reduce_axes(array, how, axes, ddof, wide)

    def _reduction(
        self: Any,
        how: str,
        axis: Axis,
        keepdims: bool,
        out: np.ndarray | None,
        dtype: DTypeLike | None = None,
        ddof: float = 0,
    ) -> Any:
        axes, wide = _reduced(axis, self.ndim), False
        gone = [n for n, g in zip(self.shape, axes, strict=True) if g]
        if how in ("min", "max") and 0 in gone:
            raise ValueError(f"{how} of no items: an axis of {self.shape} has none")
        want = None if dtype is None else np.dtype(dtype)
        if want is not None:
            how, wide = _through(how, self.dtype, want)
        try:
            result = self._reduce(how, axes, ddof, wide)
        except UnsupportedError as e:
            raise TypeError(f"no {how} of {self.dtype} items: {e}") from None
        if want is not None:
            result = result.astype(want, copy=False)
        if keepdims:
            result = np.expand_dims(result, [d for d, gone in enumerate(axes) if gone])
        return _handed_out(result, out)

    def sum(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: np.ndarray | None = None,
        keepdims: bool = False,
    ) -> Any:
        """The sum of the items.

        Parameters
        ----------
        axis : int or tuple of int, optional
            Axes to sum over, negative ones from the end; default: all.
        dtype : dtype, optional
            Of the result; default: int64 of booleans and signed integers, uint64 of unsigned ones
            (both wrap around), the array's of floats and complex numbers.
        out : numpy.ndarray, optional
            Where to put the result, of its shape.
        keepdims : bool, optional
            Axes that are summed over stay, with length one.

        Returns
        -------
        numpy scalar or numpy.ndarray

        Examples
        --------
        >>> import numpy as np, tessera
        >>> a = tessera.asarray(np.arange(12, dtype="u1").reshape(3, 4))
        >>> int(a.sum())
        66
        >>> a.sum(axis=0)
        array([12, 15, 18, 21], dtype=uint64)
        >>> a.sum(axis=-1, keepdims=True, dtype="f4")
        array([[ 6.],
               [22.],
               [38.]], dtype=float32)
        """
        return self._reduction("sum", axis, keepdims, out, dtype)

    def prod(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: np.ndarray | None = None,
        keepdims: bool = False,
    ) -> Any:
        """The product of the items; arguments and dtypes as `sum`.

        Examples
        --------
        >>> import tessera
        >>> int(tessera.full((3,), 4).prod())
        64
        """
        return self._reduction("prod", axis, keepdims, out, dtype)

    def mean(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: np.ndarray | None = None,
        keepdims: bool = False,
    ) -> Any:
        """The mean of the items; arguments as `sum`.

        The dtype is float64 of booleans and integers, the array's of others.  NaN of no items.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> tessera.asarray(np.arange(12).reshape(3, 4)).mean(axis=1)
        array([1.5, 5.5, 9.5])
        """
        return self._reduction("mean", axis, keepdims, out, dtype)

    def std(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: np.ndarray | None = None,
        ddof: float = 0,
        keepdims: bool = False,
    ) -> Any:
        """The standard deviation, the root of `var`.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> float(tessera.asarray(np.array([1.0, 3.0])).std())
        1.0
        """
        return self._reduction("std", axis, keepdims, out, dtype, ddof)

    def var(
        self,
        axis: Axis = None,
        dtype: DTypeLike | None = None,
        out: np.ndarray | None = None,
        ddof: float = 0,
        keepdims: bool = False,
    ) -> Any:
        """The variance: the mean of the squared distances from the mean; arguments as `sum`.

        The dtype is as that of `mean`, of complex numbers that of their parts.

        Parameters
        ----------
        ddof : float, optional
            The squares are divided by the number of items less this.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> float(tessera.asarray(np.array([1.0, 3.0])).var(ddof=1))
        2.0
        """
        return self._reduction("var", axis, keepdims, out, dtype, ddof)

    def min(self, axis: Axis = None, out: np.ndarray | None = None, keepdims: bool = False) -> Any:
        """The smallest item, NaN and NaT if there is one; of times too.  Arguments as `sum`.

        Raises
        ------
        ValueError
            There are no items.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> float(tessera.asarray(np.array([2.5, -1.0])).min())
        -1.0
        """
        return self._reduction("min", axis, keepdims, out)

    def max(self, axis: Axis = None, out: np.ndarray | None = None, keepdims: bool = False) -> Any:
        """The largest item; see `min`.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.zeros((1_000_000, 1_000_000), dtype="f8")
        >>> a[77, 777_777] = 1
        >>> float(a.max())
        1.0
        """
        return self._reduction("max", axis, keepdims, out)

    def any(self, axis: Axis = None, out: np.ndarray | None = None, keepdims: bool = False) -> Any:
        """Whether some item is not zero; NaN is not.  Arguments as `sum`.

        Examples
        --------
        >>> import tessera
        >>> bool(tessera.zeros((5, 5)).any())
        False
        """
        return self._reduction("any", axis, keepdims, out)

    def all(self, axis: Axis = None, out: np.ndarray | None = None, keepdims: bool = False) -> Any:
        """Whether no item is zero.  Arguments as `sum`.

        Examples
        --------
        >>> import tessera
        >>> tessera.ones((2, 3)).all(axis=0)
        array([ True,  True,  True])
        """
        return self._reduction("all", axis, keepdims, out)
