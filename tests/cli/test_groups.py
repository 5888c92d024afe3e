#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_groups.py PROGRAM - groups of Zarr in the program: made, listed, told of."""
import json
import os
import re
import struct
import sys
import zipfile

from cli import run_all, save_npy, tessera

ARRAY = {"zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "int16",
         "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
         "chunk_key_encoding": {"name": "default"}, "fill_value": 7, "attributes": {"unit": "m"},
         "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}


def put(path, document):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(document, f)


def tree():
    tessera("create", "x.zarr#g/h", "--group")
    put("x.zarr/g/a/zarr.json", ARRAY)
    return "x.zarr"


def rows(*args):
    return json.loads(tessera("ls", *args, "--json")[0])


def a_group_is_made_with_those_above_it():
    tree()
    assert json.load(open("x.zarr/zarr.json"))["node_type"] == "group"
    assert json.load(open("x.zarr/g/h/zarr.json"))["zarr_format"] == 3
    tessera("create", "y.zarr", "--group", "--format", "zarr2")
    assert json.load(open("y.zarr/.zgroup")) == {"zarr_format": 2}


def a_root_without_document_is_a_group_and_can_be_given_one():
    for name, number, document in (("v2", "zarr2", ".zgroup"), ("v3", "zarr3", "zarr.json")):
        place = name + ".zarr"
        os.mkdir(place)
        assert rows(place) == [] and "dir group" in tessera("info", place)[0].decode()
        tessera("create", place + "/one", "--shape", "10", "--dtype", "i4", "--format", number)
        assert [r["name"] for r in rows(place)] == ["one"]
        info = json.loads(tessera("info", place, "--json")[0])
        assert info["kind"] == "group" and info["format"] == number, info
        tessera("verify", place)
        tessera("convert", place, name + "-copy.zarr")
        assert [r["name"] for r in rows(name + "-copy.zarr")] == ["one"]
        err = tessera("create", place, "--group", "-f", code=1)[1]
        assert "group without document" in err, err
        tessera("create", place, "--group")
        assert os.path.exists(os.path.join(place, document))
        assert [r["name"] for r in rows(place)] == ["one"]
        err = tessera("create", place, "--group", code=1)[1]
        assert "there is a group already" in err, err


def what_is_there_is_replaced_with_f_only():
    tree()
    err = tessera("create", "x.zarr#g", "--group", code=1)[1]
    assert "there is a group already" in err, err
    tessera("create", "x.zarr#g", "--group", "-f")
    assert rows("x.zarr#g") == []
    assert "--shape" in tessera("create", "z.zarr", "--group", "--shape", "3", code=2)[1]
    os.makedirs("other/things")
    tessera("create", "other", "--group", "-f", code=1)
    assert os.path.isdir("other/things")


def a_group_under_a_name_of_another_format_is_refused():
    for name in ("x.b2nd", "x.npy#a"):
        err = tessera("create", name, "--group", code=2)[1]
        assert "the name tells format" in err and ".zarr or .zip" in err, err
    assert os.listdir() == []
    tessera("create", "x.b2nd", "--group", "--format", "zarr3")
    assert rows("x.b2nd") == []
    tessera("create", "x.b2nd#a", "--group")
    assert [r["name"] for r in rows("x.b2nd")] == ["a"]


def a_place_may_end_in_a_slash():
    tessera("create", "x.zarr/", "--shape", "3", "--dtype", "i4")
    tessera("create", "g.zarr/#a", "--shape", "3", "--dtype", "i4")
    assert json.loads(tessera("info", "x.zarr/", "--json")[0])["format"] == "zarr3"
    assert [r["name"] for r in rows("g.zarr/")] == ["a"]


def behind_the_first_number_sign_all_stands_for_itself():
    nodes = ["a#b", "c%23d", "e#", "x y#z", "x y#z/q", "x y#z/r#/s"]
    for node in nodes[:3] + nodes[4:]:
        tessera("create", f"h%231.zarr#{node}", "--shape", "3", "--dtype", "i4")
        assert os.path.exists(f"h#1.zarr/{node}/zarr.json")
    assert [r["name"] for r in rows("h%231.zarr")] == nodes[:4]
    for at, names in (("", nodes[:4]), ("#x y#z", ["q", "r#"]), ("#x y#z/r#", ["s"])):
        found = rows("h%231.zarr" + at)
        assert [r["name"] for r in found] == names, found
        for r in found:
            assert rows(r["url"]), r
    lines = tessera("tree", "h%231.zarr", env={"LC_ALL": "C"})[0].decode().splitlines()
    assert [line.lstrip("|`- ").split("  ")[0] for line in lines[1:]] == [
        "a#b", "c%23d", "e#", "x y#z/", "q", "r#/", "s"], lines


def only_whole_blosc2_files_are_repacked():
    tree()
    err = tessera("repack", "x.zarr#g/a", code=6)[1]
    assert "inside x.zarr" in err and "no holes" in err, err
    tessera("repack", "no.zarr#a", code=3)
    tessera("create", "a%23b.b2nd", "--shape", "3", "--dtype", "i4")
    tessera("repack", "a#b.b2nd")


def sizes(line):
    """The two sizes in what convert says at its end, None where there is none."""
    ends = re.fullmatch(r"(.*?)( \((.*?)\))? -> (.*?)( \((.*?)\))? in .* s\n", line)
    return ends[3], ends[6]


def stored(folder):
    """Bytes of the chunks of all arrays in a folder."""
    found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    return sum(os.path.getsize(p) for p in found if not p.endswith("zarr.json"))


def convert_tells_what_is_stored_wherever_it_is():
    save_npy("a.npy", "|u1", (40, 50), os.urandom(2000))
    how = ("--chunks", "10,10")
    got = sizes(tessera("convert", "a.npy", "x.zarr#g/a", *how)[1])
    chunks = f"{stored('x.zarr') / 1000:.1f} kB"
    assert got == ("2.1 kB", chunks) and stored("x.zarr") >= 2000, got
    got = sizes(tessera("convert", "x.zarr", "y.zarr")[1])
    assert got == (chunks, chunks), got
    got = sizes(tessera("convert", "x.zarr#g/a", "s.b2nd", "--sparse")[1])
    assert got == (chunks, f"{stored('s.b2nd') / 1000:.1f} kB"), got
    got = sizes(tessera("convert", "x.zarr", "x.zip")[1])
    assert got == (chunks, f"{os.path.getsize('x.zip') / 1000:.1f} kB"), got
    got = sizes(tessera("convert", "x.zip#g/a", "b.npy")[1])
    assert got == (chunks, "2.1 kB"), got


def ls_tells_shapes_and_dtypes_of_a_group():
    tree()
    assert [(r["name"], r["url"], r["kind"]) for r in rows("x.zarr")] == [("g", "x.zarr#g", "group")]
    got = {r["name"]: r for r in rows("x.zarr#g")}
    assert list(got) == ["a", "h"], got
    assert got["a"] == {"name": "a", "url": "x.zarr#g/a", "kind": "array", "format": "zarr3",
                        "shape": [4, 6], "dtype": "<i2"}, got
    assert tessera("ls", "x.zarr#g")[0].decode().splitlines() == ["a  zarr3 [4,6] <i2", "h/"]
    assert [r["kind"] for r in rows(".")] == ["group"]
    assert [r["url"] for r in rows("x.zarr#g/a")] == ["x.zarr#g/a"]


def what_cannot_be_read_is_marked():
    tree()
    put("x.zarr/g/bad/zarr.json", {"zarr_format": 3, "node_type": "array"})
    got = {r["name"]: r for r in rows("x.zarr#g")}
    assert "shape: not there" in got["bad"]["error"], got
    assert b"error: g/bad/zarr.json" in tessera("ls", "x.zarr#g")[0]


def tree_draws_hierarchies_and_folders_above_them():
    tree()
    out = tessera("tree", "x.zarr")[0].decode()
    lines = [line.lstrip("│├└─|`- \xa0") for line in out.splitlines()]
    assert lines == ["x.zarr/", "g/", "a  zarr3 [4,6] <i2", "h/"], out
    assert tessera("tree", ".")[0].decode().count("\n") == 5


def info_of_a_group_has_attributes_and_counts():
    tree()
    put("x.zarr/g/zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": {"n": [1]}})
    got = json.loads(tessera("info", "x.zarr#g", "--json")[0])
    assert got == {"kind": "group", "format": "zarr3", "attrs": {"n": [1]}, "arrays": 1,
                   "groups": 1, "consolidated": False}, got
    out = tessera("info", "x.zarr#g")[0].decode()
    assert out.splitlines()[0] == "x.zarr#g: zarr3 group" and "n: [ 1 ]" in out, out


