# SPDX-License-Identifier: BSD-3-Clause
"""tests/zarr/test_content.py CONTENT - every golden array, decoded by the chain of codecs.

Its items have the digest of the manifest, and what must be refused on reading is refused with a
message that names the key of a chunk.  Skips without TESSERA_GOLDEN.
"""
import subprocess
import sys
import tempfile

import golden


def contents(program, nodes):
    """One digest, or the text of an error, for each (folder, path)."""
    lines = "".join(f"{folder}\t{path}\n" for folder, path in nodes)
    out = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout
    assert len(out.splitlines()) == len(nodes), out[-300:]
    return out.splitlines()


def check_arrays(program, m, folder):
    """Every array has its digest: (passed, failed)."""
    nodes = [(golden.unpack(a["store"], folder), a["path"]) for a in m["arrays"]]
    failed = 0
    for a, got in zip(m["arrays"], contents(program, nodes)):
        failed += got != a["sha256"]
        if got != a["sha256"]:
            print(f"{a['store']}/{a['path']}: {got}")
    return len(nodes) - failed, failed


def check_rejects(program, m, folder):
    """What is refused on reading says in which chunk; a shape beyond memory is none of a chunk."""
    rejects = [r for r in m["rejects"] if r["when"] == "read" and "_zip_" not in r["store"]]
    nodes = [(golden.unpack(r["store"], folder), r["path"]) for r in rejects]
    failed = 0
    for r, got in zip(rejects, contents(program, nodes)):
        named = got.startswith(r["path"] + "/") or r["path"] == "huge_shape" and "shape" in got
        failed += not named
        if not named or "-v" in sys.argv:
            print(f"{r['store']}/{r['path']}: {r['why']}: {got}")
    return len(rejects) - failed, failed


def main():
    """Runs all of it and prints one line of counts for each part."""
    if golden.GOLDEN is None:
        print("skipped: TESSERA_GOLDEN is not set")
        return 0
    m, bad = golden.manifest(), 0
    with tempfile.TemporaryDirectory() as folder:
        for what in (check_arrays, check_rejects):
            passed, failed = what(sys.argv[1], m, folder)
            bad += failed
            print(f"content of {what.__name__[6:]}: {passed} passed, {failed} failed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
