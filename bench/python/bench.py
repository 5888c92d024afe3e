# SPDX-License-Identifier: BSD-3-Clause
"""bench.py [OPTIONS] [WORD...] - Tessera's Python package beside python-blosc2.

    --peer PYTHON   an interpreter that has blosc2; without it Tessera runs alone
    --limit MODULE  what measures limits (bench/limit.h); without it there are none
    --dir DIR       where files are made (default .)
    --json FILE     results for machines
    --threads N     of both engines (default 2)
    --seconds S     spent on the samples of a row (default 1.5)
    WORD            a group, or part of a workload's name; default: all
    --list          says which there are, and nothing more

Each row has two new processes, one for each side, so that neither heap nor pool of the row before
counts.  Both prepare and check; then they are told in turn to take a sample while the other waits,
and the medians are compared: a ratio above 1 means that Tessera is faster.  Rounds in which others
used the machine are done again (bench/probe.h).  Beside the ratio of the
times by the clock stands that of the processor time, which a busy machine disturbs less.  After
each pair the limit is measured: the codecs' own libraries alone, on as many threads.  Peak memory
is that of the first sample, over what there was before it.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import math
import os
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
from limits import Limit, Probe, memcpy_rate
from workloads import WORKLOADS, Row, Workload

MIN_ROUNDS, MAX_ROUNDS = 5, 61
PATIENCE, ROW_PATIENCE = 100.0, 12.0  # seconds of a run, of a row, to wait for a quiet machine


# ---- one side, in a process of its own ----


def status_bytes(name: str) -> int:
    """A line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def peak_of_first(row: Row, ops: int) -> int:
    """Bytes by which the first sample raises the peak of the memory in use."""
    row.fresh()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory that is kept would hide what is used anew
    Path("/proc/self/clear_refs").write_text("5")
    before = status_bytes("VmRSS")
    row.run(ops)
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


class Worker:
    """What a side does when it is told: `prepare`, `sample`, `limit`."""

    def __init__(self, engine: str, index: int, folder: str, threads: int, module: str) -> None:
        self.lib = importlib.import_module(engine)
        self.lib.set_nthreads(threads)
        self.workload, self.ours = WORKLOADS[index], engine == "tessera"
        self.folder, self.threads, self.module = folder, threads, module
        self.about_limit: Limit | None = None
        self.probe: Probe | None = None

    def prepare(self) -> dict[str, Any]:
        self.row = self.workload.make(self.lib, Path(self.folder))
        peer_ops = 0 if self.ours else self.workload.peer_ops
        self.ops = peer_ops or self.row.ops
        said = {"peak": peak_of_first(self.row, self.ops), "right": bool(self.row.check())}
        if self.ours and self.row.limit and self.module:
            self.about_limit = Limit(self.module, self.row.limit(), self.threads, self.folder)
        return {**said, "limited": bool(self.about_limit)}

    def sample(self) -> dict[str, float]:
        """The probe also wakes the cores, for both sides alike."""
        self.probe = self.probe or Probe(self.module, self.threads)
        quiet = self.probe.quiet()
        said = sample(self.row, self.ops)
        return {**said, "quiet": self.probe.quiet() and quiet}

    def limit(self) -> dict[str, float]:
        assert self.about_limit
        return self.about_limit.sample()


def worker(engine: str, index: str, folder: str, threads: str, module: str) -> None:
    """Answers the lines of stdin."""
    answers, sys.stdout = sys.stdout, sys.stderr
    side = None
    for line in sys.stdin:
        try:
            side = side or Worker(engine, int(index), folder, int(threads), module)
            said = getattr(side, line.strip())()
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


# ---- the two sides in turn ----


class Failed(Exception):
    """A side could not do the workload."""


class Side:
    """A worker process, talked to by lines of JSON."""

    def __init__(self, python: str, engine: str, index: int, folder: str, how: Any) -> None:
        self.engine = engine
        args = [python, __file__, "--worker", engine, str(index), folder, str(how.threads)]
        args.append(how.limit)
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


