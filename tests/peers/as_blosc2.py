# SPDX-License-Identifier: BSD-3-Clause
"""as_blosc2 - a pytest plugin that lets Tessera stand where python-blosc2 is imported.

`import blosc2` gives the module tessera itself. The submodules that the tests name are thin
modules of Tessera's own objects; helpers that python-blosc2 keeps for itself (no documentation
names them) are stand-ins that fail when they are called, and any other submodule cannot be
imported. httpx, which the peer's conftest imports for its network tests alone, is stood in for
when it is missing. The outcome of each test is written as a line of JSON to $AS_BLOSC2_LOG.
"""

import importlib.abc
import importlib.util
import json
import os
import sys
import types

import numpy

import tessera

PRIVATE = {
    "ndarray": ("detect_aligned_chunks", "get_ndarray_start_stop"),
    "utils": ("process_key",),
}


class Private(Exception):
    """A helper that python-blosc2 keeps for itself was called."""


def stand_in(name):
    """A function that says that `name` is not there, once it is called."""

    def missing(*args, **kwargs):
        raise Private(f"{name} is a private helper of python-blosc2")

    return missing


def submodule(name, **names):
    """Enter blosc2.`name` with `names` and the stand-ins of its private helpers."""
    module = types.ModuleType(f"blosc2.{name}")
    module.__dict__.update(names)
    for helper in PRIVATE.get(name, ()):
        setattr(module, helper, stand_in(f"{name}.{helper}"))
    sys.modules[module.__name__] = module


class NoOther(importlib.abc.MetaPathFinder):
    """Nothing else below blosc2 is found: Tessera's files must not be loaded a second time."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.startswith("blosc2."):
            raise ModuleNotFoundError(f"{fullname} is no module of Tessera", name=fullname)
        return None


def alias():
    """Put Tessera where blosc2 is looked for."""
    sys.modules["blosc2"] = tessera
    tessera.IS_WASM = False  # the tests ask, to leave some out in a browser
    submodule("core", **vars(tessera))
    submodule("ndarray", NDArray=tessera.NDArray, _SUBSAMPLE_GATHER_MAX_COORDS=0)
    submodule("utils", NUMPY_GE_2_0=int(numpy.__version__.split(".")[0]) >= 2)
    sys.meta_path.insert(0, NoOther())
    if not importlib.util.find_spec("httpx"):
        httpx = types.ModuleType("httpx")
        httpx.HTTPError = type("HTTPError", (Exception,), {})
        sys.modules["httpx"] = httpx


alias()
outcomes = {}


def why(report):
    """One line that says why a test failed or was skipped."""
    if report.skipped:
        return str(report.longrepr[-1]) if isinstance(report.longrepr, tuple) else "xfail"
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).strip().split("\n")[0][:200]


def pytest_runtest_logreport(report):
    """Note the worst of set-up, call and tear-down of each test."""
    if report.failed:
        outcomes[report.nodeid] = ("failed", why(report))
    elif report.skipped:
        outcomes.setdefault(report.nodeid, ("skipped", why(report)))
    elif report.when == "call":
        outcomes.setdefault(report.nodeid, ("passed", ""))
    if report.when == "teardown":
        log(report.nodeid, *outcomes.pop(report.nodeid, ("failed", "no outcome")))


def pytest_collectreport(report):
    """A file that cannot be imported is a failure with the file's name."""
    if report.failed:
        text = str(report.longrepr).strip().split("\n")
        log(report.nodeid, "failed", text[-1].removeprefix("E").strip()[:200])


def log(nodeid, outcome, text):
    """One outcome to the log; the node's name without the folder of the tests."""
    with open(os.environ["AS_BLOSC2_LOG"], "a", encoding="utf-8") as out:
        print(json.dumps((nodeid.removeprefix("tests/"), outcome, text)), file=out)
