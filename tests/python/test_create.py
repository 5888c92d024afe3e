# SPDX-License-Identifier: BSD-3-Clause
"""Functions that make arrays give what NumPy gives, and leave complete files."""

import itertools
import os
import tracemalloc

import numpy as np
import pytest

import tessera as ts
from tessera import build

RNG = np.random.default_rng(4)


def test_zeros_ones_full_and_empty_have_numpys_values_and_defaults():
    assert ts.zeros((2, 3)).dtype == ts.empty(3).dtype == ts.ones(3).dtype == np.float64
    np.testing.assert_array_equal(ts.zeros((2, 3), "i2")[...], np.zeros((2, 3), "i2"))
    np.testing.assert_array_equal(ts.ones(5, dtype="u1")[...], np.ones(5, "u1"))
    np.testing.assert_array_equal(ts.uninit((4, 4))[...], np.zeros((4, 4)))
    assert np.isnan(ts.nans((3, 3), dtype="f4")[...]).all()
    assert ts.nans(3, dtype=None).dtype == np.float64


@pytest.mark.parametrize("value", [7, 7.5, True, b"abc", "josé", 1 + 2j])
def test_full_takes_its_dtype_from_the_value(value):
    a = ts.full((3, 2), value)
    expected = np.full((3, 2), value)
    assert a.dtype == expected.dtype
    np.testing.assert_array_equal(a[...], expected)


def test_full_of_structures_repeats_one_value_in_all_fields():
    dt = np.dtype([("a", "i4"), ("b", "f8", (2,)), ("c", "S3")])
    np.testing.assert_array_equal(ts.full(4, 3, dtype=dt)[...], np.full(4, 3, dtype=dt))


def test_creating_a_huge_array_costs_nothing(tmp_path):
    for make in (ts.zeros, ts.empty, ts.uninit, ts.nans):
        p = tmp_path / f"{make.__name__}.b2nd"
        make((10**6, 10**6), urlpath=p)
        assert p.stat().st_size < 2000


def test_first_chunks_are_special():
    kinds = [ts.zeros(9), ts.empty(9), ts.uninit(9), ts.nans(9), ts.full(9, 5)]
    special = [next(a.iterchunks_info()).special.name for a in kinds]
    assert special == ["ZERO", "ZERO", "UNINIT", "NAN", "VALUE"]


@pytest.mark.parametrize(
    "args",
    [(10,), (0,), (5, 2), (2, 20, 3), (20, 2, -3), (0.0, 1, 0.1), (0, 1.5, 0.25), (3, 9, 0.5),
     (np.float32(1), np.float32(9), np.float32(0.3)), (1, 2, 7)],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [None, "i4", "f4", "f8", "f2", "u1", "c16"])
def test_arange_is_numpys(args, dtype):
    a, expected = ts.arange(*args, dtype=dtype), np.arange(*args, dtype=dtype)
    assert a.dtype == expected.dtype
    np.testing.assert_array_equal(a[...], expected)


def test_arange_fills_a_shape_in_c_order():
    a = ts.arange(60, shape=(3, 4, 5), chunks=(2, 2, 2), blocks=(1, 2, 2))
    np.testing.assert_array_equal(a[...], np.arange(60).reshape(3, 4, 5))
    with pytest.raises(ValueError, match="60 values"):
        ts.arange(60, shape=(3, 4, 4))


@pytest.mark.parametrize("args", [(0, 1, 10), (5, -3, 7), (0, 0, 4), (2, 9, 1), (0, 1 + 2j, 6)])
@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("dtype", [None, "f4", "c16"])
def test_linspace_is_numpys(args, endpoint, dtype):
    if isinstance(args[1], complex) and dtype == "f4":
        pytest.skip("complex values are no floats")
    expected = np.linspace(*args, endpoint=endpoint, dtype=dtype)
    a = ts.linspace(*args, endpoint=endpoint, dtype=dtype, chunks=(4,), blocks=(2,))
    assert a.dtype == expected.dtype
    np.testing.assert_array_equal(a[...], expected)


def test_linspace_rounds_down_to_integers_and_needs_a_number():
    np.testing.assert_array_equal(ts.linspace(0, 50, 20, dtype="i4")[...],
                                  np.linspace(0, 50, 20, dtype="i4"))  # fmt: skip
    assert ts.linspace(0, 1, shape=(3, 4)).shape == (3, 4)
    with pytest.raises(ValueError, match="num or shape"):
        ts.linspace(0, 1)


@pytest.mark.parametrize("n,m,k", [(5, None, 0), (40, 70, 3), (70, 40, -11), (6, 6, 9), (1, 9, 2)])
def test_eye_is_numpys(n, m, k):
    a = ts.eye(n, m, k=k, chunks=(7, 5), blocks=(3, 5), dtype="f4")
    np.testing.assert_array_equal(a[...], np.eye(n, m, k, dtype="f4"))


