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
from tessera._user import (
    BlockInfo,
    register_codec,
    register_filter,
    ucodecs_registry,
    ufilters_registry,
)
from tessera.buffers import (
    clib_info,
    compress,
    compress2,
    compressor_list,
    decompress,
    decompress2,
    detect_number_of_cores,
    free_resources,
    get_blocksize,
    get_cbuffer_sizes,
    get_clib,
    get_compressor,
    pack,
    pack_array,
    print_versions,
    set_blocksize,
    set_compressor,
    set_releasegil,
    unpack,
    unpack_array,
)
from tessera.chunkview import get_slice_nchunks
from tessera.copies import concat, copy, reshape, stack
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
from tessera.grid import compute_chunks_blocks
from tessera.ndarray import NDArray
from tessera.opening import (
    from_cframe,
    load,
    ndarray_from_cframe,
    open,
    remove_urlpath,
    schunk_from_cframe,
)
from tessera.params import (
    EXTENDED_HEADER_LENGTH,
    MAX_BLOCKSIZE,
    MAX_BUFFERSIZE,
    MAX_DIM,
    MAX_OVERHEAD,
    MAX_TYPESIZE,
    MIN_HEADER_LENGTH,
    Codec,
    CParams,
    DParams,
    Filter,
    SpecialValue,
    SplitMode,
    Storage,
    Tuner,
    cparams_dflts,
    default_nthreads,
    dparams_dflts,
    set_nthreads,
    storage_dflts,
)
from tessera.schunk import SChunk
from tessera.take import take, take_along_axis
from tessera.tensor import (
    load_array,
    load_tensor,
    pack_array2,
    pack_tensor,
    save_array,
    save_tensor,
    unpack_array2,
    unpack_tensor,
)
from tessera.view import expand_dims, squeeze

__version__ = version()


def __getattr__(name: str) -> int:
    if name == "nthreads":  # it follows set_nthreads
        return default_nthreads()
    raise AttributeError(f"module 'tessera' has no attribute {name!r}")
