#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A writer is killed at random moments; the file is then always a state that was flushed.

The writer appends, writes and resizes, flushes after each step, and reports the number of every
finished flush on a pipe.  Steps are a function of seed and number, so NumPy can follow.  After
SIGKILL, Tessera and python-blosc2 must both read the state last reported or the next one (whose
flush was done but not yet told).  The survivor is the next writer's file: what a dead writer
left behind in it must not matter."""
import os
import random
import select
import signal
import sys
import tempfile
import time

import blosc2
import numpy as np

import tsr
from tally import Tally

KILLS = int(os.environ.get("TESSERA_KILLS", 100))
SEED = int(os.environ.get("TESSERA_SEED", 2026))
FRESH = 20              # kills until a new file is begun
SHAPE, CHUNKS, BLOCKS = (20, 30), (8, 16), (4, 8)
STEPS = [("shuffle", None), ("lz4", "clevel=5")]

t = Tally()


def step(number, shape):
    """What step `number` does to an array of that shape: ("append" | "write" | "resize", ...)."""
    rng = np.random.default_rng((SEED, number))
    kind = rng.integers(4)
    if kind == 0 and shape[0] < 200:
        rows = int(rng.integers(1, 12))
        return "append", rng.integers(0, 50, (rows, shape[1])).astype("<i4")
    if kind == 1:
        return "resize", (int(rng.integers(5, 120)), int(rng.integers(5, 40)))
    start = [int(rng.integers(0, n)) for n in shape]
    count = [int(rng.integers(1, n - s + 1)) for n, s in zip(shape, start)]
    return "write", start, rng.integers(0, 50, count).astype("<i4")


def apply(model, number):
    what = step(number, model.shape)
    if what[0] == "append":
        return np.concatenate([model, what[1]])
    if what[0] == "resize":
        new = np.zeros(what[1], model.dtype)
        box = tuple(slice(0, min(a, b)) for a, b in zip(what[1], model.shape))
        new[box] = model[box]
        return new
    new = model.copy()
    new[tuple(slice(s, s + n) for s, n in zip(what[1], what[2].shape))] = what[2]
    return new


def write_steps(url, number, report):
    """The writer: never returns.  Steps after `number`, the current state of the file."""
    if number == 0:
        a = tsr.Array.create(url, "<i4", SHAPE, CHUNKS, BLOCKS, STEPS)
        a.attr_set("state", 0)
        a.flush()
    else:
        a = tsr.Array.open(url, "r+")
    os.write(report, number.to_bytes(4, "little"))
    while True:
        number += 1
        what = step(number, a.shape)
        if what[0] == "append":
            a.append(0, what[1].tobytes())
        elif what[0] == "resize":
            a.resize(what[1])
        else:
            a.write(what[2].tobytes(), what[1], what[2].shape)
        if number % 5 == 0:
            a.attr_set("state", number)
        a.flush()
        os.write(report, number.to_bytes(4, "little"))


def run_and_kill(url, number, rnd):
    """The number of the last reported state (-1: none), and whether the writer was alive."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            write_steps(url, number, writer)
        except BaseException as e:
            print(f"the writer failed: {e}", flush=True)
        os._exit(1)
    os.close(writer)
    # half of the time the kill is as likely during opening as during a flush
    if rnd.random() < 0.8:
        select.select([reader], [], [], 10)
    time.sleep(rnd.random() ** 2 * 0.02)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    told = b""
    while part := os.read(reader, 1 << 16):
        told += part
    os.close(reader)
    last = int.from_bytes(told[-4:], "little") if told else -1
    return last, os.WIFSIGNALED(status)


def state_of(found, last, states):
    """Which of the states it may be is this one; None: neither."""
    for number in (last, last + 1):
        model = states(number)
        if found.shape == model.shape and np.array_equal(found, model):
            return number
    return None


class States:
    """The models by number, of one file; only the newest are kept."""

    def __init__(self):
        self.known = {0: np.zeros(SHAPE, "<i4")}

    def __call__(self, number):
        at = max(n for n in self.known if n <= number)
        while at < number:
            self.known[at + 1] = apply(self.known[at], at + 1)
            at += 1
        return self.known[number]

    def forget(self, number):
        self.known = {n: m for n, m in self.known.items() if n >= number}


def one_kill(i, url, number, states, rnd):
    """Returns the state the file is in afterwards; -1: there is none yet."""
    last, killed = run_and_kill(url, number, rnd)
    what = f"kill {i} after state {last}"
    t.check(killed, f"{what}: the writer was alive", "it had ended by itself")
    if last < 0 and number == 0 and not os.path.exists(url):
        return -1
    last = max(last, number)
    with tsr.Array.open(url) as a:
        found = np.frombuffer(a.read(), "<i4").reshape(a.shape)
        told = a.attrs.get("state")
    state = state_of(found, last, states)
    if not t.check(state is not None, f"{what}: tessera reads it or the next state",
                   f"shape {found.shape}, expected {states(last).shape} or "
                   f"{states(last + 1).shape}"):
        return None
    t.same(told, state // 5 * 5, f"{what}: the attribute is of the same state")
    b = blosc2.open(url, mode="r")
    t.check(b.shape == found.shape and np.array_equal(b[...], found), f"{what}: blosc2 agrees",
            f"shape {b.shape}, expected {found.shape}")
    t.counts["states after a kill"] += 1
    t.counts["flushed but not reported"] += state > last
    t.counts["flushes of killed writers"] += state - number
    return state


def main():
    rnd = random.Random(SEED)
    blosc2.set_nthreads(1)
    with tempfile.TemporaryDirectory(prefix="tessera-kill-") as folder:
        number, states, url = 0, States(), None
        for i in range(KILLS):
            if i % FRESH == 0:
                number, states, url = 0, States(), os.path.join(folder, f"{i}.b2nd")
            with t.case(f"kill {i}"):
                state = one_kill(i, url, number, states, rnd)
                if state is None:
                    return t.finish()
                number = max(state, 0)
                states.forget(number)
        left = [n for n in os.listdir(folder) if not n.endswith(".b2nd")]
        print(f"note: {len(left)} temporary files of killed writers are left")
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
