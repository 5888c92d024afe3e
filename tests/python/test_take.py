# SPDX-License-Identifier: BSD-3-Clause
"""take and take_along_axis, against NumPy's."""

import numpy as np
import pytest

import tessera


@pytest.mark.parametrize("indices", [[0, 2, 1, 2], [[-1, 0], [1, -2]], [], 1, np.uint8(2)])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_take_is_numpys(indices, axis):
    x = np.arange(60.0).reshape(3, 4, 5)
    a = tessera.asarray(x, chunks=(2, 3, 2), blocks=(1, 2, 2))
    numbers = np.asarray(indices, dtype=np.int64)
    for got in (tessera.take(a, indices, axis=axis), a.take(indices, axis=axis)):
        assert isinstance(got, tessera.NDArray)
        np.testing.assert_array_equal(got[()], np.take(x, numbers, axis=axis))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take_along_axis_is_numpys(axis):
    x = np.arange(60).reshape(3, 4, 5)
    a = tessera.asarray(x, chunks=(2, 3, 2), blocks=(1, 2, 2))
    shape = list(x.shape)
    shape[axis] = 6
    numbers = np.random.default_rng(3).integers(-3, 3, shape)
    got = tessera.take_along_axis(a, numbers, axis=axis)
    np.testing.assert_array_equal(got[()], np.take_along_axis(x, numbers, axis=axis))


def test_what_cannot_be_taken_is_refused():
    a = tessera.asarray(np.arange(12).reshape(3, 4))
    with pytest.raises(TypeError, match="integer"):
        tessera.take(a, [1.5], axis=0)
    with pytest.raises(ValueError, match="axis"):
        tessera.take(a, [0], axis=2)
    for numbers in ([3], [-4]):
        with pytest.raises(IndexError, match="bounds"):
            tessera.take(a, numbers, axis=0)
    with pytest.raises(ValueError, match="dimensions"):
        tessera.take_along_axis(a, [0])
