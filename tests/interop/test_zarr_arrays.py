#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Arrays that the program makes are read by zarr-python, and arrays of zarr-python are changed by
the program and read by zarr-python again."""
import itertools
import os
import subprocess
import sys
import tempfile

from zarr_serve import run_in_peer

from tally import Tally

if not run_in_peer():
    print("skipped: zarr could not be had from PyPI")
    sys.exit(print("0 passed, 0 failed"))

import numpy as np  # noqa: E402
import zarr  # noqa: E402

t = Tally()
PROGRAM = os.environ.get("TESSERA", "build/tessera")
THREE = int(zarr.__version__.split(".")[0]) >= 3
rng = np.random.default_rng(6)


def run(*args):
    """Runs the program; its output."""
    done = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def text(shape):
    """A shape as the program takes it."""
    return ",".join(map(str, shape))


def items(shape, dtype):
    """Random items of a dtype, a third of them zeros."""
    a = np.frombuffer(rng.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).copy()
    if np.dtype(dtype).kind == "f":
        a = rng.standard_normal(a.shape).astype(dtype)
    a[: len(a) // 3] = 0
    return a.reshape(shape)


def same(a, b):
    """Are the bits of two arrays equal?"""
    return np.asarray(a).astype(b.dtype).tobytes() == b.tobytes()


def ours(folder, fmt, dtype, layout, options):
    """An array of ours, written in two parts, as zarr-python reads it."""
    chunks, blocks = layout
    path = f"{folder}/{t.passed + t.failed}.zarr"
    a = items((23, 17), dtype)
    raw = f"{folder}/a.raw"
    run("create", path, "--format", fmt, "--shape", "23,17", "--dtype", dtype,
        "--chunks", text(chunks), "--blocks", text(blocks), *options)
    a[:10].tofile(raw)
    run("set", path, "-s", "0:10", raw)
    a[10:].tofile(raw)
    run("set", path, "-s", "10:23", raw)
    got = zarr.open_array(path, mode="r")
    t.check(same(got[...], a), f"{fmt} {dtype} {layout} {options}: zarr-python reads others")
    got = np.frombuffer(run("get", path, "-o", "-"), dtype).reshape(a.shape)
    t.check(same(got, a), f"{fmt} {dtype} {layout} {options}: read back otherwise")


def theirs(folder, fmt, dtype, chunks, shards):
    """An array of zarr-python in which the program changes a box."""
    path = f"{folder}/t{t.passed + t.failed}.zarr"
    a = items((23, 17), dtype)
    more = {"shards": shards} if shards else {}
    z = zarr.create_array(path, shape=a.shape, dtype=dtype, chunks=chunks, zarr_format=fmt, **more)
    z[...] = a
    box = items((5, 6), dtype)
    box.tofile(f"{folder}/box.raw")
    run("set", path, "-s", "9:14,3:9", f"{folder}/box.raw")
    a[9:14, 3:9] = box
    t.check(same(zarr.open_array(path, mode="r")[...], a), f"theirs {fmt} {dtype} {chunks} {shards}")
    got = np.frombuffer(run("get", path, "-o", "-"), dtype).reshape(a.shape)
    t.check(same(got, a), f"theirs {fmt} {dtype} {chunks} {shards}: read back otherwise")


with tempfile.TemporaryDirectory() as folder:
    dtypes = ["|i1", "<i4", "<u8", "<f4", "<f8"]
    layouts = [((8, 6), (8, 6)), ((8, 6), (4, 3)), ((30, 20), (10, 4))]
    codecs = [[], ["--codec", "lz4", "--filter", "shuffle"],
              ["--codec", "zstd", "--filter", "bitshuffle"], ["--codec", "zlib", "--filter", "none"]]
    for dtype, layout, options in itertools.product(dtypes, layouts, codecs):
        if THREE:
            ours(folder, "zarr3", dtype, layout, options)
        if layout[0] == layout[1]:
            ours(folder, "zarr2", dtype, layout, options)
    for dtype in dtypes if THREE else []:
        theirs(folder, 2, dtype, (8, 6), None)
        theirs(folder, 3, dtype, (8, 6), None)
        theirs(folder, 3, dtype, (4, 3), (8, 6))
        theirs(folder, 3, dtype, (10, 4), (30, 20))

sys.exit(t.finish())
