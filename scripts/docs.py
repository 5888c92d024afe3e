#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs.py [--check] - keeps the manual true.

Tables between <!-- table NAME --> and <!-- end --> are written from what the program says of
itself.  With --check nothing is written; instead it is an error when a table differs, when a link
between pages leads nowhere, when a C snippet with a main does not compile or run, and when a shell
snippet after <!-- run --> fails.  Snippets of a page run in one folder, in order.
Last line: "N passed, M failed"."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
PAGES = [TOP / "README.md", TOP / "CHANGES.md", *sorted((TOP / "docs").glob("*.md"))]
ENV = dict(os.environ, PATH=f"{BUILD}:{BUILD}/examples:{os.environ['PATH']}",
           LD_LIBRARY_PATH=str(BUILD))


def codecs(kind):
    out = subprocess.run([BUILD / "tessera", "codecs", "--json"], check=True, capture_output=True)
    rows = ["| name | Blosc2 id | |", "|---|---|---|"]
    for c in json.loads(out.stdout):
        if c["kind"] == kind:
            rows.append(f"| `{c['name']}` | {c['blosc2_id']} | {c['about']} |")
    return "\n".join(rows)


TABLES = {"codecs": lambda: codecs("codec"), "filters": lambda: codecs("filter")}
TABLE = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.S)


def with_tables(text):
    return TABLE.sub(lambda m: m[1] + TABLES[m[2]]() + "\n" + m[3], text)


def links(page, text):
    """Problems with links to files, relative to the page."""
    for name in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in name and not (page.parent / name).exists():
            yield f"link to {name} leads nowhere"


def shell(line, folder):
    run = subprocess.run(["bash", "-ec", line], cwd=folder, env=ENV, capture_output=True,
                         text=True, stdin=subprocess.DEVNULL, timeout=120)
    return None if run.returncode == 0 else f"{line}\n{run.stdout}{run.stderr}"


def snippets(text, folder):
    """(what, problem or None) of each snippet that is meant to run."""
    for run, lang, code in re.findall(r"(<!-- run -->\n)?```(\w+)\n(.*?)```", text, re.S):
        if lang == "sh" and run:
            yield "shell snippet", shell(code, folder)
        if lang == "c" and "int main" in code:
            (folder / "snippet.c").write_text(code)
            yield "C snippet", shell(f"cc -Wall -Wextra -Werror -I{TOP}/include snippet.c -L{BUILD} "
                                     "-ltessera -o snippet && ./snippet", folder)


def check(page):
    """(what, problem or None) of everything a page promises."""
    text = page.read_text()
    yield "tables", None if with_tables(text) == text else "a table is old: run make docs"
    yield "links", "\n".join(links(page, text)) or None
    with tempfile.TemporaryDirectory() as folder:
        yield from snippets(text, pathlib.Path(folder))


def main():
    if "--check" not in sys.argv:
        for page in PAGES:
            page.write_text(with_tables(page.read_text()))
        return 0
    passed = failed = 0
    for page in filter(pathlib.Path.exists, PAGES):
        for what, problem in check(page):
            passed, failed = passed + (not problem), failed + bool(problem)
            if problem:
                print(f"{page.relative_to(TOP)}: {what}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
