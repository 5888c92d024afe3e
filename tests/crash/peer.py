#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""python-blosc2 as a reader of what a crash left: a path per line comes in, a digest goes out.

The digest is that of digest.c; "broken" and the reason when the file cannot be read."""
import hashlib
import sys

import blosc2
from blosc2 import blosc2_ext


def digest(path):
    h = hashlib.sha256()
    x = blosc2.open(path, mode="r")
    s = x
    if isinstance(x, blosc2.NDArray):
        s = x.schunk
        h.update(f"shape {' '.join(map(str, x.shape))}\n".encode())
        h.update(x[...].tobytes())
    else:
        h.update(f"chunks {s.nchunks}\n".encode())
        for i in range(s.nchunks):
            chunk = s.decompress_chunk(i)
            h.update(f"chunk {len(chunk)}\n".encode() + chunk)
    for name in sorted(k for k in s.meta if k != "b2nd"):
        value = blosc2_ext.meta__getitem__(s, name)
        h.update(f"meta {name} {len(value)}\n".encode() + value)
    names = blosc2_ext.vlmeta.get_names(s.vlmeta)
    for name in sorted(names):
        value = blosc2_ext.vlmeta.get_vlmeta(s.vlmeta, name)
        h.update(f"vlmeta {name} {len(value)}\n".encode() + value)
    return h.hexdigest()[:16]


def main():
    blosc2.set_nthreads(1)
    for line in sys.stdin:
        try:
            print(digest(line.rstrip("\n")), flush=True)
        except Exception as e:
            print("broken", type(e).__name__, " ".join(str(e).split()), flush=True)


if __name__ == "__main__":
    main()
