#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_s3.py PROGRAM TOOL - buckets: signed and unsigned, read, put, removed and listed, against a
server of our own that checks every signature, and against moto where setup.sh got it."""
import datetime
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import moto_
from remote import (ECONFLICT, EDENIED, EEXISTS, EIO, ENOTFOUND, ETEMP, Store, digest, run_all,
                    squares, tessera)
from s3server import ENV, REGION, S3, SECRET, TOKEN, error
from test_http import made
from webserver import Reply, dropped, replaced, short, slow, status

BIG = squares(300_000)


def bucket(**files):
    site = S3()
    site.files = {"/bucket/" + name: data for name, data in files.items()}
    return site


def env(site, **more):
    return {**ENV, "AWS_ENDPOINT_URL": site.url, **more}


# ---- signing ----

def signed_reads_are_accepted():
    with bucket(big=BIG) as site:
        with Store("s3://bucket/big", env=env(site)) as st:
            assert st.ok("stat", "-") == ["300000"]
            assert st.ok("read", "-", 150000, 30000) == [digest(BIG[150000:180000])]
        with Store("s3://bucket", "tree", env=env(site)) as st:
            found = st.ok("get", "big", "last", 100)
            assert found[:3] == ["found", "100", "300000"] and found[4] == digest(BIG[-100:])
            assert st.ok("get", "nothing", 0, 100)[0] == "absent"
        assert site.signed == len(site.log) and site.unsigned == 0


def keys_of_any_letters_are_signed():
    keys = ["a+b", "a=b&c", "ä/ö/ü", "x%2Fy", "t~i_l-d.e", "(1)!*'$,;:@", "q?r#s"]
    with S3() as site, Store("s3://bucket/base dir", "update", env=env(site)) as st:
        for key in keys:
            st.ok("put", key, "text-of-" + key)
            assert st.ok("get", key, 0, 100)[0] == "found", key
        assert sorted(site.files) == sorted("/bucket/base dir/" + key for key in keys)
        assert site.signed == len(site.log)
        with Store("s3://bucket/a\\b", "update", env=env(site)) as odd:
            odd.ok("put", "x", "text")
        assert "/bucket/a\\b/x" in site.files


def tokens_are_sent_and_signed():
    with bucket(big=BIG) as site:
        site.token = TOKEN
        with Store("s3://bucket/big", env=env(site, AWS_SESSION_TOKEN=TOKEN)) as st:
            assert st.ok("stat", "-") == ["300000"]
        with Store("s3://bucket/big", env=env(site)) as st:
            st.fails(EDENIED, "stat", "-", says="InvalidToken: the token is wrong")


def unsigned_requests_read_what_is_public():
    for more in ({"AWS_NO_SIGN_REQUEST": "true"}, {"AWS_ACCESS_KEY_ID": ""}):
        with bucket(big=BIG) as site:
            site.public = True
            with Store("s3://bucket/big", env=env(site, **more)) as st:
                assert st.ok("read", "-", 150000, 30000) == [digest(BIG[150000:180000])]
            assert site.signed == 0
            site.public = False
            with Store("s3://bucket/big", env=env(site, **more)) as st:
                st.fails(EDENIED, "stat", "-", says="the request was not signed")


def wrong_keys_regions_and_clocks_are_explained():
    with bucket(big=BIG) as site:
        for more, says in (({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
                           ({"AWS_ACCESS_KEY_ID": "AKIDOTHER"}, "InvalidAccessKeyId"),
                           ({"AWS_REGION": "us-west-7"}, f"the bucket is in region {REGION}")):
            with Store("s3://bucket/big", env=env(site, **more)) as st:
                line = st.ask("stat", "-")
                assert line.startswith("fail") and says in line and SECRET not in line, line
        site.skew = datetime.timedelta(hours=2)
        with Store("s3://bucket/big", env=env(site)) as st:
            st.fails(EDENIED, "stat", "-", says="the clock here says 2")
    for more in ({"AWS_REGION": "x/../y"}, {"AWS_REGION": "a\nb"}, {"AWS_ENDPOINT_URL": "ftp://x"},
                 {"AWS_ACCESS_KEY_ID": "a\r\nX: y"}, {"AWS_SECRET_ACCESS_KEY": ""},
                 {"AWS_ENDPOINT_URL": "http://me:pw@x"}):
        with Store("s3://bucket/big", env={**ENV, **more}) as st:
            assert st.opened.startswith("fail -1 "), st.opened
    for url in ("s3://", "s3://b", "s3://a@b/c", "s3:bucket/x", "s3://bucket/../x"):
        with Store(url, env=ENV) as st:
            assert st.opened.startswith("fail -1 "), st.opened


# ---- absent and refused ----

def what_is_refused_is_never_absent():
    with bucket(x=BIG) as site:
        with Store("s3://bucket", "tree", env=env(site)) as st:
            for code, name, err in ((403, "AccessDenied", EDENIED), (400, "InvalidArgument", EIO),
                                    (301, "PermanentRedirect", EIO),
                                    (404, "NoSuchBucket", ENOTFOUND)):
                site.always = lambda s, q, r: error(code, name, "for a reason")
                for verb in (("get", "x", 0, 16), ("read", "x", 0, 16), ("stat", "x")):
                    st.fails(err, *verb, says=name + ": for a reason")
            site.always = lambda s, q, r: error(503, "SlowDown", Retry_After="400")
            site.always = status(503, Retry_After="400")
            st.fails(ETEMP, "get", "x", 0, 16, says="503")
            site.always = lambda s, q, r: Reply(403, b"<Error><Code>A</Co")
            st.fails(EDENIED, "get", "x", 0, 16, says="403")


def a_bucket_that_is_not_there_is_named_and_holds_nothing_absent():
    def no_suffix(site, request, reply):
        return error(501, "NotImplemented") if "=-" in request.headers.get("Range", "") else reply
    with bucket(x=BIG) as site:
        for how, fault in (("tree", None), ("update", None), ("update", no_suffix)):
            site.always = fault
            with Store("s3://other/a", how, env=env(site)) as st:
                verbs = [("get", "x", 0, 16), ("get", "x", "last", 16), ("read", "x", 0, 16),
                         ("stat", "x"), ("list", "-")]
                if how == "update":
                    verbs += [("put", "x", "text"), ("putif", "x", 0, "text"), ("putif", "x", 9, "text")]
                    # ENOTFOUND would say that there was no such object
                    st.fails(EIO, "remove", "x", says="there is no bucket 'other'")
                for verb in verbs:
                    line = st.ask(*verb)
                    assert f"fail {ENOTFOUND} " in line, (verb, line)
                    assert "NoSuchBucket" in line and "there is no bucket 'other'" in line, line
        site.always = None
        with Store("s3://other/a", "one", env=env(site)) as st:
            st.fails(ENOTFOUND, "stat", "-", says="there is no bucket 'other'")
        with Store("s3://bucket", "tree", env=env(site)) as st:
            site.always = lambda s, q, r: no_suffix(s, q, r) if q.command == "GET" else error(404, "")
            assert st.ok("get", "x", "last", 16)[:3] == ["found", "16", "300000"]
            assert st.ok("get", "y", "last", 16)[0] == "absent"


def chunks_of_a_bucket_that_vanished_are_no_fill_values():
    with bucket() as site, tempfile.TemporaryDirectory() as folder:
        url, here = "s3://bucket/x.zarr", env(site)
        tessera("create", url, "--shape", "4", "--chunks", "2", "--dtype", "i4", "--format", "zarr3",
                env=here)
        out = os.path.join(folder, "x.npy")
        tessera("get", url, "-o", out, env=here)
        site.bucket = "gone"
        for args in (["info", url], ["get", url, "-o", out, "-f"], ["set", url, "7"], ["verify", url],
                     ["ls", "s3://bucket/"], ["create", "s3://bucket/y.zarr", "--shape", "4", "--dtype",
                      "i4", "--format", "zarr3"], ["info", "s3://bucket/x.b2nd"]):
            err = tessera(*args, code=3, env=here)[1]
            assert "there is no bucket 'bucket'" in err, (args, err)
        site.bucket = "bucket"

        def vanishes(site, request, reply):
            if "/c/" in request.path:
                return error(404, "NoSuchBucket", "The specified bucket does not exist")
            return reply
        site.always = vanishes
        for args in (["get", url, "-o", out, "-f"], ["set", url, "-s", "0", "7"]):
            err = tessera(*args, code=3, env=here)[1]
            assert "there is no bucket 'bucket'" in err, (args, err)
        err = tessera("set", url, "-s", "0:2", "0", code=None, env=here)[1]
        assert "there is no bucket 'bucket'" in err, err


def faults_are_tried_again():
    with bucket(x=BIG) as site, Store("s3://bucket", "update", env=env(site)) as st:
        for fault in (status(500), status(503), dropped, short):
            site.faults = [fault, fault]
            assert st.ok("read", "x", 1000, 1000) == [digest(BIG[1000:2000])]
        site.faults = [status(503), dropped]
        st.ok("put", "y", "hello")
        assert site.files["/bucket/y"] == b"hello"
        stamp = st.ok("get", "x", "last", 16)[3]
        site.faults = [replaced("/bucket/x", bytes(300_000))]
        st.fails(ECONFLICT, "reread", "x", 5, 10, stamp)


# ---- put, remove, list ----

def puts_are_whole_and_conditions_hold():
    with S3() as site, Store("s3://bucket/d", "update", env=env(site)) as st:
        st.ok("putif", "k", 0, "first")
        st.fails(EEXISTS, "putif", "k", 0, "second", says="is there already")
        stamp = st.ok("get", "k", 0, 100)[3]
        st.ok("putif", "k", stamp, "second")
        st.fails(ECONFLICT, "putif", "k", stamp, "third")
        assert site.files == {"/bucket/d/k": b"second"}
        st.fails(ECONFLICT, "putif", "none", stamp, "third")
        st.ok("remove", "k")
        assert site.files == {}
        with Store("s3://bucket/d", "tree", env=env(site)) as reader:
            reader.fails(EDENIED, "put", "k", "x")
            reader.fails(EDENIED, "remove", "k")


def a_lost_answer_to_an_exclusive_put_is_no_conflict():
    def done_but_lost(site, request, reply):
        return None
    with S3() as site, Store("s3://bucket/d", "update", env=env(site)) as st:
        site.faults = [done_but_lost]
        st.ok("putif", "k", 0, "mine")
        assert site.files == {"/bucket/d/k": b"mine"}

        def others(site, request, reply):
            site.files["/bucket/d/j"] = b"theirs"
            return None
        site.faults = [others]
        st.fails(EEXISTS, "putif", "j", 0, "mine")
        assert site.files["/bucket/d/j"] == b"theirs"


def what_several_writers_were_told_is_set_is_set():
    """Each opens anew, looks and puts: where nothing can be locked, on the condition that it is
    what was looked at."""
    for version, documents in (("2", (".zattrs", ".zattrs")), ("3", ("zarr.json", "zarr.json"))):
        with S3() as site:
            place, here = f"s3://bucket/{version}", {"env": env(site)}
            tessera("create", place, "--group", "--format", f"zarr{version}", **here)
            tessera("create", place + "#a", "--shape", "3", "--dtype", "i4", **here)
            told = {"-": set(), "a": set()}

            def work(who, node):
                with Store(place, "update", **here) as st:
                    for name in (f"{who}_{i}" for i in range(8)):
                        answer = st.ask("set", node, name)
                        assert answer == "ok" or answer.startswith(f"fail {ECONFLICT} "), answer
                        told[node].update({name} if answer == "ok" else ())

            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda n: work(n, "-a"[n % 2]), range(4)))
            for node, document in zip(("", "/a"), documents):
                text = json.loads(site.files[f"/bucket/{version}{node}/{document}"])
                there = set(text["attributes"] if version == "3" else text)
                assert there == told[node.strip("/") or "-"], node
            assert len(told["-"]) == 16 and told["a"], told


def listings_have_all_pages():
    keys = ["d/zarr.json", "d/a/zarr.json", "d/a/c/0", "d/b/", "d/b/x", "d/ä+&<>.x", "d/..", "e/x", "d"]
    with S3() as site, Store("s3://bucket/d", "tree", env=env(site)) as st:
        site.files = {"/bucket/" + key: b"" for key in keys}
        for page in (1, 2, 1000):
            site.page = page
            assert sorted(st.ok("list", "-")) == ["a/", "b/", "zarr.json", "ä+&<>.x"]
            assert sorted(st.ok("list", "a/")) == ["a/c/", "a/zarr.json"]
            assert st.ok("list", "b/") == ["b/x"]
            assert st.ok("list", "nothing/") == []
        with Store("s3://bucket", "tree", env=env(site)) as root:
            assert sorted(root.ok("list", "-")) == ["d", "d/", "e/"]


def hostile_listings_are_refused():
    pages = [b"", b"hello", b"<a", b"<ListBucketResult>", b"<Other/>",
             b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
             b"<ListBucketResult><Contents><Key>d/%zz</Key></Contents><EncodingType>url</EncodingType>"
             b"</ListBucketResult>",
             b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult>&a;</ListBucketResult>',
             b"<ListBucketResult>" + b"<x>" * 100 + b"</x>" * 100 + b"</ListBucketResult>",
             b"<ListBucketResult><Contents><Key>" + b"x" * 10000 + b"</Key></Contents>"
             b"</ListBucketResult>"]
    with S3() as site, Store("s3://bucket/d", "tree", env=env(site)) as st:
        for page in pages:
            site.always = lambda s, q, r: Reply(200, page)
            line = st.ask("list", "-")
            assert "fail -7 " in line, (page[:40], line)
        same = b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>1+t" \
               b"</NextContinuationToken></ListBucketResult>"
        site.always = lambda s, q, r: Reply(200, same)
        line = st.ask("list", "-")
        assert "the next page is the same again" in line, line


# ---- arrays, and another server ----

def arrays_are_read_from_buckets():
    with tempfile.TemporaryDirectory() as folder, S3() as site:
        file, data = made(folder)
        site.files["/bucket/in/x.b2nd"] = file
        there = json.loads(tessera("info", "s3://bucket/in/x.b2nd", "--json", env=env(site))[0])
        assert there["shape"] == [2000, 500]
        out = os.path.join(folder, "y.npy")
        tessera("get", "s3://bucket/in/x.b2nd", "-f", "-o", out, env=env(site))
        with open(out, "rb") as f:
            assert f.read()[-len(data):] == data
        err = tessera("info", "s3://bucket/in/z.b2nd", code=None, env=env(site))[1]
        assert "not found" in err, err
        err = tessera("info", "s3://bucket/in/x.b2nd", code=None,
                      env=env(site, AWS_SECRET_ACCESS_KEY="wrong"))[1]
        assert "SignatureDoesNotMatch" in err and "wrong" not in err, err
        assert site.most <= 16


def buckets_and_prefixes_without_documents_are_groups():
    with S3() as site:
        site.files["/bucket/pre/notes.txt"] = b"text"
        here = {"env": env(site)}
        tessera("create", "s3://bucket/pre/one.zarr", "--shape", "3", "--dtype", "i4", **here)
        for place, listed in (("s3://bucket", b"pre/\n"), ("s3://bucket/", b"pre/\n"),
                              ("s3://bucket/pre", b"one.zarr  zarr3 [3] <i4\n"),
                              ("s3://bucket/pre/", b"one.zarr  zarr3 [3] <i4\n")):
            assert tessera("ls", place, **here)[0] == listed, place
            assert b"one.zarr" in tessera("tree", place, **here)[0], place
        assert b"zarr3 group" in tessera("info", "s3://bucket/pre", **here)[0]
        err = tessera("ls", "s3://bucket/nothing", code=3, **here)[1]
        assert "not found" in err and "zarr.json" not in err, err
        for reply, code, says in (((403, "AccessDenied"), 1, "AccessDenied"),
                                  ((503, "SlowDown"), 5, "503")):
            site.always = lambda s, q, r: \
                error(*reply, Retry_After="400") if "list-type" in q.path else r
            err = tessera("ls", "s3://bucket/pre", code=code, **here)[1]
            assert says in err and "found" not in err, err
        site.always = None
        tessera("create", "s3://bucket/pre", "--group", **here)
        assert b'"group"' in site.files["/bucket/pre/zarr.json"]
        assert tessera("ls", "s3://bucket/pre", **here)[0] == listed


def an_array_is_not_converted_onto_itself_however_it_is_spelled():
    with S3() as site:
        here, place = {"env": env(site)}, "s3://bucket/n.zarr"
        tessera("create", place, "--shape", "5", "--dtype", "i2", "--chunks", "2", **here)
        tessera("set", place, "7", **here)
        before = dict(site.files)
        for other in (place, "S3://bucket/n.zarr", "s3://bucket//n.zarr", "s3://bucket///n.zarr/"):
            err = tessera("convert", place, other, "-f", "--chunks", "3", code=2, **here)[1]
            assert "what is read" in err, err
            assert site.files == before, other


def moto_with_its_signature_checking_on_agrees():
    moto = moto_.start("bucket")
    if not moto:
        print("skipped: moto is not there: scripts/setup.sh servers gets it from PyPI")
        return
    with moto:
        base = {"AWS_ENDPOINT_URL": moto.url, "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": moto.id, "AWS_SECRET_ACCESS_KEY": moto.secret}
        with Store("s3://bucket/base dir", "update", env=base) as st:
            for key in ("zarr.json", "a/b+c", "a/d=e", "a/ü"):
                st.ok("put", key, "text-of-" + key)
                found = st.ok("get", key, 0, 100)
                assert found[0] == "found" and found[4] == digest(("text-of-" + key).encode())
            assert st.ok("get", "zarr.json", "last", 4)[:3] == ["found", "4", "17"]
            assert st.ok("get", "zarr.json", 5, 4)[:3] == ["found", "4", "17"]
            assert st.ok("get", "zarr.jsonx", 0, 4)[0] == "absent"
            assert sorted(st.ok("list", "-")) == ["a/", "zarr.json"]
            assert sorted(st.ok("list", "a/")) == ["a/b+c", "a/d=e", "a/ü"]
            st.ok("remove", "zarr.json")
            assert st.ok("get", "zarr.json", 0, 4)[0] == "absent"
            st.fails(EEXISTS, "putif", "a/b+c", 0, "other")
        with Store("s3://no-bucket", "update", env=base) as st:
            for verb in (("get", "x", 0, 4), ("get", "x", "last", 4), ("put", "x", "y"), ("list", "-")):
                assert f"fail {ENOTFOUND} " in (line := st.ask(*verb)), line
                assert "there is no bucket 'no-bucket'" in line, line
            st.fails(EIO, "remove", "x", says="there is no bucket 'no-bucket'")
        with Store("s3://bucket", "tree", env={**base, "AWS_SECRET_ACCESS_KEY": "wrong"}) as st:
            st.fails(EDENIED, "get", "x", 0, 4, says="SignatureDoesNotMatch")


if __name__ == "__main__":
    sys.exit(run_all([value for name, value in list(globals().items())
                      if callable(value) and getattr(value, "__module__", "") == "__main__"
                      and name not in ("bucket", "env")]))
