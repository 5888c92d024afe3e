# SPDX-License-Identifier: BSD-3-Clause
"""Super-chunks: items, chunks, special values, places, and the exceptions that programs rely on."""

import copy
import itertools
import pickle
import random

import numpy as np
import pytest

import tessera
from peer import needs_peer, peer
from tessera import Codec, CParams, DParams, Filter, SChunk, SpecialValue, Storage


def numbers(n=1000, dtype="i4"):
    return np.arange(n, dtype=dtype)


def as_numbers(data, dtype="i4"):
    return np.frombuffer(data, dtype)


# ---- creation ----


def test_the_tutorial_comes_out_as_its_text_says():
    s = SChunk(chunksize=800_000, data=numbers(2_000_000), cparams={"typesize": 4})
    assert (s.nchunks, s.nbytes, s.contiguous, s.urlpath) == (10, 8_000_000, False, None)
    out = np.empty(2_000_000, dtype="i4")
    for i in range(10):
        assert s.decompress_chunk(i, out[i * 200_000 : (i + 1) * 200_000]) is None
    assert np.array_equal(out, numbers(2_000_000))
    assert s.get_slice(out=out) is None
    s[34:800_000] = np.ones(800_000 - 34, dtype="i4")
    assert s.nchunks == 10
    s[1_999_877:2_399_930] = np.zeros(2_399_930 - 1_999_877, dtype="i4")
    assert (s.nchunks, len(s), s.nbytes) == (12, 2_399_930, 9_599_720)
    twin = tessera.schunk_from_cframe(cframe=s.to_cframe(), copy=True)
    assert twin[:] == s[:] and twin.nchunks == 12


def test_defaults_follow_the_data():
    assert SChunk().chunksize == 2**24 and SChunk().typesize == 1
    s = SChunk(data=numbers())
    assert (s.chunksize, s.typesize, s.nchunks, s.chunkshape) == (4000, 4, 1, 1000)
    assert SChunk(data=b"abc").typesize == 1
    assert SChunk(data=numbers(), cparams={}).typesize == 4
    assert SChunk(data=numbers(), cparams=CParams()).typesize == 8
    empty = SChunk(data=b"")
    assert (len(empty), empty.nchunks, empty.cratio, empty[:]) == (0, 0, 0.0, b"")


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nosuch"):
        SChunk(nosuch=1)
    with pytest.raises(ValueError):
        SChunk(chunksize=2**31)
    with pytest.raises(ValueError):
        SChunk(chunksize=0)
    with pytest.raises(ValueError):
        SChunk(data=numbers()[::2])
    with pytest.raises(ValueError):
        SChunk(data=memoryview(numbers())[::2])
    with pytest.raises(TypeError):
        SChunk(data=[1, 2])
    with pytest.raises(ValueError, match="nosuch"):
        SChunk(cparams={"nosuch": 1})
    with pytest.raises(ValueError):
        SChunk(cparams=CParams(), codec=Codec.LZ4)
    with pytest.raises(ValueError):
        SChunk(mode="x")
    for field in ("contiguous", "urlpath", "mode", "mmap_mode", "locking", "meta"):
        with pytest.raises(AttributeError, match=field):
            SChunk(storage=Storage(), **{field: None})


def test_modes_decide_over_what_is_there(tmp_path):
    path = tmp_path / "s.b2frame"
    with pytest.raises(ValueError, match="not specify a urlpath"):
        SChunk(mode="r")
    with pytest.raises(ValueError, match="does not exist"):
        SChunk(urlpath=path, mode="r")
    assert not path.exists()
    SChunk(data=b"abc", urlpath=path)
    with pytest.raises(RuntimeError):
        SChunk(data=b"xyz", urlpath=path)
    with pytest.raises(FileExistsError):
        SChunk(urlpath=path, mode="a")
    assert tessera.open(path)[:] == b"abc"
    assert SChunk(urlpath=path, mode="r", chunksize=7, meta=None)[:] == b"abc"
    with pytest.raises(ValueError):
        SChunk(urlpath=path, mode="r", data=b"z")
    SChunk(data=b"new", urlpath=path, mode="w")
    assert tessera.open(path)[:] == b"new"


