# SPDX-License-Identifier: BSD-3-Clause
"""webserver.py - an HTTP server on a free port of 127.0.0.1 that answers ranges, counts what it sends
and misbehaves on demand.  Only the standard library."""
import email.utils
import hashlib
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class Reply:
    """What the server is about to send; a fault changes it."""

    def __init__(self, status, body=b"", **fields):
        self.status, self.body = status, body
        self.fields = {k.replace("_", "-"): v for k, v in fields.items()}
        self.cut = None         # bytes of the body that are sent before the connection breaks
        self.delay = 0          # seconds before the answer, or in the middle of a body that is cut


class Site:
    """Files under paths, and what happened to them.

    files      path -> bytes
    faults     callables (site, request, reply) -> reply or None, used up one per request
    always     the same, for every request
    log        (method, path, Range) of each request
    """

    def __init__(self):
        self.files, self.faults, self.always, self.log = {}, [], None, []
        self.ranges = True
        self.validators = True
        self.sent = 0
        self.lock = threading.Lock()
        self.now, self.most = 0, 0  # requests in flight
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                with site.lock:
                    site.now += 1
                    site.most = max(site.most, site.now)
                try:
                    site.serve(self)
                except (ConnectionError, TimeoutError):
                    self.close_connection = True
                finally:
                    with site.lock:
                        site.now -= 1

            do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = do

            def log_message(self, *args):
                pass

        ThreadingHTTPServer.request_queue_size = 128
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *a: None  # clients that hang up are part of the tests
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()

    # ---- what is answered ----

    def fields(self, data):
        if not self.validators:
            return {}
        return {"ETag": f'"{hashlib.md5(data).hexdigest()}"',
                "Last-Modified": email.utils.formatdate(0, usegmt=True)}

    def answer(self, request, body):
        data = self.files.get(unquote(urlsplit(request.path).path))
        if data is None:
            return Reply(404, b"nothing here")
        fields = self.fields(data)
        wanted = request.headers.get("If-Match")
        if wanted and wanted != fields.get("ETag"):
            return Reply(412)
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
        if not span or not self.ranges:
            return Reply(200, data, **fields)
        if span[1]:
            lo, hi = int(span[1]), min(int(span[2] or len(data) - 1), len(data) - 1)
        else:
            lo, hi = max(0, len(data) - int(span[2])), len(data) - 1
        if lo >= len(data):
            return Reply(416, Content_Range=f"bytes */{len(data)}")
        return Reply(206, data[lo:hi + 1], Content_Range=f"bytes {lo}-{hi}/{len(data)}", **fields)

    def serve(self, request):
        length = int(request.headers.get("Content-Length", 0))
        body = request.rfile.read(length)
        with self.lock:
            self.log.append((request.command, request.path, request.headers.get("Range")))
            fault = self.faults.pop(0) if self.faults else self.always
        reply = self.answer(request, body)
        if fault:
            reply = fault(self, request, reply)
        if reply is None:
            drop(request)
            return
        if reply.cut is None:
            time.sleep(reply.delay)
        self.send(request, reply)

    def send(self, request, reply):
        if reply.status in (204, 304):
            reply.body = b""
        fields = {"Content-Length": str(len(reply.body)), **reply.fields}
        head = f"HTTP/1.1 {reply.status} x\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in fields.items() if v is not None) + "\r\n"
        body = b"" if request.command == "HEAD" else reply.body
        request.wfile.write(head.encode("latin-1"))
        part = body if reply.cut is None else body[:reply.cut]
        with self.lock:
            self.sent += len(part)
        request.wfile.write(part)
        if reply.cut is not None:
            request.wfile.flush()
            time.sleep(reply.delay)
            drop(request)


def drop(request):
    """Ends the connection at once."""
    request.close_connection = True
    try:
        request.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


# ---- faults ----

def status(code, **fields):
    return lambda site, request, reply: Reply(code, b"not now", **fields)


def dropped(site, request, reply):
    return None


def short(site, request, reply):
    reply.cut = len(reply.body) // 2
    return reply


def stalled(seconds):
    def fault(site, request, reply):
        reply.cut, reply.delay = len(reply.body) // 3, seconds
        return reply
    return fault


def slow(seconds):
    def fault(site, request, reply):
        reply.delay = seconds
        return reply
    return fault


def chunked(site, request, reply):
    """Without a length: its end is said behind it."""
    if request.command != "HEAD":
        parts = [reply.body[i:i + 7000] for i in range(0, len(reply.body), 7000)]
        reply.body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [*parts, b""])
    reply.fields.update({"Content-Length": None, "Transfer-Encoding": "chunked"})
    return reply


def replaced(path, data):
    """The object changes before this answer is made."""
    def fault(site, request, reply):
        site.files[path] = data
        return site.answer(request, b"")
    return fault


def with_fields(**fields):
    def fault(site, request, reply):
        reply.fields.update({k.replace("_", "-"): v for k, v in fields.items()})
        return reply
    return fault