def info_of_an_array_tells_codecs_names_and_keys():
    tree()
    codecs = [{"name": "bytes", "configuration": {"endian": "big"}},
              {"name": "gzip", "configuration": {"level": 1}}]
    put("x.zarr/g/b/zarr.json", {
        "zarr_format": 3, "node_type": "array", "shape": [4, 6], "data_type": "int16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
        "chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}},
        "fill_value": 7, "codecs": codecs, "dimension_names": ["y", None]})
    got = json.loads(tessera("info", "x.zarr#g/b", "--json")[0])
    assert got["codecs"] == codecs and got["dimension_names"] == ["y", None], got
    assert got["chunk_keys"] == {"name": "v2", "separator": "."} and got["fill"] == 7, got
    assert got["consolidated"] is False and got["cbytes"] == 0, got
    out = tessera("info", "x.zarr#g/b")[0].decode()
    for line in ("codecs   bytes endian=big, gzip level=1", "axes     y, -",
                 "keys     v2, parted by '.'", "fill     7"):
        assert line in out, out


def an_array_is_made_in_a_group():
    tree()
    tessera("create", "x.zarr#g/new", "--shape", "4,6", "--dtype", "i2", "--chunks", "2,3")
    tessera("set", "x.zarr#g/new", "-s", "1", "5")
    assert [r["name"] for r in rows("x.zarr#g")] == ["a", "h", "new"]
    assert tessera("get", "x.zarr#g/new", "-s", ":2,0", "-o", "-")[0] == b"\0\0\x05\0"


