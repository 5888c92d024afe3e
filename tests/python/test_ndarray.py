# SPDX-License-Identifier: BSD-3-Clause
"""Arrays as such: facts, shape, copies, chunks, life."""

import gc
import sys

import numpy as np
import pytest

import tessera as ts

RNG = np.random.default_rng(5)


@pytest.fixture
def data():
    return RNG.integers(0, 1000, (40, 50), dtype="i4")


@pytest.fixture
def a(data, tmp_path):
    return ts.asarray(data, chunks=(15, 20), blocks=(5, 10), urlpath=tmp_path / "a.b2nd")


def test_attributes_tell_shape_and_sizes(a, data, tmp_path):
    assert (a.shape, a.chunks, a.blocks, a.ndim) == ((40, 50), (15, 20), (5, 10), 2)
    assert (a.size, a.nbytes, a.dtype) == (data.size, data.nbytes, data.dtype)
    assert (a.ext_shape, a.ext_chunks) == ((45, 60), (15, 20))
    assert (a.chunksize, a.blocksize) == (1200, 200)
    assert a.cbytes == (tmp_path / "a.b2nd").stat().st_size
    assert a.cratio == 45 * 60 * 4 / a.cbytes
    assert (a.urlpath, a.mode, a.contiguous, a.format) == (
        str(tmp_path / "a.b2nd"),
        "a",
        True,
        "b2nd",
    )
    assert ts.zeros(3).urlpath is None
    assert not ts.zeros(3).contiguous
    assert ts.zeros(3, contiguous=True).contiguous


def test_len_is_the_first_axis(a):
    assert len(a) == 40
    with pytest.raises(TypeError):
        len(ts.asarray(3))
    with pytest.raises(TypeError):
        iter(ts.asarray(3))


def test_iteration_gives_rows(a, data):
    rows = list(a)
    assert len(rows) == 40
    assert all(type(r) is np.ndarray for r in rows)
    np.testing.assert_array_equal(rows, data)
    assert list(ts.arange(5)) == [0, 1, 2, 3, 4]
    assert list(ts.zeros((0, 3))) == []
    assert [r.shape for r in ts.zeros((2, 0))] == [(0,), (0,)]


def test_iteration_decodes_each_block_once(a):
    before = a._stats()["blocks_decoded"]
    list(a)
    assert a._stats()["blocks_decoded"] - before <= 60  # those of the padded grid at most


def test_assignment_broadcasts_and_casts(a, data):
    a[3] = 1.9
    data[3] = 1.9
    a[:, 5] = np.arange(40)
    data[:, 5] = np.arange(40)
    a[10:20:3, ::-7] = [[1]]
    data[10:20:3, ::-7] = 1
    a[...] = a[...] + 1
    np.testing.assert_array_equal(a[...], data + 1)
    with pytest.raises(ValueError):
        a[:3] = np.zeros((3, 7))


def test_changes_are_in_the_file_after_flush_close_and_with(tmp_path):
    p = str(tmp_path / "b.b2nd")
    with ts.zeros(4, urlpath=p) as b:
        b[0] = 1
    assert ts.open(p)[0] == 1
    b = ts.open(p, "a")
    b[1] = 2
    assert ts.open(p)[1] == 2  # opening what is here flushes it
    b[2] = 3
    b.flush()
    assert ts.open(p)[2] == 3
    b[3] = 4
    b.close()
    assert ts.open(p)[3] == 4
    with pytest.raises(ValueError, match="closed"):
        b[0]


def test_a_read_only_array_refuses_changes(a):
    a.close()
    r = ts.open(a.urlpath)
    for change in (
        lambda: r.resize((1, 1)),
        lambda: r.__setitem__(0, 1),
        lambda: r.append([[1] * 50], axis=0),
        lambda: r.vlmeta.__setitem__("x", 1),
    ):
        with pytest.raises(ts.DeniedError, match="reading mode") as e:
            change()
        assert str(a.urlpath) in str(e.value)


def test_resize_keeps_what_is_inside_and_zeros_what_is_new(a, data):
    a.resize((20, 60))
    a.resize([45, 60])
    expected = np.zeros((45, 60), "i4")
    expected[:20, :50] = data[:20]
    np.testing.assert_array_equal(a[...], expected)
    assert a.shape == (45, 60)


