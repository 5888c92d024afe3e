# SPDX-License-Identifier: BSD-3-Clause
"""Arrays of NumPy, PyTorch and TensorFlow as frames, bytes that python-blosc2 reads and writes.

    frame      an ordinary super-chunk: items in C order, typesize the item's
    vlmeta     "__pack_tensor__" -> (kind, shape, dtype), a tuple: ("numpy", (2, 3), "<i2")

Of structured dtypes the dtype is NumPy's list of field tuples, gaps as fields without a name.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.format import descr_to_dtype, dtype_to_descr

from tessera._memory import empty_array
from tessera.meta import unpack_value
from tessera.opening import open as open_any
from tessera.opening import schunk_from_cframe
from tessera.params import CParams, DParams, filled
from tessera.schunk import SChunk

_ENTRY = "__pack_tensor__"


def _as_numpy(tensor: Any) -> tuple[str, np.ndarray]:
    """The kind of a tensor, and its items where they are."""
    if isinstance(tensor, np.ndarray):
        return "numpy", tensor
    kind = type(tensor).__module__.partition(".")[0]
    if kind == "torch":
        return kind, tensor.detach().cpu().numpy()
    if kind == "tensorflow":
        return kind, tensor.numpy()
    raise TypeError(f"expected an array of numpy, torch or tensorflow, found {type(tensor)}")


def pack_tensor(tensor: Any, chunksize: int | None = None, **kwargs: Any) -> bytes | int:
    """Compresses a tensor to a frame.

    Parameters
    ----------
    tensor : numpy.ndarray, torch.Tensor or tensorflow.Tensor
        Of any shape; no dtype of Python objects.
    chunksize : int, optional
        Bytes.  Default: all of the tensor, at most 2**28.
    **kwargs
        As of `SChunk`: urlpath, mode, contiguous, cparams ...

    Returns
    -------
    bytes or int
        The frame; with a urlpath the size of what was written, in bytes.

    Raises
    ------
    TypeError
        It is something else.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> frame = tessera.pack_tensor(np.arange(6).reshape(2, 3))
    >>> tessera.unpack_tensor(frame)
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    kind, array = _as_numpy(tensor)
    if array.dtype.hasobject:
        raise TypeError(f"dtype {array.dtype}: Python objects cannot be packed")
    items = np.ascontiguousarray(array)
    itemsize = max(items.itemsize, 1)
    cparams = filled(CParams, kwargs.pop("cparams", None), typesize=itemsize)
    cparams.typesize = itemsize
    s = SChunk(chunksize, _bytes_of(items), cparams=cparams, **kwargs)
    s.vlmeta[_ENTRY] = (kind, array.shape, dtype_to_descr(array.dtype))
    if s.urlpath is None:
        return s._take_frame()
    s.close()
    return _stored_bytes(s.urlpath)


def _bytes_of(items: np.ndarray) -> np.ndarray | None:
    """The same memory as bytes, whatever the dtype; None when there are none."""
    return items.reshape(-1).view(np.uint8) if items.nbytes else None


def _stored_bytes(path: str) -> int:
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(entry.stat().st_size for entry in os.scandir(path))


def unpack_tensor(cframe: Any) -> Any:
    """The tensor in a frame of `pack_tensor`.

    Returns
    -------
    numpy.ndarray, torch.Tensor or tensorflow.Tensor
        Of the kind that was packed.

    Raises
    ------
    TypeError
        cframe is no buffer.
    KeyError
        The frame holds no tensor.
    RuntimeError
        It is no frame.
    ValueError
        What it says of the tensor does not fit what it holds.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> tessera.unpack_tensor(tessera.pack_tensor(np.arange(3)))
    array([0, 1, 2])
    """
    return _unpacked(schunk_from_cframe(cframe))


def _unpacked(s: SChunk) -> Any:
    kind, shape, dtype = _described(s)
    array = empty_array(shape, dtype)
    if array.nbytes != s.nbytes:
        raise ValueError(f"{_ENTRY}: says {array.nbytes} bytes, the frame holds {s.nbytes}")
    if array.nbytes:
        s._get_into(0, len(s), array.reshape(-1).view(np.uint8))
    if kind == "numpy":
        return array
    if kind == "torch":
        import torch

        return torch.from_numpy(array)
    import tensorflow

    return tensorflow.constant(array)


def _described(s: SChunk) -> tuple[str, tuple[int, ...], np.dtype]:
    """Kind, shape and dtype of the tensor that s holds, checked."""
    entry = unpack_value(s._meta_get(True, _ENTRY))
    try:
        kind, shape, descr = entry
        dtype = descr_to_dtype(descr)
        shape = tuple(operator.index(n) for n in shape)
    except (TypeError, ValueError, SyntaxError) as e:
        raise ValueError(f"{_ENTRY}: found {entry!r}: {e}") from None
    if kind not in ("numpy", "torch", "tensorflow"):
        raise ValueError(f"{_ENTRY}: kind {kind!r}, expected numpy, torch or tensorflow")
    # a size that the frame does not have must not be allocated
    if dtype.hasobject or min(shape, default=1) < 0:
        raise ValueError(f"{_ENTRY}: dtype {dtype}, shape {shape} cannot be")
    if math.prod(shape) * dtype.itemsize != s.nbytes:
        raise ValueError(f"{_ENTRY}: shape {shape} of {dtype}, but {s.nbytes} bytes")
    return kind, shape, dtype


def save_tensor(
    tensor: Any, urlpath: str | os.PathLike[str], chunksize: int | None = None, **kwargs: Any
) -> int:
    """Compresses a tensor to a file; parameters as of `pack_tensor`.

    Returns
    -------
    int
        Bytes that were written.

    Raises
    ------
    RuntimeError
        Something is at urlpath; mode="w" replaces it.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> size = tessera.save_tensor(np.zeros((1000, 1000)), "zeros.b2frame", mode="w")
    >>> size < 1000, tessera.load_tensor("zeros.b2frame").shape
    (True, (1000, 1000))
    >>> tessera.remove_urlpath("zeros.b2frame")
    """
    size = pack_tensor(tensor, chunksize, urlpath=urlpath, **kwargs)
    assert isinstance(size, int)
    return size


def load_tensor(
    urlpath: str | os.PathLike[str], dparams: DParams | Mapping[str, Any] | None = None
) -> Any:
    """The tensor in a file of `save_tensor`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    KeyError
        The file holds no tensor; ValueError, RuntimeError as of `unpack_tensor`.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> n = tessera.save_tensor(np.arange(3), "tensor.b2frame", mode="w")
    >>> tessera.load_tensor("tensor.b2frame")
    array([0, 1, 2])
    >>> tessera.remove_urlpath("tensor.b2frame")
    """
    with open_any(urlpath, dparams=dparams) as s:
        if not isinstance(s, SChunk):
            raise KeyError(_ENTRY)
        return _unpacked(s)


# The names of before, for NumPy arrays.
pack_array2 = pack_tensor
unpack_array2 = unpack_tensor
save_array = save_tensor
load_array = load_tensor
