# SPDX-License-Identifier: BSD-3-Clause
"""Functions in Python that items pass through on their way into a super-chunk or out of it.

A super-chunk with such a function becomes a `Filtered`, whose reads and writes go through it; one
without pays nothing for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:
    from tessera.schunk import SChunk

Function: TypeAlias = Callable[[np.ndarray, np.ndarray, int], None]
Decorator: TypeAlias = Callable[[Function], Function]


@dataclass
class Pass:
    """One function, and what it takes and gives."""

    function: Function
    into: np.dtype
    out_of: np.dtype

    def __call__(self, data: Any, offset: int) -> bytes:
        """The items of a buffer, of which the first has number offset, after the function."""
        items = np.frombuffer(data, dtype=self.into)
        out = np.empty(items.size, dtype=self.out_of)
        self.function(items, out, offset)
        return out.tobytes()


def _pass(function: Function, into: DTypeLike, out_of: DTypeLike | None) -> Pass:
    dtype = np.dtype(into)
    return Pass(function, dtype, dtype if out_of is None else np.dtype(out_of))


class Callbacks:
    """What super-chunks offer of them."""

    _post: Pass | None = None
    _pre: Pass | None = None

    def postfilter(
        self, input_dtype: DTypeLike, output_dtype: DTypeLike | None = None
    ) -> Decorator:
        """A decorator: from now on items are read through the function.

        The function takes `input`, `output` (arrays of the two dtypes and the same length) and
        `offset`, the number of the first item, and fills `output`; it is called for each stretch
        of items that is read.

        Parameters
        ----------
        input_dtype : dtype
            Of typesize bytes: what is stored.
        output_dtype : dtype, optional
            Of as many bytes: what is read.  Default: input_dtype.

        Raises
        ------
        ValueError
            The dtypes have another size than the items.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> s = tessera.SChunk(data=np.arange(5, dtype="i4"))
        >>> @s.postfilter("i4")
        ... def negative(input, output, offset):
        ...     output[:] = -input
        >>> np.frombuffer(s[2:4], "i4")
        array([-2, -3], dtype=int32)
        >>> s.remove_postfilter("negative")
        >>> np.frombuffer(s[2:4], "i4")
        array([2, 3], dtype=int32)
        """

        def decorate(function: Function) -> Function:
            self._post = self._checked(_pass(function, input_dtype, output_dtype))
            return function

        return decorate

    def prefilter(self, input_dtype: DTypeLike, output_dtype: DTypeLike | None = None) -> Decorator:
        """A decorator: from now on items are written through the function; see `postfilter`.

        Chunks that are compressed already do not pass through it.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> s = tessera.SChunk(chunksize=80, cparams={"typesize": 8})
        >>> @s.prefilter("f8", "i8")
        ... def rounded(input, output, offset):
        ...     output[:] = np.round(input)
        >>> s.append_data(np.array([1.2, 2.7]))
        1
        >>> np.frombuffer(s[:], "i8")
        array([1, 3])
        """

        def decorate(function: Function) -> Function:
            self._pre = self._checked(_pass(function, input_dtype, output_dtype))
            return function

        return decorate

    def filler(
        self, inputs_tuple: tuple[Any, ...], schunk_dtype: DTypeLike, nelem: int | None = None
    ) -> Decorator:
        """A decorator: fills an empty super-chunk by the function, chunk by chunk, at once.

        The function takes `inputs` (a tuple of arrays and numbers), `output` and `offset`.

        Parameters
        ----------
        inputs_tuple : tuple of (operand, dtype)
            Operands are arrays, super-chunks, or numbers, which are given to each call.
        schunk_dtype : dtype
            Of typesize bytes: what is stored.
        nelem : int, optional
            How many items.  Default: the length of the first operand that has one.

        Raises
        ------
        ValueError
            There are items already, or it is not known how many are wanted.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> s = tessera.SChunk(chunksize=16, cparams={"typesize": 4})
        >>> @s.filler(((np.arange(6), "i8"), (10, "i8")), "i4")
        ... def scaled(inputs, output, offset):
        ...     output[:] = inputs[0] * inputs[1]
        >>> np.frombuffer(s[:], "i4")
        array([ 0, 10, 20, 30, 40, 50], dtype=int32)
        """
        s: Any = self
        dtype = np.dtype(schunk_dtype)
        if len(s):
            raise ValueError(f"filler: there are {len(s)} items already")
        if dtype.itemsize != s.typesize:
            raise ValueError(f"filler: {dtype} has {dtype.itemsize} bytes, items {s.typesize}")
        n = nelem
        if n is None:
            n = next((len(x) for x, _ in inputs_tuple if hasattr(x, "__len__")), None)
        if n is None:
            raise ValueError("filler: no operand has a length, so nelem must be given")
        total = int(n)

        def decorate(function: Callable[..., None]) -> Callable[..., None]:
            for at in range(0, total, s.chunkshape):
                end = min(at + s.chunkshape, total)
                out = np.empty(end - at, dtype=dtype)
                function(tuple(_operand(x, dt, at, end) for x, dt in inputs_tuple), out, at)
                s.append_data(out)
            return function

        return decorate

    def remove_postfilter(self, func_name: str, _new_ctx: bool = True) -> None:
        """Items are read as they are stored again.

        Raises
        ------
        ValueError
            The postfilter, if there is one, has another name.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(data=b"abc")
        >>> @s.postfilter("u1")
        ... def upper(input, output, offset):
        ...     output[:] = input - 32
        >>> s[:]
        b'ABC'
        >>> s.remove_postfilter("upper")
        >>> s[:]
        b'abc'
        """
        _check_is(self._post, func_name)
        self._post = None

    def remove_prefilter(self, func_name: str, _new_ctx: bool = True) -> None:
        """Items are stored as they are given again; see `remove_postfilter`.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=3, cparams={"typesize": 1, "nthreads": 1})
        >>> @s.prefilter("u1")
        ... def upper(input, output, offset):
        ...     output[:] = input - 32
        >>> s.append_data(b"abc")
        1
        >>> s.remove_prefilter("upper")
        >>> s.append_data(b"abc")
        2
        >>> s[:]
        b'ABCabc'
        """
        _check_is(self._pre, func_name)
        self._pre = None

    def _checked(self, p: Pass) -> Pass:
        s: Any = self
        stored = {p.out_of.itemsize, p.into.itemsize}
        if stored != {s.typesize} or not s.chunksize:
            raise ValueError(
                f"{p.into} and {p.out_of} must be items of {s.typesize} bytes, chunks of one size"
            )
        s.__class__ = _filtered()
        return p


def _check_is(p: Pass | None, name: str) -> None:
    if p is None or p.function.__name__ != name:
        raise ValueError(f"there is no function {name!r} to remove")


def _operand(x: Any, dtype: DTypeLike, start: int, stop: int) -> Any:
    if isinstance(x, Callbacks):
        items: Any = x
        return np.frombuffer(items[start:stop], dtype=dtype)
    if hasattr(x, "__len__"):
        return np.asarray(x[start:stop], dtype=dtype)
    return np.dtype(dtype).type(x)


def _filtered() -> type[SChunk]:
    """The class of super-chunks with such functions, made when the first one is wanted."""
    from tessera import filtered

    return filtered.Filtered
