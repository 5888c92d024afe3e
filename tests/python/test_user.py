# SPDX-License-Identifier: BSD-3-Clause
"""Codecs and filters written in Python: files, threads, python-blosc2, and when they fail."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tessera

CONSTANT, FAULTY, ROT, SWAP = 201, 202, 201, 202
seen: list[Any] = []


def encode_constant(input: Any, output: Any, meta: int, block: Any) -> int:
    seen.append((meta, block.typesize, block.blockshape, block.clevel))
    return encode_runs(input, output, meta, block)


def encode_runs(input: Any, output: Any, meta: int, block: Any) -> int:
    """A block of equal items is its first one."""
    n = block.typesize
    if (input.reshape(-1, n) != input[:n]).any():
        return 0
    output[:n] = input[:n]
    return int(n)


def decode_constant(input: Any, output: Any, meta: int, block: Any) -> int:
    output[:] = np.tile(input, output.size // input.size)
    return int(output.size)


def rot_forward(input: Any, output: Any, meta: int, block: Any) -> None:
    output[:] = input + np.uint8(meta)


def rot_backward(input: Any, output: Any, meta: int, block: Any) -> None:
    output[:] = input - np.uint8(meta)


def swap(input: Any, output: Any, meta: int, block: Any) -> None:
    output[:] = input[::-1]


class Faulty:
    """A codec whose functions do what a test wants them to."""

    encode: Callable[..., Any] = staticmethod(encode_constant)
    decode: Callable[..., Any] = staticmethod(decode_constant)

    @classmethod
    def do_encode(cls, *args: Any) -> Any:
        return cls.encode(*args)

    @classmethod
    def do_decode(cls, *args: Any) -> Any:
        return cls.decode(*args)


@pytest.fixture(scope="module", autouse=True)
def registered() -> None:
    tessera.register_codec("constant", CONSTANT, encode_constant, decode_constant)
    tessera.register_codec("Faulty one", FAULTY, Faulty.do_encode, Faulty.do_decode)
    tessera.register_filter(ROT, rot_forward, rot_backward, "rot")
    tessera.register_filter(SWAP, swap, swap)


@pytest.fixture
def faulty() -> Iterator[type[Faulty]]:
    yield Faulty
    Faulty.encode, Faulty.decode = staticmethod(encode_constant), staticmethod(decode_constant)


def plain(codec: int, **more: Any) -> dict[str, Any]:
    return {"codec": codec, "filters": [tessera.Filter.NOFILTER], "filters_meta": [0], **more}


def steps_of(n: int) -> np.ndarray:
    """Runs of n equal items, each of the size of a block."""
    return np.repeat(np.arange(n, dtype="i4") * 257 + 5, 1000)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("sparse", [False, True])
def test_arrays_in_files_go_through_codec_and_filters(
    tmp_path: Path, threads: int, sparse: bool
) -> None:
    path = tmp_path / "a.b2nd"
    cparams = {
        "codec": CONSTANT,
        "codec_meta": 77,
        "clevel": 3,
        "filters": [ROT, SWAP],
        "filters_meta": [9, 0],
        "nthreads": threads,
    }
    data = steps_of(40)
    seen.clear()
    tessera.asarray(
        data, chunks=(8000,), blocks=(1000,), cparams=cparams, urlpath=path, contiguous=not sparse
    )
    assert set(seen) == {(77, 4, (1000,), 3)}
    a = tessera.open(path, dparams={"nthreads": threads})
    assert a.cparams.codec == CONSTANT
    assert a.cparams.codec_meta == 77
    used = [i for i, f in enumerate(a.cparams.filters) if f is not tessera.Filter.NOFILTER]
    assert [a.cparams.filters[i] for i in used] == [ROT, SWAP]
    assert [a.cparams.filters_meta[i] for i in used] == [9, 0]
    assert a.schunk.cbytes < data.nbytes // 10
    assert np.array_equal(a[:], data)
    assert np.array_equal(a[7990:24010], data[7990:24010])


def test_items_that_do_not_shrink_are_stored_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data = rng.integers(0, 1 << 30, 20000, dtype="i4")
    s = tessera.SChunk(
        chunksize=16000, data=data, urlpath=tmp_path / "s.b2frame", cparams=plain(CONSTANT)
    )
    del s
    assert tessera.open(tmp_path / "s.b2frame")[:] == data.tobytes()


def test_super_chunks_in_memory(tmp_path: Path) -> None:
    data = steps_of(40)
    s = tessera.SChunk(chunksize=16000, data=data, cparams=plain(CONSTANT, blocksize=4000))
    assert s[:] == data.tobytes()
    s[100:200] = np.zeros(100, "i4")
    data[100:200] = 0
    again = tessera.schunk_from_cframe(s.to_cframe(), copy=True)
    assert again[:] == data.tobytes()


def test_many_python_threads_at_once() -> None:
    data = steps_of(64)
    a = tessera.asarray(data, chunks=(8000,), blocks=(1000,), cparams=plain(CONSTANT, nthreads=4))
    wrong = []

    def read() -> None:
        for _ in range(5):
            if not np.array_equal(a[:], data):
                wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# ---- failures ----


def boom(*args: Any) -> int:
    raise ZeroDivisionError("boom")


@pytest.mark.parametrize("threads", [1, 4])
def test_an_exception_of_an_encoder_is_the_cause(faulty: Any, threads: int) -> None:
    faulty.encode = staticmethod(boom)
    with pytest.raises(ValueError, match=r"faulty_one: its encode raised.*boom") as e:
        tessera.asarray(np.arange(50000), cparams=plain(FAULTY, nthreads=threads))
    assert isinstance(e.value.__cause__, ZeroDivisionError)
    assert "boom" in [f.name for f in e.traceback] or e.value.__cause__.__traceback__


@pytest.mark.parametrize("threads", [1, 4])
def test_an_exception_of_a_decoder_is_the_cause(faulty: Any, threads: int) -> None:
    data = steps_of(40)
    a = tessera.asarray(
        data, chunks=(8000,), blocks=(1000,), cparams=plain(FAULTY, nthreads=threads)
    )
    faulty.decode = staticmethod(boom)
    with pytest.raises(RuntimeError, match="faulty_one: its decode raised ZeroDivisionError: boom"):
        a[:]
    faulty.decode = staticmethod(decode_constant)
    assert np.array_equal(a[:], data)


@pytest.mark.parametrize(
    ("answer", "text"),
    [(None, "returned None"), (-1, "returned -1"), (1 << 20, "returned 1048576"), ("4", "'4'")],
)
def test_wrong_sizes_of_encoders_are_told(faulty: Any, answer: Any, text: str) -> None:
    faulty.encode = staticmethod(lambda *a: answer)
    with pytest.raises(ValueError, match=text):
        tessera.asarray(np.arange(50000), cparams=plain(FAULTY))


def test_wrong_sizes_of_decoders_are_told(faulty: Any) -> None:
    a = tessera.asarray(steps_of(4), blocks=(1000,), chunks=(2000,), cparams=plain(FAULTY))
    faulty.decode = staticmethod(lambda *a: 3)
    with pytest.raises(RuntimeError, match="returned 3, expected 4000"):
        a[:]


def test_what_a_function_keeps_of_its_arrays_stays_as_it_was(faulty: Any) -> None:
    kept = []

    def encode(input: Any, output: Any, meta: int, block: Any) -> int:
        kept.append((input, output, input.copy()))
        return encode_constant(input, output, meta, block)

    faulty.encode = staticmethod(encode)
    data = steps_of(40)
    a = tessera.asarray(data, chunks=(8000,), blocks=(1000,), cparams=plain(FAULTY))
    assert np.array_equal(a[:], data)
    for input, output, copy in kept:
        output[:] = 255
        assert np.array_equal(input, copy)
        assert not input.flags.writeable
    assert np.array_equal(a[:], data)


def test_ids_and_functions_are_checked() -> None:
    for ident in (159, 256, -1):
        with pytest.raises(ValueError, match="160 to 255"):
            tessera.register_codec("x", ident, encode_constant, decode_constant)
        with pytest.raises(ValueError, match="160 to 255"):
            tessera.register_filter(ident, swap, swap)
    with pytest.raises(ValueError, match="in use"):
        tessera.register_codec("x", CONSTANT, encode_constant, decode_constant)
    with pytest.raises(ValueError, match="in use"):
        tessera.register_filter(ROT, swap, swap)
    with pytest.raises(ValueError, match="both"):
        tessera.register_codec("x", 210, encode_constant, None)
    with pytest.raises(ValueError, match="both"):
        tessera.register_filter(210, None, swap)
    with pytest.raises(ValueError, match="name"):
        tessera.register_filter(210)
    assert tessera.ucodecs_registry[CONSTANT] == ("constant", encode_constant, decode_constant)
    assert tessera.ufilters_registry[ROT] == (rot_forward, rot_backward)


def test_names_may_be_those_of_others() -> None:
    tessera.register_codec("zstd", 203, encode_constant, decode_constant)
    tessera.register_codec("constant", 204, encode_constant, decode_constant)
    for codec in (203, 204):
        a = tessera.asarray(steps_of(4), cparams=plain(codec))
        assert a.cparams.codec == codec
        assert np.array_equal(a[:], steps_of(4))


def test_what_nobody_registered_is_refused(tmp_path: Path) -> None:
    tessera.register_codec("some_plugin", 205)  # python-blosc2 would look for a package
    with pytest.raises(RuntimeError, match="205: neither"):
        tessera.asarray(np.arange(10), cparams=plain(205))
    path = tmp_path / "x.b2nd"
    data = steps_of(40)
    tessera.asarray(data, urlpath=path, chunks=(8000,), blocks=(1000,), cparams=plain(CONSTANT))
    code = """
