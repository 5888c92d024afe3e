# SPDX-License-Identifier: BSD-3-Clause
"""How data is compressed, decompressed and stored: enumerations and parameter classes.

Names, values and defaults are python-blosc2's.  Here parameters become steps, the (name, params)
pairs of the C API, and come back from them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tessera import _engine

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Codec(Enum):
    """Compresses bytes; the value is what files call it by."""

    BLOSCLZ = 0
    LZ4 = 1
    LZ4HC = 2
    ZLIB = 4
    ZSTD = 5
    NDLZ = 32
    ZFP_ACC = 33
    ZFP_PREC = 34
    ZFP_RATE = 35
    OPENHTJ2K = 36
    GROK = 37
    OPENZL = 38
    J2K = 39
    HTJ2K = 40


class Filter(Enum):
    """Transforms bytes before the codec."""

    NOFILTER = 0
    SHUFFLE = 1
    BITSHUFFLE = 2
    DELTA = 3
    TRUNC_PREC = 4
    NDCELL = 32
    NDMEAN = 33
    BYTEDELTA = 35
    INT_TRUNC = 36


class SplitMode(Enum):
    """Whether a block is compressed as one stream or as one per byte of an item."""

    ALWAYS_SPLIT = 1
    NEVER_SPLIT = 2
    AUTO_SPLIT = 3
    FORWARD_COMPAT_SPLIT = 4


class SpecialValue(Enum):
    """What a chunk without data reads as."""

    NOT_SPECIAL = 0
    ZERO = 1
    NAN = 2
    VALUE = 3
    UNINIT = 4


class Tuner(Enum):
    """Who chooses parameters that were left open."""

    STUNE = 0
    BTUNE = 32


MAX_FILTERS = 6
MAX_TYPESIZE = MAX_BLOCKSIZE = 536866816  #: bytes of an item, of a block
MAX_BUFFERSIZE = 2147483615  #: bytes that one chunk can hold
MAX_OVERHEAD = EXTENDED_HEADER_LENGTH = 32  #: bytes that a chunk has at most beyond its data
MIN_HEADER_LENGTH = 16  #: bytes of the header of Blosc1 chunks
MAX_DIM = 16  #: dimensions of a Blosc2 array
_C_SPLIT = {SplitMode.ALWAYS_SPLIT: 1, SplitMode.NEVER_SPLIT: 2}
_PY_SPLIT = {1: SplitMode.ALWAYS_SPLIT, 2: SplitMode.NEVER_SPLIT}
Step: TypeAlias = tuple[str, str]


if _threads := os.environ.get("BLOSC_NTHREADS"):
    _engine.set_default_threads(int(_threads))


def default_nthreads() -> int:
    """Threads that work on one call when nothing else is said.

    Examples
    --------
    >>> import tessera
    >>> tessera.default_nthreads() >= 1
    True
    """
    return _engine.default_threads()


def set_nthreads(nthreads: int) -> int:
    """Sets how many threads work on one call, where handles have no number of their own.

    Returns
    -------
    int
        The number until now.

    Raises
    ------
    ValueError
        Unless 1 <= nthreads <= 1024.

    Examples
    --------
    >>> import tessera
    >>> before = tessera.set_nthreads(1)
    >>> tessera.set_nthreads(before)
    1
    """
    if not 1 <= nthreads <= 1024:
        raise ValueError(f"nthreads: found {nthreads}, expected 1 to 1024")
    return _engine.set_default_threads(nthreads)


def _member(kind: type[Enum], value: Any) -> Any:
    """An enumeration's member where the number is known, else the number (of a user's own)."""
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        if isinstance(value, int):
            return value
        raise


def number(value: Any) -> int:
    """The number of an enumeration's member, or the number itself."""
    return int(value.value if isinstance(value, Enum) else value)


class _Keys:
    """Dictionary-like access to the fields: p["codec"], p.keys(), dict(p)."""

    def keys(self) -> Iterator[str]:
        """Names of the fields.

        Examples
        --------
        >>> import tessera
        >>> list(tessera.DParams().keys())
        ['nthreads']
        """
        return (f.name for f in dataclasses.fields(self))  # type: ignore[arg-type]

    def __getitem__(self, name: str) -> Any:
        if name not in tuple(self.keys()):
            raise KeyError(name)
        return getattr(self, name)


def _no_filters() -> list[Any]:
    return [Filter.NOFILTER] * (MAX_FILTERS - 1) + [Filter.SHUFFLE]


