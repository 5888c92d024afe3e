# SPDX-License-Identifier: BSD-3-Clause
"""Digests by NumPy beside the engine's, what differs between arrays, and what is broken."""

import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import tessera

P = 0x3243F6A8885A308D313198A2E0374BF  # docs/hash.md

PLAIN = ["?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8",
         "<c16", "S5", "<U3", "<M8[ns]", "<m8[s]", "V3"]  # fmt: skip
BIG = [">i2", ">u8", ">f4", ">c16", ">U3", ">M8[ms]"]
STRUCTURED = [
    np.dtype([("a", "<i4"), ("b", "u1"), ("c", "<f8")], align=True),
    np.dtype([("x", ">i2"), ("y", "S3", (2, 2)), ("z", [("r", "<f4"), ("i", ">U2")])]),
]
# what is asked of each constructor for a shape of (20, 13, 7)
LAYOUTS = {
    "memory": {"chunks": (6, 5, 7), "blocks": (2, 5, 3)},
    "b2nd": {"chunks": (20, 1, 7), "cparams": {"codec": tessera.Codec.LZ4, "clevel": 1}},
    "sparse.b2nd": {"chunks": (7, 13, 2), "contiguous": False},
    "v2.zarr": {"format": "zarr2", "chunks": (3, 13, 4), "order": "F"},
    "v3.zarr": {"format": "zarr3", "chunks": (9, 9, 9)},
    "shards.zarr": {"format": "zarr3", "chunks": (8, 6, 8), "blocks": (4, 3, 2)},
    "uneven.zarr": {"chunks": ((4, 1, 15), 13, (3, 3, 1))},
}


def spelled(t):
    if t.names is None:
        return t.str.replace(">", "<")
    parts = [t.fields[name][0] for name in t.names]
    return [[name, spelled(p.base), *([list(p.shape)] if p.shape else [])]
            for name, p in zip(t.names, parts, strict=True)]  # fmt: skip


def packed(t):
    if t.names is None:
        return t.newbyteorder("<")
    parts = [t.fields[name][0] for name in t.names]
    fields = zip(t.names, parts, strict=True)
    return np.dtype([(name, packed(p.base), p.shape) for name, p in fields])


