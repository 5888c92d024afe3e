# SPDX-License-Identifier: BSD-3-Clause
"""remote.py - what the tests of remote stores share: the tool, line by line, the program, and
counting.  Only the standard library."""
import hashlib
import os
import subprocess
import sys
import time
import traceback

PROGRAM, TOOL = (os.path.abspath(p) for p in sys.argv[1:3])
EIO, ENOTFOUND, EEXISTS, EDENIED, ECORRUPT = -3, -4, -5, -6, -7
EUNSUPPORTED, ECONFLICT, ETEMP = -8, -10, -11


def clean_env(**more):
    """Nothing of this machine's proxies, keys and endpoints."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("AWS_") and not k.lower().endswith("_proxy")}
    return {**env, **more}


class Store:
    """A store that is open in a process of its own."""

    def __init__(self, url, how="one", env=None, **options):
        args = [TOOL, url, how, *(f"{k}={v}" for k, v in options.items())]
        self.run = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                    env=clean_env(**(env or {})))
        self.opened = self.answer()

    def answer(self):
        line = self.run.stdout.readline().rstrip("\n")
        assert line, f"the tool died: {self.run.wait()}"
        return line

    def ask(self, *words):
        self.run.stdin.write(" ".join(map(str, words)) + "\n")
        self.run.stdin.flush()
        return self.answer()

    def ok(self, *words):
        line = self.ask(*words)
        assert line.split()[0] == "ok" and "fail" not in line, f"{words}: {line}"
        return line.split()[1:]

    def fails(self, code, *words, says=""):
        line = self.ask(*words)
        assert line.startswith(f"fail {code} "), f"{words}: {line}"
        assert says in line, line
        return line

    def counts(self):
        moved, requests = map(int, self.ok("counts"))
        return moved, requests

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.run.stdin.close()
        code = self.run.wait(60)
        self.run.stdout.close()
        if exc[0] is None:
            assert code == 0, f"the tool ended with {code}"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def squares(size):
    """Bytes of which each says where it is."""
    return bytes((i * i // 7) & 255 for i in range(size))


def tessera(*args, code=0, env=None):
    """(stdout, stderr) of a run that must end with this exit code; None: any."""
    run = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, timeout=300,
                         env=clean_env(**(env or {})))
    err = run.stderr.decode(errors="replace")
    if code is not None:
        assert run.returncode == code, f"tessera {args}: exit {run.returncode}, not {code}: {err}"
    return run.stdout, err


def run_all(cases):
    """Runs each test and counts as cmocka does, for scripts/tally.py."""
    passed, failed = 0, []
    print(f"[==========] Running {len(cases)} test(s).")
    for case in cases:
        begin = time.monotonic()
        try:
            case()
            passed += 1
            print(f"[       OK ] {case.__name__} ({time.monotonic() - begin:.1f} s)")
        except Exception:
            failed.append(case.__name__)
            print(f"[  FAILED  ] {case.__name__}")
            traceback.print_exc(file=sys.stdout)
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {len(failed)} test(s): {', '.join(failed)}")
    return 1 if failed else 0
