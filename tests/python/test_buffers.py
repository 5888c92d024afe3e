# SPDX-License-Identifier: BSD-3-Clause
"""Functions on one buffer: round trips, exceptions, safe unpickling, chunks of python-blosc2."""

import array
import contextlib
import itertools
import pickle

import numpy as np
import pytest

import tessera
from peer import needs_peer, peer
from tessera import Codec, CParams, DParams, Filter

DATA = np.arange(5000, dtype="i8")


@pytest.mark.parametrize(
    "codec, filter", list(itertools.product(tessera.compressor_list(), Filter))
)
def test_every_codec_and_filter_round_trips(codec, filter):
    for clevel in (0, 1, 9):
        packed = tessera.compress(DATA, 8, clevel, filter, codec)
        assert tessera.decompress(packed) == DATA.tobytes()
        assert tessera.get_cbuffer_sizes(packed)[:2] == (DATA.nbytes, len(packed))
    assert len(packed) < DATA.nbytes // 3 or filter in (Filter.NOFILTER, *list(Filter)[4:])


def test_sources_of_every_kind_give_the_same_chunk():
    raw = DATA.tobytes()
    chunks = {tessera.compress(x) for x in (DATA, raw, bytearray(raw), memoryview(raw))}
    assert len(chunks) == 1
    assert tessera.compress(DATA, typesize=None) == tessera.compress(DATA, 8)


def test_empty_input_is_a_header():
    for packed in (tessera.compress(b""), tessera.compress2(b""), tessera.compress(np.arange(0))):
        assert len(packed) == 32
        assert tessera.decompress(packed) == tessera.decompress2(packed) == b""


def test_compress_refuses_what_cannot_be():
    class Long:
        def __len__(self):
            return tessera.MAX_BUFFERSIZE + 1

    for call, error in (
        (lambda: tessera.compress(1.0), TypeError),
        (lambda: tessera.compress(["abc"]), TypeError),
        (lambda: tessera.compress(Long()), ValueError),
        (lambda: tessera.compress(b"abc", typesize=0), ValueError),
        (lambda: tessera.compress(b"abc", typesize=2), ValueError),
        (lambda: tessera.compress(b"abc", typesize=tessera.MAX_TYPESIZE + 1), ValueError),
        (lambda: tessera.compress(b"a", 1, clevel=-1), ValueError),
        (lambda: tessera.compress(b"a", 1, clevel=10), ValueError),
        (lambda: tessera.compress(b"a", 1, codec="zstd"), AttributeError),
    ):
        with pytest.raises(error):
            call()


def test_decompress_fills_buffers_and_refuses_bad_ones():
    packed = tessera.compress(DATA)
    out = np.zeros(5001, "i8")
    assert tessera.decompress(packed, out) is None and np.array_equal(out[:-1], DATA)
    for dst in (bytearray(DATA.nbytes), memoryview(bytearray(DATA.nbytes))):
        assert tessera.decompress2(packed, dst) is None and bytes(dst) == DATA.tobytes()
    assert isinstance(tessera.decompress(packed, as_bytearray=True), bytearray)
    for call, error in (
        (lambda: tessera.decompress(b""), ValueError),
        (lambda: tessera.decompress(b"short"), ValueError),
        (lambda: tessera.decompress(1.0), TypeError),
        (lambda: tessera.decompress(["abc"]), TypeError),
        (lambda: tessera.decompress(packed, bytearray()), ValueError),
        (lambda: tessera.decompress(tessera.compress(b""), bytearray()), ValueError),
        (lambda: tessera.decompress(packed, bytearray(100)), RuntimeError),
        (lambda: tessera.decompress(packed[:-1]), RuntimeError),
        (lambda: tessera.decompress2(packed[:-1]), ValueError),
        (lambda: tessera.decompress2(b"x" * 40), ValueError),
        (lambda: tessera.decompress2(packed, bytearray()), ValueError),
        (lambda: tessera.decompress2(packed, dparams=DParams(), nthreads=2), AttributeError),
    ):
        with pytest.raises(error):
            call()


def test_damaged_chunks_never_decode_out_of_bounds():
    rng = np.random.default_rng(3)
    packed = bytearray(tessera.compress(rng.integers(0, 50, 2000)))
    for _ in range(300):
        bad = packed.copy()
        bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
        with contextlib.suppress(ValueError):
            assert len(tessera.decompress2(bad)) < 2**31


def test_compress2_takes_parameters_in_either_form():
    cp = CParams(codec=Codec.LZ4, typesize=4, filters=[Filter.BITSHUFFLE], filters_meta=[0])
    a = tessera.compress2(DATA, cparams=cp)
    b = tessera.compress2(
        DATA, codec=Codec.LZ4, typesize=4, filters=[Filter.BITSHUFFLE], filters_meta=[0], nthreads=2
    )
    assert a == b == tessera.compress2(DATA, cparams=dict(cp))
    assert tessera.decompress2(a, nthreads=2) == DATA.tobytes()
    with pytest.raises(AttributeError):
        tessera.compress2(DATA, cparams=cp, codec=Codec.LZ4)
    with pytest.raises(RuntimeError):
        tessera.compress2(DATA, clevel=17)


def test_lossy_filters_cut_what_they_say():
    packed = tessera.compress2(DATA, filters=[Filter.INT_TRUNC], filters_meta=[-4], typesize=8)
    cut = np.frombuffer(tessera.decompress2(packed), "i8")
    assert np.array_equal(cut, DATA >> 4 << 4)


