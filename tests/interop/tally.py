# SPDX-License-Identifier: BSD-3-Clause
"""Counting for the interop tests: every comparison is one, failures are printed as they happen,
and the last line is "N passed, M failed"."""
import collections
import contextlib
import traceback

SHOWN = 40


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.counts = collections.Counter()

    def check(self, good, what, detail=""):
        """One comparison; what names it, detail (text or a function) says more when it fails."""
        if good:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= SHOWN:
            print(f"FAIL {what}: {detail() if callable(detail) else detail}", flush=True)
        return False

    def same(self, found, expected, what):
        return self.check(found == expected, what, lambda: f"found {short(found)}, expected "
                          f"{short(expected)}{first_difference(found, expected)}")

    @contextlib.contextmanager
    def case(self, what):
        """A whole case: what it raises is one failure."""
        try:
            yield
        except Exception as e:
            where = traceback.extract_tb(e.__traceback__)[-1]
            place = next((f for f in traceback.extract_tb(e.__traceback__)
                          if "test_" in f.filename.rsplit("/", 1)[-1] and f.name != "case"), where)
            self.check(False, what, f"{type(e).__name__}: {e} (line {place.lineno})")

    def finish(self):
        for name, n in sorted(self.counts.items()):
            print(f"note: {name}: {n}")
        if self.failed > SHOWN:
            print(f"... and {self.failed - SHOWN} failures more")
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed > 0


def short(value):
    text = f"{len(value)} bytes" if isinstance(value, bytes) and len(value) > 24 else repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def first_difference(a, b):
    if not isinstance(a, bytes) or not isinstance(b, bytes) or len(a) != len(b):
        return ""
    at = next((i for i in range(len(a)) if a[i] != b[i]), None)
    return "" if at is None else f", the first different byte is {at}: {a[at]} and {b[at]}"
