# SPDX-License-Identifier: BSD-3-Clause
"""Keys of every kind, read and written, against NumPy."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tessera
from tessera import expand_dims, index, squeeze

STRUCTURE = np.dtype([("x", "i4"), ("y", "f8", (2,)), ("s", "S3")])


class Keys:
    """Random keys of an array of some shape."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.rng, self.shape = rng, shape
        k = int(rng.integers(0, 3))
        self.common = tuple(int(n) for n in rng.integers(1, 4, k))  # arrays are broadcast to this

    def slice(self, n: int) -> slice:
        ends = [None if self.rng.random() < 0.3 else int(self.rng.integers(-n - 2, n + 3))
                for _ in range(2)]  # fmt: skip
        step = int(self.rng.choice([1, 1, 1, 2, 3, -1, -2]))
        return slice(ends[0], ends[1], step if self.rng.random() < 0.7 else None)

    def number(self, n: int) -> Any:
        over = self.rng.random() < 0.01
        i = int(self.rng.integers(-n, n)) if n and not over else n + 1
        kinds: list[Callable[[int], Any]] = [int, np.int64, np.int16, np.array]
        return kinds[int(self.rng.integers(0, 4))](i)

    def array(self, n: int) -> Any:
        shape = list(self.common)
        for d in range(len(shape)):
            if self.rng.random() < 0.4:
                shape[d] = 1
        shape = shape[int(self.rng.integers(0, len(shape) + 1)) :]
        if self.rng.random() < 0.02:
            shape = [7]  # fits nothing
        out = self.rng.integers(-n, n, shape) if n else np.zeros([0] * len(shape), int)
        if self.rng.random() < 0.02 and out.size:
            out.flat[0] = n
        if not out.ndim or self.rng.random() < 0.3:
            return out.tolist()
        return out.astype(self.rng.choice([np.int64, np.int8, np.uint32])) if n < 100 else out

    def mask(self, d: int) -> np.ndarray:
        k = min(int(self.rng.integers(1, 4)), len(self.shape) - d)
        if self.rng.random() < 0.02 and k:
            return np.ones([n + 1 for n in self.shape[d : d + k]], bool)
        return self.rng.random(self.shape[d : d + k]) < self.rng.choice([0.05, 0.3, 0.9])

    def entry(self, d: int) -> tuple[Any, int]:
        """An entry for axis d, and how many axes it takes."""
        n = self.shape[d]
        kind = self.rng.integers(0, 10)
        if kind < 4:
            return self.slice(n), 1
        if kind < 6:
            return self.number(n), 1
        if kind < 9:
            return self.array(n), 1
        m = self.mask(d)
        return m, m.ndim

    def key(self) -> Any:
        out: list[Any] = []
        d = 0
        dots = self.rng.random() < 0.4
        while d < len(self.shape):
            if self.rng.random() < 0.12:
                out.append(None)
            if self.rng.random() < 0.02:
                out.append(bool(self.rng.integers(0, 2)))
            if dots and self.rng.random() < 0.4:
                out.append(Ellipsis)
                dots = False
                d += int(self.rng.integers(0, len(self.shape) - d + 1))
                continue
            if self.rng.random() < 0.1:
                break
            e, k = self.entry(d)
            out.append(e)
            d += k
        if self.rng.random() < 0.02:
            out.append(0)  # often one too many
        return out[0] if len(out) == 1 and self.rng.random() < 0.5 else tuple(out)


