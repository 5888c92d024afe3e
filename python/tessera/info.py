# SPDX-License-Identifier: BSD-3-Clause
"""Reports on arrays and super-chunks: text in consoles, a table in notebooks."""

from __future__ import annotations

import html
import textwrap
from typing import Any

WIDTH = 96


def size_text(n: int) -> str:
    """A number of bytes for people: "67117440 (64.01 MiB)".

    Examples
    --------
    >>> size_text(67117440), size_text(200)
    ('67117440 (64.01 MiB)', '200 (200 B)')
    """
    x = float(n)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if x < 1024 or unit == "PiB":
            break
        x /= 1024
    return f"{n} ({n} B)" if unit == "B" else f"{n} ({x:.2f} {unit})"


def _common(obj: Any) -> list[tuple[str, Any]]:
    return [
        ("nbytes", size_text(obj.nbytes)),
        ("cbytes", size_text(obj.cbytes)),
        ("cratio", f"{obj.cratio:.2f}x"),
        ("cparams", obj.cparams),
        ("dparams", obj.dparams),
    ]


def array_items(a: Any) -> list[tuple[str, Any]]:
    """The rows of an array's report."""
    names = ("shape", "chunks", "blocks", "dtype")
    return [("type", "NDArray"), *((n, getattr(a, n)) for n in names), *_common(a)]


def schunk_items(s: Any) -> list[tuple[str, Any]]:
    """The rows of a super-chunk's report."""
    names = ("chunksize", "blocksize", "typesize")
    return [("type", "SChunk"), *((n, getattr(s, n)) for n in names), *_common(s)]


class InfoReporter:
    """What `obj.info` gives: `print` shows text, notebooks a table.

    Parameters
    ----------
    obj
        Anything with `info_items`, a list of (name, value).

    Examples
    --------
    >>> import tessera
    >>> print(tessera.zeros(3).info)  # doctest: +ELLIPSIS
    type    : NDArray
    shape   : (3,)
    ...
    """

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __repr__(self) -> str:
        rows = self.obj.info_items
        longest = max(len(name) for name, _ in rows)
        lines = []
        for name, value in rows:
            parts = textwrap.wrap(str(value), WIDTH - longest - 3, break_on_hyphens=False) or [""]
            for i, part in enumerate(parts):
                lines.append(f"{name if i == 0 else '':{longest}} : {part}\n")
        return "".join(lines)

    def _repr_html_(self) -> str:
        rows = self.obj.info_items
        kind = html.escape(dict(rows)["type"])
        cells = (
            f'<tr><th style="text-align: left">{html.escape(name)}</th>'
            f'<td style="text-align: left">{html.escape(str(value))}</td></tr>'
            for name, value in rows
        )
        return f'<table class="{kind}-info"><tbody>{"".join(cells)}</tbody></table>'
