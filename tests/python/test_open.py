# SPDX-License-Identifier: BSD-3-Clause
"""What exists already: files, folders and frames, opened as what they are."""

import numpy as np
import pytest

import tessera
from peer import needs_peer, peer
from tessera import Codec, NDArray, SChunk

DATA = np.arange(60, dtype="i4").reshape(6, 10)


@pytest.fixture
def array(tmp_path):
    tessera.asarray(DATA, urlpath=tmp_path / "a.b2nd").close()
    return tmp_path / "a.b2nd"


@pytest.fixture
def schunk(tmp_path):
    SChunk(80, DATA, urlpath=tmp_path / "s.b2frame", meta={"m": 1}).close()
    return tmp_path / "s.b2frame"


def test_the_content_tells_what_it_is(array, schunk, tmp_path):
    assert isinstance(tessera.open(array), NDArray) and isinstance(tessera.open(schunk), SChunk)
    array.rename(tmp_path / "x.dat")
    assert np.array_equal(tessera.open(tmp_path / "x.dat")[:], DATA)
    np.save(tmp_path / "n.npy", DATA)
    assert np.array_equal(tessera.open(tmp_path / "n.npy")[:], DATA)
    tessera.asarray(DATA, urlpath=tmp_path / "folder", contiguous=False).close()
    assert np.array_equal(tessera.open(tmp_path / "folder")[:], DATA)


def test_what_cannot_be_opened_says_why(tmp_path, array):
    with pytest.raises(FileNotFoundError):
        tessera.open(tmp_path / "none")
    (tmp_path / "junk.b2nd").write_bytes(b"junk" * 100)
    with pytest.raises(RuntimeError):
        tessera.open(tmp_path / "junk.b2nd")
    (tmp_path / "short.b2nd").write_bytes(array.read_bytes()[:-30])
    with pytest.raises(RuntimeError):
        tessera.open(tmp_path / "short.b2nd")
    with pytest.raises(ValueError):
        tessera.open(array, mode="x")
    with pytest.raises(TypeError):
        tessera.open(array, nosuch=1)


def test_modes_decide_what_may_be_done(array, schunk):
    for path in (array, schunk):
        with pytest.raises(ValueError, match="reading mode"):
            tessera.open(path)[0] = DATA[0]
    with tessera.open(array, "w") as a:  # of arrays the same as "a"
        a[0] = 7
    assert tessera.open(array)[0, 3] == 7 and tessera.open(array)[5, 9] == 59


def test_mode_w_empties_a_super_chunk(schunk):
    s = tessera.open(schunk, "w", cparams={"codec": Codec.LZ4, "typesize": 4})
    assert (len(s), s.chunksize, s.meta["m"], s.cparams.codec) == (0, 80, 1, Codec.LZ4)
    assert s.insert_data(0, DATA[:2], True) == 1
    s.close()
    assert tessera.open(schunk)[:] == DATA[:2].tobytes()
    kept = tessera.open(schunk, "w").cparams
    assert (kept.codec, kept.typesize) == (Codec.LZ4, 4)


@pytest.mark.parametrize("kind", ["array", "schunk"])
def test_a_frame_may_begin_inside_a_file(kind, request, tmp_path):
    frame = request.getfixturevalue(kind).read_bytes()
    for name in ("x.dat", "x.h5", "x.zarr", "x.b2z"):
        (tmp_path / name).write_bytes(b"\0" * 17 + frame)
        for place in (tmp_path / name, (tmp_path / name).as_uri()):
            with tessera.open(place, offset=17) as there:
                got = there[:] if kind == "schunk" else there[:].tobytes()
                assert got == DATA.tobytes()
        for offset in (0, 16, 18):
            with pytest.raises(RuntimeError):
                tessera.open(tmp_path / name, offset=offset)


def test_mappings_are_modes(array, schunk):
    with tessera.open(array, mmap_mode="r") as a:
        assert np.array_equal(a[:], DATA)
    with tessera.open(array, mode="r", mmap_mode="r+") as a:
        a[0] = 1
    assert tessera.open(array)[0, 0] == 1
    before = array.read_bytes()
    with tessera.open(array, mode="a", mmap_mode="c", initial_mapping_size=100_000) as a:
        a[1] = 2
        assert a[1, 1] == 2
        a.flush()
        assert a[1, 1] == 2
    assert array.read_bytes() == before
    with tessera.open(schunk, mmap_mode="c") as s:
        s[0] = b"zzzz"
        assert s[0] == b"zzzz"
    assert tessera.open(schunk)[:] == DATA.tobytes()


