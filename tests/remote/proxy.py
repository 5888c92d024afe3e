# SPDX-License-Identifier: BSD-3-Clause
"""proxy.py - a server between the client and another one, which counts what it hands on and, when it
is told to, does harm.  Only the standard library.

A proxy is a Site (webserver.py) whose answers are those of the other server; Host stays, so that
signatures do.  What is sent to the client is in `sent`, requests are in `log`."""
import http.client
import random
from urllib.parse import urlsplit

from webserver import Reply, Site, dropped, short, stalled, status

OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class Proxy(Site):
    """Hands on to the server at url.  bodies: (path, status, bytes of the answer) of each request."""

    def __init__(self, url):
        super().__init__()
        self.to = urlsplit(url)
        self.bodies = []

    def answer(self, request, body):
        conn = http.client.HTTPConnection(self.to.hostname, self.to.port, timeout=60)
        conn.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            if name.lower() != "connection":
                conn.putheader(name, value)
        conn.endheaders(body or None)
        got = conn.getresponse()
        reply = Reply(got.status, got.read())
        conn.close()
        for name, value in got.getheaders():
            if name.lower() not in OWN or (request.command == "HEAD" and name == "Content-Length"):
                reply.fields[name] = value
        with self.lock:
            self.bodies.append((urlsplit(request.path).path, reply.status, len(reply.body)))
        return reply

    def clear(self):
        with self.lock:
            self.log.clear()
            self.bodies.clear()
            self.sent = 0


def wrong_range(site, request, reply):
    """The answer says that it is another part of the object."""
    span = reply.fields.get("Content-Range", "")
    if span.startswith("bytes ") and span[6].isdigit():
        first, rest = span[6:].split("-", 1)
        reply.fields["Content-Range"] = f"bytes {int(first) + 1}-{rest}"
    return reply


class Chaos:
    """Faults at random, by a seed: `always` of a site.  happened: how often each did."""

    def __init__(self, seed, often=0.2, extra=()):
        self.random, self.often = random.Random(seed), often
        self.happened = {}
        self.kinds = [("dropped", dropped), ("short", short), ("500", status(500)),
                      ("503", status(503, Retry_After="0")), ("429", status(429, Retry_After="1")),
                      ("stalled", stalled(30)), ("wrong range", wrong_range), *extra]
        self.weights = [8, 8, 8, 8, 1, 1, 1, *([2] * len(extra))]

    def __call__(self, site, request, reply):
        with site.lock:
            if self.random.random() >= self.often:
                return reply
            name, fault = self.random.choices(self.kinds, self.weights)[0]
            self.happened[name] = self.happened.get(name, 0) + 1
        return fault(site, request, reply)
