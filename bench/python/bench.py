# SPDX-License-Identifier: BSD-3-Clause
"""bench.py [OPTIONS] [WORD...] - Tessera's Python package beside others.

    --set NAME      blosc2 (default): beside python-blosc2; zarr: zarr-python, zarrs, tensorstore
    --peers DIR     the environments of peers (engines/__init__.py); without it Tessera runs alone
    --limit MODULE  what measures limits (bench/limit.h); without it there are none
    --dir DIR       where files are made (default .)
    --json FILE     results for machines
    --threads N     of both engines (default 2)
    --seconds S     spent on the samples of a row (default 1.5)
    WORD            a group, or part of a workload's name; default: all
    --list          says which there are, and nothing more

Each row has new processes, one for each side, so that neither heap nor pool of the row before
counts.  All prepare and check; then they are told in turn to take a sample while the others wait,
and the medians are compared: a ratio above 1 means that Tessera is faster.  Rounds in which others
used the machine are done again (bench/probe.h).  Beside the ratio of the
times by the clock stands that of the processor time, which a busy machine disturbs less.  After
each round the limit is measured: the codecs' own libraries alone, on as many threads.  Peak memory
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
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import scaling
import workloads
import zarr_data
import zarr_workloads
from engines import OURS, PEERS, Engine
from limits import Limit, Probe, memcpy_rate
from workloads import Row, Workload

WORKLOADS = {"blosc2": workloads.WORKLOADS, "zarr": zarr_workloads.WORKLOADS}
MAX_ROUNDS = 61
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
    """What a side does when it is told: `make`, `prepare`, `sample`, `limit`."""

    def __init__(self, job: tuple[str, str, int], folder: str, threads: int, module: str) -> None:
        set_name, name, index = job
        engine = next(e for e in [OURS[set_name], *PEERS[set_name]] if e.name == name)
        self.lib = importlib.import_module(engine.module)
        if engine.variant:
            self.lib.use(engine.variant)
        self.lib.set_nthreads(threads)
        self.workload, self.ours = WORKLOADS[set_name][index], engine is OURS[set_name]
        self.folder, self.threads, self.module = folder, threads, module
        self.about_limit: Limit | None = None
        self.probe: Probe | None = None

    def make(self) -> dict[str, Any]:
        """What all sides read."""
        zarr_data.make(self.lib, Path(self.folder), self.workload.layout)
        return {}

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


def worker(set_name: str, name: str, index: str, folder: str, threads: str, module: str) -> None:
    """Answers the lines of stdin."""
    answers, sys.stdout = sys.stdout, sys.stderr
    side = None
    for line in sys.stdin:
        try:
            job = set_name, name, int(index)
            side = side or Worker(job, folder, int(threads), module)
            said = getattr(side, line.strip())()
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), file=answers, flush=True)


# ---- the sides in turn ----


class Failed(Exception):
    """A side could not do the workload."""


def python_of(engine: Engine, how: Any) -> str:
    return str(Path(how.peers) / engine.env / "bin/python") if engine.env else sys.executable


class Side:
    """A worker process, talked to by lines of JSON."""

    def __init__(self, engine: Engine, index: int, folder: str, how: Any) -> None:
        self.engine = engine
        args = [python_of(engine, how), __file__, "--worker", how.set, engine.name, str(index)]
        args += [folder, str(how.threads), how.limit]
        self.process = subprocess.Popen(
            args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, what: str) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process died"}')
        if "error" in answer:
            raise Failed(answer["error"])
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

    def run(self, seconds: float, least: int) -> None:
        begin = time.perf_counter()
        while len(self.rounds) < MAX_ROUNDS:
            if len(self.rounds) >= least and time.perf_counter() - begin - self.lost > seconds:
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


def prepared(sides: list[Side], failed: dict[str, str]) -> list[tuple[Side, dict[str, Any]]]:
    """Sides that do the workload right, with their facts; why others do not."""
    ready = []
    for side in sides:
        try:
            fact = side.ask("prepare")
            if not fact["right"]:
                raise Failed("wrong result")
            ready.append((side, fact))
        except Failed as why:
            failed[side.engine.name] = str(why)
    return ready


def measure(workload: Workload, sides: list[Side], how: Any) -> dict[str, Any]:
    """One row of the result."""
    row: dict[str, Any] = {
        "group": workload.group,
        "name": workload.name,
        "target": workload.target,
        "engines": {},
        "failed": {},
    }
    ready = prepared(sides, row["failed"])
    if OURS[how.set].name in row["failed"]:
        return row
    os.sync()  # what was made is written now, and not while the clock runs
    probe = Probe(how.limit, how.threads)
    race = Race([side for side, _ in ready], ready[0][1]["limited"], probe, how.patience)
    race.run(how.seconds, workload.rounds)
    how.patience -= race.lost
    row.update(left_out=race.left_out, disturbed=race.disturbed)
    for i, (side, fact) in enumerate(ready):
        samples = race.taken(i)
        row["engines"][side.engine.name] = {
            **medians(samples),
            "peak": fact["peak"],
            "samples": [s["wall"] for s in samples],
        }
    if race.limited:
        row["limit"] = medians(race.taken(len(ready)))
    compare(row, [side.engine for side, _ in ready])
    return row


def compare(row: dict[str, Any], engines: list[Engine]) -> None:
    """The ratios of all peers; `ratio` and `cpu_ratio` are those of the first."""
    ours, *others = row["engines"].values()
    row["ratios"] = {}
    for engine, side in zip(engines[1:], others, strict=True):
        row["ratios"][engine.name] = {
            "wall": side["seconds"] / ours["seconds"],
            "cpu": side["cpu"] / max(ours["cpu"], 1e-9),
            "aim": engine.aim or row["target"],
        }
    for first in list(row["ratios"].values())[:1]:
        row["ratio"], row["cpu_ratio"] = first["wall"], first["cpu"]


# ---- the report ----


def in_units(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} us"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def head(engines: list[Engine]) -> str:
    peers = [f" {e.name:>11} {'ratio':>6}" for e in engines[1:]]
    return (
        f"{'group':12} {'workload':38} {'tessera':>10}{''.join(peers)} {'target':>6} {'cpu':>6} "
        f"{'limit':>10} {'of it':>5} {'codec':>5}  peak MB"
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


def show_peer(row: dict[str, Any], name: str) -> str:
    if name not in row["engines"]:
        return f" {'-':>11} {'-':>6}"
    return f" {in_units(row['engines'][name]['seconds']):>11} {row['ratios'][name]['wall']:6.2f}"


def show(row: dict[str, Any], engines: list[Engine]) -> None:
    ours = row["engines"].get(engines[0].name)
    names = f"{row['group']:12} {row['name']:38}"
    if ours:
        peers = "".join(show_peer(row, e.name) for e in engines[1:])
        peaks = " / ".join(f"{s['peak'] / 1e6:.1f}" for s in row["engines"].values())
        print(
            f"{names} {in_units(ours['seconds']):>10}{peers} {row['target']:6.1f} "
            f"{row.get('cpu_ratio', 0):6.2f} {show_limit(row)}  {peaks}"
        )
    for name, why in row["failed"].items():
        print(f"{names} failed: {name}: {why}")
    sys.stdout.flush()


def mean_of(ratios: list[float]) -> float:
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def list_rows(what: str, rows: list[tuple[dict[str, Any], str, dict[str, float]]]) -> int:
    """Those that are behind: a row, which peer, and its ratios."""
    print(f"{what}: {len(rows)}")
    for row, name, r in rows:
        share = f", codec {codec_share(row)}" if "limit" in row else ""
        share += f", {row['disturbed']} rounds disturbed" if row["disturbed"] else ""
        aim = f", target {r['aim']:.2f}" if r["aim"] > 0 else ""
        peer = f" ({name})" if len(row["ratios"]) > 1 else ""
        print(
            f"  {row['group']} {row['name']}{peer}: {r['wall']:.2f} (cpu {r['cpu']:.2f})"
            f"{aim}{share}"
        )
    return len(rows)


def summary(rows: list[dict[str, Any]], engines: list[Engine]) -> dict[str, Any]:
    """Prints the means and the rows that are behind; the same for the JSON."""
    pairs = [(row, name, r) for row in rows for name, r in row.get("ratios", {}).items()]
    if not pairs:
        return {}
    print()
    means = {}
    for e in engines[1:]:
        ratios = [r["wall"] for _, name, r in pairs if name == e.name]
        if ratios:
            means[e.name] = mean_of(ratios)
            print(f"{len(ratios)} rows beside {e.name}, geometric mean {means[e.name]:.2f}")
    slow = list_rows("below 1.0", [p for p in pairs if p[2]["wall"] < 1])
    under = list_rows("under their target", [p for p in pairs if p[2]["wall"] < p[2]["aim"]])
    print(f"rounds that others disturbed, done again: {sum(r.get('left_out', 0) for r in rows)}")
    first = next(iter(means.values()))
    return {"geometric_mean": first, "means": means, "below_1": slow, "under_target": under}


def version(engine: Engine, how: Any) -> str:
    """With the Python it runs in; "" where it is not installed."""
    code = (
        "import platform, importlib.metadata as m; "
        f"import numpy, {engine.package}; print({engine.name!r}, m.version({engine.package!r}), "
        "'Python', platform.python_version(), 'numpy', numpy.__version__)"
    )
    try:
        ask = [python_of(engine, how), "-c", code]
        run = subprocess.run(ask, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def full_name(workload: Workload) -> str:
    return f"{workload.group} {workload.name}"


def place_of(workload: Workload, engine: Engine, index: int, folder: Path) -> str:
    if workload.layout:
        return str(folder / f"layout-{hash(workload.layout):x}")
    place = folder / str(index) / ("shared" if workload.shared else engine.name)
    place.mkdir(parents=True, exist_ok=True)
    return str(place)


def make_layout(index: int, place: str, how: argparse.Namespace) -> None:
    """Once, by the first of the peers."""
    if Path(place).exists():
        return
    Path(place).mkdir()
    maker = Side(PEERS[how.set][0], index, place, how)
    maker.ask("make")
    maker.close()


def run_row(index: int, engines: list[Engine], folder: Path, args: Any) -> dict[str, Any]:
    workload = WORKLOADS[args.set][index]
    places = [place_of(workload, engine, index, folder) for engine in engines]
    if workload.layout:
        make_layout(index, places[0], args)
    sides = [Side(e, index, p, args) for e, p in zip(engines, places, strict=True)]
    row = measure(workload, sides, args)
    for side in sides:
        side.close()
    shutil.rmtree(folder / str(index), ignore_errors=True)
    return row


def run_all(args: argparse.Namespace, engines: list[Engine]) -> list[dict[str, Any]]:
    rows = []
    with tempfile.TemporaryDirectory(dir=args.dir) as folder:
        for index, workload in enumerate(WORKLOADS[args.set]):
            if args.words and not any(word in full_name(workload) for word in args.words):
                continue
            rows.append(run_row(index, engines, Path(folder), args))
            show(rows[-1], engines)
    return rows


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tessera beside others")
    parser.add_argument("--set", default="blosc2", choices=list(WORKLOADS))
    parser.add_argument("--peers", default="")
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
    scales = [scaling.NAME] if args.set == "blosc2" else []
    if args.list:
        print(*map(full_name, WORKLOADS[args.set]), *scales, sep="\n")
        return 0
    engines = [OURS[args.set], *(PEERS[args.set] if args.peers else [])]
    known = {e: version(e, args) for e in engines}
    for engine in engines:
        print(known[engine] or f"note: no {engine.name}")
    engines = [e for e in engines if known[e]]
    print(f"{args.threads} threads")
    copies = [memcpy_rate(1), memcpy_rate(2)]
    one, two = (f"{c / 1e9:.1f} GB/s with" for c in copies)
    print(f"memcpy of 64 MiB: {one} 1 thread, {two} 2")
    print("limit: decoding by the codecs' own libraries, encoding by Tessera's codecs, alone, on")
    print("as many threads; of it: limit / ours by the clock, codec: by processor time")
    print(head(engines))
    rows = run_all(args, engines)
    told = summary(rows, engines)
    threads = None
    if scales and (not args.words or any(word in scaling.NAME for word in args.words)):
        threads = scaling.report(args.dir, Probe(args.limit, 2))
    if args.json:
        result = {
            "machine": platform.machine(),
            "threads": args.threads,
            "peer": ", ".join(" ".join(known[e].split()[:2]) for e in engines[1:]),
            "memcpy_1": copies[0],
            "memcpy_2": copies[1],
            "rows": rows,
            "scaling": threads,
            **told,
        }
        Path(args.json).write_text(json.dumps(result, indent=1))
    return any(row["failed"] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