def test_mappings_that_cannot_be_are_refused(tmp_path, array):
    for kwargs, text in (
        ({"mmap_mode": "w+"}, "w\\+ mmap_mode cannot be used to open an existing file"),
        ({"mmap_mode": "x"}, "mmap_mode"),
        ({"mmap_mode": "r", "initial_mapping_size": 1}, "can only be used with writing modes"),
        ({"initial_mapping_size": 1}, "can only be used with mmap_mode"),
        ({"mmap_mode": "r+", "locking": True}, "locking"),
    ):
        with pytest.raises(ValueError, match=text):
            tessera.open(array, **kwargs)
    with pytest.raises(ValueError, match="urlpath must be set"):
        SChunk(mmap_mode="w+")
    with pytest.raises(ValueError, match="Only contiguous storage is supported"):
        SChunk(urlpath=tmp_path / "d", contiguous=False, mmap_mode="w+")
    SChunk(data=b"abc", urlpath=tmp_path / "m", mode=None, mmap_mode="w+", initial_mapping_size=99)
    assert SChunk(urlpath=tmp_path / "m", mode=None, mmap_mode="r")[:] == b"abc"


def test_load_gives_a_copy_in_memory(array, schunk):
    a, s = tessera.load(array), tessera.load(schunk)
    assert a.urlpath is None and s.urlpath is None
    array.unlink()
    schunk.unlink()
    a[0], s[0] = 5, b"1234"
    assert a[0, 0] == 5 and s[0] == b"1234" and s.meta["m"] == 1


def test_remove_takes_files_folders_and_nothing(tmp_path, array):
    SChunk(data=b"abc", urlpath=tmp_path / "d", contiguous=False).close()
    for path in (array, tmp_path / "d", str(tmp_path / "none"), None):
        tessera.remove_urlpath(path)
    assert list(tmp_path.iterdir()) == []


def test_frames_in_memory_are_what_they_hold(array, schunk):
    a, s = array.read_bytes(), schunk.read_bytes()
    assert np.array_equal(tessera.ndarray_from_cframe(a)[:], DATA)
    assert tessera.schunk_from_cframe(s)[:] == DATA.tobytes()
    assert isinstance(tessera.from_cframe(a), NDArray) and isinstance(
        tessera.from_cframe(s), SChunk
    )
    assert isinstance(tessera.from_cframe(a, copy=False), NDArray)
    assert tessera.schunk_from_cframe(a).typesize == 4
    for call in (tessera.ndarray_from_cframe, tessera.schunk_from_cframe, tessera.from_cframe):
        for bad in (b"", b"x" * 200, a[:-40]):
            with pytest.raises(RuntimeError):
                call(bad)
    with pytest.raises(RuntimeError):
        tessera.ndarray_from_cframe(s)


def test_a_borrowed_frame_stays_alive_and_a_copy_may_change():
    def frame():
        return SChunk(data=bytes(range(256)) * 50).to_cframe()

    borrowed = tessera.schunk_from_cframe(frame())
    for _ in range(20):
        frame()
    assert borrowed[:] == bytes(range(256)) * 50
    with pytest.raises(ValueError):
        borrowed[0] = b"x"
    buf = bytearray(frame())
    own = tessera.schunk_from_cframe(buf, copy=True)
    buf[:] = bytes(len(buf))
    own[0] = b"x"
    assert own[:2] == b"x\x01"


@needs_peer
def test_the_peer_opens_what_was_changed_here(array, schunk):
    with tessera.open(schunk, "a") as s:
        s[0] = b"\x09\0\0\0"
    code = "s = blosc2.open(args[0], mode='r'); print(np.frombuffer(s[:3], 'i4'), s.meta['m'])"
    assert peer(code, schunk) == "[9 1 2] 1\n"
    assert peer("print(blosc2.open(args[0])[2].tolist()[:3])", array) == "[20, 21, 22]\n"