def test_values_are_made_part_by_part(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "BOX_BYTES", 1 << 20)
    for make in (lambda p: ts.arange(20_000_000, urlpath=p), lambda p: ts.eye(4500, urlpath=p)):
        tracemalloc.start()
        a = make(tmp_path / f"{len(os.listdir(tmp_path))}.b2nd")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert a.nbytes >= 160_000_000
        assert peak < 40_000_000, f"{peak} bytes at once"


@pytest.mark.parametrize(
    "shape,chunks",
    [((), ()), ((7,), (3,)), ((4, 5, 6), (2, 2, 3)), ((3, 0), (2, 2)), ((2, 40, 3), (2, 40, 3))],
)
@pytest.mark.parametrize("limit", [1, 64, 1 << 20])
def test_boxes_and_runs_cover_every_item_once(shape, chunks, limit, monkeypatch):
    monkeypatch.setattr(build, "BOX_BYTES", limit)
    for parts in (build.boxes, build.runs):
        seen = np.zeros(shape, int)
        order = []
        if seen.size:
            numbers = np.arange(seen.size).reshape(shape)
            for box in parts(shape, chunks, 8):
                seen[box] += 1
                order += list(numbers[box].ravel())
        assert (seen == 1).all()
        if parts is build.runs:
            assert order == sorted(order)


def test_fromiter_takes_as_many_items_as_the_shape_has():
    numbers = itertools.count()
    a = ts.fromiter(numbers, (10, 10, 10), "i4", chunks=(3, 3, 3))
    np.testing.assert_array_equal(a[...], np.arange(1000).reshape(10, 10, 10))
    assert next(numbers) == 1000


def test_fromiter_of_too_few_items_leaves_no_file(tmp_path):
    p = tmp_path / "a.b2nd"
    with pytest.raises(ValueError):
        ts.fromiter(range(9), (10,), "i4", urlpath=p)
    assert not p.exists()


def test_what_fails_to_replace_a_file_leaves_it_as_it_was(tmp_path):
    p = tmp_path / "a.b2nd"
    ts.ones(5, urlpath=p)
    before = p.read_bytes()
    with pytest.raises(ValueError):
        ts.fromiter(range(9), (10,), "i4", urlpath=p, mode="w")
    assert p.read_bytes() == before


def test_frombuffer_reads_the_beginning_of_a_buffer():
    np.testing.assert_array_equal(ts.frombuffer(b"abcdefgh", (2, 3))[...],
                                  np.frombuffer(b"abcdef", "u1").reshape(2, 3))  # fmt: skip
    assert ts.frombuffer(b"", (0,)).shape == (0,)
    with pytest.raises(ValueError):
        ts.frombuffer(b"abc", (2, 3))


@pytest.mark.parametrize(
    "source",
    [RNG.random((30, 40)), RNG.random((30, 40)).T, RNG.random((30, 40))[::-2, ::3], np.float32(3),
     [[1, 2], [3, 4]], np.array(["aé", "b"]), np.array([1, 2], ">i4"), np.zeros((3, 0)),
     np.array(["2026-11-21"], "M8[D]"), np.arange(6, dtype="f2").reshape(2, 3)],
)  # fmt: skip
def test_asarray_keeps_values_and_dtype(source):
    a = ts.asarray(source)
    assert a.dtype == np.asarray(source).dtype
    assert a.shape == np.shape(source)
    np.testing.assert_array_equal(a[...], source)


def test_asarray_gives_an_array_back_unless_something_changes():
    a = ts.arange(10)
    assert ts.asarray(a) is a
    assert ts.asarray(a, copy=True) is not a
    assert ts.array(a) is not a
    assert ts.asarray(a, dtype="f4").dtype == np.float32
    assert ts.asarray(a, chunks=(5,)).chunks == (5,)
    for change in ({"dtype": "f4"}, {"chunks": (5,)}):
        with pytest.raises(ValueError):
            ts.asarray(a, copy=False, **change)
    with pytest.raises(ValueError):
        ts.asarray([1, 2], copy=False)


def test_asarray_reads_sliceable_things_in_parts(monkeypatch):
    class Slices:
        shape, dtype, parts = (100, 100), np.dtype("i8"), 0

        def __getitem__(self, key):
            self.parts += 1
            return np.arange(10000).reshape(self.shape)[key]

    monkeypatch.setattr(build, "BOX_BYTES", 1 << 12)
    source = Slices()
    a = ts.asarray(source, chunks=(10, 100))
    assert source.parts == 10
    np.testing.assert_array_equal(a[...], np.arange(10000).reshape(100, 100))


