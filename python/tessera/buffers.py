# SPDX-License-Identifier: BSD-3-Clause
"""One buffer at a time: compressed as one Blosc2 chunk, decompressed, pickled and packed."""

from __future__ import annotations

import dataclasses
import io
import os
import pickle
import platform
import struct
import sys
from typing import Any

import numpy as np

from tessera import _chunk, _engine, params
from tessera._engine import SchunkSpec, TesseraError
from tessera.params import Codec, CParams, DParams, Filter


@dataclasses.dataclass
class _Defaults:
    """State of the process, as in python-blosc2: what functions that do not ask use."""

    blocksize: int = 0
    compressor: Codec = Codec.BLOSCLZ
    releasegil: bool = True


_defaults = _Defaults()


# ---- the functions of Blosc 1 ----


def _check_source(src: Any, typesize: int | None, clevel: int) -> int:
    if hasattr(src, "__len__") and len(src) > params.MAX_BUFFERSIZE:
        raise ValueError(f"src: longer than {params.MAX_BUFFERSIZE} bytes")
    nbytes = memoryview(src).nbytes if not hasattr(src, "nbytes") else params.buffer_bytes(src)
    if nbytes > params.MAX_BUFFERSIZE:
        raise ValueError(f"src: found {nbytes} bytes, at most {params.MAX_BUFFERSIZE} are possible")
    if typesize is None:
        typesize = int(getattr(src, "itemsize", 1))
    if not 1 <= typesize <= params.MAX_TYPESIZE:
        raise ValueError(f"typesize: found {typesize}, expected 1 to {params.MAX_TYPESIZE}")
    if nbytes % typesize:
        raise ValueError(f"src: {nbytes} bytes are no multiple of typesize {typesize}")
    _check_clevel(clevel)
    return typesize


def _check_clevel(clevel: int) -> None:
    if not 0 <= clevel <= 9:
        raise ValueError(f"clevel: found {clevel}, expected 0 to 9")


def compress(
    src: Any,
    typesize: int | None = 8,
    clevel: int = 1,
    filter: Filter = Filter.SHUFFLE,
    codec: Codec = Codec.ZSTD,
) -> bytes:
    """Compresses a buffer as one chunk.

    Parameters
    ----------
    src : buffer
        Contiguous, at most MAX_BUFFERSIZE bytes.
    typesize : int or None
        Bytes of one item; None: the itemsize of src, or 1.
    clevel : int
        0 (stored) to 9.
    filter : Filter
    codec : Codec

    Raises
    ------
    ValueError
        A parameter is out of range, or the length no multiple of typesize.
    TypeError
        src is no buffer.
    AttributeError
        codec is no member of Codec.

    Examples
    --------
    >>> import tessera
    >>> data = b"0123456789" * 800
    >>> packed = tessera.compress(data, typesize=1)
    >>> len(packed) < 200, tessera.decompress(packed) == data
    (True, True)
    """
    typesize = _check_source(src, typesize, clevel)
    codec.value, filter.value  # noqa: B018  members only
    meta = {Filter.BYTEDELTA: typesize}.get(filter, 0)
    cp = CParams(
        codec=codec,
        clevel=clevel,
        typesize=typesize,
        filters=[_lossless(filter)],
        filters_meta=[meta],
        blocksize=_defaults.blocksize,
    )
    return _compressed(src, cp)


def _lossless(f: Filter) -> Filter:
    """This function has no place for a filter's parameter: what needs one is left out."""
    plain = (Filter.SHUFFLE, Filter.BITSHUFFLE, Filter.DELTA, Filter.BYTEDELTA)
    return f if f in plain else Filter.NOFILTER


def _compressed(src: Any, cp: CParams) -> bytes:
    spec = SchunkSpec(
        item_bytes=cp.typesize,
        block_bytes=cp.blocksize,
        steps=params.steps(cp),
        split=params.split(cp),
    )
    return _chunk.compress(src, spec, threads=params.threads_of(cp.nthreads))


def _check_chunk(src: Any, dst: Any) -> None:
    if params.buffer_bytes(src) < params.MIN_HEADER_LENGTH:
        raise ValueError(f"src: shorter than a header, {params.MIN_HEADER_LENGTH} bytes")
    if dst is not None and params.buffer_bytes(dst) == 0:
        raise ValueError("dst is empty")


