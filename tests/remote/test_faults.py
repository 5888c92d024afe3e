#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_faults.py PROGRAM TOOL [SEEDS] - arrays behind a proxy that does harm at random: what is read is
right, or there is a clear error within the time that is allowed; it is never wrong.

Seeds run from 0 on, $TESSERA_FAULT_SEEDS of them for each kind of array (else 12)."""
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import mosaic
from proxy import Chaos, Proxy
from remote import PROGRAM, clean_env, run_all, tessera
from s3server import ENV, S3
from test_http import made
from webserver import Site

SEEDS = int(os.environ.get("TESSERA_FAULT_SEEDS", "12"))
QUICK = {"TESSERA_PAUSE": "10", "TESSERA_TIMEOUT": "1", "TESSERA_TRIES": "4"}
SLICES = ["...", "0,0", "17:60,3:90", ":,41", "150:,50:"]
CLEAR = {1, 5, 7}  # an answer that cannot be, tries that did not help, another object
ALLOWED = 60
AT_ONCE = 4  # seeds: most of the time is spent waiting


def sequence(files, start):
    """A fault that puts the other state of a file in its place, for good."""
    def changed(site, request, reply):
        start["now"] ^= 1
        for path, states in files.items():
            start["site"].files[path] = states[start["now"]]
        return site.answer(request, b"")
    return changed


def attempt(url, text, env, right):
    """"right", or the words of a clear error."""
    begin = time.monotonic()
    run = subprocess.run([PROGRAM, "get", url, "-s", text, "-o", "-"], capture_output=True,
                         timeout=300, env=clean_env(**env, **QUICK))
    took, err = time.monotonic() - begin, run.stderr.decode()
    assert took < ALLOWED, f"[{text}] took {took:.1f} s: {err}"
    if run.returncode == 0:
        assert run.stdout in right, f"[{text}] is wrong"
        return "right"
    assert run.returncode in CLEAR and err.startswith("tessera: get: "), (run.returncode, err)
    for what in ("changed", "tries", "answered bytes", "asks to wait", "Content-Range"):
        if what in err:
            return what
    raise AssertionError(f"[{text}]: not clear: {err}")


def storm(name, files, url_of, local, changes, env=None):
    """files: path -> its states; local: paths of arrays in them."""
    right = {text: [tessera("get", path, "-s", text, "-o", "-")[0] for path in local]
             for text in SLICES}
    ends, happened = Counter(), Counter()
    kind = S3 if env else Site

    def seeded(seed):
        with kind() as site, Proxy(site.url) as proxy:
            site.files = {path: states[0] for path, states in files.items()}
            start = {"now": 0, "site": site}
            extra = [("changed", sequence(files, start))] if changes else []
            proxy.always = Chaos(seed, 0.25, extra)
            more = {**env, "AWS_ENDPOINT_URL": proxy.url} if env else {}
            # where it changes, what is read is of either state, as a whole
            seen = [attempt(url_of(proxy), text, more, right[text]) for text in SLICES]
            return seen, proxy.always.happened

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for seen, faults in pool.map(seeded, range(SEEDS)):
            ends.update(seen)
            happened.update(faults)
    print(f"note: {name}, {SEEDS} seeds of {len(SLICES)} slices: ended {dict(ends)}; "
          f"faults {dict(happened)}")
    assert ends["right"] > 0 and happened.total() > 0


def two_files(folder):
    one, _ = made(folder, shape=(1000, 600), chunks="200,100")
    path = os.path.join(folder, "other.b2nd")
    tessera("convert", os.path.join(folder, "x.b2nd"), os.path.join(folder, "y.npy"))
    with open(os.path.join(folder, "y.npy"), "rb") as f:
        data = f.read()
    with open(os.path.join(folder, "y.npy"), "wb") as f:
        f.write(data[:128] + bytes(b ^ 0x55 for b in data[128:]))
    tessera("convert", os.path.join(folder, "y.npy"), path, "--chunks", "150,200")
    with open(path, "rb") as f:
        return one, f.read(), [os.path.join(folder, "x.b2nd"), path]


def blosc2_files_over_http():
    with tempfile.TemporaryDirectory() as folder:
        one, _, local = two_files(folder)
        storm("b2nd over HTTP", {"/x.b2nd": [one]}, lambda p: p.url + "/x.b2nd", local[:1], False)


def blosc2_files_over_http_that_change():
    with tempfile.TemporaryDirectory() as folder:
        one, other, local = two_files(folder)
        storm("b2nd over HTTP, changing", {"/x.b2nd": [one, other]}, lambda p: p.url + "/x.b2nd",
              local, True)


def blosc2_files_on_s3():
    with tempfile.TemporaryDirectory() as folder:
        one, other, local = two_files(folder)
        storm("b2nd on S3, changing", {"/bucket/x.b2nd": [one, other]},
              lambda p: "s3://bucket/x.b2nd", local, True, ENV)


def tree_of(folder, name, shard, seed):
    """A Zarr array of (200, 100) in a folder, as path -> bytes."""
    root = os.path.join(folder, name)
    shards = [(i, j) for i in range(200 // shard[0]) for j in range(100 // shard[1])]
    mosaic.write(root, [200, 100], shard, [20, 10], shards, seed)
    files = {}
    for where, _, names in os.walk(root):
        for n in names:
            path = os.path.join(where, n)
            with open(path, "rb") as f:
                files["/z.zarr/" + os.path.relpath(path, root)] = f.read()
    return files, root


def zarr_shards_over_http():
    with tempfile.TemporaryDirectory() as folder:
        files, root = tree_of(folder, "a.zarr", [100, 50], 0)
        storm("sharded Zarr over HTTP", {k: [v] for k, v in files.items()},
              lambda p: p.url + "/z.zarr", [root], False)


def zarr_shards_that_change():
    """One shard, so that each read must be of one of its states as a whole."""
    with tempfile.TemporaryDirectory() as folder:
        one, root = tree_of(folder, "a.zarr", [200, 100], 0)
        other, second = tree_of(folder, "b.zarr", [200, 100], 1)
        storm("one shard of Zarr over HTTP, changing", {k: [one[k], other[k]] for k in one},
              lambda p: p.url + "/z.zarr", [root, second], True)


def zarr_shards_on_s3():
    with tempfile.TemporaryDirectory() as folder:
        one, root = tree_of(folder, "a.zarr", [200, 100], 0)
        other, second = tree_of(folder, "b.zarr", [200, 100], 1)
        storm("one shard of Zarr on S3, changing",
              {"/bucket" + k: [one[k], other[k]] for k in one},
              lambda p: "s3://bucket/z.zarr", [root, second], True, ENV)


if __name__ == "__main__":
    sys.exit(run_all([blosc2_files_over_http, blosc2_files_over_http_that_change,
                      blosc2_files_on_s3, zarr_shards_over_http, zarr_shards_that_change,
                      zarr_shards_on_s3]))
