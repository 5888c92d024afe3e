# SPDX-License-Identifier: BSD-3-Clause
"""Many handles of one process that may change the same file."""

import gc
import os
import subprocess
import sys
import threading
import time

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


THREADS, TURNS = 4, 30
PLACES = ["a.b2nd", "a.zarr", "g.zarr#a"]


def on_threads(work):
    """work(0), work(1), ... on threads of their own; what they raised."""
    raised = []

    def run(i):
        try:
            work(i)
        except Exception as e:
            raised.append(e)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not any(t.is_alive() for t in threads)
    return raised


def start(tmp_path, name):
    """An empty array that grows, at a place inside a group where the name says so."""
    url = str(tmp_path / name)
    if "#" in url:
        tessera.group(url.partition("#")[0], mode="w").close()
    tessera.zeros(0, dtype="i4", chunks=(5,), urlpath=url, mode="w").close()
    return url


@pytest.mark.parametrize("name", PLACES)
def test_threads_append_to_objects_of_their_own_of_one_file(tmp_path, name):
    url = start(tmp_path, name)

    def append(i):
        with tessera.open(url, mode="a") as a:
            for n in range(TURNS):
                a.append([i * TURNS + n])

    assert on_threads(append) == []
    assert sorted(tessera.open(url)[:]) == list(range(THREADS * TURNS))


@pytest.mark.parametrize("name", PLACES)
def test_threads_open_append_and_close_one_file(tmp_path, name):
    url = start(tmp_path, name)

    def append(i):
        for n in range(TURNS):
            a = tessera.open(url, mode="a")
            a.append([i * TURNS + n])
            if n % 3:
                a.close()  # else it goes away, and writes then

    assert on_threads(append) == []
    assert sorted(tessera.open(url)[:]) == list(range(THREADS * TURNS))


