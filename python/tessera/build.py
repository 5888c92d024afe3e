# SPDX-License-Identifier: BSD-3-Clause
"""From the keywords that constructors share to a new array, and boxes in which to fill it.

A constructor makes a `Plan` of its keywords, creates the array, fills it and calls `finished`: then
the file is there.  What fails before that leaves no file, or the one that was to be replaced; an
array of Zarr is replaced when the new one is created, so `rehearse` comes before that.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tessera import loose, params, remote
from tessera._engine import Spec, TesseraError, probe
from tessera.loose import Kind, kind_of
from tessera.meta import attributes_of, packed_metas
from tessera.ndarray import NDArray, dims
from tessera.zarrspec import ZarrSpec, alike, check_lengths, edges_text, lengths

BOX_BYTES = 32 << 20  # what is filled at a time, where whole chunks allow it
Box = tuple[slice, ...]


@dataclasses.dataclass
class Plan:
    """Where and how an array is to be created: the keywords that are not its content."""

    chunks: tuple[int, ...] | None  # alike
    blocks: tuple[int, ...] | None
    lengths: list[int | list[int]] | None  # of chunks, where they were given one by one
    zarr: ZarrSpec
    fill_value: Any
    attributes: Mapping[str, Any] | None
    server: dict[str, Any] | None
    cparams: Any
    dparams: Any
    storage: params.Storage
    format: str | None
    checksum: bool

    @classmethod
    def of(cls, kwargs: dict[str, Any]) -> Plan:
        """From keywords; all of them must be known.

        Raises
        ------
        KeyError
            An unknown keyword.
        AttributeError
            storage= together with one of its fields.
        ValueError
            A mode that cannot create.
        """
        kw = dict(kwargs)
        attributes = kw.pop("attributes", None)
        chunks, lengths, zarr = _chunks(kw.pop("chunks", None), ZarrSpec.of(kw))
        plan = cls(
            chunks=chunks,
            blocks=_partition(kw.pop("blocks", None)),
            lengths=lengths,
            zarr=zarr,
            fill_value=kw.pop("fill_value", None),
            attributes=None if attributes is None else attributes_of(attributes),
            server=remote.members(kw.pop("storage_options", None)),
            cparams=kw.pop("cparams", None),
            dparams=kw.pop("dparams", None),
            storage=params.storage_from(kw),
            format=kw.pop("format", None),
            checksum=bool(kw.pop("checksum", False)),
        )
        if kw:
            raise KeyError(f"unknown keywords: {', '.join(sorted(kw))}")
        if plan.cparams is not None and zarr.codecs is not None:
            raise ValueError("cparams and codecs both say how chunks are encoded: give one of them")
        return plan

    @property
    def is_zarr(self) -> bool:
        """Whether what is made will be an array of Zarr."""
        if self.format is not None or self.url is None:
            return self.format is not None and self.format.startswith("zarr")
        return "#" in self.url or self.url.rstrip("/").endswith((".zarr", ".zip", ".ozx"))

    @property
    def is_blosc2(self) -> bool:
        """Whether what is made will be a Blosc2 file, or the like in memory."""
        if self.format is not None or self.url is None:
            return self.format in (None, "b2nd")
        return self.url.endswith((".b2nd", ".b2frame"))

    def spec(self, dtype: np.dtype | Kind | None, shape: Sequence[int] | None, **more: Any) -> Spec:
        """What the engine is told of the content's form; None: as of what is copied."""
        parts = (("chunks", self.lengths or self.chunks), ("blocks", self.blocks))
        for name, part in parts:
            if shape is not None and part is not None and len(part) != len(shape):
                raise ValueError(f"{name}: {len(part)} dimensions, the shape has {len(shape)}")
        if self.lengths is not None and shape is not None:
            check_lengths(self.lengths, shape)
        if self.cparams is not None:
            size = dtype.itemsize if isinstance(dtype, np.dtype) else 1 if dtype else 8
            cp = params.filled(params.CParams, self.cparams, typesize=size)
            more.update(steps=params.steps(cp), split=params.split(cp))
        if self.fill_value is not None and dtype is not None:
            more.update(self.fill(dtype))
        return Spec(
            dtype=None if dtype is None else dtype_text(dtype),
            shape=shape,
            chunks=self.chunks,
            blocks=self.blocks,
            metas=packed_metas(self.storage.meta),
            checksum=self.checksum,
            **self.zarr.spec(),
            **more,
        )

    def fill(self, dtype: np.dtype | Kind) -> dict[str, Any]:
        """The fill value as the spec has it."""
        if isinstance(dtype, Kind):
            return loose.fill(self.fill_value, dtype)
        if self.zarr.type is not None:
            raise ValueError("fill_value: of a data_type it is zero, expected none")
        item = np.empty((), dtype=dtype)
        item[...] = self.fill_value
        return {"fill": item.tobytes()}

    def created(self, a: NDArray) -> NDArray:
        """The array is there, and empty: it is dropped when its format has not what was asked for.

        Raises
        ------
        ValueError
            The format does not have it.
        """
        try:
            self.zarr.check(a.format)
            for name, value in (self.attributes or {}).items():
                a.attrs[name] = value
        except BaseException:
            a._drop()
            raise
        return a

    def rehearse(self, spec: Spec | None = None, form: str | None = None) -> None:
        """Creates it in memory first where an array of Zarr would give way at once.

        What is wrong with the arguments is raised while the old one is still there.

        Parameters
        ----------
        spec : Spec, optional
            What will be created; None: the engine looks at it before anything gives way.
        form : str, optional
            The format; default: the one that the place will have.
        """
        form = form or self._form_of_old()
        if form is None:
            return
        spec = spec or Spec(dtype="|u1", shape=())
        self.created(NDArray._create(None, spec, format=form))._drop()

    def spare(self, *sources: Any) -> None:
        """Raises ValueError for an array of Zarr that would give way to what is made of it."""
        file = self.url is not None and os.path.isfile(self.url)  # one stays until the new is whole
        if self.url is not None and self.is_zarr and self.replaces and not file:
            spare(self.url, *sources)

    @property
    def replaces(self) -> bool:
        """Whether what is there is to give way."""
        return self.storage.mode == "w"

    def _form_of_old(self) -> str | None:
        """The format of an array of Zarr that is to be replaced; None: no such is."""
        if self.url is None or not self.is_zarr or not self.replaces:
            return None
        if self.format is not None or "#" not in self.url:
            return self.format or "zarr3"
        try:
            form = probe(self.url.partition("#")[0], 0, self.server)[1]
        except (FileNotFoundError, TesseraError):
            return None  # nothing that could be replaced
        return form if form.startswith("zarr") else None

    @property
    def url(self) -> str | None:
        """Where it will be; None in memory."""
        path = self.storage.urlpath
        return None if path is None else os.fsdecode(path)

    def place(self) -> dict[str, Any]:
        """Where the engine puts it, as keywords of `Array._create`."""
        c, d = self.threads()
        threads = c if c != params.default_nthreads() else d
        form = self.format
        if form is None and self.url is not None and self.url.endswith(".b2frame"):
            form = "b2nd"  # the frame of an array, whatever it is called
        options = params.create_options(self.storage, threads)
        return {**options, "format": form, "remote": self.server}

    def says_nothing(self) -> bool:
        """Whether chunks, compression and metadata are left open."""
        given = (self.chunks, self.blocks, self.lengths, self.cparams, self.storage.meta)
        more = (self.fill_value, self.attributes)
        return all(x is None for x in given + more) and not self.zarr.given and not self.checksum

    def threads(self) -> tuple[int, int]:
        """To compress and to decompress; 0: the default."""
        kinds: tuple[tuple[type[Any], Any], ...]
        kinds = ((params.CParams, self.cparams), (params.DParams, self.dparams))
        c, d = (params.filled(k, v).nthreads if v is not None else 0 for k, v in kinds)
        usual = params.default_nthreads()
        return c or usual, d or usual

    def finished(self, a: NDArray) -> NDArray:
        """The array is filled: it is written."""
        a._threads = self.threads()
        if self.cparams is not None:
            a._given = params.filled(params.CParams, self.cparams)
        if self.storage.urlpath is None:
            a._contiguous = self.storage.contiguous
        else:
            a.flush()
        return a


