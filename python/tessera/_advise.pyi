# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Sequence
from typing import Any

from tessera._array import Array

Cost = tuple[float, float, float, float, float, float]
Part = tuple[Sequence[int], Sequence[int], Sequence[int]]

def advise(
    a: Array | None,
    itemsize: int,
    shape: Sequence[int],
    chunks: Sequence[int] | None,
    blocks: Sequence[int] | None,
    accesses: Sequence[tuple[Part, float]],
    options: dict[str, Any],
) -> tuple[list[dict[str, Any]], dict[str, Any], str]: ...
def measure(a: Array, part: Part) -> Cost: ...
