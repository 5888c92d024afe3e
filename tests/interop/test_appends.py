#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Items appended one by one, to super-chunks and arrays, contiguous and sparse, never flushed
before the end or every now and then: all are there, for both libraries, and the file is at most
1.2 times as large as one written at once.

200,000 items with TESSERA_ALL=1, else 20,000, and then the room of two chunks is allowed for: the
last chunk is written anew, beside what it was, as it grows.  The time of each quarter is printed, not judged: when
the cost of an append does not depend on how many went before, the quarters are alike."""
import os
import sys
import tempfile
import time

import blosc2
import numpy as np

import tsr
from tally import Tally

ALL = os.environ.get("TESSERA_ALL", "") not in ("", "0")
ITEMS = 200_000 if ALL else 20_000
MOST, CHUNK = 1.2, 64_000
SPARE = 0 if ALL else 2 * CHUNK

t = Tally()
folder = tempfile.TemporaryDirectory(prefix="tessera-appends-")


def stored(url):
    if os.path.isfile(url):
        return os.path.getsize(url)
    return sum(os.path.getsize(os.path.join(url, name)) for name in os.listdir(url))


def schunk(url, **opts):
    s = tsr.Schunk.create(url, 8, CHUNK, **opts)
    return s, s.append


def array(url, **opts):
    a = tsr.Array.create(url, "<f8", (0,), (CHUNK // 8,), (1_000,), **opts)
    return a, lambda item: a.append(0, item)


def grow(make, url, data, every, sparse):
    quarters, start = [], time.process_time()
    handle, append = make(url, sparse=sparse)
    with handle:
        for i in range(len(data)):
            append(data[i].tobytes())
            if every and i % every == every - 1:
                handle.flush()
            if i % (len(data) // 4) == len(data) // 4 - 1:
                quarters.append(time.process_time() - start)
                start = time.process_time()
    return quarters


def check(make, data, every, sparse):
    kind = "sparse" if sparse else "contiguous"
    what = f"{make.__name__}, {kind}, flushed {f'each {every}' if every else 'at the end'}"
    url, packed = (os.path.join(folder.name, n) for n in ("grown", "packed"))
    with t.case(what):
        quarters = grow(make, url, data, every, sparse)
        with make(packed, sparse=sparse)[0] as whole:
            whole.append(data.tobytes()) if make is schunk else whole.append(0, data.tobytes())
        ratio = stored(url) / stored(packed)
        t.check(stored(url) <= MOST * stored(packed) + SPARE, f"{what}: size",
                f"{stored(url)} bytes, {ratio:.3f} of packed")
        with (tsr.Schunk if make is schunk else tsr.Array).open(url) as s:
            t.same(s.read(), data.tobytes(), f"{what}: tessera reads")
        b = blosc2.open(url, mode="r")
        t.same(bytes(b[:]) if make is schunk else b[...].tobytes(), data.tobytes(),
               f"{what}: blosc2 reads")
        print(f"note: {what}: {ratio:.3f} of packed, seconds of the quarters: "
              f"{' '.join(f'{q:.2f}' for q in quarters)}", flush=True)
    for place in (url, packed):
        if os.path.isdir(place):
            for name in os.listdir(place):
                os.unlink(os.path.join(place, name))
            os.rmdir(place)
        elif os.path.exists(place):
            os.unlink(place)


def main():
    print(f"note: {ITEMS} items, python-blosc2 {blosc2.__version__}")
    data = np.random.default_rng(2026).normal(size=ITEMS).round(3)
    for make in (schunk, array):
        for sparse in (False, True):
            for every in (0, 1000):
                check(make, data, every, sparse)
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
