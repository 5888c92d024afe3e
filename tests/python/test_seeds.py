# SPDX-License-Identifier: BSD-3-Clause
"""The two documents of python-blosc2 run with the import line and file paths changed.

The cells lie in seeds/ and keep their numbers; each is a test.  TESSERA_SEEDS, the folder of the
documents, lets the last tests compare every line with them.  TESSERA_ALL=1 runs the cells that
take 12 GB of memory (an array of 4 GB) as they stand; without it 16 MB stand for them.

The star counts of the first document are not to be had: its file is made here in the same
layout, shorter along the axis that is stepped over, so that the loop takes five turns.  Frames
are drawn by plotly, kaleido and Chromium where they are installed, else by matplotlib under
plotly's name, and the test says so; it does the same when Chromium hangs.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import shutil
import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tessera
from notebook import Notebook, cells_of

SEEDS = Path(__file__).parent / "seeds"
ALL = os.environ.get("TESSERA_ALL") == "1"
SHAPE, WINDOW, TURNS = (60, 20000, 20000), slice(9_900, 10_100), 5
GAIA, SCHUNK = cells_of(SEEDS / "gaia.txt"), cells_of(SEEDS / "schunk.txt")


def star_counts() -> tuple[np.ndarray, slice]:
    """Sparse counts around the middle of axes 1 and 2, shape (60, 400, 400), and where they lie."""
    rng = np.random.default_rng(2022)
    counts = np.zeros((SHAPE[0], 400, 400), np.uint8)
    where = tuple(rng.integers(0, n, 4000) for n in counts.shape)
    np.add.at(counts, where, rng.integers(1, 4, 4000).astype(np.uint8))
    return counts, slice(9_800, 10_200)


def expected_frames() -> list[np.ndarray]:
    """What the loop of the document sums up, in plain NumPy: nearer segments weigh more."""
    counts, at = star_counts()
    seen = counts[:, WINDOW.start - at.start : WINDOW.stop - at.start, 100:300]
    frames = []
    for turn in range(TURNS):
        rest = seen[10 * turn :].astype(float)
        frames.append(np.tensordot(4 - 0.0375 * (np.arange(len(rest)) // 10), rest, 1))
    return frames


def drawn_by_plotly() -> bool:
    """Whether plotly can write pictures: it needs kaleido, and that a Chromium."""
    browser = (
        os.environ.get("BROWSER_PATH")
        or shutil.which("chromium-headless-shell")
        or shutil.which("chromium")
    )
    if not browser or not all(map(importlib.util.find_spec, ("plotly", "kaleido", "pandas"))):
        return False
    os.environ["BROWSER_PATH"] = browser
    return True


def scatter(x: Any, y: Any, size: Any) -> Any:
    """Stands for plotly's function of that name."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5))
    figure.subplots().scatter(x, y, size)
    return types.SimpleNamespace(write_image=figure.savefig)


@contextlib.contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """TimeoutError after so many seconds, whatever is waited for."""

    def ring(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Watched:
    """plotly.express for the document: keeps the sizes it is given, and waits for no browser."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.sizes: list[np.ndarray] = []
        self.hung = False

    def scatter(self, **what: Any) -> Any:
        self.sizes.append(what["size"].reshape(200, 200).copy())
        figure = self.real.scatter(**what)

        def write_image(path: str) -> None:
            if not self.hung:
                try:
                    with alarm(90):
                        return figure.write_image(path)
                except TimeoutError:
                    self.hung = True
                    print("note: Chromium hangs: frames are drawn by matplotlib")
            scatter(**what).write_image(path)

        return types.SimpleNamespace(write_image=write_image)


@pytest.fixture(scope="module")
def gaia(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """The first document in a folder with its file."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("gaia"))
    Path("frames_overlap").mkdir()
    arr = tessera.zeros(
        SHAPE,
        dtype=np.uint8,
        chunks=(250, 250, 250),
        blocks=(25, 25, 25),
        urlpath="gaia.b2nd",
        cparams={"clevel": 1, "filters": []},
    )
    counts, at = star_counts()
    arr[:, at, at] = counts
    del arr
    if not drawn_by_plotly():
        print("note: no plotly, kaleido and Chromium: the frames are drawn by matplotlib")
        stand_in = types.ModuleType("plotly.express")
        stand_in.scatter = scatter  # type: ignore[attr-defined]
        plotly = types.ModuleType("plotly")
        plotly.express = stand_in  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "plotly", plotly)
        patch.setitem(sys.modules, "plotly.express", stand_in)
    notebook = Notebook("gaia", GAIA)
    notebook.run(1)
    notebook.names["px"] = Watched(notebook.names["px"])
    yield notebook
    patch.undo()


def check_info(notebook: Notebook) -> None:
    report = repr(notebook.shown[3])
    rows = [line.split(":", 1) for line in report.splitlines() if not line.startswith(" ")]
    said = {name.strip(): value.strip() for name, value in rows}
    assert list(said) == [
        "type",
        "shape",
        "chunks",
        "blocks",
        "dtype",
        "nbytes",
        "cbytes",
        "cratio",
        "cparams",
        "dparams",
    ]
    assert said["type"] == "NDArray" and said["dtype"] == "uint8"
    assert said["shape"] == str(SHAPE)
    assert said["chunks"] == "(250, 250, 250)" and said["blocks"] == "(25, 25, 25)"
    assert "<table" in notebook.shown[3]._repr_html_()


def check_loop(notebook: Notebook) -> None:
    assert notebook.shown[7] == TURNS
    for drawn, wanted in zip(notebook.names["px"].sizes, expected_frames(), strict=True):
        np.testing.assert_allclose(drawn, wanted)
    assert len(list(Path("frames_overlap").glob("*.png"))) == TURNS


