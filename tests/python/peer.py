# SPDX-License-Identifier: BSD-3-Clause
"""python-blosc2, for tests that compare: another environment, spoken to as a subprocess.

`peer(code, *args)` runs Python code there with `blosc2`, `np` (NumPy) and `args` at hand and gives
back what the code printed.  The interpreter is TESSERA_PEER_PYTHON, or that of build/peers/blosc2;
without one the tests say that they skip.
"""

import os
import subprocess
from pathlib import Path

import pytest

_PRELUDE = "import sys\nimport blosc2\nimport numpy as np\nargs = sys.argv[1:]\n"


def _python() -> str | None:
    usual = Path(__file__).parents[2] / "build/peers/blosc2/bin/python"
    found = Path(os.environ.get("TESSERA_PEER_PYTHON") or usual)
    return str(found) if found.exists() else None


needs_peer = pytest.mark.skipif(_python() is None, reason="python-blosc2 is not there")


def peer(code: str, *args: object) -> str:
    """The output of code, run by the Python that has python-blosc2."""
    command = [str(_python()), "-c", _PRELUDE + code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