import sys, tessera
a = tessera.open(sys.argv[1])
print(a.cparams.codec)
try:
    a[:]
except RuntimeError as e:
    print(e)
"""
    command = [sys.executable, "-c", code, str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.stdout.startswith("201\n"), out.stderr
    assert "201" in out.stdout[4:]


# ---- python-blosc2 ----


def test_files_go_to_and_from_python_blosc2(tmp_path: Path) -> None:
    blosc2 = pytest.importorskip("blosc2")
    data = steps_of(40)
    if CONSTANT not in blosc2.ucodecs_registry:
        blosc2.register_codec("constant", CONSTANT, encode_runs, decode_constant)
        blosc2.register_filter(ROT, rot_forward, rot_backward)
    cparams = {"codec": CONSTANT, "filters": [ROT], "filters_meta": [9], "typesize": 4}
    one = {"nthreads": 1}
    theirs, ours = tmp_path / "theirs.b2frame", tmp_path / "ours.b2frame"
    blosc2.SChunk(
        chunksize=32000, data=data, urlpath=str(theirs), dparams=one,
        cparams={**cparams, **one, "blocksize": 4000},
    )  # fmt: skip
    assert tessera.open(theirs)[:] == data.tobytes()
    tessera.SChunk(chunksize=32000, data=data, urlpath=ours, cparams={**cparams, "blocksize": 4000})
    assert ours.stat().st_size < data.nbytes // 10
    before = blosc2.set_nthreads(1)  # theirs work on one thread only
    assert blosc2.open(str(ours))[:] == data.tobytes()
    blosc2.set_nthreads(before)
