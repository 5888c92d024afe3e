# SPDX-License-Identifier: BSD-3-Clause
"""The memory of large results: NumPy's to own, kept for the next one when it is freed."""

import os
import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tessera as ts
from tessera._memory import empty_array

LARGE = 40 << 20  # more than malloc keeps


@pytest.fixture
def a():
    return ts.asarray(np.arange(LARGE // 8).reshape(-1, 1024))


def address(x):
    return x.__array_interface__["data"][0]


def test_large_results_own_their_memory_as_small_ones_do(a):
    for x in (a[:], a[:2], ts.unpack_tensor(ts.pack_tensor(a[:]))):
        assert x.base is None
        assert x.flags.owndata and x.flags.writeable and x.flags.c_contiguous
        np.testing.assert_array_equal(x, np.arange(x.size).reshape(x.shape))


def test_memory_of_a_result_that_is_gone_serves_the_next_one(a):
    x = a[:]
    y = a[:]
    assert address(x) != address(y)
    at = address(x)
    x[:] = 7
    del x
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    x = a[:]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000  # of 10,000 pages
    assert address(x) == at
    np.testing.assert_array_equal(x, y)


def test_a_result_can_be_resized(a):
    x, y = a[:], a[:]
    x.resize((100, 1024), refcheck=False)
    np.testing.assert_array_equal(x, y[:100])
    x.resize((9000, 1024), refcheck=False)
    np.testing.assert_array_equal(x[:100], y[:100])
    assert not x[100:].any()


def test_what_is_kept_is_bounded():
    def mapped():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def results(sizes):
        return [empty_array((n << 20,), np.dtype("u1")) for n in sizes]

    before = mapped()
    many = results([300, *range(33, 63), 300])
    assert mapped() - before > 1700 << 20
    del many
    assert mapped() - before <= 264 << 20
    many = results([40] * 30)
    assert mapped() - before >= 1200 << 20
    del many
    assert mapped() - before <= 264 << 20


def test_threads_share_what_is_kept(a):
    want = a[:]
    with ThreadPoolExecutor(4) as pool:
        for same in pool.map(lambda _: (a[:] == want).all(), range(12)):
            assert same


def test_a_program_that_manages_the_memory_of_numpy_still_does(a):
    from numpy._core.multiarray import get_handler_name

    assert get_handler_name(a[:]) == "tessera"
    assert get_handler_name(a[:3]) == get_handler_name(np.ones(3)) == "default_allocator"


def test_a_child_of_fork_reads_on(a):
    x = a[:]
    del x
    pid = os.fork()
    if pid == 0:
        os._exit(0 if a[:][-1, -1] == LARGE // 8 - 1 else 1)
    assert os.waitpid(pid, 0)[1] == 0
