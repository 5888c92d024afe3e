# SPDX-License-Identifier: BSD-3-Clause
from typing import Any

from tessera._array import Array
from tessera._schunk import SuperChunk

Told = tuple[
    str, str | None, str | None, str | None, tuple[int, ...], tuple[int, ...], tuple[int, ...]
]

def hash_array(a: Array, attrs: bool) -> str: ...
def hash_schunk(s: SuperChunk) -> str: ...
def diff(
    a: Array, b: Array, rtol: float, atol: float, flags: int, first: int, memory: int
) -> tuple[list[Told], dict[str, Any]]: ...
def verify(
    url: str, remote: dict[str, Any] | None
) -> list[tuple[int | None, tuple[int, ...], type[Exception] | None, str]]: ...
