# SPDX-License-Identifier: BSD-3-Clause
"""Every public name says what it is, and every function and method shows it by an example.

What a class inherits counts as its own, what is written in Cython too: pytest's own collection of
doctests does not see the latter, so all examples run here.  Attributes that have no room for a
docstring (fields of dataclasses, read-only ones of Cython) are named in one of their classes.
"""

import doctest
import inspect
import re
from enum import Enum
from types import GetSetDescriptorType

import pytest

import tessera

ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def _ours(cls):
    return [c for c in cls.__mro__ if c.__module__.partition(".")[0] == "tessera"]


def _members(cls):
    """Public members as they are defined, by name: of the class and of its bases of ours."""
    found = {}
    for c in reversed(_ours(cls)):
        found.update((n, m) for n, m in vars(c).items() if not n.startswith("_"))
    return found


def _is_called(member):
    return inspect.isroutine(member) and not isinstance(member, GetSetDescriptorType)


def _documented():
    """(dotted name, docstring or None, whether an example belongs to it)."""
    for name in tessera.__all__:
        it = getattr(tessera, name)
        if inspect.isclass(it):
            yield name, it.__doc__, False
            if not issubclass(it, (Enum, BaseException)):
                yield from _documented_members(name, it)
        elif callable(it):
            yield name, it.__doc__, True


def _documented_members(name, cls):
    for member, it in _members(cls).items():
        if _is_called(it):
            yield f"{name}.{member}", it.__doc__, True
        else:
            can = isinstance(it, (property, GetSetDescriptorType))  # have a docstring
            doc = it.__doc__ if can else None
            yield f"{name}.{member}", doc or _named_in_classes(cls, member), False


def _named_in_classes(cls, member):
    """The line of a class docstring that lists the attribute, as ``a, b : type``."""
    line = re.compile(rf"^ *(\w+, )*{member}(, \w+)* : .+", re.MULTILINE)
    found = [m[0] for m in (line.search(c.__doc__ or "") for c in _ours(cls)) if m]
    return found[0] if found else None


DOCUMENTED = list(_documented())
EXAMPLES = [(name, doc) for name, doc, _ in DOCUMENTED if doc and ">>>" in doc]


def test_the_walk_meets_what_is_inherited_from_cython():
    names = {name for name, _, _ in DOCUMENTED}
    assert {"NDArray.close", "SChunk.to_cframe", "NDArray.shape", "SChunk.nchunks"} <= names


def test_every_public_name_says_what_it_is():
    assert [name for name, doc, _ in DOCUMENTED if not (doc or "").strip()] == []


def test_every_function_and_method_has_an_example():
    assert [name for name, doc, called in DOCUMENTED if called and ">>>" not in (doc or "")] == []


@pytest.mark.parametrize(("name", "doc"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_are_true_and_leave_no_files(name, doc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = []
    test = doctest.DocTestParser().get_doctest(doc, {}, name, None, None)
    failed, tried = doctest.DocTestRunner(optionflags=ALIKE).run(test, out=said.append)
    assert tried and not failed, "".join(said)
    assert [p.name for p in tmp_path.iterdir()] == []
