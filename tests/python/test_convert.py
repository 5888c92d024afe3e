# SPDX-License-Identifier: BSD-3-Clause
"""Conversions between formats and layouts, what is said of them before, and their interruption."""

import gzip
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import tessera

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "remote"))
from s3server import ID, REGION, S3, SECRET

ITEMS = np.arange(60 * 80, dtype="<i4").reshape(60, 80)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def made(path="a.b2nd", **how):
    tessera.asarray(ITEMS, urlpath=path, **{"chunks": (20, 40), "blocks": (5, 20), **how}).close()
    return path


def large(path="large.b2nd"):
    """An array that takes many boxes in little memory."""
    n = 300
    a = tessera.empty((n, n, n), "f4", urlpath=path, chunks=(1, n, n), blocks=(1, 100, n))
    for i in range(n):
        a[i] = np.arange(n * n, dtype="f4").reshape(n, n) + i
    a.close()
    one = {"nthreads": 1}  # memory is told apart by threads
    return path, {"chunks": (n, 20, 20), "memory_bytes": 60_000_000, "dparams": one}


# ---- what comes out ----


def test_a_round_of_formats_has_one_digest():
    want = tessera.hash(ITEMS)
    tessera.convert(made(), "shards.zarr", chunks=(40, 40), blocks=(20, 20))
    tessera.convert("shards.zarr", "b.zip")
    tessera.convert("b.zip", "c.b2nd", cparams={"codec": tessera.Codec.LZ4})
    tessera.convert(Path("c.b2nd"), "d.zarr", format="zarr2", chunks=(30, 30), order="F")
    tessera.convert("d.zarr", "e.npy")
    names = ["shards.zarr", "b.zip", "c.b2nd", "d.zarr"]
    assert [tessera.hash(name) for name in names] == [want] * 4
    assert np.array_equal(np.load("e.npy"), ITEMS)
    a, b, c, d = map(tessera.open, names)
    assert (a.format, a.chunks, a.blocks) == ("zarr3", (40, 40), (20, 20))
    assert (b.format, b.chunks, b.blocks) == ("zarr3", (40, 40), (20, 20))
    assert (c.format, c.chunks, c.blocks) == ("b2nd", (40, 40), (20, 20))
    assert (d.format, d.chunks, d.order) == ("zarr2", (30, 30), "F")
    assert sorted(os.listdir()) == ["a.b2nd", *sorted([*names, "e.npy"])]


def test_of_cparams_in_a_dictionary_the_rest_is_as_in_the_source():
    cparams = {"codec": tessera.Codec.LZ4HC, "clevel": 7, "filters": [tessera.Filter.BITSHUFFLE]}
    made(cparams=cparams)
    tessera.convert("a.b2nd", "b.b2nd", cparams={"clevel": 2})
    got = tessera.open("b.b2nd").cparams
    assert (got.codec, got.clevel) == (tessera.Codec.LZ4HC, 2)
    assert tessera.Filter.BITSHUFFLE in got.filters
    np.save("c.npy", ITEMS)
    tessera.convert("c.npy", "c.b2nd", cparams={"codec": tessera.Codec.LZ4})
    got = tessera.open("c.b2nd").cparams
    assert (got.codec, got.clevel) == (tessera.Codec.LZ4, 5)
    assert tessera.Filter.SHUFFLE in got.filters
    tessera.convert("c.npy", "d.b2nd", cparams=tessera.CParams(clevel=1, typesize=4))
    assert tessera.open("d.b2nd").cparams.clevel == 1


def test_a_source_whose_format_is_named_keeps_the_rest_too():
    made(cparams={"codec": tessera.Codec.LZ4, "clevel": 7})
    tessera.convert("a.b2nd", "b.b2nd", from_format="b2nd", cparams={"clevel": 3})
    there = tessera.open("b.b2nd").cparams
    assert (there["codec"], there["clevel"]) == (tessera.Codec.LZ4, 3)


def test_what_zarr_records_can_be_asked_for():
    made(attributes={"unit": "K"})
    tessera.convert("a.b2nd", "a.zarr", chunks=((10, 50), 40), dimension_names=["y", "x"],
                    codecs=["bytes", "crc32c"])  # fmt: skip
    a = tessera.open("a.zarr")
    assert a.chunks == ((10, 50), 40) and a.dimension_names == ("y", "x")
    assert [c["name"] for c in a.codecs] == ["bytes", "crc32c"] and a.attrs["unit"] == "K"
    assert a.hash() == tessera.hash(ITEMS)
    with pytest.raises(ValueError, match="dimension_names"):
        tessera.convert("a.zarr", "b.b2nd", dimension_names=["y", "x"])


