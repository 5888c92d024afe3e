# SPDX-License-Identifier: BSD-3-Clause
"""Arrays among NumPy, dask, pickle, threads and processes."""

import copy
import io
import multiprocessing as mp
import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tessera as ts

RNG = np.random.default_rng(6)
DATA = RNG.integers(0, 1000, (60, 70))


@pytest.fixture
def a():
    return ts.asarray(DATA, chunks=(20, 30), blocks=(10, 10))


@pytest.fixture
def stored(tmp_path):
    p = str(tmp_path / "a.b2nd")
    ts.asarray(DATA, chunks=(20, 30), blocks=(10, 10), urlpath=p).close()
    return ts.open(p)


# ---- NumPy ----


def test_numpy_makes_an_array_of_it(a):
    assert type(np.asarray(a)) is np.ndarray
    np.testing.assert_array_equal(a, DATA)
    assert np.asarray(a, dtype="f4").dtype == np.float32
    assert np.array(a)[0, 0] == DATA[0, 0]
    with pytest.raises(ValueError, match="copy"):
        np.asarray(a, copy=False)


def test_arithmetic_gives_numpy_arrays(a):
    for got, expected in [
        (a + 1, DATA + 1), (2 * a, 2 * DATA), (a - a, DATA - DATA), (-a, -DATA), (a**2, DATA**2),
        (a > 500, DATA > 500), (a == DATA, DATA == DATA), (a / 3, DATA / 3),
        (1 // (a + 1), 1 // (DATA + 1)),
        (DATA + a, DATA + DATA), (a @ DATA.T, DATA @ DATA.T), (divmod(a, 7)[1], DATA % 7),
    ]:  # fmt: skip
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, expected)


def test_universal_functions_write_into_an_array_of_ours(a):
    assert np.add(a, 5, out=a) is a
    np.testing.assert_array_equal(a, DATA + 5)
    before = a
    a *= 2
    assert a is before
    np.testing.assert_array_equal(a, (DATA + 5) * 2)
    with pytest.raises(TypeError):
        a /= 2  # as of NumPy: floats do not fit into integers
    np.testing.assert_array_equal(np.add.reduce(a, axis=0), ((DATA + 5) * 2).sum(0))


def test_numpys_functions_take_it(a):
    np.testing.assert_array_equal(np.concatenate([a, a]), np.concatenate([DATA, DATA]))
    np.testing.assert_array_equal(np.where(a > 500, a, 0), np.where(DATA > 500, DATA, 0))
    np.testing.assert_array_equal(np.stack((a, DATA)), np.stack((DATA, DATA)))
    np.testing.assert_array_equal(np.sort(a, axis=1), np.sort(DATA, axis=1))
    assert np.allclose(np.mean(a, axis=0), DATA.mean(axis=0))
    assert np.sum(a) == DATA.sum()
    assert np.median(a) == np.median(DATA)


def test_numpys_questions_of_shape_and_dtype_decode_nothing(stored):
    assert np.shape(stored) == (60, 70)
    assert np.ndim(stored) == 2
    assert np.size(stored) == 4200
    assert np.zeros_like(stored).shape == (60, 70)
    assert np.result_type(stored, np.float32) == np.float64
    assert stored._stats()["blocks_decoded"] == 0


def test_an_array_of_one_item_is_a_number_to_python():
    one = ts.asarray(np.int64(7))
    assert (int(one), float(one), complex(one), bool(one)) == (7, 7.0, 7 + 0j, True)
    assert [10, 20, 30][ts.asarray(np.int64(1))] == 20
    assert ts.asarray([[5]]).item() == 5
    assert ts.arange(9).item(4) == 4
    with pytest.raises(ValueError, match="ambiguous"):
        bool(ts.arange(3))
    with pytest.raises(TypeError):
        [1][ts.arange(1)]


def test_in_looks_for_a_value(a):
    assert DATA[3, 4] in a
    assert -1 not in a


