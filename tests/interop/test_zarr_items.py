#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Zarr arrays of text and bytes of any length, both ways with zarr-python 3 and 2.18: formats x
codecs x orders and shards.  tensorstore has no such items."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tsr
from tally import Tally
from zarr_items_peer import CASES, CHUNKS, INNER, SHAPE, items_of

ROOT = Path(__file__).resolve().parents[2]
t = Tally()


def codecs_of(case):
    """The codecs as libtessera takes them."""
    name = "vlen-utf8" if case["type"] == "string" else "vlen-bytes"
    packed = None if case["codec"] == "none" else {"level": 1}
    if case["format"] == 2:
        compressor = packed and {"id": case["codec"], **packed}
        return {"filters": [{"id": name}], "compressor": compressor}
    if case["codec"] == "zstd":
        packed = {**packed, "checksum": False}
    return [{"name": name}, *([{"name": case["codec"], "configuration": packed}] if packed else [])]


def encoded(case):
    """The items as bytes."""
    return [i.encode() if isinstance(i, str) else i for i in items_of(case)]


def make(folder, case):
    """An array of ours."""
    other = case["layout"] == "other"
    with tsr.Array.create(folder / str(case["id"]), case["type"], SHAPE, CHUNKS,
                          INNER if other and case["format"] == 3 else None,
                          codecs=json.dumps(codecs_of(case)), format=f"zarr{case['format']}",
                          zarr="order=F" if other and case["format"] == 2 else None) as a:
        a.write_items(encoded(case))


def ask(name, python, mode, folder):
    """The cases that a peer has, none of which may be wrong."""
    run = subprocess.run([python, Path(__file__).with_name("zarr_items_peer.py"), mode, folder],
                         capture_output=True, text=True, check=False)
    t.check(run.returncode == 0, f"{name}: {mode}", run.stderr[-1000:])
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    for line in lines:
        t.check(line["wrong"] is None, f"{name}: {mode}: {CASES[line['id']]}", line["wrong"])
    t.counts[f"{name}: {mode}"] = len(lines)
    return [CASES[line["id"]] for line in lines if line["wrong"] is None]


def both_ways(name, python, folder):
    """Ours to it, its to us."""
    (folder / "ours").mkdir()
    for case in CASES:
        with t.case(f"is made: {case}"):
            make(folder / "ours", case)
    ask(name, python, "read", folder)
    for case in ask(name, python, "write", folder):
        with t.case(f"{name} to us: {case}"), tsr.Array.open(folder / "theirs" / str(case["id"])) as a:
            t.same(a.read_items(), encoded(case), f"{name} to us: {case}")


for peer in ("zarr", "zarr2"):
    program = os.environ.get(f"TESSERA_{peer.upper()}_PEER", f"{ROOT}/build/peers/{peer}/bin/python")
    if not os.path.exists(program):
        print(f"skipped: {peer} could not be had from PyPI")
        continue
    with tempfile.TemporaryDirectory() as scratch:
        both_ways(peer, program, Path(scratch))
sys.exit(t.finish())