def test_the_block_size_of_the_process_is_used():
    try:
        tessera.set_blocksize(2**14)
        assert tessera.get_blocksize() == 2**14
        for packed in (tessera.compress(DATA), tessera.compress2(DATA)):
            assert tessera.get_cbuffer_sizes(packed)[2] == 2**14
    finally:
        tessera.set_blocksize()
    assert tessera.get_blocksize() == 0
    with pytest.raises(ValueError):
        tessera.set_blocksize(-1)


def test_facts_of_the_build_are_told(capsys):
    assert tessera.compressor_list() == [
        Codec.BLOSCLZ,
        Codec.LZ4,
        Codec.LZ4HC,
        Codec.ZLIB,
        Codec.ZSTD,
    ]
    assert set(tessera.compressor_list()) < set(tessera.compressor_list(plugins=True))
    assert all(
        isinstance(x, bytes) for c in tessera.compressor_list() for x in tessera.clib_info(c)
    )
    assert tessera.clib_info(Codec.NDLZ) == (b"ndlz", b"unknown")
    with pytest.raises(ValueError):
        tessera.clib_info(Codec.GROK)
    assert tessera.get_clib(tessera.compress(DATA, codec=Codec.LZ4HC)) == "LZ4"
    tessera.set_compressor(Codec.LZ4)
    assert tessera.get_compressor() == "lz4"
    tessera.set_compressor(Codec.BLOSCLZ)
    before = tessera.set_releasegil(True)
    assert tessera.set_releasegil(before) is True
    assert tessera.detect_number_of_cores() >= 1
    tessera.free_resources()
    tessera.print_versions()
    assert tessera.__version__ in capsys.readouterr().out


def test_the_number_of_threads_is_live():
    before = tessera.set_nthreads(3)
    try:
        assert tessera.nthreads == CParams().nthreads == DParams().nthreads == 3
        for n in (0, -1, 2**31):
            with pytest.raises(ValueError):
                tessera.set_nthreads(n)
    finally:
        assert tessera.set_nthreads(before) == 3


# ---- objects ----


@pytest.mark.parametrize("obj", [
    np.arange(1000), np.array(["josé", "a"]), np.array([(1, 2.5)], dtype="i4,f8"), np.float64(1.5),
    np.array([b"a", "x", None, 5, [1]], dtype=object),
    np.datetime64("2026-11-20"), np.zeros((0, 3)),
], ids=repr)  # fmt: skip
def test_objects_with_items_are_packed(obj):
    got = tessera.unpack(tessera.pack(obj))
    assert np.array_equal(got, obj) and got.dtype == obj.dtype
    assert np.array_equal(tessera.unpack_array(tessera.pack_array(obj)), obj)


def test_what_cannot_be_packed_is_refused():
    for obj in ("abc", 1.0, [1], array.array("i", [1])):
        with pytest.raises(AttributeError):
            tessera.pack_array(obj)
    for clevel in (-1, 10):
        with pytest.raises(ValueError):
            tessera.pack_array(DATA, clevel)
    for call in (tessera.unpack, tessera.unpack_array):
        with pytest.raises(TypeError):
            call(1.0)


class Evil:
    def __reduce__(self):
        return eval, ("1 + 1",)


def test_unpickling_runs_nothing_unless_it_is_trusted():
    for bad in (pickle.dumps(Evil()), pickle.dumps(np.array([Evil()], dtype=object))):
        packed = tessera.compress(bad, 1)
        with pytest.raises(pickle.UnpicklingError, match="trusted"):
            tessera.unpack_array(packed)
        with pytest.raises(pickle.UnpicklingError, match="trusted"):
            tessera.unpack(packed)
        assert tessera.unpack(packed, trusted=True) == 2


def test_pickles_of_python_2_need_an_encoding():
    old = (
        b"cnumpy.core.multiarray\n_reconstruct\np0\n(cnumpy\nndarray\np1\n(I0\ntp2\nS'b'\np3\ntp4\n"
        b"Rp5\n(I1\n(I1\ntp6\ncnumpy\ndtype\np7\n(S'S2'\np8\nI0\nI1\ntp9\nRp10\n(I3\nS'|'\np11\nNNNI2\n"
        b"I1\nI0\ntp12\nbI00\nS'\\xc3\\xa1'\np13\ntp14\nb."
    )
    packed = tessera.compress(old, 1)
    with pytest.raises(UnicodeDecodeError):
        tessera.unpack_array(packed)
    assert tessera.unpack_array(packed, encoding="bytes").tolist() == ["á"]


# ---- the peer ----

_PEER = """
import pathlib
there = pathlib.Path(args[0])
a = np.arange(5000, dtype="i8")
assert blosc2.decompress2((there / "ours2").read_bytes()) == a.tobytes()
assert blosc2.decompress((there / "ours").read_bytes()) == a.tobytes()
assert np.array_equal(blosc2.unpack_array((there / "packed").read_bytes()), a)
(there / "theirs").write_bytes(blosc2.compress(a, 8, codec=blosc2.Codec.LZ4))
(there / "theirs2").write_bytes(blosc2.compress2(a, filters=[blosc2.Filter.BITSHUFFLE]))
(there / "theirpacked").write_bytes(blosc2.pack_array(a))
"""


@needs_peer
def test_chunks_and_packed_arrays_go_both_ways(tmp_path):
    (tmp_path / "ours").write_bytes(tessera.compress(DATA))
    (tmp_path / "ours2").write_bytes(tessera.compress2(DATA, codec=Codec.ZLIB))
    (tmp_path / "packed").write_bytes(tessera.pack_array(DATA))
    peer(_PEER, tmp_path)
    assert tessera.decompress((tmp_path / "theirs").read_bytes()) == DATA.tobytes()
    assert tessera.decompress2((tmp_path / "theirs2").read_bytes()) == DATA.tobytes()
    assert np.array_equal(tessera.unpack_array((tmp_path / "theirpacked").read_bytes()), DATA)
