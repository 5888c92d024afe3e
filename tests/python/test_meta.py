# SPDX-License-Identifier: BSD-3-Clause
"""Metadata: values that round-trip, mappings that behave, what python-blosc2 sees."""

import enum

import msgpack
import numpy as np
import pytest

import tessera
from peer import needs_peer, peer
from tessera import SChunk
from tessera.meta import pack_value, unpack_value

VALUES = [
    None, True, False, 0, -1, 2**63, -(2**63), 1.5, float("inf"), "", "text", "mamà", b"",
    b"\x00\xff", [], [[]], [[], [[]]], {}, {"a": {"b": [1, 2]}}, {b"lorem": 1234}, {1: "x"},
    (), (1,), (1, (2, [3])),
    [(1, 2), {"k": (3,)}], {"k": (1, "__tuple__")}, ["a", "__tuple__"],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back(value):
    s = SChunk(meta={"m": value})
    s.vlmeta["v"] = value
    for got in (s.meta["m"], s.vlmeta["v"], tessera.from_cframe(s.to_cframe()).vlmeta["v"]):
        assert got == value and type(got) is type(value)


def test_a_tuple_is_written_as_the_peer_writes_it():
    assert pack_value(("numpy", (2, 3), "<i2")).hex() == (
        "94a95f5f7475706c655f5fa56e756d707993a95f5f7475706c655f5f0203a33c6932"
    )


def test_scalars_of_numpy_become_plain():
    class Colour(enum.IntEnum):
        RED = 3

    s = SChunk()
    s.vlmeta["v"] = [np.int32(5), np.float64(0.5), np.bool_(True), np.str_("x"), Colour.RED]
    assert s.vlmeta["v"] == [5, 0.5, True, "x", 3]
    assert [type(x) for x in s.vlmeta["v"]] == [int, float, bool, str, int]


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, 1j, np.arange(3), [object()]],
    ids=["object", "set", "complex", "array", "list"],
)
def test_what_messagepack_cannot_hold_is_a_type_error(value):
    with pytest.raises(TypeError):
        SChunk().vlmeta["v"] = value


def test_integers_of_more_than_64_bits_are_a_value_error():
    with pytest.raises(ValueError):
        SChunk().vlmeta["v"] = 2**64


def test_arrays_and_super_chunks_are_values_too():
    s = SChunk()
    s.vlmeta["a"] = {"inner": tessera.arange(10), "s": SChunk(data=b"abc")}
    got = s.vlmeta["a"]
    assert np.array_equal(got["inner"][:], np.arange(10)) and got["s"][:] == b"abc"


def test_extensions_that_are_not_known_are_shown_as_such():
    s = SChunk()
    s.vlmeta["v"] = msgpack.ExtType(43, b"\x80")
    assert s.vlmeta["v"] == msgpack.ExtType(43, b"\x80")


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\xdb\xff\xff\xff\xff", b"\x92\x01", b"\xa1\xff",
                                 b"\x01\x02", b"\x81\x90\x01", b"\x91" * 5000,
                                 b"\xc7\x05\x2aabcde"])  # fmt: skip
def test_bytes_that_are_no_messagepack_are_errors(raw):
    with pytest.raises((ValueError, RuntimeError)):
        unpack_value(raw)


def test_vlmeta_is_a_mapping():
    v = SChunk().vlmeta
    assert len(v) == 0 and list(v) == [] and v.getall() == {} == v[:]
    v["b"], v["a"] = 1, 2
    v[:] = {"c": 3}
    assert list(v) == ["b", "a", "c"] and dict(v) == v[:] == {"b": 1, "a": 2, "c": 3}
    assert v.to_dict() == {b"b": 1, b"a": 2, b"c": 3}
    assert "a" in v and "z" not in v and 5 not in v
    assert v.get("a") == 2 and v.get("z") is None and v.get("z", 9) == 9
    v["a"] = "much longer than it was before"
    del v["b"]
    v["b"] = 5
    assert list(v) == ["a", "c", "b"]
    assert v.pop("a").startswith("much") and v.setdefault("c", 0) == 3
    for missing in (lambda: v["z"], lambda: v.__delitem__("z"), lambda: v.pop("z")):
        with pytest.raises(KeyError):
            missing()
    v.clear()
    assert len(v) == 0
    with pytest.raises(NotImplementedError, match="Slicing is not supported, unless"):
        v[::2]
    with pytest.raises(TypeError):
        v[1] = 1
    for name in ("", "x" * 32):
        with pytest.raises(ValueError):
            v[name] = 1


