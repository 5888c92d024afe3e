#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Tessera and python-blosc2 read and write one frame, in turns and at once, with the locks of
c-blosc2 (blosc2.md 12); contiguous and sparse.

Each program is a process of its own.  Writers at once append rows that tell who wrote them: all
must be there in the end, once.  Readers at once must find every item of an array the same, as
each writer sets all of them under one lock."""
import multiprocessing
import os
import sys
import tempfile
import time

os.environ["BLOSC_LOCKING"] = "1"  # before either library asks

import blosc2
import numpy as np

import tsr
from tally import Tally

ROWS, COLS, WRITERS, TURNS = 30, 24, 2, 12
SIDE, FLUSHES, READS = 40, 40, 60

t = Tally()


class Ours:
    """A handle of Tessera; a change is seen by others when append or fill returns."""

    def __init__(self, path):
        self.a = tsr.Array.open(path, "r+", locking=True)

    def append(self, row):
        self.a.append(0, row.tobytes())
        self.a.flush()

    def fill(self, value):
        self.a.write(np.full(self.a.shape, value, "<i4").tobytes())
        self.a.flush()

    def attr(self, name, value):
        self.a.attr_set(name, value)
        self.a.flush()

    def read(self):
        self.a.refresh()
        return np.frombuffer(self.a.read(), "<i4").reshape(self.a.shape)

    def attrs(self):
        self.a.refresh()
        return self.a.attrs


class Theirs:
    """A handle of python-blosc2."""

    def __init__(self, path):
        self.a = blosc2.open(path, mode="a")

    def append(self, row):
        with self.a.holding_lock():
            n = self.a.shape[0]
            self.a.resize((n + 1, self.a.shape[1]))
            self.a[n] = row

    def fill(self, value):
        with self.a.holding_lock():
            self.a[:] = np.full(self.a.shape, value, "<i4")

    def attr(self, name, value):
        with self.a.holding_lock():
            self.a.schunk.vlmeta[name] = value

    def read(self):
        with self.a.holding_lock():
            self.a.refresh()
            return self.a[:]

    def attrs(self):
        with self.a.holding_lock():
            self.a.refresh()
            return dict(self.a.schunk.vlmeta[:])


def serve(kind, path, pipe):
    """A process that does what it is told, one call at a time."""
    handle = kind(path)
    while True:
        name, args = pipe.recv()
        if name is None:
            return
        pipe.send(getattr(handle, name)(*args))


class Process:
    def __init__(self, kind, path):
        self.pipe, end = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=serve, args=(kind, path, end), daemon=True)
        self.process.start()
        end.close()

    def __getattr__(self, name):
        def call(*args):
            self.pipe.send((name, args))
            return self.pipe.recv()
        return call

    def stop(self):
        self.pipe.send((None, ()))
        self.process.join(20)


def create(path, ours, sparse, shape, chunks):
    if ours:
        with tsr.Array.create(path, "<i4", shape, chunks, chunks, sparse=sparse, locking=True):
            return
    blosc2.zeros(shape, "<i4", chunks=chunks, blocks=chunks, urlpath=path, contiguous=not sparse,
                 mode="w")


def turns(path, what):
    """One after the other, each in its process, with handles that stay open."""
    one, two = Process(Ours, path), Process(Theirs, path)
    rows = []
    for k in range(TURNS):
        row = np.full(COLS, k, "<i4")
        rows.append(row)
        (two if k % 2 else one).append(row)
        for name, p in (("ours", one), ("theirs", two)):
            t.check(np.array_equal(p.read(), rows), f"{what}: {name} after turn {k}")
        (one if k % 2 else two).attr(f"k{k % 3}", k)
        found = one.attrs().get(f"k{k % 3}"), two.attrs().get(f"k{k % 3}")
        t.same(found, (k, k), f"{what}: vlmeta after turn {k}")
    one.stop()
    two.stop()


def append_many(kind, path, who):
    handle = kind(path)
    for k in range(ROWS):
        handle.append(np.full(COLS, who * ROWS + k, "<i4"))


def fill_many(kind, path, who):
    handle = kind(path)
    for k in range(FLUSHES):
        handle.fill(2 * k + who)


def read_many(kind, path, failures):
    handle = kind(path)
    for _ in range(READS):
        got = handle.read()
        if got.min() != got.max():
            failures.put(f"{kind.__name__}: {got.min()} and {got.max()}")


def run_all(jobs):
    processes = [multiprocessing.Process(target=f, args=args) for f, *args in jobs]
    for p in processes:
        p.start()
    for p in processes:
        p.join(120)
    codes = [p.exitcode for p in processes]
    for p in processes:
        if p.is_alive():
            p.kill()
    return codes


def at_once(path, what):
    kinds = [Ours, Theirs] * WRITERS
    codes = run_all([(append_many, k, path, i) for i, k in enumerate(kinds)])
    t.same(codes, [0] * len(kinds), f"{what}: exit codes of writers at once")
    for kind in (Ours, Theirs):
        got = kind(path).read()
        t.check((got == got[:, :1]).all(), f"{what}: rows are whole for {kind.__name__}")
        t.same(sorted(got[:, 0].tolist()), list(range(ROWS * len(kinds))),
               f"{what}: every row is there once for {kind.__name__}")


def beside(path, what):
    failures = multiprocessing.Queue()
    codes = run_all([(fill_many, Ours, path, 0), (fill_many, Theirs, path, 1),
                     (read_many, Ours, path, failures), (read_many, Theirs, path, failures)])
    t.same(codes, [0] * 4, f"{what}: exit codes of readers beside writers")
    t.check(failures.empty(), f"{what}: readers see one state",
            lambda: "; ".join(failures.get() for _ in range(min(failures.qsize(), 3))))


def main():
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for sparse in (False, True):
            for ours in (True, False):
                what = f"{'sparse' if sparse else 'contiguous'}, made by {'us' if ours else 'them'}"
                path = os.path.join(folder, f"{'s' if sparse else 'c'}{int(ours)}")
                with t.case(what):
                    create(path + "-turns.b2nd", ours, sparse, (0, COLS), (4, COLS))
                    turns(path + "-turns.b2nd", what)
                    create(path + "-once.b2nd", ours, sparse, (0, COLS), (4, COLS))
                    at_once(path + "-once.b2nd", what)
                    create(path + "-beside.b2nd", ours, sparse, (SIDE, SIDE), (10, 10))
                    beside(path + "-beside.b2nd", what)
    print(f"note: {time.monotonic() - start:.1f} s")
    print(f"{t.passed} passed, {t.failed} failed")
    return t.failed != 0


if __name__ == "__main__":
    sys.exit(main())
