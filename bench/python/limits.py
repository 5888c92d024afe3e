# SPDX-License-Identifier: BSD-3-Clause
"""Limits: what a workload would take if only the codecs' libraries took time, and memcpy.

The module that bench/limit.h describes does the work, in the process of Tessera's side and in turn
with the samples of both.
"""

from __future__ import annotations

import ctypes
import math
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

CLEVEL = 5  # of all workloads of Blosc2
ZSTD_LEVEL = 3  # of those of Zarr


@dataclass
class Plan:
    """`source`: a container's path, its frame, or (`chunk`) a compressed chunk; `keys`: the boxes
    of an array of this `shape` that are read, all of it when there are none.  Of Zarr: `codec` and
    the encoded chunks of all keys, each of `size` bytes decoded; a key has work for `most_threads`.
    """

    source: Path | bytes
    chunk: bool = False
    encode: bool = False
    shape: tuple[int, ...] = ()
    keys: list[Any] | None = None
    codec: str = ""
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    most_threads: int = 2**31 - 1


class CPlan(ctypes.Structure):
    """struct limit_plan."""

    _fields_ = [
        ("path", ctypes.c_char_p),
        ("chunk", ctypes.c_char_p),
        ("chunk_len", ctypes.c_size_t),
        ("ops", ctypes.c_int64),
        ("starts", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("encode", ctypes.c_int32),
        ("clevel", ctypes.c_int32),
        ("threads", ctypes.c_int32),
        ("codec", ctypes.c_char_p),
        ("nparts", ctypes.c_int64),
        ("parts", ctypes.c_void_p),
        ("lens", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
    ]


class CTime(ctypes.Structure):
    """struct limit_time."""

    _fields_ = [("wall", ctypes.c_double), ("cpu", ctypes.c_double)]


def boxes_of(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Starts and counts, each of shape (n, ndim), of keys of integers and slices."""
    starts, counts = [], []
    for key in plan.keys or []:
        parts = key if isinstance(key, tuple) else (key,)
        parts += (slice(None),) * (len(plan.shape) - len(parts))
        ends = [
            p.indices(n)[:2] if isinstance(p, slice) else (p, p + 1)
            for p, n in zip(parts, plan.shape, strict=True)
        ]
        starts.append([a for a, _ in ends])
        counts.append([b - a for a, b in ends])
    return np.array(starts, np.int64), np.array(counts, np.int64)


def load_module(path: str) -> ctypes.CDLL:
    deep = getattr(os, "RTLD_DEEPBIND", 0)  # it has a copy of the library of its own
    return ctypes.CDLL(path, mode=ctypes.RTLD_LOCAL | os.RTLD_NOW | deep)


class Probe:
    """Is the machine ours?  See bench/probe.h; without a module nobody can tell."""

    def __init__(self, module: str, threads: int) -> None:
        self.handle = None
        if not module:
            return
        self.lib = load_module(module)
        self.lib.probe_new.restype = ctypes.c_void_p
        self.lib.probe_quiet.argtypes = self.lib.probe_free.argtypes = [ctypes.c_void_p]
        self.lib.probe_quiet.restype = ctypes.c_bool
        self.lib.probe_wait.argtypes = [ctypes.c_void_p, ctypes.c_double]
        self.lib.probe_wait.restype = ctypes.c_double
        self.handle = self.lib.probe_new(threads)

    def quiet(self) -> bool:
        return not self.handle or self.lib.probe_quiet(self.handle)

    def wait(self, most: float) -> float:
        """Waits until it is, at most so long; the seconds waited."""
        return self.lib.probe_wait(self.handle, most) if self.handle else 0.0

    def __del__(self) -> None:
        if self.handle:
            self.lib.probe_free(self.handle)


class Limit:
    """The limit of a plan, ready to run on so many threads."""

    def __init__(self, module: str, plan: Plan, threads: int, folder: str) -> None:
        self.lib = load_module(module)
        self.lib.limit_new.restype = ctypes.c_void_p
        self.lib.limit_error.restype = ctypes.c_char_p
        self.lib.limit_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(CTime)]
        starts, counts = boxes_of(plan) if not plan.codec else (np.zeros(0), np.zeros(0))
        what = CPlan(
            ops=len(starts),
            starts=starts.ctypes.data,
            counts=counts.ctypes.data,
            encode=plan.encode,
            clevel=CLEVEL,
            threads=min(threads, plan.most_threads),
        )
        kept = self.add_parts(what, plan) if plan.codec else None
        with tempfile.TemporaryDirectory(dir=folder) as place:
            if plan.codec:
                pass
            elif plan.chunk:
                what.chunk, what.chunk_len = plan.source, len(plan.source)
            else:
                what.path = os.fsencode(self.as_file(plan.source, Path(place)))
            self.handle = self.lib.limit_new(ctypes.byref(what))
        del kept
        if not self.handle:
            raise RuntimeError(self.lib.limit_error().decode())

    @staticmethod
    def add_parts(what: CPlan, plan: Plan) -> tuple[Any, Any]:
        """What must live as long as `what`."""
        n = len(plan.parts)
        parts = (ctypes.c_char_p * n)(*plan.parts)
        lens = (ctypes.c_size_t * n)(*map(len, plan.parts))
        what.codec, what.nparts, what.size = plan.codec.encode(), n, plan.size
        what.parts, what.lens = ctypes.addressof(parts), ctypes.addressof(lens)
        what.ops, what.clevel = len(plan.keys or [0]), ZSTD_LEVEL
        return parts, lens

    @staticmethod
    def as_file(source: Path | bytes, place: Path) -> Path:
        if isinstance(source, Path):
            return source
        (path := place / "frame").write_bytes(source)
        return path

    def sample(self) -> dict[str, float]:
        """Seconds per operation."""
        took = CTime()
        if self.lib.limit_run(self.handle, ctypes.byref(took)) < 0:
            raise RuntimeError("the limit cannot be run")
        return {"wall": took.wall, "cpu": took.cpu}


def memcpy_rate(threads: int) -> float:
    """Bytes per second of copies of 64 MiB, the best of 15."""
    size = 64 << 20
    src, dst = np.ones(size, "u1"), np.zeros(size, "u1")
    part, best = size // threads, math.inf

    def copy(i: int) -> None:
        ctypes.memmove(dst.ctypes.data + i * part, src.ctypes.data + i * part, part)

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(15):
            begin = time.perf_counter()
            list(pool.map(copy, range(threads)))
            best = min(best, time.perf_counter() - begin)
    return size / best