def decompress(src: Any, dst: Any = None, as_bytearray: bool = False) -> bytes | bytearray | None:
    """Decodes a chunk.

    Parameters
    ----------
    src : buffer
        A Blosc1 or Blosc2 chunk.
    dst : buffer, optional
        Contiguous and writable; filled from its beginning.
    as_bytearray : bool
        A bytearray in place of bytes.

    Returns
    -------
    bytes, bytearray or None
        None when dst was filled.

    Raises
    ------
    ValueError
        src is shorter than a header, or dst empty.
    RuntimeError
        src is corrupt, or dst too small.

    Examples
    --------
    >>> import tessera
    >>> tessera.decompress(tessera.compress(b"abc" * 2, typesize=1))
    b'abcabc'
    """
    _check_chunk(src, dst)
    threads = params.threads_of(params.default_nthreads())
    if dst is None:
        out: bytes | bytearray = _chunk.decompress(src, threads, as_bytearray)
        return out
    _chunk.decompress_into(src, dst, threads)
    return None


# ---- the functions of Blosc 2 ----


def compress2(src: Any, **kwargs: Any) -> bytes:
    """Compresses a buffer as one chunk, with all parameters.

    Parameters
    ----------
    src : buffer
        Contiguous, at most MAX_BUFFERSIZE bytes.
    **kwargs
        `cparams`, a CParams or dict; or its fields.  typesize is 8 unless it is given.

    Raises
    ------
    AttributeError
        cparams and a field of it.
    RuntimeError
        A parameter is not valid.
    ValueError
        src is too long.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> a = np.arange(1000, dtype="i4")
    >>> packed = tessera.compress2(a, typesize=4, codec=tessera.Codec.LZ4)
    >>> np.array_equal(np.frombuffer(tessera.decompress2(packed), "i4"), a)
    True
    """
    if params.buffer_bytes(src) > params.MAX_BUFFERSIZE:
        raise ValueError(f"src: at most {params.MAX_BUFFERSIZE} bytes are possible")
    cp: CParams = _one_of(CParams, "cparams", kwargs)
    if not cp.blocksize:
        cp.blocksize = _defaults.blocksize
    try:
        return _compressed(src, cp)
    except ValueError as e:
        raise RuntimeError(str(e)) from None


def _one_of(kind: type[Any], name: str, kwargs: dict[str, Any]) -> Any:
    """A parameter object from `name=...` or from its fields as keywords."""
    whole = kwargs.pop(name, None)
    if whole is not None and kwargs:
        raise AttributeError(f"{name} is given, and {', '.join(kwargs)} besides")
    return params.filled(kind, whole if whole is not None else kwargs)


def decompress2(src: Any, dst: Any = None, **kwargs: Any) -> bytes | None:
    """Decodes a chunk; `nthreads` or `dparams` as keywords.

    Raises
    ------
    ValueError
        src is corrupt or shorter than a header, or dst empty.
    RuntimeError
        dst is too small.
    AttributeError
        dparams and a field of it.

    Examples
    --------
    >>> import tessera
    >>> tessera.decompress2(tessera.compress2(b"abcabc", typesize=1), nthreads=1)
    b'abcabc'
    """
    dp: DParams = _one_of(DParams, "dparams", kwargs)
    _check_chunk(src, dst)
    threads = params.threads_of(dp.nthreads)
    try:
        if dst is None:
            out: bytes = _chunk.decompress(src, threads)
            return out
        _chunk.decompress_into(src, dst, threads)
    except TesseraError as e:
        raise ValueError(str(e)) from None
    return None


# ---- objects ----

_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy", "numpy._core.numeric",
          "numpy.core.numeric")  # fmt: skip
_HARMLESS = {
    *((m, name) for m in _NUMPY for name in ("_reconstruct", "scalar", "ndarray", "dtype",
                                             "_frombuffer")),
    ("_codecs", "encode"), ("codecs", "encode"), ("array", "_array_reconstructor"),
    ("array", "array"), ("builtins", "complex"), ("builtins", "bytearray"),
    ("datetime", "datetime"), ("datetime", "date"), ("datetime", "timedelta"),
}  # fmt: skip