class Race:
    """Samples of each side, and after them of the limit, taken in turn; who goes first alternates
    too.  Rounds that others disturbed are done again, as long as there is patience."""

    def __init__(self, sides: list[Side], limited: bool, probe: Probe, patience: float) -> None:
        self.sides, self.limited, self.probe = sides, limited, probe
        self.patience, self.lost = min(patience, ROW_PATIENCE), 0.0
        self.rounds: list[list[dict[str, float]]] = []
        self.left_out = self.disturbed = 0

    def one_round(self) -> tuple[list[dict[str, float]], bool]:
        """What all say, and whether the machine was ours meanwhile."""
        said: list[dict[str, float]] = [{} for _ in self.sides]
        order = range(len(self.sides))
        for i in order if len(self.rounds) % 2 == 0 else reversed(order):
            said[i] = self.sides[i].ask("sample")
        quiet = all(s["quiet"] for s in said)
        if self.limited:
            said.append(self.sides[0].ask("limit"))
        return said, quiet

    def run(self, seconds: float) -> None:
        begin = time.perf_counter()
        while len(self.rounds) < MAX_ROUNDS:
            if len(self.rounds) >= MIN_ROUNDS and time.perf_counter() - begin - self.lost > seconds:
                break
            self.lost += self.probe.wait(self.patience - self.lost)
            start = time.perf_counter()
            said, quiet = self.one_round()
            if quiet or self.lost >= self.patience:
                self.rounds.append(said)
                self.disturbed += not quiet
            else:
                self.left_out += 1
                self.lost += time.perf_counter() - start

    def taken(self, i: int) -> list[dict[str, float]]:
        """The samples of side i, or, behind the sides, of the limit."""
        return [said[i] for said in self.rounds]


def medians(samples: list[dict[str, float]]) -> dict[str, float]:
    return {
        "seconds": statistics.median(s["wall"] for s in samples),
        "cpu": statistics.median(s["cpu"] for s in samples),
    }


def measure(workload: Workload, sides: list[Side], how: Any) -> dict[str, Any]:
    """One row of the result."""
    facts = [side.ask("prepare") for side in sides]
    for side, fact in zip(sides, facts, strict=True):
        if not fact["right"]:
            raise Failed(f"{side.engine}: wrong result")
    os.sync()  # what was made is written now, and not while the clock runs
    race = Race(sides, facts[0]["limited"], Probe(how.limit, how.threads), how.patience)
    race.run(how.seconds)
    how.patience -= race.lost
    row: dict[str, Any] = {
        "group": workload.group,
        "name": workload.name,
        "target": workload.target,
        "left_out": race.left_out,
        "disturbed": race.disturbed,
        "engines": {},
    }
    for i, (side, fact) in enumerate(zip(sides, facts, strict=True)):
        samples = race.taken(i)
        row["engines"][side.engine] = {
            **medians(samples),
            "peak": fact["peak"],
            "samples": [s["wall"] for s in samples],
        }
    if race.limited:
        row["limit"] = medians(race.taken(len(sides)))
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
    f"{'cpu':>6} {'limit':>10} {'of it':>5} {'codec':>5} {'peak MB':>15}"
)


def codec_share(row: dict[str, Any]) -> str:
    """The limit over our time, by processor time."""
    ours = next(iter(row["engines"].values()))
    return f"{row['limit']['cpu'] / max(ours['cpu'], 1e-9):.0%}"


def show_limit(row: dict[str, Any]) -> str:
    """The limit, it over our time by the clock, and by processor time."""
    if "limit" not in row:
        return f"{'-':>10} {'-':>5} {'-':>5}"
    limit, ours = row["limit"], next(iter(row["engines"].values()))
    of_it = f"{limit['seconds'] / ours['seconds']:.0%}"
    return f"{in_units(limit['seconds']):>10} {of_it:>5} {codec_share(row):>5}"


