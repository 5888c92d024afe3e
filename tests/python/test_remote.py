# SPDX-License-Identifier: BSD-3-Clause
"""Arrays and groups behind servers that run here: HTTP, and S3 with signatures that are checked, by
a server of our own and by moto where it is installed."""

import os
import pickle
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tessera

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "remote"))
import moto_
from proxy import Proxy
from s3server import ID, REGION, S3, SECRET
from webserver import Site, stalled, status

ITEMS = np.arange(60 * 80, dtype="<i4").reshape(60, 80)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch):
    for name in list(os.environ):
        ours = ("AWS_", "TESSERA_TRIES", "TESSERA_TIMEOUT")
        if name.startswith(ours) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


class Own:
    """The server of tests/remote: (proxy-like log, options)."""

    def __init__(self):
        self.site = S3()
        self.options = {"endpoint": self.site.url, "region": REGION, "key": ID, "secret": SECRET}

    def __exit__(self, *exc):
        self.site.__exit__(*exc)


class Moto:
    """moto behind a proxy that counts."""

    def __init__(self):
        self.moto = moto_.start("bucket")
        if self.moto is None:
            pytest.skip("moto is not there: scripts/setup.sh servers gets it from PyPI")
        self.site = Proxy(self.moto.url)
        keys = {"key": self.moto.id, "secret": self.moto.secret}
        self.options = {"endpoint": self.site.url, "region": "us-east-1", **keys}

    def __exit__(self, *exc):
        self.site.__exit__(*exc)
        self.moto.__exit__(*exc)


@pytest.fixture(scope="module", params=[Own, Moto], ids=["own", "moto"])
def s3(request):
    server = request.param()
    yield server
    server.__exit__(None, None, None)


@pytest.fixture
def site():
    with Site() as web:
        yield web


def put(web, path, folder):
    """What is in a folder, or a file, under a path of the server."""
    names = [folder] if folder.is_file() else [p for p in folder.rglob("*") if p.is_file()]
    for p in names:
        inside = "" if p == folder else f"/{p.relative_to(folder)}"
        web.files[path + inside] = p.read_bytes()
    web.log.clear()


# ---- S3 ----


def test_an_array_is_made_read_and_changed_on_s3(s3):
    url, options = "s3://bucket/one/a.zarr", s3.options
    how = {"chunks": (20, 40), "blocks": (10, 20), "attributes": {"unit": "K"}}
    with tessera.asarray(ITEMS, urlpath=url, storage_options=options, **how) as a:
        assert a.format == "zarr3" and a.blocks == (10, 20)
    with tessera.open(url, storage_options=options) as a:
        assert np.array_equal(a[...], ITEMS) and a.attrs["unit"] == "K"
        assert a.hash() == tessera.hash(ITEMS) == tessera.hash(url, storage_options=options)
    with tessera.open(url, mode="a", storage_options=options) as a:
        a[15:25, 30:50] = -1
        a.attrs["unit"] = "mK"
        assert a[15, 30] == -1
    want = ITEMS.copy()
    want[15:25, 30:50] = -1
    b = tessera.open(url, storage_options=options)
    assert np.array_equal(b[...], want) and b.attrs[:] == {"unit": "mK"}
    assert tessera.diff(b, ITEMS, items_only=True).different == 200
    assert tessera.verify(url, storage_options=options).good
    with pytest.raises(tessera.ExistsError):
        tessera.zeros(3, urlpath=url, storage_options=options)
    assert tessera.load(url, storage_options=options).urlpath is None


def test_a_group_lives_on_s3(s3):
    url, options = "s3://bucket/two/g.zarr", s3.options
    with tessera.create_group(url, storage_options=options, attributes={"title": "T"}) as g:
        g.create_array("a/x", data=ITEMS, chunks=(30, 40)).close()
        g["y"] = np.arange(5)
        g.create_group("empty")
        del g["empty"]
        g["a"].attrs["n"] = 1
        g.consolidate()
    g = tessera.open(url, storage_options=options)
    assert g.consolidated and sorted(g) == ["a", "y"] and "a/x" in g and "empty" not in g
    assert g.attrs[:] == {"title": "T"} and g["a"].attrs["n"] == 1
    assert np.array_equal(g["a/x"][10:20, ::7], ITEMS[10:20, ::7])
    assert g.tree().splitlines()[1:] == ["├── a", "│   └── x (60, 80) int32", "└── y (5,) int64"]
    x = tessera.open(url + "#a/x", storage_options=options)
    assert np.array_equal(x[59], ITEMS[59])
    for thing in (g["a/x"], g["a"]):  # options go along
        again = pickle.loads(pickle.dumps(thing))
        assert (again if thing.__class__ is not tessera.Group else again["x"])[1, 1] == 81
    with tessera.group(url, "r+", storage_options=options) as g:
        g["a/x"][0, 0] = 9
    assert tessera.open(url + "#a/x", storage_options=options)[0, 0] == 9


