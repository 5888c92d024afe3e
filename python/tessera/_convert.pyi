# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Callable
from typing import Any

from tessera._engine import Spec

class Conversion:
    def __init__(
        self,
        src: str,
        dst: str,
        spec: Spec,
        raw: Spec | None,
        reading: dict[str, Any],
        writing: dict[str, Any],
        *,
        memory_bytes: int = 0,
        tmp: str | None = None,
        resume: bool = False,
        progress: Callable[[int, int], object] | None = None,
    ) -> None: ...
    def run(self) -> None: ...
    def plan(self) -> dict[str, Any]: ...