def test_an_array_is_not_opened_as_a_super_chunk(tmp_path):
    tessera.zeros((3, 4), urlpath=tmp_path / "a.b2nd")
    with pytest.raises(ValueError, match="Cannot open an NDArray as a SChunk"):
        SChunk(urlpath=tmp_path / "a.b2nd", mode="r")


def test_a_constructor_leaves_a_file_that_is_complete(tmp_path):
    s = SChunk(data=numbers(), urlpath=tmp_path / "s.b2frame", meta={"a": 1})
    other = SChunk._from_url(str(tmp_path / "s.b2frame"), DParams(), mode="r")
    assert other[:] == s[:]


def test_a_folder_keeps_a_file_for_each_chunk(tmp_path):
    data = np.random.default_rng(1).bytes(1000)
    s = SChunk(400, data, urlpath=tmp_path / "s", contiguous=False)
    assert not s.contiguous
    names = sorted(p.name for p in (tmp_path / "s").iterdir())
    assert names == ["00000000.chunk", "00000001.chunk", "00000002.chunk", "chunks.b2frame"]
    again = tessera.open(tmp_path / "s")
    assert again[:] == data and not again.contiguous


def test_changes_wait_for_the_end_of_the_handle(tmp_path):
    path = tmp_path / "s.b2frame"
    with SChunk(data=b"abcd", urlpath=path) as s:
        s[1] = b"X"
    assert tessera.open(path)[:] == b"aXcd"
    s = tessera.open(path, "a")
    s[2] = b"Y"
    assert tessera.open(path)[:] == b"aXYd"  # who opens it here sees it
    del s
    s = tessera.open(path, "a")
    s.append_data(b"1234")
    s.close()
    s.close()
    assert len(tessera.open(path)) == 8
    for call in (len, lambda s: s[:], lambda s: s.nchunks, lambda s: s.append_data(b"1")):
        with pytest.raises(ValueError, match="closed"):
            call(s)


def test_a_handle_for_reading_changes_nothing(tmp_path):
    path = tmp_path / "s.b2frame"
    SChunk(4, b"abcdefgh", urlpath=path, meta={"m": 1})
    chunk = tessera.compress2(b"abcd", typesize=1)
    s = tessera.open(path)
    calls = [
        lambda: s.append_data(b"1234"),
        lambda: s.insert_data(0, b"1234", True),
        lambda: s.update_data(0, b"1234", True),
        lambda: s.append_chunk(chunk),
        lambda: s.insert_chunk(0, chunk),
        lambda: s.update_chunk(0, chunk),
        lambda: s.delete_chunk(0),
        lambda: s.fill_special(4, SpecialValue.ZERO),
        lambda: s.update_special(0, SpecialValue.ZERO),
        lambda: s.reorder_offsets([1, 0]),
        lambda: s.__setitem__(0, b"x"),
        lambda: s.vlmeta.__setitem__("a", 1),
        lambda: s.meta.__setitem__("m", 2),
        lambda: setattr(s, "cparams", CParams()),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="reading mode"):
            call()
    assert s[:] == b"abcdefgh"


# ---- items ----


def test_slices_are_those_of_numpy():
    a = numbers(103)
    s = SChunk(40, a)
    bounds = [None, 0, 1, 5, 10, 11, 50, 102, 103, 104, 1000, -1, -3, -103, -104]
    for start, stop in itertools.product(bounds, bounds):
        assert s[start:stop] == a[start:stop].tobytes(), (start, stop)
        assert s.get_slice(start, stop) == a[start:stop].tobytes()
    for i in range(-103, 103):
        assert s[i] == a[i].tobytes()
    assert s[103] == s[-104] == b""
    assert s[np.int64(5)] == a[5].tobytes()
    with pytest.raises(IndexError):
        s[::2]
    with pytest.raises(TypeError):
        s["a"]