def test_items_that_are_objects_of_any_kind_are_refused():
    for dtype in (object, [("a", object)]):
        with pytest.raises(TypeError):
            ts.zeros(3, dtype=dtype)


@pytest.mark.parametrize(
    "dt",
    ["<f8", ">f8", "|b1", "|S7", "<U3", "<M8[ns]", "<m8[s]", "|V5", "<f2", "<c8", "f4,(2,)f8",
     [("a b", "i4"), ("mamà", "S2")], np.dtype([("a", "i1"), ("b", "f8")], align=True),
     np.dtype({"names": ["y", "x"], "formats": ["i4", "i2"], "offsets": [4, 0], "itemsize": 16}),
     np.dtype(("<f8", (10,)))],
)  # fmt: skip
def test_dtypes_come_back_from_files_as_they_were(dt, tmp_path):
    dt = np.dtype(dt)
    a = ts.zeros((4,), dtype=dt, urlpath=tmp_path / "a.b2nd")
    b = ts.open(str(tmp_path / "a.b2nd"))
    assert a.dtype == b.dtype == dt
    np.testing.assert_array_equal(b[...], np.zeros((4,), dt))


def test_like_functions_take_shape_dtype_and_chunks():
    a = ts.ones((20, 30), "i4", chunks=(10, 30), blocks=(5, 10))
    for make in (
        ts.zeros_like,
        ts.ones_like,
        ts.empty_like,
        lambda x, **k: ts.full_like(x, 3, **k),
    ):
        b = make(a)
        assert (b.shape, b.dtype, b.chunks, b.blocks) == (a.shape, a.dtype, a.chunks, a.blocks)
        assert make(a, dtype="f8").dtype == np.float64
        assert make([[1.5, 2]]).shape == (1, 2)


@pytest.mark.parametrize("shape", [5, (5,), [5], np.int64(5), (np.int32(5),)])
def test_a_shape_is_a_number_or_a_sequence_of_numbers(shape):
    assert ts.zeros(shape).shape == (5,)


@pytest.mark.parametrize("shape", [-1, (3, -2), 2**63, (1, 2**70)])
def test_a_shape_that_no_array_has_is_told_by_its_dimension(shape):
    with pytest.raises(ValueError, match=r"dimension [01]: found"):
        ts.zeros(shape)


@pytest.mark.parametrize("shape", ["5", (2.5,), 1.5, ("a",), None, b"5"])
def test_a_shape_of_anything_else_is_a_type_error(shape):
    with pytest.raises(TypeError):
        ts.zeros(shape)


@pytest.mark.parametrize(
    "kwargs",
    [{"chunks": (2, 2)}, {"blocks": (2, 2)}, {"chunks": (4,), "blocks": (5,)}, {"blocks": (0,)},
     {"chunks": (0,)}, {"mode": "r"}, {"mode": "q"}, {"cparams": {"chunks": (10,)}},
     {"mmap_mode": "w+"}, {"initial_mapping_size": 100}],
)  # fmt: skip
def test_parameters_that_do_not_fit_are_value_errors(kwargs, tmp_path):
    with pytest.raises(ValueError):
        ts.zeros((10,), **kwargs)
    with pytest.raises(ValueError):
        ts.zeros((1,) * 17)


def test_unknown_keywords_are_key_errors_and_storage_twice_an_attribute_error(tmp_path):
    with pytest.raises(KeyError):
        ts.zeros(3, codec=ts.Codec.LZ4)
    with pytest.raises(KeyError):
        ts.zeros(3, cparams=ts.CParams(), codec={})
    for name, value in (("urlpath", "a.b2nd"), ("mode", "w"), ("contiguous", True), ("meta", {})):
        with pytest.raises(AttributeError):
            ts.zeros(3, storage=ts.Storage(urlpath=str(tmp_path / "x.b2nd")), **{name: value})


def test_mode_a_refuses_what_is_there_and_w_replaces_it(tmp_path):
    p = tmp_path / "a.b2nd"
    ts.zeros(3, urlpath=p)
    with pytest.raises(RuntimeError):
        ts.ones(3, urlpath=p)
    with pytest.raises(FileExistsError):
        ts.ones(3, urlpath=p, mode="a")
    assert ts.ones(3, urlpath=p, mode="w")[0] == 1
    assert ts.open(str(p))[0] == 1
    with pytest.raises(ValueError):
        ts.zeros(3, urlpath=tmp_path / "new.b2nd", mode="r")
    assert not (tmp_path / "new.b2nd").exists()


