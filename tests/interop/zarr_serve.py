# SPDX-License-Identifier: BSD-3-Clause
"""Chains of Zarr codecs run by libtessera, in the program tests/zarr/serve.c, and the Python that
has numcodecs: build/peers/zarr, or TESSERA_ZARR_PEER (a python)."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Refused(Exception):
    """A chain could not be opened, or a value not be coded: .status is a tsr_status."""

    def __init__(self, line):
        status, _, text = line.partition(" ")
        super().__init__(text)
        self.status = int(status)


def run_in_peer():
    """Goes on in the Python of the peer; false: there is none."""
    python = os.environ.get("TESSERA_ZARR_PEER") or str(ROOT / "build/peers/zarr/bin/python")
    if Path(sys.prefix) == Path(python).parent.parent:
        return True
    if not os.path.exists(python):
        return False
    os.execv(python, [python, *sys.argv])


class Serve:
    """The program; .decode and .encode take what a request says (see serve.c) and bytes."""

    def __init__(self):
        tool = os.environ.get("TESSERA_ZARR_SERVE") or str(
            Path(os.environ.get("TESSERA_TOOLS", ROOT / "build/gcc/tests")) / "zarr_serve")
        self.p = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, op, request, data):
        line = json.dumps({**request, "op": op, "len": len(data)})
        self.p.stdin.write(line.encode() + b"\n" + data)
        self.p.stdin.flush()
        answer = self.p.stdout.readline().decode("utf-8", "replace").rstrip("\n")
        kind, _, rest = answer.partition(" ")
        if kind == "no":
            raise Refused(rest)
        if kind != "ok":
            raise RuntimeError(f"zarr_serve ended: {answer!r} {self.p.poll()}")
        return self.p.stdout.read(int(rest))

    def decode(self, request, data):
        return self.ask("decode", request, data)

    def encode(self, request, data):
        return self.ask("encode", request, data)
