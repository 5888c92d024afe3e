#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rechunks an array that is much larger than the memory it may take, and is killed on the way.

    bench/proof_rechunk.py build/tessera FOLDER [--gib 4] [--kills 4] [--memory 256M]

Planes of one item's thickness become pencils along the first axis and planes again, as Blosc2 and
as sharded Zarr of format 3.  Each conversion is killed by SIGKILL at times that are left to chance,
and resumed; the digest at the end must be that of the beginning.  For every run, killed or not, the
peak of its resident memory is printed as the kernel counts it (ru_maxrss); one above --memory fails
the proof.  FOLDER holds up to three times the array; what is made there is removed.  This takes
minutes: it is no part of `make check`.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PLANE = 1024  # items of 4 bytes along each side: 4 MiB
RESERVE = 8 << 30

LAYOUTS = {
    "b2nd": {
        "planes": ["--chunks", f"1,{PLANE},{PLANE}"],
        "pencils": ["--chunks", "{n},32,32"],
    },
    "zarr": {
        "planes": ["--chunks", f"1,{PLANE},{PLANE}", "--blocks", f"1,128,{PLANE}"],
        "pencils": ["--chunks", "{n},64,64", "--blocks", "{n},16,16"],
    },
}


class Failure(Exception):
    """What the proof found wrong."""


def write_source(path: Path, planes: int) -> None:
    """Noise that repeats, displaced, from plane to plane: it does not compress within a plane."""
    noise = random.Random(7).randbytes(PLANE * PLANE * 8)
    half = len(noise) // 2
    with path.open("wb") as f:
        for i in range(planes):
            at = i * 4099 * 4 % half
            f.write(memoryview(noise)[at : at + half])


def run_once(command: list[str], seconds: float | None) -> tuple[int, float, int]:
    """Exit code (negative: the signal), wall seconds and peak resident bytes; killed after
    seconds."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if seconds is not None and time.monotonic() - start > seconds:
            child.send_signal(signal.SIGKILL)
            pid, status, usage = os.wait4(child.pid, 0)
            break
        time.sleep(0.02)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode > 0 and child.stderr:
        sys.stderr.write(child.stderr.read().decode(errors="replace"))
    if child.stderr:
        child.stderr.close()
    return child.returncode, time.monotonic() - start, usage.ru_maxrss * 1024


def bytes_of(text: str) -> int:
    units = {"K": 10, "M": 20, "G": 30}
    return int(text[:-1]) << units[text[-1]] if text[-1] in units else int(text)


class Proof:
    """One run of it, in a folder of its own."""

    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args = args
        self.tessera = str(Path(args.tessera).resolve())
        self.folder = folder
        self.planes = max(1, int(args.gib * (1 << 30)) // (PLANE * PLANE * 4))
        self.limit = bytes_of(args.memory)
        self.chance = random.Random(args.seed)
        self.worst = 0
        self.kills = 0

    def digest(self, path: Path) -> str:
        out = subprocess.run([self.tessera, "hash", path], check=True, capture_output=True)
        return out.stdout.split()[0].decode()

    def tell(self, what: str, code: int, seconds: float, peak: int) -> None:
        end = "done" if code == 0 else "killed" if code == -signal.SIGKILL else f"exit {code}"
        print(f"{what:<28} {end:<8} {seconds:7.1f} s   peak {peak / 1e6:6.1f} MB", flush=True)
        self.worst = max(self.worst, peak)

    def convert(self, source: Path, target: Path, layout: list[str]) -> None:
        """Killed some times, then left alone."""
        command = [self.tessera, "convert", str(source), str(target), "--memory",
                   self.args.memory, "--resume", "--codec", "lz4"]
        command += [part.format(n=self.planes) for part in layout]
        what = f"{source.name} -> {target.name}"
        for _ in range(self.args.kills):
            wait = self.chance.uniform(0.5, 1.0) * self.args.patience
            code, seconds, peak = run_once(command, wait)
            self.tell(what, code, seconds, peak)
            if code == 0:
                return
            if code != -signal.SIGKILL:
                raise Failure(f"{what}: exit code {code}")
            self.kills += 1
        code, seconds, peak = run_once(command, None)
        self.tell(what, code, seconds, peak)
        if code != 0:
            raise Failure(f"{what}: exit code {code}")

    def remove(self, path: Path) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def steps(self, suffix: str) -> None:
        """raw becomes planes, which become pencils, which become planes."""
        layout, raw = LAYOUTS[suffix], self.folder / "source.raw"
        write_source(raw, self.planes)
        first, pencils, again = (self.folder / f"{name}.{suffix}" for name in
                                 ("planes", "pencils", "again"))
        shape = f"{self.planes},{PLANE},{PLANE}"
        command = [self.tessera, "convert", str(raw), str(first), "--dtype", "f4", "--shape", shape,
                   "--memory", self.args.memory, "--codec", "lz4", *layout["planes"]]
        code, seconds, peak = run_once(command, None)
        self.tell(f"{raw.name} -> {first.name}", code, seconds, peak)
        if code:
            raise Failure("the planes were not made")
        self.remove(raw)
        want = self.digest(first)
        self.convert(first, pencils, layout["pencils"])
        self.remove(first)
        if self.digest(pencils) != want:
            raise Failure(f"{pencils.name}: another digest")
        self.convert(pencils, again, layout["planes"])
        self.remove(pencils)
        if self.digest(again) != want:
            raise Failure(f"{again.name}: another digest")
        self.remove(again)
        print(f"{suffix}: digest {want} throughout")

    def run(self) -> None:
        for suffix in self.args.formats.split(","):
            self.steps(suffix)
            left = sorted(p.name for p in self.folder.iterdir())
            if left:
                raise Failure(f"left behind: {', '.join(left)}")
        print(f"{self.kills} kills; worst peak {self.worst / 1e6:.1f} MB of "
              f"{self.limit / 1e6:.1f} MB")
        if self.worst > self.limit:
            raise Failure("a run took more memory than it was given")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("tessera", help="the program")
    parser.add_argument("folder", type=Path, help="where there is room")
    parser.add_argument("--gib", type=float, default=4, help="size of the array")
    parser.add_argument("--kills", type=int, default=4, help="of each conversion")
    parser.add_argument("--patience", type=float, default=8, help="seconds until a kill, at most")
    parser.add_argument("--memory", default="256M", help="what a conversion may take")
    parser.add_argument("--formats", default="b2nd,zarr", help="which ones")
    parser.add_argument("--seed", type=int, default=1, help="of the times of kills")
    return parser.parse_args()


def main() -> int:
    args = parse()
    need = int(args.gib * (1 << 30)) * 3 + RESERVE
    free = shutil.disk_usage(args.folder).free
    if free < need:
        print(f"{args.folder}: {free / 1e9:.0f} GB free, {need / 1e9:.0f} GB are needed")
        return 2
    folder = args.folder / f"tessera-proof-{os.getpid()}"
    folder.mkdir()
    try:
        Proof(args, folder).run()
    except Failure as e:
        print(f"FAILED: {e}")
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
