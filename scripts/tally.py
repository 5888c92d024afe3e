#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tally.py TESTLOG - counts the cases of a Meson test run; last line "N passed, M failed".

A program that reports as cmocka does counts its cases, any other is one case.  Lines that begin
with "skipped:", "note:" or "CPU:" are passed on, so that what was not tested is seen."""
import json
import re
import sys


def cases(test):
    """(passed, failed) of one program."""
    out = test.get("stdout", "") + test.get("stderr", "")
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", out)))
    failed = sum(map(int, re.findall(r"\[  FAILED  \] (\d+) test", out)))
    good = test["result"] in ("OK", "SKIP", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0
    if "[======" not in out and not passed + failed:
        passed = int(good)
    if not good and not failed:
        failed = 1                              # killed, timed out, or a sanitizer spoke
    return passed, failed


def main():
    passed = failed = 0
    with open(sys.argv[1]) as log:
        for line in log:
            test = json.loads(line)
            test["name"] = test["name"].split(" / ")[-1]
            p, f = cases(test)
            passed, failed = passed + p, failed + f
            out = test.get("stdout", "") + "\n" + test.get("stderr", "")
            for said in re.findall(r"^(?:skipped|note|CPU): .*", out, re.M):
                print(said)
            if test["result"] == "SKIP":
                print(f"skipped: {test['name']}")
            for name in sorted(set(re.findall(r"\[  SKIPPED \] ([a-z]\w+)", out))):
                print(f"skipped: {test['name']}: {name}")
            if f:
                print(f"---- {test['name']}: {test['result']}\n{out[-6000:]}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
