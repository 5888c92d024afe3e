# SPDX-License-Identifier: BSD-3-Clause
"""Reductions against NumPy's."""

import itertools

import numpy as np
import pytest

import tessera
from tessera.view import expand_dims, squeeze

DTYPES = ["?", "i1", "u1", "i2", ">u2", "<i4", "u4", "i8", ">i8", "u8", "f2", "f4", ">f4", "f8",
          ">f8", "c8", "c16", "M8[ns]", ">M8[s]", "m8[D]"]  # fmt: skip
HOW = ["sum", "prod", "mean", "std", "var", "min", "max", "any", "all"]
SHAPES = [((1000,), (300,), (64,)), ((37, 50, 23), (20, 21, 23), (7, 10, 5)),
          ((300, 3), (100, 3), (20, 3)), ((), (), ())]  # fmt: skip


def items(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    x = rng.integers(0, 100, shape)
    if dtype.kind == "c":
        x = np.exp(2j * np.pi * rng.random(shape))
    elif dtype.kind == "f":
        x = rng.choice([-1, 1], shape) * rng.uniform(0.9, 1.1, shape)
    elif dtype.kind == "b":
        x = rng.random(shape) < 0.9
    x = np.asarray(x).astype(dtype)
    if len(shape) == 3:
        x[5:28] = np.zeros((), dtype)
    return x


def array(x, chunks=None, blocks=None, **kwargs):
    return tessera.asarray(x, chunks=chunks, blocks=blocks, **kwargs)


def impossible(dtype, how):
    kind = np.dtype(dtype).kind
    return (kind in "mM" and how not in ("min", "max")) or (kind == "c" and how in ("min", "max"))


def expected(x, how, **kwargs):
    """As NumPy says, of floats with what it would say had it added them up more exactly."""
    r = getattr(x, how)(**kwargs)
    if x.dtype.kind not in "fc" or how in ("any", "all"):
        return r
    wide = getattr(x.astype("f8" if x.dtype.kind == "f" else "c16"), how)(**kwargs)
    return type(r)(wide) if np.isscalar(r) else wide.astype(r.dtype)


def same(got, want):
    assert type(got) is type(want)
    dtype = np.asarray(want).dtype
    assert np.asarray(got).dtype == dtype
    if dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want)
    else:
        eps = max(4 * np.finfo(dtype).eps, 1e-10)
        np.testing.assert_allclose(got, want, rtol=eps, atol=eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "chunks", "blocks"), SHAPES)
def test_every_reduction_over_any_axes_is_numpys(dtype, shape, chunks, blocks):
    x = items(dtype, shape)
    a = array(x, chunks, blocks)
    every = [c for k in range(x.ndim + 1) for c in itertools.combinations(range(x.ndim), k)]
    for how in HOW:
        if impossible(dtype, how):
            with pytest.raises(TypeError, match=how):
                getattr(a, how)()
            continue
        for axis in [None, *every, *range(-x.ndim, x.ndim)]:
            want = expected(x, how, axis=axis)
            if not np.isscalar(want):
                want = want.astype(want.dtype.newbyteorder("="), copy=False)
            same(getattr(a, how)(axis=axis), want)


@pytest.mark.parametrize("how", HOW)
def test_axes_can_stay_with_length_one(how):
    x = items("f8", (6, 7, 8))
    a = array(x, (4, 4, 4), (2, 2, 2))
    for axis in (None, 1, (0, -1)):
        same(getattr(a, how)(axis=axis, keepdims=True), expected(x, how, axis=axis, keepdims=True))


@pytest.mark.parametrize("how", HOW)
def test_numpys_functions_and_out_come_here(how):
    x = items("f4", (20, 30))
    a = array(x, (7, 8), (3, 4))
    np.testing.assert_allclose(getattr(np, how)(a), getattr(x, how)(), rtol=1e-5, atol=1e-5)
    out = np.empty(30, getattr(x, how)(axis=0).dtype)
    assert getattr(a, how)(axis=0, out=out) is out
    np.testing.assert_allclose(out, getattr(x, how)(axis=0), rtol=1e-5, atol=1e-5)
    assert getattr(np, how)(a, axis=0, out=out) is out
    with pytest.raises(ValueError, match="shape"):
        getattr(a, how)(axis=1, out=out)


