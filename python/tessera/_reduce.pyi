# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Sequence

import numpy as np

from tessera._array import Array

def reduce_axes(
    a: Array, how: str, axes: Sequence[bool], ddof: float = 0.0, wide: bool = False
) -> np.ndarray: ...
