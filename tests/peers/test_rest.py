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