def digest(a, attrs=None):
    """The definition in docs/hash.md, in NumPy and whole numbers of any size."""
    lines = [spelled(a.dtype), list(a.shape)] + ([attrs] if attrs is not None else [])
    head = "tessera hash 1\n" + "".join(
        json.dumps(x, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
        for x in lines
    )
    row = head.encode() + a.astype(packed(a.dtype)).tobytes()
    return f"{int.from_bytes(row, 'little') % P:032x}"


def items_of(dtype, shape=(20, 13, 7), seed=3):
    """Random bits that are values of the dtype; a third of the rows is zeros."""
    dt = np.dtype(dtype)
    a = np.zeros(shape, dt)
    fill(a, np.random.default_rng(seed))
    a[: shape[0] // 3] = np.zeros((), dt)
    return a


def fill(a, rng):
    if a.dtype.names:
        for name in a.dtype.names:
            fill(a[name], rng)
    elif a.dtype.kind == "U":
        letters = rng.integers(0x20, 0x3FF, (*a.shape, a.dtype.itemsize // 4), "u4")
        text = ["".join(map(chr, row)) for row in letters.reshape(-1, letters.shape[-1])]
        a[...] = np.array(text).reshape(a.shape)
    elif a.dtype.kind == "b":
        a[...] = rng.integers(0, 2, a.shape)
    else:
        raw = rng.bytes(a.size * a.dtype.itemsize)
        a[...] = np.frombuffer(raw, a.dtype).reshape(a.shape)


@pytest.mark.parametrize("dtype", [*PLAIN, *BIG, *STRUCTURED], ids=str)
def test_the_digest_is_what_the_document_defines(dtype):
    for shape in [(20, 13, 7), (0, 4), (1,), (257,), ()]:
        a = items_of(dtype, shape) if shape else items_of(dtype, (1,))[0].reshape(())
        assert tessera.hash(a) == digest(np.asarray(a, np.dtype(dtype)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_digest_does_not_know_format_chunks_and_codec(layout, tmp_path):
    how = dict(LAYOUTS[layout])
    for i, dtype in enumerate(PLAIN):
        items = items_of(dtype)
        if layout != "memory":
            how["urlpath"] = tmp_path / f"{i}-{layout}"
        with tessera.asarray(items, **how) as a:
            assert tessera.hash(a) == a.hash() == digest(items), (layout, dtype)
        if layout != "memory":
            assert tessera.hash(how["urlpath"]) == digest(items)
            assert tessera.hash(str(how["urlpath"])) == digest(items)


def test_the_digest_of_big_endian_and_structured_items_is_that_of_their_values(tmp_path):
    for i, dtype in enumerate([*BIG, *STRUCTURED]):
        items = items_of(dtype)
        for form in ("b2nd",) if dtype is STRUCTURED[0] else ("b2nd", "zarr2"):  # it has gaps
            with tessera.asarray(items, urlpath=tmp_path / f"{i}.{form}", format=form) as a:
                assert a.hash() == digest(items), (dtype, form)
    little = items_of("<i4")
    assert tessera.hash(little) == tessera.hash(little.astype(">i4"))


def test_attributes_count_when_they_are_asked_for(tmp_path):
    attrs = {"b": [1, 2.5, None, "ä"], "a": {"z": True, "y": 1e-7}}
    items = np.arange(10)
    for name in ("a.b2nd", "a.zarr"):
        with tessera.asarray(items, urlpath=tmp_path / name, attributes=attrs) as a:
            assert a.hash(attrs=True) == digest(items, attrs)
            assert a.hash() == digest(items)


def test_digests_of_super_chunks_views_and_what_is_no_array(tmp_path):
    data = bytes(range(200))
    s = tessera.SChunk(data=data, chunksize=48, cparams={"typesize": 8})
    assert tessera.hash(s) == s.hash() == digest(np.frombuffer(data, "V8"))
    a = tessera.arange(6, shape=(1, 6))
    assert a.squeeze().hash() == digest(np.arange(6))
    tessera.create_group(tmp_path / "g.zarr")
    with pytest.raises(tessera.UnsupportedError, match="a group, expected"):
        tessera.hash(tmp_path / "g.zarr")
    with pytest.raises(FileNotFoundError):
        tessera.hash(tmp_path / "nothing.b2nd")
    a.close()
    with pytest.raises(ValueError, match="closed"):
        a.hash()


def test_many_threads_hash_one_array():
    a = tessera.asarray(items_of("<f8", (200, 40, 7)), chunks=(10, 40, 7))
    want, found = digest(a[...]), []
    threads = [threading.Thread(target=lambda: found.append(a.hash())) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [want] * 8


def test_what_a_signal_raises_ends_long_work():
    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop("enough")

    a = tessera.asarray(np.random.default_rng(0).random((200, 200, 400)), chunks=(1, 200, 400))
    want = a.hash()
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Stop, match="enough"):
            while True:
                a.hash()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert a.hash() == want


# ---- differences ----


@pytest.fixture
def pair(tmp_path):
    """The same items in two formats and grids."""
    items = np.random.default_rng(1).random((30, 40))
    a = tessera.asarray(items, chunks=(10, 40), urlpath=tmp_path / "a.b2nd")
    b = tessera.asarray(items, chunks=(15, 20), blocks=(5, 10), urlpath=tmp_path / "b.zarr")
    return a, b


def test_the_same_items_in_two_grids_do_not_differ(pair):
    found = tessera.diff(*pair)
    assert found.same and found.items == 1200 and found.differences == ()
    assert (found.different, found.most_abs, found.most_rel) == (0, 0, 0)
    assert str(found) == "the same: 1200 items"


def test_the_first_items_that_differ_are_named_with_their_chunks(pair):
    a, b = pair
    places = [(2, 39), (14, 19), (14, 20), (29, 0)]
    for i, at in enumerate(places):
        b[at] = b[at] + 2.0**-i
    found = tessera.diff(a, b)
    assert [d.index for d in found.differences] == places and found.different == 4
    assert [d.chunk_a for d in found.differences] == [(0, 0), (1, 0), (1, 0), (2, 0)]
    assert [d.chunk_b for d in found.differences] == [(0, 1), (0, 0), (0, 1), (1, 0)]
    assert all(d.what == "item" and float(d.b) > float(d.a) for d in found.differences)
    assert found.most_abs == pytest.approx(1) and not found.same
    x, y = a[...], b[...]
    assert found.most_rel == pytest.approx((abs(x - y) / abs(y)).max())
    assert [d.index for d in tessera.diff(a, b, first=2).differences] == places[:2]
    assert tessera.diff(a, b, first=0).differences == ()
    assert "and 2 more items" in str(tessera.diff(a, b, first=2))


@pytest.mark.parametrize(("rtol", "atol"), [(0, 0.3), (0.5, 0), (1e-9, 1e-9), (0.2, 0.2)])
def test_tolerances_are_those_of_numpy(pair, rtol, atol):
    a, b = pair
    b[::3] = b[::3] * 1.4
    want = ~np.isclose(a[...], b[...], rtol=rtol, atol=atol)
    assert tessera.diff(a, b, rtol, atol).different == want.sum()
    swapped = ~np.isclose(b[...], a[...], rtol=rtol, atol=atol)
    assert tessera.diff(b, a, rtol=rtol, atol=atol).different == swapped.sum()


def test_nan_and_signed_zeros_differ_only_when_asked():
    x = np.array([np.nan, 0.0, 1.0])
    y = np.array([np.nan, -0.0, 1.0])
    assert tessera.diff(x, y).same
    assert [d.index for d in tessera.diff(x, y, equal_nan=False).differences] == [(0,)]
    assert [d.index for d in tessera.diff(x, y, bits=True).differences] == [(1,)]


def test_metadata_differ_too(tmp_path):
    a = tessera.zeros(4, "i4", urlpath=tmp_path / "a.zarr", attributes={"u": "K", "v": 1})
    b = tessera.full(4, 1, "i8", urlpath=tmp_path / "b.zarr", attributes={"u": "mK"})
    found = tessera.diff(a, b, first=1)
    told = {(d.what, d.name): (d.a, d.b) for d in found.differences}
    assert told[("dtype", None)] == ("<i4", "<i8")
    assert told[("attribute", "u")] == ('"K"', '"mK"') and told[("attribute", "v")] == ("1", None)
    assert told[("fill", None)] == ("0", "1") and told[("item", None)] == ("0", "1")
    assert found.metadata == 4 and found.different == 4
    only = tessera.diff(tmp_path / "a.zarr", tmp_path / "b.zarr", items_only=True)
    assert [d.what for d in only.differences[:2]] == ["dtype", "item"]
    assert not tessera.diff(np.zeros(3), np.zeros(4)).same
    assert tessera.diff(np.zeros(3), np.zeros(4)).items == 0


def test_wrong_arguments_of_diff_say_so(pair, tmp_path):
    with pytest.raises(ValueError, match="first: found 65"):
        tessera.diff(*pair, first=65)
    with pytest.raises(ValueError, match=r"rtol|tolerance"):
        tessera.diff(*pair, rtol=-1)
    tessera.SChunk(data=b"x", urlpath=tmp_path / "s.b2frame").close()
    with pytest.raises(tessera.UnsupportedError, match="super-chunk, expected an array"):
        tessera.diff(pair[0], tmp_path / "s.b2frame")
    pair[1].close()
    with pytest.raises(ValueError, match="closed"):
        tessera.diff(*pair)


# ---- problems ----


def test_verify_names_the_chunks_that_are_broken(tmp_path):
    path = tmp_path / "a.zarr"
    items = np.random.default_rng(2).random((30, 40))
    tessera.asarray(items, chunks=(10, 10), urlpath=path).close()
    assert tessera.verify(path).good and str(tessera.verify(path)) == "nothing is wrong"
    for name in ("c/0/3", "c/2/1"):
        Path(path, name).write_bytes(b"nothing good")
    Path(path, "c/1/1").unlink()
    found = tessera.verify(path)
    broken = [(p.chunk, p.coords, p.error) for p in found.problems]
    assert broken == [(3, (0, 3), tessera.CorruptError), (9, (2, 1), tessera.CorruptError)]
    assert not found.good and "chunk 9 at (2, 1): " in str(found)
    assert any("not stored" in p.text or "missing" in p.text for p in found.news), found.news


def test_verify_looks_at_all_arrays_of_a_group_and_at_files(tmp_path):
    with tessera.group(tmp_path / "g.zarr") as g:
        g["a/x"] = np.arange(100.0)
        g["y"] = np.arange(5.0)
    assert tessera.verify(tmp_path / "g.zarr").good
    Path(tmp_path, "g.zarr/a/x/c/0").write_bytes(b"no")
    (problem,) = tessera.verify(tmp_path / "g.zarr").problems
    assert problem.text.startswith("a/x") and problem.error is tessera.CorruptError
    tessera.arange(1000, urlpath=tmp_path / "a.b2nd").close()
    assert tessera.verify(str(tmp_path / "a.b2nd")).good
    with pytest.raises(FileNotFoundError):
        tessera.verify(tmp_path / "nothing.b2nd")
