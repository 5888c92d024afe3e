#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Chunks of any size and blocks of variable length, both ways with python-blosc2.

ObjectArray keeps an object per chunk and BatchArray a batch of items in the blocks of one.  Each
library reads what the other wrote, chunk by chunk, block by block and as one run of bytes; then
the two take turns on one file, contiguous and sparse, and a list says what must be there.  Old
versions and marks of big-endian writers are headers of today's chunks with other numbers in them,
which both must read alike."""
import os
import random
import shutil
import struct
import tempfile
from pathlib import Path

import blosc2
import msgpack
import numpy as np

import tsr
from tally import Tally

LIVES = int(os.environ.get("TESSERA_LIVES", "40"))
STEPS = 14
CODECS = [blosc2.Codec.BLOSCLZ, blosc2.Codec.LZ4, blosc2.Codec.LZ4HC, blosc2.Codec.ZLIB,
          blosc2.Codec.ZSTD]
OBJECT_META = {"vlarray": msgpack.packb({"version": 1, "serializer": "msgpack"})}
BATCH_META = {"batcharray": msgpack.packb({"version": 1, "serializer": "msgpack",
                                           "items_per_block": 3, "arrow_schema": None})}

t = Tally()


def some_object(r):
    kind = r.randrange(6)
    if kind == 0:
        return "".join(r.choice("abc ") for _ in range(r.randrange(1, 4000)))
    if kind == 1:
        return {str(k): r.randrange(1 << 30) for k in range(r.randrange(50))}
    if kind == 2:
        return bytes(r.randrange(1, 60000))
    if kind == 3:
        return [r.random() for _ in range(r.randrange(500))]
    return r.choice([0, "", None, True, -5, [[]], b"\0" * 200])


def remove(url):
    if os.path.isdir(url):
        shutil.rmtree(url)
    elif os.path.exists(url):
        os.remove(url)


def check_bytes(s, chunks, what):
    """All of it by chunk and by position."""
    t.same([s.chunk_bytes(i) for i in range(s.nchunks)], [len(c) for c in chunks],
           f"{what}: sizes")
    t.same([s.read_chunk(i) for i in range(s.nchunks)], chunks, f"{what}: chunks")
    t.same(s.read(), b"".join(chunks), f"{what}: bytes")


# ---- one writes, the other reads ----

def objects(folder, contiguous):
    r = random.Random(1)
    for codec in CODECS:
        url = str(folder / "objects.b2frame")
        remove(url)
        values = [some_object(r) for _ in range(20)]
        theirs = blosc2.ObjectArray(urlpath=url, mode="w", contiguous=contiguous,
                                    cparams={"codec": codec})
        theirs.extend(values)
        del theirs[3], values[3]
        theirs.insert(5, "inserted")
        values.insert(5, "inserted")
        what = f"ObjectArray, {codec.name}, contiguous {contiguous}"
        with tsr.Schunk.open(url) as s:
            t.check(s.spec.variable, f"{what}: variable")
            check_bytes(s, [theirs.schunk.decompress_chunk(i)
                            for i in range(theirs.schunk.nchunks)], what)
        remove(url)
        steps = [("shuffle", None), (codec.name.lower(), "clevel=4")]
        with tsr.Schunk.create(url, variable=True, steps=steps, metas=OBJECT_META,
                               sparse=not contiguous) as s:
            for v in values:
                s.append(msgpack.packb(v))
        t.same(list(blosc2.open(url, mode="r")), values, f"{what}, written by us")


def batches(folder, contiguous):
    r = random.Random(2)
    for codec in CODECS:
        for use_dict in (False, True):
            if use_dict and codec not in (blosc2.Codec.ZSTD, blosc2.Codec.LZ4, blosc2.Codec.LZ4HC):
                continue
            batch(folder, contiguous, r, codec, use_dict)


def batch(folder, contiguous, r, codec, use_dict):
    url = str(folder / "batches.b2frame")
    remove(url)
    values = [[some_object(r) for _ in range(r.randrange(1, 60))] for _ in range(6)]
    theirs = blosc2.BatchArray(urlpath=url, mode="w", contiguous=contiguous, items_per_block=3,
                               cparams={"codec": codec, "use_dict": use_dict, "clevel": 5})
    theirs.extend(values)
    what = f"BatchArray, {codec.name}, dict {use_dict}, contiguous {contiguous}"
    sc = theirs.schunk
    with tsr.Schunk.open(url) as s:
        for i in range(s.nchunks):
            n = s.vlblocks(i)
            t.same(n, -(-len(values[i]) // 3), f"{what}: blocks of chunk {i}")
            t.same([s.read_vlblock(i, b) for b in range(n)],
                   [sc.get_vlblock(i, b) for b in range(n)], f"{what}: chunk {i} by blocks")
        check_bytes(s, [b"".join(sc.get_vlblock(i, b) for b in range(s.vlblocks(i)))
                        for i in range(s.nchunks)], what)
    if use_dict:
        return
    remove(url)
    steps = [("shuffle", None), (codec.name.lower(), "clevel=5")]
    with tsr.Schunk.create(url, variable=True, steps=steps, metas=BATCH_META,
                           sparse=not contiguous) as s:
        for v in values:
            s.append_vlblocks([msgpack.packb(v[k:k + 3]) for k in range(0, len(v), 3)])
    t.same([list(b) for b in blosc2.open(url, mode="r")], values, f"{what}, written by us")


def chunks_alone():
    """Chunks in memory."""
    r = random.Random(3)
    for codec in CODECS:
        for item in (1, 4, 8):
            blocks = [r.randbytes(r.randrange(1, 900)) + bytes(r.randrange(900))
                      for _ in range(r.randrange(1, 40))]
            what = f"VL chunk, {codec.name}, items of {item}"
            chunk = tsr.compress_vlblocks(blocks, item, [("shuffle", None),
                                                         (codec.name.lower(), None)])
            t.same(blosc2.blosc2_ext.vldecompress(chunk), blocks, f"{what}: of ours")
            theirs = blosc2.blosc2_ext.vlcompress(blocks, codec=codec, typesize=item)
            t.same(tsr.decompress(theirs), b"".join(blocks), f"{what}: of theirs")


def specials(folder, contiguous):
    """Chunks of one value have no entry of their own in such frames, so they are stored."""
    url = str(folder / "specials.b2frame")
    values = [bytes(40000), np.full(3000, 7, "<i4").tobytes(), np.full(500, np.nan, "<f4").tobytes(),
              np.arange(700, dtype="<i4").tobytes(), bytes(4)]
    for compressed in (False, True):
        remove(url)
        with tsr.Schunk.create(url, item_bytes=4, variable=True, sparse=not contiguous) as s:
            for v in values:
                if compressed:
                    s.append_compressed(tsr.compress(v, 4))
                else:
                    s.append(v)
        theirs = blosc2.open(url, mode="a")
        what = f"specials, compressed {compressed}, contiguous {contiguous}"
        t.same([theirs.decompress_chunk(i) for i in range(theirs.nchunks)], values, what)
        theirs.append_data(np.arange(9, dtype="<i4"))
        theirs.delete_chunk(3)
        now = values[:3] + values[4:] + [np.arange(9, dtype="<i4").tobytes()]
        with tsr.Schunk.open(url) as s:
            check_bytes(s, now, f"{what}, changed by them")


# ---- turns ----

def open_ours(url, mode):
    return tsr.Schunk.open(url, mode)


def our_turn(url, r, model):
    with open_ours(url, "r+") as s:
        s.make_variable()
        for _ in range(r.randrange(1, 4)):
            v, n = some_object(r), len(model)
            i = r.randrange(n + 1)
            what = r.randrange(4) if n else 0
            if what == 0:
                s.append(msgpack.packb(v))
                model.append(v)
            elif what == 1:
                s.insert_chunk(i, msgpack.packb(v))
                model.insert(i, v)
            elif what == 2:
                s.update_chunk(i % n, msgpack.packb(v))
                model[i % n] = v
            else:
                s.delete_chunk(i % n)
                del model[i % n]
        chunks = [msgpack.packb(v) for v in model]
        t.same([s.read_chunk(i) for i in range(s.nchunks)], chunks, "turns: ours, before closing")


def their_turn(url, r, model):
    a = blosc2.open(url, mode="a")
    for _ in range(r.randrange(1, 4)):
        v, n = some_object(r), len(model)
        i = r.randrange(n + 1)
        what = r.randrange(4) if n else 0
        if what == 0:
            a.append(v)
            model.append(v)
        elif what == 1:
            a.insert(i, v)
            model.insert(i, v)
        elif what == 2:
            a[i % n] = v
            model[i % n] = v
        else:
            del a[i % n]
            del model[i % n]


def life(folder, seed):
    r = random.Random(seed)
    url, model = str(folder / "turns.b2frame"), []
    contiguous = r.random() < 0.5
    remove(url)
    if r.random() < 0.5:
        blosc2.ObjectArray(urlpath=url, mode="w", contiguous=contiguous)
    else:
        tsr.Schunk.create(url, variable=True, metas=OBJECT_META, sparse=not contiguous).close()
    for step in range(STEPS):
        (our_turn if r.random() < 0.5 else their_turn)(url, r, model)
        what = f"life {seed}, step {step}, contiguous {contiguous}"
        t.same(list(blosc2.open(url, mode="r")), model, f"{what}: theirs")
        with open_ours(url, "r") as s:
            t.same(s.read(), b"".join(map(msgpack.packb, model)), f"{what}: ours")


# ---- old versions and marks ----

def old_headers():
    """Versions 3 to 6 and the big-endian mark change nothing that either reads."""
    data = np.arange(5000, dtype="<i4").tobytes()
    chunk = bytearray(tsr.compress(data, 4, [("shuffle", None), ("zstd", None)]))
    for version in range(3, 7):
        for mark in (0, 2):
            changed = bytearray(chunk)
            changed[0], changed[31] = version, changed[31] | mark
            if version == 3:  # slot 5 was not initialised then, and is no filter (2.3)
                plain = bytearray(tsr.compress(data, 4, [("lz4", None)]))
                plain[0], plain[21], plain[29], plain[31] = 3, 1, 77, plain[31] | mark
                changed = plain
            what = f"version {version}, mark {mark}"
            t.same(tsr.decompress(changed), data, f"{what}: ours")
            t.same(blosc2.decompress2(bytes(changed)), data, f"{what}: theirs")
    t.check(struct.unpack("<i", chunk[4:8])[0] == len(data), "nbytes are little endian")


def main():
    with tempfile.TemporaryDirectory(prefix="tessera-variable-") as name:
        folder = Path(name)
        for contiguous in (True, False):
            with t.case(f"objects, contiguous {contiguous}"):
                objects(folder, contiguous)
            with t.case(f"specials, contiguous {contiguous}"):
                specials(folder, contiguous)
            with t.case(f"batches, contiguous {contiguous}"):
                batches(folder, contiguous)
        with t.case("chunks alone"):
            chunks_alone()
        for seed in range(LIVES):
            with t.case(f"life {seed}"):
                life(folder, seed)
        with t.case("old headers"):
            old_headers()
    return t.finish()


if __name__ == "__main__":
    raise SystemExit(main())