class _Unpickler(pickle.Unpickler):
    """Makes arrays and plain objects only: nothing in the bytes can name code to run."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(
                f"{module}.{name}: only arrays are unpacked; trusted=True unpickles anything"
            )
        # NumPy warns of its old names
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _unpickle(packed: Any, trusted: bool, kwargs: dict[str, Any]) -> Any:
    raw = decompress(packed)
    assert raw is not None
    kind = pickle.Unpickler if trusted else _Unpickler
    return kind(io.BytesIO(raw), **kwargs).load()


def pack(
    obj: Any, clevel: int = 9, filter: Filter = Filter.SHUFFLE, codec: Codec = Codec.BLOSCLZ
) -> bytes:
    """Pickles an object that has an `itemsize` and a `size`, and compresses that.

    Raises
    ------
    AttributeError
        The object has neither.
    ValueError
        clevel is out of range, or the object larger than MAX_BUFFERSIZE.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> tessera.unpack(tessera.pack(np.arange(3)))
    array([0, 1, 2])
    """
    _check_clevel(clevel)
    if obj.itemsize * obj.size > params.MAX_BUFFERSIZE:
        raise ValueError(f"at most {params.MAX_BUFFERSIZE} bytes are possible")
    pickled = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
    typesize = obj.itemsize if 1 <= obj.itemsize <= 255 else 1
    pickled += bytes(-len(pickled) % typesize)  # what is behind a pickle's end is not read
    return compress(pickled, typesize, clevel, filter, codec)


def unpack(packed_object: Any, *, trusted: bool = False, **kwargs: Any) -> Any:
    """The object that `pack` was given.

    Parameters
    ----------
    packed_object : buffer
    trusted : bool
        Unpickles anything.  Pickles can run code: only for bytes whose origin you trust.  Else
        NumPy's and Python's arrays and plain objects only.
    **kwargs
        Of `pickle.loads`: fix_imports, encoding, errors.

    Raises
    ------
    TypeError
        packed_object is no buffer.
    pickle.UnpicklingError
        It names something else and is not trusted.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> tessera.unpack(tessera.pack(np.arange(3)))
    array([0, 1, 2])
    """
    return _unpickle(packed_object, trusted, kwargs)


def pack_array(
    arr: np.ndarray,
    clevel: int = 9,
    filter: Filter = Filter.SHUFFLE,
    codec: Codec = Codec.BLOSCLZ,
) -> bytes:
    """Pickles and compresses a NumPy array; `pack_tensor` is faster and knows no limits.

    Raises
    ------
    AttributeError
        arr is no array.
    ValueError
        clevel is out of range, or the array larger than MAX_BUFFERSIZE.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> packed = tessera.pack_array(np.zeros(100_000))
    >>> len(packed) < 10_000
    True
    """
    return pack(arr, clevel, filter, codec)


def unpack_array(packed_array: Any, *, trusted: bool = False, **kwargs: Any) -> Any:
    """The array that `pack_array` was given; parameters and errors as of `unpack`.

    With encoding="bytes", for what Python 2 pickled, strings come back as text in UTF-8.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> tessera.unpack_array(tessera.pack_array(np.array([1.5, 2.5])))
    array([1.5, 2.5])
    """
    array = _unpickle(packed_array, trusted, kwargs)
    if kwargs.get("encoding") == "bytes" and array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array


# ---- facts ----


_LAZY = 0x08  # flag in byte 31 of what SChunk.get_lazychunk gives


def get_cbuffer_sizes(src: Any) -> tuple[int, int, int]:
    """Decoded bytes, stored bytes and bytes of a block, of a chunk.

    Examples
    --------
    >>> import tessera
    >>> tessera.get_cbuffer_sizes(tessera.compress(bytes(4000)))[:2]
    (4000, 32)
    """
    head = np.frombuffer(src, np.uint8)[:32].tobytes()
    if len(head) == 32 and head[2] & 5 == 5 and head[31] & _LAZY:
        nbytes, blocksize, cbytes = struct.unpack("<3i", head[4:16])
        return nbytes, cbytes, blocksize
    info = _chunk.chunk_info(src)
    return info["nbytes"], info["cbytes"], info["block_bytes"]


def get_clib(chunk: Any) -> str:
    """The library that a chunk was compressed with: "LZ4", "Zstd" ...

    Examples
    --------
    >>> import tessera
    >>> tessera.get_clib(tessera.compress(b"abc" * 100, typesize=1, codec=tessera.Codec.LZ4))
    'LZ4'
    """
    codec = params.codec_of(_chunk.chunk_info(chunk)["codec_id"])
    return _LIBRARIES.get(codec, str(codec))


_LIBRARIES = {
    Codec.BLOSCLZ: "BloscLZ",
    Codec.LZ4: "LZ4",
    Codec.LZ4HC: "LZ4",
    Codec.ZLIB: "Zlib",
    Codec.ZSTD: "Zstd",
}


def compressor_list(plugins: bool = False) -> list[Codec]:
    """The codecs of this build; with plugins also those for special data.

    Examples
    --------
    >>> import tessera
    >>> [c.name for c in tessera.compressor_list()]
    ['BLOSCLZ', 'LZ4', 'LZ4HC', 'ZLIB', 'ZSTD']
    """
    there = {i for _, i, is_filter, _ in _engine.codec_table() if not is_filter}
    return [c for c in Codec if c.value in there and (plugins or c.value < 32)]


def clib_info(codec: Codec) -> tuple[bytes, bytes]:
    """Name and version of the library of a codec.

    Raises
    ------
    ValueError
        The codec is not in this build.

    Examples
    --------
    >>> import tessera
    >>> name, version = tessera.clib_info(tessera.Codec.ZSTD)
    >>> name
    b'Zstd'
    """
    if codec not in compressor_list(plugins=True):
        raise ValueError(f"{codec}: not in this build")
    if codec in _LIBRARIES:
        return _LIBRARIES[codec].encode(), _engine.version().encode()
    return codec.name.lower().encode(), b"unknown"


def get_compressor() -> str:
    """Name of the codec that `set_compressor` chose.

    Examples
    --------
    >>> import tessera
    >>> tessera.get_compressor()
    'blosclz'
    """
    return _defaults.compressor.name.lower()


def set_compressor(codec: Codec) -> int:
    """Chooses the codec that `get_compressor` names; functions take theirs as an argument.

    Returns
    -------
    int
        Its number.

    Examples
    --------
    >>> import tessera
    >>> tessera.set_compressor(tessera.Codec.LZ4)
    1
    >>> tessera.get_compressor()
    'lz4'
    >>> tessera.set_compressor(tessera.Codec.BLOSCLZ)
    0
    """
    clib_info(codec)
    _defaults.compressor = codec
    return int(codec.value)


def get_blocksize() -> int:
    """Bytes of a block in functions on buffers; 0: chosen for each.

    Examples
    --------
    >>> import tessera
    >>> tessera.get_blocksize()
    0
    """
    return _defaults.blocksize


def set_blocksize(blocksize: int = 0) -> None:
    """Sets it, for functions on buffers that do not say it.

    Raises
    ------
    ValueError
        It is negative or more than MAX_BLOCKSIZE.

    Examples
    --------
    >>> import tessera
    >>> tessera.set_blocksize(2**14)
    >>> tessera.get_cbuffer_sizes(tessera.compress(bytes(range(256)) * 256, typesize=1))[2]
    16384
    >>> tessera.set_blocksize(0)
    """
    if not 0 <= blocksize <= params.MAX_BLOCKSIZE:
        raise ValueError(f"blocksize: found {blocksize}, expected 0 to {params.MAX_BLOCKSIZE}")
    _defaults.blocksize = blocksize


def detect_number_of_cores() -> int:
    """Cores that this process may use.

    Examples
    --------
    >>> import tessera
    >>> tessera.detect_number_of_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0))


