# SPDX-License-Identifier: BSD-3-Clause
"""What constructors can say of Zarr arrays: formats, shards, codecs, names, lengths of chunks."""

import json

import numpy as np
import pytest

import tessera

ITEMS = np.arange(10 * 12 * 20, dtype="i4").reshape(10, 12, 20)
UNEVEN = ((4, 1, 5), (3, 3, 6), 8)


def doc(path):
    name = "zarr.json" if (path / "zarr.json").exists() else ".zarray"
    return json.loads((path / name).read_text())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.zarr"


@pytest.fixture
def uneven(path):
    return tessera.asarray(ITEMS, urlpath=path, chunks=UNEVEN)


WRONG = {  # keywords that are refused, of arrays of format 3
    "a set": {"attributes": {"a": {1}}},
    "a date": {"attributes": {"d": np.datetime64("2020")}},
    "bytes": {"attributes": {"a": b"x"}},
    "a number for a name": {"attributes": {1: 2}},
    "no mapping": {"attributes": [1]},
    "the order of format 2": {"order": "F"},
    "the codecs of format 2": {"codecs": {"compressor": None}},
    "an unknown codec": {"codecs": ["foo"]},
    "no dtype of Zarr": {"dtype": "longdouble"},
    "gaps between fields": {"dtype": np.dtype("u1,f8", align=True)},
}


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("inside", ["", "#g/x"])
def test_what_is_told_wrong_leaves_the_array_that_was_to_be_replaced(inside, how, path):
    url = f"{path}{inside}"
    tessera.arange(6, urlpath=url).close()
    kw = {"shape": (3, 3), "dtype": "i4", **how}
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        tessera.zeros(urlpath=url, mode="w", **kw)
    if "dtype" not in how:
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            tessera.arange(9).copy(urlpath=url, mode="w", **how)
    assert np.array_equal(tessera.open(url)[:], np.arange(6))
    if inside:
        g = tessera.group(f"{path}#g")
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            g.create_array("x", overwrite=True, **kw)
        assert np.array_equal(g["x"][:], np.arange(6))


@pytest.mark.parametrize("inside", ["", "#x"])
def test_what_only_format_3_has_leaves_the_array_of_format_2(inside, path):
    url = f"{path}{inside}"
    if inside:
        tessera.create_group(path, format="zarr2")
    form = None if inside else "zarr2"
    tessera.arange(6, urlpath=url, format="zarr2").close()
    for how in ({"dimension_names": ["x"]}, {"chunks": ((1, 3, 2),)}):
        with pytest.raises(ValueError, match="only zarr3 has that, found format zarr2"):
            tessera.zeros(6, urlpath=url, mode="w", format=form, **how)
    assert np.array_equal(tessera.open(url)[:], np.arange(6))


def test_text_that_cannot_be_encoded_leaves_what_was_to_be_replaced(path):
    tessera.arange(6, urlpath=f"{path}#x").close()
    wrong = np.array(["a", "\ud800"], dtype=object)
    with pytest.raises(UnicodeEncodeError):
        tessera.asarray(wrong, urlpath=f"{path}#x", mode="w")
    g = tessera.group(path)
    with pytest.raises(UnicodeEncodeError):
        g["x"] = wrong
    with pytest.raises(ValueError):
        g.create_array("x", data=np.array(["a"]), dtype="f8", overwrite=True)
    assert np.array_equal(g["x"][:], np.arange(6))


