#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_cli.py PROGRAM MANPAGE - every verb, every exit code that can be had without a network,
and the promises of the manual."""
import gzip
import json
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

from cli import PROGRAM, ints, load_npy, run_all, save_npy, tessera

MANPAGE = os.path.abspath(sys.argv[2])
VERBS = ["info", "ls", "tree", "get", "create", "set", "append", "resize", "convert", "advise",
         "verify", "hash", "diff", "render", "bench", "codecs"]


def sample(name="a.npy", shape=(6, 5, 4)):
    count = 1
    for n in shape:
        count *= n
    save_npy(name, "<i4", shape, ints(count))
    return name


def info(path, *args):
    return json.loads(tessera("info", path, "--json", *args)[0])


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


# ---- the program as a whole ----

def help_names_every_verb_and_begins_with_examples():
    out = tessera("--help")[0].decode()
    for verb in VERBS:
        assert re.search(rf"^  {verb} ", out, re.M), verb
        text = tessera(verb, "--help")[0].decode()
        assert text.splitlines()[2] == "Examples:", text
        assert f"tessera {verb}" in text or verb == "info"
        assert tessera(verb, "-h")[0].decode() == text
        assert tessera("help", verb)[0].decode() == text
    assert tessera("help")[0].decode() == out
    tessera("help", "nonsense", code=2)
    assert "info -" in tessera("info", "-h")[0].decode()


def version_lists_formats_codecs_and_filters():
    out = tessera("--version")[0].decode()
    for word in ("tessera 0.", "formats: ", "b2nd", "codecs: ", "zstd", "filters: ", "shuffle",
                 "kernels: "):
        assert word in out, out
    out = tessera("--version", env={"TESSERA_CPU": "scalar"})[0].decode()
    assert out.endswith("kernels: scalar\n"), out


def wrong_usage_is_exit_code_2():
    sample()
    for args in ([], ["nonsense"], ["info"], ["get"], ["get", "a.npy", "b.npy"],
                 ["get", "a.npy", "--nonsense"], ["get", "a.npy", "-q"], ["get", "a.npy", "-s"],
                 ["get", "a.npy", "-s", "9"], ["get", "a.npy", "-s", "0,0,0,0"],
                 ["get", "a.npy", "-s", "1:2:0"], ["get", "a.npy", "-s", "x"],
                 ["get", "a.npy", "--stats=yes"], ["get", "a.npy", "--threads", "0"],
                 ["get", "a.npy", "-o", "noext"], ["create", "x.b2nd"],
                 ["create", "x.b2nd", "--shape", "a", "--dtype", "i4"],
                 ["create", "x.b2nd", "--shape", "3", "--dtype", "i3"],
                 ["create", "x.b2nd", "--shape", "3", "--dtype", "u1", "--fill", "256"],
                 ["create", "x.b2nd", "--shape", "3", "--dtype", "u1", "--codec", "nope"],
                 ["create", "x.b2nd", "--shape", "3", "--dtype", "u1", "--clevel", "10"],
                 ["create", "x.b2nd", "--shape", "3,3", "--dtype", "u1", "--chunks", "3"],
                 ["resize", "a.npy", "no"], ["render", "a.npy"],
                 ["render", "a.npy", "-o", "x.png"],
                 ["render", "a.npy", "-o", "x.png", "-s", "0", "--cmap", "jet"],
                 ["render", "a.npy", "-o", "x.png", "--project", "median"],
                 ["info", "a.npy", "--offset", "x"], ["get", "a.npy", "--dtype", "u1"]):
        out, err = tessera(*args, code=2)
        assert err, args
    assert not os.path.exists("x.b2nd") and not os.path.exists("x.png")


def missing_files_are_exit_code_3_for_every_verb():
    save_npy("new.npy", "<i4", (1,), ints(1))
    for args in (["info", "no.b2nd"], ["no.b2nd"], ["ls", "no"], ["tree", "no"],
                 ["get", "no.b2nd"], ["set", "no.b2nd", "1"], ["append", "no.b2nd", "new.npy"],
                 ["resize", "no.b2nd", "1"], ["convert", "no.npy", "x.b2nd"],
                 ["verify", "no.b2nd"], ["render", "no.b2nd", "-o", "x.png"],
                 ["bench", "no.b2nd"], ["get", "no.chunk", "--format", "chunk"]):
        err = tessera(*args, code=3)[1]
        assert err.startswith("tessera: "), err


def options_may_stand_anywhere_and_be_shortened():
    sample()
    want = tessera("get", "a.npy", "-s", "0", "-o", "-")[0]
    for args in (["get", "-s", "0", "a.npy", "--output", "-"], ["get", "-s0", "-o-", "a.npy"],
                 ["get", "--slice=0", "--out=-", "a.npy"], ["--threads", "2", "get", "a.npy",
                                                           "-s", "0", "-o", "-"],
                 ["get", "-s", "0", "-o", "-", "--", "a.npy"]):
        assert tessera(*args)[0] == want, args


def a_file_alone_is_info():
    sample()
    assert tessera("a.npy")[0] == tessera("info", "a.npy")[0]
    assert tessera("a.npy", "--json")[0] == tessera("info", "a.npy", "--json")[0]


def errors_name_the_verb_and_the_file():
    with open("bad.b2nd", "wb") as f:
        f.write(b"\x9e\xa8b2frame\0" + bytes(200))
    err = tessera("get", "bad.b2nd", code=4)[1]
    assert err.startswith("tessera: get: ") and "bad.b2nd" in err, err


def a_full_device_is_exit_code_1():
    sample()
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "wb") as full:
        run = subprocess.run([PROGRAM, "get", "a.npy", "-o", "-"], stdout=full,
                             stderr=subprocess.PIPE)
    assert run.returncode == 1 and b"standard output" in run.stderr, run


# ---- info ----

def info_has_every_key_of_the_contract():
    sample()
    tessera("convert", "a.npy", "a.b2nd", "--chunks", "3,5,4", "--blocks", "2,5,2", "--codec",
            "lz4", "--clevel", "7", "--filter", "bitshuffle")
    d = info("a.b2nd")
    for key in ("kind", "format", "shape", "chunks", "blocks", "dtype", "fill", "nbytes", "cbytes",
                "cratio", "codec", "clevel", "filters", "attrs", "meta", "vlmeta"):
        assert key in d, key
    assert (d["kind"], d["format"], d["dtype"]) == ("array", "b2nd", "<i4")
    assert (d["shape"], d["chunks"], d["blocks"]) == ([6, 5, 4], [3, 5, 4], [2, 5, 2])
    assert (d["codec"], d["clevel"], d["filters"]) == ("lz4", 7, [["bitshuffle", 0]])
    assert d["nbytes"] == 480 and d["cbytes"] == os.path.getsize("a.b2nd")
    assert d["meta"]["b2nd"][2] == [6, 5, 4] and d["fill"] is None
    text = tessera("a.b2nd")[0].decode()
    for word in ("6 x 5 x 4", "<i4", "lz4 level 7 after bitshuffle", "b2nd array"):
        assert word in text, text


def structured_dtypes_are_field_lists_in_json():
    dtype = "[('a', '<i4'), ('b', '<f8', (2,)), ('it\\'s', 'S3')]"
    tessera("create", "s.b2nd", "--shape", "3", "--dtype", dtype)
    assert info("s.b2nd")["dtype"] == [["a", "<i4"], ["b", "<f8", [2]], ["it's", "S3"]]
    assert tessera("get", "s.b2nd", "-s", "0")[0] == b"(0, [0.0, 0.0], b'')\n"


def standard_input_is_a_file_named_dash():
    sample()
    tessera("convert", "a.npy", "a.b2nd")
    with open("a.b2nd", "rb") as f:
        raw = f.read()
    assert json.loads(tessera("info", "-", "--json", stdin=raw)[0])["shape"] == [6, 5, 4]
    assert tessera("get", "-", "-o", "-", stdin=raw)[0] == ints(120)


# ---- get ----

def npy_to_b2nd_and_back_is_the_same():
    sample("a.npy", (13, 7, 11))
    tessera("convert", "a.npy", "a.b2nd", "--chunks", "5,4,6", "--blocks", "2,3,4")
    tessera("get", "a.b2nd", "-o", "b.npy")
    tessera("convert", "a.b2nd", "c.npy")
    assert load_npy("a.npy") == load_npy("b.npy") == load_npy("c.npy")


def slices_are_numpys():
    sample("a.npy", (6, 5, 4))
    tessera("convert", "a.npy", "a.b2nd", "--chunks", "4,3,3", "--blocks", "2,2,2")
    whole = [[[(i * 5 + j) * 4 + k for k in range(4)] for j in range(5)] for i in range(6)]

    def flat(x):
        return [v for y in x for v in flat(y)] if isinstance(x, list) else [x]

    for text, want in (("1", whole[1]), ("-1", whole[-1]), ("2:4", whole[2:4]),
                       ("::2", whole[::2]), ("::-1", whole[::-1]), ("4:1:-2", whole[4:1:-2]),
                       ("1:,2", [p[2] for p in whole[1:]]), ("[0, ..., -1]",
                                                            [r[-1] for r in whole[0]]),
                       ("...,::3", [[r[::3] for r in p] for p in whole]),
                       ("-100:100", whole), ("3:3", []), (":,-2,1:3", [p[-2][1:3] for p in whole]),
                       ("5,4,3", whole[5][4][3]), ("100:", []), ("...", whole), ("", whole)):
        values = flat(want)
        got = tessera("get", "a.b2nd", "-s", text, "-o", "-")[0]
        assert got == struct.pack(f"<{len(values)}i", *values), text
    tessera("get", "a.b2nd", "-s", "1:5:2,3", "-o", "x.npy")
    assert load_npy("x.npy")[1] == (2, 4)


def output_follows_the_name():
    sample("a.npy", (2, 3))
    tessera("get", "a.npy", "-o", "x.raw")
    tessera("get", "a.npy", "-o", "x.csv")
    tessera("get", "a.npy", "-o", "x.b2nd")
    assert open("x.raw", "rb").read() == ints(6)
    assert open("x.csv").read() == "0,1,2\n3,4,5\n"
    assert info("x.b2nd")["shape"] == [2, 3]
    assert sorted(os.listdir()) == ["a.npy", "x.b2nd", "x.csv", "x.raw"]


def nothing_is_overwritten_without_force():
    sample()
    tessera("convert", "a.npy", "a.b2nd")
    for name in ("x.raw", "x.csv", "x.npy", "x.b2nd", "x.png"):
        with open(name, "w") as f:
            f.write("precious")
    for args in (["get", "a.b2nd", "-o", "x.raw"], ["get", "a.b2nd", "-o", "x.csv"],
                 ["get", "a.b2nd", "-o", "x.npy"], ["get", "a.b2nd", "-o", "x.b2nd"],
                 ["convert", "a.npy", "x.b2nd"], ["render", "a.b2nd", "-s", "0", "-o", "x.png"],
                 ["create", "x.b2nd", "--shape", "1", "--dtype", "u1"]):
        assert "-f" in tessera(*args, code=1)[1]
    for name in ("x.raw", "x.csv", "x.npy", "x.b2nd", "x.png"):
        assert open(name).read() == "precious"
    tessera("get", "a.b2nd", "-f", "-o", "x.raw")
    tessera("get", "a.b2nd", "-o", "x.npy", "--force")
    tessera("convert", "a.npy", "x.b2nd", "-f")
    tessera("render", "a.b2nd", "-s", "0", "-o", "x.png", "-f")
    assert load_npy("x.npy") == load_npy("a.npy") and info("x.b2nd")["shape"] == [6, 5, 4]


def items_print_as_numpy_prints_them():
    save_npy("f.npy", "<f8", (2, 2), struct.pack("<4d", 1, 2.25, 1000.5, -3))
    save_npy("g.npy", "<f8", (3,), struct.pack("<3d", 0.1, 0.123456789012, 100))
    save_npy("n.npy", "<f4", (2,), struct.pack("<2f", float("nan"), 1))
    save_npy("b.npy", "|b1", (2,), b"\1\0")
    save_npy("c.npy", "<c16", (2,), struct.pack("<4d", 1, 2, 0, -3))
    save_npy("s.npy", "<U2", (2,), "ab".encode("utf-32-le") + "c\0".encode("utf-32-le"))
    save_npy("big.npy", "<i4", (2, 1000), ints(2000, -1000))
    save_npy("z.npy", "<i4", (), ints(1, 7))
    for name, want in (("f", "[[ 1.0000e+00  2.2500e+00]\n [ 1.0005e+03 -3.0000e+00]]\n"),
                       ("g", "[  0.1          0.12345679 100.        ]\n"),
                       ("n", "[nan  1.]\n"), ("b", "[ True False]\n"),
                       ("c", "[1.+2.j 0.-3.j]\n"), ("s", "['ab' 'c']\n"), ("z", "7\n"),
                       ("big", "[[-1000  -999  -998 ...    -3    -2    -1]\n"
                               " [    0     1     2 ...   997   998   999]]\n")):
        assert tessera("get", name + ".npy")[0].decode() == want, name


def an_interrupted_get_leaves_nothing_behind():
    tessera("create", "big.b2nd", "--shape", "4000,4000,4000", "--dtype", "f8")
    for name in ("x.npy", "x.raw", "x.b2nd"):
        run = subprocess.Popen([PROGRAM, "get", "big.b2nd", "-s", ":500", "-o", name],
                               stderr=subprocess.PIPE)
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        err = run.communicate(timeout=120)[1]
        assert run.returncode == 130, (name, run.returncode, err)
        assert os.listdir() == ["big.b2nd"], os.listdir()


def _wait_until_it_waits(run):
    """Until the process has slept for a while without using the processor."""
    calm, seen, end = 0, None, time.monotonic() + 20
    while calm < 4 and time.monotonic() < end:
        time.sleep(0.1)
        fields = Path(f"/proc/{run.pid}/stat").read_text().rpartition(")")[2].split()
        now = (fields[0], fields[11], fields[12])       # state, times in user and system mode
        calm = calm + 1 if now == seen and now[0] == "S" else 0
        seen = now


def an_interruption_ends_the_wait_for_standard_input():
    tessera("create", "a.b2nd", "--shape", "1000", "--dtype", "i2")
    before = open("a.b2nd", "rb").read()
    os.mkdir("tmp")
    for args in (["append", "a.b2nd", "-"], ["set", "a.b2nd", "-"], ["convert", "-", "x.b2nd"],
                 ["verify", "-"]):
        for which in (signal.SIGINT, signal.SIGTERM):
            run = subprocess.Popen([PROGRAM, *args], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, "TMPDIR": "tmp"})
            _wait_until_it_waits(run)
            run.send_signal(which)
            code = run.wait(timeout=20)
            err = run.stderr.read()
            run.stdin.close()
            assert code == 130 and b"interrupted" in err, (args, code, err)
    assert open("a.b2nd", "rb").read() == before
    assert sorted(os.listdir()) == ["a.b2nd", "tmp"] and not os.listdir("tmp")


def messages_about_standard_input_say_so():
    for args in (["info", "-"], ["verify", "-"], ["ls", "-"], ["convert", "-", "x.b2nd"]):
        out, err = tessera(*args, code=6, stdin=b"nonsense" * 100)
        assert "standard input" in err + out.decode(), (args, out, err)
        assert "tessera-stdin" not in err + out.decode(), (args, out, err)
    sample()
    data = open("a.npy", "rb").read()
    assert tessera("verify", "-", stdin=data)[0] == b"-: 1 chunk checked, no problem\n"
    assert json.loads(tessera("ls", "-", "--json", stdin=data)[0])[0]["name"] == "-"


def a_full_device_is_named():
    sample()
    for args in (["get", "a.npy", "-o", "-"], ["info", "a.npy"]):
        with open("/dev/full", "wb") as full:
            run = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE)
        assert run.returncode == 1 and b"No space left" in run.stderr, (args, run.stderr)


def a_file_that_cannot_grow_says_why():
    tessera("create", "a.b2nd", "--shape", "100000", "--dtype", "i4")
    for name in ("x.raw", "x.csv"):
        run = subprocess.run([PROGRAM, "get", "a.b2nd", "-o", name], stderr=subprocess.PIPE,
                             restore_signals=False, preexec_fn=lambda: resource.setrlimit(
                                 resource.RLIMIT_FSIZE, (10000, 10000)))
        assert run.returncode == 1 and b"File too large" in run.stderr, run.stderr
    assert os.listdir() == ["a.b2nd"]


def ls_marks_what_cannot_be_opened_and_escapes_names():
    sample()
    tessera("convert", "a.npy", "b.b2nd")
    data = bytearray(open("b.b2nd", "rb").read())
    os.remove("a.npy")
    open("c\x1b[1m.b2nd", "wb").write(data)
    open("b.b2nd", "wb").write(data[:len(data) // 2])
    rows = {r["name"]: r for r in json.loads(tessera("ls", "--json")[0])}
    assert "error" in rows["b.b2nd"] and "error" not in rows["c\x1b[1m.b2nd"], rows
    out = tessera("ls")[0].decode()
    assert re.search(r"^b\.b2nd .*error: \w", out, re.M) and "c\\x1b[1m.b2nd" in out, out
    assert "\x1b" not in out


def a_name_that_tells_no_format_is_refused():
    sample()
    for args in (["create", "n.xyz", "--shape", "3", "--dtype", "u1"],
                 ["convert", "a.npy", "n.foo"], ["get", "a.npy", "-o", "n.bar"]):
        err = tessera(*args, code=2)[1]
        assert ".b2nd" in err and ".npy" in err, err
    assert os.listdir() == ["a.npy"]
    tessera("create", "n.xyz", "--shape", "3", "--dtype", "u1", "--format", "b2nd")
    assert info("n.xyz")["format"] == "b2nd"


def a_result_must_not_replace_what_is_read():
    sample()
    os.symlink("a.npy", "b.npy")
    before = open("a.npy", "rb").read()
    for args in (["convert", "a.npy", "b.npy"], ["get", "a.npy", "-o", "./a.npy"],
                 ["render", "a.npy", "-s", "0", "-o", "a.npy"]):
        assert "is also what is read" in tessera(*args, "-f", code=2)[1]
    assert open("a.npy", "rb").read() == before


def values_and_filters_that_do_not_fit_are_named():
    make = ["create", "x.b2nd", "--shape", "3", "--dtype", "u1"]
    err = tessera(*make, "--fill", "300", code=2)[1]
    assert "--fill: '300' is no value of dtype |u1" in err, err
    err = tessera(*make, "--filter", ",".join(["shuffle"] * 7), code=2)[1]
    assert "7 filters: at most 6" in err, err


def stats_are_said_on_standard_error():
    sample()
    err = tessera("get", "a.npy", "-s", "0", "--stats")[1]
    assert re.search(r"read \d+ bytes .* \d+ requests, \d+ blocks decoded, \d+ from the cache, [\d.]+ s", err), err


# ---- create, set, append, resize ----

def create_fills_and_set_changes_a_part():
    tessera("create", "a.b2nd", "--shape", "4,6", "--dtype", "float32", "--fill", "1.5",
            "--chunks", "2,4", "--blocks", "2,2", "--codec", "zlib", "--clevel", "1")
    assert tessera("get", "a.b2nd", "-o", "-")[0] == struct.pack("<24f", *[1.5] * 24)
    tessera("set", "a.b2nd", "-s", "1:3,::5", "-2")
    save_npy("row.npy", "<f4", (6,), struct.pack("<6f", *range(6)))
    tessera("set", "a.b2nd", "-s", "3", "row.npy")
    tessera("set", "a.b2nd", "-s", "0,1:3", "-", stdin=struct.pack("<2f", 8, 9))
    err = tessera("set", "a.b2nd", "-s", "0,1:3", "-", code=2, stdin=struct.pack("<3f", 8, 9, 9))[1]
    assert "more than the 8 bytes" in err
    want = [1.5] * 24
    want[6] = want[11] = want[12] = want[17] = -2
    want[18:] = range(6)
    want[1:3] = 8, 9
    assert tessera("get", "a.b2nd", "-o", "-")[0] == struct.pack("<24f", *want)


def set_refuses_another_shape_or_dtype():
    sample("a.npy", (2, 3))
    tessera("create", "a.b2nd", "--shape", "3,2", "--dtype", "i4")
    tessera("create", "b.b2nd", "--shape", "2,3", "--dtype", "f4")
    with open("x.raw", "wb") as f:
        f.write(bytes(23))
    for args in (["a.b2nd", "a.npy"], ["b.b2nd", "a.npy"], ["a.b2nd", "x.raw"], ["a.b2nd", "1.5"]):
        tessera("set", *args, code=2)
    tessera("set", "a.b2nd", "no.npy", code=3)
    assert tessera("get", "a.b2nd", "-o", "-")[0] == bytes(24)


def set_takes_an_array_of_any_format():
    tessera("create", "a.zarr", "--shape", "6", "--dtype", "i4")
    tessera("create", "g.zarr#b", "--shape", "2", "--dtype", "i4", "--format", "zarr2")
    tessera("set", "g.zarr#b", "7")
    tessera("set", "a.zarr", "-s", "1:3", "g.zarr#b")
    want = struct.pack("<6i", 0, 7, 7, 0, 0, 0)
    assert tessera("get", "a.zarr", "-o", "-")[0] == want
    assert "shape is not" in tessera("set", "a.zarr", "-s", "1:4", "g.zarr#b", code=2)[1]
    for no in ("c.zarr", "g.zarr", "."):  # not there, and groups
        assert f"'{no}' is no value of dtype <i4" in tessera("set", "a.zarr", no, code=2)[1]
    assert tessera("get", "a.zarr", "-o", "-")[0] == want
    tessera("create", "t.zarr", "--shape", "1", "--dtype", "S8")
    tessera("set", "t.zarr", "a.zarr")  # what can be a value is one
    assert tessera("get", "t.zarr", "-o", "-")[0] == b"a.zarr\0\0"


def the_name_of_a_bucket_is_told_when_it_is_too_short():
    for url, said in (("s3://bk/x", "found a bucket's name of 2 bytes, expected 3 to 255"),
                      ("s3:///x", "expected s3://bucket/key")):
        assert f"{url}: {said}" in tessera("info", url, code=2)[1]


def a_set_or_append_that_fails_half_way_changes_nothing():
    part = 64 << 20  # more than the program writes at once
    tessera("create", "a.b2nd", "--shape", "2,67108864", "--dtype", "u1", "--codec", "lz4")
    tessera("create", "b.b2nd", "--shape", "5", "--dtype", "i4", "--codec", "lz4")
    save_npy("s.npy", "<i4", (5,), ints(5))
    tessera("convert", "s.npy", "s.b2frame")
    tessera("set", "a.b2nd", "-", code=2, stdin=b"x" * (part + 5))
    tessera("append", "b.b2nd", "-", code=2, stdin=b"x" * (part + 3))
    tessera("append", "s.b2frame", "-", code=2, stdin=b"x" * (part + 7))
    assert tessera("get", "a.b2nd", "-s", ":,:9", "-o", "-")[0] == bytes(18)
    assert info("b.b2nd")["shape"] == [5]
    assert tessera("get", "s.b2frame", "-o", "-")[0] == ints(5)
    for name in ("a.b2nd", "b.b2nd", "s.b2frame"):
        tessera("verify", name)


def append_grows_along_any_axis():
    sample("a.npy", (2, 3))
    tessera("convert", "a.npy", "a.b2nd", "--chunks", "2,2", "--blocks", "2,2")
    tessera("append", "a.b2nd", "a.npy")
    assert tessera("get", "a.b2nd", "-o", "-")[0] == ints(6) * 2
    save_npy("col.npy", "<i4", (4, 1), ints(4, 100))
    tessera("append", "a.b2nd", "col.npy", "--axis", "-1")
    tessera("append", "a.b2nd", "-", stdin=ints(4, 50))
    rows = [[0, 1, 2, 100], [3, 4, 5, 101], [0, 1, 2, 102], [3, 4, 5, 103], [50, 51, 52, 53]]
    want = [v for r in rows for v in r]
    assert tessera("get", "a.b2nd", "-o", "-")[0] == struct.pack("<20i", *want)
    tessera("append", "a.b2nd", "a.npy", code=2)
    tessera("append", "a.b2nd", "-", stdin=b"12345", code=2)
    assert info("a.b2nd")["shape"] == [5, 4]


def resize_grows_with_zeros_and_forgets_what_is_cut():
    sample("a.npy", (2, 3))
    tessera("convert", "a.npy", "a.b2nd")
    tessera("resize", "a.b2nd", "1,3")
    tessera("resize", "a.b2nd", "3,4")
    want = [0, 1, 2, 0] + [0] * 8
    assert tessera("get", "a.b2nd", "-o", "-")[0] == struct.pack("<12i", *want)
    tessera("resize", "a.b2nd", "3", code=2)


# ---- convert, verify ----

def raw_files_come_in_with_offset_and_gzipped():
    data = bytes(range(60))
    with open("a.raw", "wb") as f:
        f.write(b"HEADER!" + data)
    with gzip.open("a.raw.gz", "wb") as f:
        f.write(b"HEADER!" + data)
    for name in ("a.raw", "a.raw.gz"):
        tessera("convert", name, "a.b2nd", "-f", "--dtype", "u1", "--shape", "3,4,5", "--offset", 7)
        assert tessera("get", "a.b2nd", "-o", "-")[0] == data
    tessera("convert", "-", "b.b2nd", "--dtype", "u1", "--shape", "60", stdin=data)
    assert tessera("get", "b.b2nd", "-o", "-")[0] == data
    assert tessera("get", "a.raw", "--offset", "7", "--dtype", "<u2", "--shape", "30", "-o",
                   "-")[0] == data


def convert_writes_to_standard_output():
    sample()
    raw = tessera("convert", "a.npy", "-", "--format", "b2nd")[0]
    with open("x.b2nd", "wb") as f:
        f.write(raw)
    assert tessera("get", "x.b2nd", "-o", "-")[0] == ints(120)
    tessera("convert", "a.npy", "-", code=2)


def convert_keeps_what_is_not_asked_to_change():
    sample()
    tessera("convert", "a.npy", "a.b2nd", "--codec", "lz4", "--clevel", "3", "--filter",
            "bitshuffle")
    tessera("convert", "a.b2nd", "b.b2nd", "--clevel", "8")
    d = info("b.b2nd")
    assert (d["codec"], d["clevel"], d["filters"]) == ("lz4", 8, [["bitshuffle", 0]])


def verify_names_the_broken_chunk():
    data = os.urandom(64 * 64 * 4)
    save_npy("a.npy", "<i4", (64, 64), data)
    tessera("convert", "a.npy", "a.b2nd", "--chunks", "16,64", "--blocks", "4,64", "--filter",
            "none", "--codec", "zlib")
    assert b"4 chunks checked, no problem" in tessera("verify", "a.b2nd")[0]
    assert json.loads(tessera("verify", "a.b2nd", "--json")[0])["problems"] == []
    raw = bytearray(open("a.b2nd", "rb").read())
    at = raw.find(data[:64])           # stored as it is, or in a zlib stream further on
    broken = (at if at > 0 else 400) - 20
    raw[broken:broken + 12] = b"\xff" * 12
    open("a.b2nd", "wb").write(raw)
    out = tessera("verify", "a.b2nd", code=4)[0].decode()
    assert "chunk " in out and "problem" in out, out
    problems = json.loads(tessera("verify", "a.b2nd", "--json", code=4)[0])["problems"]
    assert problems and problems[0]["code"] == 4


# ---- hash ----

P = 0x3243f6a8885a308d313198a2e0374bf


def _numbered(head, items):
    row = b"tessera hash 1\n" + head + items
    return f"{int.from_bytes(row, 'little') % P:032x}"


def hash_is_the_same_in_every_format_and_check_names_what_changed():
    data = ints(24 * 50)
    save_npy("a.npy", "<i4", (24, 50), data)
    turned = b"".join(data[i:i + 4][::-1] for i in range(0, len(data), 4))
    save_npy("b.npy", ">i4", (24, 50), turned)
    tessera("convert", "a.npy", "c.b2nd", "--chunks", "7,11", "--blocks", "3,4")
    want = _numbered(b'"<i4"\n[24,50]\n', data).encode()
    names = [b"a.npy", b"b.npy", b"c.b2nd"]
    out = tessera("hash", *[n.decode() for n in names])[0]
    assert out == b"".join(want + b"  " + n + b"\n" for n in names), out
    open("sums", "wb").write(out)
    assert tessera("hash", "--check", "sums")[0] == b"".join(n + b": OK\n" for n in names)
    assert tessera("hash", "-c", "-q", "-", stdin=out)[0] == b""
    tessera("set", "c.b2nd", "-s", "3,4", "77")
    out, err = tessera("hash", "-cq", "sums", code=4)[:2]
    assert out == b"c.b2nd: FAILED\n" and "1 of 3 differ" in err
    listed = json.loads(tessera("hash", "-c", "sums", "--json", code=4)[0])
    assert [x["ok"] for x in listed] == [True, True, False] and listed[2]["hash"] != want.decode()
    os.remove("b.npy")
    out = tessera("hash", "-c", "sums", code=4)[0]
    assert b"b.npy: FAILED open or read\n" in out
    assert tessera("hash", "b.npy", "a.npy", code=3)[0] == want + b"  a.npy\n"
    open("sums", "wb").write(b"nonsense\n")
    assert "sums" in tessera("hash", "-c", "sums", code=1)[1]
    tessera("hash", "--quiet", "a.npy", code=2)


def hash_takes_attributes_in_when_asked():
    sample("a.npy", (6, 5, 4))
    tessera("convert", "a.npy", "a.b2nd")
    plain = tessera("hash", "a.b2nd")[0]
    assert tessera("hash", "a.b2nd", "--attrs")[0] != plain
    head = b'"<i4"\n[6,5,4]\n{}\n'
    assert tessera("hash", "a.b2nd", "--attrs")[0].split()[0].decode() == _numbered(head, ints(120))


# ---- diff ----

def diff_names_items_chunks_and_metadata():
    data = ints(24 * 50)
    save_npy("a.npy", "<i4", (24, 50), data)
    tessera("convert", "a.npy", "b.b2nd", "--chunks", "7,11", "--blocks", "3,4")
    assert tessera("diff", "a.npy", "b.b2nd")[0] == b"a.npy, b.b2nd: the same, 1200 items\n"
    tessera("set", "b.b2nd", "-s", "20,30", "77")
    tessera("set", "b.b2nd", "-s", "3,4", "155")
    out = tessera("diff", "a.npy", "b.b2nd", code=4)[0].decode().splitlines()
    assert out[0].startswith("item (3, 4): 154 | 155, chunks (") and out[0].endswith("| (0, 0)")
    assert out[1].startswith("item (20, 30): 1030 | 77, chunks (") and out[1].endswith("| (2, 2)")
    assert out[2] == "a.npy, b.b2nd: 2 of 1200 items differ, up to 953 apart (relative 12.3766)"
    assert tessera("diff", "a.npy", "b.b2nd", "-q", code=4)[0] == b""
    tessera("diff", "a.npy", "b.b2nd", "--rtol", "13")
    d = json.loads(tessera("diff", "a.npy", "b.b2nd", "--atol", "1", "--json", code=4)[0])
    assert (d["same"], d["different"], d["items"], d["most_abs"]) == (False, 1, 1200, 953)
    assert d["first"] == [{"at": [20, 30], "chunk_a": d["first"][0]["chunk_a"],
                           "chunk_b": [2, 2], "a": "1030", "b": "77"}]
    sample("c.npy", (6, 5, 4))
    out = tessera("diff", "a.npy", "c.npy", code=4)[0].decode().splitlines()
    assert out[0] == "shape: (24, 50) | (6, 5, 4)" and "items not compared" in out[1], out
    tessera("diff", "a.npy", "no.npy", code=3)
    with open("b.b2nd", "rb") as f:
        piped = f.read()
    assert tessera("diff", "b.b2nd", "-", stdin=piped)[0] == b"b.b2nd, -: the same, 1200 items\n"
    assert tessera("diff", "-", "b.b2nd", "-q", stdin=piped)[0] == b""
    assert "not both" in tessera("diff", "-", "-", stdin=piped, code=2)[1]
    assert "diff: standard input: " in tessera("diff", "a.npy", "-", stdin=b"no" * 99, code=6)[1]
    tessera("diff", "a.npy", "b.b2nd", "--rtol", "-1", code=2)
    tessera("diff", "a.npy", "b.b2nd", "--bits", "--rtol", "1", code=2)


# ---- zarr beside the others ----

def zarr_arrays_are_hashed_compared_and_verified():
    data = ints(24 * 50)
    save_npy("a.npy", "<i4", (24, 50), data)
    tessera("create", "g.zarr#one", "--shape", "24,50", "--dtype", "i4", "--chunks", "7,20",
            "--format", "zarr3")
    tessera("set", "g.zarr#one", "-s", "0:24,0:50", "a.npy")
    digests = tessera("hash", "a.npy", "g.zarr#one")[0].split()[::2]
    assert len(digests) == 2 and digests[0] == digests[1], digests
    tessera("diff", "a.npy", "g.zarr#one")
    tessera("create", "g.zarr#two/three", "--shape", "9", "--dtype", "f8", "--chunks", "2",
            "--format", "zarr3")
    out = tessera("verify", "g.zarr")[0]
    assert b"two/three: 5 of 5 chunks are not stored" in out and b"no problem" in out, out
    open("g.zarr/one/c/0/1", "r+b").truncate(10)
    open("g.zarr/one/c/2/2", "r+b").truncate(3)
    open("g.zarr/one/c/9", "wb").close()
    open("g.zarr/one/notes.txt", "wb").close()
    d = json.loads(tessera("verify", "g.zarr#one", "--json", code=4)[0])["problems"]
    bad = [p["coords"] for p in d if p["code"] == 4]
    notes = [p["what"] for p in d if p["code"] == 0]
    assert bad == [[0, 1], [2, 2]], d
    assert len(notes) == 2 and any("notes.txt" in w for w in notes), notes
    out = tessera("verify", "g.zarr", code=4)[0]
    assert b"chunk 1 (0, 1): one: " in out and b"2 problems" in out, out
    open("g.zarr/two/three/zarr.json", "wb").write(b"{")
    out = tessera("verify", "g.zarr", code=4)[0]
    assert b"two/three" in out and b"3 problems" in out, out


# ---- render, bench, codecs, ls ----

def render_draws_planes_and_projections():
    sample("a.npy", (6, 5, 4))
    tessera("render", "a.npy", "-s", "2", "-o", "x.png", "--zoom", "3", "--cmap", "magma")
    assert png_size(open("x.png", "rb").read()) == (12, 15)
    for how in ("max", "mean", "sum", "min"):
        tessera("render", "a.npy", "-f", "--project", how, "--axis", "1", "-o", "x.png")
        assert png_size(open("x.png", "rb").read()) == (4, 6)
    out = tessera("render", "a.npy", "-s", "0", "-o", "-", "--range", "0,10", "--gamma", "0.5",
                  "--log")[0]
    assert png_size(out) == (4, 5)
    at, data = 8, b""
    while at < len(out):
        size, kind = struct.unpack(">I4s", out[at:at + 8])
        data += out[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    assert len(zlib.decompress(data)) == 5 * (1 + 3 * 4)


def bench_measures_the_array_s_own_data():
    sample("a.npy", (20, 50, 40))
    rows = json.loads(tessera("bench", "a.npy", "--codec", "lz4,zstd", "--clevel", "1",
                              "--filter", "shuffle", "--json")[0])
    assert [r["codec"] for r in rows] == ["lz4", "zstd"]
    for r in rows:
        assert r["ratio"] > 2 and r["compress_mb_s"] > 0 and r["decompress_mb_s"] > 0
    text = tessera("bench", "a.npy", "--codec", "lz4", "--clevel", "1")[0].decode()
    assert len(text.splitlines()) == 4, text


def codecs_lists_the_table():
    rows = {r["name"]: r for r in json.loads(tessera("codecs", "--json")[0])}
    assert rows["zstd"]["kind"] == "codec" and rows["zstd"]["blosc2_id"] == 5
    assert rows["shuffle"]["kind"] == "filter"
    assert b"bitshuffle" in tessera("codecs")[0]


def ls_and_tree_list_folders():
    os.makedirs("d/sub/empty")
    sample("d/a.npy")
    tessera("convert", "d/a.npy", "d/sub/b.b2nd")
    rows = json.loads(tessera("ls", "d", "--json")[0])
    assert {r["name"]: r["kind"] for r in rows} == {"a.npy": "array", "sub": "group"}
    assert [r["shape"] for r in rows if r["name"] == "a.npy"] == [[6, 5, 4]]
    assert b"a.npy" in tessera("ls", "d")[0]
    out = tessera("tree", "d", env={"LC_ALL": "C"})[0].decode()
    assert "`-- sub/\n    |-- b.b2nd" in out or "`-- b.b2nd" in out, out
    assert json.loads(tessera("info", "d", "--json")[0])["kind"] == "group"


# ---- the manual ----

def the_manual_names_every_verb_and_option():
    page = open(MANPAGE).read()
    for verb in VERBS:
        assert re.search(rf"Cm {verb}\b", page), verb
        for option in re.findall(r"--([a-z]+)", tessera(verb, "--help")[0].decode()
                                 .split("Usage:")[1]):
            assert re.search(rf"Fl (?:[a-z] , )?-{option}\b", page), f"{verb} --{option}"


def advise_predicts_what_reads_take():
    tessera("create", "n.b2nd", "--shape", "64,64,100", "--dtype", "u1", "--chunks", "32,32,50",
            "--blocks", "16,16,25", "--clevel", "0")
    data = os.urandom(64 * 64 * 100)
    Path("n.raw").write_bytes(data)
    tessera("convert", "n.raw", "n.b2nd", "-f", "--dtype", "u1", "--shape", "64,64,100",
            "--chunks", "32,32,50", "--blocks", "16,16,25", "--clevel", "0")
    args = ("advise", "n.b2nd", "--access", ":,:,0", "--access", "3,4,:=3", "--measure")
    found = json.loads(tessera(*args, "--json")[0])
    assert [x["weight"] for x in found["access"]] == [1, 3]
    now = next(p for p in found["plans"] if p["now"])
    assert now["chunks"] == [32, 32, 50] and now["located"]
    for plan, access in zip(now["access"], found["access"]):
        for name in ("bytes", "requests", "decoded", "chunks", "blocks"):
            assert plan["here"][name] == access["measured"][name], name
    assert found["plans"][0]["best"] and found["plans"][0]["seconds"] <= now["seconds"]
    text = tessera(*args)[0].decode()
    for word in ("best", "now", "32,32,50", "3,4,:  x3", "predicted", "measured", "The mean read"):
        assert word in text, text
    lines = text.splitlines()
    width = len(lines[2])
    assert all(len(line) == width for line in lines[2:lines.index("", 2)]), text


def advise_judges_shapes_that_are_not_there():
    args = ("advise", "--shape", "160,160,2560", "--dtype", "f4", "--access", ":,:,0", "--json")
    found = json.loads(tessera(*args, "--chunks", "32,32,256", "--format", "zarr2")[0])
    now = next(p for p in found["plans"] if p["now"])
    assert now["access"][0]["mean"]["bytes"] == 25 << 20  # "read 25 MB" in the ASDF document
    found = json.loads(tessera(*args, "--medium", "s3", "--in-flight", "4", "--latency", "0.1",
                               "--chunk-bytes", "256K:512K", "--block-bytes", "32K", "--ratio",
                               "0.5", "--most", "2", "--fixed", "--bandwidth", "1G", "--decode",
                               "2e9")[0])
    assert found["medium"] == "s3" and found["in_flight"] == 4 and found["ratio"] == 0.5
    assert found["bandwidth"] == 1 << 30 and found["decode_speed"] == 2e9
    for plan in found["plans"]:
        assert plan["default"] or plan["chunk_bytes"] <= 512 << 10, plan
    for wrong in ([], ["--access", ":,:,9999"], ["--access", "0=0"], ["--access", "0=x"],
                  ["--access", "0", "--format", "hdf5"], ["--access", "0", "--medium", "tape"],
                  ["--access", "0", "--measure"], ["--access", "0", "--chunks", "1,2"],
                  ["--access", "0", "--latency", "-1"], ["--access", "0", "--chunk-bytes", "9:1"],
                  ["--access", "0", "--blocks", "1,1,1"], ["--access", "0:0"]):
        tessera("advise", "--shape", "160,160,2560", "--dtype", "f4", *wrong, code=2)
    tessera("advise", "--shape", "10", "--access", "0", code=2)
    tessera("advise", "nowhere.b2nd", "--access", "0", code=3)


def completions_know_every_verb_and_option():
    for shell in ("bash", "zsh", "fish"):
        script = tessera("completions", shell)[0].decode()
        for verb in VERBS:
            assert verb in script
        assert "cmap" in script and "threads" in script
    tessera("completions", "tcsh", code=2)


TESTS = [f for name, f in list(globals().items())
         if callable(f) and getattr(f, "__module__", "") == "__main__"
         and name[0] != "_" and name not in ("sample", "info", "png_size")]

if __name__ == "__main__":
    sys.exit(run_all(TESTS))