def test_handles_can_be_keys_of_dictionaries(a):
    assert {a: 1}[a] == 1


def test_an_npy_file_opened_to_read_is_mapped(tmp_path):
    p = str(tmp_path / "a.npy")
    np.save(p, DATA)
    a = ts.open(p)
    seen = np.asarray(a)
    assert not seen.flags.owndata
    assert not seen.flags.writeable
    np.testing.assert_array_equal(seen, DATA)
    assert a._stats()["bytes_read"] < DATA.nbytes
    del a
    np.testing.assert_array_equal(seen, DATA)
    assert not hasattr(ts.open(p, "a"), "__array_interface__")
    assert not hasattr(ts.asarray(DATA), "__array_interface__")


def test_dlpack_hands_out_a_decoded_copy(a):
    np.testing.assert_array_equal(np.from_dlpack(a), DATA)
    assert a.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError):
        a.__dlpack__(copy=False)


# ---- dask ----


def test_dask_reads_it_chunk_by_chunk(stored):
    da = pytest.importorskip("dask.array")
    d = da.from_array(stored)
    assert d.dtype == stored.dtype
    assert d.shape == stored.shape
    assert int((d + 1).sum().compute(scheduler="threads")) == (DATA + 1).sum()
    np.testing.assert_array_equal(d[5:50, ::3].compute(), DATA[5:50, ::3])
    e = da.from_array(stored, chunks=stored.chunks)
    assert e.chunks == ((20, 20, 20), (30, 30, 10))
    np.testing.assert_array_equal(e.compute(scheduler="threads", num_workers=4), DATA)


def test_dask_reads_it_in_other_processes(stored):
    da = pytest.importorskip("dask.array")
    d = da.from_array(stored, chunks=(30, 35))
    assert int(d.sum().compute(scheduler="processes", num_workers=2)) == DATA.sum()


def test_dask_writes_into_it():
    da = pytest.importorskip("dask.array")
    out = ts.zeros((60, 70), "i8", chunks=(20, 30))
    da.store(da.from_array(DATA, chunks=(7, 11)), out, scheduler="threads", lock=False)
    np.testing.assert_array_equal(out, DATA)


def test_dask_knows_the_same_file_again(stored):
    tokenize = pytest.importorskip("dask.base").tokenize
    again = ts.open(stored.urlpath)
    assert tokenize(stored) == tokenize(again)
    w = ts.open(stored.urlpath, "a")
    w[0, 0] += 1
    w.close()
    assert tokenize(ts.open(stored.urlpath)) != tokenize(ts.asarray(DATA))


# ---- pickle, copy ----


@pytest.mark.parametrize(
    "how",
    [
        {"format": "zarr3", "chunks": ((20, 15, 25), 30), "dimension_names": ["y", None]},
        {"format": "zarr3", "chunks": (20, 30), "blocks": (10, 10), "codecs": ["bytes", "gzip"]},
        {"format": "zarr2", "order": "F", "separator": "/"},
    ],
    ids=["several lengths", "shards", "format 2"],
)
def test_pickles_of_zarr_in_memory_are_equal_and_may_be_changed(how):
    a = ts.asarray(DATA, fill_value=7, attributes={"unit": "mm"}, **how)
    b = pickle.loads(pickle.dumps(a))
    np.testing.assert_array_equal(b, DATA)
    for name in ("format", "dtype", "chunks", "blocks", "codecs", "dimension_names", "order",
                 "fill_value", "urlpath", "attrs"):  # fmt: skip
        assert getattr(a, name) == getattr(b, name), name
    assert a._spec() == b._spec()
    b[0, 0] = 5
    assert b[0, 0] == 5 and a[0, 0] == DATA[0, 0]


def test_pickles_of_text_in_memory_are_equal():
    words = np.array(["a", "", "é"], dtype=object)
    b = pickle.loads(pickle.dumps(ts.asarray(words)))
    assert b[:].tolist() == words.tolist() and b.item_kind == "string"


