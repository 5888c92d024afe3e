# SPDX-License-Identifier: BSD-3-Clause
"""Views with other axes of length one, against NumPy's."""

import random
import sys

import numpy as np
import pytest

import tessera
from tessera.view import expand_dims, squeeze


def random_key(rng, shape):
    key = []
    for n in shape:
        if rng.random() < 0.1:
            key.append(None)
        if rng.random() < 0.3:
            key.append(rng.randrange(-n, n))
        else:
            edges = [rng.choice([None, rng.randrange(-n - 2, n + 2)]) for _ in range(2)]
            key.append(slice(*edges, rng.choice([None, 1, 2, -1, -3])))
    key = key[: rng.randrange(0, len(key) + 1)]
    return (*key, Ellipsis) if rng.random() < 0.3 else tuple(key)


@pytest.mark.parametrize(
    ("ours", "numpys"),
    [
        (squeeze, np.squeeze),
        (lambda a: squeeze(a, 0), lambda x: np.squeeze(x, 0)),
        (lambda a: expand_dims(a, (1, -1)), lambda x: np.expand_dims(x, (1, -1))),
        (lambda a: expand_dims(squeeze(a, 2), 0), lambda x: np.expand_dims(np.squeeze(x, 2), 0)),
        (lambda a: squeeze(expand_dims(a, 3)), lambda x: np.squeeze(np.expand_dims(x, 3))),
    ],
)
def test_random_keys_read_and_write_as_in_numpy(ours, numpys):
    rng = random.Random(4)
    x = np.arange(35).reshape(1, 5, 1, 7)
    a = tessera.asarray(x, chunks=(1, 2, 1, 3), blocks=(1, 2, 1, 2))
    x = x.copy()
    v, w = ours(a), numpys(x)
    assert v.shape == w.shape
    for _ in range(200):
        key = random_key(rng, w.shape)
        np.testing.assert_array_equal(v[key], w[key])
        w[key] = np.arange(w[key].size).reshape(w[key].shape) + rng.randrange(1000)
        v[key] = w[key]
        np.testing.assert_array_equal(a[...], x)


def test_other_keys_of_views_select_as_in_numpy():
    x = np.arange(10).reshape(1, 10)
    v = squeeze(tessera.asarray(x))
    np.testing.assert_array_equal(v[[3, -1, 3]], x[0][[3, -1, 3]])
    np.testing.assert_array_equal(v[x[0] > 6], x[0][x[0] > 6])
    v[[3, 4]] = -1
    assert list(v[2:6]) == [2, -1, -1, 5]


def test_a_view_keeps_the_array_itself_alive_and_nothing_else():
    a = tessera.asarray(np.arange(4))
    before = sys.getrefcount(a)
    v = expand_dims(a, 0)
    w = expand_dims(v, 0)
    assert w.base is a
    assert sys.getrefcount(a) == before + 2
    del v
    assert sys.getrefcount(a) == before + 1
    del a
    np.testing.assert_array_equal(w[...], np.arange(4).reshape(1, 1, 4))


def test_axes_that_are_not_there_are_refused():
    a = tessera.zeros((1, 2))
    for axis in (2, -3, (0, 0), 1):
        with pytest.raises(ValueError):
            squeeze(a, axis)
    for axis in (3, -4, (0, 0), tuple(range(15))):
        with pytest.raises(ValueError):
            expand_dims(a, axis)


def test_a_view_tells_of_its_array():
    a = tessera.zeros((1, 4), dtype="i2", chunks=(1, 2), blocks=(1, 1))
    v = squeeze(a)
    assert (v.chunks, v.blocks, v.dtype, v.ndim) == ((2,), (1,), np.dtype("i2"), 1)
    assert isinstance(v, tessera.NDArray)