def set_releasegil(gilstate: bool) -> bool:
    """For compatibility: the GIL is always released during work.  Returns the value before.

    Examples
    --------
    >>> import tessera
    >>> before = tessera.set_releasegil(True)
    >>> tessera.set_releasegil(before)
    True
    """
    before, _defaults.releasegil = _defaults.releasegil, bool(gilstate)
    return before


def free_resources() -> None:
    """For compatibility: there is nothing that has to be freed by hand.

    Examples
    --------
    >>> import tessera
    >>> tessera.free_resources()
    """


def print_versions() -> None:
    """Prints the versions of Tessera and of what it runs on.

    Examples
    --------
    >>> import tessera
    >>> tessera.print_versions()  # doctest: +ELLIPSIS
    -------...
    tessera:     ...
    -------...
    """
    rows = {
        "tessera": _engine.version(),
        "Codecs": ", ".join(c.name for c in compressor_list(plugins=True)),
        "NumPy": np.__version__,
        "Python": sys.version.replace("\n", " "),
        "Platform": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "Processors": f"{detect_number_of_cores()} cores, {params.default_nthreads()} threads",
        "Byte order": sys.byteorder,
    }
    print("-" * 79)
    for name, value in rows.items():
        print(f"{name + ':':<12} {value}")
    print("-" * 79)
