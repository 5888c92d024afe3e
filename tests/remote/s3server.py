# SPDX-License-Identifier: BSD-3-Clause
"""s3server.py - a server that speaks as much of S3 as a store asks for, and checks every signature by
its own reading of the AWS documentation.  Only the standard library."""
import datetime
import hashlib
import hmac
import re
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from webserver import Reply, Site

ID, SECRET, TOKEN, REGION = "AKIDTEST", "secret/+key", "token//with+signs==", "eu-test-1"
ENV = {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}


def error(status, code, message="", **more):
    more = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in more.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code>' \
           f"<Message>{escape(message)}</Message>{more}</Error>"
    return Reply(status, body.encode())


class S3(Site):
    """Files are "/bucket/key"; `public`: unsigned requests may read; `token`: one is wanted."""

    def __init__(self, bucket="bucket"):
        super().__init__()
        self.bucket, self.public, self.token, self.page = bucket, False, None, 1000
        self.skew = datetime.timedelta(0)
        self.signed = self.unsigned = 0

    def answer(self, request, body):
        path = unquote(urlsplit(request.path).path)
        refused = self.check(request, body)
        if refused:
            return refused
        if path.split("/")[1] != self.bucket:
            return error(404, "NoSuchBucket", "The specified bucket does not exist")
        if path in (f"/{self.bucket}", f"/{self.bucket}/"):
            return self.listing(dict(parse_qsl(urlsplit(request.path).query)))
        if request.command == "PUT":
            return self.put(request, path, body)
        if request.command == "DELETE":
            self.files.pop(path, None)
            return Reply(204)
        if path not in self.files:
            return error(404, "NoSuchKey", "The specified key does not exist.")
        return super().answer(request, body)

    def put(self, request, path, body):
        there = self.files.get(path)
        if request.headers.get("If-None-Match") == "*" and there is not None:
            return error(412, "PreconditionFailed")
        match = request.headers.get("If-Match")
        if match and (there is None or match != self.fields(there)["ETag"]):
            return error(412, "PreconditionFailed")
        self.files[path] = body
        return Reply(200)

    def listing(self, query):
        assert query["list-type"] == "2" and query["delimiter"] == "/"
        names, prefix = set(), query["prefix"] if "prefix" in query else ""
        for path in self.files:
            key = path.removeprefix(f"/{self.bucket}/")
            if key.startswith(prefix):
                rest = key[len(prefix):]
                names.add(prefix + rest.split("/")[0] + "/" if "/" in rest else key)
        names = sorted(names)
        begin = int(query["continuation-token"].split("+")[0]) if "continuation-token" in query else 0
        shown, more = names[begin:begin + self.page], names[begin + self.page:]
        out = "<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
        for name in shown:
            text = escape(quote(name, safe="/").replace("%20", "+"))
            out += f"<CommonPrefixes><Prefix>{text}</Prefix></CommonPrefixes>" if name.endswith("/") \
                and f"/{self.bucket}/{name}" not in self.files else \
                f"<Contents><Key>{text}</Key><Size>1</Size></Contents>"
        out += "<EncodingType>url</EncodingType>"
        out += f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        if more:
            token = f"{begin + self.page}+/&="
            out += f"<NextContinuationToken>{escape(token)}</NextContinuationToken>"
        return Reply(200, (out + "</ListBucketResult>").encode())

    # ---- signatures ----

    def check(self, request, body):
        """None, or why the request is refused."""
        said = request.headers.get("Authorization")
        if not said:
            self.unsigned += 1
            return None if self.public and request.command == "GET" else \
                error(403, "AccessDenied", "Access Denied")
        m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
                         r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})", said)
        if not m or m[1] != ID:
            return error(403, "InvalidAccessKeyId", "no such key")
        if m[3] != REGION:
            return error(400, "AuthorizationHeaderMalformed", "wrong region", Region=REGION)
        names, when = m[4].split(";"), request.headers["x-amz-date"]
        if names != sorted(names) or not {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names):
            return error(403, "SignatureDoesNotMatch", "headers")
        if request.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return error(400, "XAmzContentSHA256Mismatch", "the body is another")
        if self.token and (request.headers.get("x-amz-security-token") != self.token
                           or "x-amz-security-token" not in names):
            return error(403, "InvalidToken", "the token is wrong")
        now = datetime.datetime.now(datetime.timezone.utc) + self.skew
        at = datetime.datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(now - at) > datetime.timedelta(minutes=15):
            return error(403, "RequestTimeTooSkewed", "too skewed", ServerTime=now.isoformat()[:19])
        url = urlsplit(request.path)
        query = sorted(tuple((pair + "=").split("=")[:2]) for pair in url.query.split("&") if pair)
        canonical = "\n".join(
            [request.command, url.path, "&".join("=".join(pair) for pair in query)]
            + [f"{n}:{request.headers[n].strip()}" for n in names]
            + ["", m[4], request.headers["x-amz-content-sha256"]])
        scope = f"{m[2]}/{m[3]}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", when, scope,
                             hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in (m[2], m[3], "s3", "aws4_request", to_sign):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if key.hex() != m[5]:
            return error(403, "SignatureDoesNotMatch", "the signature is another")
        self.signed += 1
        return None