@pytest.mark.parametrize("inside", ["", "#g/x"])
def test_an_array_is_not_replaced_by_what_is_made_of_it(inside, path):
    url = f"{path}{inside}"
    a = tessera.arange(6, urlpath=url)
    to = {"urlpath": url, "mode": "w"}
    for make in (
        lambda: a.copy(**to),
        lambda: a.copy("f4", urlpath=f"{path.parent}/./a.zarr{inside}", mode="w"),
        lambda: tessera.asarray(a, **to),
        lambda: a.slice(slice(1, 3), **to),
        lambda: a.reshape((2, 3), **to),
        lambda: tessera.expand_dims(a).copy(**to),
        lambda: tessera.concat([tessera.arange(2), a], **to),
        lambda: tessera.stack([a, a], **to),
    ):
        with pytest.raises(ValueError, match="removed first"):
            make()
    if inside:
        g = tessera.group(path)
        for name, data in (("g/x", g["g/x"]), ("g", a), ("/g//x", a.squeeze())):
            with pytest.raises(ValueError, match="removed first"):
                g[name] = data
        g["g/y"] = a
        assert np.array_equal(g["g/y"][:], np.arange(6))
    assert np.array_equal(tessera.open(url)[:], np.arange(6))
    tessera.asarray(a[...], **to)
    assert np.array_equal(tessera.open(url)[:], np.arange(6))


def test_attributes_that_are_none_leave_the_group_that_was_to_be_replaced(path):
    tessera.arange(6, urlpath=f"{path}#g/x").close()
    with pytest.raises(TypeError):
        tessera.group(path).create_group("g", overwrite=True, attributes={"a": {1}})
    with pytest.raises(TypeError):
        tessera.create_group(path, overwrite=True, attributes=[1])
    assert np.array_equal(tessera.open(f"{path}#g/x")[:], np.arange(6))


@pytest.mark.parametrize("to", ["zarr3", "zarr2", "b2nd"])
@pytest.mark.parametrize("form", ["zarr3", "zarr2", "b2nd"])
def test_attributes_go_along_with_copies(form, to, tmp_path):
    a = tessera.arange(6, format=form, attributes={"unit": "mm", "n": 1})
    for i, new in enumerate(
        (
            a.copy(format=to, attributes={"n": 2}),
            a.copy("f4", format=to, attributes={"n": 2}),
            a.slice(slice(1, 3), format=to, attributes={"n": 2}),
            a.reshape((2, 3), format=to, attributes={"n": 2}),
        )
    ):
        assert new.attrs == {"unit": "mm", "n": 2}, i
    a.save(tmp_path / "a.npy")
    assert tessera.open(tmp_path / "a.npy")[3] == 3


# ---- chunks of several lengths ----


def test_chunks_of_several_lengths_are_told_as_they_were_given(uneven, path):
    grid = doc(path)["chunk_grid"]
    assert grid["name"] == "rectilinear"
    assert grid["configuration"]["chunk_shapes"] == [[4, 1, 5], [[3, 2], 6], 8]
    a = tessera.open(path)
    assert a.chunks == uneven.chunks == UNEVEN and a.blocks == (5, 6, 8)
    assert np.array_equal(a[...], ITEMS) and np.array_equal(a[3:6, ::5, -1], ITEMS[3:6, ::5, -1])
    assert sorted(p.name for p in (path / "c").iterdir()) == ["0", "1", "2"]


def test_lengths_that_are_alike_make_a_regular_grid(tmp_path):
    for i, chunks in enumerate([((4, 4, 2), (12,), (7, 7, 6)), ((4, 4, 2), 12, 7)]):
        a = tessera.asarray(ITEMS, urlpath=tmp_path / f"{i}.zarr", chunks=chunks)
        assert a.chunks == (4, 12, 7)
        assert doc(tmp_path / f"{i}.zarr")["chunk_grid"]["name"] == "regular"
    assert tessera.zeros((10,), chunks=((6, 4),)).chunks == (6,)  # in memory, b2nd


