# SPDX-License-Identifier: BSD-3-Clause
"""snippets.py PAGE... - runs the Python blocks of Markdown pages, each page in a folder of its own.

The blocks of a page are run in order, in one namespace.  A block of text that follows a Python
block is what it prints; `...` in it stands for anything.  Needs nothing but what the blocks need.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import linecache
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """The Python blocks of a page, each with the text that it is said to print."""
    return BLOCK.findall(page.read_text())


def run_page(page: Path) -> None:
    """Runs the blocks of a page in the current folder; AssertionError tells which is wrong."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, (code, said) in enumerate(blocks_of(page), 1):
        name = f"<{page.name}, Python block {number}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, name, "exec"), names)
        if not doctest.OutputChecker().check_output(said, out.getvalue(), ALIKE):
            raise AssertionError(f"{name}\n{code}printed\n{out.getvalue()}but shows\n{said}")


def main() -> int:
    for arg in sys.argv[1:]:
        page = Path(arg).resolve()
        number = len(blocks_of(page))
        if not number:
            print(f"{arg}: no Python block")
            return 1
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            run_page(page)
            os.chdir(page.parent)
        print(f"{arg}: {number} Python blocks run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
