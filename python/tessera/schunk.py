# SPDX-License-Identifier: BSD-3-Clause
"""The class of super-chunks: items in a row, in compressed chunks that can be had one by one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tessera import params
from tessera._engine import SchunkSpec, probe
from tessera._schunk import SuperChunk
from tessera.callbacks import Callbacks
from tessera.chunkview import ChunkInfo
from tessera.info import InfoReporter, schunk_items
from tessera.meta import Meta, VLMeta, packed_metas
from tessera.params import CParams, DParams, SpecialValue, Storage

_CHUNK = 1 << 24  # of super-chunks that begin without data
_CHUNK_OF_DATA = 1 << 28  # at most, of those that begin with data
_CHUNK_MAX = 2**31 - 1
_HEADER = 32


class SChunk(SuperChunk, Callbacks):
    """A growable row of items of `typesize` bytes, compressed chunk by chunk.

    Parameters
    ----------
    chunksize : int, optional
        Bytes of a decoded chunk.  Default: the bytes of `data`, at most 2**28; without data 2**24.
        -1: chunks of any size, each as long as what it was made from.
    data : buffer, optional
        Contiguous; its items are the first ones.
    cparams : CParams or dict, optional
        How chunks are compressed.  A dict without "typesize" means the itemsize of data, or 1.
    dparams : DParams or dict, optional
    storage : Storage or dict, optional
        Where it is kept; or its fields as keywords: `urlpath`, `contiguous` (False: a folder with
        a file per chunk), `mode`, `mmap_mode`, `initial_mapping_size`, `locking`, `meta`.
        Mode "w" replaces what is at urlpath, "a" needs it to be new, "r" opens what is there.

    Raises
    ------
    ValueError
        An unknown keyword, parameters that do not fit together, data that is not contiguous.
    AttributeError
        `storage` and one of its fields.
    RuntimeError
        Something is at urlpath already (mode "a").

    Notes
    -----
    Constructors write the file before they return.  What is changed later is kept by the object
    and written by `flush`, `close`, the end of a `with` block, when the object goes away and when
    the interpreter ends.  Objects can be used by many threads at once.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> s = tessera.SChunk(chunksize=800, data=np.arange(1000))
    >>> s.nchunks, len(s), s.typesize
    (10, 1000, 8)
    >>> np.frombuffer(s[10:13], dtype="i8")
    array([10, 11, 12])
    >>> s[998:1001] = np.zeros(3, dtype="i8")
    >>> len(s), s.nchunks
    (1001, 11)
    """

    _given: CParams | None
    _nthreads: int = 0  # to compress, of one that was opened; 0: the default
    _dparams: DParams
    _contiguous: bool

    def __init__(
        self,
        chunksize: int | None = None,
        data: Any = None,
        *,
        cparams: CParams | Mapping[str, Any] | None = None,
        dparams: DParams | Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        storage = params.storage_from(kwargs)
        if kwargs:
            raise ValueError(f"SChunk: unknown {', '.join(map(repr, kwargs))}")
        dp = params.filled(DParams, dparams)
        if storage.mode == "r" or storage.mmap_mode == "r":
            self._init_open(storage, dp, data)
            return
        itemsize = int(getattr(data, "itemsize", 1))
        cp = params.filled(CParams, cparams, typesize=itemsize)
        self._init_new(chunksize, data, cp, storage)
        self._dparams = dp

    def _init_open(self, st: Storage, dp: DParams, data: Any) -> None:
        if data is not None:
            raise ValueError("mode 'r' takes no data")
        options = params.open_options(st, dp.nthreads)
        url = str(st.urlpath)
        if probe(url)[0] == "array":
            raise ValueError(f"{url}: Cannot open an NDArray as a SChunk")
        self._init_at(url, dp, **options)

    def _init_at(self, url: str, dp: DParams, **options: Any) -> None:
        """Becomes what is at url; options as of the engine."""
        self._open_here(url, **options)
        self._given = None
        self._dparams = dp
        self._contiguous = not os.path.isdir(url)

    def _init_new(self, chunksize: int | None, data: Any, cp: CParams, st: Storage) -> None:
        nbytes = params.buffer_bytes(data)
        spec = _spec(chunksize, nbytes, cp, st.meta)
        url = None if st.urlpath is None else str(st.urlpath)
        self._create(url, spec, **params.create_options(st, cp.nthreads))
        self._given = params.padded(cp)
        self._contiguous = bool(st.contiguous)
        self._dparams = DParams()
        try:
            if nbytes:
                self._append(data)
            if st.urlpath is not None:
                self.flush()
        except BaseException:
            self._drop()  # a file that is not complete does not appear
            raise

    @classmethod
    def _from_url(cls, url: str, dp: DParams, **options: Any) -> SChunk:
        self = cls.__new__(cls)
        self._init_at(url, dp, **options)
        return self

    @classmethod
    def _from_bytes(cls, frame: Any, copy: bool) -> SChunk:
        self = cls._from_frame(frame, copy=copy)
        self._given = None
        self._dparams = DParams()
        self._contiguous = True
        return self

    # ---- facts ----

    @property
    def chunksize(self) -> int:
        """Decoded bytes of a chunk, the last one may be shorter; 0: each has its own."""
        n: int = self._spec()["chunk_bytes"]
        return n

    @property
    def chunkshape(self) -> int:
        """Items of a chunk."""
        return self.chunksize // self.typesize

    @property
    def blocksize(self) -> int:
        """Bytes of a block; 0: chosen for each chunk."""
        n: int = self._cparams()["blocksize"]
        return n

    @property
    def nbytes(self) -> int:
        """Decoded bytes."""
        return len(self) * self.typesize

    @property
    def cbytes(self) -> int:
        """Stored bytes."""
        if self.writable and self.urlpath is None:
            self.flush()  # counted is what is in the frame
        return self._stats()["cbytes"]

    @property
    def cratio(self) -> float:
        """Decoded bytes by stored ones; 0.0 when there are none."""
        n = self.nbytes
        return n / self.cbytes if n else 0.0

    @property
    def contiguous(self) -> bool:
        """Whether it is one file or buffer, not a folder or loose chunks in memory."""
        return self._contiguous

    @property
    def meta(self) -> Meta:
        """Metadata in the header, of fixed length."""
        return Meta(self)

    @property
    def vlmeta(self) -> VLMeta:
        """Metadata of any length."""
        return VLMeta(self)

    @property
    def cparams(self) -> CParams:
        """How new chunks are compressed."""
        if self._given is None:
            self._given = params.from_slots(self._cparams())
            self._given.nthreads = self._nthreads or self._given.nthreads
        return params.filled(CParams, self._given)

    @cparams.setter
    def cparams(self, value: CParams | Mapping[str, Any]) -> None:
        cp = params.padded(params.filled(CParams, value, typesize=self.typesize))
        self._set_cparams(_spec(self.chunksize or -1, 0, cp, None))
        self._given = cp

    @property
    def dparams(self) -> DParams:
        """How chunks are decompressed."""
        return params.filled(DParams, self._dparams)

    @dparams.setter
    def dparams(self, value: DParams | Mapping[str, Any]) -> None:
        self._dparams = params.filled(DParams, value)

    @property
    def info_items(self) -> list[tuple[str, Any]]:
        """The rows of `info`."""
        return schunk_items(self)

    @property
    def info(self) -> InfoReporter:
        """What it is, as a table: text, or HTML in a notebook."""
        return InfoReporter(self)

    # ---- chunks from items ----

    def append_data(self, data: Any) -> int:
        """Compresses data as one chunk at the end.

        Parameters
        ----------
        data : buffer
            Whole items, at most chunksize bytes.

        Returns
        -------
        int
            How many chunks there are now.

        Raises
        ------
        ValueError
            The last chunk is not full, or data is too long.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=4)
        >>> s.append_data(b"abcd"), s.append_data(b"ef")
        (1, 2)
        """
        self._put_chunk(-1, True, False, data)
        return self.nchunks

    def insert_data(self, nchunk: int, data: Any, copy: bool = True) -> int:
        """Compresses data as a chunk before number nchunk; as `append_data` else.

        `copy` is there for programs that give it: data is always compressed at once.

        Raises
        ------
        RuntimeError
            There is no such chunk.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aacc")
        >>> s.insert_data(1, b"bb")
        3
        >>> s[:]
        b'aabbcc'
        """
        self._put_chunk(self._number(nchunk, 1), True, False, data)
        return self.nchunks

    def update_data(self, nchunk: int, data: Any, copy: bool = True) -> int:
        """Compresses data, of the chunk's size, in the place of chunk nchunk; see `insert_data`.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aacc")
        >>> s.update_data(1, b"bb")
        2
        >>> s[:]
        b'aabb'
        """
        self._put_chunk(self._number(nchunk), False, False, data)
        return self.nchunks

    def _number(self, nchunk: int, more: int = 0) -> int:
        if not 0 <= nchunk < self.nchunks + more:
            raise RuntimeError(f"chunk {nchunk}: the super-chunk has {self.nchunks}")
        return nchunk

    # ---- chunks as they are stored ----

    def append_chunk(self, chunk: Any) -> int:
        """Adds a compressed chunk at the end, as it is.

        Returns
        -------
        int
            How many chunks there are now.

        Raises
        ------
        RuntimeError
            It is no chunk, or not of a size that fits.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=4)
        >>> s.append_chunk(tessera.compress2(b"abcd", typesize=1))
        1
        >>> s[:]
        b'abcd'
        """
        self._put_chunk(-1, True, True, chunk)
        return self.nchunks

    def insert_chunk(self, nchunk: int, chunk: Any) -> int:
        """Puts a compressed chunk before number nchunk; see `append_chunk`.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aacc")
        >>> s.insert_chunk(0, tessera.compress2(b"bb", typesize=1))
        3
        >>> s[:]
        b'bbaacc'
        """
        self._put_chunk(self._number(nchunk, 1), True, True, chunk)
        return self.nchunks

    def update_chunk(self, nchunk: int, chunk: Any) -> int:
        """Puts a compressed chunk in the place of number nchunk; see `append_chunk`.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aacc")
        >>> s.update_chunk(0, tessera.compress2(b"bb", typesize=1))
        2
        >>> s[:]
        b'bbcc'
        """
        self._put_chunk(self._number(nchunk), False, True, chunk)
        return self.nchunks

    def delete_chunk(self, nchunk: int) -> int:
        """Removes a chunk.

        Returns
        -------
        int
            How many chunks there are now.

        Raises
        ------
        RuntimeError
            There is no such chunk.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aabbcc")
        >>> s.delete_chunk(1)
        2
        >>> s[:]
        b'aacc'
        """
        self._delete_chunk(nchunk)
        return self.nchunks

    def get_chunk(self, nchunk: int) -> bytes:
        """Chunk nchunk as it is stored, compressed.

        Raises
        ------
        RuntimeError
            There is no such chunk.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aabb")
        >>> tessera.decompress2(s.get_chunk(1))
        b'bb'
        """
        return self._get_chunk(nchunk)

    def get_lazychunk(self, nchunk: int) -> bytes:
        """The header of a chunk; of files, where its blocks are too; special chunks whole.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=100, data=bytes(100))
        >>> tessera.get_cbuffer_sizes(s.get_lazychunk(0))[0]
        100
        """
        return self._get_chunk(nchunk, lazy=True)

    def decompress_chunk(self, nchunk: int, dst: Any = None) -> bytes | None:
        """Decodes one chunk.

        Parameters
        ----------
        nchunk : int
        dst : buffer, optional
            Contiguous and writable; filled from its beginning.

        Returns
        -------
        bytes or None
            None when dst was filled.

        Raises
        ------
        RuntimeError
            There is no such chunk, it is corrupt, or dst is too small.
        ValueError
            dst is empty.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aabb")
        >>> s.decompress_chunk(1)
        b'bb'
        >>> room = bytearray(2)
        >>> s.decompress_chunk(0, room)
        >>> room
        bytearray(b'aa')
        """
        if dst is None:
            return self._read_chunk(nchunk)
        self._read_chunk_into(nchunk, dst)
        return None

    def reorder_offsets(self, order: Sequence[int] | np.ndarray) -> None:
        """Chunk i becomes the one that was number order[i]; nothing is moved or decoded.

        Raises
        ------
        ValueError
            order is not one number for each chunk; a read-only handle.
        RuntimeError
            A chunk is named twice or not at all.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aabbcc")
        >>> s.reorder_offsets([2, 0, 1])
        >>> s[:]
        b'ccaabb'
        """
        numbers = np.asarray(order)
        if numbers.shape != (self.nchunks,):
            raise ValueError(
                f"order: found shape {numbers.shape}, expected one number for each of "
                f"{self.nchunks} chunks"
            )
        if not np.array_equal(np.sort(numbers), np.arange(self.nchunks)) and self.writable:
            raise RuntimeError("order: each chunk must be there once")
        self._reorder(np.ascontiguousarray(numbers, dtype=np.int64))

    # ---- chunks of one value ----

    def fill_special(self, nitems: int, special_value: SpecialValue, value: Any = None) -> int:
        """Gives an empty super-chunk items of one value, for the price of headers.

        Parameters
        ----------
        nitems : int
        special_value : SpecialValue
            ZERO, NAN (4 and 8 bytes), UNINIT or VALUE.
        value : int, float, bool, bytes, NumPy scalar, optional
            One item, for VALUE; numbers become items of `typesize` bytes.

        Returns
        -------
        int
            How many chunks there are now.

        Raises
        ------
        TypeError
            special_value is NOT_SPECIAL.
        ValueError
            VALUE without a value, or one that does not fit an item.
        RuntimeError
            There are items already.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=400, cparams={"typesize": 4})
        >>> s.fill_special(250, tessera.SpecialValue.VALUE, 7)
        3
        >>> s[249]
        b'\\x07\\x00\\x00\\x00'
        """
        item = self._item(special_value, value)
        if len(self) and self.writable:
            raise RuntimeError(f"fill_special: there are {len(self)} items already")
        self._special(-1, nitems, special_value.value, item)
        return self.nchunks

    def update_special(self, nchunk: int, special_value: SpecialValue, value: Any = None) -> int:
        """Replaces a chunk by one of the same size and one value; see `fill_special`.

        Raises
        ------
        IndexError
            There is no such chunk.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=2, data=b"aabb")
        >>> s.update_special(0, tessera.SpecialValue.ZERO)
        2
        >>> s[:]
        b'\\x00\\x00bb'
        """
        item = self._item(special_value, value)
        if not 0 <= nchunk < self.nchunks:
            raise IndexError(f"chunk {nchunk}: the super-chunk has {self.nchunks}")
        self._special(nchunk, 0, special_value.value, item)
        return self.nchunks

    def _item(self, special: SpecialValue, value: Any) -> bytes | None:
        if not isinstance(special, SpecialValue) or special is SpecialValue.NOT_SPECIAL:
            raise TypeError(f"special_value: found {special}, expected ZERO, NAN, VALUE or UNINIT")
        if special is not SpecialValue.VALUE:
            return None
        if value is None:
            raise ValueError("SpecialValue.VALUE needs a value")
        return _item_bytes(value, self.typesize)

    # ---- one chunk after the other ----

    def iterchunks(self, dtype: DTypeLike) -> Iterator[np.ndarray]:
        """Each chunk, decoded, as a new array of the dtype.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> s = tessera.SChunk(chunksize=16, data=np.arange(5, dtype="i4"))
        >>> [c.tolist() for c in s.iterchunks("i4")]
        [[0, 1, 2, 3], [4]]
        """
        dt = np.dtype(dtype)
        for i in range(self.nchunks):
            chunk = np.empty(self._chunk_bytes(i) // dt.itemsize, dtype=dt)
            self._read_chunk_into(i, chunk)
            yield chunk

    def iterchunks_info(self) -> Iterator[ChunkInfo]:
        """What each chunk is, without decoding it.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(chunksize=1000, data=bytes(1500))
        >>> [(c.nchunk, c.special.name) for c in s.iterchunks_info()]
        [(0, 'ZERO'), (1, 'ZERO')]
        """
        for i in range(self.nchunks):
            nbytes, cbytes, kind = self._chunk_info(i)
            special = SpecialValue(kind)
            lazy = self._get_chunk(i, lazy=True)
            value = lazy[_HEADER:] if special is SpecialValue.VALUE else None
            yield ChunkInfo(i, nbytes / cbytes, special, value, lazy)

    # ---- others ----

    @contextmanager
    def holding_lock(self) -> Iterator[SChunk]:
        """Keeps other programs out of the file for the duration of a `with` block.

        Works with `locking=True`, else it does nothing.  What is read and written inside is one
        change for others; the handle is up to date when the block begins.

        Raises
        ------
        ConflictError
            Others held the file for a minute.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(data=b"abc", urlpath="shared.b2frame", mode="w", locking=True)
        >>> with s.holding_lock():
        ...     s[0:1] = b"x"
        >>> s[:]
        b'xbc'
        >>> s.close()
        >>> tessera.remove_urlpath("shared.b2frame")
        >>> tessera.remove_urlpath("shared.b2frame.b2lock")  # stays for other programs
        """
        self._lock()
        try:
            yield self
        finally:
            self._unlock()

    def hash(self) -> str:
        """The digest of the row of its items; see `tessera.hash`.

        Examples
        --------
        >>> import numpy as np, tessera
        >>> s = tessera.SChunk(data=b"some bytes", cparams={"typesize": 1})
        >>> s.hash() == tessera.hash(np.frombuffer(b"some bytes", "u1"))
        True
        """
        from tessera import compare

        return compare.hash(self)

    def __reduce__(self) -> tuple[Any, ...]:
        from tessera.opening import schunk_from_cframe

        return schunk_from_cframe, (self.to_cframe(), True)

    def __copy__(self) -> SChunk:
        return self._twin(None)

    def __deepcopy__(self, memo: dict[int, Any]) -> SChunk:
        return self._twin(None)

    def _twin(self, url: str | None, **options: Any) -> SChunk:
        """A copy at url (None: in memory), chunks as they are stored."""
        new: SChunk = self._copy(url, SchunkSpec(), **options)
        new._given = self._given
        new._dparams = self.dparams
        new._contiguous = url is not None or self._contiguous
        new.flush()
        return new


def _spec(chunksize: int | None, nbytes: int, cp: CParams, meta: Any) -> SchunkSpec:
    """What a new super-chunk is; nbytes: of its first data."""
    item = cp.typesize
    if not 1 <= item <= params.MAX_TYPESIZE:
        raise ValueError(f"typesize: found {item}, expected 1 to {params.MAX_TYPESIZE}")
    variable = chunksize == -1
    if chunksize is None:
        chunksize = min(nbytes, _CHUNK_OF_DATA) or _CHUNK
    if not variable and not 0 < chunksize <= _CHUNK_MAX:
        raise ValueError(f"chunksize: found {chunksize}, expected 1 to {_CHUNK_MAX}")
    return SchunkSpec(
        item_bytes=item,
        chunk_bytes=0 if variable else max(chunksize // item, 1) * item,
        block_bytes=cp.blocksize,
        steps=params.steps(cp),
        split=params.split(cp),
        metas=packed_metas(meta),
        variable=variable,
    )


def _item_bytes(value: Any, typesize: int) -> bytes:
    """A number or bytes as one item."""
    if isinstance(value, np.generic | np.ndarray):
        raw = value.tobytes()
    elif isinstance(value, bool | int):
        try:
            raw = int(value).to_bytes(typesize, sys.byteorder, signed=value < 0)
        except OverflowError:
            raise ValueError(f"value {value} does not fit {typesize} bytes") from None
    elif isinstance(value, float):
        if typesize not in (2, 4, 8):
            raise ValueError(f"value: no float has {typesize} bytes")
        raw = np.array(value, dtype=f"f{typesize}").tobytes()
    elif isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
    else:
        raise TypeError(f"value: expected a number or bytes, found {type(value).__name__}")
    if len(raw) != typesize:
        raise ValueError(f"value: found {len(raw)} bytes, an item has {typesize}")
    return raw