def test_shards_may_have_several_lengths(path):
    chunks = ((4, 6), 12, (10, 2, 8))
    a = tessera.asarray(ITEMS, urlpath=path, chunks=chunks, blocks=(2, 6, 2))
    assert a.chunks == chunks and a.blocks == (2, 6, 2)
    assert np.array_equal(tessera.open(path)[1:9, 5, 3:17], ITEMS[1:9, 5, 3:17])
    with pytest.raises(ValueError, match="what divides the 6"):
        tessera.zeros((10,), urlpath=path, mode="w", chunks=((4, 6),), blocks=(4,))


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        (((4, 1, 4), 12, 20), "axis 0: lengths add up to 9, the shape has 10"),
        (((5, 5, 5), 12, 20), "axis 0: lengths add up to 15"),
        (((4, 0, 6), 12, 20), "axis 0: found .* lengths of 1 and more"),
        (((4, 6), 12), "2 dimensions, the shape has 3"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(chunks, said, path):
    with pytest.raises(ValueError, match=said):
        tessera.zeros(ITEMS.shape, urlpath=path, chunks=chunks)


def test_other_formats_have_no_chunks_of_several_lengths(tmp_path):
    for name, form in [(None, None), ("a.b2nd", None), ("a.zarr", "zarr2")]:
        where = {} if name is None else {"urlpath": tmp_path / name}
        with pytest.raises(ValueError, match="only zarr3 has that"):
            tessera.zeros((10,), chunks=((4, 6),), format=form, **where)


def test_copies_keep_lengths_unless_chunks_are_given(uneven, tmp_path):
    a = uneven
    cases = [
        ({}, UNEVEN),
        ({"chunks": (5, 5, 5)}, (5, 5, 5)),
        ({"chunks": ((2, 8), 12, (1, 19))}, ((2, 8), 12, (1, 19))),
        ({"cparams": {"clevel": 1}}, UNEVEN),
        ({"format": "zarr2"}, (5, 6, 8)),
        ({"format": "b2nd"}, (5, 6, 8)),
    ]
    for i, (how, chunks) in enumerate(cases):
        b = a.copy(urlpath=tmp_path / f"{i}.zarr", **how)
        assert b.chunks == chunks and np.array_equal(b[...], ITEMS), how
    assert a.copy().chunks == (5, 6, 8) and np.array_equal(a.copy()[...], ITEMS)
    assert tessera.zeros_like(a).chunks == (5, 6, 8)
    part = a.slice((slice(2, 9), 0), urlpath=tmp_path / "part.zarr")
    assert np.array_equal(part[...], ITEMS[2:9, 0])
    flat = a.reshape((120, 20), urlpath=tmp_path / "flat.zarr")
    assert np.array_equal(flat[...], ITEMS.reshape(120, 20))
    twice = tessera.concat([a, a], axis=1, urlpath=tmp_path / "twice.zarr")
    assert np.array_equal(twice[...], np.concatenate([ITEMS, ITEMS], axis=1))
    assert tessera.diff(a, twice, items_only=True).items == 0
    again = a.copy("f8", urlpath=tmp_path / "f8.zarr", chunks=UNEVEN)
    assert again.chunks == UNEVEN and again.dtype == "f8" and again.hash() != a.hash()


def test_lengths_follow_the_shape(uneven):
    uneven.resize((14, 12, 20))
    assert uneven.chunks == ((4, 1, 5, 4), (3, 3, 6), 8) or sum(uneven.chunks[0]) >= 14
    assert np.array_equal(uneven[:10], ITEMS) and not uneven[10:].any()
    uneven[3:12] = 7
    assert (uneven[3:12] == 7).all()
    assert uneven.refresh() in (True, False)


def test_rows_chunks_and_views_of_uneven_arrays_are_found(uneven, path):
    a = tessera.open(path)
    assert np.array_equal(np.stack(list(a)), ITEMS)
    assert tessera.get_slice_nchunks(a, (slice(3, 6), 0, 0)).tolist() == [0, 9, 18]
    assert tessera.get_slice_nchunks(a, (4, slice(5, 7), -1)).tolist() == [14, 17]
    view = tessera.expand_dims(a, 0)
    assert view.chunks == (1, *UNEVEN) and np.array_equal(view[0, 9], ITEMS[9])
    assert a.sum() == ITEMS.sum() and a.hash() == tessera.hash(ITEMS)


# ---- what else is said ----


def test_shards_are_chunks_with_blocks_in_them(path):
    a = tessera.zeros((100, 100), "f4", urlpath=path, chunks=(50, 50), blocks=(10, 25))
    d = doc(path)
    assert d["chunk_grid"]["configuration"]["chunk_shape"] == [50, 50]
    (shard,) = d["codecs"]
    assert shard["name"] == "sharding_indexed"
    assert shard["configuration"]["chunk_shape"] == [10, 25]
    assert shard["configuration"]["index_location"] == "end"
    assert (a.chunks, a.blocks) == ((50, 50), (10, 25))
    b = tessera.zeros(8, urlpath=path, mode="w", chunks=4, blocks=2, index_location="start")
    assert doc(path)["codecs"][0]["configuration"]["index_location"] == "start"
    b[3] = 5
    b.close()
    assert tessera.open(path)[2:5].tolist() == [0, 5, 0]


def test_names_attributes_fill_value_and_keys_are_recorded(path):
    a = tessera.empty((4, 6), "i2", urlpath=path, chunks=(2, 3), fill_value=-9, key_encoding="v2",
                      dimension_names=["y", None], attributes={"unit": "K", "n": np.int64(3)},
                      write_empty_chunks=True)  # fmt: skip
    d = doc(path)
    assert d["dimension_names"] == ["y", None] and d["fill_value"] == -9
    assert d["attributes"] == {"unit": "K", "n": 3}
    assert d["chunk_key_encoding"] == {"name": "v2", "configuration": {"separator": "."}}
    assert a.fill_value == -9 and a.fill_value.dtype == "i2" and (a[...] == -9).all()
    assert a.dimension_names == ("y", None) and a.attrs["n"] == 3
    a[:2] = -9
    a.close()
    assert (path / "0.0").exists()  # a chunk of the fill value, stored all the same
    b = tessera.zeros(3, urlpath=path, mode="w", separator=".")
    b[0] = 1
    b.close()
    assert (path / "c.0").exists()


def test_names_follow_their_dimensions(tmp_path):
    a = tessera.asarray(ITEMS, urlpath=tmp_path / "a.zarr", dimension_names=["z", "y", "x"])
    assert a.copy(urlpath=tmp_path / "b.zarr").dimension_names == ("z", "y", "x")
    assert a.slice((0, ..., 3), urlpath=tmp_path / "c.zarr").dimension_names == ("y",)
    b = a.reshape((10, 1, 12, 20), urlpath=tmp_path / "d.zarr")
    assert b.dimension_names == ("z", None, "y", "x")
    assert a.reshape((120, 20), urlpath=tmp_path / "e.zarr").dimension_names is None
    c = a.copy(urlpath=tmp_path / "f.zarr", dimension_names=["a", "b", "c"])
    assert c.dimension_names == ("a", "b", "c")


def test_codecs_are_those_of_the_metadata(tmp_path):
    gzip = {"name": "gzip", "configuration": {"level": 3}}
    a = tessera.asarray(ITEMS, urlpath=tmp_path / "a.zarr", codecs=["bytes", gzip, "crc32c"])
    assert [c["name"] for c in doc(tmp_path / "a.zarr")["codecs"]] == ["bytes", "gzip", "crc32c"]
    assert [c["name"] for c in a.codecs] == ["bytes", "gzip", "crc32c"] and a.codecs[1] == gzip
    b = a.copy(urlpath=tmp_path / "b.zarr")
    assert b.codecs == a.codecs and np.array_equal(b[...], ITEMS)
    c = a.copy(urlpath=tmp_path / "c.zarr", codecs=["bytes"])
    assert [s["name"] for s in c.codecs] == ["bytes"] and c.cbytes > b.cbytes
    d = a.copy(urlpath=tmp_path / "d.zarr", cparams={"codec": tessera.Codec.LZ4, "clevel": 9})
    assert d.codecs[1]["name"] == "blosc" and d.codecs[1]["configuration"]["cname"] == "lz4"
    two = {"filters": [{"id": "delta", "dtype": "<i4"}], "compressor": {"id": "zlib", "level": 2}}
    e = tessera.asarray(ITEMS, urlpath=tmp_path / "e.zarr", format="zarr2", codecs=two, order="F")
    assert doc(tmp_path / "e.zarr")["compressor"] == {"id": "zlib", "level": 2}
    assert e.order == "F" and e.codecs["filters"][0]["id"] == "delta"
    assert np.array_equal(tessera.open(tmp_path / "e.zarr")[...], ITEMS)
    f = e.copy(urlpath=tmp_path / "f.zarr", format="zarr3")
    assert f.order == "C" and f.format == "zarr3" and np.array_equal(f[...], ITEMS)


def test_types_that_numpy_has_no_name_for_are_made(path):
    a = tessera.empty((4,), data_type="bfloat16", urlpath=path)
    assert doc(path)["data_type"] == "bfloat16" == a.data_type and a.dtype == "V2"
    a[...] = np.array([1, 2, 3, 4], "f4").view("V2")[1::2]
    b = tessera.open(path)
    assert (b[...].view("u2").astype("u4") << 16).view("f4").tolist() == [1, 2, 3, 4]
    assert tessera.zeros(3).data_type is None


def test_groups_take_all_of_it(tmp_path):
    with tessera.create_group(tmp_path / "g.zarr") as g:
        how = {"dimension_names": ["z", "y", "x"], "attributes": {"u": 1}, "fill_value": 5}
        a = g.create_array("a/x", data=ITEMS, chunks=UNEVEN, codecs=["bytes", "crc32c"], **how)
        assert a.chunks == UNEVEN and a.fill_value == 5 and a.attrs["u"] == 1
        with pytest.raises(KeyError, match="the group says format, urlpath"):
            g.create_array("b", shape=3, format="zarr3", urlpath="x")
        with pytest.raises(KeyError, match="unknown"):
            g.create_array("b", shape=3, chunk=2)
        with pytest.raises(ValueError, match="only zarr2 has that"):
            g.create_array("b", shape=3, order="F")
        g.create_array("c", data=ITEMS, checksum=True)
        assert list(g) == ["a", "c"]
    assert doc(tmp_path / "g.zarr/c")["codecs"][-1] == {"name": "crc32c"}
    b = tessera.open(tmp_path / "g.zarr#a/x")
    assert np.array_equal(b[...], ITEMS) and b.dimension_names == ("z", "y", "x")


def test_checksums_are_a_codec_of_format_3_and_format_2_has_no_place_for_them(path):
    tessera.asarray(ITEMS, checksum=True, urlpath=path)
    assert doc(path)["codecs"][-1] == {"name": "crc32c"}
    with pytest.raises(tessera.UnsupportedError, match="format 2 has no place"):
        tessera.asarray(ITEMS, checksum=True, format="zarr2", urlpath=path.with_name("two.zarr"))


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"order": "F"}, ValueError, "order: only zarr2 has that, found format zarr3"),
        ({"order": "Z"}, ValueError, "order: found 'Z'"),
        ({"format": "zarr2", "dimension_names": ["x"]}, ValueError, "only zarr3 has that"),
        ({"format": "b2nd", "separator": "."}, ValueError, "only Zarr has that"),
        ({"format": "b2nd", "codecs": ["bytes"]}, ValueError, "only zarr3 has that"),
        ({"codecs": {"filters": None}}, ValueError, "only zarr2 has that"),
        ({"codecs": ["bytes"], "cparams": {}}, ValueError, "give one of them"),
        ({"codecs": "bytes"}, TypeError, "expected a list or dict"),
        ({"codecs": {"filter": []}}, ValueError, "expected filters and compressor"),
        ({"codecs": ["no_such"]}, Exception, "no_such"),
        ({"dimension_names": "x"}, TypeError, "expected a sequence"),
        ({"dimension_names": [3]}, TypeError, "expected str or None"),
        ({"fill_value": 3}, ValueError, "here it is zero"),
        ({"attributes": {"x": object()}}, TypeError, "cannot hold"),
        ({"write_empty_chunks": "yes"}, ValueError, "write_empty_chunks: found 'yes'"),
    ],
)
def test_what_is_not_possible_is_refused_and_leaves_nothing(how, error, said, path):
    with pytest.raises(error, match=said):
        tessera.zeros((3,), urlpath=path, **how)
    with pytest.raises(FileNotFoundError):
        tessera.open(path)


