#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What metadata, chains and shards of src/zarr write, tests/zarr/write.c, is read by zarr-python of
today, by zarr-python 2.18 and by tensorstore, bit for bit: data types x codecs x both formats, the
first two by consolidated metadata.  Types and codecs that a peer lacks are counted as not its own."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tally import Tally

ROOT = Path(__file__).resolve().parents[2]
WRITE = Path(os.environ.get("TESSERA_TOOLS", ROOT / "build/gcc/tests")) / "zarr_write"
PEERS = [("zarr", "zarr"), ("zarr2", "zarr"), ("tensorstore", "tensorstore")]

t = Tally()
with tempfile.TemporaryDirectory() as folder:
    lines = subprocess.run([WRITE, folder], capture_output=True, check=True).stdout
    for name, module in PEERS:
        python = os.environ.get(f"TESSERA_{name.upper()}_PEER", ROOT / f"build/peers/{name}/bin/python")
        if not os.path.exists(python):
            print(f"skipped: {name} could not be had from PyPI")
            continue
        out = subprocess.run([python, Path(__file__).with_name("zarr_peer.py"), module, folder],
                             input=lines, capture_output=True)
        *faults, counts = out.stdout.decode().splitlines() or [out.stderr.decode()[-500:]]
        print(f"{name}: {counts}")
        good = counts.split(" passed")[0]
        t.passed += int(good) if good.isdigit() else 0
        for fault in faults or ([] if out.returncode == 0 else [counts]):
            t.check(False, name, fault)
print(f"{t.passed} passed, {t.failed} failed")
sys.exit(t.failed > 0)