@pytest.mark.parametrize("make", [bytearray, lambda n: np.zeros(n // 4, "i4"),
                                  lambda n: memoryview(bytearray(n)).cast("i")])  # fmt: skip
def test_slices_fill_any_buffer(make):
    a = numbers(100)
    s = SChunk(64, a)
    out = make(40)
    assert s.get_slice(10, 20, out) is None
    assert bytes(out) == a[10:20].tobytes()
    larger = make(80)
    s.get_slice(90, out=larger)
    assert bytes(larger) == a[90:].tobytes() + bytes(40)
    with pytest.raises(ValueError, match="Not enough space"):
        s.get_slice(10, 21, out)
    before = bytes(out)
    assert s.get_slice(5, 5, out) == b"" and bytes(out) == before
    with pytest.raises((ValueError, BufferError)):
        s.get_slice(0, 2, b"12345678")


def test_writing_slices_changes_and_extends():
    model, s = bytearray(b"abcdefghij"), SChunk(4, b"abcdefghij")
    for start, stop in ((0, 3), (2, 9), (9, 10), (10, 17), (15, 40), (-3, -1), (5, 5)):
        value = bytes(random.Random(start * 50 + stop).randbytes(60))
        first = start + len(model) if start < 0 else start
        last = stop + len(model) if stop < 0 else stop
        s[start:stop] = value
        model[first:last] = value[: last - first]
        assert s[:] == bytes(model)
    s[:] = bytes(len(model))
    assert s[:] == bytes(len(model))
    s[0] = b"Z"
    s[-1] = b"E"
    assert s[0] + s[-1] == b"ZE"


def test_slices_that_cannot_be_written_are_refused():
    s = SChunk(4, b"abcdefghij")
    for key, error in ((slice(0, 4, 2), IndexError), (slice(11, 12), ValueError),
                       (slice(-1, -4), ValueError), (slice(3, 2), ValueError)):  # fmt: skip
        with pytest.raises(error):
            s[key] = b"0123456789"
    with pytest.raises(ValueError):
        s[0:4] = b"012"
    with pytest.raises(IndexError):
        s[10] = b"x"
    assert s[:] == b"abcdefghij"


def test_a_random_life_is_that_of_a_buffer():
    rng = random.Random(4)
    model, s = bytearray(), SChunk(50, cparams={"typesize": 1})
    for _ in range(300):
        start = rng.choice([rng.randint(0, len(model)), len(model)])
        value = rng.randbytes(rng.choice([1, 7, 50, 130]))
        s[start : start + len(value)] = value
        model[start : start + len(value)] = value
        a, b = sorted((rng.randint(0, len(model)), rng.randint(0, len(model))))
        assert s[a:b] == bytes(model[a:b])
    assert s[:] == bytes(model) and s.nchunks == -(-len(model) // 50)


# ---- chunks ----


def test_chunks_are_appended_inserted_updated_and_deleted():
    s = SChunk(chunksize=4)
    assert [s.append_data(b"aaaa"), s.insert_data(0, b"bbbb", True), s.append_data(b"cc")] == [
        1,
        2,
        3,
    ]
    assert s.update_data(1, b"AAAA", copy=False) == 3
    assert s.insert_data(nchunk=1, data=b"dddd", copy=False) == 4
    assert s[:] == b"bbbbddddAAAAcc"
    assert s.delete_chunk(0) == 3
    assert s[:] == b"ddddAAAAcc"
    assert s.delete_chunk(2) == 2
    assert [s.decompress_chunk(i) for i in range(2)] == [b"dddd", b"AAAA"]


def test_a_short_chunk_is_the_last_one():
    s = SChunk(chunksize=4)
    s.append_data(b"ab")
    with pytest.raises(ValueError):
        s.append_data(b"abcd")
    with pytest.raises(ValueError):
        s.insert_data(0, b"abc", True)
    with pytest.raises(ValueError):
        SChunk(chunksize=4).append_data(b"abcde")
    assert s[:] == b"ab"


def test_chunks_that_are_not_there_are_runtime_errors():
    s = SChunk(chunksize=4, data=b"abcdefgh")
    chunk = s.get_chunk(0)
    for call in (s.get_chunk, s.get_lazychunk, s.decompress_chunk, s.delete_chunk,
                 lambda i: s.update_chunk(i, chunk), lambda i: s.update_data(i, b"1234", True),
                 lambda i: s.insert_chunk(i + 1, chunk),
                 lambda i: s.insert_data(i + 1, b"1234", True)):  # fmt: skip
        for i in (2, 1000, -5):
            with pytest.raises(RuntimeError):
                call(i)
    with pytest.raises(IndexError):
        s.update_special(2, SpecialValue.ZERO)
    assert s[:] == b"abcdefgh"


def test_compressed_chunks_are_taken_as_they_are():
    a = numbers(200)
    s = SChunk(400, cparams={"typesize": 4})
    one, two = (tessera.compress2(x) for x in (a[:100], a[100:]))  # typesize 8
    assert s.append_chunk(two) == 1
    assert s.insert_chunk(0, one) == 2
    assert s.get_chunk(0) == one
    assert np.array_equal(as_numbers(s[:]), a)
    assert s.update_chunk(0, two) == 2
    assert np.array_equal(as_numbers(s[:100]), a[100:])
    for bad in (b"", b"x" * 40, tessera.compress2(a), one[:-3], bytes([9]) + one[1:]):
        with pytest.raises(RuntimeError):
            s.update_chunk(0, bad)
        with pytest.raises(RuntimeError):
            s.append_chunk(bad)
    assert s.nchunks == 2


def test_decompress_chunk_fills_a_buffer_that_is_large_enough():
    s = SChunk(40, numbers(15))
    assert np.array_equal(as_numbers(s.decompress_chunk(1)), numbers(15)[10:])
    out = np.full(12, 7, dtype="i4")
    assert s.decompress_chunk(0, out) is None
    assert np.array_equal(out, [*range(10), 7, 7])
    with pytest.raises(RuntimeError):
        s.decompress_chunk(0, bytearray(39))
    with pytest.raises(ValueError):
        s.decompress_chunk(0, bytearray())


def test_chunks_of_any_size_keep_it(tmp_path):
    s = SChunk(chunksize=-1, urlpath=tmp_path / "s.b2frame")
    assert s.chunksize == 0
    for data in (b"a", b"bcd" * 50, b"efghi"):
        s.append_data(data)
    s.append_chunk(tessera.compress2(b"xy", typesize=1))
    s.update_data(0, b"AAA", True)
    s.close()
    again = tessera.open(tmp_path / "s.b2frame")
    sizes = [len(again.decompress_chunk(i)) for i in range(again.nchunks)]
    assert (again.chunksize, sizes) == (0, [3, 150, 5, 2])
    assert again[2:4] == b"Ab"


def test_chunks_change_their_order():
    s = SChunk(2, b"aabbcc")
    s.reorder_offsets(np.array([2, 0, 1]))
    assert s[:] == b"ccaabb"
    for order in ([0, 1], [[0, 1, 2]], [0, 1, 2, 3]):
        with pytest.raises(ValueError):
            s.reorder_offsets(order)
    for order in ([0, 0, 1], [0, 1, 3], [0, 1, -1]):
        with pytest.raises(RuntimeError):
            s.reorder_offsets(order)
    assert s[:] == b"ccaabb"


# ---- special values ----


@pytest.mark.parametrize("typesize, kind, value, item", [
    (4, SpecialValue.ZERO, None, bytes(4)),
    (8, SpecialValue.NAN, None, np.float64("nan").tobytes()),
    (4, SpecialValue.VALUE, 34, np.int32(34).tobytes()),
    (4, SpecialValue.VALUE, -2, np.int32(-2).tobytes()),
    (4, SpecialValue.VALUE, True, np.int32(1).tobytes()),
    (4, SpecialValue.VALUE, 1.5, np.float32(1.5).tobytes()),
    (8, SpecialValue.VALUE, 1.5, np.float64(1.5).tobytes()),
    (4, SpecialValue.VALUE, b"0123", b"0123"),
    (2, SpecialValue.VALUE, np.int16(9), np.int16(9).tobytes()),
    (4, SpecialValue.UNINIT, None, None),
])  # fmt: skip
def test_special_values_fill_an_empty_super_chunk(typesize, kind, value, item):
    s = SChunk(100 * typesize, cparams={"typesize": typesize})
    assert s.fill_special(250, kind, value) == 3
    assert len(s) == 250
    if item is not None:
        assert s[:] == item * 250
        assert {c.special for c in s.iterchunks_info()} == {kind}
    assert s.cbytes < 400
    s.update_data(0, bytes(range(100)) * typesize, True)
    assert s.update_special(0, kind, value) == s.update_special(2, kind, value) == 3
    assert item is None or s[:] == item * 250


def test_special_values_that_cannot_be_are_refused():
    s = SChunk(400, cparams={"typesize": 4})
    with pytest.raises(TypeError):
        s.fill_special(10, SpecialValue.NOT_SPECIAL)
    with pytest.raises(ValueError):
        s.fill_special(10, SpecialValue.VALUE)
    for value in (2**40, b"12345", np.int64(1)):
        with pytest.raises(ValueError):
            s.fill_special(10, SpecialValue.VALUE, value)
    with pytest.raises(TypeError):
        s.fill_special(10, SpecialValue.VALUE, "abcd")
    assert s.fill_special(0, SpecialValue.ZERO) == 0
    s.fill_special(10, SpecialValue.ZERO)
    with pytest.raises(RuntimeError):
        s.fill_special(10, SpecialValue.ZERO)


# ---- facts ----


def test_chunks_are_iterated_as_fresh_arrays():
    a = numbers(25)
    chunks = list(SChunk(40, a).iterchunks("i4"))
    assert [len(c) for c in chunks] == [10, 10, 5]
    assert np.array_equal(np.concatenate(chunks), a)
    chunks[0][:] = 0
    assert chunks[1][0] == 10


def test_facts_of_chunks_come_without_decoding():
    s = SChunk(400, np.concatenate([numbers(100), np.zeros(100, "i4"), numbers(50)]))
    s.update_special(2, SpecialValue.VALUE, 7)
    infos = list(s.iterchunks_info())
    assert [i.nchunk for i in infos] == [0, 1, 2]
    assert [i.special for i in infos] == [SpecialValue.NOT_SPECIAL, SpecialValue.ZERO,
                                          SpecialValue.VALUE]  # fmt: skip
    assert [i.repeated_value for i in infos] == [None, None, np.int32(7).tobytes()]
    assert infos[1].cratio == 400 / 32
    assert s._stats()["blocks_decoded"] == 0


def test_lazy_chunks_are_headers(tmp_path):
    a = np.random.default_rng(1).integers(0, 1000, 10_000)
    memory = SChunk(40_000, a)
    assert [len(memory.get_lazychunk(i)) for i in range(2)] == [32, 32]
    file = SChunk(40_000, a, urlpath=tmp_path / "s.b2frame")
    lazy = file.get_lazychunk(1)
    nblocks = -(-40_000 // int.from_bytes(lazy[8:12], "little"))
    assert lazy[31] & 0x08 and len(lazy) == 32 + 4 * nblocks + 12 + 4 * nblocks
    s = SChunk(40, cparams={"typesize": 4})
    s.fill_special(10, SpecialValue.VALUE, 3)
    assert len(s.get_lazychunk(0)) == 36


def test_parameters_are_remembered_and_read_back(tmp_path):
    cp = CParams(codec=Codec.LZ4, clevel=3, typesize=4, filters=[Filter.DELTA, Filter.SHUFFLE],
                 filters_meta=[0, 0], blocksize=4096,
                 splitmode=tessera.SplitMode.NEVER_SPLIT)  # fmt: skip
    s = SChunk(40_000, numbers(10_000), cparams=cp, dparams=DParams(nthreads=1),
               urlpath=tmp_path / "s.b2frame")  # fmt: skip
    assert s.dparams == DParams(nthreads=1)
    for seen in (s.cparams, tessera.open(tmp_path / "s.b2frame").cparams):
        assert (seen.codec, seen.clevel, seen.typesize, seen.blocksize) == (Codec.LZ4, 3, 4, 4096)
        assert seen.filters[:2] == [Filter.DELTA, Filter.SHUFFLE] and len(seen.filters) == 6
        assert seen.splitmode is tessera.SplitMode.NEVER_SPLIT
    assert SChunk(data=numbers()).blocksize == 0


def test_parameters_change_for_chunks_to_come(tmp_path):
    s = SChunk(4000, cparams={"typesize": 4}, urlpath=tmp_path / "s.b2frame")
    s.cparams = CParams(typesize=8, codec=Codec.LZ4, filters=[Filter.BITSHUFFLE], filters_meta=[0])
    assert (s.typesize, s.cparams.codec) == (8, Codec.LZ4)
    s.append_data(numbers(500, "i8"))
    s.cparams = {"codec": Codec.ZLIB, "clevel": 9}
    s.append_data(numbers(500, "i8"))
    names = [tessera.get_clib(s.get_chunk(i)) for i in range(2)]
    assert names == ["LZ4", "Zlib"]
    with pytest.raises(ValueError):
        s.cparams = CParams(typesize=4)
    s.dparams = {"nthreads": 2}
    assert s.dparams == DParams(nthreads=2)
    s.close()
    assert np.array_equal(
        as_numbers(tessera.open(tmp_path / "s.b2frame")[500:], "i8"), numbers(500)
    )


def test_the_report_names_what_it_is():
    s = SChunk(400, numbers(100))
    assert [name for name, _ in s.info_items] == [
        "type", "chunksize", "blocksize", "typesize", "nbytes", "cbytes", "cratio", "cparams",
        "dparams"]  # fmt: skip
    assert "SChunk" in repr(s.info) and "400 (400 B)" in repr(s.info)


def test_copies_are_independent():
    s = SChunk(400, numbers(150))
    s.vlmeta["a"] = (1, 2)
    twins = [copy.copy(s), copy.deepcopy(s), pickle.loads(pickle.dumps(s))]
    s[0] = b"9999"
    for twin in twins:
        assert np.array_equal(as_numbers(twin[:]), numbers(150))
        assert twin.vlmeta["a"] == (1, 2)


def test_a_lock_is_held_for_a_block(tmp_path):
    path = tmp_path / "s.b2frame"
    s = SChunk(4, b"abcd", urlpath=path, locking=True)
    with s.holding_lock() as held:
        assert held is s
        s.append_data(b"efgh")
    assert tessera.open(path)[:] == b"abcdefgh"
    with SChunk(data=b"a").holding_lock():
        pass


def test_a_handle_learns_of_changes_when_asked(tmp_path):
    path = tmp_path / "s.b2frame"
    with SChunk(4, b"abcd", urlpath=path) as s:
        reader = tessera.open(path)
        tick = reader.change_tick
        assert not reader.refresh()
        s.append_data(b"efgh")
        s.flush()
        assert len(reader) == 4
        assert reader.refresh()
        assert reader[:] == b"abcdefgh" and reader.change_tick > tick


# ---- the peer ----

_WRITE = """
a = np.arange(5000, dtype="i4")
s = blosc2.SChunk(chunksize=8000, data=a, urlpath=args[0], contiguous=args[1] == "True", mode="w",
                  cparams={"typesize": 4, "codec": blosc2.Codec.LZ4})
s.vlmeta["note"] = {"t": (1, 2.5, None), "b": b"x"}
s.update_special(1, blosc2.SpecialValue.VALUE, 7) if hasattr(s, "update_special") else None
"""
_READ = """
s = blosc2.open(args[0], mode="r")
a = np.frombuffer(s[:], "i4")
print(len(s), s.nchunks, s.typesize, int(a.sum()), s.cparams.codec.name, s.vlmeta["note"])
print([i.special.name for i in s.iterchunks_info()])
"""


@needs_peer
@pytest.mark.parametrize("contiguous", [True, False])
def test_super_chunks_of_the_peer_read_alike(tmp_path, contiguous):
    peer(_WRITE, tmp_path / "s", contiguous)
    s = tessera.open(tmp_path / "s")
    assert (len(s), s.nchunks, s.typesize, s.contiguous) == (5000, 3, 4, contiguous)
    assert s.cparams.codec is Codec.LZ4
    assert s.vlmeta["note"] == {"t": (1, 2.5, None), "b": b"x"}
    assert as_numbers(s[4999])[0] == 4999


@needs_peer
@pytest.mark.parametrize("contiguous", [True, False])
def test_the_peer_reads_our_super_chunks(tmp_path, contiguous):
    s = SChunk(8000, numbers(5000), urlpath=tmp_path / "s", contiguous=contiguous,
               cparams={"codec": Codec.LZ4})  # fmt: skip
    s.vlmeta["note"] = {"t": (1, 2.5, None), "b": b"x"}
    s.update_special(1, SpecialValue.ZERO)
    s.close()
    total = 5000 * 4999 // 2 - sum(range(2000, 4000))
    said = peer(_READ, tmp_path / "s").splitlines()
    assert said[0] == f"5000 3 4 {total} LZ4 " + "{'t': (1, 2.5, None), 'b': b'x'}"
    assert said[1] == "['NOT_SPECIAL', 'ZERO', 'NOT_SPECIAL']"