# ---- codecs ----


def test_codecs_by_name_are_written_with_their_configuration(path):
    a = tessera.asarray(ITEMS, urlpath=path, codecs=["bytes", "numcodecs.shuffle", "gzip"])
    assert doc(path)["codecs"] == [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}},
        {"name": "gzip", "configuration": {"level": 1}},
    ]
    assert np.array_equal(a[...], ITEMS)


LZMA = {"filters": [{"id": 0x21, "preset": 1}]}
SHARD = {"chunk_shape": [5], "codecs": ["numcodecs.packbits", "bytes"], "index_codecs": ["bytes"]}


@pytest.mark.parametrize(
    ("codecs", "dtype", "said"),
    [
        (["numcodecs.quantize", "bytes"], "f8", r"\[0\] numcodecs.quantize: digits: not there"),
        ([{"id": "quantize", "dtype": "<f8"}], "f8", r"codecs: \[0\] quantize: digits: not there"),
        (["numcodecs.bitround", "bytes"], "f4", "bitround: keepbits: not there, expected how many"),
        ([{"id": "bitround"}], "f4", "bitround: keepbits: not there, expected how many"),
        (["numcodecs.packbits", "bytes"], "u1", "found items of uint8, expected bools"),
        ([{"id": "packbits"}], "i1", "found items of int8, expected bools"),
        ([{"name": "sharding_indexed", "configuration": SHARD}], "u1", r"0\] numcodecs.packbits"),
        (["bytes", {"name": "numcodecs.lzma", "configuration": LZMA}], "f8", "found 1, expected 3"),
        ([{"id": "lzma", **LZMA}], "f8", "format: found 1, expected 3, as there are filters"),
        (["gzip"], "f8", 'expected one from items to bytes, as is "bytes", before it'),
    ],
)
def test_codecs_that_others_could_not_read_are_refused(codecs, dtype, said, path):
    two = isinstance(codecs[0], dict) and "id" in codecs[0]
    how = {"codecs": {"filters": codecs, "compressor": None} if two else codecs}
    with pytest.raises(ValueError, match=said):
        tessera.zeros(10, dtype, urlpath=path, format="zarr2" if two else "zarr3", **how)
    with pytest.raises(FileNotFoundError):
        tessera.open(path)


