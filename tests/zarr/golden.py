# SPDX-License-Identifier: BSD-3-Clause
"""tests/zarr/golden.py - the golden stores, unpacked, and the program that says what is in them."""
import json
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

GOLDEN = Path(os.environ["TESSERA_GOLDEN"]) / "zarr" if os.environ.get("TESSERA_GOLDEN") else None


def manifest():
    """The manifest as a dict."""
    return json.loads((GOLDEN / "manifest.json").read_text())


def unpack(name, folder):
    """Unpacks the store `name` below `folder` and gives its root; the last entry of a name counts."""
    to = Path(folder) / name
    if not to.exists():
        to.mkdir(parents=True)
        if name.endswith(".tar"):
            with tarfile.open(GOLDEN / name) as tar:
                tar.extractall(to)  # noqa: S202 - ours
        else:
            with zipfile.ZipFile(GOLDEN / name) as archive:
                archive.extractall(to)
    return to / "data.zarr" if name == "v3_zip_prefixed.zip" else to


def ask(program, nodes):
    """Asks tests/zarr/dump about (folder, path) pairs; one answer for each."""
    lines = "".join(f"{folder}\t{path}\n" for folder, path in nodes)
    out = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(nodes), f"{len(answers)} answers to {len(nodes)} questions"
    return answers