@dataclasses.dataclass
class CParams(_Keys):
    """How data is compressed.

    Parameters
    ----------
    codec : Codec or int
        An int is the number of a registered codec.
    codec_meta : int
        Its parameter, where it has one.
    clevel : int
        0 (stored as it is) to 9.
    use_dict : bool
        A dictionary per chunk, trained on it (zstd, lz4, lz4hc).
    typesize : int
        Bytes of one item.
    nthreads : int
        Threads that work on one call.
    blocksize : int
        Bytes of a block, 0: chosen.
    splitmode : SplitMode
    filters : list of Filter or int
        At most 6, in the order in which they are applied.
    filters_meta : list of int
        A parameter for each.
    tuner : Tuner

    Raises
    ------
    ValueError
        More than 6 filters, or fewer metas than filters.

    Examples
    --------
    >>> import tessera
    >>> cp = tessera.CParams(codec=tessera.Codec.LZ4, clevel=9, typesize=4)
    >>> cp.codec, cp["clevel"]
    (<Codec.LZ4: 1>, 9)
    """

    codec: Codec | int = Codec.ZSTD
    codec_meta: int = 0
    clevel: int = 5
    use_dict: bool | int = False
    typesize: int = 8
    nthreads: int = dataclasses.field(default_factory=default_nthreads)
    blocksize: int = 0
    splitmode: SplitMode = SplitMode.AUTO_SPLIT
    filters: list[Filter | int] = dataclasses.field(default_factory=_no_filters)
    filters_meta: list[int] = dataclasses.field(default_factory=lambda: [0] * MAX_FILTERS)
    tuner: Tuner | int = Tuner.STUNE

    def __post_init__(self) -> None:
        n = len(self.filters)
        if n > MAX_FILTERS:
            raise ValueError(f"filters: found {n}, at most {MAX_FILTERS} are possible")
        if n > len(self.filters_meta):
            raise ValueError(f"filters: found {n}, but {len(self.filters_meta)} metas")
        self.codec = _member(Codec, self.codec)
        self.filters = [_member(Filter, f) for f in self.filters]
        self.filters_meta = list(self.filters_meta[: len(self.filters)])
        self.tuner = _member(Tuner, self.tuner)
        for i, f in enumerate(self.filters):
            if f is Filter.BYTEDELTA and not self.filters_meta[i]:
                self.filters_meta[i] = self.typesize


@dataclasses.dataclass
class DParams(_Keys):
    """How data is decompressed: by `nthreads` threads that work on one call."""

    nthreads: int = dataclasses.field(default_factory=default_nthreads)


@dataclasses.dataclass
class Storage(_Keys):
    """Where data is kept.

    Parameters
    ----------
    contiguous : bool, optional
        One file (or buffer), else a folder with a file per chunk.  Default: True with a urlpath.
    urlpath : str or path, optional
        Default: in memory.
    mode : {"r", "a", "w"}
        Read; change (constructors: there must be nothing yet); create or replace.  None: what
        mmap_mode means.
    mmap_mode : {"r", "r+", "w+", "c"}, optional
        Through a memory mapping; "c": changes stay in memory.
    initial_mapping_size : int, optional
        Bytes; taken for compatibility, the mapping grows as needed.
    locking : bool
        Share the file with other writers by c-blosc2's advisory locks.
    meta : dict, optional
        Header metalayers, name -> value.
    """

    contiguous: bool | None = None
    urlpath: str | os.PathLike[str] | None = None
    mode: str | None = "a"
    mmap_mode: str | None = None
    initial_mapping_size: int | None = None
    locking: bool = False
    meta: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.contiguous is None:
            self.contiguous = self.urlpath is not None
        if self.urlpath is not None:
            self.urlpath = os.fsdecode(self.urlpath)


cparams_dflts: dict[str, Any] = dict(CParams())
dparams_dflts: dict[str, Any] = dict(DParams())
storage_dflts: dict[str, Any] = dict(Storage())


_Params = TypeVar("_Params", bound="DataclassInstance")


def filled(kind: type[_Params], value: Any, **defaults: Any) -> _Params:
    """value, None, a mapping or a `kind` already, as a new `kind`; defaults where it is silent.

    Raises
    ------
    ValueError
        A mapping has a key that `kind` does not.
    """
    if isinstance(value, kind):
        return dataclasses.replace(value)
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"expected {kind.__name__} or a dict, found {type(value).__name__}")
    given = {**defaults, **(value or {})}
    names = {f.name for f in dataclasses.fields(kind)}
    for key in given:
        if key not in names:
            known = ", ".join(sorted(names))
            raise ValueError(f"{kind.__name__}: unknown {key!r}; there are: {known}")
    return kind(**given)


def padded(cp: CParams) -> CParams:
    """The same with all places for filters, those at the end empty."""
    more = MAX_FILTERS - len(cp.filters)
    return dataclasses.replace(
        cp,
        filters=[*cp.filters, *[Filter.NOFILTER] * more],
        filters_meta=[*cp.filters_meta, *[0] * more],
    )


# ---- where things are kept ----