def test_threads_read_and_flush_beside_objects_that_take_turns(tmp_path):
    url = start(tmp_path, "a.zarr")

    def work(i):
        with tessera.open(url, mode="a") as a:
            for n in range(TURNS):
                if i % 2:
                    a.append([1])
                    a.sync()
                else:
                    assert a[:].all()
                    a.attrs[f"{i}.{n}"] = n
                    a.flush()

    assert on_threads(work) == []
    a = tessera.open(url)
    assert a.shape == (THREADS // 2 * TURNS,)
    assert len(a.attrs) == THREADS // 2 * TURNS


def test_threads_append_to_a_super_chunk_by_objects_of_their_own(tmp_path):
    url = str(tmp_path / "s.b2frame")
    tessera.SChunk(chunksize=4, urlpath=url, mode="w").close()

    def append(i):
        with tessera.open(url, mode="a") as s:
            for _ in range(TURNS):
                s.append_data(bytes([65 + i]) * 4)

    assert on_threads(append) == []
    got = tessera.open(url)[:]
    assert sorted(got) == sorted(b"ABCD" * 4 * TURNS)


def test_a_child_of_fork_opens_what_threads_of_its_parent_take_turns_in(tmp_path):
    url = start(tmp_path, "a.zarr")
    program = """
import os, sys, threading, tessera
url, stop = sys.argv[1], threading.Event()
def work():
    with tessera.open(url, mode="a") as a:
        while not stop.is_set():
            a.append([1])
threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        with tessera.open(url) as a:
            os._exit(int(not a[:].all()))
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for t in threads:
    t.join()
"""
    run = [sys.executable, "-W", "ignore", "-c", program, url]
    assert subprocess.run(run, check=False, timeout=120).returncode == 0


def open_twice(way, url):
    if way == "group":
        g = tessera.group(url, mode="a")
        return g["a"], g["a"]
    inside = [f"{url}#a", f"{url}/a"]
    return [tessera.open(p, mode="a") for p in (inside if way == "mixed" else inside[:1] * 2)]


@pytest.mark.parametrize("way", ["group", "path", "mixed"])
def test_objects_of_an_array_in_a_group_take_turns(tmp_path, way):
    url = start(tmp_path, "g.zarr#a").partition("#")[0]
    a, b = open_twice(way, url)
    for i in range(6):
        a.append([2 * i])
        b.append([2 * i + 1])
    a.attrs["who"] = "a"
    b[-1] = 7
    a.close()
    b.close()
    c = tessera.open(f"{url}#a")
    assert c[:].tolist() == [*range(11), 7]
    assert dict(c.attrs) == {"who": "a"}


@pytest.mark.parametrize("mode", ["r", "a"])
def test_what_reads_from_an_array_that_it_replaces_is_told(tmp_path, mode):
    url = tmp_path / "a.zarr"
    values = np.arange(12, dtype="i4").reshape(3, 4)
    tessera.asarray(values, urlpath=url, chunks=(2, 2)).close()
    a = tessera.open(url, mode=mode)
    items = (a[i, j] for i in range(3) for j in range(4))
    with pytest.raises(tessera.ConflictError, match="a new array took its place"):
        tessera.fromiter(items, shape=(3, 4), dtype="i4", urlpath=url, mode="w")
    for use in (lambda: a[:], lambda: a.shape and a[0, 0], a.refresh, a.sum):
        with pytest.raises(tessera.ConflictError, match="open it anew"):
            use()
    a.close()


def test_what_was_pending_does_not_come_into_the_array_that_replaces_it(tmp_path):
    url = tmp_path / "g.zarr"
    g = tessera.group(url, mode="w")
    a = g.create_array("a", shape=(4,), dtype="i4", chunks=(2,))
    a[:] = 7
    b = g.create_array("a", shape=(4,), dtype="i4", chunks=(2,), overwrite=True)
    with pytest.raises(tessera.ConflictError):
        a[0] = 8
    a.close()
    assert b[:].tolist() == tessera.open(url)["a"][:].tolist() == [0] * 4


def test_a_file_that_is_replaced_is_read_until_the_new_one_is_whole(tmp_path):
    url = tmp_path / "a.b2nd"
    a = tessera.asarray(np.arange(4), urlpath=url)
    new = tessera.fromiter((a[i] + 1 for i in range(4)), shape=4, dtype="i8", urlpath=url, mode="w")
    assert new[:].tolist() == [1, 2, 3, 4]


# ---- what goes away ----


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("place", ["a.zip", "sparse"])
@pytest.mark.parametrize("ends", ["del", "close"])
def test_a_child_leaves_what_the_parent_has_begun(tmp_path, place, ends):
    sparse = {"contiguous": False} if place == "sparse" else {}
    a = tessera.zeros(20, urlpath=tmp_path / place, chunks=(5,), mode="w", **sparse)
    a[:] = 1
    a.flush()
    a[:] = 7
    child = os.fork()
    if child == 0:
        if ends == "close":
            a.close()
        del a
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    a.close()
    assert tessera.open(tmp_path / place)[:].tolist() == [7] * 20


def test_an_array_that_was_replaced_writes_nothing_into_the_new_one(tmp_path):
    url, stop, said = tmp_path / "x.zarr", threading.Event(), []

    def write_on(old):
        try:
            while not stop.is_set():
                old[:] = 11
        except tessera.ConflictError as e:
            said.append(str(e))

    for _ in range(20):
        old = tessera.zeros(600, "i4", urlpath=url, chunks=(50,), mode="w")
        t = threading.Thread(target=write_on, args=(old,))
        t.start()
        new = tessera.zeros(600, "i4", urlpath=url, chunks=(50,), mode="w")
        new[300:] = 22
        new.close()
        stop.set()
        t.join()
        stop.clear()
        old.close()
        assert tessera.open(url)[:].tolist() == [0] * 300 + [22] * 300
    assert all("a new array took its place" in s for s in said)


def test_arrays_are_made_anew_while_others_go_away(tmp_path):
    with tessera.zeros(100_000, "u1", urlpath=tmp_path / "b.b2nd", chunks=(10_000,)) as b:
        b[:] = 0
    end, data = time.monotonic() + 1, np.random.default_rng(0).integers(0, 255, 100_000, "u1")

    def let_go():
        while time.monotonic() < end:
            a = tessera.open(tmp_path / "b.b2nd", mode="a")
            a[:] = data
            del a

    t = threading.Thread(target=let_go)
    t.start()
    while time.monotonic() < end:
        tessera.zeros(10, "u1", urlpath=tmp_path / "m.zarr", mode="w")
    t.join()
    assert (tessera.open(tmp_path / "b.b2nd")[:] == data).all()