def test_the_environment_says_what_options_do_not(s3, monkeypatch):
    url, options = "s3://bucket/three.zarr", s3.options
    monkeypatch.setenv("AWS_ENDPOINT_URL", options["endpoint"])
    monkeypatch.setenv("AWS_REGION", options["region"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", options["secret"])
    tessera.asarray(ITEMS, urlpath=url, chunks=(20, 40)).close()
    assert np.array_equal(tessera.open(url)[...], ITEMS)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert tessera.open(url, storage_options={"endpoint": options["endpoint"]})[1, 0] == 80
    assert tessera.open(url, storage_options={"endpoint_url": options["endpoint"]})[1, 0] == 80


def test_wrong_keys_are_permission_errors_that_say_what_the_server_said(s3):
    url = "s3://bucket/four.zarr"
    tessera.zeros(3, urlpath=url, storage_options=s3.options).close()
    wrong = [{**s3.options, "secret": "wrong"}, {**s3.options, "key": "AKIANOBODY"}]
    for options, said in zip(wrong, ["SignatureDoesNotMatch", "AccessKey"], strict=True):
        for call in (tessera.open, tessera.group, tessera.hash):
            with pytest.raises(PermissionError, match=said) as e:
                call(url, storage_options=options)
            assert isinstance(e.value, tessera.DeniedError)
        with pytest.raises(PermissionError, match=said):
            tessera.zeros(3, urlpath="s3://bucket/new.zarr", storage_options=options)
    with pytest.raises(PermissionError):
        tessera.open(url, storage_options={"endpoint": s3.options["endpoint"], "anon": True})


def test_what_is_not_there_is_not_found(s3):
    with pytest.raises(FileNotFoundError):
        tessera.open("s3://bucket/nothing.zarr", storage_options=s3.options)
    with pytest.raises(FileNotFoundError):
        tessera.group("s3://bucket/nothing.zarr", mode="r", storage_options=s3.options)


def test_a_slice_takes_the_inner_chunks_it_meets_and_the_index(s3):
    url = "s3://bucket/five.zarr"
    how = {"chunks": (60, 80), "blocks": (10, 10), "storage_options": s3.options}
    rng = np.random.default_rng(0)
    items = rng.integers(0, 2**31, (120, 160), "i4")
    tessera.asarray(items, urlpath=url, **how).close()
    a = tessera.open(url, storage_options=s3.options)
    s3.site.log.clear()
    before, sent = a._stats(), s3.site.sent
    assert np.array_equal(a[12:18, 21:29], items[12:18, 21:29])  # in one inner chunk
    after = a._stats()
    assert len(s3.site.log) == after["requests"] - before["requests"] == 2
    assert s3.site.sent - sent == after["bytes_read"] - before["bytes_read"]
    assert after["bytes_read"] - before["bytes_read"] < 400 + 100 + 16 * 48 + 4
    assert {path for _, path, _ in s3.site.log} == {"/bucket/five.zarr/c/0/0"}


def test_anonymous_requests_are_not_signed():
    with S3() as site:
        site.public = True
        options = {"endpoint": site.url, "region": REGION}
        keys = {"key": ID, "secret": SECRET}
        url = "s3://bucket/a.zarr"
        tessera.asarray(ITEMS, urlpath=url, storage_options={**options, **keys}).close()
        site.signed = site.unsigned = 0
        for anon in ({}, {"anon": True}, {"anonymous": True, **keys}):
            a = tessera.open(url, storage_options={**options, **anon})
            assert np.array_equal(a[...], ITEMS)
        assert site.signed == 0 and site.unsigned > 3


# ---- HTTP ----


def test_arrays_and_groups_are_read_over_http(site, tmp_path):
    with tessera.group(tmp_path / "g.zarr") as g:
        g.create_array("a/x", data=ITEMS, chunks=(20, 40), blocks=(10, 20)).close()
        g.consolidate()
    put(site, "/g.zarr", tmp_path / "g.zarr")
    tessera.asarray(ITEMS, urlpath=tmp_path / "x.b2nd", chunks=(30, 40)).close()
    put(site, "/x.b2nd", tmp_path / "x.b2nd")
    g = tessera.open(site.url + "/g.zarr")
    assert list(g) == ["a"] and np.array_equal(g["a/x"][...], ITEMS)
    x = tessera.open(site.url + "/x.b2nd")
    before = x._stats()["requests"]
    site.log.clear()
    assert np.array_equal(x[7:9], ITEMS[7:9])
    assert x._stats()["requests"] - before == len(site.log) <= 3
    assert x.hash() == tessera.hash(ITEMS)
    assert np.array_equal(pickle.loads(pickle.dumps(x))[0], ITEMS[0])
    with pytest.raises(PermissionError, match="HTTP"):
        tessera.zeros(3, urlpath=site.url + "/new.zarr")
    with pytest.raises(FileNotFoundError):
        tessera.open(site.url + "/nothing.b2nd")


def test_a_node_behind_a_slash_is_told_how_to_be_named(site, tmp_path):
    with tessera.create_group(tmp_path / "g.zarr") as g:
        g["a/x"] = ITEMS
        g.consolidate()
    put(site, "/t/g.zarr", tmp_path / "g.zarr")
    for path in ("g.zarr/a/x", "g.zarr/a/x/c/0/0", "g.zarr/none"):
        inside = path.removeprefix("g.zarr/")
        with pytest.raises((FileNotFoundError, tessera.UnsupportedError), match=f"zarr#{inside}$"):
            tessera.open(f"{site.url}/t/{path}")
    assert np.array_equal(tessera.open(f"{site.url}/t/g.zarr/#a/x")[...], ITEMS)


def test_tries_and_timeouts_are_options(site, tmp_path):
    tessera.asarray(ITEMS, urlpath=tmp_path / "x.b2nd").close()
    put(site, "/x.b2nd", tmp_path / "x.b2nd")
    url = site.url + "/x.b2nd"
    site.always = status(503)
    with pytest.raises(tessera.TemporaryError, match="503") as e:
        tessera.open(url, storage_options={"tries": 2, "pause": 0.01})
    assert isinstance(e.value, OSError) and len(site.log) % 2 == 0
    site.always = stalled(20)
    begin = time.monotonic()
    with pytest.raises(tessera.TemporaryError, match="nothing came for 1 s"):
        tessera.open(url, storage_options={"tries": 1, "timeout": 1, "connections": 2})
    assert time.monotonic() - begin < 15
    site.always = None
    site.faults = [status(500)] * 2
    assert tessera.open(url, storage_options={"pause": 0.01})[1, 1] == 81


def test_a_signal_ends_a_request_that_waits(site, tmp_path):
    tessera.asarray(ITEMS, urlpath=tmp_path / "x.b2nd").close()
    put(site, "/x.b2nd", tmp_path / "x.b2nd")
    site.always = stalled(60)

    def stop(*_):
        raise InterruptedError("enough")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    begin = time.monotonic()
    try:
        with pytest.raises(InterruptedError, match="enough"):
            tessera.open(site.url + "/x.b2nd")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begin < 15


# ---- what options may say ----


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"endpont": "x"}, ValueError, "unknown 'endpont'"),
        ({"key": "x"}, ValueError, "key and secret go together"),
        ({"tries": 0}, ValueError, "tries: found 0"),
        ({"tries": "3"}, TypeError, "tries: expected int"),
        ({"timeout": -1}, ValueError, "timeout: found -1"),
        ({"anon": 1}, TypeError, "anon: expected bool"),
        ({"region": b"x"}, TypeError, "region: expected str"),
        ([("anon", True)], TypeError, "expected a dict"),
        ({"region": "a\0b"}, ValueError, "no NUL"),
    ],
)
def test_wrong_options_are_told(options, error, said, tmp_path):
    for call in (tessera.open, tessera.group, tessera.verify):
        with pytest.raises(error, match=said):
            call(tmp_path / "x.zarr", storage_options=options)
    with pytest.raises(error, match=said):
        tessera.zeros(3, urlpath=tmp_path / "x.zarr", storage_options=options)


def test_only_local_places_are_removed_by_path():
    with pytest.raises(tessera.UnsupportedError, match="expected a path"):
        tessera.remove_urlpath("s3://bucket/a.zarr")
