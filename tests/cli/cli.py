# SPDX-License-Identifier: BSD-3-Clause
"""cli.py - what the tests of the program share: a folder to work in, running it, .npy files, and
counting.  Only the standard library."""
import ast
import os
import struct
import subprocess
import sys
import tempfile
import traceback

PROGRAM = os.path.abspath(sys.argv[1])


def tessera(*args, code=0, stdin=None, env=None):
    """(stdout, stderr) of a run that must end with this exit code."""
    run = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True,
                         env={**os.environ, **(env or {})}, timeout=300)
    err = run.stderr.decode(errors="replace")
    assert run.returncode == code, f"tessera {args}: exit {run.returncode}, not {code}: {err}"
    return run.stdout, err


def save_npy(path, dtype, shape, data):
    head = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)


def load_npy(path):
    with open(path, "rb") as f:
        raw = f.read()
    assert raw[:6] == b"\x93NUMPY"
    size, at = (struct.unpack("<H", raw[8:10])[0], 10) if raw[6] == 1 else \
        (struct.unpack("<I", raw[8:12])[0], 12)
    head = ast.literal_eval(raw[at:at + size].decode())
    assert not head["fortran_order"]
    return head["descr"], head["shape"], raw[at + size:]


def ints(count, start=0):
    return struct.pack(f"<{count}i", *range(start, start + count))


def run_all(cases):
    """Runs each test in a folder of its own and counts as cmocka does, for scripts/tally.py."""
    passed, failed = 0, []
    print(f"[==========] Running {len(cases)} test(s).")
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                case()
                passed += 1
                print(f"[       OK ] {case.__name__}")
            except Exception:
                failed.append(case.__name__)
                print(f"[  FAILED  ] {case.__name__}")
                traceback.print_exc(file=sys.stdout)
            os.chdir("/")
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {len(failed)} test(s): {', '.join(failed)}")
    return 1 if failed else 0