def test_raw_items_are_told_what_they_are():
    Path("x.raw").write_bytes(b"head" + ITEMS.tobytes())
    Path("x.raw.gz").write_bytes(gzip.compress(ITEMS.tobytes()))
    tessera.convert("x.raw", "a.b2nd", offset=4, dtype="<i4", shape=(60, 80))
    tessera.convert("x.raw.gz", "b.zarr", dtype="<i4", shape=(60, 80), cparams={"clevel": 1})
    assert tessera.hash("a.b2nd") == tessera.hash("b.zarr") == tessera.hash(ITEMS)
    with pytest.raises(ValueError, match="give both"):
        tessera.convert("x.raw", "c.b2nd", dtype="<i4")


def test_super_chunks_become_arrays_and_files_of_their_own():
    s = tessera.SChunk(urlpath="s.b2frame", data=ITEMS, cparams={"typesize": 4})
    s.close()
    tessera.convert("s.b2frame", "t.b2frame", cparams={"codec": tessera.Codec.LZ4})
    t = tessera.open("t.b2frame")
    assert isinstance(t, tessera.SChunk) and t[:] == ITEMS.tobytes()
    assert t.cparams.codec is tessera.Codec.LZ4
    tessera.convert("s.b2frame", "s.b2nd")
    assert tessera.open("s.b2nd")[...].tobytes() == ITEMS.tobytes()


def tree(path="tree.zarr", **how):
    with tessera.create_group(path, attributes={"title": "T"}, **how) as g:
        g.create_array("a/x", data=ITEMS, chunks=(30, 40)).attrs["n"] = 1
        g["y"] = np.arange(5)
        g.create_group("empty")
    return path


def digests(path):
    with tessera.open(path) as g:
        return {name: node.hash(attrs=True) if isinstance(node, tessera.NDArray)
                else dict(node.attrs) for name, node in g.members(None)}  # fmt: skip


def test_a_group_goes_with_all_below_it():
    tessera.convert(tree(), "tree.zip")
    tessera.convert("tree.zip", "two.zarr", format="zarr2")
    tessera.convert("two.zarr", "again.zarr", format="zarr3")
    want = digests("tree.zarr")
    assert set(want) == {"a", "a/x", "empty", "y"}
    assert digests("tree.zip") == digests("two.zarr") == digests("again.zarr") == want
    assert dict(tessera.open("again.zarr").attrs) == {"title": "T"}
    tessera.convert("tree.zip#a/x", "again.zarr#z/x")
    assert tessera.hash("again.zarr#z/x") == tessera.hash(ITEMS)
    with pytest.raises(ValueError, match="group"):
        tessera.convert("tree.zarr", "b.zarr", chunks=(10, 10))


def test_what_cannot_be_carried_is_listed_and_nothing_written():
    g = tessera.open(tree(), mode="a")
    for name in ("u/b", "u/c"):
        g.create_array(name, shape=(3,), dtype="u2", data_type="bfloat16").close()
    with pytest.raises(tessera.UnsupportedError, match=r"2 nodes.*zarr2: u/b: .*; u/c: "):
        tessera.convert("tree.zarr", "two.zarr", format="zarr2")
    made("m.b2nd", meta={"mine": b"x"})
    with pytest.raises(tessera.UnsupportedError, match="mine"):
        tessera.convert("m.b2nd", "m.zarr")
    assert sorted(os.listdir()) == ["m.b2nd", "tree.zarr"]


def test_what_is_there_stays_unless_it_is_to_be_replaced():
    made()
    tessera.zeros(3, urlpath="b.b2nd").close()
    with pytest.raises(tessera.ExistsError):
        tessera.convert("a.b2nd", "b.b2nd")
    assert tessera.open("b.b2nd").shape == (3,)
    tessera.convert("a.b2nd", "b.b2nd", mode="w")
    assert tessera.hash("b.b2nd") == tessera.hash(ITEMS)
    with pytest.raises(FileNotFoundError):
        tessera.convert("none.b2nd", "c.b2nd")
    with pytest.raises(ValueError, match="mode"):
        tessera.convert("a.b2nd", "c.b2nd", mode="r")
    with pytest.raises(KeyError, match="chunk"):
        tessera.convert("a.b2nd", "c.b2nd", chunk=(1, 1))
    with pytest.raises(ValueError, match="fill_value"):
        tessera.convert("a.b2nd", "c.b2nd", fill_value=1)
    with pytest.raises(TypeError, match=r"expected a place, found NDArray, which is 'a.b2nd'"):
        tessera.convert(tessera.open("a.b2nd"), "c.b2nd")
    assert sorted(os.listdir()) == ["a.b2nd", "b.b2nd"]


