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