def a_node_in_a_hierarchy_is_named_behind_a_hash():
    tree()
    got = json.loads(tessera("info", "x.zarr#g/a", "--json")[0])
    assert got["kind"] == "array" and got["shape"] == [4, 6] and got["attrs"] == {"unit": "m"}, got
    assert tessera("get", "x.zarr#g/a", "-s", "0,:2", "-o", "-")[0] == b"\x07\0\x07\0"
    assert "a group, expected an array" in tessera("get", "x.zarr#g", code=2)[1]
    tessera("info", "x.zarr#nothing", code=3)
    tessera("info", "x.zarr#g/a/c", code=3)


SHARDS = {**ARRAY, "shape": [4, 6], "attributes": {}, "codecs": [
    {"name": "sharding_indexed", "configuration": {
        "chunk_shape": [1, 3], "index_location": "end",
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}}]}


def archive(root, name, method):
    with zipfile.ZipFile(name, "w", method) as z:
        for folder, _, names in os.walk(root):
            for file in sorted(names):
                path = os.path.join(folder, file)
                z.write(path, os.path.relpath(path, root))
    with zipfile.ZipFile(name) as z:
        return {i.filename: i for i in z.infolist()}


def changed(name, info):
    """Flips a bit of an entry, of a shard in an inner chunk."""
    with open(name, "r+b") as f:
        f.seek(info.header_offset + 26)
        lengths = struct.unpack("<HH", f.read(4))
        at = info.header_offset + 30 + sum(lengths) + info.compress_size // 5
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def an_archive_with_bytes_before_it_is_read_when_its_name_tells():
    tree()
    archive("x.zarr", "x.zip", zipfile.ZIP_STORED)
    whole = open("x.zip", "rb").read()
    with open("sfx.zip", "wb") as f:
        f.write(b"#!/bin/sh\n")
    with zipfile.ZipFile("sfx.zip", "a") as z, zipfile.ZipFile("x.zip") as x:
        for name in x.namelist():
            z.writestr(name, x.read(name))
    assert open("sfx.zip", "rb").read(2) == b"#!"
    assert [r["name"] for r in rows("sfx.zip#g")] == ["a", "h"]
    err = tessera("create", "sfx.zip#b", "--group", code=2)[1]
    assert "expected a folder or a zip archive" in err, err
    with open("relative.zip", "wb") as f:
        f.write(b"#!/bin/sh\n" + whole)
    err = tessera("ls", "relative.zip", code=4)[1]
    assert "other bytes stand before the archive" in err, err
    with open("none.zip", "wb") as f:
        f.write(b"text")
    err = tessera("ls", "none.zip", code=4)[1]
    assert "the archive has no end record" in err, err


def a_name_that_is_no_text_is_replaced_in_json():
    node = '{"zarr_format": 3, "node_type": "group"}'
    with zipfile.ZipFile("x.zip", "w") as z:
        for name in ("zarr.json", "0\u00e9/zarr.json", "123/zarr.json"):
            z.writestr(name, node)
    with open("x.zip", "rb") as f:
        text = f.read()
    with open("x.zip", "wb") as f:  # a byte that goes on, and one that begins what does not go on
        f.write(text.replace(b"123/", b"\xaf\xe23/"))
    rows = json.loads(tessera("ls", "x.zip", "--json")[0].decode())
    assert sorted(r["name"] for r in rows) == ["0\u00e9", "\ufffd\ufffd3"]
    json.loads(tessera("verify", "x.zip", "--json")[0].decode())


def verify_reads_each_entry_of_an_archive_whole():
    """Inner chunks without a checksum, a document in consolidated metadata, a file of nobody."""
    tree()
    put("x.zarr/g/s/zarr.json", SHARDS)
    tessera("set", "x.zarr#g/s", "-s", "...", "5")
    tessera("set", "x.zarr#g/a", "-s", "...", "5")
    put("x.zarr/of_nobody", {"text": "of nobody"})
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for key in ("g/s/c/1/0", "g/a/c/0/0", "g/a/zarr.json", "of_nobody"):
            entries = archive("x.zarr", "x.zip", method)
            tessera("verify", "x.zip")
            changed("x.zip", entries[key])
            out = tessera("verify", "x.zip", code=4)[0].decode()
            told = [line for line in out.splitlines() if "CRC-32" in line or "inflate" in line]
            assert len(told) == 1 and f"x.zip: entry '{key}': " in told[0], (key, out)
            assert "1 problem\n" in out, out
            if key.startswith("g/s/c"):
                tessera("verify", "x.zip#g/a")
                out = tessera("verify", "x.zip#g/s", code=4)[0].decode()
                assert out.count(f"entry '{key}': ") == 1 and "1 problem\n" in out, out


HELPERS = ("put", "tree", "rows", "sizes", "stored", "archive", "changed")
TESTS = [f for name, f in list(globals().items())
         if getattr(f, "__module__", "") == "__main__" and name not in HELPERS]

if __name__ == "__main__":
    sys.exit(run_all(TESTS))
