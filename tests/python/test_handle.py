# SPDX-License-Identifier: BSD-3-Clause
"""When changes are written, who sees them, and what a closed or forked handle may do."""

import gc
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tessera


def run(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A Python program of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        capture_output=True,
        text=True,
        check=False,
    )


def stored(path: Path) -> np.ndarray:
    """What another process reads from the file."""
    code = "import sys, tessera; sys.stdout.buffer.write(tessera.open(sys.argv[1])[:].tobytes())"
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True)
    return np.frombuffer(out.stdout, "i4")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of ten zeros that can be changed."""
    tessera.zeros(10, dtype="i4", urlpath=tmp_path / "a.b2nd", mode="w")
    return tmp_path / "a.b2nd"


def test_a_constructor_has_written_its_file(tmp_path: Path) -> None:
    a = tessera.asarray(np.arange(10, dtype="i4"), urlpath=tmp_path / "n.b2nd", mode="w")
    assert stored(tmp_path / "n.b2nd").tolist() == list(range(10))
    a.close()


def test_a_change_is_in_the_file_after_flush_close_with_and_del(path: Path) -> None:
    a = tessera.open(path, mode="a")
    a[0] = 1
    a.flush()
    assert stored(path)[0] == 1
    a[0] = 2
    a.close()
    assert stored(path)[0] == 2
    with tessera.open(path, mode="a") as a:
        a[0] = 3
    assert stored(path)[0] == 3
    a = tessera.open(path, mode="a")
    a[0] = 4
    del a
    gc.collect()
    assert stored(path)[0] == 4


def test_a_change_is_written_at_the_interpreters_end(path: Path) -> None:
    code = """
        import sys, tessera
        a = tessera.open(sys.argv[1], mode="a")
        a[3] = 7
        keep = {"a": a}
        keep["keep"] = keep      # a cycle: only the end of the program can write it
    """
    done = run(code, str(path))
    assert done.returncode == 0, done.stderr
    assert stored(path)[3] == 7


def test_a_change_is_written_when_the_program_fails(path: Path) -> None:
    code = """
        import sys, tessera
        a = tessera.open(sys.argv[1], mode="a")
        a[3] = 8
        raise SystemExit("enough")
    """
    assert run(code, str(path)).returncode == 1
    assert stored(path)[3] == 8


def test_a_kill_leaves_the_last_flushed_state(path: Path) -> None:
    code = """
        import os, signal, sys, tessera
        a = tessera.open(sys.argv[1], mode="a")
        a[1] = 5
        a.flush()
        a[1] = 6
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert run(code, str(path)).returncode < 0
    assert stored(path)[1] == 5


def test_another_handle_of_the_process_sees_changes(path: Path) -> None:
    a = tessera.open(path, mode="a")
    a[2] = 9
    link = path.with_name("link.b2nd")
    link.symlink_to(path)
    assert tessera.open(path)[2] == 9
    a[2] = 10
    assert tessera.open(link)[2] == 10


def test_handles_of_one_file_write_in_turns(path: Path) -> None:
    a = tessera.open(path, mode="a")
    a[0] = 1
    b = tessera.open(path, mode="a")
    assert b[0] == 1
    b[1] = 2
    b.flush()
    assert a[1] == 2
    a[2] = 3
    b.resize((12,))
    assert b[:4].tolist() == [1, 2, 3, 0]
    a[3] = 4
    assert a.shape == (12,)
    b.close()
    a.close()
    assert stored(path).tolist() == [1, 2, 3, 4] + [0] * 8


def test_super_chunks_of_one_file_grow_in_turns(tmp_path: Path) -> None:
    url = tmp_path / "s.b2frame"
    a = tessera.SChunk(chunksize=40, data=np.arange(10, dtype="i4"), urlpath=url, mode="w")
    b = tessera.open(url, mode="a")
    for i in range(6):
        (a, b)[i % 2].append_data(np.full(10, i, "i4"))
    a.close()
    b.close()
    c = tessera.open(url)
    assert np.frombuffer(c[10:], "i4").tolist() == np.repeat(np.arange(6), 10).tolist()


