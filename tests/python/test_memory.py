# SPDX-License-Identifier: BSD-3-Clause
"""The memory of large results: NumPy's to own, kept for the next one when it is freed."""

import ctypes
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from numpy._core._multiarray_umath import _ARRAY_API
from numpy._core.multiarray import get_handler_name

import tessera as ts
from tessera._memory import empty_array

LARGE = 40 << 20  # more than malloc keeps


@pytest.fixture
def a():
    return ts.asarray(np.arange(LARGE // 8).reshape(-1, 1024))


def address(x):
    return x.__array_interface__["data"][0]


def result(mib):
    return empty_array((mib << 20,), np.dtype("u1"))


@pytest.fixture
def only_small_mappings_kept():
    many = [result(32) for _ in range(8)]
    del many  # they fill what may be kept


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


def test_a_resize_within_the_mapping_moves_nothing(only_small_mappings_kept):
    x = empty_array((LARGE,), np.dtype("u1"))
    x[:] = 7
    at = address(x)
    for n in (LARGE - (1 << 20), LARGE * 3 // 4, LARGE):
        x.resize(n, refcheck=False)
        assert address(x) == at
    assert (x[: LARGE * 3 // 4] == 7).all()
    assert not x[LARGE * 3 // 4 :].any()
    x.resize(LARGE // 2, refcheck=False)  # half of it would stay unused
    assert address(x) != at
    assert (x == 7).all()


def test_a_result_takes_the_smallest_mapping_that_leaves_a_quarter(only_small_mappings_kept):
    x, y = result(80), result(64)
    at = {80: address(x), 64: address(y)}
    del y, x
    x, y, z = result(62), result(60), result(48)
    assert address(x) == at[64]
    assert address(y) == at[80]
    assert address(z) not in at.values()
    del y
    assert address(result(58)) != at[80]


def test_what_is_kept_is_bounded(only_small_mappings_kept):
    def mapped():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")

    def results(sizes):
        return [result(n) for n in sizes]

    before = mapped()  # with 256 MiB that are kept
    for sizes in ([300, *range(33, 63), 300], [40] * 30):
        many = results(sizes)
        assert mapped() - before >= sum(sizes) - 256 << 20
        del many
        assert mapped() - before <= 8 << 20


def test_threads_share_what_is_kept(a):
    want = a[:]
    with ThreadPoolExecutor(4) as pool:
        for same in pool.map(lambda _: (a[:] == want).all(), range(12)):
            assert same


class Handler(ctypes.Structure):
    """NumPy's PyDataMem_Handler; the capsule of one holds a pointer to it."""

    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("functions", ctypes.c_void_p * 5),
    )


NAME = b"mem_handler"  # of NumPy's choice; a capsule points to it
OWN = Handler()  # arrays point to it as long as they are
SET_HANDLER, DEFAULT_HANDLER = 304, 306  # places in the table of NumPy's C API

pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
pointer_in.restype, pointer_in.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype = ctypes.py_object
capsule.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p


@contextmanager
def handler_of_the_program():
    """NumPy takes memory by OWN, which does as the default handler but has another name."""
    table = ctypes.cast(pointer_in(_ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    default = ctypes.py_object.from_address(table[DEFAULT_HANDLER]).value
    ctypes.memmove(ctypes.byref(OWN), pointer_in(default, NAME), ctypes.sizeof(OWN))
    OWN.name = b"program"
    take = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[SET_HANDLER])
    before = take(capsule(ctypes.addressof(OWN), NAME, None))
    try:
        yield
    finally:
        take(before)


def test_a_program_that_manages_the_memory_of_numpy_still_does(a):
    assert get_handler_name(a[:]) == "tessera"
    with handler_of_the_program():
        x, small, tensor = a[:], a[:3], ts.unpack_tensor(ts.pack_tensor(np.ones(LARGE // 8)))
        assert get_handler_name() == "program"
    assert [get_handler_name(y) for y in (x, small, tensor)] == ["program"] * 3
    np.testing.assert_array_equal(x, a[:])
    assert get_handler_name(a[:]) == "tessera"


def test_what_numpy_and_small_results_take_is_left_to_numpy(a):
    x = a[:]
    assert get_handler_name() == "default_allocator"
    for y in (np.ones(3), np.ones(LARGE // 8), x + 1, a[:3]):
        assert get_handler_name(y) == "default_allocator"


def test_a_child_of_fork_reads_on(a):
    x = a[:]
    del x
    pid = os.fork()
    if pid == 0:
        os._exit(0 if a[:][-1, -1] == LARGE // 8 - 1 else 1)
    assert os.waitpid(pid, 0)[1] == 0
