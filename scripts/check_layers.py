#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""check_layers.py - the one direction: every file sees its own folder and the rows below.

Prints each line that breaks a rule of docs/house.md, after proving that planted violations of
every rule are found.  Last line: "N passed, M failed"; a folder counts as one.
"""
import pathlib
import re
import sys
import tempfile

ROWS = [["base"], ["sys"], ["kernel", "task"], ["codec", "grid", "text", "net"],
        ["chunk", "store"], ["frame", "zarr"], ["format"], ["array"], ["ops", "image"]]
RANK = {name: i for i, row in enumerate(ROWS) for name in row}
FACES = ["cli", "server"]           # know the public header and their own folder
TOPS = ["examples"]                 # the same

PACKAGE = "python/tessera"
PY_IMPORT = re.compile(r"^(?:from tessera(?:\.(\w+))? c?import (\([^)]*\)|.*)|"
                       r"c?import tessera\.(\w+))", re.M)
EXTERN = re.compile(r'cdef extern from "([^"]+)"')
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^">]+)[">]')
CONDITION = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)")
OS = re.compile(r"\b(_WIN32|_WIN64|__CYGWIN__|__MINGW\w+|_MSC_VER|__linux\w*|__APPLE__|__unix\w*"
                r"|__\w*BSD\w*|__ANDROID__|__sun|__GLIBC__|_POSIX\w+|__EMSCRIPTEN__)\b")
CPU = re.compile(r"\b(__x86_64\w*|__i[3-6]86\w*|__amd64\w*|_M_X64|_M_IX86|_M_ARM\w*|__aarch64\w*"
                 r"|__arm\w*|__ARM\w*|__SSE\w*|__AVX\w*|__BMI\w*|__GFNI\w*|__riscv\w*|__powerpc\w*"
                 r"|__s390\w*|__BYTE_ORDER\w*)\b")
SIMD_HEADERS = re.compile(r"(\w*mmintrin|immintrin|x86intrin|arm_\w+|cpuid)\.h$")


def files(root, folder):
    base = root / folder
    return sorted(p for p in base.rglob("*") if p.suffix in (".c", ".h")) if base.is_dir() else []


def target(root, path, name):
    """The include as root-relative path below src/, None if it is no file of ours."""
    if (path.parent / name).is_file():
        return (path.parent / name).resolve()
    for top in ("src", "include"):
        if (root / top / name).is_file():
            return (root / top / name).resolve()
    return None


def may_see(own, other):
    return other == own or RANK[other] < RANK[own]


def include_rule(root, path, own, kind, name):
    """Why this include is wrong, or None."""
    if SIMD_HEADERS.search(name) and own != "kernel":
        return "SIMD headers belong to kernel/"
    if kind == "<" and not name.startswith("tessera/"):
        return None
    got = target(root, path, name)
    if not got or got.is_relative_to((root / "include").resolve()):
        return None
    if own in FACES + TOPS:
        if got.is_relative_to((root / own).resolve()):
            return None
        return f"{own}/ knows only tessera.h and its own folder"
    if not got.is_relative_to((root / "src").resolve()):
        return "src/ includes only src/ and tessera.h"
    other = got.relative_to((root / "src").resolve()).parts[0]
    if other not in RANK:
        return f"folder {other}/ has no row"
    if not may_see(own, other):
        return f"{own}/ must not see {other}/"
    if own == "array" and other == "format" and got.name != "format.h":
        return "array/ knows only format/format.h"
    return None


def condition_rule(path, own, text):
    if OS.search(text) and own != "sys":
        return "conditions on the OS belong to sys/"
    if CPU.search(text) and own not in ("kernel", "sys"):
        if own == "base" and path.name == "num.h" and "BYTE_ORDER" in text:
            return None
        return "conditions on the CPU belong to kernel/"
    return None


def drivers(root):
    """Names of format drivers: the tables that files and folders of format/ define."""
    out = {}
    for p in files(root, "src/format"):
        for name in re.findall(r"^const struct tsr_format (tsr_format_\w+)", p.read_text(), re.M):
            out[name] = p
    return out


def driver_rule(root, path, line, known):
    """Only format/table.c may name a driver; headers of format/ declare them."""
    for name in re.findall(r"\btsr_format_\w+", line):
        if name not in known or path == known[name]:
            continue
        if path.parent == root / "src/format" and (path.name == "table.c" or path.suffix == ".h"):
            continue
        return "only format/table.c names drivers"
    return None


def python_modules(root):
    """The package's modules and what each imports of the package when it is loaded."""
    out = {}
    for p in sorted((root / PACKAGE).glob("*.p*")):
        if p.suffix not in (".py", ".pyx", ".pxd"):
            continue
        seen = out.setdefault(p.stem, set())
        for module, names, whole in PY_IMPORT.findall(p.read_text()):
            seen.update([module or whole] if module or whole else re.findall(r"\w+", names))
    for name, seen in out.items():
        out[name] = {s for s in seen if s in out and s != name}
    return out