def check_animations(_: Notebook) -> None:
    image = pytest.importorskip("PIL.Image")
    with image.open("factor_overlap_9900.gif") as gif:
        assert gif.n_frames == TURNS
    assert "new Animation" in Path("factor_overlap_9900.html").read_text()
    assert len(list(Path("factor_overlap_9900_frames").glob("*.png"))) == TURNS


def check_steps(notebook: Notebook) -> None:
    assert notebook.shown[4] == 0.0375
    assert notebook.names["shape"] == SHAPE and notebook.names["blocks"] == (25, 25, 25)


GAIA_SHOWS = {3: check_info, 4: check_steps, 7: check_loop, 8: check_animations}


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("number", GAIA)
def test_gaia_cell(gaia: Notebook, number: int) -> None:
    gaia.run(number)
    GAIA_SHOWS.get(number, lambda _: None)(gaia)


@pytest.fixture(scope="module")
def schunk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """The second document in a folder of its own."""
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("schunk"))
    cells = dict(SCHUNK)
    if not ALL:
        cells[9] = cells[9].replace("2**30", "2**22")
    yield Notebook("schunk", cells)
    patch.undo()


def items(chunk_bytes: bytes) -> np.ndarray:
    return np.frombuffer(chunk_bytes, np.int32)


def shows_creation(names: dict[str, Any]) -> None:
    schunk = names["schunk"]
    assert (schunk.nchunks, schunk.nbytes) == (10, 8_000_000)
    assert (schunk.urlpath, schunk.contiguous) == (None, False)


def shows_setting(names: dict[str, Any]) -> None:
    schunk, want = names["schunk"], names["data"].copy()
    want[34:800_000] = 1
    assert schunk.nchunks == 10
    assert np.array_equal(items(schunk[:]), want)


def shows_extending(names: dict[str, Any]) -> None:
    schunk, got = names["schunk"], items(names["schunk"][:])
    assert (schunk.nchunks, len(schunk), schunk.nbytes) == (12, 2_399_930, 9_599_720)
    assert not got[1_999_877:].any() and got[1_999_876] == 1_999_876


def shows_frame(names: dict[str, Any]) -> None:
    assert isinstance(names["buf"], bytes) and len(names["buf"]) < 100_000


def shows_rebuilding(names: dict[str, Any]) -> None:
    first, second = names["schunk"], names["schunk2"]
    assert second.nchunks == 12 and second[:] == first[:]
    second[0:1] = np.array([7], np.int32)
    assert items(first[0:1])[0] == 0


def same(one: str, other: str) -> Callable[[dict[str, Any]], None]:
    """Two arrays of the document are equal; memory for no more than a mask of the difference."""

    def check(names: dict[str, Any]) -> None:
        assert np.array_equal(names[one], names[other])

    return check


SCHUNK_SHOWS = {
    1: shows_creation,
    2: same("out", "data"),
    3: lambda names: np.testing.assert_array_equal(items(names["out_slice"]), names["data"]),
    4: same("out_slice", "data"),
    5: shows_setting,
    6: shows_extending,
    7: shows_frame,
    8: shows_rebuilding,
    9: same("unpacked_arr2", "np_array"),
    10: same("np_array2", "np_array"),
}


@pytest.mark.parametrize("number", SCHUNK)
def test_schunk_cell(schunk: Notebook, number: int) -> None:
    shown = schunk.run(number)
    SCHUNK_SHOWS[number](schunk.names)
    assert schunk.printed[number] == ("[0 1 2 3]\n" if number == 4 else "")
    assert number != 10 or shown is True
    if number == 9 and not ALL:
        print("note: an array of 16 MB stands for that of 4 GB; TESSERA_ALL=1 runs the cell as is")


# ---- only the import line and file paths differ from the documents ----

CHANGED = {
    "import tessera as blosc2": "import blosc2",
    "path = 'gaia.b2nd'": "path = '/home/blosc/gaia/gaia-3d-windows-int8-3.b2nd'",
    "frames_path = 'frames_overlap/'": "frames_path = '../frames_overlap/'",
}
# Lost from the text of the second document when it was copied, but for the line they print.
RESTORED = ["schunk.get_slice(out=out_slice)", "print(out_slice[:4])"]


def is_code(line: str) -> bool:
    """Whether a line of a document does something; prose and printed values do not."""
    try:
        tree = ast.parse(line.strip())
    except SyntaxError:
        return line.rstrip().endswith(":") and line.startswith(("for ", "def ", "while ", "if "))
    doing = (ast.Call, ast.Subscript, ast.Assign, ast.Import)
    return any(isinstance(node, doing) for node in ast.walk(tree))


@pytest.mark.parametrize(("prefix", "cells"), [("000", GAIA), ("001", SCHUNK)])
def test_cells_are_those_of_the_document(prefix: str, cells: dict[int, str]) -> None:
    folder = os.environ.get("TESSERA_SEEDS")
    if not folder:
        pytest.skip("TESSERA_SEEDS is not set: nothing to compare the cells with")
    (document,) = Path(folder).glob(f"{prefix}_*.txt")
    left = [line.rstrip() for line in document.read_text().splitlines()]
    lines = [line.rstrip() for n in sorted(cells) for line in cells[n].splitlines()]
    at = 0
    for line in filter(None, lines):
        if line in RESTORED:
            continue
        at = left.index(CHANGED.get(line, line), at)  # ValueError: no such line from there on
        left[at] = ""
    assert [line for line in left if is_code(line)] == []