def random_array(rng: np.random.Generator) -> tuple[np.ndarray, tessera.NDArray]:
    ndim = int(rng.integers(1, 5))
    top = (40, 14, 8, 6)[ndim - 1]
    shape = tuple(int(n) for n in rng.integers(1 if rng.random() < 0.9 else 0, top, ndim))
    chunks = tuple(max(int(rng.integers(n // 2, n + 1)), 1) for n in shape)
    blocks = tuple(int(rng.integers(1, c + 1)) for c in chunks)
    dtype = np.dtype(rng.choice(np.array(["i4", "f8", "u1", "<M8[s]", "x"], object)).replace(
        "x", "V0")) if rng.random() < 0.8 else STRUCTURE  # fmt: skip
    if dtype.itemsize == 0:
        dtype = np.dtype(">i2")
    x = items(rng, shape, dtype)
    return x, tessera.asarray(x, chunks=chunks, blocks=blocks)


def items(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    raw = rng.integers(0, 100, shape)
    if dtype == STRUCTURE:
        out = np.zeros(shape, dtype)
        out["x"], out["y"][..., 0], out["s"] = raw, raw / 2, raw.astype("S3")
        return out
    return raw.astype(dtype)


def outcome(call: Callable[..., Any], *args: Any) -> Any:
    try:
        return call(*args)
    except (IndexError, ValueError) as e:
        return type(e), str(e).replace(" ", "")


def check_same(got: Any, want: Any, key: Any) -> None:
    if isinstance(want, tuple):
        assert isinstance(got, tuple), (key, got, want)
        assert got == want, key
        return
    assert isinstance(got, np.ndarray), (key, got)
    if not isinstance(want, np.ndarray):  # a NumPy scalar has no byte order
        want = np.asarray(want).astype(got.dtype)
    assert (got.shape, got.dtype) == (want.shape, want.dtype), key
    assert got.tobytes() == want.tobytes(), key


@pytest.mark.parametrize("seed", range(300))
def test_what_a_key_reads_is_what_numpy_reads(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, a = random_array(rng)
    for _ in range(12):
        key = Keys(rng, x.shape).key()
        check_same(outcome(operator.getitem, a, key), outcome(operator.getitem, x, key), key)


def repeats(x: np.ndarray, key: Any) -> bool:
    """Whether a key names an item twice: which value stays is then only told for lists."""
    numbers = np.arange(x.size).reshape(x.shape)[key]
    return bool(np.unique(numbers).size != np.size(numbers))


@pytest.mark.parametrize("seed", range(300))
def test_what_a_key_writes_is_what_numpy_writes(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    x, a = random_array(rng)
    for _ in range(8):
        key = Keys(rng, x.shape).key()
        found = outcome(operator.getitem, x, key)
        if isinstance(found, tuple):
            assert outcome(operator.setitem, a, key, 0)[0] is found[0], key
            continue
        shape = np.shape(found)
        part = shape[int(rng.integers(0, len(shape) + 1)) :] if not repeats(x, key) else ()
        part = tuple(1 if rng.random() < 0.2 else n for n in part)
        value = items(rng, part, x.dtype)
        if x.dtype.kind in "if" and rng.random() < 0.3:
            value = value.astype("f4").tolist()
        theirs = outcome(operator.setitem, x, key, value)
        ours = outcome(operator.setitem, a, key, value)
        assert (theirs and theirs[0]) is (ours and ours[0]), (key, theirs, ours)
        assert a[...].tobytes() == x.tobytes(), key


@pytest.mark.parametrize("seed", range(100))
def test_orthogonal_keys_meet(seed: int) -> None:
    rng = np.random.default_rng(2000 + seed)
    x, a = random_array(rng)
    keys = Keys(rng, x.shape)
    for _ in range(6):
        key, lists, gone = [], [], []
        for d, n in enumerate(x.shape):
            kind = rng.integers(0, 4) if n else 0
            i = rng.permutation(n)[: rng.integers(0, n + 1)]
            number = int(rng.integers(-n, n or 1))
            k: Any = (keys.slice(n), i - n, rng.random(n) < 0.4, number)[kind]
            key.append(k)
            lists.append(np.atleast_1d(np.arange(n)[k]))
            if kind == 3:
                gone.append(d)
        want = x[np.ix_(*lists)]
        check_same(a.oindex[tuple(key)], want.squeeze(tuple(gone)), key)
        value = items(rng, want.shape, x.dtype)
        x[np.ix_(*lists)] = value
        a.oindex[tuple(key)] = value.squeeze(tuple(gone))
        assert a[...].tobytes() == x.tobytes()


def test_orthogonal_keys_that_are_none_are_refused() -> None:
    a = tessera.zeros((4, 5))
    for key in (([[0]], 1), (None, 1), np.ones((4, 5), bool), (0, 0, 0), ([7],), ("x",)):
        with pytest.raises(IndexError):
            a.oindex[key]
    assert a.oindex[1:3].shape == (2, 5)
    assert a.oindex[..., [0, 0]].shape == (4, 2)


def test_of_indices_that_repeat_the_last_is_written() -> None:
    x, a = np.zeros(10, "i4"), tessera.zeros(10, dtype="i4")
    x[[3, 1, 3]] = a[[3, 1, 3]] = [1, 2, 3]
    assert a[:].tolist() == x.tolist()
    b = tessera.zeros((1000, 1000), dtype="i4", chunks=(10, 10), blocks=(5, 5))
    b[[0, 999, 0], [0, 999, 0]] = [1, 2, 3]  # far apart: as points
    assert (b[0, 0], b[999, 999]) == (3, 2)


@pytest.mark.parametrize("key", ["x", 1.5, [1.5], ([0], 1.5), [["a"]], np.array([0.0]), object()])
def test_what_is_no_key_is_refused_as_numpy_does(key: Any) -> None:
    x = np.zeros((4, 5))
    a = tessera.asarray(x)
    with pytest.raises(IndexError) as theirs:
        x[key]
    if isinstance(key, str):
        with pytest.raises((IndexError, KeyError, TypeError)):
            a[key]
        return
    with pytest.raises(IndexError) as ours:
        a[key]
    assert str(ours.value) == str(theirs.value)
    with pytest.raises(IndexError):
        a[key] = 0


def test_values_that_do_not_fit_are_refused() -> None:
    a = tessera.zeros((4, 5))
    with pytest.raises(ValueError, match=r"shape mismatch: value array of shape \(3,\) could not"):
        a[[0, 1], [0, 1]] = [1, 2, 3]
    with pytest.raises(ValueError, match="could not be broadcast"):
        a[[0, 1]] = np.zeros((3, 5))
    with pytest.raises(ValueError, match=r"could not broadcast input array from shape \(3,\)"):
        a[0] = [1, 2, 3]


@pytest.mark.parametrize("seed", range(60))
def test_views_take_every_key_too(seed: int) -> None:
    rng = np.random.default_rng(3000 + seed)
    x, a = random_array(rng)
    at = int(rng.integers(0, x.ndim + 1))
    y, v = np.expand_dims(x, at), expand_dims(a, at)
    if 1 in x.shape and rng.random() < 0.5:
        y, v = y.squeeze(), squeeze(v)
    for _ in range(8):
        key = Keys(rng, y.shape).key()
        want = outcome(operator.getitem, y, key)
        check_same(outcome(operator.getitem, v, key), want, key)
        if not isinstance(want, tuple) and not repeats(y, key):
            y[key] = v[key] = items(rng, np.shape(want), x.dtype)
            assert a[...].tobytes() == x.tobytes(), key


@pytest.mark.parametrize("seed", range(30))
def test_every_way_to_read_and_write_gives_the_same(seed: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(index, "_DENSE", [0, 4, 10**6][seed % 3])
    monkeypatch.setattr(index, "_GROUP", [1, 7, 1 << 21][seed // 3 % 3])
    monkeypatch.setattr(index, "_LINE", [1, 1 << 15][seed // 9 % 2])
    test_what_a_key_reads_is_what_numpy_reads(4000 + seed)
    test_what_a_key_writes_is_what_numpy_writes(4000 + seed)


def test_only_blocks_that_are_touched_are_decoded() -> None:
    a = tessera.asarray(np.arange(10**6).reshape(1000, 1000), chunks=(100, 100), blocks=(10, 10))
    touched = 0

    def more() -> int:
        nonlocal touched
        st = a._stats()
        before, touched = touched, st["blocks_decoded"] + st["cache_hits"]
        return touched - before

    more()
    assert a[[999, 5, 5], [0, 7, 3]].tolist() == [999000, 5007, 5003]
    assert more() == 2
    assert a[[5, 999, 500]][:, [0, 991]].tolist()[0] == [5000, 5991]
    assert more() == 300
    assert a.oindex[[5, 999, 500], [0, 991]].tolist()[1] == [999000, 999991]
    assert more() == 6


def test_a_huge_array_is_filled_at_once() -> None:
    a = tessera.zeros((10**6, 10**6), dtype="f8", chunks=(10000, 10000), blocks=(100, 100))
    a[:] = 0.5
    assert a[10**6 - 1, 17] == 0.5
    a[:, :20000] = 7  # whole chunks
    a[[5, 10**6 - 5], [10**5, 3]] = [1, 2]
    assert a[[5, 5, 10**6 - 5], [10**5, 10**5 + 1, 3]].tolist() == [1, 0.5, 2]


@pytest.mark.parametrize("n", [61, 62, 63, 64, 65, 90])
def test_new_axes_up_to_the_limit_of_numpy(n: int) -> None:
    items = np.arange(6).reshape(2, 3)
    a = tessera.asarray(items)
    for key in ((None,) * n, (None,) * n + (1, 2), (slice(None),) + (None,) * n):
        try:
            want = items[key]
        except (IndexError, ValueError):
            with pytest.raises((IndexError, ValueError)):
                a[key]
        else:
            np.testing.assert_array_equal(a[key], want)