def show(row: dict[str, Any]) -> None:
    names = f"{row['group']:10} {row['name']:38}"
    if "failed" in row:
        print(f"{names} failed: {row['failed']}", flush=True)
        return
    sides = list(row["engines"].values())
    times = "".join(f" {in_units(s['seconds']):>10}" for s in sides)
    peaks = " / ".join(f"{s['peak'] / 1e6:.1f}" for s in sides)
    if len(sides) == 1:
        print(f"{names}{times} {'':31}{show_limit(row)} {peaks:>15}", flush=True)
        return
    print(
        f"{names}{times} {row['ratio']:6.2f} {row['target']:6.1f} {row['cpu_ratio']:6.2f} "
        f"{show_limit(row)} {peaks:>15}",
        flush=True,
    )


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Prints the mean and the rows that are behind; the same for the JSON."""
    ratios = [r["ratio"] for r in rows if "ratio" in r]
    if not ratios:
        return {}
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    slow = [r for r in rows if r.get("ratio", 9) < 1]
    under = [r for r in rows if r.get("ratio", 9e9) < r.get("target", 0)]
    print(f"\n{len(ratios)} rows compared, geometric mean of the ratios {mean:.2f}")
    for what, these in (("below 1.0", slow), ("under their target", under)):
        print(f"{what}: {len(these)}")
        for r in these:
            share = f", codec {codec_share(r)}" if "limit" in r else ""
            share += f", {r['disturbed']} rounds disturbed" if r["disturbed"] else ""
            print(
                f"  {r['group']} {r['name']}: {r['ratio']:.2f} (cpu {r['cpu_ratio']:.2f}), "
                f"target {r['target']:.2f}{share}"
            )
    print(f"rounds that others disturbed, done again: {sum(r.get('left_out', 0) for r in rows)}")
    return {"geometric_mean": mean, "below_1": len(slow), "under_target": len(under)}


def versions(python: str, module: str) -> str:
    code = (
        f"import platform, numpy, {module} as m; "
        "print(m.__version__, 'Python', platform.python_version(), 'numpy', numpy.__version__)"
    )
    run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return f"{module} {run.stdout.strip()}" if run.returncode == 0 else ""


def full_name(workload: Workload) -> str:
    return f"{workload.group} {workload.name}"


def run_all(args: argparse.Namespace) -> list[dict[str, Any]]:
    engines = [(sys.executable, "tessera")] + ([(args.peer, "blosc2")] if args.peer else [])
    rows = []
    for index, workload in enumerate(WORKLOADS):
        if args.words and not any(word in full_name(workload) for word in args.words):
            continue
        with tempfile.TemporaryDirectory(dir=args.dir) as folder:
            sides = []
            for python, engine in engines:
                place = Path(folder) / ("shared" if workload.shared else engine)
                place.mkdir(exist_ok=True)
                sides.append(Side(python, engine, index, str(place), args))
            try:
                row = measure(workload, sides, args)
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
    parser.add_argument("--limit", default="")
    parser.add_argument("--dir", default=".")
    parser.add_argument("--json", default="")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("words", nargs="*")
    return parser.parse_args()


def main() -> int:
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
        return 0
    args = parse()
    args.patience = PATIENCE
    if args.list:
        print(*map(full_name, WORKLOADS), scaling.NAME, sep="\n")
        return 0
    peer = versions(args.peer, "blosc2") if args.peer else ""
    if not peer:
        args.peer = ""
        print("note: no peer: Tessera runs alone")
    print(f"{versions(sys.executable, 'tessera')}; {peer}; {args.threads} threads")
    copies = [memcpy_rate(1), memcpy_rate(2)]
    one, two = (f"{c / 1e9:.1f} GB/s with" for c in copies)
    print(f"memcpy of 64 MiB: {one} 1 thread, {two} 2")
    print("limit: decoding by the codecs' own libraries, encoding by Tessera's codecs, alone, on")
    print("as many threads; of it: limit / ours by the clock, codec: by processor time")
    print(HEAD)
    rows = run_all(args)
    told = summary(rows)
    threads = None
    if not args.words or any(word in scaling.NAME for word in args.words):
        threads = scaling.report(args.dir, Probe(args.limit, 2))
    if args.json:
        result = {
            "machine": platform.machine(),
            "threads": args.threads,
            "peer": peer,
            "memcpy_1": copies[0],
            "memcpy_2": copies[1],
            "rows": rows,
            "scaling": threads,
            **told,
        }
        Path(args.json).write_text(json.dumps(result, indent=1))
    return any("failed" in row for row in rows)


if __name__ == "__main__":
    sys.exit(main())
