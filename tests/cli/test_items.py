#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_items.py PROGRAM - Zarr arrays of text and bytes of any length in the program: hashed,
compared, told of and printed."""
import json
import os
import struct
import sys

from cli import run_all, tessera

P = 0x3243f6a8885a308d313198a2e0374bf
WORDS = ["", "a", "zarr", "naïve", "\U0001f600", 'a "quoted" text, with\nlines', "x" * 300]


def row(items):
    return b"".join(struct.pack("<I", len(x)) + x for x in items)


def chunk(items):
    return struct.pack("<I", len(items)) + row(items)


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else json.dumps(data).encode())


def boxes(shape, chunks):
    return [(i, j) for i in range(-(-shape[0] // chunks[0])) for j in range(-(-shape[1] // chunks[1]))]


def items_of(rows, chunks, i, j):
    """Chunk (i, j) of rows of items, padded with empty ones."""
    at = lambda y, x: rows[y][x] if y < len(rows) and x < len(rows[0]) else b""
    return [at(y, x) for y in range(i * chunks[0], (i + 1) * chunks[0])
            for x in range(j * chunks[1], (j + 1) * chunks[1])]


def save2(url, rows, chunks, text=True):
    shape = [len(rows), len(rows[0])]
    put(f"{url}/.zarray", {"zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": "|O",
                           "compressor": None, "fill_value": "" if text else None, "order": "C",
                           "filters": [{"id": "vlen-utf8" if text else "vlen-bytes"}]})
    for i, j in boxes(shape, chunks):
        put(f"{url}/{i}.{j}", chunk(items_of(rows, chunks, i, j)))


def save3(url, rows, chunks, text=True):
    shape = [len(rows), len(rows[0])]
    put(f"{url}/zarr.json", {
        "zarr_format": 3, "node_type": "array", "shape": shape, "attributes": {},
        "data_type": "string" if text else "bytes", "fill_value": "" if text else [],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "vlen-utf8" if text else "vlen-bytes"}]})
    for i, j in boxes(shape, chunks):
        put(f"{url}/c/{i}/{j}", chunk(items_of(rows, chunks, i, j)))


def sample(height=7, width=5):
    return [[WORDS[(3 * y + x) % len(WORDS)].encode() for x in range(width)] for y in range(height)]


def digest(rows, dtype, attrs=None):
    """The definition of docs/hash.md."""
    lines = [dtype, [len(rows), len(rows[0])]] + ([attrs] if attrs is not None else [])
    head = "tessera hash 1\n" + "".join(
        json.dumps(x, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
        for x in lines)
    n = int.from_bytes(head.encode() + b"".join(row(r) for r in rows), "little")
    return f"{n % P:032x}"


def hash_of(url, *args):
    return tessera("hash", url, *args)[0].decode().split()[0]


def digests_are_of_dtype_shape_and_items_alone():
    rows = sample()
    for k, (save, chunks) in enumerate([(save2, [3, 2]), (save2, [7, 5]), (save3, [1, 4])]):
        for text in (True, False):
            save(f"a{k}{text}.zarr", rows, chunks, text)
            want = digest(rows, "string" if text else "bytes")
            assert hash_of(f"a{k}{text}.zarr") == want
    assert hash_of("a0True.zarr", "--attrs") == digest(rows, "string", {})
    save2("doc.zarr", [[b"a", b""], [b"zarr", b"!"]], [2, 1])
    assert hash_of("doc.zarr") == "00eab956332ebc216c8ddbc7e3119eb7"  # as docs/hash.md says
    rows[6][4] += b"!"
    save3("b.zarr", rows, [2, 2])
    assert hash_of("b.zarr") == digest(rows, "string")
    lines = tessera("hash", "a1True.zarr", "b.zarr")[0]
    assert tessera("hash", "--check", "-", stdin=lines)[0].count(b"OK") == 2


def diff_names_the_items_that_differ_and_their_chunks():
    rows = sample()
    save2("a.zarr", rows, [3, 2])
    save3("b.zarr", rows, [7, 1])
    assert tessera("diff", "a.zarr", "a.zarr")[0] == b"a.zarr, a.zarr: the same, 35 items\n"
    assert b"the same, 35 items" in tessera("diff", "a.zarr", "b.zarr")[0]
    rows[4][3] = 'tab\t"'.encode()
    save3("b.zarr", rows, [7, 1])
    old, new = json.dumps(sample()[4][3].decode(), ensure_ascii=False), '"tab\\t\\""'
    lines = tessera("diff", "a.zarr", "b.zarr", code=4)[0].decode().splitlines()
    assert lines[0] == f"item (4, 3): {old} | {new}, chunks (1, 1) | (0, 3)", lines
    assert lines[1] == "a.zarr, b.zarr: 1 of 35 items differ", lines
    got = json.loads(tessera("diff", "a.zarr", "b.zarr", "--json", code=4)[0])
    assert (got["different"], got["first"][0]["at"]) == (1, [4, 3]), got
    save3("c.zarr", rows, [7, 1], text=False)
    out = tessera("diff", "b.zarr", "c.zarr", code=4)[0].decode()
    assert out.splitlines() == ["dtype: string | bytes",
                                "b.zarr, c.zarr: items not compared; 1 differences in metadata"]


def info_leaves_out_what_is_not_known():
    save3("a.zarr", sample(), [3, 2])
    got = json.loads(tessera("info", "a.zarr", "--json")[0])
    assert (got["dtype"], got["nbytes"], got["cratio"], got["typesize"]) == ("string", None, None, None)
    assert got["cbytes"] == sum(os.path.getsize(os.path.join(f, name)) for f, _, names in
                                os.walk("a.zarr/c") for name in names)
    assert got["fill"] == ""
    out = tessera("info", "a.zarr")[0].decode()
    assert "stored in" in out and "ratio" not in out, out
    tessera("create", "b.zarr", "--dtype", "f4", "--shape", "10")
    out = tessera("info", "b.zarr")[0].decode()
    assert "40 bytes in 0 bytes\n" in out, out
    assert json.loads(tessera("info", "b.zarr", "--json")[0])["cratio"] is None


def what_needs_items_of_one_size_refuses_others():
    save3("a.zarr", sample(), [3, 2])
    for args in (("bench", "a.zarr"), ("append", "a.zarr", "a.zarr"), ("set", "a.zarr", "hi"),
                 *(("get", "a.zarr", "-o", o) for o in ("x.npy", "x.csv", "x.raw", "-", "x.zarr"))):
        assert "items of variable length" in tessera(*args, code=6)[1], args
    assert os.listdir(".") == ["a.zarr"]


def texts(out):
    """The JSON texts that stand between brackets and blanks."""
    found, at, decoder = [], out.find('"'), json.JSONDecoder()
    while at >= 0:
        text, at = decoder.raw_decode(out, at)
        found.append(text)
        at = out.find('"', at)
    return found


def items_print_as_json_texts_or_as_bytes():
    rows = sample(40, 30)
    save2("a.zarr", rows, [7, 8])
    save3("b.zarr", rows, [7, 8], text=False)
    get = lambda *args: tessera("get", *args)[0].decode()
    assert get("a.zarr", "-s", "0,1:4") == '["a" "zarr" "naïve"]\n'
    assert get("a.zarr", "-s", "0,2") == '"zarr"\n'
    assert get("a.zarr", "-s", "1:1,:") == "[]\n"
    assert get("b.zarr", "-s", "0,:3") == "[b'' b'a' b'zarr']\n"
    assert texts(get("a.zarr", "-s", "9:2:-3,5:")) == \
        [x.decode() for y in (9, 6, 3) for x in rows[y][5:]]
    shown = [0, 1, 2, -3, -2, -1]
    assert texts(get("a.zarr")) == [rows[y][x].decode() for y in shown for x in shown]


TESTS = [digests_are_of_dtype_shape_and_items_alone,
         diff_names_the_items_that_differ_and_their_chunks, info_leaves_out_what_is_not_known,
         items_print_as_json_texts_or_as_bytes, what_needs_items_of_one_size_refuses_others]

if __name__ == "__main__":
    sys.exit(run_all(TESTS))