def make(
    plan: Plan,
    shape: Any,
    dtype: Any,
    write: Callable[[NDArray], None] | None = None,
    **spec: Any,
) -> NDArray:
    """A new array of the plan; `write` gives it its items."""
    kind = kind_of(dtype, plan.is_zarr) or storable(dtype)
    if isinstance(kind, Kind) and plan.format is None and plan.url is None:
        plan.format = "zarr3"  # no other has such items
    full = plan.spec(kind, dims(shape), **spec)
    plan.rehearse()
    a = NDArray._create(plan.url, full, **plan.place())
    plan.created(a)
    if write is not None:
        try:
            write(a)
        except BaseException:
            a._drop()
            raise
    return plan.finished(a)


def spare(url: str, *sources: Any) -> None:
    """Raises ValueError for sources that lie at url, or below it, and would go first."""
    for a in (getattr(s, "ndarr", s) for s in sources):  # of a field its array
        if isinstance(a, NDArray) and a.urlpath and _folder(a.urlpath).startswith(_folder(url)):
            raise ValueError(
                f"{url}: holds the items that are to be written there, and is removed first; give "
                "another place, or the items as NumPy has them, array[...]"
            )


def _folder(url: str) -> str:
    """The same for all spellings of a place, with a slash behind it."""
    top, _, inside = url.partition("#")
    scheme, far, rest = top.partition("://")
    names = [p for p in rest.split("/") if p]
    place = "/".join([f"{scheme.lower()}:/", *names]) if far else os.path.realpath(top).rstrip("/")
    return "/".join([place, *(p for p in inside.split("/") if p), ""])


