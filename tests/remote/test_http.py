#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_http.py PROGRAM TOOL - reading over HTTP: what is asked for, how often, and that a server
that fails or changes its mind never makes wrong data."""
import json
import os
import struct
import sys
import tempfile
import threading
import time

import nginx
from remote import (ECONFLICT, ECORRUPT, EDENIED, EIO, ENOTFOUND, ETEMP, EUNSUPPORTED, Store, digest,
                    run_all, squares, tessera)
from webserver import (Reply, Site, chunked, dropped, replaced, short, slow, stalled, status, with_fields)

BIG = squares(1_000_000)
QUICK = {"pause": 10}


def site_with(**files):
    site = Site()
    site.files = {"/" + name: data for name, data in files.items()}
    return site


# ---- ranges ----

def ranges_of_one_object_are_exact_and_counted():
    with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
        assert st.ok("stat", "-") == ["1000000"]
        assert st.counts() == (65536, 1)
        assert st.ok("read", "-", 10, 100) == [digest(BIG[10:110])]      # in the head
        assert st.counts() == (65536, 1)
        assert st.ok("read", "-", 300000, 1000) == [digest(BIG[300000:301000])]
        assert st.ok("read", "-", 301000, 15000) == [digest(BIG[301000:316000])]   # came with it
        assert st.counts() == (65536 + 16384, 2)
        assert site.log[-1] == ("GET", "/big", "bytes=300000-316383")
        assert st.ok("read", "-", 500000, 10000) == [digest(BIG[500000:510000])]
        assert site.log[-1] == ("GET", "/big", "bytes=500000-509999")
        assert st.ok("read", "-", 999000, 1000) == [digest(BIG[999000:])]  # brings the tail
        assert st.ok("read", "-", 940000, 1000) == [digest(BIG[940000:941000])]
        moved = 65536 + 16384 + 10000 + 65536
        assert st.counts() == (moved, 4)
        assert site.sent == moved


def near_ranges_are_one_request_and_far_ones_fly_together():
    with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
        st.ok("stat", "-")
        want = digest(BIG[200000:200100] + BIG[201000:201100] + BIG[200050:200060])
        assert st.ok("read", "-", 200000, 100, 201000, 100, 200050, 10) == [want]
        assert st.counts()[1] == 2
        site.always, site.most = slow(0.3), 0
        begin = time.monotonic()
        spans = [(off, 50) for off in range(100000, 900000, 50000)]
        want = digest(b"".join(BIG[o:o + n] for o, n in spans))
        assert st.ok("read", "-", *(x for s in spans for x in s)) == [want]
        assert site.most >= 10, site.most
        assert time.monotonic() - begin < 0.3 * len(spans) / 2


def no_more_requests_fly_than_the_bound():
    with site_with(big=BIG) as site, Store(site.url + "/big", in_flight=3, **QUICK) as st:
        st.ok("stat", "-")
        site.always, site.most = slow(0.05), 0
        spans = [x for off in range(100000, 900000, 50000) for x in (off, 50)]
        st.ok("read", "-", *spans)
        assert site.most == 3, site.most


def many_threads_and_a_child_read_at_once():
    with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
        st.ok("threads", 8, "-", len(BIG))
        assert st.ok("fork", "-", 500000, 10) == [digest(BIG[500000:500010])]
        site.always = lambda s, q, r: None if hash(time.time()) % 5 == 0 else r
        st.ok("threads", 8, "-", len(BIG))


def reading_past_the_end_is_corrupt_and_empty_objects_are_empty():
    with site_with(big=BIG, none=b"") as site:
        with Store(site.url + "/big", **QUICK) as st:
            st.fails(ECORRUPT, "read", "-", 999990, 11, says="1000000")
            st.fails(ECORRUPT, "read", "-", 2**63, 11)
            st.fails(ECORRUPT, "read", "-", 2**64 - 1, 11)
            assert st.ok("read", "-", 999990, 10) == [digest(BIG[-10:])]
        with Store(site.url + "/none", **QUICK) as st:
            assert st.ok("stat", "-") == ["0"]
            st.fails(ECORRUPT, "read", "-", 0, 1)
        with Store(site.url, "tree", **QUICK) as st:
            st.fails(ECORRUPT, "read", "big", 999990, 11, says="ends at byte 1000000")
            st.fails(ECORRUPT, "read", "big", 2000000, 11)


def servers_without_ranges_send_the_whole_once():
    with site_with(big=BIG) as site:
        site.ranges = False
        with Store(site.url + "/big", **QUICK) as st:
            assert st.ok("read", "-", 500000, 10) == [digest(BIG[500000:500010])]
            assert st.ok("read", "-", 999990, 10) == [digest(BIG[-10:])]
            assert st.counts() == (1000000, 1)
        with Store(site.url, "tree", **QUICK) as st:
            assert st.ok("read", "big", 500000, 10) == [digest(BIG[500000:500010])]
            found = st.ok("get", "big", "last", 10)
            assert found[:3] == ["found", "10", "1000000"] and found[4] == digest(BIG[-10:])
            found = st.ok("get", "big", 999995, 10)
            assert found[:3] == ["found", "5", "1000000"] and found[4] == digest(BIG[-5:])
            found = st.ok("get", "big", 2000000, 10)
            assert found[:3] == ["found", "0", "1000000"], found
        site.always = lambda s, q, r: Reply(200, b"x" * 100, Content_Length=str(1 << 40))
        with Store(site.url + "/big", **QUICK) as st:
            st.fails(EUNSUPPORTED, "read", "-", 500000, 10, says="does not answer ranges")


def a_whole_object_without_its_length_is_the_same_object_every_time():
    with site_with(big=BIG) as site:
        for validators in (True, False):
            site.ranges, site.validators, site.always = False, validators, chunked
            with Store(site.url, "tree", **QUICK) as st:
                found = st.ok("get", "big", "last", 10)
                assert found[:3] == ["found", "10", "1000000"] and found[4] == digest(BIG[-10:])
                stamp = found[3]
                for off in (0, 500000, 999990):
                    want = digest(BIG[off:off + 10])
                    assert st.ok("reread", "big", off, 10, stamp) == [want]
                site.files["/big"] = bytes(len(BIG))
                if validators:
                    st.fails(ECONFLICT, "reread", "big", 500000, 10, stamp, says="changed")
                site.files["/big"] = BIG


# ---- trees ----

def keys_are_encoded_and_the_query_stays_at_the_end():
    with Site() as site:
        site.files = {"/base/a b/ü#%.0?": b"hello", "/base": b"no"}
        with Store(site.url + "/base?sig=top%20secret", "tree", **QUICK) as st:
            # a key has no blanks on the tool's line, so the base has them
            assert st.ok("stat", "-") == ["2"]
        with Store(site.url + "/base/a b?sig=top%20secret", "tree", **QUICK) as st:
            found = st.ok("get", "ü#%.0?", 0, 100)
            assert found[:3] == ["found", "5", "5"] and found[4] == digest(b"hello")
        assert site.log[-1][1] == "/base/a%20b/%C3%BC%23%25.0%3F?sig=top%20secret", site.log


def gets_say_what_is_there_and_what_is_not():
    with Site() as site:
        site.files = {"/b/x": squares(1000), "/b/empty": b""}
        with Store(site.url + "/b", "tree", **QUICK) as st:
            found = st.ok("get", "x", "last", 16)
            assert found[:3] == ["found", "16", "1000"] and found[4] == digest(squares(1000)[-16:])
            assert st.counts() == (16, 1)
            assert st.ok("get", "x", "last", 4000)[:3] == ["found", "1000", "1000"]
            assert st.ok("get", "x", 990, 16)[:3] == ["found", "10", "1000"]
            assert st.ok("get", "x", 5000, 16)[:3] == ["found", "0", "1000"]
            assert st.ok("get", "empty", 0, 16)[:3] == ["found", "0", "0"]
            assert st.ok("get", "empty", "last", 16)[:3] == ["found", "0", "0"]
            assert st.ok("get", "not/there", 0, 16)[0] == "absent"
            site.always = status(410)
            assert st.ok("get", "x", 0, 16)[0] == "absent"
            st.fails(ENOTFOUND, "stat", "x", says="not found")
            st.fails(ENOTFOUND, "read", "x", 0, 1, says="not found")
            for bad in ("../x", "a//b", "/x", "a/./b"):
                assert st.ask("get", bad, 0, 1).startswith("fail -1 ")


def what_is_refused_is_never_absent():
    with Site() as site:
        site.files = {"/b/x": squares(1000)}
        with Store(site.url + "/b", "tree", tries=2, **QUICK) as st:
            for code, error in ((401, EDENIED), (403, EDENIED), (400, EIO), (405, EIO), (304, EIO),
                                (418, EIO), (500, ETEMP), (502, ETEMP), (503, ETEMP), (504, ETEMP),
                                (429, ETEMP), (501, EIO), (505, EIO), (299, EIO), (204, EIO)):
                site.always = status(code)
                for verb in (("get", "x", 0, 16), ("stat", "x"), ("read", "x", 0, 16)):
                    st.fails(error, *verb, says=str(code))
            for fault in (dropped, short):
                site.always = fault
                st.fails(ETEMP, "get", "x", 0, 16)
        site.always = None
        with Store(site.url + "/b", "tree", **QUICK) as st:
            assert st.ok("get", "x", 0, 16)[0] == "found"
    with Store("http://127.0.0.1:9/b", "tree", tries=2, **QUICK) as st:
        st.fails(ETEMP, "get", "x", 0, 16)


def servers_that_refuse_suffixes_are_asked_for_the_size():
    def no_suffix(site, request, reply):
        return Reply(400) if "=-" in request.headers.get("Range", "") else reply

    def no_total(site, request, reply):
        reply.fields.pop("Content-Range", None) if reply.status == 416 else None
        if "Content-Range" in reply.fields:
            reply.fields["Content-Range"] = reply.fields["Content-Range"].split("/")[0] + "/*"
        return reply
    for fault in (no_suffix, no_total):
        with Site() as site:
            site.files, site.always = {"/b/x": squares(1000)}, fault
            with Store(site.url + "/b", "tree", **QUICK) as st:
                found = st.ok("get", "x", "last", 16)
                assert found[:3] == ["found", "16", "1000"] and found[4] == digest(squares(1000)[-16:])
                assert st.ok("get", "x", 990, 16)[:3] == ["found", "10", "1000"]
                assert st.ok("get", "x", 2000, 16)[:3] == ["found", "0", "1000"]
                assert st.ok("read", "x", 10, 20) == [digest(squares(1000)[10:30])]


# ---- faults ----

def what_passes_is_tried_again():
    with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
        for fault in (status(500), status(503), status(429), status(502), dropped, short):
            site.faults = [fault, fault]
            off = 100000 + 20000 * len(site.log)
            assert st.ok("read", "-", off, 1000) == [digest(BIG[off:off + 1000])]
            assert not site.faults


def retry_after_is_honoured_within_patience():
    with site_with(big=BIG) as site, Store(site.url + "/big", patience=3, **QUICK) as st:
        st.ok("stat", "-")
        site.faults = [status(503, Retry_After="1")]
        begin = time.monotonic()
        st.ok("read", "-", 500000, 10)
        assert time.monotonic() - begin >= 1
        site.faults = [status(429, Retry_After="4000")]
        st.fails(ETEMP, "read", "-", 600000, 10, says="asks to wait 4000 s")


def a_final_failure_is_told_and_not_asked_for_again():
    with site_with(**{"x.b2nd": BIG}) as site:
        site.always = status(429)
        err = tessera("hash", site.url + "/x.b2nd", "--tries", "2", code=5,
                      env={"TESSERA_PAUSE": "10"})[1]
        assert "status 429, after 2 tries" in err and len(site.log) == 2, (err, site.log)
        for asked in ("61", "99999999999999999999"):
            site.log.clear()
            site.always = status(503, Retry_After=asked)
            err = tessera("hash", site.url + "/x.b2nd", code=5)[1]
            assert "the server asks to wait" in err and len(site.log) == 1, (err, site.log)


def bytes_in_an_encoding_are_refused():
    with site_with(big=BIG) as site:
        for value in ("gzip", "x" * 100):
            site.always = with_fields(Content_Encoding=value)
            with Store(site.url + "/big", **QUICK) as st:
                said = st.fails(EUNSUPPORTED, "read", "-", 500000, 10, says="Content-Encoding: ")
                assert "expected identity" in said, said
        for value in ("identity", "aws-chunked", ""):
            site.always = with_fields(Content_Encoding=value)
            with Store(site.url + "/big", **QUICK) as st:
                assert st.ok("read", "-", 500000, 10) == [digest(BIG[500000:500010])]
        asked = []
        site.always = lambda s, q, r: asked.append(q.headers.get("Accept-Encoding")) or r
        with Store(site.url + "/big", **QUICK) as st:
            st.ok("read", "-", 500000, 10)
        assert set(asked) == {"identity"}, asked


def stalls_end():
    with site_with(big=BIG) as site, Store(site.url + "/big", stall=1, **QUICK) as st:
        site.faults = [stalled(30)]
        begin = time.monotonic()
        assert st.ok("read", "-", 500000, 10000) == [digest(BIG[500000:510000])]
        assert time.monotonic() - begin < 20


def a_changed_object_is_a_conflict_and_never_a_mixture():
    other = bytes(len(BIG))
    for validators in (True, False):
        with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
            site.validators = validators
            site.always = with_fields(ETag=None) if validators else None
            st.ok("read", "-", 500000, 10)
            site.files["/big"] = other if validators else other + b"x"
            if validators:
                site.always = with_fields(ETag=None, **{"Last-Modified": "later"})
            st.fails(ECONFLICT, "read", "-", 600000, 10, says="changed")
            st.fails(ECONFLICT, "read", "-", 990000, 10, says="changed")
    with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
        st.ok("read", "-", 500000, 10)
        site.faults = [replaced("/big", other)]
        st.fails(ECONFLICT, "read", "-", 600000, 10)    # 412
        site.files["/big"] = BIG
        assert st.ok("read", "-", 600000, 10) == [digest(BIG[600000:600010])]
        del site.files["/big"]
        st.fails(ENOTFOUND, "read", "-", 700000, 10)
    with site_with(big=BIG) as site, Store(site.url + "/big", **QUICK) as st:
        st.ok("stat", "-")
        # a change while many ranges fly: whoever ignores If-Match is found out by its ETag
        site.faults = [slow(0.2), slow(0.2), replaced("/big", other)]
        spans = [x for off in range(100000, 900000, 50000) for x in (off, 50)]
        st.fails(ECONFLICT, "read", "-", *spans)


def a_stamp_pins_an_object_of_a_tree():
    with Site() as site:
        site.files = {"/b/x": squares(1000)}
        with Store(site.url + "/b", "tree", **QUICK) as st:
            stamp = st.ok("get", "x", "last", 16)[3]
            assert st.ok("reread", "x", 5, 10, stamp) == [digest(squares(1000)[5:15])]
            site.files["/b/x"] = bytes(1000)
            st.fails(ECONFLICT, "reread", "x", 5, 10, stamp, says="changed")
            assert st.ok("read", "x", 5, 10) == [digest(bytes(10))]
            del site.files["/b/x"]
            st.fails(ECONFLICT, "reread", "x", 5, 10, stamp, says="changed")


def hostile_heads_are_refused():
    heads = [{"Content-Range": "bytes 0-15/1000"}, {"Content-Range": "bytes 100-116/1000"},
             {"Content-Range": "bytes 100-114/1000"}, {"Content-Range": "bytes 115-100/1000"},
             {"Content-Range": "bytes 100-115/115"}, {"Content-Range": None},
             {"Content-Range": "bytes 100-99999999999999999999999/1000"},
             {"Content-Range": "items 100-115/1000"}, {"Content-Range": "bytes 100-115"},
             {"Content-Range": "bytes 100-115/1000/7"}, {"Content-Range": "bytes -115/1000"}]
    def longer(site, request, reply):
        reply.fields["Content-Length"] = str(len(reply.body))
        reply.body += b"more"
        reply.cut = len(reply.body)
        return reply

    with Site() as site:
        site.files = {"/b/x": squares(1000)}
        with Store(site.url + "/b", "tree", tries=2, **QUICK) as st:
            for head in heads:
                site.always = with_fields(**head)
                st.fails(EIO, "read", "x", 100, 16)
            # a body longer than its head says ends where the head says so
            site.always = longer
            assert st.ok("read", "x", 100, 16) == [digest(squares(1000)[100:116])]
            site.always = with_fields(ETag='"' + "e" * 3000 + '"', Last_Modified="x" * 3000)
            assert st.ok("read", "x", 100, 16) == [digest(squares(1000)[100:116])]


# ---- where one is sent, and what is told ----

def redirects_are_followed_a_few_times():
    with site_with(big=BIG) as site:
        def away(s, request, reply):
            return Reply(302, Location="/big") if request.path == "/there" else reply

        def round_and_round(s, request, reply):
            return Reply(302, Location="/there")
        site.always = away
        with Store(site.url + "/there", **QUICK) as st:
            assert st.ok("read", "-", 500000, 10) == [digest(BIG[500000:500010])]
        site.always = round_and_round
        with Store(site.url + "/there", **QUICK) as st:
            st.fails(EIO, "read", "-", 500000, 10, says="redirects")
        site.always = lambda s, q, r: Reply(302, Location="file:///etc/passwd")
        with Store(site.url + "/there", **QUICK) as st:
            st.fails(EIO, "stat", "-")


def secrets_are_not_in_messages():
    with site_with(big=BIG) as site:
        url = site.url.replace("//", "//me:hidden1@") + "/x.b2nd?sig=hidden2"
        for how, verb in (("one", "stat"), ("tree", "stat")):
            with Store(url, how, **QUICK) as st:
                line = st.fails(ENOTFOUND, verb, "-", says="x.b2nd")
                assert "hidden" not in line, line
                site.always = status(500)
                line = st.ask("stat", "-")
                assert line.startswith("fail") and "hidden" not in line, line
                site.always = None
        for args in (["info", url], ["get", url], ["ls", url], ["verify", url],
                     ["info", url.replace("http", "https")], ["info", url.replace("http:", "ftp:")],
                     ["create", url.split("?")[0], "--shape", "3", "--dtype", "<i4"],
                     ["convert", url, "/tmp/never.npy"]):
            out, err = tessera(*args, code=None)
            assert err and "hidden" not in err and b"hidden" not in out, (args, err)


def proxies_of_the_environment_are_used():
    with site_with(big=BIG) as site:
        env = {"http_proxy": site.url}
        with Store("http://there.invalid/big", env=env, **QUICK) as st:
            site.always = lambda s, q, r: Reply(206, BIG[:65536], **{
                "Content-Range": f"bytes 0-65535/{len(BIG)}"})
            assert st.ok("read", "-", 0, 10) == [digest(BIG[:10])]
        assert site.log[-1][1] == "http://there.invalid/big"


# ---- arrays ----

def made(folder, shape=(2000, 500), chunks="200,100", name="x.b2nd"):
    n = shape[0] * shape[1]
    data = struct.pack(f"<{n}i", *((i * 2654435761) & 0x7fffffff for i in range(n)))
    raw, out = os.path.join(folder, "x.raw"), os.path.join(folder, name)
    with open(raw, "wb") as f:
        f.write(data)
    tessera("create", out, "--from", raw, "--shape", ",".join(map(str, shape)), "--dtype", "<i4",
            "--chunks", chunks, code=None)
    if not os.path.exists(out):
        head = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}"
        head += " " * (63 - (10 + len(head)) % 64) + "\n"
        with open(raw + ".npy", "wb") as f:
            f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)
        tessera("convert", raw + ".npy", out, "--chunks", chunks)
    with open(out, "rb") as f:
        return f.read(), data


def arrays_are_read_over_http():
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        file, data = made(folder)
        site.files["/x.b2nd"] = file
        url = site.url + "/x.b2nd"
        local = json.loads(tessera("info", os.path.join(folder, "x.b2nd"), "--json")[0])
        there = json.loads(tessera("info", url, "--json")[0])
        for same in ("shape", "dtype", "chunks", "blocks", "nbytes"):
            assert local.get(same) == there.get(same), same
        opened = len(site.log)
        assert opened <= 3, site.log  # what is it; open: head, tail
        site.log.clear()
        site.sent = 0
        out = os.path.join(folder, "y.npy")
        said = tessera("get", url, "-s", "1500,300", "--stats", "-o", out)[1].strip()
        with open(out, "rb") as f:
            assert f.read()[-4:] == data[(1500 * 500 + 300) * 4:][:4]
        print(f"note: open and one item of {len(file)} bytes: {len(site.log)} requests, "
              f"{site.sent} bytes;", said)
        assert len(site.log) <= 4, site.log
        tessera("get", url, "-f", "-o", out)
        with open(out, "rb") as f:
            assert f.read()[-len(data):] == data


def nginx_serves_ranges_over_http_and_tls():
    if not nginx.program():
        print("skipped: nginx is not there: scripts/setup.sh servers gets it from Debian")
        return
    for tls in (False, True):
        with tempfile.TemporaryDirectory() as folder, nginx.Nginx(folder, tls) as web:
            os.chmod(folder, 0o755)
            file, data = made(folder)
            with open(os.path.join(folder, "none"), "wb"):
                pass
            url, out, env = web.url + "/x.b2nd", os.path.join(folder, "y.npy"), {}
            if tls:
                err = tessera("info", url, code=None)[1]
                assert "certificate" in err, err
                env = {"SSL_CERT_FILE": web.cert}
            tessera("get", url, "-s", "1500,300", "-o", out, env=env)
            with open(out, "rb") as f:
                assert f.read()[-4:] == data[(1500 * 500 + 300) * 4:][:4]
            log = web.log()
            print("note: nginx, open and one item:", len(log), "requests,",
                  sum(int(line[-1]) for line in log), "of", len(file), "bytes")
            assert len(log) <= 4, log
            tessera("get", url, "-f", "-o", out, env=env)
            with open(out, "rb") as f:
                assert f.read()[-len(data):] == data
            with Store(web.url, "tree", env=env, **QUICK) as st:
                found = st.ok("get", "x.b2nd", "last", 100)
                assert found[1:3] == ["100", str(len(file))] and found[4] == digest(file[-100:])
                assert st.ok("get", "none", "last", 100)[:3] == ["found", "0", "0"]
                assert st.ok("get", "none", 0, 100)[:3] == ["found", "0", "0"]
                assert st.ok("get", "nothing", 0, 100)[0] == "absent"
            with Store(url, env=env, **QUICK) as st:
                st.ok("read", "-", 100000, 30000)
                os.replace(os.path.join(folder, "none"), os.path.join(folder, "x.b2nd"))
                st.fails(ECONFLICT, "read", "-", 200000, 30000, says="changed")


def the_case_of_a_scheme_does_not_count():
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        site.files["/x.b2nd"] = made(folder)[0]
        want = tessera("hash", os.path.join(folder, "x.b2nd"))[0].split()[0]
        for url in (site.url.replace("http", "HTTP") + "/x.b2nd", f"FILE://{folder}/x.b2nd"):
            assert tessera("hash", url, "--connections", "1")[0].split()[0] == want
        err = tessera("hash", "S3://bucket/x.b2nd", "--endpoint", site.url, code=3)[1]
        assert "not found" in err and site.log[-1][1] == "/bucket/x.b2nd", (err, site.log)


def missing_files_are_said_to_be_missing():
    with Site() as site:
        err = tessera("info", site.url + "/x.b2nd", code=None)[1]
        assert "not found" in err and "chunks.b2frame" not in err, err


if __name__ == "__main__":
    sys.exit(run_all([value for name, value in list(globals().items())
                      if callable(value) and getattr(value, "__module__", "") == "__main__"
                      and name not in ("made", "site_with")]))
