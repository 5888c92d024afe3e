# SPDX-License-Identifier: BSD-3-Clause
"""Groups, attributes and consolidated metadata with zarr-python 3 and 2.18, both ways."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tessera

ROOT = Path(__file__).resolve().parents[2]
ATTRS = {"title": "naïve 漢字 😀", "n": [1, 2.5, None, {"a": True}]}
TREE = {
    "": ["group", ATTRS, None, None],
    "a": ["group", {}, None, None],
    "a/b.c": ["group", {"level": 2}, None, None],
    "a/x": ["array", {"units": "K"}, [5, 7], 595],
    "empty": ["group", {}, None, None],
}


def python_of(name):
    """The interpreter of a peer's environment; None: there is none."""
    path = os.environ.get(f"TESSERA_{name.upper()}_PEER", ROOT / f"build/peers/{name}/bin/python")
    return str(path) if os.path.exists(path) else None


CASES = [("zarr", "zarr2"), ("zarr", "zarr3"), ("zarr2", "zarr2")]
CASES = [pytest.param(*c, marks=() if python_of(c[0]) else pytest.mark.skip(f"no {c[0]} from PyPI"))
         for c in CASES]  # fmt: skip


def peer(name, *args):
    run = subprocess.run(
        [python_of(name), str(Path(__file__).with_name("zarr_groups.py")), *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def seen(group, prefix=""):
    """What the peer's script prints of a hierarchy."""
    out = {prefix: ["group", group.attrs[:], None, None]}
    for name, node in group.items():
        path = f"{prefix}/{name}" if prefix else name
        if isinstance(node, tessera.Group):
            out |= seen(node, path)
        else:
            out[path] = ["array", node.attrs[:], list(node.shape), int(node[...].sum())]
    return out


def check_ours(folder, want):
    for consolidated in (True, False):
        g = tessera.group(folder, mode="r", use_consolidated=consolidated)
        assert g.consolidated == consolidated and seen(g) == want


def make(folder, fmt):
    with tessera.create_group(folder, format=fmt, attributes=ATTRS) as root:
        root.create_group("a/b.c", attributes={"level": 2})
        data = np.arange(35, dtype="i4").reshape(5, 7)
        root["a"].create_array("x", data=data, chunks=(2, 3), attributes={"units": "K"}).close()
        root.create_group("empty")
        root.consolidate()


@pytest.mark.parametrize("name, fmt", CASES)
def test_what_the_peer_writes_is_what_we_see(name, fmt, tmp_path):
    folder = tmp_path / "x.zarr"
    peer(name, "write", folder, fmt[-1])
    check_ours(folder, TREE)


@pytest.mark.parametrize("name, fmt", CASES)
def test_what_we_write_is_what_the_peer_sees(name, fmt, tmp_path):
    folder = tmp_path / "x.zarr"
    make(folder, fmt)
    check_ours(folder, TREE)
    assert json.loads(peer(name, "read", folder)) == [TREE, TREE]


@pytest.mark.parametrize("name, fmt", CASES)
def test_changes_in_turn_are_seen_by_both(name, fmt, tmp_path):
    folder = tmp_path / "x.zarr"
    make(folder, fmt)
    peer(name, "change", folder)
    with tessera.group(folder, mode="r+") as g:
        g["theirs"].attrs["and"] = "us"
        g.create_group("ours/too")
        with g["a/x"] as x:
            x.attrs["units"] = "mK"
            x.resize((6, 7))
        del g["empty"]
    want = {p: list(e) for p, e in TREE.items() if p != "empty"}
    want["a"][1] = {"changed": True}
    want["a/x"] = ["array", {"units": "mK"}, [6, 7], 595]
    want["theirs"] = ["group", {"by": "peer", "and": "us"}, None, None]
    want["ours"] = want["ours/too"] = ["group", {}, None, None]
    check_ours(folder, want)
    assert json.loads(peer(name, "read", folder)) == [want, want]
