# SPDX-License-Identifier: BSD-3-Clause
"""Chunked, compressed N-dimensional arrays: one engine for Blosc2 files and more."""

from tessera._engine import (
    ConflictError,
    CorruptError,
    DeniedError,
    ExistsError,
    LimitError,
    TemporaryError,
    TesseraError,
    UnsupportedError,
    version,
)
from tessera.copies import compute_chunks_blocks, concat, copy, reshape, stack
from tessera.create import (
    arange,
    array,
    asarray,
    empty,
    empty_like,
    eye,
    frombuffer,
    fromiter,
    full,
    full_like,
    linspace,
    nans,
    ones,
    ones_like,
    uninit,
    zeros,
    zeros_like,
)
from tessera.fields import NDField
from tessera.ndarray import NDArray
from tessera.params import (
    Codec,
    CParams,
    DParams,
    Filter,
    SpecialValue,
    SplitMode,
    Storage,
    Tuner,
    cparams_dflts,
    dparams_dflts,
    set_nthreads,
    storage_dflts,
)

__version__ = version()