def test_pickling_in_memory_takes_a_frame(a):
    a.vlmeta["x"] = 1
    b = pickle.loads(pickle.dumps(a))
    np.testing.assert_array_equal(b, DATA)
    assert b.vlmeta["x"] == 1
    b[0] = 0
    np.testing.assert_array_equal(a, DATA)


def test_pickling_a_file_takes_its_path_and_gives_an_array_to_read(stored, monkeypatch, tmp_path):
    packed = pickle.dumps(stored)
    assert len(packed) < 500
    monkeypatch.chdir(tmp_path / "..")
    b = pickle.loads(packed)
    np.testing.assert_array_equal(b, DATA)
    with pytest.raises(ValueError):
        b[0] = 1


def test_pickling_an_array_with_changes_writes_them(stored):
    w = ts.open(stored.urlpath, "a")
    w[0] = -5
    b = pickle.loads(pickle.dumps(w))
    assert (b[0] == -5).all()
    assert b.mode == "r"


def test_pickling_a_relative_path_makes_it_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    packed = pickle.dumps(ts.ones(3, urlpath="one.b2nd"))
    monkeypatch.chdir("/")
    assert pickle.loads(packed)[0] == 1


def test_pickling_a_closed_array_is_refused(a, stored):
    for x in (a, stored):
        x.close()
        with pytest.raises(ValueError, match="closed"):
            pickle.dumps(x)


def test_pickling_keeps_the_offset_of_a_frame(stored, tmp_path):
    p = tmp_path / "many"
    p.write_bytes(b"x" * 100 + stored.to_cframe())
    b = pickle.loads(pickle.dumps(ts.open(str(p), offset=100)))
    np.testing.assert_array_equal(b, DATA)


def test_pickling_a_view_takes_its_array_along():
    v = ts.asarray(DATA[None]).squeeze()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(v)), DATA)


def test_copies_are_arrays_in_memory(stored):
    for c in (copy.copy(stored), copy.deepcopy([stored])[0]):
        assert c.urlpath is None
        c[0] = 0
    np.testing.assert_array_equal(stored, DATA)


def test_numpy_saves_it(a):
    f = io.BytesIO()
    np.save(f, a)
    f.seek(0)
    np.testing.assert_array_equal(np.load(f), DATA)


# ---- threads ----


def test_threads_read_one_array_at_the_same_time(stored):
    def read(i):
        for _ in range(20):
            np.testing.assert_array_equal(stored[i : i + 20, ::2], DATA[i : i + 20, ::2])
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(24)))


def test_a_reader_sees_each_write_whole():
    a = ts.zeros((64, 64), "i8", chunks=(16, 16), blocks=(8, 8))
    wrong, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen = a[...]
            if (seen != seen[0, 0]).any():
                wrong.append(seen)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for t in readers:
        t.start()
    for i in range(200):
        a[...] = i
    stop.set()
    for t in readers:
        t.join()
    assert not wrong


def test_threads_write_different_parts():
    a = ts.zeros((64, 100), "i8", chunks=(10, 30), blocks=(5, 10))

    def write(i):
        a[i] = i

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    np.testing.assert_array_equal(a, np.repeat(np.arange(64)[:, None], 100, 1))


def test_resizing_while_others_read_shows_old_or_new():
    a = ts.full((50,), 3, dtype="i4", chunks=(10,))
    stop = threading.Event()
    wrong = []

    def read():
        while not stop.is_set():
            try:
                seen = a[:40]
            except (ValueError, RuntimeError) as e:  # its shape changed on the way
                seen = np.full(1, 3) if "shape" in str(e) or "bounds" in str(e) else None
                if seen is None:
                    wrong.append(e)
                    return
            if not (seen == 3).all():
                wrong.append(seen)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for t in readers:
        t.start()
    for i in range(100):
        a.resize((60 + i,))
    stop.set()
    for t in readers:
        t.join()
    assert not wrong


# ---- processes ----


