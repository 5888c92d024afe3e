# SPDX-License-Identifier: BSD-3-Clause
"""How servers are spoken to: what `storage_options` may say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# Names of options, the second ones those of s3fs and boto3, and the members that they set.
_TEXTS = {
    "endpoint": "endpoint",
    "endpoint_url": "endpoint",
    "region": "region",
    "region_name": "region",
    "key": "key",
    "secret": "secret",
    "token": "token",
}
_COUNTS = {"tries": "tries", "connections": "connections"}
_SECONDS = {"timeout": ("timeout_s", 1), "pause": ("pause_ms", 1000)}
_FLAGS = {"anon": "anonymous", "anonymous": "anonymous"}
_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("endpoint", "region", "key", "secret", "token")),
    "anonymous": False,
    **dict.fromkeys(("timeout_s", "tries", "pause_ms", "connections"), 0),
}


def members(options: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Of storage_options what the engine calls them, all of them; None where nothing is said.

    Raises
    ------
    TypeError
        It is no mapping, or a value is of another type.
    ValueError
        An option that there is not, a number out of range, a key without its secret.

    Examples
    --------
    >>> from tessera.remote import members
    >>> said = members({"anon": True, "timeout": 2.5})
    >>> said["anonymous"], said["timeout_s"]
    (True, 3)
    """
    if options is None:
        return None
    if not isinstance(options, Mapping):
        raise TypeError(f"storage_options: expected a dict, found {type(options).__name__}")
    out = dict(_NOTHING)
    for name, value in options.items():
        if value is not None:
            member, said = _member(name, value)
            out[member] = said
    if (out["key"] is None) != (out["secret"] is None):
        raise ValueError("storage_options: key and secret go together, found one of them")
    return out if out != _NOTHING else None


def _member(name: str, value: Any) -> tuple[str, Any]:
    """The member that an option sets, and its value."""
    if name in _TEXTS:
        return _TEXTS[name], _of(str, name, value)
    if name in _FLAGS:
        return _FLAGS[name], _of(bool, name, value)
    if name in _COUNTS:
        return _COUNTS[name], _within(name, _of(int, name, value), 1000)
    if name in _SECONDS:
        member, unit = _SECONDS[name]
        return member, math.ceil(_within(name, _of((int, float), name, value), 86400) * unit)
    known = ", ".join(sorted([*_TEXTS, *_FLAGS, *_COUNTS, *_SECONDS]))
    raise ValueError(f"storage_options: unknown {name!r}; there are: {known}")


def _of(kind: Any, name: str, value: Any) -> Any:
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        what = kind.__name__ if isinstance(kind, type) else "number"
        raise TypeError(f"storage_options: {name}: expected {what}, found {value!r}")
    return value


def _within(name: str, n: Any, most: int) -> Any:
    if not 0 < n <= most:
        raise ValueError(f"storage_options: {name}: found {n}, expected more than 0, up to {most}")
    return n