@pytest.mark.parametrize("shape", [(10,), (10, 10, 10), (), (-1, 5)])
def test_resize_to_other_dimensions_is_refused(a, shape):
    with pytest.raises(ValueError):
        a.resize(shape)
    assert a.shape == (40, 50)


def test_append_grows_one_dimension_or_a_named_axis(a, data):
    b = ts.arange(3)
    assert b.append([3, 4.0]) == 5
    assert b.append(5) == 6
    np.testing.assert_array_equal(b[...], np.arange(6))
    assert a.append(data[:7], axis=0) == 47
    assert a.append(np.ones((47, 2)), axis=-1) == 52
    expected = np.concatenate([np.concatenate([data, data[:7]]), np.ones((47, 2))], 1)
    np.testing.assert_array_equal(a[...], expected)
    with pytest.raises(ValueError, match="axis"):
        a.append(data)
    with pytest.raises(ValueError):
        a.append(data[:, :3], axis=0)


def test_a_copy_is_independent_and_takes_metadata_along(a, data):
    a.vlmeta["unit"] = "mm"
    b = a.copy()
    assert (b.urlpath, b.chunks, b.blocks, b.vlmeta["unit"]) == (None, a.chunks, a.blocks, "mm")
    a[...] = 0
    np.testing.assert_array_equal(b[...], data)
    with pytest.raises(ValueError):
        a.copy(meta={"x": 1})


def test_a_copy_may_be_stored_and_compressed_in_another_way(a, data, tmp_path):
    b = a.copy(chunks=(40, 10), cparams={"codec": ts.Codec.LZ4, "clevel": 1},
               urlpath=tmp_path / "b.b2nd")  # fmt: skip
    assert b.chunks == (40, 10)
    assert b.cparams.codec is ts.Codec.LZ4
    np.testing.assert_array_equal(ts.open(str(tmp_path / "b.b2nd"))[...], data)
    c = a.copy(dtype="f8", urlpath=tmp_path / "c.npy")
    assert c.dtype == np.float64
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), data)


def test_a_copy_with_new_parameters_keeps_the_other_ones():
    a = ts.arange(100, cparams=ts.CParams(codec=ts.Codec.LZ4, clevel=3, filters=[]))
    b = a.copy(cparams={"clevel": 7})
    assert (b.cparams.codec, b.cparams.clevel) == (ts.Codec.LZ4, 7)
    assert ts.Filter.SHUFFLE not in b.cparams.filters


def test_save_writes_a_file_once(a, data, tmp_path):
    p = tmp_path / "s.b2nd"
    assert a.save(p) is None
    np.testing.assert_array_equal(ts.open(str(p))[...], data)
    with pytest.raises(RuntimeError):
        a.save(p)
    a.save(p, mode="w")
    a.save(tmp_path / "d.b2nd", contiguous=False)
    assert (tmp_path / "d.b2nd").is_dir()


@pytest.mark.parametrize(
    "key",
    [slice(10, 30), (slice(15, 30), slice(20, 40)), 5, (3, 4), (slice(None, None, -3), 7), ...,
     (..., slice(1, 9, 2)), slice(30, 10), (slice(35, 99), slice(0, 5))],
)  # fmt: skip
def test_slice_is_an_array_of_what_a_key_selects(a, data, key):
    s = a.slice(key)
    assert type(s) is ts.NDArray
    np.testing.assert_array_equal(s[...], data[key])
    assert s.shape == data[key].shape
    assert s.cparams.codec == a.cparams.codec


