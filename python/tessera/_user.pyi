# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Bytes: TypeAlias = NDArray[np.uint8]
_Coder: TypeAlias = Callable[[_Bytes, _Bytes, int, Any], Any]

ucodecs_registry: dict[int, tuple[str, _Coder, _Coder]]
ufilters_registry: dict[int, tuple[_Coder, _Coder]]

class BlockInfo:
    @property
    def typesize(self) -> int: ...
    @property
    def blockshape(self) -> tuple[int, ...]: ...
    @property
    def clevel(self) -> int: ...

def register_codec(
    codec_name: str,
    id: int,
    encoder: _Coder | None = None,
    decoder: _Coder | None = None,
    version: int = 1,
) -> None: ...
def register_filter(
    id: int,
    forward: _Coder | None = None,
    backward: _Coder | None = None,
    name: str | None = None,
) -> None: ...

ID_MIN: int
ID_MAX: int