def storage_from(kwargs: dict[str, Any]) -> Storage:
    """Takes `storage`, or its fields, out of keyword arguments.

    Raises
    ------
    AttributeError
        Both are there.
    ValueError
        The fields do not fit together.
    """
    fields = {f.name for f in dataclasses.fields(Storage)} & kwargs.keys()
    storage = kwargs.pop("storage", None)
    if storage is not None and fields:
        raise AttributeError(f"storage is given, and {', '.join(sorted(fields))} besides")
    given = {f: kwargs.pop(f) for f in fields}
    st = filled(Storage, given if storage is None else storage)
    _check_storage(st)
    return st


def _check_storage(st: Storage) -> None:
    if st.mode not in (None, "r", "a", "w"):
        raise ValueError(f"mode: found {st.mode!r}, expected 'r', 'a' or 'w'")
    check_mapping(st.mmap_mode, st.initial_mapping_size, st.locking)
    if st.mmap_mode is not None and st.urlpath is None:
        raise ValueError("urlpath must be set: mmap_mode is for files")
    if st.mmap_mode is not None and not st.contiguous:
        raise ValueError("Only contiguous storage is supported with mmap_mode")


def check_mapping(mmap_mode: str | None, size: int | None, locking: bool) -> None:
    """Whether the parameters of a memory mapping fit together: ValueError if not."""
    if mmap_mode not in (None, "r", "r+", "w+", "c"):
        raise ValueError(f"mmap_mode: found {mmap_mode!r}, expected 'r', 'r+', 'w+' or 'c'")
    if mmap_mode is not None and locking:
        raise ValueError("locking is not possible with mmap_mode")
    if size is None:
        return
    if mmap_mode is None:
        raise ValueError("initial_mapping_size can only be used with mmap_mode")
    if mmap_mode == "r":
        raise ValueError("initial_mapping_size can only be used with writing modes")


def threads_of(nthreads: int) -> int:
    """The number of threads as the engine takes it: 0 for the default."""
    if nthreads < 1:
        raise ValueError(f"nthreads: found {nthreads}, expected 1 or more")
    return 0 if nthreads == default_nthreads() else min(nthreads, 1024)


def create_options(st: Storage, nthreads: int) -> dict[str, Any]:
    """Options of the engine to create something.

    Raises
    ------
    ValueError
        The mode is "r", or a mapping that only opens.
    """
    mode = st.mode or {"w+": "w"}.get(st.mmap_mode or "", "a")
    if mode == "r" or st.mmap_mode in ("r", "c"):
        raise ValueError("mode 'r' is for opening: what is new needs 'a' or 'w'")
    out: dict[str, Any] = {"mode": "w" if mode == "w" else "x", "threads": threads_of(nthreads)}
    if st.urlpath is not None:
        out["sparse"] = not st.contiguous
        out["locking"] = st.locking
        out["mmap"] = "w+" if st.mmap_mode else None
    return out


def open_options(st: Storage, nthreads: int) -> dict[str, Any]:
    """Options of the engine to open, for reading, what a Storage names.

    Raises
    ------
    ValueError
        It names nothing, or nothing is there.
    """
    if st.urlpath is None:
        raise ValueError("mode 'r': you did not specify a urlpath")
    if not os.path.exists(st.urlpath):
        raise ValueError(f"{st.urlpath}: does not exist, mode 'r' needs a file")
    return {"mode": "r", "threads": threads_of(nthreads), "locking": st.locking,
            "mmap": "r" if st.mmap_mode else None}  # fmt: skip


def buffer_bytes(data: Any) -> int:
    """Bytes of a buffer; 0 of None."""
    if data is None:
        return 0
    n = getattr(data, "nbytes", None)
    return n if isinstance(n, int) else memoryview(data).nbytes


# ---- steps of the C API ----

_NUMBERS = {name: (i, is_filter) for name, i, is_filter, _ in _engine.codec_table()}
_CODECS = {i: name for name, (i, is_filter) in _NUMBERS.items() if not is_filter}
_FILTERS = {i: name for name, (i, is_filter) in _NUMBERS.items() if is_filter}
_WITH_META = {"bytedelta", "ndcell", "ndmean", "trunc_prec", "int_trunc", "ndlz",
              "zfp_acc", "zfp_prec", "zfp_rate"}  # fmt: skip
_WITH_DICT = {"zstd", "lz4", "lz4hc"}  # others do without, as they always have
_OF_ITEMS = {"zfp_acc", "zfp_prec", "zfp_rate"}  # for which a shuffle leaves none
_SIGNED = {"trunc_prec", "int_trunc", "zfp_acc"}


def is_known(step: str) -> bool:
    """Whether a codec or filter has this name."""
    return step in _NUMBERS


def add_step(name: str, ident: int, is_filter: bool) -> None:
    """One that the program registered."""
    _NUMBERS[name] = (ident, is_filter)
    (_FILTERS if is_filter else _CODECS)[ident] = name


