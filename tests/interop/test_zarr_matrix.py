#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Zarr arrays both ways with zarr-python of today, zarr-python 2.18 and tensorstore: data types x
codecs x layouts x fill values of both formats (zarr_cases.py), items and attributes; and groups
with consolidated metadata, both ways too.

Every case is tried with every peer.  What a peer cannot do itself must be in LACKS, with what the
peer says; anything else is a failure of ours.  What is in LACKS and the peer does by now, is
compared like the rest, and noted."""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tsr
from tally import Tally
from zarr_cases import ATTRIBUTES, TYPES, cases, fill_item, items_of, place

ROOT = Path(__file__).resolve().parents[2]
PEERS = {"zarr": "zarr", "zarr2": "zarr", "tensorstore": "tensorstore"}
# what it is: the cases that need it, what the peer says then
LACKS = {
    "zarr": {
        "this data type": (lambda c: c["type"] in ("bfloat16", "int2", "int4", "r16", "e3m4", "e5m2"),
                           "No Zarr data type found|data type '.*' not understood"),
        "sub-arrays in records": (lambda c: c["type"] == "parts",
                                  "No Zarr data type found|is a subarray with shape"),
        "shards that divide their chunk only when it is turned": (
            lambda c: "3x2" in c["about"], "is not divisible by the shard's inner chunk"),
        "packbits of format 3": (lambda c: _has(c, "packbits"), "codec 'packbits' is not available"),
    },
    "zarr2": {
        "-0 in complex fill values": (lambda c: c["type"] in ("c8", "c16") and c["fill"] == "-0",
                                      "other items"),
    },
    "tensorstore": {
        "filters": (lambda c: c["format"] == 2 and c["codecs"][0], "filters are not supported"),
        "lzma and lz4 of format 2": (lambda c: c["format"] == 2 and c["codecs"][1],
                                     '"lz(ma|4)" is not registered'),
        "numcodecs in format 3": (lambda c: _has(c, "numcodecs."), r'"numcodecs\.\w+" is not registered'),
        "packbits": (lambda c: _has(c, "packbits"), '"packbits" is not registered'),
        "times": (lambda c: c["type"] in ("datetime", "timedelta"),
                  'Unsupported zarr dtype: "[<>][mM]8|numpy.* is not one of the supported'),
        "text": (lambda c: c["type"] in ("U3", "U2big") or (c["format"], c["type"]) == (3, "S5"),
                 'Unsupported zarr dtype: "[<>]U|_(utf32|bytes) data type is not one of the supported'),
        "records in records": (lambda c: c["type"] == "nested", 'dtype".*Expected string'),
        "fill values of r16 that are lists": (lambda c: c["type"] == "r16",
                                              "Expected base64-encoded string"),
    },
}
# what zarr-python before 3.4, the newest for Python 3.11, does wrong or not at all
MENDED = ("2 nested", "struct", "parts", "V3", "3x2", "0-d shard", "packbits", "delta")
t = Tally()
CASES = {c["id"]: c for c in cases()}


def lacking(name, case, error):
    """Which of the things that a peer lacks the case needs and the peer names."""
    for what, (needs, says) in LACKS[name].items():
        if needs(case) and re.search(says, error, re.DOTALL):
            return what
    return None


def _has(case, codec):
    """Does its chain of format 3 name a codec that begins so?"""
    return case["format"] == 3 and f'"name": "{codec}' in json.dumps(case["codecs"])


def options_of(case):
    """What libtessera is told besides shapes, type and codecs."""
    if case["format"] == 2:
        return f"order={case['order']},separator={case['separator']}"
    return f"keys={case['keys'][0]},separator={case['keys'][1]}"


def make(folder, case):
    """A case as libtessera writes it, in two parts."""
    key, fmt = TYPES[case["type"]], case["format"]
    stored = key.stored(fmt)
    items = items_of(case).astype(stored)
    codecs = case["codecs"] if fmt == 3 else dict(zip(("filters", "compressor"), case["codecs"]))
    dtype = str(stored.descr) if stored.names else stored.str
    named = fmt == 3 and key.odd
    tree, name = place(case)
    with tsr.Array.create(
            f"{folder}/{tree}#{name}", None if named else dtype, case["shape"], case["chunks"],
            format=f"zarr{fmt}", type=json.dumps(key.v3) if named else None,
            codecs=json.dumps(codecs), zarr=options_of(case), fill=tsr_fill(case, stored),
            names=["y", None, "z"][:len(case["shape"])] if fmt == 3 else None) as a:
        for attr, value in ATTRIBUTES.items():
            a.attr_set(attr, value)
        if not case["shape"] or case["shape"][0] < 2:
            a.write(items.tobytes())
            return
        half = case["shape"][0] // 2
        for start, part in ((0, items[:half]), (half, items[half:])):
            a.write(part.tobytes(), [start, *[0] * (items.ndim - 1)], part.shape)


def tsr_fill(case, stored):
    """An item as libtessera has it in memory."""
    import numpy as np

    item = np.frombuffer(fill_item(case), TYPES[case["type"]].items)
    return item.astype(stored).tobytes()


def make_all(folder):
    """Every case, in trees that are consolidated where zarr-python knows all the types."""
    for tree in ("2", "3", "x2", "x3"):
        with tsr.Group.create(f"{folder}/{tree}", f"zarr{tree[-1]}") as g:
            g.set_attrs(ATTRIBUTES)
    for case in CASES.values():
        with t.case(f"{case['about']}: is made"):
            make(folder, case)
    for tree in "23":
        with tsr.Group.open(f"{folder}/{tree}", "r+") as g:
            g.consolidate()


def check_items(case, a, what):
    """Shape, items and attributes."""
    expected = items_of(case).astype(TYPES[case["type"]].stored(case["format"])).tobytes()
    good = t.same(a.shape, tuple(case["shape"]), f"{what}: shape")
    good = good and t.same(a.read(), expected, f"{what}: items")
    return good and t.same(a.attrs, ATTRIBUTES, f"{what}: attributes")


def read_back(folder, name, lines):
    """What a peer made, read by libtessera."""
    for line in lines:
        case = CASES[line["id"]]
        what = f"{name} to us: {case['about']}"
        if "error" in line:
            refused(name, case, what, line["error"])
            continue
        with t.case(what), tsr.Array.open(f"{folder}/{'#'.join(place(case))}") as a:
            check_items(case, a, what)
            t.counts[f"{name}: arrays of it read by us"] += 1


def refused(name, case, what, error):
    """The peer cannot do it, which must be known."""
    lack = lacking(name, case, error)
    if t.check(lack, what, f"the peer says {error}"):
        t.counts[f"{name}: cannot do {lack}"] += 1


def trees_back(folder, name, three, written):
    """The groups that a peer made, through the metadata it consolidated."""
    for tree in ("2", "3") if three else ("2",):
        with t.case(f"{name} to us: tree {tree}"), tsr.Group.open(f"{folder}/{tree}") as g:
            t.check(g.consolidated, f"{name} to us: tree {tree} is consolidated")
            t.same(g.attrs(), ATTRIBUTES, f"{name} to us: attributes of tree {tree}")
            for path in g.paths():
                if "/" not in path:
                    t.same(g.attrs(path), {"i": int(path[1])}, f"{name} to us: attributes of {path}")
                    continue
                if int(path.rsplit("/a", 1)[1]) not in written:
                    continue
                case = CASES[int(path.rsplit("/a", 1)[1])]
                with g.open_array(path) as a:
                    check_items(case, a, f"{name} to us, consolidated: {case['about']}")


def answers(name, lines):
    """What a peer says of our arrays."""
    for line in lines:
        case = CASES[line["id"]]
        what = f"us to {name}: {case['about']}"
        wrong = line.get("error") or line.get("differs")
        if wrong:
            refused(name, case, what, wrong)
        else:
            t.passed += 1
            t.counts[f"{name}: arrays of ours read by it"] += 1


class Peer:
    """A peer at work."""

    def __init__(self, name, python, mode, folder):
        self.name, self.mode = name, mode
        self.p = subprocess.Popen(
            [python, Path(__file__).with_name("zarr_matrix_peer.py"), PEERS[name], mode, folder],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def lines(self):
        """Its first line, and those of the cases."""
        out, err = self.p.communicate()
        t.check(self.p.returncode == 0, f"{self.name}: {self.mode}", err[-1000:])
        first, *rest = [json.loads(line) for line in out.splitlines()] or [{"three": False}]
        if self.name == "zarr" and [int(n) for n in first["version"].split(".")[:2]] < [3, 4]:
            asked = [r for r in rest if not any(m in CASES[r["id"]]["about"] for m in MENDED)]
            t.counts["zarr before 3.4: not compared"] += len(rest) - len(asked)
            rest = asked
        return first, rest


def main():
    """Peers write while our arrays are made, and then read those while theirs are read."""
    pythons = {}
    for name in PEERS:
        python = os.environ.get(f"TESSERA_{name.upper()}_PEER", f"{ROOT}/build/peers/{name}/bin/python")
        if os.path.exists(python):
            pythons[name] = python
        else:
            print(f"skipped: {name} could not be had from PyPI")
    with tempfile.TemporaryDirectory() as folder:
        for name in pythons:
            os.makedirs(f"{folder}/{name}/{PEERS[name]}")
        writing = [Peer(n, python, "write", f"{folder}/{n}") for n, python in pythons.items()]
        make_all(f"{folder}/ours")
        for name in pythons:
            os.symlink("../ours", f"{folder}/{name}/ours")
        written = {p.name: p.lines() for p in writing}
        reading = [Peer(n, python, "read", f"{folder}/{n}") for n, python in pythons.items()]
        for name, (first, lines) in written.items():
            print(f"note: {name}: version {first.get('version')}, NumPy {first.get('numpy')}")
            read_back(f"{folder}/{name}/{PEERS[name]}", name, lines)
            if PEERS[name] == "zarr":
                trees_back(f"{folder}/{name}/zarr", name, first["three"], {r["id"] for r in lines})
        for peer in reading:
            answers(peer.name, peer.lines()[1])


start = time.monotonic()
main()
for peer, lacks in LACKS.items():
    for lack in lacks:
        if not t.counts[f"{peer}: cannot do {lack}"]:
            print(f"note: {peer} can do {lack}")
print(f"note: {len(CASES)} cases, {time.monotonic() - start:.0f} s")
sys.exit(t.finish())