def test_it_sees_what_this_process_has_not_flushed():
    a = tessera.open(made(), mode="a")
    a[0, 0] = -5
    tessera.convert("a.b2nd", "b.b2nd")
    assert tessera.open("b.b2nd")[0, 0] == -5
    g = tessera.open(tree(), mode="a")
    y = g["y"]
    y[4] = -5
    y.attrs["late"] = True
    tessera.convert("tree.zarr", "later.zarr")
    later = tessera.open("later.zarr#y")
    assert later[4] == -5 and later.attrs["late"] is True


# ---- before and while it goes on ----


def test_a_plan_has_figures_and_writes_nothing():
    path, how = large()
    plan = tessera.convert_plan(path, "pencils.zarr", **how)
    assert os.listdir() == [path] and not plan.stored
    assert plan.budget_bytes == how["memory_bytes"]
    assert 0 < plan.memory_bytes <= plan.budget_bytes
    first, last = plan.passes
    assert first.bytes_read >= 300**3 * 4 and len(first.box) == 3 and first.boxes > 1
    assert last.bytes_written == 300**3 * 4 and last.chunks_written == 225
    assert len(plan.between) == len(plan.between_blocks) == 3 and plan.between_bytes > 0
    assert len(tessera.convert_plan(path, "pencils.zarr", chunks=(300, 20, 20)).passes) == 1
    stored = tessera.convert_plan(path, "same.b2nd")
    assert stored.stored and stored.passes[0].box is None and stored.between is None
    with pytest.raises(tessera.UnsupportedError, match="plan one"):
        tessera.convert_plan(tree(), "b.zarr")
    with pytest.raises(tessera.LimitError):
        tessera.convert_plan(path, "b.zarr", chunks=(300, 300, 300), memory_bytes=60_000_000)


class Enough(Exception):
    pass


@pytest.mark.parametrize("dst", ["pencils.zarr", "pencils.b2nd"])
def test_what_a_listener_raises_comes_out_and_the_rest_is_done_later(dst):
    path, how = large()
    seen = []

    def progress(done, total):
        seen.append(done)
        if done > total // 2:
            raise Enough("half of it")

    with pytest.raises(Enough, match="half of it"):
        tessera.convert(path, dst, progress=progress, **how)
    assert seen == sorted(seen) and not os.path.exists(dst) and os.path.isdir(f"{dst}.partial")
    with pytest.raises(tessera.ExistsError):
        tessera.convert(path, dst, **how)
    with pytest.raises(tessera.ConflictError):
        tessera.convert(path, dst, resume=True, **{**how, "chunks": (300, 10, 10)})
    rest = []
    tessera.convert(path, dst, resume=True, progress=lambda *n: rest.append(n[0]), **how)
    assert rest[0] > 300**3 * 4 // 4 and rest[-1] >= 300**3 * 4
    assert tessera.hash(dst) == tessera.hash(path)
    assert sorted(os.listdir()) == sorted([path, dst])


@pytest.fixture
def ctrl_c():
    """Programs in the background of a shell ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_it_and_it_can_be_resumed(ctrl_c):
    path, how = large()
    begun = threading.Event()

    def interrupt():
        if begun.wait(20):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(20):  # one may be done before the signal is there
            tessera.convert(path, "p.zarr", mode="w", progress=lambda *_: begun.set(), **how)
    thread.join()
    tessera.convert(path, "p.zarr", mode="w", resume=True, **how)
    assert tessera.hash("p.zarr") == tessera.hash(path)


def test_to_s3_and_back():
    with S3() as site:
        options = {"endpoint": site.url, "region": REGION, "key": ID, "secret": SECRET}
        url = "s3://bucket/c/a.zarr"
        tessera.convert(made(), url, chunks=(30, 40), storage_options=options)
        assert tessera.hash(url, storage_options=options) == tessera.hash(ITEMS)
        tessera.convert(url, "back.b2nd", from_options=options)
        tessera.convert(url, url + ".two", format="zarr2", storage_options=options)
        with pytest.raises(tessera.DeniedError):
            wrong = {**options, "secret": "x"}
            tessera.convert(url, "c.b2nd", from_options=wrong, storage_options=options)
    assert tessera.hash("back.b2nd") == tessera.hash(ITEMS)
