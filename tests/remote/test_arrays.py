#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_arrays.py PROGRAM TOOL - arrays behind real servers: how many bytes and requests a slice
takes, counted by a proxy before nginx and before moto with its signature checking on."""
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

import moto_
import mosaic
import nginx
from proxy import Proxy
from remote import PROGRAM, clean_env, run_all, tessera
from s3server import ENV, S3
from test_http import made
from webserver import Site, slow, stalled

SHAPE, SHARD, INNER = [10000, 10000], [1000, 1000], [100, 100]


def keys_of(moto, proxy):
    return {"AWS_ENDPOINT_URL": proxy.url, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": moto.id, "AWS_SECRET_ACCESS_KEY": moto.secret}


def cutout_costs_what_it_touches(proxy, url, env, lengths, index):
    """30x30 items: in one inner chunk, over four of a shard, over the corner of four shards."""
    for name, row, column in (("one inner chunk", 1120, 2230), ("four inner chunks", 1185, 2285),
                              ("four shards", 985, 1985)):
        touched = {((i // 1000, j // 1000), (i // 100 % 10, j // 100 % 10))
                   for i in (row, row + 29) for j in (column, column + 29)}
        shards = {at for at, _ in touched}
        most = sum(lengths[at][part] for at, part in touched) + index * len(shards)
        proxy.clear()
        out, err = tessera("get", url, "-s", f"{row}:{row + 30},{column}:{column + 30}", "-o", "-",
                           env=env)
        assert out == mosaic.box(range(row, row + 30), range(column, column + 30))
        data = [n for path, _, n in proxy.bodies if "/c/" in path]
        meta = [n for path, _, n in proxy.bodies if "/c/" not in path]
        print(f"note: 30x30 of {SHAPE}, {name}: {sum(data)} bytes in {len(data)} requests, at most "
              f"{most}; and {sum(meta)} in {len(meta)} of metadata; said: {err.strip()}")
        assert sum(data) <= most, (data, most)
        assert len(data) <= len(shards) + len(touched), data
        assert f"in {len(proxy.log)} requests" in err or len(meta) > 1, err


def mosaic_in(folder):
    corner = [(0, 1), (0, 2), (1, 1), (1, 2)]
    return mosaic.write(os.path.join(folder, "m.zarr"), SHAPE, SHARD, INNER, corner)


def a_cutout_of_a_mosaic_on_s3_moves_what_it_touches_and_the_index():
    moto = moto_.start("bucket")
    if not moto:
        print("skipped: moto is not there: scripts/setup.sh servers gets it from PyPI")
        return
    with moto, Proxy(moto.url) as proxy, tempfile.TemporaryDirectory() as folder:
        lengths, index = mosaic_in(folder)
        moto.upload("bucket", folder, "in/")
        cutout_costs_what_it_touches(proxy, "s3://bucket/in/m.zarr", keys_of(moto, proxy), lengths,
                                     index)
        err = tessera("get", "s3://bucket/in/m.zarr", "-s", "0,0", code=1,
                      env={**keys_of(moto, proxy), "AWS_SECRET_ACCESS_KEY": "wrong"})[1]
        assert "SignatureDoesNotMatch" in err, err


def a_cutout_of_a_mosaic_behind_nginx_does_too():
    if not nginx.program():
        print("skipped: nginx is not there: scripts/setup.sh servers gets it from Debian")
        return
    with tempfile.TemporaryDirectory() as folder, nginx.Nginx(folder) as web, Proxy(web.url) as proxy:
        os.chmod(folder, 0o755)
        lengths, index = mosaic_in(folder)
        cutout_costs_what_it_touches(proxy, proxy.url + "/m.zarr", {}, lengths, index)


def slices_of_a_blosc2_file_take_few_requests():
    """Behind nginx and in moto: the same slices, the same counts."""
    slices = {"0,0": 3, "500:510,:": 14, ":,250": 24, "...": 4}
    moto = moto_.start("bucket")
    with tempfile.TemporaryDirectory() as folder:
        file, data = made(folder, shape=(2000, 1000))
        os.chmod(folder, 0o755)
        servers = []
        if nginx.program():
            servers.append(("nginx", nginx.Nginx(folder)))
        if moto:
            servers.append(("moto", moto))
        for name, server in servers:
            with server, Proxy(server.url) as proxy:
                url, env = proxy.url + "/x.b2nd", {}
                if name == "moto":
                    server.upload("bucket", folder)
                    url, env = "s3://bucket/x.b2nd", keys_of(server, proxy)
                for text, most in slices.items():
                    proxy.clear()
                    out, err = tessera("get", url, "-s", text, "-o", "-", env=env)
                    local = tessera("get", os.path.join(folder, "x.b2nd"), "-s", text, "-o", "-")
                    assert out == local[0]
                    print(f"note: {name}: [{text}] of {len(file)} bytes: {proxy.sent} bytes in "
                          f"{len(proxy.log)} requests; said: {err.strip()}")
                    assert proxy.sent <= 1.3 * len(file) + 131072 and len(proxy.log) <= most
                    assert err.startswith("read ") and "requests" in err, err


def what_is_read_of_an_archive_is_counted_from_its_directory_on():
    """What get says is what the server answered, also of a small archive that is read whole."""
    for size in (20, 400):
        with tempfile.TemporaryDirectory() as folder, S3() as site:
            mosaic.write(os.path.join(folder, "m.zarr"), [2 * size] * 2, [size] * 2, [10, 10],
                         [(0, 0), (1, 1)])
            file = os.path.join(folder, "m.zip")
            with zipfile.ZipFile(file, "w") as z:
                for root, _, names in os.walk(os.path.join(folder, "m.zarr")):
                    for name in names:
                        path = os.path.join(root, name)
                        z.write(path, os.path.relpath(path, os.path.join(folder, "m.zarr")))
            with open(file, "rb") as f:
                site.files["/bucket/m.zip"] = f.read()
            site.public = True
            for url in ("s3://bucket/m.zip", site.url + "/bucket/m.zip"):
                for text in ("5,5", "...", ":,3"):
                    site.log.clear()
                    out, err = tessera("get", url, "-s", text, "-o", "-",
                                       env={**ENV, "AWS_ENDPOINT_URL": site.url})
                    assert out == tessera("get", file, "-s", text, "-o", "-")[0]
                    said = re.match(r"read (\d+) bytes .* in (\d+) requests", err)
                    # each opening begins with the head; the first is to find out what lies there
                    ranges = [asked.removeprefix("bytes=") for _, _, asked in site.log]
                    ranges = ranges[len(ranges) - 1 - ranges[::-1].index("0-65535"):]
                    ends = [[int(i) for i in asked.split("-")] for asked in ranges]
                    last = len(site.files["/bucket/m.zip"]) - 1
                    assert said and int(said[1]) == sum(min(b, last) + 1 - a for a, b in ends), err
                    assert int(said[2]) == len(ranges), (err, site.log)


def arrays_are_made_and_written_on_s3():
    """Whole objects are put, once each; those that are changed in part are read before."""
    moto = moto_.start("bucket")
    if not moto:
        print("skipped: moto is not there: scripts/setup.sh servers gets it from PyPI")
        return
    with moto, Proxy(moto.url) as proxy:
        env, url = keys_of(moto, proxy), "s3://bucket/w.zarr"
        tessera("create", url, "--shape", "200,100", "--chunks", "100,50", "--blocks", "20,10",
                "--dtype", "f4", "--format", "zarr3", env=env)
        proxy.clear()
        tessera("set", url, "-s", "10:150,0:50", "3", env=env)
        puts = [path for method, path, _ in proxy.log if method == "PUT"]
        print("note: set of two shards:", len(puts), "puts of", len(proxy.log), "requests")
        assert sorted(puts) == ["/bucket/w.zarr/c/0/0", "/bucket/w.zarr/c/1/0"], puts
        out = tessera("get", url, "-s", "8:12,48:52", "-o", "-", env=env)[0]
        want = [3.0 if i >= 10 and j < 50 else 0.0 for i in range(8, 12) for j in range(48, 52)]
        assert list(struct.unpack("<16f", out)) == want
        err = tessera("create", url, "--shape", "3", "--dtype", "f4", "--format", "zarr3", code=1,
                      env=env)[1]
        assert "there" in err or "exists" in err or "holds" in err, err
        bad = {**env, "AWS_SECRET_ACCESS_KEY": "wrong"}
        err = tessera("set", url, "-s", "0,0", "1", code=1, env=bad)[1]
        assert "SignatureDoesNotMatch" in err, err


def trips_do_not_grow_with_the_chunks():
    """Where each answer takes 0.1 s, a plane of 20 chunks takes as long as one item, nearly."""
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        file, _ = made(folder, shape=(2000, 1000))
        site.files["/x.b2nd"] = file
        site.always = slow(0.1)
        times = {}
        for text in ("0,0", ":,250", "..."):
            begin = time.monotonic()
            tessera("get", site.url + "/x.b2nd", "-s", text, "-o", "-")
            times[text] = time.monotonic() - begin
        print("note: 0.1 s for each answer:", {k: f"{v:.2f} s" for k, v in times.items()})
        assert times[":,250"] < times["0,0"] + 1.5, times


def what_is_removed_goes_with_many_requests_in_flight():
    """Replaced, shrunk, filled with the fill value, dropped: 30 chunks take a few trips of 0.1 s."""
    with S3() as site:
        env, url = {**ENV, "AWS_ENDPOINT_URL": site.url}, "s3://bucket/x.zarr"
        make = ["create", url + "#a", "--shape", "30,4", "--chunks", "1,4", "--dtype", "i4", "--format",
                "zarr3"]

        def chunks():
            return [path for path in site.files if path.startswith("/bucket/x.zarr/a/c/")]
        for args in ([*make, "-f"], ["resize", url + "#a", "2,4"],
                     ["set", url + "#a", "-s", "...", "0"], ["create", url + "#a", "--group", "-f"]):
            site.files.clear()
            tessera(*make, env=env)
            tessera("set", url + "#a", "-s", "...", "7", env=env)
            assert len(chunks()) == 30
            site.log.clear()
            site.most, site.always = 0, slow(0.1)
            tessera(*args, env=env)
            site.always = None
            gone = [path for method, path, _ in site.log if method == "DELETE" and "/a/c/" in path]
            print(f"note: {args[0]}: {len(gone)} chunks removed, {site.most} requests at once")
            assert len(chunks()) == 30 - len(gone) <= 2 and len(set(gone)) == len(gone)
            assert site.most > 4, (args, site.most)


def options_stand_before_the_environment():
    with tempfile.TemporaryDirectory() as folder, S3() as site:
        file, _ = made(folder)
        site.files["/bucket/x.b2nd"] = file
        tessera("get", "s3://bucket/x.b2nd", "-s", "0,0", "--endpoint", site.url, "--region",
                ENV["AWS_REGION"], env={**ENV, "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                                        "AWS_REGION": "other"})
        away = {**ENV, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        here = "--endpoint", site.url
        tessera("create", "s3://bucket/x.zarr", "--shape", "4,4", "--dtype", "i4", *here, env=away)
        tessera("set", "s3://bucket/x.zarr", "-s", "0", "7", *here, env=away)
        out = tessera("get", "s3://bucket/x.zarr", "-s", "0", *here, env=away)[0]
        assert b"7" in out, out
        tessera("info", "s3://bucket/x.zarr", *here, env=away)
        tessera("verify", "s3://bucket/x.zarr", *here, env=away)
        err = tessera("convert", "s3://bucket/x.zarr", "s3://bucket/y.zarr", *here, env=away)[1]
        assert err.startswith("s3://bucket/x.zarr -> s3://bucket/y.zarr in "), err
        for url, said in (("s3:", "expected s3://"), ("s3:a", "expected s3://"),
                          ("s3://bucket/x.zip", "written to a local file only")):
            err = tessera("create", url, "--shape", "4", "--dtype", "i4", *here,
                          "--format", "zarr3", code=None, env=away)[1]
            assert said in err, (url, err)
        site.public = True
        site.signed = 0
        tessera("--endpoint", site.url, "get", "s3://bucket/x.b2nd", "-s", "0,0", "--anonymous",
                env=ENV)
        assert site.signed == 0 and site.unsigned > 0
        err = tessera("get", "s3://bucket/x.b2nd", "--tries", "0", code=2)[1]
        assert "--tries 0" in err, err
        err = tessera("get", "s3://bucket/x.b2nd", code=2, env={**ENV, "TESSERA_TRIES": "many"})[1]
        assert "TESSERA_TRIES: found 'many'" in err, err
        for wrong in ("127.0.0.1:1", "ftp://host", "http://me@host"):
            err = tessera("get", "s3://bucket/x.b2nd", "--endpoint", wrong, code=2)[1]
            assert ": endpoint: " in err and "AWS_" not in err, err
            err = tessera("get", "s3://bucket/x.b2nd", code=2, env={"AWS_ENDPOINT_URL": wrong})[1]
            assert ": AWS_ENDPOINT_URL: " in err, err
        err = tessera("get", "s3://bucket/x.b2nd", code=2, env={**ENV, "TESSERA_PAUSE": "0.5"})[1]
        assert "TESSERA_PAUSE: found '0.5', expected a number of milliseconds" in err, err
        site.always = stalled(30)
        begin = time.monotonic()
        err = tessera("get", "s3://bucket/x.b2nd", "--endpoint", site.url, "--timeout", "1",
                      "--tries", "2", code=5, env=ENV)[1]
        assert "nothing came for 1 s, after 2 tries" in err, err
        assert time.monotonic() - begin < 10


def a_request_that_runs_ends_with_ctrl_c():
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        file, _ = made(folder)
        site.files["/x.b2nd"] = file

        def hang_later(s, request, reply):
            return reply if len(s.log) < 4 else slow(60)(s, request, reply)
        site.always = hang_later
        out = os.path.join(folder, "y.npy")
        run = subprocess.Popen([PROGRAM, "get", site.url + "/x.b2nd", "-o", out],
                               stderr=subprocess.PIPE, env=clean_env(), text=True)
        while len(site.log) < 4 and run.poll() is None:
            time.sleep(0.02)
        time.sleep(0.3)
        begin = time.monotonic()
        run.send_signal(signal.SIGINT)
        err = run.communicate(timeout=20)[1]
        assert run.returncode in (130, -signal.SIGINT), (run.returncode, err)
        assert time.monotonic() - begin < 3
        assert sorted(os.listdir(folder)) == sorted(set(os.listdir(folder)) - {"y.npy"})


if __name__ == "__main__":
    sys.exit(run_all([slices_of_a_blosc2_file_take_few_requests, arrays_are_made_and_written_on_s3,
                      what_is_read_of_an_archive_is_counted_from_its_directory_on,
                      trips_do_not_grow_with_the_chunks,
                      what_is_removed_goes_with_many_requests_in_flight,
                      a_cutout_of_a_mosaic_on_s3_moves_what_it_touches_and_the_index,
                      a_cutout_of_a_mosaic_behind_nginx_does_too,
                      options_stand_before_the_environment, a_request_that_runs_ends_with_ctrl_c]))