def test_files_are_complete_when_the_function_returns(tmp_path):
    data = RNG.random((50, 60))
    a = ts.asarray(data, urlpath=tmp_path / "a.b2nd")
    copy = (tmp_path / "a.b2nd").read_bytes()
    (tmp_path / "b.b2nd").write_bytes(copy)
    np.testing.assert_array_equal(ts.open(str(tmp_path / "b.b2nd"))[...], data)
    assert a.mode == "a"


@pytest.mark.parametrize("suffix", ["b2nd", "npy", "b2frame", "dat"])
def test_the_suffix_chooses_the_format(suffix, tmp_path):
    p = tmp_path / f"a.{suffix}"
    a = ts.asarray(np.arange(6).reshape(2, 3), urlpath=p)
    assert a.format == ("npy" if suffix == "npy" else "b2nd")
    np.testing.assert_array_equal(a[...], np.arange(6).reshape(2, 3))
    if suffix == "npy":
        np.testing.assert_array_equal(np.load(p), np.arange(6).reshape(2, 3))


def test_format_overrules_the_suffix(tmp_path):
    a = ts.zeros(3, urlpath=tmp_path / "a.dat", format="npy")
    assert a.format == "npy"
    assert np.load(tmp_path / "a.dat").shape == (3,)


def test_contiguous_false_makes_a_folder(tmp_path):
    p = tmp_path / "a.b2nd"
    a = ts.arange(1000, urlpath=p, contiguous=False)
    assert p.is_dir()
    assert not a.contiguous
    np.testing.assert_array_equal(ts.open(str(p))[...], np.arange(1000))


def test_compression_is_as_asked_for():
    cp = ts.CParams(codec=ts.Codec.LZ4, clevel=9, filters=[ts.Filter.BITSHUFFLE], nthreads=1)
    a = ts.arange(1000, dtype="i2", cparams=cp, dparams={"nthreads": 1})
    assert (a.cparams.codec, a.cparams.clevel, a.cparams.nthreads) == (ts.Codec.LZ4, 9, 1)
    assert ts.Filter.BITSHUFFLE in a.cparams.filters
    assert a.cparams.typesize == 2
    assert a.dparams.nthreads == 1
    assert ts.arange(9, cparams={"codec": ts.Codec.ZLIB}).cparams.codec == ts.Codec.ZLIB
    assert ts.zeros(9, cparams=None, dparams=None).cparams.codec == ts.Codec.ZSTD


def test_metalayers_are_given_at_creation(tmp_path):
    ts.zeros(3, urlpath=tmp_path / "a.b2nd", meta={"m": {"x": [1, 2]}, "n": b"raw"})
    meta = ts.open(str(tmp_path / "a.b2nd")).meta
    assert meta["m"] == {"x": [1, 2]}
    assert meta["n"] == b"raw"


def test_concat_joins_along_an_axis():
    x, y = RNG.random((10, 20)), RNG.random((10, 7))
    a, b = (ts.asarray(v, chunks=(4, 5), blocks=(2, 5)) for v in (x, y))
    np.testing.assert_array_equal(ts.concat([a, b], axis=1)[...], np.concatenate([x, y], 1))
    np.testing.assert_array_equal(ts.concat([a, b], axis=-1, chunks=(5, 5))[...],
                                  np.concatenate([x, y], 1))  # fmt: skip
    mixed = ts.concat([a, ts.ones((3, 20), "f4")])
    assert mixed.shape == (13, 20)
    assert mixed.dtype == np.float64
    with pytest.raises(ValueError):
        ts.concat([a, b])
    with pytest.raises(ValueError):
        ts.concat([])


def test_stack_joins_along_a_new_axis(tmp_path):
    x = RNG.random((3, 4, 5))
    arrays = [ts.asarray(v) for v in x]
    for axis in (0, 1, 2, -1):
        p = tmp_path / "s.b2nd"
        s = ts.stack(arrays, axis=axis, urlpath=p, mode="w")
        np.testing.assert_array_equal(s[...], np.stack(list(x), axis))
    with pytest.raises(ValueError):
        ts.stack([arrays[0], ts.zeros((4, 4))])


def test_compute_chunks_blocks_is_what_arrays_get():
    for shape in ((100,), (1000, 1000), (3, 4, 5), (10**5, 10**5)):
        chunks, blocks = ts.compute_chunks_blocks(shape, dtype="f8")
        a = ts.zeros(shape)
        assert (chunks, blocks) == (a.chunks, a.blocks)
        assert all(s >= c >= b for s, c, b in zip(shape, chunks, blocks, strict=True))
    assert ts.compute_chunks_blocks((10, 10), blocks=(20, 5))[1] == (10, 5)
    for bad in ({"chunks": (0, 5)}, {"blocks": (5,)}, {"chunks": (2, 2), "blocks": (3, 3)}):
        with pytest.raises(ValueError):
            ts.compute_chunks_blocks((10, 10), **bad)
