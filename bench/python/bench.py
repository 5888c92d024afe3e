# SPDX-License-Identifier: BSD-3-Clause
"""bench.py [OPTIONS] [WORD...] - Tessera's Python package beside python-blosc2.

    --peer PYTHON   an interpreter that has blosc2; without it Tessera runs alone
    --dir DIR       where files are made (default .)
    --json FILE     results for machines
    --threads N     of both engines (default 2)
    --seconds S     spent on the samples of a row (default 2)
    WORD            a group, or part of a workload's name; default: all

Each row has two new processes, one for each side, so that neither heap nor pool of the row before
counts.  Both prepare and check; then they are told in turn to take a sample while the other waits,
and the medians are compared: a ratio above 1 means that Tessera is faster.  Beside the ratio of the
times by the clock stands that of the processor time, which a busy machine disturbs less.  Peak
memory is that of the first operation, over what there was before it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import scaling
from workloads import WORKLOADS, Row, Workload

MIN_ROUNDS, MAX_ROUNDS = 5, 61


# ---- one side, in a process of its own ----


def status_bytes(name: str) -> int:
    """A line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def peak_of_first(row: Row) -> int:
    """Bytes by which the first operation raises the peak of the memory in use."""
    row.fresh()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory that is kept would hide what is used anew
    Path("/proc/self/clear_refs").write_text("5")
    before = status_bytes("VmRSS")
    row.run(1)
    return status_bytes("VmHWM") - before


def cpu_time() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def sample(row: Row, ops: int) -> dict[str, float]:
    row.fresh()
    cpu, wall = cpu_time(), time.perf_counter()
    row.run(ops)
    wall = time.perf_counter() - wall
    return {"wall": wall / ops, "cpu": (cpu_time() - cpu) / ops}


def worker(engine: str, index: int, folder: str, threads: int) -> None:
    """Answers the lines of stdin: `prepare`, `sample`."""
    answers, sys.stdout = sys.stdout, sys.stderr
    lib = importlib.import_module(engine)
    lib.set_nthreads(threads)
    row = None
    for line in sys.stdin:
        try:
            if line.strip() == "prepare":
                workload = WORKLOADS[index]
                row = workload.make(lib, Path(folder))
                ops = row.ops if engine == "tessera" else workload.peer_ops or row.ops
                said = {"peak": peak_of_first(row), "right": bool(row.check())}
            else:
                said = sample(row, ops)
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


# ---- the two sides in turn ----


class Failed(Exception):
    """A side could not do the workload."""


class Side:
    """A worker process, talked to by lines of JSON."""

    def __init__(self, python: str, engine: str, index: int, folder: str, threads: int) -> None:
        self.engine = engine
        args = [python, __file__, "--worker", engine, str(index), folder, str(threads)]
        self.process = subprocess.Popen(
            args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, what: str) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process died"}')
        if "error" in answer:
            raise Failed(f"{self.engine}: {answer['error']}")
        return answer

    def close(self) -> None:
        self.process.communicate()


def race(sides: list[Side], seconds: float) -> list[list[dict[str, float]]]:
    """Samples of each side, taken in turn; who goes first alternates too."""
    taken: list[list[dict[str, float]]] = [[] for _ in sides]
    begin, rounds = time.perf_counter(), 0
    while rounds < MAX_ROUNDS:
        order = range(len(sides)) if rounds % 2 == 0 else reversed(range(len(sides)))
        for i in order:
            taken[i].append(sides[i].ask("sample"))
        rounds += 1
        if rounds >= MIN_ROUNDS and time.perf_counter() - begin > seconds:
            break
    return taken


def measure(workload: Workload, sides: list[Side], seconds: float) -> dict[str, Any]:
    """One row of the result."""
    facts = [side.ask("prepare") for side in sides]
    for side, fact in zip(sides, facts, strict=True):
        if not fact["right"]:
            raise Failed(f"{side.engine}: wrong result")
    taken = race(sides, seconds)
    row: dict[str, Any] = {
        "group": workload.group,
        "name": workload.name,
        "target": workload.target,
        "engines": {},
    }
    for side, fact, samples in zip(sides, facts, taken, strict=True):
        row["engines"][side.engine] = {
            "seconds": statistics.median(s["wall"] for s in samples),
            "cpu": statistics.median(s["cpu"] for s in samples),
            "peak": fact["peak"],
            "samples": [s["wall"] for s in samples],
        }
    if len(sides) == 2:
        ours, theirs = row["engines"].values()
        row["ratio"] = theirs["seconds"] / ours["seconds"]
        row["cpu_ratio"] = theirs["cpu"] / max(ours["cpu"], 1e-9)
    return row


