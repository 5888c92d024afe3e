#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""run_blosc2.py [-v VERSION] [--heavy] [FILE...] - python-blosc2's own tests, run on Tessera.

Fetches python-blosc2's source package with pip into build/peers/src (nothing of it is kept in the
tree), and runs its tests with the module name aliased (as_blosc2.py) in a Python that has
tessera: $TESSERA_PYTHON or build/venv. A process per file. Prints for each file how many tests
passed, failed and were skipped and why (reasons.py); FILE is a name below the package's tests/.
Last line "N passed, M failed", where failures are the ones that reasons.py does not explain, and
the explanations that are not true.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import venv

import reasons

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
BUILD = ROOT / "build" / "peers"
VERSION = "4.14.1"
FILES = (
    "schunk", "schunk_constructor", "schunk_delete", "schunk_get_slice",
    "schunk_get_slice_nchunks", "schunk_insert", "schunk_reorder_offsets", "schunk_set_slice",
    "schunk_update", "tensor", "vlmeta", "storage", "open", "mmap", "compress2", "decompress",
    "iterchunks", "python_blosc"
)  # fmt: skip
ND_FILES = (
    "getitem", "setitem", "slice", "resize", "copy", "empty", "full", "zeros", "nans", "numpy",
    "persistency", "mode", "metalayers", "struct_dtype", "squeeze", "lossy", "auto_parts",
    "buffer", "concat", "get_slice_nchunks", "iterchunks_info"
)  # fmt: skip
DEFAULT = [f"test_{f}.py" for f in FILES] + [f"ndarray/test_{f}.py" for f in ND_FILES]
REST = "test_rest.py"  # ours: what explained tests also ask
LIMIT = 900  # seconds for a file


def fetch(version):
    """The folder of the unpacked source package, downloaded when it is not there; None if not."""
    src = BUILD / "src"
    folder = src / f"blosc2-{version}"
    if folder.is_dir():
        return folder
    # pip asks a source package for its metadata, for which the package's build tool must be there
    tool = src / "venv"
    venv.create(tool, with_pip=True)
    pip = [tool / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q"]
    for cmd in (
        ["install", "scikit-build-core"],
        [
            "download",
            "--no-deps",
            "--no-binary",
            ":all:",
            "--no-build-isolation",
            "-d",
            src,
            f"blosc2=={version}",
        ],
    ):
        done = subprocess.run([*pip, *cmd], capture_output=True, text=True, check=False)
        if done.returncode:
            print("note:", done.stderr.strip().split("\n")[-1])
            return None
    with tarfile.open(src / f"{folder.name}.tar.gz") as tar:
        tar.extractall(src, filter="data")
    return folder


def run_file(python, folder, name, heavy):
    """Run one file of the package, or of ours; the list of (test, outcome, why)."""
    run = BUILD / "run" / name.removesuffix(".py")
    shutil.rmtree(run, ignore_errors=True)  # the tests write files where they run
    run.mkdir(parents=True)
    log = run / "log.jsonl"
    env = dict(
        os.environ, PYTHONPATH=str(HERE), PYTHONDONTWRITEBYTECODE="1", AS_BLOSC2_LOG=str(log)
    )
    marks = "not network and not tui" + ("" if heavy else " and not heavy")
    cmd = [
        python,
        "-m",
        "pytest",
        "-q",
        "--no-header",
        "-p",
        "as_blosc2",
        "-c",
        str(folder / "pytest.ini"),
        "-o",
        "addopts=",
        "-m",
        marks,
        "-p",
        "no:cacheprovider",
        "-p",
        "no:unraisableexception",
        str(HERE / name if name == REST else folder / "tests" / name),
    ]
    with open(run / "log.txt", "w", encoding="utf-8") as out:
        try:
            rc = subprocess.run(
                cmd, cwd=run, env=env, stdout=out, stderr=out, timeout=LIMIT, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            rc = "no end"
    rows = []
    if log.exists():
        rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    if rc not in (0, 1, 2) or not rows:
        rows.append((f"{name}::(process)", "failed", f"pytest ended with {rc}"))
    return rows


def reason(test, table, met):
    """The reason that `table` gives for `test`; the pattern is entered in `met`."""
    for pattern, text in table.items():
        if fnmatch.fnmatchcase(test, pattern):
            met.add(pattern)
            return text
    return None


def judge(rows, met):
    """(what was as expected by reason: count, what was not: lines) for the rows of a file."""
    explained, wrong = {}, []
    for test, outcome, text in rows:
        fails, skips = (reason(test, t, met) for t in (reasons.FAILS, reasons.SKIPS))
        expected = "failed" if fails else "skipped" if skips else "passed"
        if outcome != expected:
            wrong.append(f"{test}: {outcome}, not {expected}" + (f": {text}" if text else ""))
        elif outcome != "passed":
            key = (outcome, fails or skips)
            explained[key] = explained.get(key, 0) + 1
    return explained, wrong


def report(name, rows, explained, wrong):
    """Print the figures of a file, and the reasons."""
    n = {o: sum(r[1] == o for r in rows) for o in ("passed", "failed", "skipped")}
    print(f"{name}: {n['passed']} passed, {n['failed']} failed, {n['skipped']} skipped")
    for (outcome, text), count in explained.items():
        print(f"    {count} {outcome}: {text}")
    for line in wrong:
        print(f"    NOT EXPECTED {line}")
    sys.stdout.flush()
    return n


def stale(names, met):
    """Lines for the patterns of these files that met no test."""
    tables = {**reasons.FAILS, **reasons.SKIPS}
    return [
        f"reasons.py: {p} meets no test"
        for p in tables
        if p not in met and p.split("::")[0] in names
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-v", "--version", default=VERSION)
    parser.add_argument("--heavy", action="store_true", help="tests marked heavy too (10 GB)")
    parser.add_argument("files", nargs="*", default=[*DEFAULT, REST])
    args = parser.parse_args()
    python = os.environ.get("TESSERA_PYTHON", str(ROOT / "build" / "venv" / "bin" / "python"))
    try:
        ready = (
            subprocess.run(
                [python, "-c", "import tessera, pytest, psutil"],
                check=False,
                stderr=subprocess.DEVNULL,
            ).returncode
            == 0
        )
    except OSError:
        ready = False
    folder = fetch(args.version) if ready else None
    if not folder:
        print(
            "skipped: "
            + (
                "python-blosc2's source package could not be had from PyPI"
                if ready
                else f"{python} has no tessera, pytest and psutil"
            )
        )
        print("0 passed, 0 failed")
        return 0
    met, total, wrongs = set(), {"passed": 0, "failed": 0, "skipped": 0}, []
    for name in args.files:
        rows = run_file(python, folder, name, args.heavy)
        explained, wrong = judge(rows, met)
        for key, n in report(name, rows, explained, wrong).items():
            total[key] += n
        wrongs += wrong
    wrongs += stale(args.files, met)
    print("in all: " + ", ".join(f"{n} {o}" for o, n in total.items()))
    for line in wrongs:
        print("NOT EXPECTED", line)
    print(f"{total['passed']} passed, {len(wrongs)} failed")
    return bool(wrongs)


if __name__ == "__main__":
    sys.exit(main())
