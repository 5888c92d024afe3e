# SPDX-License-Identifier: BSD-3-Clause
"""Metadata of super-chunks and arrays: `meta`, `vlmeta`, `attrs`.

Values are MessagePack as python-blosc2 writes it.  It knows no tuples: one is a list whose first
element is "__tuple__".  Objects of ours inside a value are extension 42, their frame.

    meta     in the header: given at creation, later replaced by a value of the same length only
    vlmeta   come and go, of any length
    attrs    the same entries as vlmeta, JSON values only, so that every program can read them
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Protocol

import msgpack
import numpy as np

_TUPLE = "__tuple__"
_FRAME = 42


class Holder(Protocol):
    """What has metadata: an array or a super-chunk."""

    def _meta_names(self, vl: bool) -> list[str]: ...
    def _meta_get(self, vl: bool, name: str) -> bytes: ...
    def _meta_set(self, vl: bool, name: str, value: bytes) -> None: ...
    def _meta_remove(self, name: str) -> None: ...
    @property
    def writable(self) -> bool: ...


# ---- values ----


def _other(value: Any) -> Any:
    """What MessagePack has no word for, in those that it has."""
    if isinstance(value, tuple):
        return [_TUPLE, *value]
    if isinstance(value, np.generic):
        item = value.item()
        if not isinstance(item, np.generic):
            return item
    kinds: tuple[type[Any], ...] = (bool, int, float, str, bytes, list, dict)
    for kind in kinds:
        if isinstance(value, kind):  # a subclass, an enumeration for one
            return kind(value)
    if hasattr(value, "to_cframe"):
        return msgpack.ExtType(_FRAME, value.to_cframe())
    raise TypeError(f"metadata cannot hold a {type(value).__name__}")


def pack_value(value: Any) -> bytes:
    """A value as MessagePack.

    Parameters
    ----------
    value : None, bool, int, float, str, bytes, list, dict, tuple
        Nested as you like, NumPy scalars, arrays and super-chunks of this package among them.

    Raises
    ------
    TypeError
        Anything else.
    ValueError
        Nested too deeply, or an integer of more than 64 bits.

    Examples
    --------
    >>> from tessera.meta import pack_value, unpack_value
    >>> pack_value((1, 2)).hex()
    '93a95f5f7475706c655f5f0102'
    >>> unpack_value(pack_value({"a": (1, [2, b"x"])}))
    {'a': (1, [2, b'x'])}
    """
    try:
        packed = msgpack.packb(value, default=_other, strict_types=True, use_bin_type=True)
    except OverflowError as e:
        raise ValueError(f"metadata: {e}") from None
    return bytes(packed)


def _list(items: list[Any]) -> Any:
    return tuple(items[1:]) if items and items[0] == _TUPLE else items


def _extension(code: int, data: bytes) -> Any:
    if code != _FRAME:
        return msgpack.ExtType(code, data)
    from tessera.opening import from_cframe

    return from_cframe(data)


def unpack_value(packed: bytes) -> Any:
    """The value of a MessagePack; extensions that are not known as `msgpack.ExtType`.

    Raises
    ------
    ValueError
        The bytes are no MessagePack.
    """
    try:
        return msgpack.unpackb(
            packed,
            raw=False,
            strict_map_key=False,
            list_hook=_list,
            ext_hook=_extension,
        )
    except (msgpack.UnpackException, UnicodeDecodeError, TypeError) as e:
        raise ValueError(f"metadata: not MessagePack: {e}") from None


def packed_metas(meta: Mapping[str, Any] | None) -> dict[str, bytes] | None:
    """Header metalayers as a C spec takes them."""
    return {name: pack_value(v) for name, v in meta.items()} if meta else None


# ---- mappings ----


class _Mapping(MutableMapping[str, Any]):
    """The entries of one kind, by name, in the order in which they came."""

    _vl: bool

    def __init__(self, owner: Holder) -> None:
        self._owner = owner  # kept alive

    @property
    def mode(self) -> str:
        """ "a" when entries may be changed, "r" when not."""
        return "a" if self._owner.writable else "r"

    def _name(self, name: Any) -> str:
        if isinstance(name, slice) and name != slice(None):
            raise NotImplementedError("Slicing is not supported, unless [:]")
        return _as_str(name)

    def __getitem__(self, name: Any) -> Any:
        if isinstance(name, slice) and name == slice(None):
            return self.getall()
        return unpack_value(self._owner._meta_get(self._vl, self._name(name)))

    def __setitem__(self, name: Any, value: Any) -> None:
        if isinstance(name, slice) and name == slice(None):
            self.update(value)
        else:
            self._owner._meta_set(self._vl, self._name(name), pack_value(value))

    def __contains__(self, name: object) -> bool:
        return name in self._owner._meta_names(self._vl)

    def __iter__(self) -> Iterator[str]:
        return iter(self._owner._meta_names(self._vl))

    def __len__(self) -> int:
        return len(self._owner._meta_names(self._vl))

    def __repr__(self) -> str:
        return repr(self.getall())

    def getall(self) -> dict[str, Any]:
        """All entries as a dictionary."""
        return {name: self[name] for name in self}


class Meta(_Mapping):
    """Metadata in the header: a mapping of names to values whose size cannot change.

    Raises
    ------
    KeyError
        There is no such entry; new ones come at creation only.
    ValueError
        A value that is longer or shorter, as MessagePack, than the old one; a read-only handle.
    NotImplementedError
        Something is to be deleted.

    Examples
    --------
    >>> import tessera
    >>> s = tessera.SChunk(meta={"origin": [10, 20]})
    >>> s.meta["origin"] = [11, 21]
    >>> s.meta["origin"]
    [11, 21]
    """

    _vl = False

    def __setitem__(self, name: Any, value: Any) -> None:
        if isinstance(name, str) and name not in self:
            raise KeyError(f"{name}: header metadata is given at creation; use vlmeta")
        super().__setitem__(name, value)

    def __delitem__(self, name: Any) -> None:
        raise NotImplementedError("header metadata cannot be deleted")

    def to_dict(self) -> dict[str, Any]:
        """All entries as a dictionary."""
        return self.getall()


class VLMeta(_Mapping):
    """Metadata of any length: a mutable mapping of names (1 to 31 bytes) to values.

    `vlmeta[:]` is a dictionary of all; `vlmeta[:] = {...}` sets several.

    Raises
    ------
    KeyError
        There is no such entry.
    TypeError
        A value that MessagePack cannot hold.
    ValueError
        The handle is for reading.

    Examples
    --------
    >>> import tessera
    >>> s = tessera.SChunk()
    >>> s.vlmeta["who"] = {"name": "Ada", "born": (1815, 12, 10)}
    >>> s.vlmeta["who"]["born"]
    (1815, 12, 10)
    >>> "who" in s.vlmeta, len(s.vlmeta)
    (True, 1)
    """

    _vl = True

    def __delitem__(self, name: Any) -> None:
        self._owner._meta_remove(self._name(name))

    def to_dict(self) -> dict[bytes, Any]:
        """All entries as a dictionary with names as bytes, as python-blosc2 gives it."""
        return {name.encode(): self[name] for name in self}


class Attributes(_Mapping):
    """Attributes of an array: a mutable mapping of names to JSON values.

    In Blosc2 files they are the entries of `vlmeta`; an entry that JSON cannot express is there
    but not among the attributes.  Lists and tuples both come back as lists.

    Raises
    ------
    KeyError
        There is no such attribute.
    TypeError
        A value that JSON cannot express.
    ValueError
        The handle is for reading.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.zeros((3, 4))
    >>> a.attrs["unit"] = "mm"
    >>> a.attrs
    {'unit': 'mm'}
    """

    _vl = True

    def _all(self) -> dict[str, Any]:
        attrs: dict[str, Any] = json.loads(self._owner._attrs())  # type: ignore[attr-defined]
        return attrs

    def __getitem__(self, name: Any) -> Any:
        if isinstance(name, slice) and name == slice(None):
            return self._all()
        return self._all()[self._name(name)]

    def __setitem__(self, name: Any, value: Any) -> None:
        if isinstance(name, slice) and name == slice(None):
            self.update(value)
            return
        text = json.dumps(value, default=plain, ensure_ascii=False)
        self._owner._attr_set(self._name(name), text)  # type: ignore[attr-defined]

    def __delitem__(self, name: Any) -> None:
        self._owner._attr_remove(self._name(name))  # type: ignore[attr-defined]

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def getall(self) -> dict[str, Any]:
        """All attributes as a dictionary."""
        return self._all()


def _as_str(name: Any) -> str:
    if isinstance(name, bytes):
        name = name.decode()
    if not isinstance(name, str):
        raise TypeError(f"name: expected a str, found {type(name).__name__}")
    return name


def attributes_of(given: Any) -> dict[str, Any]:
    """Attributes that are to be set, by name."""
    if not isinstance(given, Mapping):
        raise TypeError(f"attributes: expected a mapping, found {type(given).__name__}")
    named = {_as_str(name): value for name, value in given.items()}
    for name in named:
        if "\0" in name:  # in C it would be another one
            raise ValueError(f"attribute: found {name!r}, expected a name without NUL")
    return named


def plain(value: Any) -> Any:
    """NumPy's scalars and arrays as JSON has them."""
    if isinstance(value, np.generic | np.ndarray):
        item = value.tolist()
        if not isinstance(item, np.generic):
            return item
    raise TypeError(f"attributes cannot hold a {type(value).__name__}")
