# SPDX-License-Identifier: BSD-3-Clause
"""Cells of code that are run one after the other in one namespace, as a notebook does."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any


def cells_of(path: Path) -> dict[int, str]:
    """The numbered cells of a file in which each follows a line `# %% NUMBER`."""
    parts = re.split(r"^# %% (\d+)\n", path.read_text(), flags=re.M)[1:]
    return {int(n): text.strip("\n") for n, text in zip(parts[::2], parts[1::2], strict=True)}


class Notebook:
    """Runs each cell once; `shown[n]` is what cell n ends with, `printed[n]` what it printed."""

    def __init__(self, name: str, cells: dict[int, str]) -> None:
        self.name, self.cells = name, cells
        self.names: dict[str, Any] = {"__name__": name}
        self.shown: dict[int, Any] = {}
        self.printed: dict[int, str] = {}

    def run(self, number: int) -> Any:
        """Runs what has not run yet up to and with this cell; gives the value it ends with."""
        for n in sorted(self.cells):
            if n <= number and n not in self.shown:
                out = io.StringIO()
                with contextlib.redirect_stdout(out):
                    self.shown[n] = self.execute(n)
                self.printed[n] = out.getvalue()
        return self.shown[number]

    def execute(self, number: int) -> Any:
        """Runs one cell; the value of its last line if that is an expression, else None."""
        name, text = f"<{self.name} cell {number}>", self.cells[number]
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        tree = ast.parse(text, name)
        last = tree.body[-1]
        if not isinstance(last, ast.Expr):
            exec(compile(tree, name, "exec"), self.names)
            return None
        exec(compile(ast.Module(tree.body[:-1], []), name, "exec"), self.names)
        return eval(compile(ast.Expression(last.value), name, "eval"), self.names)
