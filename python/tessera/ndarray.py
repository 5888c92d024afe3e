# SPDX-License-Identifier: BSD-3-Clause
"""The class of arrays."""

from __future__ import annotations

from typing import Any

from tessera._array import Array


class NDArray(Array):
    """A chunked, compressed N-dimensional array, wherever it is stored."""

    def __getitem__(self, key: Any) -> Any:
        return self._get_box(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._set_box(key, value)
