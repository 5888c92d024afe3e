# SPDX-License-Identifier: BSD-3-Clause
"""Which chunks and blocks suit the ways an array is read, and what each read takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tessera import _advise
from tessera._array import Array

NOW, DEFAULT, FRONT, BEST, LOCATED = 1, 2, 4, 8, 16


class ReadCost(NamedTuple):
    """What one read takes; a mean need not be a whole number.

    Attributes
    ----------
    bytes, requests : float
        Of the store, the array being open.
    decoded : float
        Bytes of the blocks that are decoded.
    chunks, blocks : float
        That the slice meets.
    seconds : float
        Predicted from these, or measured.
    """

    bytes: float
    requests: float
    decoded: float
    chunks: float
    blocks: float
    seconds: float


class AccessCost(NamedTuple):
    """What an access costs with a plan.

    Attributes
    ----------
    mean, here, worst : ReadCost
        Of all its places, where it is, and where it meets most blocks.
    """

    mean: ReadCost
    here: ReadCost
    worst: ReadCost


@dataclass(frozen=True)
class Plan:
    """Chunks and blocks, and what each access costs with them.

    Attributes
    ----------
    chunks, blocks : tuple of int
        Shapes in items; the same where chunks have no blocks.
    nchunks, nblocks : int
        Chunks of the array; blocks of a chunk.
    chunk_bytes, block_bytes : int
        Decoded, of whole ones.
    seconds : float
        Of the mean read, by weight.
    access : tuple of AccessCost
        In the order the accesses were given.
    now, default : bool
        It is what the array has, or what is chosen when no shapes are given.
    front : bool
        No other plan is better for one access and not worse for the others.
    best : bool
        It takes the least seconds by weight.
    located : bool
        `here` is what the array's own index says.
    """

    chunks: tuple[int, ...]
    blocks: tuple[int, ...]
    nchunks: int
    nblocks: int
    chunk_bytes: int
    block_bytes: int
    seconds: float
    access: tuple[AccessCost, ...]
    now: bool
    default: bool
    front: bool
    best: bool
    located: bool


@dataclass(frozen=True)
class Advice:
    """What `advise` found.

    Attributes
    ----------
    plans : tuple of Plan
        The quickest first.
    why : str
        Why the best plan is, in a sentence or two.
    assumed : dict
        format, medium, ratio, latency, bandwidth, decode_speed and in_flight, defaults filled in.
    """

    plans: tuple[Plan, ...]
    why: str
    assumed: dict[str, Any]

    @property
    def best(self) -> Plan:
        """The plan with the least seconds."""
        return self.plans[0]

    @property
    def now(self) -> Plan | None:
        """The plan of the array as it is; None: only a shape was given."""
        return next((p for p in self.plans if p.now), None)


def _part(key: Any, shape: Sequence[int]) -> _advise.Part:
    """A NumPy basic key as starts, counts and steps."""
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = sum(k is Ellipsis for k in keys)
    if dots > 1 or len(keys) - dots > len(shape):
        raise IndexError(f"key {key!r}: more indices than the {len(shape)} axes")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    rest = [slice(None)] * (len(shape) - len(keys) + dots)
    box: tuple[list[int], list[int], list[int]] = ([], [], [])
    for d, k in enumerate(keys[:at] + rest + keys[at + dots :]):
        n = shape[d]
        if isinstance(k, slice):
            r = range(*k.indices(n))
        else:
            i = index(k)
            if not -n <= i < n:
                raise IndexError(f"key {key!r}: index {i} is outside axis {d} of {n} items")
            r = range(i % n, i % n + 1)
        for values, v in zip(box, (r.start if r else 0, len(r), r.step), strict=True):
            values.append(v)
    return box


def _plan(p: dict[str, Any]) -> Plan:
    flags = p.pop("flags")
    p["access"] = tuple(AccessCost(*(ReadCost(*c) for c in a)) for a in p["access"])
    return Plan(
        **p,
        now=bool(flags & NOW),
        default=bool(flags & DEFAULT),
        front=bool(flags & FRONT),
        best=bool(flags & BEST),
        located=bool(flags & LOCATED),
    )


def advise(
    array: Array | Sequence[int],
    accesses: Iterable[Any],
    weights: Iterable[float] | None = None,
    *,
    dtype: DTypeLike | None = None,
    chunks: Sequence[int] | None = None,
    blocks: Sequence[int] | None = None,
    format: str | None = None,
    medium: str | None = None,
    fixed: bool = False,
    ratio: float = 0.0,
    latency: float = 0.0,
    bandwidth: float = 0.0,
    decode_speed: float = 0.0,
    in_flight: int = 0,
    chunk_bytes: tuple[int, int] = (0, 0),
    block_bytes: tuple[int, int] = (0, 0),
    most: int = 0,
) -> Advice:
    """Predicts what reads cost with the chunks an array has, and with others.

    An access is a key and stands for all its translations: along each axis that it does not
    cover it may begin anywhere, each place as likely as the others (docs/advise.md).

    Parameters
    ----------
    array : NDArray or sequence of int
        An array, or the shape of one, in items; then `dtype` is needed.
    accesses : iterable of keys
        Integers, slices and an ellipsis, or tuples of these, as in ``array[key]``.
    weights : iterable of float, optional
        How often each is read, beside the others; default: equally often.
    dtype : dtype, optional
        Of a shape.
    chunks, blocks : sequence of int, optional
        Of a shape: to be judged beside the plans.
    format : {"b2nd", "zarr3", "zarr2"}, optional
        Of the plans; default: the array's, or b2nd.
    medium : {"disk", "s3"}, optional
        What latency, bandwidth and so on are by default; default: where the array is.
    fixed : bool
        Accesses are read only where they are.
    ratio : float
        Stored bytes per decoded byte; 0: the array's own, or 1.
    latency, bandwidth, decode_speed : float
        Seconds of a request, bytes per second, decoded bytes per second; 0: the medium's.
    in_flight : int
        Requests on their way at once; 0: the medium's.
    chunk_bytes, block_bytes : tuple of int
        Least and most decoded bytes of the shapes that are looked at; 0: 1 MiB to 16 MiB, 16 KiB
        to 256 KiB.
    most : int
        Plans besides the present and the default one; 0: 8.

    Returns
    -------
    Advice
        Plans, the quickest first, and why.

    Raises
    ------
    ValueError
        No accesses, an empty one, one outside, an unknown format or medium.
    IndexError
        A key with an index outside, or more indices than axes.

    Examples
    --------
    >>> import tessera
    >>> cube = (160, 160, 2560)
    >>> image, spectrum = (..., 0), (0, 0)
    >>> a = tessera.advise(cube, [image, spectrum], dtype="f4", chunks=(32, 32, 256),
    ...                    format="zarr2")
    >>> [c.mean.bytes / 2**20 for c in a.now.access]
    [25.0, 10.0]
    >>> a.best.seconds <= a.now.seconds
    True
    """
    known = isinstance(array, Array)
    if known and (dtype is not None or chunks is not None or blocks is not None):
        raise ValueError("an array has its own dtype, chunks and blocks")
    shape = tuple(array.shape) if isinstance(array, Array) else tuple(map(index, array))
    if not known and dtype is None:
        raise ValueError("a shape alone: dtype is needed")
    for name, given in (("chunks", chunks), ("blocks", blocks)):
        if given is not None and len(given) != len(shape):
            raise ValueError(f"{name}: found {len(given)} axes, expected {len(shape)}")
    parts = [_part(k, shape) for k in accesses]
    given_weights = [1.0] * len(parts) if weights is None else [float(w) for w in weights]
    options: dict[str, Any] = dict(format=format, medium=medium, fixed=fixed, ratio=ratio)
    options.update(
        latency=latency, bandwidth=bandwidth, decode_speed=decode_speed, in_flight=in_flight
    )
    options.update(chunk_bytes=chunk_bytes, block_bytes=block_bytes, most=most)
    plans, assumed, why = _advise.advise(
        array if isinstance(array, Array) else None,
        0 if known else np.dtype(dtype).itemsize,
        shape,
        chunks,
        blocks,
        list(zip(parts, given_weights, strict=True)),
        options,
    )
    return Advice(tuple(_plan(p) for p in plans), why, assumed)


def measure(array: Array, key: Any) -> ReadCost:
    """Reads ``array[key]``, keeps nothing of it, and says what that took.

    Blocks that the cache holds are not read again (`set_cache`).

    Parameters
    ----------
    array : NDArray
        An array, in a file as a rule.
    key : int, slice, Ellipsis, or a tuple of these
        What is read.

    Returns
    -------
    ReadCost
        Bytes and requests of the store, blocks that were decoded, seconds.

    Raises
    ------
    IndexError
        A key with an index outside, or more indices than axes.
    TesseraError
        What reading the array raises.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.ones((100, 100), chunks=(50, 50), blocks=(10, 50))
    >>> tessera.measure(a, (0, slice(None))).chunks
    2.0
    """
    return ReadCost(*_advise.measure(array, _part(key, tuple(array.shape))))
