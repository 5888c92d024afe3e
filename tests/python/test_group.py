# SPDX-License-Identifier: BSD-3-Clause
"""Groups as mappings: what is listed, made and removed; golden stores; a server without lists."""

import functools
import http.server
import json
import os
import pickle
import shutil
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

import tessera

GOLDEN = Path(os.environ.get("TESSERA_GOLDEN", "")) / "zarr"
FORMATS = ["zarr2", "zarr3"]


def put_array(folder, fmt, shape=(4, 6)):
    """The documents of an array of i2 without chunks; every item is 7."""
    os.makedirs(folder)
    v2 = {"zarr_format": 2, "shape": shape, "chunks": [2, 3], "dtype": "<i2", "order": "C",
          "fill_value": 7, "filters": None, "compressor": None}  # fmt: skip
    v3 = {"zarr_format": 3, "node_type": "array", "shape": shape, "data_type": "int16",
          "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
          "chunk_key_encoding": {"name": "default"}, "fill_value": 7,
          "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}  # fmt: skip
    name, doc = (".zarray", v2) if fmt == "zarr2" else ("zarr.json", v3)
    (Path(folder) / name).write_text(json.dumps(doc))


@pytest.fixture(params=FORMATS)
def root(request, tmp_path, monkeypatch):
    """A group with a group g, that holds a group h and an array a, and an array x."""
    monkeypatch.chdir(tmp_path)
    g = tessera.create_group("x.zarr", format=request.param)
    g.create_group("g/h")
    put_array("x.zarr/g/a", request.param)
    put_array("x.zarr/x", request.param)
    return g


def test_a_name_that_could_not_be_removed_is_refused(root):
    for attrs in (root.attrs, root["x"].attrs):
        attrs["kept"] = 1
        with pytest.raises(ValueError, match="NUL"):
            attrs["n\0"] = 1
        with pytest.raises(ValueError, match="NUL"):
            attrs.update({"n\0": 1})
    with pytest.raises(ValueError, match="NUL"):
        root.attrs.put({"n\0": 1})
    with pytest.raises(ValueError, match="NUL"):
        root.create_group("new", attributes={"n\0": 1})
    with pytest.raises(ValueError, match="NUL"):
        root.create_array("new", shape=2, attributes={"n\0": 1})
    assert root.attrs[:] == {"kept": 1} and "new" not in root
    root.attrs.clear()
    assert root.attrs[:] == {}


def test_what_a_group_would_remove_and_give_is_refused_and_stays(root):
    for call in (lambda: root.pop("x"), lambda: root.pop("nothing", 3), root.popitem):
        with pytest.raises(TypeError, match="del group"):
            call()
    assert list(root) == ["g", "x"]


def test_the_other_ways_to_change_a_mapping_do_what_they_say(root):
    assert root.setdefault("x", [1])[0, 0] == 7 and isinstance(root.setdefault("g"), tessera.Group)
    new = root.setdefault("new", [1, 2])
    assert isinstance(new, tessera.NDArray) and new[1] == 2
    with pytest.raises(TypeError, match="expected a shape or data"):
        root.setdefault("none")
    root.update({"x": [5]}, y=np.arange(3))
    assert root["x"][0] == 5 and root["y"][2] == 2
    with pytest.raises(TypeError, match="expected an array, found Group"):
        root.update(z=root["g"])
    root.clear()
    assert not len(root) and "x" not in root


def test_a_group_is_a_mapping(root):
    assert list(root) == ["g", "x"] and len(root) == 2
    assert "g/a" in root and "/g//a/" in root and "nothing" not in root and 5 not in root
    assert isinstance(root["g"], tessera.Group) and isinstance(root["x"], tessera.NDArray)
    assert [k for k, _ in root.items()] == ["g", "x"]
    assert [type(v).__name__ for v in root.values()] == ["Group", "NDArray"]
    assert root.get("nothing", 3) == 3
    with pytest.raises(KeyError):
        root["g/nothing"]
    with pytest.raises(KeyError):
        root[""]
    with pytest.raises(TypeError):
        root[3]


def test_arrays_of_a_group_read_and_know_their_place(root):
    a = root["g/a"]
    assert np.array_equal(a[...], np.full((4, 6), 7)) and a.dtype == "i2" and a.chunks == (2, 3)
    assert a.urlpath == "x.zarr#g/a" and a.writable
    again = tessera.open(a.urlpath)
    assert not again.writable and np.array_equal(again[1], a[1])


def test_names_of_a_group_say_where_it_is(root):
    h = root["g/h"]
    assert (h.urlpath, h.path, h.name, h.basename) == ("x.zarr#g/h", "g/h", "/g/h", "h")
    assert (root.urlpath, root.path, root.name, root.basename) == ("x.zarr", "", "/", "")
    assert h.format == root.format and h.mode == "r+"
    assert h == tessera.open("x.zarr#g/h") and h != root and len({h, root["g"]["h"]}) == 1
    assert repr(h) == "<Group x.zarr#g/h>"


def test_open_tells_groups_from_arrays(root):
    assert isinstance(tessera.open("x.zarr"), tessera.Group)
    assert isinstance(tessera.open("x.zarr#x"), tessera.NDArray)
    with pytest.raises(tessera.DeniedError):
        tessera.open("x.zarr").create_group("new")
    assert tessera.open("x.zarr", mode="a").create_group("new").path == "new"
    with pytest.raises(FileNotFoundError):
        tessera.open("x.zarr#nothing")
    with pytest.raises(tessera.UnsupportedError, match="a group"):
        tessera.load("x.zarr")
    os.mkdir("plain")
    with pytest.raises(tessera.UnsupportedError, match="without a Zarr document"):
        tessera.open("plain")


def test_kinds_are_told_apart(root):
    assert list(root.array_keys()) == ["x"] and list(root.group_keys()) == ["g"]
    assert [n for n, _ in root.arrays()] == ["x"] and [n for n, _ in root.groups()] == ["g"]
    assert [n for n, _ in root.members(max_depth=None)] == ["g", "g/a", "g/h", "x"]
    assert [n for n, _ in root.members(max_depth=1)] == ["g", "g/a", "g/h", "x"]
    assert root.nmembers() == 2 and root.nmembers(max_depth=None) == 4


def test_modes_make_read_and_replace(root):
    fmt = root.format
    assert tessera.group("x.zarr", mode="r").mode == "r"
    assert len(tessera.group("x.zarr", mode="a")) == 2
    assert len(tessera.group("x.zarr", mode="r+")) == 2
    for mode in ("w-", "x"):
        with pytest.raises(tessera.ExistsError):
            tessera.group("x.zarr", mode=mode)
    assert tessera.group("x.zarr#new/one").format == fmt
    assert len(tessera.group("x.zarr", mode="w")) == 0
    with pytest.raises(FileNotFoundError):
        tessera.group("y.zarr", mode="r+")
    with pytest.raises(ValueError, match="mode: found 'q'"):
        tessera.group("x.zarr", mode="q")


def test_children_are_made_and_removed(root):
    g = root["g"]
    with pytest.raises(tessera.ExistsError):
        root.create_group("g")
    assert root.require_group("g") == g and root.require_group("p/q").path == "p/q"
    with pytest.raises(tessera.ExistsError):
        root.require_group("x")
    with pytest.raises(ValueError, match="is an array"):
        root.create_group("x/y")
    del root["g/a"]
    assert list(g) == ["h"]
    del root["g"]
    assert list(root) == ["p", "x"] and not os.path.exists("x.zarr/g")
    with pytest.raises(KeyError):
        del root["g"]
    assert len(root.create_group("p", overwrite=True)) == 0


def test_attributes_are_a_mapping(root):
    attrs = root.attrs
    attrs["n"] = 1
    attrs.update({"np": np.float32(1.5), "list": np.arange(3)}, text="naïve 漢字 😀")
    want = {"n": 1, "np": 1.5, "list": [0, 1, 2], "text": "naïve 漢字 😀"}
    assert dict(tessera.open("x.zarr").attrs) == want == root.attrs[:]
    assert "n" in attrs and len(attrs) == 4 and attrs.pop("n") == 1 and "n" not in root.attrs
    with pytest.raises(KeyError):
        del attrs["n"]
    with pytest.raises(ValueError, match="JSON"):
        attrs["bad"] = float("nan")
    with pytest.raises(TypeError):
        attrs["bad"] = object()
    root.attrs = {"only": None}
    assert root.attrs[:] == {"only": None}
    with pytest.raises(tessera.DeniedError):
        tessera.open("x.zarr").attrs["n"] = 1
    assert root.create_group("with", attributes={"a": 1}).attrs["a"] == 1


def test_consolidated_metadata_is_written_used_and_kept_true(root):
    assert not tessera.open("x.zarr").consolidated
    root.consolidate()
    there = tessera.open("x.zarr")
    assert there.consolidated and there["g"].consolidated
    assert not tessera.group("x.zarr", mode="r", use_consolidated=False).consolidated
    before = there._h.stats()
    assert there.nmembers(max_depth=None) == 4 and there["g/a"].shape == (4, 6)
    assert there._h.stats() == before
    root["g"].attrs["n"] = 1
    root.create_group("new")
    del root["x"]
    for consolidated in (True, False):
        now = tessera.group("x.zarr", mode="r", use_consolidated=consolidated)
        assert [n for n, _ in now.members(max_depth=None)] == ["g", "g/a", "g/h", "new"]
        assert now["g"].attrs[:] == {"n": 1}


def test_what_cannot_be_read_is_listed_but_no_member(root):
    os.makedirs("x.zarr/bad")
    Path("x.zarr/bad/zarr.json").write_text("{}")
    assert list(root) == ["bad", "g", "x"] and "error: bad/zarr.json" in root.tree()
    assert [n for n, _ in root.members()] == ["g", "x"]
    with pytest.raises(tessera.CorruptError, match="zarr_format"):
        root["bad"]


ODD = {"zarr_format": 3, "node_type": "array", "shape": [2], "data_type": "odd",
       "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
       "chunk_key_encoding": "default", "fill_value": 0, "codecs": ["bytes"]}  # fmt: skip


@pytest.mark.parametrize("text", ["{", json.dumps(ODD)])
def test_what_cannot_be_used_is_replaced_by_all_that_replaces(root, text):
    def spoil():
        shutil.rmtree("x.zarr/x", ignore_errors=True)
        os.makedirs("x.zarr/x/c/0")
        Path("x.zarr/x/c/0/0").write_bytes(b"chunk")
        Path("x.zarr/x/zarr.json").write_text(text)
        with pytest.raises((tessera.CorruptError, tessera.UnsupportedError)):
            root["x"]

    spoil()
    root["x"] = np.arange(3)
    assert root["x"][:].tolist() == [0, 1, 2]
    spoil()
    tessera.asarray(np.arange(3), urlpath="x.zarr#x", mode="w").close()
    assert root["x"][:].tolist() == [0, 1, 2]
    spoil()
    assert list(root.create_group("x", overwrite=True)) == []
    spoil()
    assert list(tessera.create_group("x.zarr#x", overwrite=True)) == []
    spoil()
    del root["x"]
    assert not os.path.exists("x.zarr/x")


def test_trees_are_drawn(root):
    want = ["/", "├── g", "│   ├── a (4, 6) int16", "│   └── h", "└── x (4, 6) int16"]
    assert root.tree().splitlines() == want
    assert root.tree(level=1).splitlines() == ["/", "├── g", "└── x (4, 6) int16"]
    assert root.tree(level=0) == "/"
    assert root["g"].tree().splitlines()[0] == "/g"
    text = root._repr_html_()
    assert text.count("<ul>") == text.count("</ul>") == 2 and "<b>h</b>" in text


def test_a_closed_group_says_so(root):
    child = root["g"]
    root.close()
    root.close()
    assert "closed" in repr(root) and list(child) == ["a", "h"]
    with pytest.raises(ValueError, match="closed"):
        list(root)
    with tessera.open("x.zarr") as g:
        pass
    with pytest.raises(ValueError, match="closed"):
        g.attrs["x"]


def test_a_group_is_pickled_by_its_place(root):
    again = pickle.loads(pickle.dumps(root["g"]))
    assert again == root["g"] and again.mode == "r" and list(again) == ["a", "h"]


def test_an_archive_is_in_place_when_it_is_closed(tmp_path):
    path = str(tmp_path / "x.zip")
    with tessera.create_group(path) as g:
        g.create_group("a/b").attrs["n"] = 1
        g.flush()
        assert tessera.open(path)["a/b"].attrs["n"] == 1
        g.create_group("c")
    with tessera.open(path) as g:
        assert list(g) == ["a", "c"]
    with pytest.raises(tessera.ExistsError):
        tessera.create_group(path)


def test_threads_use_a_group_together(root):
    failed = []

    def work(k):
        try:
            for i in range(5):
                root.create_group(f"t{k}/{i}").attrs["k"] = k
                assert len(root[f"t{k}"]) == i + 1
        except BaseException as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed and root.nmembers(max_depth=None) == 4 + 4 * 6


# ---- over a server that lists nothing ----


@pytest.fixture
def served(root):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=os.getcwd())
    handler.log_message = lambda *args: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/x.zarr"
    server.shutdown()
    server.server_close()


