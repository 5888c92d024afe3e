# SPDX-License-Identifier: BSD-3-Clause
"""Decoded blocks that wait for the next read."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tessera as ts

DATA = np.arange(40_000).reshape(200, 200)


@pytest.fixture(autouse=True)
def cache():
    before = ts.set_cache(8 << 20)
    yield
    ts.set_cache(before)


@pytest.fixture
def a():
    return ts.asarray(DATA, chunks=(100, 100), blocks=(20, 20))


def hits_of(x):
    return x._stats()["cache_hits"]


def test_a_block_is_decoded_once_for_many_reads(a):
    for i in range(20):
        for j in range(20):
            assert a[i, j] == DATA[i, j]
    st = a._stats()
    assert st["blocks_decoded"] <= 2  # the first time perhaps only its beginning
    assert st["cache_hits"] >= 398


def test_super_chunks_have_it_too():
    s = ts.SChunk(chunksize=80_000, data=DATA, cparams={"blocksize": 8000})
    for i in range(0, 1000, 10):
        assert s[i : i + 10] == DATA.ravel()[i : i + 10].tobytes()
    assert hits_of(s) >= 98


def test_without_a_cache_each_read_decodes(a):
    assert ts.set_cache(0) == 8 << 20
    assert ts.cache_stats().budget_bytes == ts.cache_stats().held_bytes == 0
    for _ in range(5):
        assert a[3, 4] == DATA[3, 4]
    assert a._stats()["blocks_decoded"] == 5
    assert hits_of(a) == 0
    assert ts.set_cache(1 << 20) == 0


def test_the_statistics_are_those_of_all_arrays(a):
    before = ts.cache_stats()
    for x in (a, ts.asarray(DATA[::-1].copy(), chunks=(100, 100), blocks=(20, 20))):
        for _ in range(4):
            np.testing.assert_array_equal(x[20:40, :20], x[:][20:40, :20])
    after = ts.cache_stats()
    assert after.hits > before.hits
    assert after.misses > before.misses
    assert after.held_bytes >= before.held_bytes + 2 * 3200
    assert after.budget_bytes >= after.held_bytes


def test_handles_with_threads_of_their_own_have_one_of_that_size():
    a = ts.asarray(DATA, chunks=(100, 100), blocks=(20, 20), dparams={"nthreads": 5},
                   cparams={"nthreads": 5})  # fmt: skip
    one = ts.cache_stats().budget_bytes
    ts.set_cache(16 << 20)
    assert ts.cache_stats().budget_bytes == 2 * one
    for _ in range(3):
        assert a[0, 0] == 0
    assert hits_of(a) >= 1
    ts.set_cache(0)
    for _ in range(3):
        assert a[0, 0] == 0
    assert a._stats()["blocks_decoded"] >= 4


def test_what_is_written_is_what_is_read(a):
    for i in range(50):
        assert a[7, 7] == (DATA[7, 7] if i == 0 else i - 1)
        a[7, 7] = i
    a.resize((8, 8))
    a.resize((200, 200))
    assert a[7, 7] == 49
    assert a[7, 8] == 0


def test_its_size_may_change_while_others_read(a):
    def read(i):
        return (a[i % 200, 3:30] == DATA[i % 200, 3:30]).all()

    with ThreadPoolExecutor(4) as pool:
        many = pool.map(read, range(2000))
        for n in (0, 1 << 20, 3 << 16, 0, 8 << 20):
            ts.set_cache(n)
        assert all(many)


@pytest.mark.parametrize("nbytes", [-1, 2**63])
def test_sizes_that_no_machine_has_are_refused(nbytes):
    with pytest.raises(ValueError, match=f"set_cache: found {nbytes} bytes, expected 0"):
        ts.set_cache(nbytes)
    assert ts.set_cache(8 << 20) == 8 << 20


@pytest.mark.parametrize("nbytes", [1e6, "64M", None, [1]])
def test_sizes_that_are_no_integers_are_refused(nbytes):
    found = type(nbytes).__name__
    with pytest.raises(TypeError, match=f"set_cache: found {found}, expected an integer"):
        ts.set_cache(nbytes)
    assert ts.set_cache(np.int32(8 << 20)) == 8 << 20
