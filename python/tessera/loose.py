# SPDX-License-Identifier: BSD-3-Clause
"""Items of variable length, which arrays of Zarr may have: text, bytes, JSON values, arrays.

To NumPy they are objects: `str`, `bytes`, what `json.loads` makes, and arrays of one dimension.  To
the engine they are bytes in a row with the offsets at which items begin.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np


class Kind(str):
    """What such items are: "string", "bytes", "json", or "array(<i2)" with the dtype of arrays."""

    __slots__ = ()


def kind_of(dtype: Any, zarr: bool) -> Kind | None:
    """The kind that a dtype asks for; None: items of a fixed size.

    zarr: in a container of Zarr `str` and `bytes`, the types or their names, are of any length;
    elsewhere they are what NumPy makes of them.
    """
    if isinstance(dtype, Kind):
        return dtype
    if isinstance(dtype, np.dtype):
        return Kind("string") if dtype.char == "T" else None
    if isinstance(dtype, str) and (dtype in ("string", "json", "variable_length_bytes")
                                   or dtype.startswith("array(")):  # fmt: skip
        return Kind("bytes" if dtype == "variable_length_bytes" else dtype)
    if zarr and dtype in (str, "str"):
        return Kind("string")
    return Kind("bytes") if zarr and dtype in (bytes, "bytes") else None


def kind_of_items(items: Any) -> Kind | None:
    """The kind of items that are there: of text of any length, or of objects that are all alike."""
    if items.dtype.char == "T":
        return Kind("string")
    if not isinstance(items, np.ndarray) or items.dtype != object or not items.size:
        return None
    kinds = {type(x) for x in items.flat}
    if kinds <= {str, np.str_}:
        return Kind("string")
    return Kind("bytes") if kinds <= {bytes, np.bytes_} else None


def objects(value: Any, kind: str) -> np.ndarray[Any, Any]:
    """A value as an array of objects.

    Of JSON values and arrays a list is one item per entry, all else one item, unless it is an array
    of objects already.
    """
    if kind in ("string", "bytes") or (isinstance(value, np.ndarray) and value.dtype == object):
        return np.asarray(value, dtype=object)
    alone = not isinstance(value, (list, tuple))
    out = np.empty(() if alone else len(value), object)
    if alone:
        out[()] = value
    else:
        for i, item in enumerate(value):
            out[i] = item
    return out


def pack(items: np.ndarray[Any, Any], kind: str) -> tuple[np.ndarray[Any, Any], bytes]:
    """Objects in C order as offsets (uint64, one more than items) and bytes; None is empty.

    Raises
    ------
    TypeError
        An item is of another type.
    """
    encode = _encoder(kind)
    null = b"null" if kind == "json" else b""
    parts = [null if x is None else encode(x) for x in items.flat]
    offsets = np.zeros(len(parts) + 1, np.uint64)
    np.cumsum([len(p) for p in parts], out=offsets[1:])
    return offsets, b"".join(parts)


def check(items: Any, kind: str) -> None:
    """Raises what `pack` would raise for an array of objects in memory."""
    if isinstance(items, np.ndarray):
        encode = _encoder(kind)
        for x in items.flat:
            if x is not None:
                encode(x)


def unpack(offsets: np.ndarray[Any, Any], data: bytes, kind: str) -> np.ndarray[Any, Any]:
    """The way back, as an array of one dimension."""
    decode = _decoder(kind)
    at = offsets.tolist()
    out = np.empty(len(at) - 1, object)
    for i in range(len(out)):
        out[i] = decode(data[at[i] : at[i + 1]])
    return out


def item(data: bytes, kind: str) -> Any:
    """One item of its bytes."""
    return _decoder(kind)(data)


def fill(value: Any, kind: str) -> dict[str, Any]:
    """A fill value as the spec of an array has it: its length, 4 bytes, and its bytes."""
    if value is None:
        return {}
    zero = isinstance(value, int) and value == 0 and kind != "json"
    data = b"" if zero else _encoder(kind)(value)
    return {"fill": len(data).to_bytes(4, "little") + data} if data else {}


def _dtype_in(kind: str) -> np.dtype[Any]:
    return np.dtype(kind[len("array(") : -1])


def _text(x: Any) -> bytes:
    if not isinstance(x, str):
        raise TypeError(f"an item of text must be str, found {type(x).__name__}")
    return x.encode()


def _bytes(x: Any) -> bytes:
    if not isinstance(x, (bytes, bytearray, memoryview)):
        raise TypeError(f"an item must be bytes, found {type(x).__name__}")
    return bytes(x)


def _json(x: Any) -> bytes:
    return json.dumps(x, ensure_ascii=False, separators=(",", ":")).encode()


def _encoder(kind: str) -> Callable[[Any], bytes]:
    if kind.startswith("array("):
        dtype = _dtype_in(kind)
        return lambda x: np.asarray(x, dtype=dtype).tobytes()
    return {"string": _text, "bytes": _bytes, "json": _json}[kind]


def _decoder(kind: str) -> Callable[[bytes], Any]:
    if kind.startswith("array("):
        dtype = _dtype_in(kind)
        return lambda p: np.frombuffer(p, dtype).copy()
    if kind == "json":
        return lambda p: json.loads(p) if p else None
    return bytes.decode if kind == "string" else bytes
