# SPDX-License-Identifier: BSD-3-Clause
"""Eight Python threads on one object: the right data, whatever the width of the pool."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tessera

THREADS, READS = 8, 60


def on_all_threads(work: Callable[[int], Any]) -> list[Any]:
    """work(0) to work(7), each on a thread of its own, begun at once."""
    gate = threading.Barrier(THREADS)

    def begin(i: int) -> Any:
        gate.wait()
        return work(i)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def values(shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.integers(0, 50, shape).cumsum(axis=-1).astype("i4")


@pytest.fixture(params=[1, 2], ids=["pool of 1", "pool of 2"])
def nthreads(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=["memory", "disk"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"urlpath": str(tmp_path / "data")} if request.param == "disk" else {}


def params(nthreads: int) -> dict[str, Any]:
    return {"cparams": {"nthreads": nthreads, "typesize": 4}, "dparams": {"nthreads": nthreads}}


def test_threads_read_boxes_of_one_array(nthreads: int, where: dict[str, Any]) -> None:
    want = values((60, 70, 80))
    arr = tessera.asarray(
        want, chunks=(20, 30, 40), blocks=(5, 10, 20), **params(nthreads), **where
    )

    def read(thread: int) -> bool:
        rng = np.random.default_rng(thread)
        for _ in range(READS):
            start = rng.integers(0, (40, 50, 60))
            key = tuple(slice(a, a + n) for a, n in zip(start, (20, 20, 20), strict=True))
            if not np.array_equal(arr[key], want[key]):
                return False
        return np.array_equal(arr[...], want)

    assert all(on_all_threads(read))


def test_threads_read_items_planes_and_lists(nthreads: int, where: dict[str, Any]) -> None:
    want = values((60, 70, 80))
    arr = tessera.asarray(
        want, chunks=(20, 30, 40), blocks=(5, 10, 20), **params(nthreads), **where
    )
    keys: list[Any] = [(3, 4, 5), 7, (slice(None), 9), (..., -1), ([1, 5, 50], slice(2, 60, 7))]

    def read(thread: int) -> bool:
        mine = keys[thread % len(keys) :] + keys[: thread % len(keys)]
        return all(np.array_equal(arr[k], want[k]) for _ in range(READS // 10) for k in mine)

    assert all(on_all_threads(read))


def test_threads_read_one_super_chunk(nthreads: int, where: dict[str, Any]) -> None:
    want = values((50_000,))
    row = tessera.SChunk(chunksize=16_000, data=want, **params(nthreads), **where)

    def read(thread: int) -> bool:
        rng = np.random.default_rng(thread)
        out = np.empty(300, "i4")
        for start in rng.integers(0, 49_000, READS).tolist():
            row.get_slice(start, start + 300, out=out)
            if not np.array_equal(out, want[start : start + 300]):
                return False
        return row[:] == want.tobytes()

    assert all(on_all_threads(read))


def test_readers_see_a_change_whole_or_not_at_all(nthreads: int) -> None:
    arr = tessera.zeros((40, 50), dtype="i4", chunks=(10, 20), blocks=(5, 10), **params(nthreads))
    done = threading.Event()

    def write() -> None:
        for value in range(1, 100):
            arr[:] = value
        done.set()

    def work(thread: int) -> bool:
        if thread == 0:
            write()
            return True
        seen = 0
        while not done.is_set():
            part = arr[:]
            if part.min() != part.max() or part[0, 0] < seen:
                return False
            seen = part[0, 0]
        return arr[3, 4] == 99

    assert all(on_all_threads(work))


def test_threads_write_boxes_of_one_array(nthreads: int, where: dict[str, Any]) -> None:
    want = values((64, 70))
    arr = tessera.zeros(
        want.shape, dtype="i4", chunks=(20, 30), blocks=(5, 10), **params(nthreads), **where
    )

    def write(thread: int) -> None:
        for row in range(8 * thread, 8 * thread + 8):
            arr[row] = want[row]

    on_all_threads(write)
    assert np.array_equal(arr[:], want)
    if where:
        arr.flush()
        assert np.array_equal(tessera.open(where["urlpath"])[:], want)


def test_threads_open_and_read_one_file(nthreads: int, tmp_path: Path) -> None:
    want, path = values((30, 400)), str(tmp_path / "data.b2nd")
    tessera.asarray(want, urlpath=path, chunks=(10, 100), blocks=(5, 50), **params(nthreads))

    def read(_: int) -> bool:
        same = (np.array_equal(tessera.open(path)[i], want[i]) for i in range(30))
        return all(same)

    assert all(on_all_threads(read))
