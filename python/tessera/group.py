# SPDX-License-Identifier: BSD-3-Clause
"""Groups: hierarchies of arrays under names, as Zarr has them."""

from __future__ import annotations

import dataclasses
import html
import json
import os
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from tessera import loose, remote
from tessera._array import parse_dtype
from tessera._engine import ExistsError
from tessera._group import GroupHandle
from tessera.build import Plan, fill_from, spare, storable
from tessera.create import Shape
from tessera.loose import kind_of
from tessera.meta import Attributes, attributes_of, plain
from tessera.ndarray import NDArray, dims
from tessera.params import Storage

if TYPE_CHECKING:
    from tessera._group import Found

_MODES = {"r": "r", "r+": "r+", "a": "a", "w": "w", "w-": "x", "x": "x"}


class GroupAttributes(Attributes):
    """Attributes of a group: a mutable mapping of names to JSON values.

    Each change is written at once; `update` and `put` write once for all of theirs.

    Raises
    ------
    KeyError
        There is no such attribute.
    TypeError, ValueError
        A value that JSON cannot express, NaN among them.
    DeniedError
        The group is for reading.

    Examples
    --------
    >>> import tessera
    >>> g = tessera.create_group("weather.zarr", overwrite=True)
    >>> g.attrs["title"] = "Weather"
    >>> g.attrs.update(year=2026, tags=["a", "b"])
    >>> g.attrs
    {'title': 'Weather', 'year': 2026, 'tags': ['a', 'b']}
    >>> tessera.remove_urlpath("weather.zarr")
    """

    def __setitem__(self, name: Any, value: Any) -> None:
        self.update({self._name(name): value})

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Sets several, as `dict.update` does.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.attrs.update({"a": 1}, b=2)
        >>> len(g.attrs)
        2
        >>> tessera.remove_urlpath("weather.zarr")
        """
        self._put({**self._all(), **attributes_of(dict(*args, **kwargs))})

    def put(self, attributes: Mapping[str, Any]) -> None:
        """Sets these in the place of all that there are.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.attrs["old"] = 1
        >>> g.attrs.put({"new": 2})
        >>> g.attrs
        {'new': 2}
        >>> tessera.remove_urlpath("weather.zarr")
        """
        self._put(attributes_of(attributes))

    def _put(self, attributes: dict[str, Any]) -> None:
        self._owner._attrs_set(_text(attributes))  # type: ignore[attr-defined]


class Group(MutableMapping[str, Any]):
    """A group of a hierarchy: a mutable mapping of names to arrays and groups.

    Groups come from `tessera.open`, `group` and `create_group`.  A key is the name of a child, or a
    path such as "a/b".  What is listed or opened is read then; in mode "r" consolidated metadata
    answers instead where the place has some.  Changes are in the store when a call returns; those
    of a zip archive when it is closed or flushed.

    Attributes
    ----------
    urlpath : str
        Where it is: "x.zarr", "x.zarr#a/b".
    path, name, basename : str
        In its hierarchy: "a/b", "/a/b", "b"; of the root "", "/", "".
    format : {"zarr3", "zarr2"}
    mode : {"r", "r+"}
    attrs : GroupAttributes
    consolidated : bool
        Whether it is seen through consolidated metadata.

    Examples
    --------
    >>> import tessera
    >>> g = tessera.create_group("weather.zarr", overwrite=True)
    >>> stations = g.create_group("stations")
    >>> g.create_group("stations/north").attrs["height"] = 120
    >>> list(g), "stations/north" in g, len(stations)
    (['stations'], True, 1)
    >>> g["stations/north"].attrs["height"]
    120
    >>> print(g.tree())
    /
    └── stations
        └── north
    >>> del g["stations"]
    >>> tessera.remove_urlpath("weather.zarr")
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError("groups are made by tessera.open, group and create_group")

    @classmethod
    def _of(cls, handle: GroupHandle) -> Group:
        self = cls.__new__(cls)
        self._h = handle
        return self

    @classmethod
    def _open(cls, url: str, mode: str, **options: Any) -> Group:
        return cls._of(GroupHandle.open(url, mode, **options))

    _h: GroupHandle

    # ---- what it is ----

    @property
    def urlpath(self) -> str:
        return self._h.urlpath

    @property
    def path(self) -> str:
        return self._h.path

    @property
    def name(self) -> str:
        return "/" + self._h.path

    @property
    def basename(self) -> str:
        return self._h.path.rpartition("/")[2]

    @property
    def format(self) -> str:
        return self._h.format

    @property
    def mode(self) -> str:
        return "r+" if self._h.writable else "r"

    @property
    def consolidated(self) -> bool:
        return self._h.consolidated

    @property
    def attrs(self) -> GroupAttributes:
        return GroupAttributes(self)  # type: ignore[arg-type]

    @attrs.setter
    def attrs(self, attributes: Mapping[str, Any]) -> None:
        self.attrs.put(attributes)

    @property
    def writable(self) -> bool:
        """Whether it may be changed."""
        return self._h.writable

    def _attrs(self) -> str:
        return self._h._attrs()

    def _attrs_set(self, text: str) -> None:
        self._h._attrs_set(text)

    def _attr_remove(self, name: str) -> None:
        self._h._attr_remove(name)

    # ---- a mapping ----

    def _url(self, path: str) -> str:
        place, _, inside = self.urlpath.partition("#")
        parts = [p for p in f"{inside}/{path}".split("/") if p]
        return f"{place}#{'/'.join(parts)}"

    def _open_child(self, path: str, kind: str) -> NDArray | Group:
        if kind == "group":
            return Group._of(self._h.open_group(path))
        a: NDArray = NDArray._open_in(self._h, path, self._url(path))
        return a

    def __getitem__(self, path: str) -> Any:
        found = self._h.find(_key(path))
        if found is None:
            raise KeyError(path)
        return self._open_child(path, found[1])

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and bool(path) and self._h.find(path) is not None

    def __iter__(self) -> Iterator[str]:
        return iter([node[0] for node in self._h.list(1)])

    def __len__(self) -> int:
        return len(self._h.list(1))

    def __setitem__(self, path: str, value: ArrayLike | NDArray) -> None:
        """A new array of the items of value, in the place of what is there."""
        if isinstance(value, Mapping):
            raise TypeError(f"{path}: expected an array, found {type(value).__name__}")
        self.create_array(path, data=value, overwrite=True)

    def __delitem__(self, path: str) -> None:
        self._h.remove(_key(path))

    def pop(self, *args: Any) -> Any:
        """Refused: what is removed cannot be read any more.

        Raises
        ------
        TypeError
            Always; read what is wanted, then ``del group[path]``.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g["rain"] = [1, 2]
        >>> items = g["rain"][:]
        >>> del g["rain"]
        >>> tessera.remove_urlpath("weather.zarr")
        """
        raise TypeError(
            "a group has no pop and popitem: what is removed cannot be read any more; "
            "read what is wanted, then del group[path]"
        )

    popitem = pop

    def clear(self) -> None:
        """Removes all that is in it.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g["rain"] = [1, 2]
        >>> g.clear()
        >>> len(g)
        0
        >>> tessera.remove_urlpath("weather.zarr")
        """
        for name in self:
            del self[name]

    def setdefault(self, path: str, default: Any = None) -> Any:
        """The array or group at a path; where there is none, a new array of the items of default.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.setdefault("rain", [1, 2])[:], g.setdefault("rain", [3])[:]
        (array([1, 2]), array([1, 2]))
        >>> tessera.remove_urlpath("weather.zarr")
        """
        if path not in self:
            self[path] = default
        return self[path]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group):
            return NotImplemented
        return _absolute(self.urlpath) == _absolute(other.urlpath)

    def __hash__(self) -> int:
        return hash(_absolute(self.urlpath))

    def _some(self, kind: str) -> Iterator[tuple[str, Any]]:
        for path, found, _, error, *_ in self._h.list(1):
            if found == kind and error is None:
                yield path, self._open_child(path, kind)

    def arrays(self) -> Iterator[tuple[str, NDArray]]:
        """Its arrays, by name.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> list(g.arrays())
        []
        >>> tessera.remove_urlpath("weather.zarr")
        """
        return self._some("array")

    def groups(self) -> Iterator[tuple[str, Group]]:
        """Its groups, by name.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> north = g.create_group("north")
        >>> [(name, len(child)) for name, child in g.groups()]
        [('north', 0)]
        >>> tessera.remove_urlpath("weather.zarr")
        """
        return self._some("group")

    def array_keys(self) -> Iterator[str]:
        """The names of its arrays.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> list(g.array_keys())
        []
        >>> tessera.remove_urlpath("weather.zarr")
        """
        return iter([node[0] for node in self._h.list(1) if node[1] == "array"])

    def group_keys(self) -> Iterator[str]:
        """The names of its groups.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> north = g.create_group("north/pole")
        >>> list(g.group_keys())
        ['north']
        >>> tessera.remove_urlpath("weather.zarr")
        """
        return iter([node[0] for node in self._h.list(1) if node[1] == "group"])

    def members(self, max_depth: int | None = 0) -> tuple[tuple[str, NDArray | Group], ...]:
        """What is in it by path, groups before what is in them.

        Parameters
        ----------
        max_depth : int, optional
            Levels below its children; None: all.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> north = g.create_group("north/pole")
        >>> [path for path, _ in g.members(max_depth=None)]
        ['north', 'north/pole']
        >>> tessera.remove_urlpath("weather.zarr")
        """
        found = self._h.list(0 if max_depth is None else max_depth + 1)
        return tuple((n[0], self._open_child(n[0], n[1])) for n in found if n[3] is None)

    def nmembers(self, max_depth: int | None = 0) -> int:
        """How many `members` there are.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> north = g.create_group("north/pole")
        >>> g.nmembers(), g.nmembers(max_depth=None)
        (1, 2)
        >>> tessera.remove_urlpath("weather.zarr")
        """
        return len(self._h.list(0 if max_depth is None else max_depth + 1))

    # ---- new nodes ----

    def create_group(
        self, name: str, *, overwrite: bool = False, attributes: Mapping[str, Any] | None = None
    ) -> Group:
        """A new group, and the groups between that are missing.

        Parameters
        ----------
        name : str
            Or a path, "a/b".
        overwrite : bool
            Remove what is there, with all below it.
        attributes : mapping, optional

        Raises
        ------
        ExistsError
            Something is there.
        ValueError
            A name that the format does not allow, or a path below an array.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.create_group("north", attributes={"height": 120}).attrs
        {'height': 120}
        >>> tessera.remove_urlpath("weather.zarr")
        """
        text = _text(attributes_of(attributes or {}))  # before anything gives way
        child = Group._of(self._h.create_group(_key(name), "w" if overwrite else "x"))
        if attributes:
            child._attrs_set(text)
        return child

    def require_group(self, name: str, *, overwrite: bool = False) -> Group:
        """The group of this name, which is made where there is none.

        Raises
        ------
        ExistsError
            An array is there.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.require_group("north") == g.require_group("north")
        True
        >>> tessera.remove_urlpath("weather.zarr")
        """
        return Group._of(self._h.create_group(_key(name), "w" if overwrite else "a"))

    def create_array(
        self,
        name: str,
        *,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
        data: ArrayLike | NDArray | None = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> NDArray:
        """A new array, and the groups between that are missing.

        Parameters
        ----------
        name : str
            Or a path, "a/b".
        shape, dtype
            Of the array; default: those of data.  dtype without data: float64.
        data : array_like, optional
            Its items; default: all are fill_value.
        overwrite : bool
            Remove what is there, with all below it.
        **kwargs
            As of `tessera.empty`, but where and in which format: chunks and blocks (with blocks
            chunks are shards, and blocks their inner chunks), fill_value, attributes,
            dimension_names, cparams or codecs ...

        Raises
        ------
        ExistsError
            Something is there.
        KeyError
            An unknown keyword.
        TypeError
            Neither shape nor data, or a dtype that cannot be stored.
        ValueError
            A name that the format does not allow, or shapes that do not fit.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> rain = g.create_array("north/rain", shape=(365, 24), dtype="f4", fill_value=-1)
        >>> rain[0, 0]
        array(-1., dtype=float32)
        >>> g.create_array("heights", data=np.arange(3)).dtype
        dtype('int64')
        >>> sorted(g)
        ['heights', 'north']
        >>> tessera.remove_urlpath("weather.zarr")
        """
        source: Any = data if data is None or hasattr(data, "shape") else np.asarray(data)
        if source is None and shape is None:
            raise TypeError("create_array: expected a shape or data")
        shape = source.shape if shape is None else dims(shape)
        if source is not None and tuple(source.shape) != tuple(shape):
            raise ValueError(f"shape: found {shape}, the data has {source.shape}")
        kind = kind_of(dtype, True)
        if kind is None and dtype is None and source is not None:
            kind = loose.kind_of_items(source)
        dt = kind or storable(dtype if dtype is not None else getattr(source, "dtype", np.float64))
        plan = _plan(kwargs)
        spec = plan.spec(dt, shape)
        if overwrite:
            spare(self._url(_key(name)), source)
        if source is not None and kind is None and source.dtype != dt:
            source = np.asarray(source[...], dtype=dt)
        if overwrite:
            plan.rehearse(spec, self.format)
            if kind is not None:
                loose.check(source, kind)
        mode = "w" if overwrite else "x"
        a: NDArray = NDArray._create_in(self._h, _key(name), self._url(name), spec, mode=mode)
        plan.created(a)
        try:
            if source is not None:
                fill_from(a, source)
        except BaseException:
            a._drop()
            raise
        plan.finished(a)
        a._contiguous = None  # it has a place, which the plan does not know
        a.flush()
        return a

    def require_array(
        self, name: str, *, shape: Shape, dtype: DTypeLike | None = None, **kwargs: Any
    ) -> NDArray:
        """The array of this name, which is made where there is none; kwargs as in `create_array`.

        Raises
        ------
        TypeError
            The array that is there has another shape or dtype.
        ExistsError
            A group is there.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.require_array("rain", shape=3, dtype="i2")[0] = 7
        >>> g.require_array("rain", shape=3, dtype="i2")[:]
        array([7, 0, 0], dtype=int16)
        >>> tessera.remove_urlpath("weather.zarr")
        """
        found = self._h.find(_key(name))
        if found is None:
            return self.create_array(name, shape=shape, dtype=dtype, **kwargs)
        if found[1] == "group":
            raise ExistsError(f"{self._url(name)}: is a group, expected an array")
        a: NDArray = self[name]
        if a.shape != dims(shape) or (dtype is not None and a.dtype != np.dtype(dtype)):
            raise TypeError(f"{self._url(name)}: has shape {a.shape} and dtype {a.dtype}")
        return a

    def consolidate(self) -> None:
        """Writes consolidated metadata of all that is in it now.

        Readers then list and open everything with one request.  From then on each change through
        this package keeps it true.

        Raises
        ------
        RuntimeError
            What is in it cannot be read, or is of the other format.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> north = g.create_group("north")
        >>> g.consolidate()
        >>> tessera.open("weather.zarr").consolidated
        True
        >>> tessera.remove_urlpath("weather.zarr")
        """
        self._h.consolidate()

    # ---- its life ----

    def flush(self) -> None:
        """Puts a zip archive in place; elsewhere nothing is pending.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zip", overwrite=True)
        >>> north = g.create_group("north")
        >>> g.flush()
        >>> list(tessera.open("weather.zip"))
        ['north']
        >>> g.close()
        >>> tessera.remove_urlpath("weather.zip")
        """
        self._h.flush()

    def close(self) -> None:
        """Ends the handle: `ValueError` for each later use of it.

        Arrays and groups that were opened through it stay open; the last one of a zip archive to
        be closed puts it in place.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> g.close()
        >>> tessera.remove_urlpath("weather.zarr")
        """
        self._h.close()

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """By its place, to be opened for reading.  Options of a server go along."""
        if self.writable and not self._h.inherited:
            self._h.flush()
        return _reopened, (_absolute(self.urlpath), self._h.remote)

    # ---- for people ----

    def __repr__(self) -> str:
        if not self._h.is_open:
            return f"<Group {self.urlpath} (closed)>"
        return f"<Group {self.urlpath}>"

    def tree(self, level: int | None = None) -> str:
        """All that is in it as lines of text, arrays with shape and dtype.

        Parameters
        ----------
        level : int, optional
            How deep; default: all.

        Examples
        --------
        >>> import tessera
        >>> g = tessera.create_group("weather.zarr", overwrite=True)
        >>> north = g.create_group("north/pole")
        >>> print(g.tree(level=1))
        /
        └── north
        >>> tessera.remove_urlpath("weather.zarr")
        """
        if level is not None and level < 1:
            return self.name
        return "\n".join([self.name, *_lines(self._h.list(level or 0))])

    def _repr_html_(self) -> str:
        nodes = self._h.list(0)
        return f"<details open><summary>{_bold(self.name)}</summary>{_nested(nodes)}</details>"


def _reopened(url: str, server: dict[str, Any] | None) -> Group:
    return Group._open(url, "r", remote=server)


# ---- text ----


def _about(node: Found) -> str:
    """What stands behind a name."""
    _, kind, _, error, shape, _, dtype, named = node
    if error is not None:
        return f" error: {error}"
    return f" {shape} {parse_dtype(dtype) if dtype else named}" if kind == "array" else ""


def _lines(nodes: list[Found]) -> list[str]:
    """A line for each node; last[d]: no more of that depth follow in the same group."""
    last: dict[int, bool] = {}
    out = []
    for node in reversed(nodes):
        depth = node[0].count("/")
        ends = not last.pop(depth, False)
        for d in [d for d in last if d > depth]:
            del last[d]
        lead = "".join("│   " if last.get(d) else "    " for d in range(depth))
        name = node[0].rpartition("/")[2]
        out.append(f"{lead}{'└── ' if ends else '├── '}{name}{_about(node)}")
        last[depth] = True
    return out[::-1]


def _bold(name: str) -> str:
    return f"<b>{html.escape(name)}</b>"


def _nested(nodes: list[Found]) -> str:
    """The same as lists in lists, closed where their groups end."""
    out, depth = ["<ul>"], 0
    for node in nodes:
        deep = node[0].count("/")
        out += ["<ul>"] * (deep - depth) + ["</ul>"] * (depth - deep)
        depth = deep
        out.append(f"<li>{_bold(node[0].rpartition('/')[2])}{html.escape(_about(node))}</li>")
    return "".join(out + ["</ul>"] * (depth + 1))


# ---- helpers ----


def _text(attributes: dict[str, Any]) -> str:
    """All attributes of a group as JSON."""
    text = json.dumps(attributes, default=plain, ensure_ascii=False, allow_nan=False)
    text.encode()  # what is no text is found here
    return text


def _key(path: Any) -> str:
    if not isinstance(path, str):
        raise TypeError(f"path: expected a str, found {type(path).__name__}")
    if not path.strip("/"):
        raise KeyError(path)
    return path


def _absolute(url: str) -> str:
    return url if "://" in url else os.path.abspath(url)


def _plan(kwargs: dict[str, Any]) -> Plan:
    """How an array of a group is to be; where is said already."""
    elsewhere = {f.name for f in dataclasses.fields(Storage)} | {"storage", "storage_options"}
    if given := sorted((elsewhere | {"format"}) & kwargs.keys()):
        raise KeyError(f"create_array: the group says {', '.join(given)}")
    return Plan.of(kwargs)


# ---- places ----


def group(
    urlpath: str | os.PathLike[str],
    mode: str = "a",
    *,
    format: str | None = None,
    use_consolidated: bool = True,
    storage_options: Mapping[str, Any] | None = None,
) -> Group:
    """The group at a place.

    Parameters
    ----------
    urlpath : str or path
        "x.zarr", "x.zarr#a/b", "x.zip", "https://...", "s3://...".
    mode : {"a", "r", "r+", "w", "w-"}
        Change it, and make it where there is none; read; change; make it, in the place of what is
        there; make it where nothing is ("x" is the same).
    format : {"zarr3", "zarr2"}, optional
        Of a new one; default: that of the hierarchy, else "zarr3".
    use_consolidated : bool
        Mode "r": whether consolidated metadata answers where there is some.
    storage_options : dict, optional
        How a server is spoken to, as of `open`.

    Raises
    ------
    FileNotFoundError
        Modes "r" and "r+": nothing is there.
    ExistsError
        Mode "w-": something is; mode "w": a folder of other things.
    ValueError
        It is an array, or there is no such mode.

    Examples
    --------
    >>> import tessera
    >>> with tessera.group("weather.zarr#north/pole") as g:
    ...     g.attrs["height"] = 120
    >>> tessera.group("weather.zarr", mode="r")["north/pole"].attrs["height"]
    120
    >>> tessera.remove_urlpath("weather.zarr")
    """
    if mode not in _MODES:
        raise ValueError(f"mode: found {mode!r}, expected one of {', '.join(_MODES)}")
    url = os.fsdecode(urlpath)
    server = remote.members(storage_options)
    return Group._open(
        url, _MODES[mode], format=format, consolidated=use_consolidated, remote=server
    )


open_group = group  # as zarr-python calls it


def create_group(
    urlpath: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
    attributes: Mapping[str, Any] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Group:
    """A new group; parameters and errors as of `group` with mode "w-", or "w" to overwrite.

    Examples
    --------
    >>> import tessera
    >>> g = tessera.create_group("weather.zarr", format="zarr2", attributes={"year": 2026})
    >>> g.format, g.attrs["year"], len(g)
    ('zarr2', 2026, 0)
    >>> tessera.remove_urlpath("weather.zarr")
    """
    mode = "w" if overwrite else "w-"
    text = _text(attributes_of(attributes or {}))
    g = group(urlpath, mode, format=format, storage_options=storage_options)
    if attributes:
        g._attrs_set(text)
    return g
