# SPDX-License-Identifier: BSD-3-Clause
"""What python-blosc2's tests that reasons.py explains away also ask of the surface itself."""

import numpy as np
import pytest

import tessera


@pytest.mark.parametrize("mapping", [None, 1000])
def test_a_file_written_through_a_map_is_read_in_every_mode(tmp_path, mapping):
    path = tmp_path / "schunk.b2frame"
    schunk = tessera.SChunk(
        chunksize=80, mmap_mode="w+", initial_mapping_size=mapping, contiguous=True, urlpath=path
    )
    for i in range(2):
        assert schunk.append_data(i * np.arange(10, dtype=np.int64)) == i + 1
    del schunk
    for mode in ("r", "r+", "c"):
        size = None if mode == "r" else mapping
        s = tessera.open(path, mode="r", mmap_mode=mode, initial_mapping_size=size)
        for i in range(2):
            assert s.decompress_chunk(i) == (i * np.arange(10, dtype=np.int64)).tobytes()
        del s
    a = tessera.asarray(
        np.arange(3, dtype=np.float32),
        urlpath=tmp_path / "a.b2nd",
        mmap_mode="w+",
        initial_mapping_size=mapping,
    )
    np.testing.assert_array_equal(a[...], np.arange(3, dtype=np.float32))


def test_wrong_combinations_of_map_arguments_say_what_is_wrong(tmp_path):
    path = tmp_path / "schunk.b2frame"
    tessera.SChunk(chunksize=80, urlpath=path)
    with pytest.raises(ValueError, match=r"w\+ mmap_mode cannot be used to open an existing file"):
        tessera.open(path, mode="a", mmap_mode="w+")
    writing = "initial_mapping_size can only be used with writing modes"
    with pytest.raises(ValueError, match=writing):
        tessera.open(path, mode="a", mmap_mode="r", initial_mapping_size=100)
    with pytest.raises(ValueError, match=writing):
        tessera.SChunk(mmap_mode="r", initial_mapping_size=100, urlpath=path)
    needs_map = "initial_mapping_size can only be used with mmap_mode"
    with pytest.raises(ValueError, match=needs_map):
        tessera.open(path, mode="a", initial_mapping_size=100)
    with pytest.raises(ValueError, match=needs_map):
        tessera.SChunk(initial_mapping_size=100, urlpath=path)
    with pytest.raises(ValueError, match="Only contiguous storage is supported"):
        tessera.SChunk(contiguous=False, urlpath="b2frame", mmap_mode="w+")
    with pytest.raises(ValueError, match="urlpath must be set"):
        tessera.SChunk(contiguous=True, mmap_mode="w+")


def test_metalayers_take_no_slices_but_the_whole():
    schunk = tessera.SChunk(meta={"a": 1})
    schunk.vlmeta["b"] = [2]
    assert schunk.vlmeta[:] == {"b": [2]}
    for mapping in (schunk.meta, schunk.vlmeta):
        with pytest.raises(NotImplementedError, match="Slicing is not supported, unless"):
            mapping[::2]


@pytest.mark.parametrize("mode", ["r", "a"])
def test_a_comparison_selects_from_a_file_and_leaves_it_alone(tmp_path, mode):
    path = tmp_path / "a.b2nd"
    tessera.asarray(np.arange(60_000), chunks=(20_000,), blocks=(2_000,), urlpath=path, mode="w")
    before = path.read_bytes()
    a = tessera.open(path, mode=mode)
    for _ in range(2):
        np.testing.assert_array_equal(a[a < 5][:], np.arange(5))
    del a
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.b2nd"]


def test_a_sparse_mask_selects_as_in_numpy():
    npa = np.arange(120_000, dtype=np.int32)
    a = tessera.asarray(npa, chunks=(20_000,))
    mask = np.zeros(npa.size, dtype=bool)
    mask[[1, 10, 11_111, 55_555, -1]] = True
    np.testing.assert_array_equal(a[mask], npa[mask])


@pytest.mark.parametrize(
    ("shape", "blocks", "key"),
    [
        ((100_000,), (64,), np.s_[::1000]),
        ((100_000,), (5000,), np.s_[::3]),
        ((100_000,), (64,), np.s_[::-1000]),
        ((3_000_000,), (64,), np.s_[::2]),
        ((200, 200), (8, 8), np.s_[::32, 5]),
        ((200, 200), (8, 8), np.s_[5, ::32]),
    ],
)
def test_steps_read_and_write_as_in_numpy(shape, blocks, key):
    npa = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    a = tessera.asarray(npa, blocks=blocks)
    np.testing.assert_array_equal(a[key], npa[key])
    a[key] = npa[key] = -npa[key]
    np.testing.assert_array_equal(a[:], npa)


def test_odd_items_fill_chunks_of_whole_ones():
    schunk = tessera.SChunk(chunksize=15, cparams={"typesize": 5}, meta={"test": {b"lorem": 1234}})
    assert schunk.append_data(b"i " * 7 + b"i") == 1
    assert schunk.decompress_chunk(0) == b"i " * 7 + b"i"
    schunk.meta["test"] = {b"lorem": 4231}
    assert schunk.meta["test"] == {b"lorem": 4231}


@pytest.mark.parametrize("filters", [["SHUFFLE", "BYTEDELTA"], ["TRUNC_PREC", "SHUFFLE"]])
def test_parameters_of_a_super_chunk_can_be_changed(filters):
    schunk = tessera.SChunk(chunksize=800_000, cparams={"codec": tessera.Codec.ZLIB})
    members = [tessera.Filter[f] for f in filters]
    new = tessera.CParams(nthreads=5, typesize=4, filters=members, filters_meta=[10, 4])
    schunk.cparams, schunk.dparams = new, tessera.DParams(nthreads=16)
    assert schunk.cparams.filters[:2] == members
    assert (schunk.cparams.nthreads, schunk.cparams.typesize) == (5, 4)
    assert (schunk.cparams.codec, schunk.dparams.nthreads) == (tessera.Codec.ZSTD, 16)


def test_filters_that_would_give_other_data_back_are_refused():
    F = tessera.Filter
    for filters in ([F.TRUNC_PREC, F.DELTA], [F.DELTA, F.TRUNC_PREC], [F.SHUFFLE, F.TRUNC_PREC]):
        with pytest.raises(ValueError, match="trunc_prec"):
            tessera.empty((30, 30), cparams={"filters": filters, "filters_meta": [10, 10]})


def test_means_are_of_floats():
    x = np.arange(169, dtype=np.float32).reshape(13, 13)
    cparams = {"filters": [tessera.Filter.NDMEAN], "filters_meta": [4]}
    a = tessera.asarray(x, cparams=cparams, chunks=(13, 13), blocks=(13, 13))
    np.testing.assert_allclose(a[:4, :4], np.full((4, 4), x[:4, :4].mean()), rtol=1e-6)
    with pytest.raises(ValueError, match="ndmean"):
        tessera.asarray(x.astype(np.int32), cparams=cparams)