def test_meta_is_fixed():
    s = SChunk(meta={"a": {"x": 1}, "2": [1, 2]})
    assert list(s.meta) == ["a", "2"] and s.meta[:] == {"a": {"x": 1}, "2": [1, 2]}
    s.meta["a"] = {"x": 9}
    assert s.meta["a"] == {"x": 9} and s.meta.get("no", 4) == 4
    with pytest.raises(ValueError):
        s.meta["a"] = {"x": 1000}
    with pytest.raises(NotImplementedError):
        del s.meta["a"]
    with pytest.raises(KeyError):
        s.meta["new"] = 1
    with pytest.raises(KeyError):
        s.meta["new"]
    with pytest.raises(NotImplementedError, match="Slicing is not supported, unless"):
        s.meta[::2]


def test_a_mapping_keeps_its_owner_alive(tmp_path):
    v = SChunk().vlmeta
    v["a"] = 1
    assert v["a"] == 1 and v.mode == "a"
    SChunk(data=b"a", urlpath=tmp_path / "s.b2frame")
    assert tessera.open(tmp_path / "s.b2frame").vlmeta.mode == "r"


def test_metadata_lives_in_files(tmp_path):
    path = tmp_path / "s.b2frame"
    with SChunk(data=b"a", urlpath=path, meta={"m": (1, 2)}) as s:
        s.vlmeta["v"] = list(range(1000))
    with tessera.open(path, "a") as s:
        assert s.meta["m"] == (1, 2) and s.vlmeta["v"] == list(range(1000))
        del s.vlmeta["v"]
    assert "v" not in tessera.open(path).vlmeta


def test_attributes_of_arrays_are_json(tmp_path):
    a = tessera.zeros((2, 3), urlpath=tmp_path / "a.b2nd")
    a.attrs["unit"] = "K"
    a.attrs["n"] = {"list": [1, 2.5, None, True], "np": np.arange(3), "deep": {"x": (1, 2)}}
    a.vlmeta["bytes"] = b"\x00"
    a.close()
    a = tessera.open(tmp_path / "a.b2nd", "a")
    assert a.attrs["unit"] == "K"
    assert a.attrs["n"] == {"list": [1, 2.5, None, True], "np": [0, 1, 2], "deep": {"x": [1, 2]}}
    assert {"unit", "n"} <= set(a.attrs) and "unit" in a.attrs and a.vlmeta["unit"] == "K"
    del a.attrs["unit"]
    assert "unit" not in a.attrs and len(a.attrs) == len(a.attrs[:])
    for missing in (lambda: a.attrs["unit"], lambda: a.attrs.__delitem__("unit")):
        with pytest.raises(KeyError):
            missing()
    with pytest.raises(TypeError):
        a.attrs["o"] = object()


_PEER = """
s = blosc2.open(args[0], mode="a")
assert s.meta["m"] == (1, [2, b"x"]), s.meta["m"]
assert s.vlmeta["v"] == {"t": (1, (2,)), "n": None}, s.vlmeta["v"]
s.vlmeta["theirs"] = {"t": (5, [6]), "b": b"z", "f": 0.5}
del s.vlmeta["v"]
"""


@needs_peer
def test_the_peer_and_we_read_each_others_metadata(tmp_path):
    path = tmp_path / "s.b2frame"
    with SChunk(data=b"abc", urlpath=path, meta={"m": (1, [2, b"x"])}) as s:
        s.vlmeta["v"] = {"t": (1, (2,)), "n": None}
    peer(_PEER, path)
    s = tessera.open(path)
    assert s.vlmeta[:] == {"theirs": {"t": (5, [6]), "b": b"z", "f": 0.5}}