def test_what_is_refused_anew_is_read_where_it_is(path):
    codec = {"name": "numcodecs.bitround", "configuration": {"keepbits": 23}}
    tessera.asarray(ITEMS.astype("f4"), urlpath=path, codecs=[codec, "bytes"]).close()
    text = doc(path)
    del text["codecs"][0]["configuration"]["keepbits"]
    (path / "zarr.json").write_text(json.dumps(text))
    with tessera.open(path, mode="a") as a:
        assert np.array_equal(a[...], ITEMS)
        a.attrs["x"] = 1
    assert tessera.open(path).attrs["x"] == 1


@pytest.mark.parametrize("format", ["zarr2", "zarr3"])
def test_bools_are_packed(format, path):
    two = {"filters": [{"id": "packbits"}], "compressor": None}
    how = {"codecs": two if format == "zarr2" else ["numcodecs.packbits", "bytes"]}
    a = tessera.asarray(ITEMS % 3 == 0, urlpath=path, format=format, **how)
    assert np.array_equal(a[...], ITEMS % 3 == 0)


@pytest.mark.parametrize("name", ["a.zarr", "a.b2nd"])
def test_lengths_that_cannot_be_are_told_with_the_ones_that_can(tmp_path, name):
    with pytest.raises(ValueError, match=r"found shape 3, chunk 0, .* expected .* of 1 to"):
        tessera.zeros((3,), urlpath=tmp_path / name, chunks=(0,))
    with pytest.raises(
        (ValueError, tessera.LimitError), match=f"expected a shape of 0 to {2**62 - 1}"
    ):
        tessera.zeros((2**62,), urlpath=tmp_path / name, chunks=(2**20,))