def test_over_http_consolidated_metadata_lists(root, served):
    root.consolidate()
    there = tessera.open(served)
    assert there.consolidated and list(there) == ["g", "x"]
    assert [n for n, _ in there["g"].items()] == ["a", "h"]
    assert there["g/a"][0, 0] == 7
    assert [n for n, _ in tessera.open(served + "#g").items()] == ["a", "h"]


def test_over_http_without_it_known_paths_are_opened(root, served):
    there = tessera.open(served)
    assert there["g/a"].shape == (4, 6) and "nothing" not in there
    with pytest.raises(tessera.UnsupportedError, match="cannot list what is there"):
        list(there)


# ---- golden stores ----


def _stores():
    if not (GOLDEN / "manifest.json").exists():
        return [], []
    manifest = json.loads((GOLDEN / "manifest.json").read_text())
    stores = [s for s in manifest["stores"] if s["groups"] and s["file"][:6] != "reject"]
    return stores, manifest["arrays"]


STORES, ARRAYS = _stores()


@pytest.mark.skipif(not STORES, reason="TESSERA_GOLDEN is not set")
@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("store", STORES, ids=lambda s: s["file"])
def test_golden_groups_are_as_their_manifest_says(store, consolidated, tmp_path):
    place = str(GOLDEN / store["file"])
    if place.endswith(".tar"):
        place = str(tmp_path / "store")
        with tarfile.open(GOLDEN / store["file"]) as tar:
            tar.extractall(place)
    if store["file"] == "v3_zip_prefixed.zip":
        place += "#data.zarr"
    root = tessera.group(place, mode="r", use_consolidated=consolidated)
    assert root.consolidated == (consolidated and bool(store["consolidated"]))
    found = root._h.list(0)
    groups = {"": root.attrs[:]}
    groups.update({n[0]: root[n[0]].attrs[:] for n in found if n[1] == "group"})
    assert groups == {g["path"]: g["attributes"] for g in store["groups"]}
    shapes = {n[0]: list(n[4]) for n in found if n[1] == "array" and n[3] is None}
    want = {a["path"]: a["shape"] for a in ARRAYS if a["store"] == store["file"]}
    assert shapes == want


def test_an_array_does_not_take_the_place_of_what_it_is_made_of(tmp_path):
    g = tessera.create_group(str(tmp_path / "own.zarr"))
    g["x"] = np.arange(1, 5)
    g["a/y"] = np.array([(1, 2.0)], dtype=[("i", "i4"), ("f", "f8")])
    for name, data in {"x": g["x"], "a/y": g["a/y"]["f"], "a": g["a/y"]}.items():
        with pytest.raises(ValueError, match="holds the items that are to be written"):
            g[name] = data
    assert g["x"][:].tolist() == [1, 2, 3, 4] and g["a/y"]["f"][0] == 2
    g["x"] = g["x"][::-1]
    g["a/z"] = g["x"]
    assert g["a/z"][:].tolist() == [4, 3, 2, 1]