def test_a_handle_whose_file_was_replaced_does_not_write_to_the_new_one(path: Path) -> None:
    a = tessera.open(path, mode="a")
    a[0] = 1
    b = tessera.open(path, mode="a")  # a stands back
    b.close()
    c = tessera.ones(10, dtype="i4", urlpath=path, mode="w")
    with pytest.raises(tessera.ConflictError, match="replaced"):
        a[0] = 5
    c.close()
    assert stored(path).tolist() == [1] * 10


def test_a_file_is_made_anew_while_old_handles_live(path: Path) -> None:
    old = tessera.open(path, mode="a")
    for i in range(3):
        old[0] = i
        old = tessera.full(10, i, dtype="i4", urlpath=path, mode="w")
    old.close()
    assert stored(path).tolist() == [2] * 10


def test_a_handle_of_a_replaced_file_steps_aside_too(path: Path) -> None:
    new = tessera.full(10, 3, dtype="i4", urlpath=path, mode="w")
    with tessera.open(path, mode="a") as other:
        other[0] = 4
    new[1] = 5
    new.close()
    assert stored(path)[:3].tolist() == [4, 5, 3]


def test_handles_take_turns_wherever_the_program_goes(path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(path.parent)
    a = tessera.open(path.name, mode="a")
    a[0] = 1
    monkeypatch.chdir("/")
    b = tessera.open(path, mode="a")
    b[1] = 2
    a[2] = 3
    a.close()
    b.close()
    assert stored(path)[:3].tolist() == [1, 2, 3]


def test_what_one_handle_wrote_another_one_reads_before_it_writes(path: Path) -> None:
    a = tessera.open(path, mode="a")
    b = tessera.open(path, mode="a")
    for _ in range(10):
        a[0] += 1
        b[0] += 1
    both = tessera.concat([a, b, b, a])
    assert both[::10].tolist() == [20] * 4
    b.resize((12,))
    assert a[10:].tolist() == [0, 0]
    a.close()
    b.close()
    assert stored(path)[0] == 20


@pytest.mark.parametrize("name", ["", "a.b2nd\0x", b"a.b2nd\0x"])
def test_a_path_that_c_would_cut_short_touches_nothing(
    path: Path, monkeypatch: Any, name: Any
) -> None:
    monkeypatch.chdir(path.parent)
    for use in (
        lambda: tessera.ones(3, urlpath=name, mode="w"),
        lambda: tessera.SChunk(data=b"abc", urlpath=name, mode="w"),
        lambda: tessera.open(name, mode="a"),
        lambda: tessera.ones(3).save(name, mode="w"),
    ):
        with pytest.raises((ValueError, FileNotFoundError)):
            use()
    assert stored(path).tolist() == [0] * 10


def test_a_metalayers_name_is_not_cut_short() -> None:
    a = tessera.zeros(3)
    a.vlmeta["x"] = 1
    with pytest.raises(ValueError, match="NUL"):
        a.vlmeta["x\0y"] = 2
    assert a.vlmeta["x"] == 1


def test_an_array_that_was_never_made_is_refused() -> None:
    with pytest.raises(TypeError, match="zeros"):
        tessera.NDArray()
    with pytest.raises(ValueError, match="closed"):
        tessera.NDArray.__new__(tessera.NDArray)[()]


def test_numbers_beyond_64_bits_are_no_index() -> None:
    for x in (tessera.zeros(3), tessera.SChunk(data=b"abc")):
        with pytest.raises(IndexError):
            x[2**70]


def test_with_locking_each_change_is_written(path: Path) -> None:
    a = tessera.open(path, mode="a", locking=True)
    a[5] = 11
    assert stored(path)[5] == 11


def test_a_closed_handle_refuses_everything_by_name(path: Path) -> None:
    a = tessera.open(path, mode="a")
    a.close()
    a.close()
    uses = [lambda: a[0], lambda: a.__setitem__(0, 1), lambda: a.resize((20,)), a.to_cframe]
    for use in uses:
        with pytest.raises(ValueError):
            use()
    with pytest.raises(ValueError, match=r"a\.b2nd"):
        a[0]


def test_a_read_only_handle_refuses_changes(path: Path) -> None:
    a = tessera.open(path, mode="r")
    for change in (
        lambda: a.__setitem__(0, 1),
        lambda: a.resize((20,)),
        lambda: a.vlmeta.__setitem__("x", 1),
    ):
        with pytest.raises(ValueError, match="reading mode"):
            change()


@pytest.mark.parametrize("dtype", ["i4", "string"])
def test_reads_beside_a_resize_are_of_the_shape_before_or_after(dtype: str) -> None:
    fill = 1 if dtype == "i4" else "x"
    a = tessera.full((400, 8), fill, dtype=dtype, chunks=(50, 4), format="zarr3")
    reads: list[Any] = [
        lambda: a[...].shape[0],
        lambda: np.asarray(a).shape[0],
        lambda: a[-1].shape[0] * 25,
        lambda: a[[-1, 3], :].size * 25 // 2,
        lambda: a.oindex[[-1, 3], :].size * 25 // 2,
    ]
    if dtype == "i4":
        reads += [lambda: int(a.sum()) // 8, lambda: len(a.tobytes()) // 32]
        reads += [lambda: int(a.max(axis=1, keepdims=True).sum())]
    done = threading.Event()
    found: list[Any] = []

    def go(read: Any) -> None:
        while not done.is_set():
            try:
                found.append(read())
            except Exception as e:
                found.append(e)

    threads = [threading.Thread(target=go, args=(read,)) for read in reads]
    for t in threads:
        t.start()
    for i in range(200):
        n = 400 if i % 2 else 200
        a.resize((n, 8))
        assert a.shape[0] == n
    done.set()
    for t in threads:
        t.join()
    assert set(map(str, found)) <= {"200", "400"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_reads_and_does_not_write(path: Path) -> None:
    code = """
        import os, sys, tessera
        a = tessera.open(sys.argv[1], mode="a")
        a[:] = 1
        pid = os.fork()
        if pid == 0:
            try:
                assert a[:].sum() == 10
                try:
                    a[0] = 5
                except ValueError:
                    pass
                else:
                    os._exit(1)
                del a
            except BaseException:
                os._exit(2)
            sys.exit(0)          # with all that runs at the end of a program
        assert os.waitpid(pid, 0)[1] == 0
        import subprocess
        other = "import sys, tessera; sys.exit(int(tessera.open(sys.argv[1])[:].sum()))"
        before = subprocess.run([sys.executable, "-c", other, sys.argv[1]]).returncode
        assert before == 0, f"the child wrote: {before}"
    """
    done = run(code, str(path))
    assert done.returncode == 0, done.stderr
    assert stored(path).tolist() == [1] * 10


def test_readers_and_a_writer_in_threads_see_whole_statements() -> None:
    a = tessera.zeros((64, 64), dtype="i8", chunks=(16, 16), blocks=(8, 8))
    torn: list[np.ndarray] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            x = a[:]
            if x.min() != x.max():
                torn.append(x)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for t in readers:
        t.start()
    for i in range(60):
        a[:] = i
    stop.set()
    for t in readers:
        t.join()
    assert not torn


def test_closing_while_others_read_ends_in_an_error_at_worst() -> None:
    for _ in range(20):
        a = tessera.full((64, 64), 3, chunks=(16, 16), blocks=(8, 8))
        errors: list[str] = []

        def read(a: tessera.NDArray = a, errors: list[str] = errors) -> None:
            try:
                for _ in range(50):
                    assert a[:].min() == 3
            except ValueError as e:
                errors.append(str(e))

        readers = [threading.Thread(target=read) for _ in range(3)]
        for t in readers:
            t.start()
        a.close()
        for t in readers:
            t.join()
        assert all("closed" in text for text in errors)


def test_a_failed_write_is_said_when_it_is_flushed(tmp_path: Path) -> None:
    target = tmp_path / "gone"
    target.mkdir()
    a = tessera.zeros(10, dtype="i4", urlpath=target / "a.b2nd", mode="w")
    a[0] = 1
    (target / "a.b2nd").unlink()
    with pytest.raises(RuntimeError, match=r"a\.b2nd"):
        a.flush()


def test_at_exit_a_handle_that_cannot_be_written_does_not_stop_the_others(path: Path) -> None:
    code = """
        import os, sys, tessera
        path = sys.argv[1]
        kept = []
        for name in ("gone.b2nd", "a.b2nd", "gone2.b2nd"):
            kept.append(tessera.zeros(10, dtype="i4", urlpath=path + name, mode="w"))
            kept[-1][:] = 7
        os.remove(path + "gone.b2nd")
        os.remove(path + "gone2.b2nd")
    """
    out = run(code, str(path.parent) + os.sep)
    assert list(stored(path)) == [7] * 10, out.stderr
    for name in ("gone.b2nd", "gone2.b2nd"):
        assert f"{name}: the file was removed or replaced" in out.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_opens_what_its_parent_has_not_flushed(path: Path) -> None:
    code = """
        import os, sys, tessera
        a = tessera.open(sys.argv[1], mode="a")
        a[0] = 7
        pid = os.fork()
        if not pid:
            os._exit(int(tessera.open(sys.argv[1])[1]))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    """
    assert run(code, str(path)).stderr == ""
    assert stored(path)[0] == 7


def test_a_change_beside_a_flush_is_written(path: Path) -> None:
    for i in range(200):
        a = tessera.open(path, mode="a")
        a[1] = i
        flusher = threading.Thread(target=a.flush)
        flusher.start()
        a[0] = i
        flusher.join()
        a.close()
        assert tessera.open(path)[0] == i


def test_a_writer_that_goes_away_is_not_found_any_more(tmp_path: Path) -> None:
    stop = threading.Event()
    other = tmp_path / "other.b2nd"
    tessera.zeros(10, urlpath=other)

    def look() -> None:
        while not stop.is_set():
            tessera.open(other).close()

    thread = threading.Thread(target=look)
    thread.start()
    for i in range(30):
        a = tessera.zeros(2_000_000, dtype="i4", urlpath=tmp_path / f"{i % 2}.b2nd", mode="w")
        a[:] = np.arange(2_000_000)
        del a
    stop.set()
    thread.join()


def test_a_handle_is_asked_while_it_changes(path: Path) -> None:
    a = tessera.open(path, mode="a")
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            assert a.vlmeta.keys() <= {"x"} and a.format == "b2nd" and a.cparams.typesize == 4

    thread = threading.Thread(target=ask)
    thread.start()
    for i in range(200):
        b = tessera.open(path, mode="a")  # a steps aside
        a.vlmeta["x"] = i
        a.resize((10 + i % 3,))
        b.close()
    stop.set()
    thread.join()
    assert a.vlmeta["x"] == 199


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_beside_a_reader_uses_the_handle(path: Path) -> None:
    code = """
        import os, sys, threading, tessera
        a = tessera.open(sys.argv[1], mode="a")
        stop = threading.Event()
        def read():
            while not stop.is_set():
                a[...]
        reader = threading.Thread(target=read)
        reader.start()
        for i in range(20):
            pid = os.fork()
            if not pid:
                a.refresh()
                assert a[0] == 0
                a.close()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        reader.join()
    """
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (out.returncode, out.stderr) == (0, "")
