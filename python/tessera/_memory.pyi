# SPDX-License-Identifier: BSD-3-Clause
from collections.abc import Sequence
from typing import Any

import numpy as np

def empty_array(shape: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]: ...
