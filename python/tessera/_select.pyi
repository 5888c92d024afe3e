# SPDX-License-Identifier: BSD-3-Clause
from typing import Any

import numpy as np
from numpy.typing import NDArray as Items

from tessera._array import Array

Axes = list[range | Items[np.int64]]

def read_cross(a: Array, axes: Axes, out: np.ndarray[Any, Any]) -> None: ...
def write_cross(a: Array, axes: Axes, src: np.ndarray[Any, Any]) -> None: ...
def read_points(a: Array, coords: Items[np.int64], out: np.ndarray[Any, Any]) -> None: ...
def write_points(a: Array, coords: Items[np.int64], src: np.ndarray[Any, Any]) -> None: ...