def storable(dtype: Any) -> np.dtype:
    """A dtype whose items are bytes of one length.

    Raises
    ------
    TypeError
        Items are objects, strings of any length, or without a size.
    """
    dt: np.dtype[Any] = np.dtype(dtype)
    if dt.hasobject:
        raise TypeError(
            f"items of {dt} are Python objects, which cannot be stored; text and bytes "
            "of any length can be in Zarr, as dtype 'string' and 'bytes'"
        )
    if dt.char == "T":
        raise TypeError("strings of any length cannot be stored; give a length, as in 'U8'")
    if dt.kind in "SUV" and dt.itemsize == 0:
        return np.dtype(dt.kind + "1")
    return dt


def dtype_text(dt: np.dtype | Kind) -> str:
    """The spelling that files keep."""
    if isinstance(dt, Kind):
        return str(dt)
    if dt.subdtype is not None:
        base, shape = dt.subdtype
        return str((base.str if base.names is None else base.descr, shape))
    if dt.names is None:
        return dt.str
    try:
        return str(dt.descr)
    except ValueError:  # fields that overlap or are out of order
        return str({k: _field(dt, k) for k in ("names", "formats", "offsets")} | {
            "itemsize": dt.itemsize})  # fmt: skip


def _field(dt: np.dtype, what: str) -> list[Any]:
    known: Any = dt.fields
    fields = [known[n] for n in dt.names or ()]
    if what == "names":
        return list(dt.names or ())
    return [f[1] if what == "offsets" else dtype_text(f[0]) for f in fields]


def _partition(value: Any) -> tuple[int, ...] | None:
    return None if value is None else dims(value)


def _chunks(
    value: Any, zarr: ZarrSpec
) -> tuple[tuple[int, ...] | None, list[int | list[int]] | None, ZarrSpec]:
    """Chunks where one shape says them, else lengths, of which Zarr is told if they are uneven."""
    axes = lengths(value)
    if axes is None:
        return _partition(value), None, zarr
    edges = edges_text(axes)
    if edges is not None:
        zarr.add_edges(edges)
        return None, axes, zarr
    one = [c if isinstance(c, int) else alike(c) for c in axes]
    return dims(one), axes, zarr


# ---- boxes ----


def boxes(shape: Sequence[int], chunks: Sequence[int], itemsize: int) -> Iterator[Box]:
    """Boxes of whole chunks that make up the shape, about BOX_BYTES each, in C order."""
    step = list(chunks)
    for d in reversed(range(len(shape))):
        part = math.prod(min(s, n) for s, n in zip(step, shape, strict=True)) * itemsize
        step[d] = min(step[d] * max(BOX_BYTES // max(part, 1), 1), shape[d])
        if step[d] < shape[d]:
            break
    axes = [range(0, n, max(s, 1)) for n, s in zip(shape, step, strict=True)]
    for start in itertools.product(*axes):
        at = zip(start, step, shape, strict=True)
        yield tuple(slice(i, min(i + s, n)) for i, s, n in at)


def runs(shape: Sequence[int], chunks: Sequence[int], itemsize: int) -> Iterator[Box]:
    """Boxes that follow each other in C order without a gap, of whole chunks where that fits."""
    inner = [math.prod(shape[d + 1 :]) * itemsize for d in range(len(shape))]
    k = next((d for d, n in enumerate(inner) if n <= BOX_BYTES), len(shape))
    if k == len(shape):
        yield (slice(None),) * len(shape)
        return
    step = max(BOX_BYTES // max(inner[k], 1), 1)
    if 0 < chunks[k] <= step:
        step -= step % chunks[k]
    rest = (slice(None),) * (len(shape) - k - 1)
    for outer in np.ndindex(*shape[:k]):
        head = tuple(slice(i, i + 1) for i in outer)
        for i in range(0, shape[k], step):
            yield (*head, slice(i, min(i + step, shape[k])), *rest)


def fill_flat(a: NDArray, values: Callable[[np.ndarray], np.ndarray]) -> None:
    """Fills a: values gives the items for their numbers in C order."""
    stride = [math.prod(a.shape[d + 1 :]) for d in range(a.ndim)]
    if not a.size:
        return
    for box in boxes(a.shape, a._longest, max(a.dtype.itemsize, 8)):
        at = np.zeros((1,) * a.ndim, dtype=np.int64)
        for d, s in enumerate(box):
            side = np.arange(s.start, s.stop, dtype=np.int64) * stride[d]
            at = at + side.reshape((-1,) + (1,) * (a.ndim - d - 1))
        a[box] = values(at)


def fill_from(a: NDArray, source: Any) -> None:
    """Fills a from what has its shape and gives parts by basic keys."""
    if type(source) is np.ndarray and source.dtype == a.dtype and source.flags.c_contiguous:
        a[...] = source
        return
    for box in boxes(a.shape, a._longest, a.dtype.itemsize) if a.size else ():
        a[box] = np.asarray(source[box])


def partition(
    shape: Sequence[int], chunks: Any, blocks: Any, dtype: np.dtype, **kwargs: Any
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks and blocks of an array that would be created."""
    a = make(Plan.of({"chunks": chunks, "blocks": blocks, **kwargs}), shape, dtype)
    return a._longest, a.blocks
