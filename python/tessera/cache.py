# SPDX-License-Identifier: BSD-3-Clause
"""The memory in which decoded blocks wait for the next read."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index

from tessera import _engine


@dataclass(frozen=True)
class CacheStats:
    """What the block cache holds, and how it did since the process began.

    Attributes
    ----------
    budget_bytes : int
        That it may hold, those for other numbers of threads included; 0: there is none.
    held_bytes : int
        Decoded bytes that it holds.
    hits, misses : int
        Blocks that reads found there, and that they had to decode; of reads that pass by, none.
    """

    budget_bytes: int
    held_bytes: int
    hits: int
    misses: int


def set_cache(nbytes: int) -> int:
    """Sets how many bytes of decoded blocks are kept for later reads; 16 MiB at first.

    All arrays and super-chunks share them.  Handles with a number of threads of their own
    (`nthreads` in `cparams`, `dparams`) share as many with those of the same number.  A read that
    decodes more than a quarter of that passes by; a block of more than an eighth of it is not kept.

    Parameters
    ----------
    nbytes : int
        Bytes of decoded items; 0: nothing is kept.

    Returns
    -------
    int
        The number until now.

    Raises
    ------
    ValueError
        It is negative, or no machine has as much.
    TypeError
        It is not an integer.

    Notes
    -----
    What is kept until now is forgotten.  Other threads may read meanwhile.

    Examples
    --------
    >>> import tessera
    >>> before = tessera.set_cache(64 << 20)
    >>> tessera.set_cache(before) == 64 << 20
    True
    """
    try:
        n = index(nbytes)
    except TypeError:
        found = type(nbytes).__name__
        raise TypeError(f"set_cache: found {found}, expected an integer of bytes") from None
    if not 0 <= n < 2**63:
        raise ValueError(f"set_cache: found {n} bytes, expected 0 to 2**63 - 1")
    return _engine.set_cache(n)


def cache_stats() -> CacheStats:
    """What the block cache holds and how often it helped.

    Returns
    -------
    CacheStats
        budget_bytes, held_bytes, hits, misses.

    Examples
    --------
    >>> import tessera
    >>> a = tessera.arange(1000, blocks=(1000,))
    >>> a[5], a[6]
    (array(5), array(6))
    >>> before = tessera.cache_stats().hits
    >>> a[7]
    array(7)
    >>> tessera.cache_stats().hits - before
    1
    """
    return CacheStats(*_engine.cache_stats())
