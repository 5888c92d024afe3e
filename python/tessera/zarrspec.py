# SPDX-License-Identifier: BSD-3-Clause
"""What only Zarr records of an array: from keywords to what the engine takes, and back.

Chunks that are not alike are told as dask tells them, a tuple of lengths for each axis, or a number
where one length is enough; the engine takes them as text, "4+1+5;2x3+6;8".
"""

from __future__ import annotations

import itertools
import json
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tessera.meta import plain

# keyword -> (option of the engine, values by what it calls them, format that has it)
_OPTIONS: dict[str, tuple[str, dict[Any, str], str | None]] = {
    "separator": ("separator", {"/": "/", ".": "."}, None),
    "write_empty_chunks": ("empty", {True: "1", False: "0"}, None),
    "key_encoding": ("keys", {"default": "default", "v2": "v2"}, "zarr3"),
    "index_location": ("index", {"start": "start", "end": "end"}, "zarr3"),
    "order": ("order", {"C": "C", "F": "F"}, "zarr2"),
}


@dataclass
class ZarrSpec:
    """The keywords that are for Zarr alone, as `Spec` takes them.

    Attributes
    ----------
    given : dict
        Keywords that were given, each with the one format that has it, or None: both.
    """

    given: dict[str, str | None] = field(default_factory=dict)
    names: list[str | None] | None = None
    codecs: str | None = None
    type: str | None = None
    options: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, kw: dict[str, Any]) -> ZarrSpec:
        """Takes its keywords out of kw.

        Raises
        ------
        TypeError, ValueError
            A value that is none of those that are possible.
        """
        z = cls()
        names, codecs, kind = (kw.pop(k, None) for k in ("dimension_names", "codecs", "data_type"))
        if names is not None:
            z.names = _names(names)
            z.given["dimension_names"] = "zarr3"
        if codecs is not None:
            z.codecs = _codecs(codecs)
            z.given["codecs"] = "zarr3" if z.codecs[0] == "[" else "zarr2"
        if kind is not None:
            z.type = kind if isinstance(kind, str) else json.dumps(kind)
            z.given["data_type"] = None
        for name, (option, values, form) in _OPTIONS.items():
            value = kw.pop(name, None)
            if value is None:
                continue
            if not isinstance(value, str | bool) or value not in values:
                raise ValueError(f"{name}: found {value!r}, expected one of {list(values)}")
            z.options.append(f"{option}={values[value]}")
            z.given[name] = form
        return z

    def add_edges(self, edges: str) -> None:
        """Chunks are not alike."""
        self.options.append(f"edges={edges}")
        self.given["chunks of several lengths"] = "zarr3"

    def spec(self) -> dict[str, Any]:
        """Keywords of `Spec`."""
        return {
            "names": self.names,
            "codecs": self.codecs,
            "type": self.type,
            "zarr": ",".join(self.options) or None,
        }

    def check(self, form: str) -> None:
        """Raises ValueError for what a format does not have."""
        for name, only in self.given.items():
            if form != only if only else not form.startswith("zarr"):
                raise ValueError(f"{name}: only {only or 'Zarr'} has that, found format {form}")


def _names(names: Any) -> list[str | None]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"dimension_names: expected a sequence, found {names!r}")
    out = list(names)
    for name in out:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"dimension_names: expected str or None, found {name!r}")
    return out


def _codecs(codecs: Any) -> str:
    """JSON of a list of codecs (format 3), or of {"filters": .., "compressor": ..} (format 2)."""
    if isinstance(codecs, Mapping):
        unknown = codecs.keys() - {"filters", "compressor"}
        if unknown:
            raise ValueError(f"codecs: expected filters and compressor, found {sorted(unknown)}")
        value: Any = {"filters": None, "compressor": None, **codecs}
    elif isinstance(codecs, Sequence) and not isinstance(codecs, str):
        value = [_named(c) if isinstance(c, str) else c for c in codecs]
    else:
        raise TypeError(f"codecs: expected a list or dict, found {codecs!r}")
    return json.dumps(value, default=plain, allow_nan=False)


def _named(codec: str) -> dict[str, Any]:
    """A codec that is given by its name; of bytes the order must be said."""
    little = {"configuration": {"endian": "little"}} if codec == "bytes" else {}
    return {"name": codec, **little}


# ---- chunks that are not alike ----


def lengths(chunks: Any) -> list[int | list[int]] | None:
    """For each axis a number or a list of lengths; None where no axis has a list.

    Raises
    ------
    TypeError
        Something else.
    ValueError
        A length below 1.
    """
    if not isinstance(chunks, Iterable) or isinstance(chunks, str | bytes):
        return None
    axes = [
        [operator.index(n) for n in c] if isinstance(c, Iterable) else operator.index(c)
        for c in chunks
    ]
    if not any(isinstance(c, list) for c in axes):
        return None
    for d, c in enumerate(axes):
        if isinstance(c, list) and (not c or min(c) < (len(c) > 1)):
            raise ValueError(f"chunks: axis {d}: found {tuple(c)}, expected lengths of 1 and more")
    return axes


def alike(edges: list[int]) -> int | None:
    """The one length of chunks of which only the last may be shorter; None: there is none."""
    first = edges[0]
    return first if all(n == first for n in edges[:-1]) and edges[-1] <= first else None


def edges_text(axes: Sequence[int | list[int]]) -> str | None:
    """Lengths as the engine takes them; None where a number says all.

    Examples
    --------
    >>> from tessera.zarrspec import edges_text
    >>> edges_text([[4, 1, 5], [3, 3, 6], 8]), edges_text([[4, 4, 2], 8])
    ('4+1+5;3x2+6;8', None)
    """
    out, uneven = [], False
    for axis in axes:
        one = axis if isinstance(axis, int) else alike(axis)
        uneven |= one is None
        runs = itertools.groupby([one] if isinstance(axis, int) or one is not None else axis)
        out.append("+".join(_run(n, len(list(same))) for n, same in runs))
    return ";".join(out) if uneven else None


def _run(n: int | None, count: int) -> str:
    return f"{n}x{count}" if count > 1 else str(n)


def check_lengths(axes: Sequence[int | list[int]], shape: Sequence[int]) -> None:
    """Raises ValueError unless lengths add up to the shape."""
    for d, (axis, n) in enumerate(zip(axes, shape, strict=True)):
        if isinstance(axis, list) and sum(axis) != n:
            raise ValueError(f"chunks: axis {d}: lengths add up to {sum(axis)}, the shape has {n}")
