# SPDX-License-Identifier: BSD-3-Clause
"""From one place to another: arrays, super-chunks and groups in other formats and layouts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tessera import remote
from tessera._convert import Conversion
from tessera._engine import Spec
from tessera.build import Plan, dtype_text, storable
from tessera.group import Group
from tessera.ndarray import NDArray, dims
from tessera.opening import open, place
from tessera.params import CParams, filled
from tessera.schunk import SChunk

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class CopyPass:
    """One pass of a conversion over its source.

    Attributes
    ----------
    box : tuple of int or None
        Items along each axis of what is copied at a time; None: chunks as they are stored.
    boxes : int
        How many.
    chunks_read, blocks_read : int
        How often a chunk is looked into and a block decoded.
    bytes_read, stored_read : int
        Decoded bytes of these; stored bytes, if all compress alike.
    requests : int
        Reads of the store, at most about so many.
    chunks_written, bytes_written : int
        Each chunk once; bytes before they are encoded.
    memory_bytes : int
        At the peak.
    """

    box: tuple[int, ...] | None
    boxes: int
    chunks_read: int
    blocks_read: int
    bytes_read: int
    stored_read: int
    requests: int
    chunks_written: int
    bytes_written: int
    memory_bytes: int


@dataclass(frozen=True)
class CopyPlan:
    """What a conversion of an array would do.

    Attributes
    ----------
    passes : tuple of CopyPass
        None, one or two: none where there are no items.
    stored : bool
        Stored bytes are copied as they are.
    between, between_blocks : tuple of int or None
        Chunks and blocks of the array between two passes.
    between_bytes : int
        Of it, at most.
    memory_bytes, budget_bytes : int
        At the peak of all passes, and what it may be.
    """

    passes: tuple[CopyPass, ...]
    stored: bool
    between: tuple[int, ...] | None
    between_blocks: tuple[int, ...] | None
    between_bytes: int
    memory_bytes: int
    budget_bytes: int


def convert(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    mode: str = "a",
    resume: bool = False,
    memory_bytes: int = 0,
    tmp: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    **kwargs: Any,
) -> None:
    """Copies what is at a place to another one, in another format or layout.

    An array is copied in bounded memory, whatever its chunks and those of the target; what is not
    asked for stays as it is, and bytes that mean the same in the target are copied as they are
    stored.  Attributes and metalayers go along.  A group goes with all that is below it.

    Parameters
    ----------
    src : str or path
        An array, super-chunk or group ("x.zarr#a/b", "s3://b/x.zarr"), .npy or raw items, these
        two gzipped too.
    dst : str or path
        Its name tells the format, unless `format` does: b2nd, zarr3, zarr2, npy, raw, b2frame.
    mode : {"a", "w"}
        There must be nothing yet; replace what is there.
    resume : bool
        Go on with what was interrupted, if there is something.  Of a local target that is left in
        ``DST.partial``, a folder.
    memory_bytes : int
        What it may take; 0: 256 MiB.
    tmp : str or path, optional
        The folder of the array between two passes; default: that of dst.
    progress : callable, optional
        Called now and then with the decoded bytes that are done and all of them, by the calling
        thread.  What it raises ends the conversion and comes out of it.
    **kwargs
        Of dst, as of `tessera.empty`: chunks, blocks, cparams, codecs, format, checksum,
        contiguous, storage_options and what else Zarr records.  Of cparams in a dictionary the
        rest is as in src.  Of a group neither chunks nor blocks.

        Of src: from_format (str), where its content does not tell it; offset (int), bytes before
        it begins; dtype and shape of raw items; from_options (dict), its storage_options where
        they are not those of dst.

    Raises
    ------
    FileNotFoundError
        There is no src.
    ExistsError
        There is a dst, or a ``DST.partial``, and the mode does not replace it.
    UnsupportedError
        The text lists what the format of dst has no place for; then nothing is written.
    LimitError
        A chunk of dst needs more than memory_bytes.
    ConflictError
        src changed meanwhile, or what is to be resumed was another conversion.
    ValueError
        Keywords that do not fit together; src and dst are the same, or one lies in the other.

    Examples
    --------
    >>> import tessera
    >>> tessera.arange(6000, shape=(60, 100), urlpath="six.b2nd", mode="w").close()
    >>> tessera.convert("six.b2nd", "six.zarr", chunks=(30, 100), blocks=(10, 50))
    >>> a = tessera.open("six.zarr")
    >>> a.format, a.chunks, a.blocks, a.hash() == tessera.hash("six.b2nd")
    ('zarr3', (30, 100), (10, 50), True)
    >>> seen = []
    >>> tessera.convert("six.zarr", "six.b2nd", mode="w", progress=lambda *n: seen.append(n))
    >>> seen[-1]
    (48000, 48000)
    >>> for name in ("six.b2nd", "six.zarr"):
    ...     tessera.remove_urlpath(name)
    """
    given = {"memory_bytes": memory_bytes, "tmp": tmp, "resume": resume, "progress": progress}
    _conversion(src, dst, {**kwargs, "mode": mode}, **given).run()


def convert_plan(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    mode: str = "a",
    memory_bytes: int = 0,
    tmp: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> CopyPlan:
    """What `convert` would do with an array; nothing is written.

    Parameters
    ----------
    src, dst, mode, memory_bytes, tmp, **kwargs
        As of `convert`.

    Returns
    -------
    CopyPlan

    Raises
    ------
    UnsupportedError
        src is a group, whose arrays are planned one by one, or a super-chunk.
    OSError, RuntimeError, ValueError
        As `convert`, of what is known before items are read.

    Examples
    --------
    >>> import os, tessera
    >>> tessera.zeros((64, 1000, 1000), chunks=(1, 1000, 1000), urlpath="planes.b2nd").close()
    >>> plan = tessera.convert_plan("planes.b2nd", "pencils.zarr", chunks=(64, 100, 100))
    >>> plan.passes[-1].bytes_written, plan.passes[-1].chunks_written
    (512000000, 100)
    >>> plan.stored, plan.memory_bytes <= plan.budget_bytes
    (False, True)
    >>> os.path.exists("pencils.zarr")
    False
    >>> tessera.remove_urlpath("planes.b2nd")
    """
    given = {"memory_bytes": memory_bytes, "tmp": tmp}
    plan = _conversion(src, dst, {**kwargs, "mode": mode}, **given).plan()
    passes = tuple(CopyPass(**p) for p in plan.pop("passes"))
    return CopyPlan(passes=passes, **plan)


# ---- both ends ----


@dataclass
class _Source:
    """Keywords of a conversion that are of its source."""

    url: str
    format: str | None
    offset: int
    dtype: np.dtype[Any] | None
    shape: tuple[int, ...]
    options: Mapping[str, Any] | None

    @classmethod
    def of(cls, url: str | os.PathLike[str], kw: dict[str, Any]) -> _Source:
        """Takes its keywords out of kw."""
        dtype, shape = kw.pop("dtype", None), kw.pop("shape", None)
        if (dtype is None) != (shape is None):
            raise ValueError("dtype and shape are those of raw items: give both, or none of them")
        return cls(
            url=_place(url, "src"),
            format=kw.pop("from_format", None),
            offset=kw.pop("offset", 0),
            dtype=None if dtype is None else storable(dtype),
            shape=() if shape is None else dims(shape),
            options=kw.pop("from_options", None) or kw.get("storage_options"),
        )

    def raw(self) -> Spec | None:
        """Of raw items what the engine is told of them."""
        return None if self.dtype is None else Spec(dtype=dtype_text(self.dtype), shape=self.shape)

    def reading(self) -> dict[str, Any]:
        """Keywords of `Options`."""
        server = remote.members(self.options)
        return {"mode": "r", "format": self.format, "offset": self.offset, "remote": server}

    def coding(self, cparams: Mapping[str, Any]) -> CParams:
        """The rest is as in the source, where that is encoded."""
        known: dict[str, Any] = {}
        if self.dtype is not None:
            known["typesize"] = self.dtype.itemsize
        elif self.format not in ("npy", "raw"):
            known = self._cparams()
        return filled(CParams, cparams, **known)

    def _cparams(self) -> dict[str, Any]:
        try:
            there = open(self.url, offset=self.offset, storage_options=self.options)
        except (OSError, RuntimeError, ValueError):
            return {}  # gzip for one; what is wrong with others the engine says
        with there:
            if isinstance(there, Group):
                return {}
            if isinstance(there, NDArray) and there.format in ("npy", "raw"):
                return {"typesize": there.dtype.itemsize}
            return dict(there.cparams)


def _place(url: Any, what: str) -> str:
    if isinstance(url, NDArray | SChunk | Group):
        hint = f", which is {url.urlpath!r}" if url.urlpath else ": copy() makes others of it"
        raise TypeError(f"{what}: expected a place, found {type(url).__name__}{hint}")
    return place(url)


def _conversion(
    src: str | os.PathLike[str], dst: str | os.PathLike[str], kw: dict[str, Any], **given: Any
) -> Conversion:
    source = _Source.of(src, kw)
    for name in ("meta", "attributes", "fill_value", "data_type"):
        if kw.get(name) is not None:
            raise ValueError(f"{name}: goes along as it is, and cannot be given anew")
    url = _place(dst, "dst")
    plan = Plan.of({**kw, "urlpath": url})
    if plan.format or "#" not in url:  # else the hierarchy tells the format
        plan.zarr.check(plan.format or ("zarr3" if plan.is_zarr else "of no Zarr"))
    if isinstance(plan.cparams, Mapping):
        plan.cparams = source.coding(plan.cparams)
    writing = {**plan.place(), "format": plan.format}
    if given["tmp"] is not None:
        given["tmp"] = os.fsdecode(given["tmp"])
    spec = plan.spec(None, None)
    return Conversion(source.url, url, spec, source.raw(), source.reading(), writing, **given)