def test_slice_takes_the_keywords_of_constructors(a, data, tmp_path):
    s = a.slice((slice(5, 25), slice(None)), chunks=[3, 50], urlpath=tmp_path / "s.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "s.npy"), data[5:25])
    assert a.slice(slice(5, 25), chunks=[3, 50]).chunks == (3, 50)
    assert s.format == "npy"
    with pytest.raises(IndexError):
        a.slice((1, 2, 3))
    with pytest.raises(IndexError):
        a.slice(99)


def test_reshape_keeps_the_items_in_c_order(a, data):
    np.testing.assert_array_equal(a.reshape((50, 40))[...], data.reshape(50, 40))
    np.testing.assert_array_equal(a.reshape(2000)[...], data.ravel())
    np.testing.assert_array_equal(a.reshape((8, -1, 10))[...], data.reshape(8, -1, 10))
    with pytest.raises(ValueError):
        a.reshape((7, 7))


def test_squeeze_is_a_view_that_keeps_its_array_alive():
    base = ts.asarray(np.arange(6).reshape(1, 6, 1))
    before = sys.getrefcount(base)
    v = base.squeeze()
    assert sys.getrefcount(base) == before + 1
    v[2] = 50
    assert base[0, 2, 0] == 50
    del base
    gc.collect()
    np.testing.assert_array_equal(v[...], [0, 1, 50, 3, 4, 5])
    np.testing.assert_array_equal(v.copy()[1:3], [1, 50])
    np.testing.assert_array_equal(v.slice(slice(1, 3))[...], [1, 50])


def test_tobytes_and_cframe_hold_all_items(a, data):
    assert a.tobytes() == data.tobytes()
    b = ts.ndarray_from_cframe(a.to_cframe())
    np.testing.assert_array_equal(b[...], data)
    assert ts.zeros((3, 0)).tobytes() == b""
    assert ts.expand_dims(a, 1).tobytes() == data.tobytes()


def test_t_is_the_transposed_items(a, data):
    np.testing.assert_array_equal(a.T, data.T)


def test_fields_are_views_that_read_and_write():
    dt = np.dtype([("x", "i4"), ("mamà", "f8"), ("p", "f4", (2,))])
    a = ts.zeros((5, 4), dtype=dt, chunks=(2, 4))
    a["x"] = 3
    a["mamà"][1:3, 0] = [1.5, 2.5]
    a.fields["p"][0, 0] = (8, 9)
    expected = np.zeros((5, 4), dt)
    expected["x"] = 3
    expected["mamà"][1:3, 0] = [1.5, 2.5]
    expected["p"][0, 0] = (8, 9)
    np.testing.assert_array_equal(a[...], expected)
    for name in dt.names:
        np.testing.assert_array_equal(a[name][...], expected[name])
        np.testing.assert_array_equal(np.asarray(a.fields[name]), expected[name])
    assert a["p"].dtype == np.dtype(("f4", (2,)))
    assert a["x"][1, 1].shape == ()
    with pytest.raises(KeyError):
        ts.NDField(a, "nope")
    with pytest.raises(TypeError):
        ts.NDField(ts.zeros(3), "x")


def test_chunks_can_be_had_compressed(a, data):
    chunk = a.get_chunk(0)
    assert ts.decompress2(chunk) == np.ascontiguousarray(
        data[:15, :20].reshape(3, 5, 2, 10).swapaxes(1, 2)).tobytes()  # fmt: skip
    for i in (-1, 9):
        with pytest.raises(RuntimeError):
            a.get_chunk(i)


def test_iterchunks_info_tells_of_each_chunk():
    a = ts.zeros((100, 100), chunks=(50, 40), blocks=(10, 40), dtype="i8")
    a[50:, :40] = 9
    a[0, 99] = 1
    infos = list(a.iterchunks_info())
    assert [i.nchunk for i in infos] == list(range(6))
    assert [i.coords for i in infos] == [(r, c) for r in range(2) for c in range(3)]
    kinds = [i.special.name for i in infos]
    assert kinds == ["ZERO", "ZERO", "NOT_SPECIAL", "VALUE", "ZERO", "ZERO"]
    assert infos[3].repeated_value == 9
    assert type(infos[3].repeated_value) is np.int64
    assert infos[0].repeated_value is None
    assert infos[0].cratio == 16000 / 32


def test_schunk_is_a_view_of_the_chunks_that_keeps_the_array_alive(data):
    s = ts.asarray(data, chunks=(15, 20), blocks=(5, 10)).schunk
    gc.collect()
    assert (s.nchunks, s.chunksize, s.blocksize, s.typesize) == (9, 1200, 200, 4)
    assert (len(s), s.nbytes, s.chunkshape) == (2700, 10800, 300)
    whole = s[:]
    assert len(whole) == 10800
    assert s.decompress_chunk(4) == whole[4 * 1200 : 5 * 1200]
    assert s[310] == whole[1240:1244]
    assert s.get_slice(290, 620) == whole[1160:2480]
    out = bytearray(1320)
    assert s.get_slice(290, 620, out) is None
    assert out == whole[1160:2480]
    assert s[5000] == b""
    assert len(list(s.iterchunks("i4"))) == 9
    assert next(s.iterchunks_info()).special is ts.SpecialValue.NOT_SPECIAL
    with pytest.raises(IndexError):
        s[::2]
    with pytest.raises(ValueError, match="Not enough space"):
        s.get_slice(0, 10, bytearray(39))
    with pytest.raises(RuntimeError):
        s.decompress_chunk(9)
    with pytest.raises(AttributeError):
        s.append_data(b"")


@pytest.mark.parametrize("filters", [["NDCELL"], ["NDMEAN"], ["SHUFFLE"], []])
@pytest.mark.parametrize("codec", ["ZSTD", "ZFP_RATE", "NDLZ"])
def test_schunk_decodes_chunks_that_know_their_shape(codec, filters):
    if codec != "ZSTD" and filters:
        return
    dtype = "u1" if codec == "NDLZ" else "f4"
    cparams = {
        "codec": ts.Codec[codec],
        "codec_meta": 4 if codec == "NDLZ" else 50 if codec == "ZFP_RATE" else 0,
        "filters": [ts.Filter[f] for f in filters],
        "filters_meta": [4] * len(filters),
    }
    values = np.repeat(np.arange(48 * 48 // 4) % 200, 4).reshape(48, 48).astype(dtype)
    a = ts.asarray(values, chunks=(16, 48), blocks=(16, 16), cparams=cparams)
    blocks = np.moveaxis(a[...].reshape(3, 16, 3, 16), 1, 2).tobytes()
    assert a.schunk[:] == blocks
    out = bytearray(a.schunk.chunksize + 5)
    a.schunk.decompress_chunk(1, out)
    assert out[:-5] == blocks[a.schunk.chunksize :][: a.schunk.chunksize]


def test_schunk_replaces_chunks(a, data):
    s = a.schunk
    s.update_data(0, np.full(300, 7, "i4"), True)
    s.update_chunk(1, a.get_chunk(0))
    expected = data.copy()
    expected[:15, :40] = 7
    np.testing.assert_array_equal(a[...], expected)
    with pytest.raises(RuntimeError):
        s.update_data(0, np.zeros(3), True)


def test_schunk_shares_facts_and_metadata(a):
    s = a.schunk
    s.vlmeta["x"] = 1
    assert a.vlmeta["x"] == 1
    assert s.urlpath == a.urlpath
    assert s.cparams == a.cparams
    assert s.dparams == a.dparams


def test_holding_lock_makes_changes_one(tmp_path):
    p = str(tmp_path / "l.b2nd")
    a = ts.zeros(4, urlpath=p, locking=True)
    with a.holding_lock() as same:
        assert same is a
        a[0] = a[1] + 5
    assert ts.open(p)[0] == 5
    with ts.zeros(4).holding_lock():
        pass


def test_refresh_shows_what_another_handle_did(tmp_path):
    p = str(tmp_path / "r.b2nd")
    w = ts.arange(4, urlpath=p)
    r = ts.open(p)
    w.append([4])
    w.flush()
    assert r.shape == (4,)
    assert r.refresh()
    assert r.shape == (5,)
    assert not r.refresh()


def test_get_slice_nchunks_names_the_chunks_of_a_key(a):
    assert list(ts.get_slice_nchunks(a, (slice(0, 16), slice(0, 20)))) == [0, 3]
    assert list(ts.get_slice_nchunks(a, (39, ...))) == [6, 7, 8]
    assert list(ts.get_slice_nchunks(a, slice(5, 5))) == []
    assert ts.get_slice_nchunks(a, ...).dtype == np.int64
    s = ts.SChunk(chunksize=40, data=np.arange(100, dtype="i4"), cparams={"typesize": 4})
    assert list(ts.get_slice_nchunks(s, (9, 21))) == [0, 1, 2]
    assert list(ts.get_slice_nchunks(s, slice(10, 20))) == [1]
    assert list(ts.get_slice_nchunks(s, 35)) == [3]


def test_values_without_items_are_appended_as_numpy_does():
    a = ts.zeros((0, 0), dtype="f4")
    assert a.append(np.zeros((2, 0), "f4"), axis=0) == 2
    assert a.shape == np.concatenate([np.zeros((0, 0)), np.zeros((2, 0))]).shape
    assert a.append(np.ones((2, 3), "f4"), axis=1) == 3
    assert (a[:] == 1).all()
