# SPDX-License-Identifier: BSD-3-Clause
"""Arrays among NumPy, dask, pickle and others: operators, protocols, other processes.

Arithmetic and NumPy's functions decode what they need and give NumPy arrays.  Reductions that the
array has itself (`sum`, `mean`, `min` ...) stay with it, and work block by block.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

Items: TypeAlias = np.ndarray[Any, Any]

if TYPE_CHECKING:
    from tessera.ndarray import NDArray

# Functions of NumPy for which shape and dtype are enough, and those that arrays do themselves.
_FACTS = {"shape", "ndim", "size", "result_type", "can_cast", "iscomplexobj", "isrealobj",
          "common_type", "min_scalar_type", "zeros_like", "ones_like", "empty_like", "full_like",
          "broadcast_shapes"}  # fmt: skip
_OWN = {"sum", "prod", "mean", "std", "var", "min", "max", "amin", "amax", "any", "all", "take",
        "take_along_axis"}  # fmt: skip
_OWN_KEYWORDS = {"axis", "dtype", "out", "ddof", "keepdims", "indices"}
_OWN_NAMES = {"amin": "min", "amax": "max"}


def _decoded(x: Any) -> Any:
    """x with arrays of ours, also in lists and tuples, as NumPy arrays."""
    if isinstance(x, Neighbours):
        return np.asarray(x)
    if type(x) in (list, tuple):
        return type(x)(_decoded(y) for y in x)
    return x


def _hollow(x: Any) -> Any:
    """x with arrays of ours as NumPy arrays of their shape and dtype that hold one item."""
    if isinstance(x, Neighbours):
        return np.broadcast_to(np.zeros((), x.dtype), x.shape)  # type: ignore[attr-defined]
    if type(x) in (list, tuple):
        return type(x)(_hollow(y) for y in x)
    return x


class Neighbours(np.lib.mixins.NDArrayOperatorsMixin):
    """What other packages ask of an array."""

    _map: Items | None = None  # the file, mapped; once it is, for as long as the object lives
    __hash__ = object.__hash__  # a handle is one thing, whatever it is equal to

    # ---- NumPy ----

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Items:
        """All items, decoded.

        Raises
        ------
        ValueError
            copy=False: decoding makes a copy.
        """
        if copy is False:
            raise ValueError("the array is compressed: its items cannot be had without a copy")
        out: Items = self[...]  # type: ignore[index]
        return out if dtype is None else out.astype(dtype, copy=False)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Of what lies in a file as it is (.npy), opened to read: NumPy maps the file."""
        if self._map is None:
            # NumPy keeps the owner of the interface alive, and the mapping must live as long.
            self._map = _mapped(self)  # type: ignore[arg-type]
        if self._map is None:
            raise AttributeError("only uncompressed files that are opened to read have one")
        interface: dict[str, Any] = self._map.__array_interface__
        return interface

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Results are NumPy arrays; `out` may be an array of ours, which is then written."""
        out = kwargs.pop("out", ())
        if not any(isinstance(x, Neighbours) for x in out):
            if out:
                kwargs["out"] = out
            return getattr(ufunc, method)(*_decoded(inputs), **kwargs)
        results = getattr(ufunc, method)(*_decoded(inputs), **kwargs)
        for x, y in zip(out, results if ufunc.nout > 1 else (results,), strict=True):
            if x is not None:
                if not np.can_cast(y.dtype, x.dtype, kwargs.get("casting", "same_kind")):
                    raise TypeError(f"{ufunc.__name__}: cannot cast the result, {y.dtype}, to "
                                    f"the output's {x.dtype}")  # fmt: skip
                x[...] = y
        return out[0] if ufunc.nout == 1 else out

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """NumPy's functions see decoded arrays; reductions go to the array's own methods."""
        name = func.__name__
        own = getattr(self, _OWN_NAMES.get(name, name), None) if name in _OWN else None
        if own is not None and args and args[0] is self and kwargs.keys() <= _OWN_KEYWORDS:
            return own(*args[1:], **kwargs)
        see = _hollow if name in _FACTS else _decoded
        return func(*see(args), **{k: see(v) for k, v in kwargs.items()})

    def astype(self, dtype: Any, **kwargs: Any) -> Items:
        """All items, decoded and cast: a NumPy array of the array's shape.

        Parameters
        ----------
        dtype : dtype
        **kwargs
            Of `numpy.ndarray.astype`: order, casting ...

        Raises
        ------
        TypeError
            There is no such dtype, or `casting` forbids it.

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(3).astype("f4")
        array([0., 1., 2.], dtype=float32)
        """
        return np.asarray(self[...]).astype(dtype, **kwargs)  # type: ignore[index]

    def item(self, *args: Any) -> Any:
        """One item as a Python object, as of NumPy arrays.

        Raises
        ------
        IndexError
            There is no such item.
        ValueError
            None is named, and there are several.

        Examples
        --------
        >>> import tessera
        >>> tessera.arange(6).item(4)
        4
        """
        if len(args) == self.ndim and self.ndim:  # type: ignore[attr-defined]
            return self[args].item()  # type: ignore[index]
        return np.asarray(self[...]).item(*args)  # type: ignore[index]

    def __bool__(self) -> bool:
        return bool(np.asarray(self)) if self.size < 2 else _many()  # type: ignore[attr-defined]

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.ndim or self.dtype.kind not in "iu":  # type: ignore[attr-defined]
            raise TypeError("only arrays of one whole number and no dimensions can be an index")
        return int(self.item())

    def __contains__(self, value: Any) -> bool:
        return bool((np.asarray(self) == value).any())

    # ---- DLPack ----

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # memory of the host

    def __dlpack__(self, *, copy: bool | None = None, **kwargs: Any) -> Any:
        """A decoded copy, for the other package to own.

        Raises
        ------
        BufferError
            copy=False: decoding makes a copy.
        """
        if copy is False:
            raise BufferError("the array is compressed: its items cannot be had without a copy")
        return self[...].__dlpack__(**kwargs)  # type: ignore[index]

    # ---- other processes ----

    def __reduce__(self) -> tuple[Any, ...]:
        """By path, to be opened for reading; those in memory as a frame, of Zarr as an archive.
        Options of a server go along, a secret key among them.

        Raises
        ------
        ValueError
            The handle is closed.
        """
        a: NDArray = self  # type: ignore[assignment]
        a._spec()  # refuses when it is closed
        if a.urlpath is None or (a._options or {}).get("mmap") == "c":
            if a.format.startswith("zarr"):
                return _from_archive, (type(a), _archive(a), a.format)
            return _from_frame, (type(a), a.to_cframe(), a.mode)
        if a.writable:
            a.flush()
        options = a._options if a._remote is None else {**(a._options or {}), "remote": a._remote}
        return _from_path, (type(a), absolute(a.urlpath), options)

    def __dask_tokenize__(self) -> Any:
        a: NDArray = self  # type: ignore[assignment]
        url = a.urlpath if a.urlpath and os.path.exists(a.urlpath) else None  # no URL or node
        if url is None or a.writable or a.format.startswith("zarr"):
            return object.__repr__(a), a._cbytes()
        st = os.stat(url)
        return type(a).__name__, absolute(url), st.st_mtime_ns, st.st_size, str(a._options)


def _many() -> bool:
    raise ValueError("The truth value of an array with more than one element is ambiguous. "
                     "Use a.any() or a.all()")  # fmt: skip


def absolute(url: str) -> str:
    """A path that means the same in every folder; URLs are as they are."""
    return url if "://" in url else os.path.abspath(url)


def _from_frame(kind: type[NDArray], frame: bytes, mode: str) -> NDArray:
    return kind._from_frame(frame)


def _archive(a: NDArray) -> bytes:
    """The bytes of a zip archive of an array of Zarr."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.zip")
        a.copy(urlpath=path, format=a.format).close()
        with open(path, "rb") as f:
            return f.read()


def _from_archive(kind: type[NDArray], archive: bytes, form: str) -> NDArray:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.zip")
        with open(path, "wb") as f:
            f.write(archive)
        with kind._open(path) as there:
            return there.copy(format=form)


def _from_path(kind: type[NDArray], url: str, options: dict[str, Any] | None) -> NDArray:
    mmap = {"mmap": "r"} if options and "mmap" in options else {}
    a = kind._open(url, mode="r", **{**(options or {}), **mmap})
    a._options = options
    return a


def _mapped(a: NDArray) -> Items | None:
    """The file of an uncompressed array, mapped; None for others."""
    if a.urlpath is None or a.writable or a.format != "npy" or not os.path.isfile(a.urlpath):
        return None
    if (a._options or {}).get("offset"):
        return None
    m = np.load(a.urlpath, mmap_mode="r")
    return m if m.shape == a.shape and m.dtype == a.dtype else None
