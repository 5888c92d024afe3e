#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An array of 20000 x 20000 x 20000 zeros costs next to nothing.

The program creates it, tells about it and cuts a slice.  What counts is memory (20 MB) and the
size of the file (1000 bytes); times are printed, best of five, beside the 50 ms they should stay
under."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import tsr
from tally import Tally

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TESSERA", str(ROOT / "build" / "tessera"))
SIDE, MOST_KB, MOST_FILE, MOST_MS = 20000, 20 * 1024, 1000, 50

t = Tally()


# A child's peak counts the memory of the process it was started from; so a small Python starts
# the program, and what that needs itself (some 9 MB) is the least that can be measured.
STARTER = """
import os, sys, time
begin = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss, time.perf_counter() - begin, os.waitstatus_to_exitcode(status),
      file=sys.stderr)
"""


def run(*args):
    """Peak memory in KiB, milliseconds, and what the program said; it must succeed."""
    p = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, PROGRAM, *args],
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    *messages, figures = p.stderr.decode().splitlines()
    memory, seconds, code = figures.split()
    if code != "0":
        raise RuntimeError(f"tessera {' '.join(args)}: exit {code}: {' '.join(messages)}")
    return int(memory), float(seconds) * 1e3, p.stdout


def measured(name, *args):
    runs = [run(*args) for _ in range(5)]
    memory, ms = max(r[0] for r in runs), min(r[1] for r in runs)
    print(f"note: {name}: {ms:.1f} ms, {memory / 1024:.1f} MB"
          f"{'' if ms < MOST_MS else f', slower than {MOST_MS} ms'}")
    t.check(memory < MOST_KB, f"{name}: memory", f"{memory} KiB, at most {MOST_KB}")
    return runs[-1][2]


def the_program(url, out):
    shape = ",".join([str(SIDE)] * 3)
    measured("create", "create", url, "--shape", shape, "--dtype", "<f4", "-f")
    size = os.path.getsize(url)
    t.check(size < MOST_FILE, "size of the file", f"{size} bytes, at most {MOST_FILE}")
    said = json.loads(measured("info", "info", url, "--json"))
    t.same((said["shape"], said["nbytes"] >= 4 * SIDE**3), ([SIDE] * 3, True), "info")
    measured("one slice", "get", url, "-s", "7000:7100,12345,100:19900:98", "-o", out, "-f")
    with open(out, "rb") as f:
        t.same(f.read(), bytes(100 * 203 * 4), "the slice")


def the_library():
    with tsr.Array.create(None, "<f4", (SIDE,) * 3) as a:
        t.same(a.read((19999, 3, 5), (1, 50, 60)), bytes(50 * 60 * 4), "a slice from the library")
        a.resize((SIDE + 1, SIDE - 1, SIDE))
        t.same(a.shape, (SIDE + 1, SIDE - 1, SIDE), "shape after a resize")
        t.same(a.stats().blocks_decoded, 0, "blocks decoded")
        t.check(len(a.to_frame()) < 10 * MOST_FILE, "size in memory", len(a.to_frame()))


def main():
    with tempfile.TemporaryDirectory(prefix="tessera-zeros-") as folder:
        with t.case("the program"):
            the_program(os.path.join(folder, "zeros.b2nd"), os.path.join(folder, "x.raw"))
        with t.case("the library"):
            the_library()
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