def part(a, i):
    return a[i : i + 10].sum()


def total(a):
    return int(a.sum())


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
@pytest.mark.parametrize("where", ["file", "memory"])
def test_process_pools_take_arrays_as_arguments(method, where, stored, a):
    given = stored if where == "file" else a
    with ProcessPoolExecutor(2, mp_context=mp.get_context(method)) as pool:
        sums = [f.result(60) for f in [pool.submit(part, given, i) for i in range(0, 60, 10)]]
    assert sums == [DATA[i : i + 10].sum() for i in range(0, 60, 10)]


def in_child(function):
    """What a function gives in a forked child, or the exception's text."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            answer = str(function())
        except BaseException as e:
            answer = f"{type(e).__name__}: {e}"
        os.write(w, answer.encode())
        os._exit(0)
    os.close(w)
    with open(r, "rb") as f:
        answer = f.read().decode()
    os.waitpid(pid, 0)
    return answer


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_reads_the_parents_handles(stored, a):
    ts.asarray(DATA)[...]  # the pool of threads is there before the fork
    assert in_child(lambda: int(stored[...].sum())) == str(DATA.sum())
    assert in_child(lambda: int(a[...].sum())) == str(DATA.sum())
    np.testing.assert_array_equal(stored, DATA)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_may_not_change_the_parents_handles(tmp_path):
    p = str(tmp_path / "w.b2nd")
    w = ts.zeros((10,), urlpath=p)
    w[0] = 1  # pending in the parent only
    before = Path(p).read_bytes()
    for change in (
        lambda: w.__setitem__(0, 2),
        w.flush,
        lambda: w.resize((5,)),
        lambda: w.append([1]),
    ):
        assert "fork" in in_child(change)
    in_child(w.close)
    assert Path(p).read_bytes() == before
    w.close()
    assert ts.open(p)[0] == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["g.zarr", "g.zip"])
def test_a_forked_child_may_not_change_the_parents_groups(tmp_path, name):
    p = str(tmp_path / name)
    g = ts.group(p)
    g["x"] = np.arange(3)  # of an archive pending in the parent only
    h = g.create_group("h")
    assert in_child(lambda: (list(g), g["x"][:].tolist())) == "(['h', 'x'], [0, 1, 2])"
    for change in (
        lambda: g.attrs.__setitem__("c", 1),
        lambda: g.attrs.__delitem__("c"),
        lambda: g.__delitem__("x"),
        lambda: g.__setitem__("y", np.arange(5)),
        lambda: g["x"].__setitem__(0, 5),
        lambda: h.create_group("new"),
        lambda: g["h"].create_array("new", shape=2),
        g.consolidate,
        g.flush,
    ):
        assert "fork" in in_child(change)
    assert in_child(g.close) == in_child(h.close) == "None"
    g["z"] = np.arange(4)
    h.close()
    g.close()
    assert list(ts.open(p)) == ["h", "x", "z"] and ts.open(p)["z"][3] == 3
    assert str(ts.verify(p)) == "nothing is wrong"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_beside_a_thread_that_uses_the_group_does_not_wait(tmp_path):
    g = ts.group(str(tmp_path / "g.zarr"))
    g["x"] = np.arange(3)
    done = threading.Event()
    thread = threading.Thread(target=lambda: [list(g) for _ in iter(done.is_set, True)])
    thread.start()
    try:
        for _ in range(20):
            assert in_child(lambda: list(g)) in (
                "['x']",
                f"ValueError: {g.urlpath}: the group is closed",
            )
    finally:
        done.set()
        thread.join()
    assert list(g) == ["x"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_opens_files_of_its_own(stored, tmp_path):
    def work():
        with ts.asarray(DATA, urlpath=str(tmp_path / "child.b2nd")) as c:
            c[0] = 0
        return int(ts.open(str(tmp_path / "child.b2nd"))[...].sum())

    assert in_child(work) == str(DATA[1:].sum())
