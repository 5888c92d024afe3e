# SPDX-License-Identifier: BSD-3-Clause
"""Many handles of one process that may change the same file."""

import os

import numpy as np
import pytest

import tessera


@pytest.mark.parametrize("contiguous", [True, False])
def test_each_handle_may_change_what_the_others_wrote(tmp_path, contiguous):
    path = tmp_path / "a.b2nd"
    a = tessera.zeros((6, 4), dtype="i4", chunks=(2, 4), urlpath=path, contiguous=contiguous)
    b = tessera.open(path, mode="a")
    a[0] = 1
    b[1] = 2
    c = tessera.open(path, mode="w")
    c[2] = 3
    a[3] = 4
    b[4] = 5
    for h in (a, b, c):
        h.close()
    got = tessera.open(path)[:, 0]
    np.testing.assert_array_equal(got, [1, 2, 3, 4, 5, 0])


def test_a_shape_that_another_handle_changed_is_known_before_the_next_change(tmp_path):
    path = tmp_path / "a.b2nd"
    a = tessera.zeros(3, dtype="i4", urlpath=path)
    b = tessera.open(path, mode="a")
    b.resize((5,))
    a.append([7])
    assert a.shape == (6,)
    assert list(a[:]) == [0, 0, 0, 0, 0, 7]
    assert list(tessera.open(path)[:]) == [0, 0, 0, 0, 0, 7]


def test_super_chunks_take_turns_too(tmp_path):
    path = tmp_path / "s.b2frame"
    s = tessera.SChunk(chunksize=4, urlpath=path)
    s.append_data(b"abcd")
    t = tessera.open(path, mode="a")
    t.append_data(b"efgh")
    s.append_data(b"ijkl")
    s.vlmeta["who"] = "s"
    del s, t
    assert tessera.open(path)[:] == b"abcdefghijkl"


def test_what_is_removed_is_not_written_again(tmp_path, capfd):
    path = tmp_path / "a.b2nd"
    a = tessera.zeros(4, urlpath=path, contiguous=False)
    a[0] = 1
    tessera.remove_urlpath(path)
    b = tessera.ones(2, urlpath=path)
    del a
    assert list(b[:]) == [1, 1]
    assert os.path.isfile(path)
    assert capfd.readouterr().err == ""


def test_changes_through_a_map_show_at_once(tmp_path):
    path = tmp_path / "s.b2frame"
    s = tessera.SChunk(chunksize=4, urlpath=path, mmap_mode="w+")
    s.append_data(b"abcd")
    before = path.read_bytes()
    assert tessera.schunk_from_cframe(before)[:] == b"abcd"
    del s
    assert path.read_bytes() == before
