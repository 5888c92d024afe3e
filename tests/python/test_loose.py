# SPDX-License-Identifier: BSD-3-Clause
"""Items of variable length in Zarr arrays, against NumPy's arrays of objects."""

import numpy as np
import pytest

import tessera

WORDS = ["", "a", "zarr", "naïve", "😀", "a longer text, of some thirty bytes"]


def words(shape, seed=0):
    """Random words as objects."""
    rng = np.random.default_rng(seed)
    return np.array(WORDS, dtype=object)[rng.integers(0, len(WORDS), shape)]


@pytest.mark.parametrize("form", ["zarr3", "zarr2"])
@pytest.mark.parametrize("dtype", [str, "string", "str"])
def test_text_is_written_and_read_as_objects(tmp_path, form, dtype):
    path = str(tmp_path / "a.zarr")
    x = words((13, 7))
    a = tessera.asarray(x, dtype=dtype, urlpath=path, format=form, chunks=(5, 3))
    assert a.dtype == object and a.item_kind == "string"
    with tessera.open(path, mode="r") as b:
        np.testing.assert_array_equal(b[...], x)
        assert b[3, 2] == x[3, 2] and b[3, 2].shape == ()


KEYS = [
    np.s_[2], np.s_[1:9:3], np.s_[::-1, ::2], np.s_[..., -1], np.s_[None, 3:5],
    np.s_[[4, 0, 4], :], np.s_[:, [6, 1]], np.s_[[1, 2, 12], [0, 6, 3]], np.s_[np.arange(13) > 8],
    np.s_[np.array([[0], [12]]), [1, 5]], np.s_[5:5],
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_keys_read_and_write_as_numpy_does(key):
    x = words((13, 7), 1)
    a = tessera.asarray(x, chunks=(5, 3), blocks=(5, 3))
    np.testing.assert_array_equal(a[key], x[key])
    y = words(x[key].shape, 2)
    x[key] = y
    a[key] = y
    np.testing.assert_array_equal(a[...], x)
    x[key] = "same"
    a[key] = "same"
    np.testing.assert_array_equal(a[...], x)


@pytest.mark.parametrize("values", [
    ["ab", "", "ü"], np.array(["ab", "", "ü"]), np.array(["ab", "", "ü"], dtype=object),
    np.array(["ab", "", "ü"], dtype=np.dtypes.StringDType()), ("ab", None, "ü"),
])  # fmt: skip
def test_text_comes_from_sequences_and_arrays_of_every_kind(values):
    a = tessera.zeros(3, dtype="string")
    a[:] = values
    assert a[:].tolist() == ["ab", "", "ü"]


def test_strings_of_numpy_make_text():
    x = np.array(["ab", "", "ü"], dtype=np.dtypes.StringDType())
    a = tessera.asarray(x)
    assert a.item_kind == "string" and a[:].tolist() == ["ab", "", "ü"]


def test_bytes_json_and_arrays(tmp_path):
    a = tessera.asarray([b"\0\1", b"", b"x"], dtype="bytes", format="zarr2")
    assert a.item_kind == "bytes" and a[:].tolist() == [b"\0\1", b"", b"x"]
    a[1:] = np.array([b"pq", b"r"])
    assert a[:].tolist() == [b"\0\1", b"pq", b"r"]
    values = [{"a": [1, 2]}, None, 2.5]
    b = tessera.asarray(values, dtype="json", urlpath=str(tmp_path / "j.zarr"), format="zarr2")
    assert b[:].tolist() == values
    c = tessera.zeros(3, dtype="array(<i2)", format="zarr2")
    c[:2] = [[1, 2, 3], [-4]]
    assert [x.tolist() for x in c[:]] == [[1, 2, 3], [-4], []]
    assert c[0].item().dtype == "<i2"


def test_fill_values_growth_and_copies(tmp_path):
    a = tessera.full((2, 3), "none", dtype="string", urlpath=str(tmp_path / "f.zarr"))
    a[1, 1] = "some"
    a.resize((3, 3))
    assert a[:].tolist() == [["none"] * 3, ["none", "some", "none"], ["none"] * 3]
    assert a.append([["x", "y", "z"]], axis=0) == 4
    for b in (
        a.copy(),
        a.slice(np.s_[:]),
        a.copy(urlpath=str(tmp_path / "g.zarr"), format="zarr2"),
    ):
        np.testing.assert_array_equal(b[...], a[...])


def test_groups_hold_them(tmp_path):
    with tessera.group(str(tmp_path / "g.zarr")) as g:
        g.create_array("names", data=words(5), dtype=str)
        g.create_array("raw", shape=2, dtype=bytes, fill_value=b"\0")
        assert g["names"].item_kind == "string" and g["names"][:].tolist() == words(5).tolist()
        assert g["raw"][:].tolist() == [b"\0", b"\0"]


@pytest.mark.parametrize(
    ("dtype", "form", "value"),
    [
        ("string", "zarr3", "Fé"),
        ("string", "zarr2", ""),
        ("bytes", "zarr3", b"a\0b"),
        ("json", "zarr2", {"a": [1, "é"]}),
    ],
)
def test_the_fill_value_is_an_item(tmp_path, dtype, form, value):
    path = tmp_path / "v.zarr"
    a = tessera.full(3, value, dtype=dtype, urlpath=path, format=form)
    assert a.fill_value == value == a[1].item() and type(a.fill_value) is type(value)
    assert tessera.open(path).fill_value == value


def test_what_cannot_be_is_refused():
    a = tessera.zeros(3, dtype="string")
    with pytest.raises(TypeError, match="must be str"):
        a[0] = 5
    with pytest.raises(TypeError, match="variable length"):
        a.tobytes()
    with pytest.raises(ValueError, match="broadcast"):
        a[:] = ["a", "b"]
    with pytest.raises(TypeError):
        tessera.asarray(np.array([1, "a"], dtype=object))
    with pytest.raises(ValueError, match="variable length"):
        tessera.zeros(3, dtype="string", format="b2nd")
