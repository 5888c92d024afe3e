#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The golden files of the reference library through the program.

Every good file: `tessera get` gives the bytes of the manifest's sha256, `tessera info --json` its
fields; none is refused.  Every bad file is refused with exit 4 (6 where it is only unknown) and a
message that names what was found."""
import ast
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from tally import Tally

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TESSERA", str(ROOT / "build" / "tessera"))
GOLDEN = Path(os.environ.get("TESSERA_GOLDEN", "")) / "blosc2"
FILTERS = {1: "shuffle", 2: "bitshuffle", 3: "delta", 4: "trunc_prec", 32: "ndcell", 33: "ndmean",
           34: "bytedelta_buggy", 35: "bytedelta", 36: "int_trunc"}
UNKNOWN = {"codec_unknown.chunk", "filter_unknown.chunk", "version_future.chunk",
           "frame_version.b2frame"}         # valid for some later reader: exit 6

t = Tally()


def run(*args):
    return subprocess.run([PROGRAM, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)


# ---- metadata: what MessagePack says, or its bytes ----

class Bad(Exception):
    pass


def unpack(data, at=0):
    """One MessagePack value as JSON would hold it, and where it ends."""
    def take(n):
        if at + n > len(data):
            raise Bad
        return data[at:at + n]

    def items(n, end):
        out = []
        for _ in range(n):
            value, end = unpack(data, end)
            out.append(value)
        return out, end

    tag = take(1)[0]
    if tag < 0x80 or tag >= 0xE0:
        return (tag if tag < 0x80 else tag - 256), at + 1
    if tag < 0xA0:
        kind, n, at = ("map" if tag < 0x90 else "array"), tag & 15, at + 1
    elif tag < 0xC0:
        kind, n, at = "str", tag & 31, at + 1
    elif tag in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[tag], at + 1
    elif tag in (0xCA, 0xCB):
        fmt = ">f" if tag == 0xCA else ">d"
        size = struct.calcsize(fmt)
        return struct.unpack(fmt, take(1 + size)[1:])[0], at + 1 + size
    elif 0xCC <= tag <= 0xD3:
        size = 1 << (tag & 3)
        return int.from_bytes(take(1 + size)[1:], "big", signed=tag >= 0xD0), at + 1 + size
    elif tag in (0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF):
        kind = "str" if tag < 0xDC else "array" if tag < 0xDE else "map"
        size = 1 << (tag - 0xD9) if tag < 0xDC else 2 << (tag & 1)
        n, at = int.from_bytes(take(1 + size)[1:], "big"), at + 1 + size
    else:
        raise Bad                           # binary and extensions have no JSON
    if kind == "str":
        try:
            return take(n).decode(), at + n
        except UnicodeDecodeError:
            raise Bad from None
    values, at = items(n * 2 if kind == "map" else n, at)
    return (dict(zip(values[::2], values[1::2])) if kind == "map" else values), at


def as_shown(text):
    """What info shows for a value with these bytes, in hex."""
    data = bytes.fromhex(text)
    try:
        value, end = unpack(data)
        if end == len(data):
            return value
    except (Bad, TypeError):
        pass
    return {"hex": text}


def as_hex(value, text):
    return value == as_shown(text) or value == {"hex": text}


# ---- good files ----

def parameter(name, byte):
    """What info shows for a parameter byte: some are signed."""
    return byte - 256 if byte > 127 and name in ("trunc_prec", "int_trunc", "zfp_acc") else byte


def steps(f):
    named = [(FILTERS.get(i, i), m) for i, m in zip(f["filters"], f["filters_meta"]) if i]
    return [[name, parameter(name, m)] for name, m in named]


def expected_chunk(f):
    h = dict(f["header"])
    size, block, n = h["typesize"], h["blocksize"], h["nbytes"]
    if n:
        block = min(block, n)               # blosc2.md 2.7: rounded when it is read
    if block > size:
        block -= block % size
    e = {"kind": "chunk", "format": "chunk", "version": h["version"], "flags": h["flags"],
         "typesize": size, "nbytes": n, "cbytes": h["cbytes"], "memcpyed": f["memcpyed"]}
    if f.get("vlblocks"):
        e |= {"nblocks": h["blocksize"], "vlblocks": True}  # 3.8: what the field means there
    elif n:
        e["blocksize"] = block
    if "codec" not in f:
        return e                            # a basic header
    if f["special"] == "none":
        e["filters"] = [[FILTERS.get(i, i), m] for i, m in zip(f["filters"], f["filters_meta"]) if i]
        if not f["memcpyed"]:               # bytes as the header has them
            e |= {"codec": f["codec"], "codec_meta": f["codec_meta"], "dict": f["dict"]}
    return e | {"flags2": h["flags2"], "blosc2_flags": h["blosc2_flags"],
                "special": None if f["special"] == "none" else f["special"]}


def expected_frame(f):
    e = {"kind": "schunk", "format": "b2frame", "nbytes": f["decoded_nbytes"],
         "nchunks": f["nchunks"], "typesize": f["typesize"], "codec": f["codec"],
         "clevel": f["clevel"], "filters": steps(f),
         "codec_meta": parameter(f["codec"], f["codec_meta"])}
    if f["kind"] in ("cframe", "sframe"):
        e["variable"] = "chunk_sizes" in f
        return e | ({"chunksize": f["chunksize"], "blocksize": f["blocksize"]}
                    if f["chunksize"] > 0 and f["blocksize"] > 0 else {})
    dtype = f["dtype"]
    if dtype.startswith("["):
        dtype = [list(field) for field in ast.literal_eval(dtype)]
    return e | {"kind": "array", "format": "b2nd", "shape": f["shape"], "chunks": f["chunks"],
                "blocks": f["blocks"], "dtype": dtype}


def place(f):
    args = ["--format", "chunk"] if f["kind"] == "chunk" else []
    return [GOLDEN / f["file"]] + args + (["--offset", f["offset"]] if f.get("offset") else [])


def check_get(f, out):
    """True when the file was read."""
    r = run("get", *place(f), "-o", out, "-f")
    if not t.check(r.returncode == 0, f"{f['file']}: get", lambda: f"exit {r.returncode}: "
                   f"{r.stderr.decode(errors='replace').strip()}"):
        return False
    data = out.read_bytes()
    t.same(len(data), f["decoded_nbytes"], f"{f['file']}: bytes")
    t.same(hashlib.sha256(data).hexdigest(), f["sha256"], f"{f['file']}: sha256")
    return True


def check_info(f):
    r = run("info", *place(f), "--json")
    if not t.check(r.returncode == 0, f"{f['file']}: info", lambda: f"exit {r.returncode}: "
                   f"{r.stderr.decode(errors='replace').strip()}"):
        return
    found = json.loads(r.stdout)
    expected = expected_chunk(f) if f["kind"] == "chunk" else expected_frame(f)
    for key, value in expected.items():
        t.same(found.get(key), value, f"{f['file']}: {key}")
    for key, name in (("metalayers", "meta"), ("vlmeta", "vlmeta")):
        if key not in f:
            continue
        shown = dict(found[name])
        shown.setdefault("b2nd", as_shown(f[key]["b2nd"])) if "b2nd" in f[key] else None
        t.same(sorted(shown), sorted(f[key]), f"{f['file']}: names in {name}")
        for k, text in f[key].items():
            t.check(as_hex(shown.get(k), text), f"{f['file']}: {name} {k}", shown.get(k))


def good_files(out):
    for f in json.loads((GOLDEN / "manifest.json").read_text())["files"]:
        with t.case(f["file"]):
            if check_get(f, out):
                check_info(f)
                t.counts[f"read: {f['kind']}"] += 1


def bad_files(out):
    for f in json.loads((GOLDEN / "bad" / "manifest.json").read_text())["files"]:
        path = GOLDEN / "bad" / f["file"]
        what = f"bad {f['file']} ({f['why']})"
        with t.case(what):
            r = run("get", path, *(["--format", "chunk"] if f["kind"] == "chunk" else []),
                    "-o", out, "-f")
            said = r.stderr.decode(errors="replace").replace(str(path), "").strip()
            wanted = 6 if f["file"] in UNKNOWN else 4
            good = t.check(r.returncode == wanted, what,
                           f"exit {r.returncode}, expected {wanted}: {said}")
            if good:
                t.check(re.search(r"\d", said) and len(said.split()) >= 4,
                        f"{what}: the message names what was found", said)
                t.counts[f"refused with exit {wanted}"] += 1


def main():
    if not (GOLDEN / "manifest.json").is_file():
        print("skipped: TESSERA_GOLDEN is not set, no golden files through the program")
        return t.finish()
    with tempfile.TemporaryDirectory(prefix="tessera-golden-") as folder:
        out = Path(folder) / "x.raw"
        good_files(out)
        bad_files(out)
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
