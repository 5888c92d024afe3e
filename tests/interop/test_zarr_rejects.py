#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Golden Zarr stores that must be refused, through the program: `verify` finds each, `info` those
that cannot be opened; both say so by their exit code, name the key (the document or chunk, or of an
archive that is broken itself the entry or byte), and what of it was found."""
import collections
import json
import os
import re
import subprocess
import sys

from tally import Tally

PROGRAM = os.environ.get("TESSERA", "build/tessera")
FOLDER = os.path.join(os.environ.get("TESSERA_GOLDEN", ""), "zarr")
OPENS = "read"  # such a store opens; its chunks are what is wrong
t = Tally()


def keys(reject):
    """What of the store a message may name: documents and chunks of the array, parts of archives."""
    if not reject["path"]:
        return r"(entry '[^']+'|byte \d+)"
    documents = r"zarr\.json" if reject["zarr_format"] == 3 else r"\.zarray|\.zgroup|\.zattrs"
    return rf"{re.escape(reject['path'])}/({documents}|c/\d+|\d+)"


def check(verb, reject):
    """One store through one verb."""
    place = f"{FOLDER}/{reject['store']}#{reject['path']}"
    run = subprocess.run([PROGRAM, verb, place], capture_output=True, text=True, check=False)
    what = f"{verb} {reject['store']} {reject['path']} ({reject['why']})"
    if verb == "info" and reject["when"] == OPENS and run.returncode == 0:
        t.counts["info: opens, since only its chunks are wrong"] += 1
        return t.check(run.stdout, what, "says nothing")
    text = run.stdout + run.stderr
    t.check(run.returncode in range(1, 128), what, f"exit code {run.returncode}: {text}")
    said = re.search(keys(reject) + r": (?P<what>.+)", text)
    if t.check(said, f"{what}: names the key", text):
        field = re.match(r"[\w\[\]., -]+: .*(found|not there|of length|not UTF-8|byte|more than|overflows)"
                         r"|(found|reaches|is encrypted|compression method|CRC-32|the archive)\b",
                         said["what"])
        t.check(field, f"{what}: names a field, a codec or a byte", text)
    t.counts[f"{verb}: refused"] += 1
    return None


def main():
    """Every reject of the manifest."""
    with open(os.path.join(FOLDER, "manifest.json"), encoding="utf-8") as f:
        rejects = json.load(f)["rejects"]
    for reject in rejects:
        for verb in ("verify", "info"):
            check(verb, reject)
    t.check(t.counts["verify: refused"] == len(rejects), "verify refuses all", len(rejects))
    at_open = collections.Counter(r["when"] for r in rejects)["open"]
    t.check(t.counts["info: refused"] >= at_open, "info refuses what cannot be opened", at_open)
    sys.exit(t.finish())


if not os.path.exists(os.path.join(FOLDER, "manifest.json")):
    print("skipped: TESSERA_GOLDEN is not set")
    sys.exit(print("0 passed, 0 failed"))
main()
