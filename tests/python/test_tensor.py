# SPDX-License-Identifier: BSD-3-Clause
"""Packed tensors: every dtype and shape, bytes that python-blosc2 reads and writes."""

import numpy as np
import pytest

import tessera
from peer import needs_peer, peer
from tessera.meta import pack_value

PADDED = np.dtype(
    {"names": ["a", "b"], "formats": ["<i4", "<f8"], "offsets": [0, 16], "itemsize": 32}
)
ARRAYS = [
    np.arange(6, dtype="i2").reshape(2, 3), np.array(2.5), np.zeros((0, 4)),
    np.arange(24).reshape(2, 3, 4)[:, ::-1, ::2], np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(5, dtype=">i4"), np.array([True, False]), np.array(["josé", ""]),
    np.array([b"ab", b"c"]),
    np.array(["2026-11-20"], dtype="M8[s]"), np.array([(1, 2.5, (3, 4))], dtype="i4,f8,(2,)u1"),
    np.zeros(3, dtype=PADDED), np.array([1 + 2j]), np.arange(3, dtype="f2"),
    np.zeros(4, dtype=[("x", [("y", "<i2")]), ("z", "S3")]),
]  # fmt: skip
NAMES = [f"{a.dtype.str}{a.shape}" for a in ARRAYS]


def same(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("a", ARRAYS, ids=NAMES)
def test_tensors_come_back(a, tmp_path):
    assert same(tessera.unpack_tensor(tessera.pack_tensor(a)), a)
    assert same(tessera.unpack_array2(tessera.pack_array2(a, chunksize=64)), a)
    path = tmp_path / "t.b2frame"
    assert tessera.save_tensor(a, path, mode="w") == path.stat().st_size
    assert same(tessera.load_tensor(path), a)
    assert tessera.save_array(a, str(path), mode="w") > 0
    assert same(tessera.load_array(str(path)), a)


def test_the_frame_is_an_ordinary_super_chunk():
    s = tessera.schunk_from_cframe(tessera.pack_tensor(np.arange(6, dtype="i2").reshape(2, 3)))
    assert (s.typesize, s.chunksize, len(s), list(s.meta)) == (2, 12, 6, [])
    assert s._meta_get(True, "__pack_tensor__") == pack_value(("numpy", (2, 3), "<i2"))
    assert s.vlmeta["__pack_tensor__"] == ("numpy", (2, 3), "<i2")


def test_padded_structures_keep_their_padding():
    a = np.zeros(3, dtype=PADDED)
    descr = tessera.from_cframe(tessera.pack_tensor(a)).vlmeta["__pack_tensor__"]
    assert descr == (
        "numpy", (3,), [("a", "<i4"), ("", "|V12"), ("b", "<f8"), ("", "|V8")])  # fmt: skip
    got = tessera.unpack_tensor(tessera.pack_tensor(a)).dtype
    assert got.itemsize == 32 and [got.fields[n][1] for n in "ab"] == [0, 16]


def test_parameters_reach_the_super_chunk(tmp_path):
    a = np.arange(100_000, dtype="i4")
    frame = tessera.pack_tensor(a, chunksize=4000, cparams=tessera.CParams(codec=tessera.Codec.LZ4))
    s = tessera.from_cframe(frame)
    assert (s.nchunks, s.typesize, s.cparams.codec) == (100, 4, tessera.Codec.LZ4)
    size = tessera.save_tensor(a, tmp_path / "d", contiguous=False)
    assert size == sum(p.stat().st_size for p in (tmp_path / "d").iterdir()) < a.nbytes
    assert np.array_equal(tessera.load_tensor(tmp_path / "d", dparams={"nthreads": 1}), a)


@pytest.mark.parametrize("bad", [[1, 2], np.float64(1), b"abc", 1.0, "x"], ids=repr)
def test_what_is_no_tensor_is_a_type_error(bad):
    with pytest.raises(TypeError):
        tessera.pack_tensor(bad)


def test_objects_are_not_packed():
    with pytest.raises(TypeError):
        tessera.pack_tensor(np.array([object()]))


def test_errors_say_what_is_wrong(tmp_path):
    with pytest.raises(TypeError):
        tessera.unpack_tensor(1.0)
    with pytest.raises(KeyError):
        tessera.unpack_tensor(tessera.SChunk(data=b"abc").to_cframe())
    with pytest.raises(RuntimeError):
        tessera.unpack_tensor(b"no frame at all" * 20)
    with pytest.raises(FileNotFoundError):
        tessera.load_tensor(tmp_path / "none")
    tessera.save_tensor(np.arange(3), tmp_path / "t")
    with pytest.raises(RuntimeError):
        tessera.save_tensor(np.arange(3), tmp_path / "t")
    tessera.zeros(5, urlpath=tmp_path / "a.b2nd")
    with pytest.raises(KeyError):
        tessera.load_tensor(tmp_path / "a.b2nd")


@pytest.mark.parametrize("entry", [
    5, (1, 2), ("numpy", (3,), "<i4"), ("numpy", (2**62, 4), "<i4"), ("numpy", (-1, -4), "<i1"),
    ("numpy", (1,), "|O"), ("numpy", (4,), "nosuch"), ("cupy", (4,), "|u1"), ("numpy", 4, "|u1"),
    ("numpy", ("4",), [["a"]]), ("numpy", (4.5,), "|u1"),
], ids=repr)  # fmt: skip
def test_descriptions_that_do_not_fit_are_refused(entry):
    s = tessera.SChunk(data=b"abcd")
    s.vlmeta["__pack_tensor__"] = entry
    with pytest.raises(ValueError, match="__pack_tensor__"):
        tessera.unpack_tensor(s.to_cframe())


class FakeTorch:
    """As far as packing looks at a torch tensor."""

    __module__ = "torch"

    def __init__(self, a):
        self.a = a

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.a


def test_other_kinds_are_written_as_theirs():
    frame = tessera.pack_tensor(FakeTorch(np.arange(3)))
    assert tessera.from_cframe(frame).vlmeta["__pack_tensor__"] == ("torch", (3,), "<i8")


_PEER = """
import pathlib
there = pathlib.Path(args[0])
for p in sorted(there.glob("*.ours")):
    a, b = np.load(p.with_suffix(".npy")), blosc2.unpack_tensor(p.read_bytes())
    assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), p
    p.with_suffix(".theirs").write_bytes(blosc2.pack_tensor(np.array(a, order="C")))
"""


@needs_peer
def test_frames_go_both_ways(tmp_path):
    plain = [a for a in ARRAYS if a.dtype != PADDED]
    for i, a in enumerate(plain):
        np.save(tmp_path / f"{i}.npy", a)
        (tmp_path / f"{i}.ours").write_bytes(tessera.pack_tensor(a))
    peer(_PEER, tmp_path)
    for i, a in enumerate(plain):
        assert same(tessera.unpack_tensor((tmp_path / f"{i}.theirs").read_bytes()), a)