def python_check(root):
    """Modules see one another in one direction; of C they see tessera.h and the system."""
    bad, modules = [], python_modules(root)
    for p in sorted((root / PACKAGE).glob("*.p*")):
        for number, line in enumerate(p.read_text().splitlines(), 1):
            if (m := EXTERN.match(line)) and target(root, p, m[1]) and m[1] != "tessera/tessera.h":
                bad.append(f"{p.relative_to(root)}:{number}: {line.strip()}: "
                           "python/ knows only tessera.h")
    done = set()
    while ready := {m for m, seen in modules.items() if m not in done and seen <= done}:
        done |= ready
    if left := sorted(set(modules) - done):
        bad.append(f"{PACKAGE}: {', '.join(left)}: modules import in a circle")
    return bad


def check(root):
    """All violations below root as {folder: ["file:line: text: why"]}; every folder is a key."""
    found, known = {}, drivers(root)
    folders = [f"src/{p.name}" for p in sorted((root / "src").iterdir()) if p.is_dir()]
    for folder in folders + FACES + TOPS:
        own = folder.removeprefix("src/")
        paths = files(root, folder)
        if not paths:
            continue
        bad = found.setdefault(folder, [])
        if folder.startswith("src/") and own not in RANK:
            bad.append(f"{folder}: no row of its own")
            continue
        for path in paths:
            for number, line in enumerate(path.read_text().splitlines(), 1):
                why = driver_rule(root, path, line, known)
                if m := INCLUDE.match(line):
                    why = why or include_rule(root, path, own, *m.groups())
                if m := CONDITION.match(line):
                    why = why or condition_rule(path, own, m.group(1))
                if why:
                    bad.append(f"{path.relative_to(root)}:{number}: {line.strip()}: {why}")
    if (root / PACKAGE).is_dir():
        found[PACKAGE] = python_check(root)
    return found


PLANTED = [  # file, line, rule that must speak
    ("src/base/a.c", '#include "sys/s.h"', "base/ must not see sys/"),
    ("src/kernel/a.c", '#include "task/t.h"', "kernel/ must not see task/"),
    ("src/chunk/a.c", '#include "store/st.h"', "chunk/ must not see store/"),
    ("src/frame/a.c", '#include "format/format.h"', "frame/ must not see format/"),
    ("src/array/a.c", '#include "format/x.h"', "array/ knows only format/format.h"),
    ("src/array/b.c", "f(&tsr_format_x);", "only format/table.c names drivers"),
    ("src/ops/a.c", '#include "../image/i.h"', "ops/ must not see image/"),
    ("src/other/a.c", "int x;", "no row of its own"),
    ("src/store/a.c", "#ifdef __linux__", "conditions on the OS belong to sys/"),
    ("src/grid/a.c", "#if defined(__AVX2__)", "conditions on the CPU belong to kernel/"),
    ("src/codec/a.c", "#include <immintrin.h>", "SIMD headers belong to kernel/"),
    ("cli/a.c", '#include "array/a.h"', "cli/ knows only tessera.h and its own folder"),
    ("examples/a.c", '#include "base/b.h"', "examples/ knows only tessera.h and its own folder"),
    ("python/tessera/_a.pyx", 'cdef extern from "base/b.h":', "python/ knows only tessera.h"),
    ("python/tessera/x.py", "from tessera.y import a", "modules import in a circle"),
]
ALLOWED = [
    ("src/array/ok.c", '#include "format/format.h"'), ("src/array/ok.c", '#include "base/b.h"'),
    ("src/format/table.c", "&tsr_format_x,"), ("src/sys/ok.c", "#ifdef _WIN32"),
    ("src/kernel/ok.c", "#if defined(__x86_64__)"), ("cli/ok.c", '#include "own.h"'),
    ("python/tessera/_c.pxd", 'cdef extern from "tessera/tessera.h" nogil:'),
    ("python/tessera/y.py", "from tessera import x"), ("python/tessera/z.py", "import tessera.x"),
    ("src/base/num.h", "#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__"),
]
HEADERS = ["src/base/b.h", "src/sys/s.h", "src/task/t.h", "src/store/st.h", "src/format/format.h",
           "src/format/x.h", "src/image/i.h", "src/array/a.h", "cli/own.h"]


def self_test():
    """Plants every violation in a small tree of its own; returns what was not as it should."""
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        lines = {h: [] for h in HEADERS}
        lines["src/format/x.c"] = ["const struct tsr_format tsr_format_x = {0};"]
        for file, line in [p[:2] for p in PLANTED] + ALLOWED:
            lines.setdefault(file, []).append(line)
        for file, text in lines.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text("\n".join(text) + "\n")
        said = [line for bad in check(root).values() for line in bad]
        for file, line, why in PLANTED:
            if not any(s.startswith(file.rsplit("/", 1)[0]) and s.endswith(why) for s in said):
                wrong.append(f"self-test: not found: {file}: {line}: {why}")
        if len(said) != len(PLANTED):
            wrong += [f"self-test: {len(said)} found, {len(PLANTED)} planted:"] + said
    return wrong


def main():
    wrong = self_test()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    root = pathlib.Path(__file__).resolve().parent.parent
    found = check(root)
    for bad in found.values():
        print(*bad, sep="\n", end="\n" if bad else "")
    failed = sum(1 for bad in found.values() if bad) + bool(wrong)
    print(f"{len(found) + 1 - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
