# SPDX-License-Identifier: BSD-3-Clause
"""The pages of the manual that show Python: what they show runs and prints what they say.

The catalogue of stars is a Debian package, fetched by scripts/package.sh; without it the page
that needs it is skipped."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from snippets import blocks_of, run_page

TOP = Path(__file__).resolve().parents[2]
PAGES = [
    "README.md",
    "docs/python.md",
    "docs/groups.md",
    "docs/tutorial-schunk.md",
    "docs/tutorial-gaia.md",
]


def fetch_stars(folder: Path) -> None:
    """Puts the catalogue where the page has it; skips the test when it cannot be had."""
    fetch = TOP / "scripts/package.sh"
    run = subprocess.run([fetch, "kstars-data"], check=False, capture_output=True, text=True)
    if run.returncode:
        pytest.skip(f"no catalogue of stars: {run.stdout.strip().splitlines()[-1]}")
    (folder / "kstars-data").symlink_to(TOP / "build/demo/kstars-data")


@pytest.mark.parametrize("page", PAGES)
def test_page_prints_what_it_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(code for code, _ in blocks_of(TOP / page))
    assert text, f"{page} has no Python block"
    if "matplotlib" in text:
        pytest.importorskip("matplotlib").use("Agg")
        pytest.importorskip("PIL")
    if "kstars-data" in text:
        fetch_stars(tmp_path)
    monkeypatch.chdir(tmp_path)
    run_page(TOP / page)