# ---- the report ----


def in_units(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} us"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


HEAD = (
    f"{'group':10} {'workload':38} {'tessera':>10} {'peer':>10} {'ratio':>6} {'target':>6} "
    f"{'cpu':>6} {'peak MB':>15}"
)


def show(row: dict[str, Any]) -> None:
    names = f"{row['group']:10} {row['name']:38}"
    if "failed" in row:
        print(f"{names} failed: {row['failed']}", flush=True)
        return
    sides = list(row["engines"].values())
    times = "".join(f" {in_units(s['seconds']):>10}" for s in sides)
    peaks = " / ".join(f"{s['peak'] / 1e6:.1f}" for s in sides)
    if len(sides) == 1:
        print(f"{names}{times} {'':34}{peaks}", flush=True)
        return
    print(
        f"{names}{times} {row['ratio']:6.2f} {row['target']:6.1f} {row['cpu_ratio']:6.2f} "
        f"{peaks:>15}",
        flush=True,
    )


def summary(rows: list[dict[str, Any]]) -> None:
    ratios = [r["ratio"] for r in rows if "ratio" in r]
    if not ratios:
        return
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    under = [f"{r['group']} {r['name']}" for r in rows if r.get("ratio", 9e9) < r.get("target", 0)]
    slow = [f"{r['group']} {r['name']}" for r in rows if r.get("ratio", 9) < 1]
    print(f"\n{len(ratios)} rows, geometric mean of the ratios {mean:.2f}")
    print(f"below 1.0: {'; '.join(slow) or 'none'}")
    print(f"under their target: {'; '.join(under) or 'none'}")


def versions(python: str, module: str) -> str:
    code = (
        f"import platform, numpy, {module} as m; "
        "print(m.__version__, 'Python', platform.python_version(), 'numpy', numpy.__version__)"
    )
    run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return f"{module} {run.stdout.strip()}" if run.returncode == 0 else ""


def run_all(args: argparse.Namespace) -> list[dict[str, Any]]:
    engines = [(sys.executable, "tessera")] + ([(args.peer, "blosc2")] if args.peer else [])
    rows = []
    for index, workload in enumerate(WORKLOADS):
        full = f"{workload.group} {workload.name}"
        if args.words and not any(word in full for word in args.words):
            continue
        with tempfile.TemporaryDirectory(dir=args.dir) as folder:
            sides = []
            for python, engine in engines:
                (place := Path(folder) / engine).mkdir()
                sides.append(Side(python, engine, index, str(place), args.threads))
            try:
                row = measure(workload, sides, args.seconds)
            except Failed as why:
                row = {"group": workload.group, "name": workload.name, "failed": str(why)}
            for side in sides:
                side.close()
        show(row)
        rows.append(row)
    return rows


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tessera beside python-blosc2")
    parser.add_argument("--peer", default="")
    parser.add_argument("--dir", default=".")
    parser.add_argument("--json", default="")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("words", nargs="*")
    return parser.parse_args()


def main() -> int:
    if sys.argv[1:2] == ["--worker"]:
        engine, index, folder, threads = sys.argv[2:]
        worker(engine, int(index), folder, int(threads))
        return 0
    args = parse()
    peer = versions(args.peer, "blosc2") if args.peer else ""
    if not peer:
        args.peer = ""
        print("note: no peer: Tessera runs alone")
    print(f"{versions(sys.executable, 'tessera')}; {peer}; {args.threads} threads")
    print(HEAD)
    rows = run_all(args)
    summary(rows)
    threads = None
    if not args.words or any(word in "threads scaling" for word in args.words):
        threads = scaling.report(args.dir)
    if args.json:
        result = {
            "machine": platform.machine(),
            "threads": args.threads,
            "peer": peer,
            "rows": rows,
            "scaling": threads,
        }
        Path(args.json).write_text(json.dumps(result, indent=1))
    return any("failed" in row for row in rows)


if __name__ == "__main__":
    sys.exit(main())