@pytest.mark.parametrize(
    ("have", "want"),
    [("u1", "f4"), ("i4", "i2"), ("i8", "u8"), ("f4", "f8"), ("i2", "c16"), ("f8", "f2"),
     ("u2", "?"), ("c8", "c16"), ("?", "u1")],
)  # fmt: skip
def test_a_dtype_can_be_asked_for(have, want):
    x = items(have, (40, 9))
    a = array(x, (10, 9), (5, 3))
    for how in ("sum", "prod"):
        for axis in (None, 0):
            with np.errstate(all="ignore"):
                r = getattr(x, how)(axis=axis, dtype=want)
                got = getattr(a, how)(axis=axis, dtype=want)
            assert np.asarray(got).dtype == np.dtype(want)
            if np.all(np.isfinite(r)):
                np.testing.assert_allclose(got, r, rtol=1e-2 if want == "f2" else 1e-5)
    if np.dtype(want).kind in "fc":
        np.testing.assert_allclose(a.mean(dtype=want), x.mean(dtype="c16"), rtol=2e-3)


def test_what_would_change_the_items_first_is_refused():
    for have, want in (("f4", "i4"), ("c8", "f8")):
        with pytest.raises(TypeError, match="convert"):
            array(items(have, (5,))).sum(dtype=want)


def test_wrong_axes_are_numpys_errors():
    a = array(np.zeros((3, 4)))
    with pytest.raises(np.exceptions.AxisError):
        a.sum(axis=2)
    with pytest.raises(np.exceptions.AxisError):
        a.max(axis=(0, -3))
    with pytest.raises(ValueError, match="repeated axis"):
        a.mean(axis=(0, -2))
    with pytest.raises(TypeError):
        a.any(axis=1.5)
    with pytest.raises(TypeError, match="no sum"):
        array(np.array(["ab"])).sum()
    with pytest.raises(TypeError, match="no max"):
        array(np.zeros(3, "f4,i2")).max()


def test_nothing_has_sums_and_no_extremes():
    a, x = array(np.zeros((0, 3), "i2")), np.zeros((0, 3), "i2")
    for how in ("sum", "prod", "any", "all"):
        same(getattr(a, how)(axis=0), getattr(x, how)(axis=0))
    assert np.isnan(a.mean()) and np.isnan(a.std(axis=0)).all()
    for how in ("min", "max"):
        with pytest.raises(ValueError, match="no items"):
            getattr(a, how)()
        same(getattr(a, how)(axis=1), getattr(x, how)(axis=1))
    b = array(np.zeros((0, 3, 0)))
    with pytest.raises(ValueError, match="no items"):
        b.max(axis=0)  # of which no item is left, which NumPy refuses all the same
    assert b.min(axis=1).shape == (0, 0)


def test_nan_and_nat_win():
    x = items("f4", (50, 40))
    x[30, 7] = np.nan
    a = array(x, (16, 16), (4, 4))
    t = np.arange(90).astype("M8[us]")
    t[77] = "NaT"
    b = array(t, (20,), (7,))
    for how in ("min", "max"):
        assert np.isnan(getattr(a, how)())
        np.testing.assert_array_equal(getattr(a, how)(axis=0), getattr(x, how)(axis=0))
        assert np.isnat(getattr(b, how)())


def test_views_are_reduced_on_what_they_show():
    x = items("f8", (4, 1, 5))
    a = array(x, (2, 1, 3), (1, 1, 2))
    for view, y in ((squeeze(a), x[:, 0]), (expand_dims(a, (0, -1)),
                                                    x[None, ..., None])):  # fmt: skip
        for axis in (None, *range(y.ndim), (0, 1)):
            np.testing.assert_allclose(view.sum(axis=axis), y.sum(axis=axis), atol=1e-12)
            np.testing.assert_allclose(view.max(axis=axis, keepdims=True),
                                       y.max(axis=axis, keepdims=True))  # fmt: skip


def test_changes_are_seen_and_terabytes_of_zeros_are_nothing(tmp_path):
    a = tessera.zeros((1 << 20, 1 << 20), dtype="f8", urlpath=str(tmp_path / "zeros.b2nd"))
    assert a.sum() == 0 and a.std() == 0
    a[777_777, 5:8] = [2, -3, 4]
    assert (a.sum(), a.min(), a.max(), a.any(), a.all()) == (3, -3, 4, True, False)
    a.close()
    with pytest.raises(ValueError, match="closed"):
        a.sum()
    with tessera.open(str(tmp_path / "zeros.b2nd")) as b:
        assert b.sum() == 3 and b.mean() == 3 / 2**40
