#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Files and folders (contiguous and sparse frames): copied into each other, reordered and joined by
Tessera, changed further by python-blosc2, and back.  Chunks that need no new encoding stay what
they are, byte for byte."""
import ctypes as C
import os
import subprocess
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from tally import Tally

SEED = int(os.environ.get("TESSERA_SEED", 2026))
PROGRAM = os.environ.get("TESSERA") or os.path.join(os.environ.get("TESSERA_BUILD", "build"),
                                                    "tessera")
t = Tally()
folder = tempfile.TemporaryDirectory(prefix="tessera-kinds-")
path = lambda name: os.path.join(folder.name, name)


def call(name, *args):
    """A call that hands out a handle."""
    p = C.c_void_p()
    tsr.call(name, *args, C.byref(p))
    return p


def array_copy(a, url, sparse):
    return tsr.Array(call("tsr_array_copy", a.p, url and os.fsencode(url), None,
                          tsr.options(sparse=sparse)))


def schunk_copy(s, url, sparse):
    return tsr.Schunk(call("tsr_schunk_copy", s.p, url and os.fsencode(url), None,
                           tsr.options(sparse=sparse)))


def concat(arrays, axis, url, sparse):
    v = (C.c_void_p * len(arrays))(*[a.p for a in arrays])
    return tsr.Array(call("tsr_array_concat", v, len(arrays), axis, os.fsencode(url),
                          tsr.options(sparse=sparse)))


def chunks_of(url):
    b = blosc2.open(url, mode="r")
    s = getattr(b, "schunk", b)
    return [s.get_chunk(i) for i in range(s.nchunks)]


def numbers_are_low(url, what):
    names = [n for n in os.listdir(url) if n.endswith(".chunk")]
    hidden = [n for n in os.listdir(url) if n.startswith(".") and n != ".b2lock"]
    t.same(hidden, [], f"{what}: no hidden files")
    t.check(all(int(n[:8], 16) < 4 * len(names) + 4 for n in names), f"{what}: low numbers", names)


def arrays(rng, number):
    """A chain of copies, one half made by each side; the peer changes the last."""
    what = f"array {number}"
    shape = tuple(int(n) for n in rng.integers(5, 40, 2))
    data = rng.integers(0, 50, shape).astype("<i4")
    first = path(f"a{number}-0.b2nd")
    sparse = [bool(rng.integers(2)) for _ in range(4)]
    blosc2.asarray(data, urlpath=first, mode="w", chunks=(12, 9), blocks=(5, 4),
                   contiguous=not sparse[0], cparams=blosc2.CParams(codec=blosc2.Codec.LZ4))
    before = chunks_of(first)
    with tsr.Array.open(first) as a:
        a.url = first
        for k, s in enumerate(sparse[1:], 1):
            url = path(f"a{number}-{k}.b2nd")
            with array_copy(a, url, s) as b:
                t.same(b.read(), data.tobytes(), f"{what}: copy {k}")
            t.same(os.path.isdir(url), s, f"{what}: folder or file")
            t.same(chunks_of(url), before, f"{what}: chunks of copy {k} are what they were")
            t.same(blosc2.open(url, mode="r")[...].tobytes(), data.tobytes(),
                   f"{what}: blosc2 reads copy {k}")
            if s:
                numbers_are_low(url, what)
    b = blosc2.open(url, mode="a")
    b.resize((shape[0] + 7, shape[1]))
    b[shape[0]:] = 3
    b[1:3] = 9
    more = np.concatenate([data, np.full((7, shape[1]), 3, "<i4")])
    more[1:3] = 9
    del b
    with tsr.Array.open(url, "r+") as a:
        t.same(a.read(), more.tobytes(), f"{what}: after blosc2's changes")
        a.write(data.tobytes(), (0, 0), shape)
        a.append(0, more[:5].tobytes())
    more = np.concatenate([data, more[shape[0]:], more[:5]])
    t.same(blosc2.open(url, mode="r")[...].tobytes(), more.tobytes(),
           f"{what}: blosc2 sees Tessera's changes")


def joined(rng, number):
    what, axis = f"concat {number}", int(rng.integers(2))
    sparse, parts, handles = bool(rng.integers(2)), [], []
    for k in range(int(rng.integers(1, 5))):
        shape = [int(rng.integers(10, 30)), 20] if axis == 0 else [20, int(rng.integers(10, 30))]
        if rng.integers(2):
            shape[axis] = 8 * int(rng.integers(1, 4))
        parts.append(rng.integers(0, 99, shape).astype("<f8"))
        url = path(f"c{number}-{k}.b2nd")
        blosc2.asarray(parts[-1], urlpath=url, mode="w", chunks=(8, 8), blocks=(4, 3),
                       contiguous=bool(rng.integers(2)))
        handles.append(tsr.Array.open(url))
    url = path(f"c{number}.b2nd")
    with concat(handles, axis, url, sparse) as a:
        t.same(a.read(), np.concatenate(parts, axis).tobytes(), f"{what}: Tessera reads")
    t.same(blosc2.open(url, mode="r")[...].tobytes(), np.concatenate(parts, axis).tobytes(),
           f"{what}: blosc2 reads {[p.shape for p in parts]} axis {axis}")
    for h in handles:
        h.close()


def reordered(rng, number):
    what, sparse = f"reorder {number}", bool(number % 2)
    url, n = path(f"r{number}.b2frame"), int(rng.integers(2, 40))
    chunks = [rng.integers(0, 9, 300).astype("u1").tobytes() for _ in range(n)]
    tail = bytes(70) if rng.integers(2) else b""
    with tsr.Schunk.create(url, 1, 300, sparse=sparse) as s:
        s.append(b"".join(chunks) + tail)
    for turn in range(3):
        order = [int(i) for i in rng.permutation(n)]
        chunks = [chunks[i] for i in order]
        if turn % 2 == 0 or tail:
            with tsr.Schunk.open(url, "r+") as s:
                whole = order + ([n] if tail else [])
                s._call("reorder", (C.c_int64 * len(whole))(*whole))
        else:
            blosc2.open(url, mode="a").reorder_offsets(order)
        with tsr.Schunk.open(url) as s:
            t.same(s.read(), b"".join(chunks) + tail, f"{what}: Tessera reads, turn {turn}")
        b = blosc2.open(url, mode="r")
        found = b"".join(b.decompress_chunk(i) for i in range(b.nchunks))
        t.same(found, b"".join(chunks) + tail, f"{what}: blosc2 reads, turn {turn}")
    other = path(f"r{number}-copy.b2frame")
    with tsr.Schunk.open(url) as s, schunk_copy(s, other, not sparse) as c:
        c.append(b"xyz" * 100)
    b = blosc2.open(other, mode="r")
    found = b"".join(b.decompress_chunk(i) for i in range(b.nchunks))
    t.same(found, b"".join(chunks) + tail + b"xyz" * 100, f"{what}: a copy grows")


def program():
    """tessera create, set, append, resize, convert and verify on folders."""
    def run(*args):
        r = subprocess.run([PROGRAM, *args], capture_output=True, text=True)
        t.check(r.returncode == 0, f"tessera {' '.join(args)}", r.stderr)
        return r.stdout
    url, back = path("p.b2nd"), path("q.b2nd")
    run("create", url, "--shape", "20,30", "--dtype", "i4", "--chunks", "8,8", "--sparse")
    run("set", url, "-s", "2:4,:", "7")
    run("resize", url, "25,31")
    run("verify", url)
    expected = np.zeros((25, 31), "i4")
    expected[2:4, :30] = 7
    t.same(blosc2.open(url, mode="r")[...].tobytes(), expected.tobytes(), "blosc2 reads the folder")
    run("convert", url, back)
    t.check(os.path.isfile(back), "convert makes a file of a folder")
    t.same(chunks_of(url), chunks_of(back), "converted chunks are what they were")
    run("convert", back, url, "--sparse", "-f")
    t.same(chunks_of(url), chunks_of(back), "and back over the old folder")
    t.check('"b2nd"' in run("info", url, "--json"), "info tells the format of a folder")


def main():
    print(f"note: python-blosc2 {blosc2.__version__}, NumPy {np.__version__}, seed {SEED}")
    blosc2.set_nthreads(1)
    for number in range(12):
        for k, case in enumerate((arrays, joined, reordered)):
            with t.case(f"{case.__name__} {number}"):
                case(np.random.default_rng((SEED, 40 + k, number)), number)
    with t.case("program"):
        program()
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