def _signed(name: str, meta: int) -> int:
    """Metas are bytes in files; of some steps they are signed."""
    return meta - 256 if name in _SIGNED and meta > 127 else meta


def steps(cp: CParams) -> list[Step]:
    """The (name, params) pairs of a CParams: filters in their order, then the codec.

    The filters that stand there when none were given are not for codecs that work on items.
    """
    out: list[Step] = []
    usual = _CODECS.get(number(cp.codec)) in _OF_ITEMS and cp.filters == _no_filters()
    for f, meta in zip(cp.filters, cp.filters_meta, strict=True):
        if number(f) == 0 or usual:
            continue
        name = _FILTERS.get(number(f))
        if name is None:
            raise _engine.UnsupportedError(f"filter {f}: neither built in nor registered")
        value = _signed(name, meta)
        said = name in _WITH_META or (value and name != "delta")  # delta's means nothing
        out.append((name, f"meta={value}" if said else ""))
    name = _CODECS.get(number(cp.codec))
    if name is None:
        raise _engine.UnsupportedError(f"codec {cp.codec}: neither built in nor registered")
    params = [f"clevel={cp.clevel}"]
    if cp.use_dict and name in _WITH_DICT:
        params.append("dict=1")
    if cp.codec_meta or name in _WITH_META:
        params.append(f"meta={_signed(name, cp.codec_meta)}")
    return [*out, (name, ",".join(params))]


def split(cp: CParams) -> int:
    """The split of a C spec."""
    return _C_SPLIT.get(cp.splitmode, 0)


def from_spec(spec: Mapping[str, Any], typesize: int, blocksize: int) -> CParams:
    """What was written, from the steps and split of a handle."""
    cp = CParams(typesize=typesize, blocksize=blocksize)
    cp.splitmode = _PY_SPLIT.get(spec["split"], SplitMode.AUTO_SPLIT)
    filters: list[tuple[Any, int]] = []
    for i, (name, params) in enumerate(spec["steps"]):
        values = {k: int(v) for k, v in (p.split("=") for p in params.split(",") if p)}
        unknown = int(name[2:]) if name not in _NUMBERS else 0, i < len(spec["steps"]) - 1
        ident, is_filter = _NUMBERS.get(name, unknown)  # "id200": what nobody registered here
        if is_filter:
            filters.append((_member(Filter, ident), values.get("meta", 0) & 0xFF))
        else:
            cp.codec = _member(Codec, ident)
            cp.codec_meta = values.get("meta", 0) & 0xFF
            cp.clevel = values.get("clevel", 5)
            cp.use_dict = bool(values.get("dict", 0))
    # Places without a filter mean nothing.  A shuffle alone stands where the default has it, other
    # lists where they were given.
    empty: list[tuple[Any, int]] = [(Filter.NOFILTER, 0)] * (MAX_FILTERS - len(filters))
    alone = [f for f, _ in filters] == [Filter.SHUFFLE]
    filters = empty + filters if alone else filters + empty
    cp.filters = [f for f, _ in filters]
    cp.filters_meta = [m for _, m in filters]
    return cp


def placed(cp: CParams, given: CParams | None) -> CParams:
    """The same, with what is no matter to the engine as it was given: where filters stand."""
    if given is None:
        return cp
    wanted = padded(given)
    if [f for f in wanted.filters if number(f)] == [f for f in cp.filters if number(f)]:
        cp.filters, cp.filters_meta = wanted.filters, wanted.filters_meta
    cp.tuner = wanted.tuner
    return cp


def from_slots(slots: Mapping[str, Any]) -> CParams:
    """What was written, from the numbers and places in a file."""
    cp = CParams(typesize=slots["typesize"], blocksize=slots["blocksize"])
    cp.codec, cp.clevel = _member(Codec, slots["codec"]), slots["clevel"]
    cp.codec_meta = _signed(_CODECS.get(slots["codec"], ""), slots["codec_meta"])
    cp.use_dict, cp.splitmode = slots["use_dict"], SplitMode(slots["splitmode"])
    cp.filters = [_member(Filter, f) for f in slots["filters"]]
    metas = zip(slots["filters"], slots["filters_meta"], strict=True)
    cp.filters_meta = [_signed(_FILTERS.get(f, ""), m) for f, m in metas]
    first = next((i for i, f in enumerate(slots["filters"]) if f), 0)
    if slots["filters"][first:] != [Filter.SHUFFLE.value]:
        # The engine keeps filters in the last places: they are shown where lists begin, but for a
        # shuffle alone, which stands where the default has it.
        for row in (cp.filters, cp.filters_meta):
            row[:] = [*row[first:], *row[:first]]
    return cp


def codec_of(number: int) -> Any:
    """The member of Codec of a number, or the number of one that has no name here."""
    return _member(Codec, number)
