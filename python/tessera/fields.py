# SPDX-License-Identifier: BSD-3-Clause
"""One field of an array of structures, read and written as if it were an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tessera.ndarray import NDArray


class NDField:
    """A view of one field: ``array["name"]``.

    Parameters
    ----------
    array : NDArray
        Of a structured dtype.
    name : str

    Raises
    ------
    KeyError
        There is no such field.
    TypeError
        The array's items have no fields.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros(3, dtype=[("x", "i4"), ("y", "f4")])
    >>> tessera.NDField(a, "x")[1:] = 5
    >>> a["x"][:]
    array([0, 5, 5], dtype=int32)
    """

    def __init__(self, array: NDArray, name: str) -> None:
        if array.dtype.fields is None:
            raise TypeError(f"items of {array.dtype} have no fields")
        if name not in array.dtype.fields:
            raise KeyError(name)
        self.ndarr = array
        self.field = name
        self.dtype: np.dtype = array.dtype.fields[name][0]

    shape = property(lambda self: self.ndarr.shape, doc="Of the array.")
    chunks = property(lambda self: self.ndarr.chunks, doc="Of the array.")
    blocks = property(lambda self: self.ndarr.blocks, doc="Of the array.")
    ndim = property(lambda self: self.ndarr.ndim, doc="Of the array.")

    def __getitem__(self, key: Any) -> np.ndarray:
        items: np.ndarray[Any, Any] = self.ndarr[key][self.field]
        return items.copy()

    def __setitem__(self, key: Any, value: Any) -> None:
        items = self.ndarr[key]
        items[self.field] = value
        self.ndarr[key] = items

    def __len__(self) -> int:
        return len(self.ndarr)

    def __iter__(self) -> Iterator[Any]:
        return (row[self.field] for row in self.ndarr)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the field is compressed: its items cannot be had without a copy")
        out = self[...]
        return out if dtype is None else out.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<NDField {self.field!r} of {self.ndarr!r}>"
