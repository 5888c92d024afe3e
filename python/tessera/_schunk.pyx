# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""The handle of a super-chunk: items and chunks, read and changed in C."""
import os

from cpython.buffer cimport (PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release,
                             PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.number cimport PyNumber_AsSsize_t
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Unpack
from libc.stdint cimport int64_t
from libc.string cimport memset

from tessera cimport _c
from tessera._engine cimport (CLOSED, Handle, Options, SchunkSpec, check, pthread_rwlock_unlock,
                              steps_of, taken)

from tessera._engine import path_bytes, way


cdef int readable(object data, Py_buffer *view) except -1:
    """The memory of a buffer, which the caller releases; ValueError when it is in pieces."""
    try:
        PyObject_GetBuffer(data, view, PyBUF_C_CONTIGUOUS)
    except BufferError as e:
        raise ValueError(str(e)) from None
    return 0


cdef class SuperChunk(Handle):
    """A growable sequence of items in compressed chunks."""

    # ---- from and to the outside ----

    @classmethod
    def _open(cls, str url, *, str mode="r", **options):
        """Opens what is at url; mode: "r" or "a"."""
        cdef SuperChunk self = cls.__new__(cls)
        self._open_here(url, mode=mode, **options)
        return self

    def _open_here(self, str url, *, str mode="r", **options):
        """This object, new, becomes the super-chunk at url."""
        cdef Options o = Options(mode="r" if mode == "r" else "r+", **options)
        cdef bytes b = path_bytes(url)
        cdef const char *u = b
        cdef int rc
        self.must_be_new()
        with way(url, mode):
            with nogil:
                rc = _c.tsr_schunk_open(u, &o.o, &self.s)
            check(rc)
            self.opened(url, mode, mode != "r", options.get("locking", False))
            self.keep_options(options)

    @classmethod
    def _from_frame(cls, frame, bint copy=True, **options):
        """The super-chunk in a contiguous frame.  Not copied: it is used in place, to read."""
        cdef SuperChunk self = cls.__new__(cls)
        cdef Options o = Options(**options)
        cdef Py_buffer view
        cdef int rc, flags = 0 if copy else _c.TSR_BORROW
        PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
        with nogil:
            rc = _c.tsr_schunk_from_frame(view.buf, view.len, flags, &o.o, &self.s)
        if rc >= 0 and not copy:
            self.borrowed = memoryview(frame)  # keeps the bytes where they are
        PyBuffer_Release(&view)
        check(rc)
        self.opened(None, "a" if copy else "r", copy, False)
        return self

    def _create(self, url, SchunkSpec spec, *, str mode="w", **options):
        """This object, new, becomes a super-chunk at url (None: in memory)."""
        cdef Options o = Options(mode=mode, **options)
        cdef bytes b = b"" if url is None else path_bytes(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef int rc
        self.must_be_new()
        with nogil:
            rc = _c.tsr_schunk_create(u, &spec.s, &o.o, &self.s)
        check(rc)
        self.created(url, mode, options)

    cdef int must_be_new(self) except -1:
        if self.s != NULL:
            raise ValueError("the super-chunk is open already")
        return 0

    cdef int look(self) except -1:
        self.item_bytes = _c.tsr_schunk_spec_of(self.s).item_bytes
        return 0

    cdef int c_close(self) noexcept nogil:
        return _c.tsr_schunk_close(self.s)

    cdef void c_drop(self) noexcept nogil:
        _c.tsr_schunk_drop(self.s)

    cdef int c_flush(self, bint durable) noexcept nogil:
        return _c.tsr_schunk_sync(self.s) if durable else _c.tsr_schunk_flush(self.s)

    cdef int c_reopen(self, const char *url, const _c.tsr_options *o) noexcept nogil:
        cdef _c.tsr_schunk *new = NULL
        cdef int rc = _c.tsr_schunk_open(url, o, &new)
        if rc >= 0:
            _c.tsr_schunk_drop(self.s)  # it was flushed
            self.s = new
        return rc

    cdef int c_refresh(self, _c.cbool *changed) noexcept nogil:
        return _c.tsr_schunk_refresh(self.s, changed)

    cdef int c_stats(self, _c.tsr_stats *out) noexcept nogil:
        return _c.tsr_schunk_stats(self.s, out)

    cdef int c_cparams(self, _c.tsr_cparams_info *out) noexcept nogil:
        return _c.tsr_schunk_cparams(self.s, out)

    cdef int c_to_frame(self, void **buf, size_t *n) noexcept nogil:
        return _c.tsr_schunk_to_frame(self.s, buf, n)

    cdef int c_meta_count(self, _c.tsr_meta_kind kind) noexcept nogil:
        return _c.tsr_schunk_meta_count(self.s, kind)

    cdef const char *c_meta_name(self, _c.tsr_meta_kind kind, int i) noexcept nogil:
        return _c.tsr_schunk_meta_name(self.s, kind, i)

    cdef int c_meta_get(self, _c.tsr_meta_kind kind, const char *name, void **buf,
                        size_t *n) noexcept nogil:
        return _c.tsr_schunk_meta_get(self.s, kind, name, buf, n)

    cdef int c_meta_set(self, _c.tsr_meta_kind kind, const char *name, const void *buf,
                        size_t n) noexcept nogil:
        return _c.tsr_schunk_meta_set(self.s, kind, name, buf, n)

    cdef int c_meta_remove(self, const char *name) noexcept nogil:
        return _c.tsr_schunk_meta_remove(self.s, name)

    def _take_frame(self) -> bytes:
        """All of it as a contiguous frame; the handle is closed then."""
        cdef void *buf = NULL
        cdef size_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.alone():
                rc = _c.tsr_schunk_take_frame(self.s, &buf, &n)
                self.is_open = False
            pthread_rwlock_unlock(&self.lock)
        self.pending = False
        self.writable = False
        self.done(rc)
        return taken(buf, n)

    def _set_cparams(self, SchunkSpec spec):
        """New chunks are made as spec says; items may change their size while there are none."""
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = _c.tsr_schunk_set_spec(self.s, &spec.s)
            self.unlock_changed(rc)
        self.changed(rc)
        self.look()

    # ---- facts ----

    def _spec(self) -> dict:
        """item_bytes, chunk_bytes, block_bytes, steps as (name, params) pairs, split, ..."""
        cdef const _c.tsr_schunk_spec *s
        cdef bint there
        with nogil:
            there = self.for_reading()
        try:  # the spec lives as long as nobody changes the handle
            if not there:
                self.done(CLOSED)
            s = _c.tsr_schunk_spec_of(self.s)
            return {"item_bytes": s.item_bytes, "chunk_bytes": s.chunk_bytes,
                    "block_bytes": s.block_bytes, "steps": steps_of(s.steps, s.nsteps),
                    "split": s.split, "checksum": bool(s.checksum), "variable": bool(s.variable)}
        finally:
            pthread_rwlock_unlock(&self.lock)

    @property
    def nchunks(self) -> int:
        """Number of chunks."""
        cdef int64_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                n = _c.tsr_schunk_nchunks(self.s)
                rc = _c.TSR_OK
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return n

    @property
    def typesize(self) -> int:
        """Bytes of one item."""
        return self.item_bytes

    @property
    def change_tick(self) -> int:
        """A number that grows whenever the file was found changed by others."""
        cdef int64_t tick = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                tick = _c.tsr_schunk_change_tick(self.s)
                rc = _c.TSR_OK
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return tick

    def __len__(self):
        return self.nitems()

    cdef int64_t nitems(self) except -1:
        cdef int64_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                n = _c.tsr_schunk_nitems(self.s)
                rc = _c.TSR_OK
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return n

    # ---- items ----

    cdef bytes items(self, Py_ssize_t start, Py_ssize_t stop, bint one):
        """Items start .. stop - 1, or the one at start, as NumPy clips them."""
        cdef bytes out
        cdef char *p
        cdef Py_ssize_t have, n
        cdef int rc
        self.hold()
        try:
            have = _c.tsr_schunk_nitems(self.s)
            if one:
                start += have if start < 0 else 0
                n = 0 <= start < have
            else:
                n = PySlice_AdjustIndices(have, &start, &stop, 1)
            if n == 0:
                return b""
            out = PyBytes_FromStringAndSize(NULL, n * self.item_bytes)
            p = PyBytes_AS_STRING(out)
            with nogil:
                rc = _c.tsr_schunk_get(self.s, start, n, p)
        finally:
            pthread_rwlock_unlock(&self.lock)
        check(rc)
        return out

    def __getitem__(self, key):
        """Items as bytes: `s[3]`, `s[10:20]`.

        Bounds are clipped as NumPy does; an integer outside gives no bytes.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(data=b"abcdefgh")
        >>> s[2:5], s[-1], s[100]
        (b'cde', b'h', b'')
        """
        cdef Py_ssize_t start, stop, step
        if not isinstance(key, slice):
            return self.items(PyNumber_AsSsize_t(key, IndexError), 0, True)
        PySlice_Unpack(key, &start, &stop, &step)
        if step != 1:
            raise IndexError(f"step {step}: super-chunks are read and written in steps of 1")
        return self.items(start, stop, False)

    def __setitem__(self, key, value):
        """Items from a buffer that holds at least as many; those past the end are appended.

        Raises
        ------
        IndexError
            A step, or an integer outside.
        ValueError
            The buffer is too short, the slice begins behind the end or ends before it begins, or
            the handle is for reading.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(data=b"abcd")
        >>> s[2:6] = b"WXYZ"
        >>> s[:]
        b'abWXYZ'
        """
        cdef int64_t have = self.nitems(), start, stop
        self.may_change()
        if not isinstance(key, slice):
            start = PyNumber_AsSsize_t(key, IndexError)
            if start < 0:
                start += have
            if not 0 <= start < have:
                raise IndexError(f"item {key}: the super-chunk has {have}")
            self._set(start, 1, value)
            return
        if key.step is not None and key.step != 1:
            raise IndexError(f"step {key.step}: super-chunks are read and written in steps of 1")
        start = 0 if key.start is None else key.start
        stop = have if key.stop is None else key.stop
        if start < 0:
            start += have
        if stop < 0:
            stop += have
        if not 0 <= start <= have or stop < start:
            raise ValueError(f"items {key.start} to {key.stop}: the super-chunk has {have}")
        self._set(start, stop - start, value)

    def get_slice(self, start=0, stop=None, out=None):
        """Items start .. stop - 1, as bytes or into a buffer.

        Parameters
        ----------
        start, stop : int, optional
            Items; bounds are clipped as NumPy does.
        out : buffer, optional
            Contiguous and writable; filled from its beginning.

        Returns
        -------
        bytes or None
            None when `out` was filled.

        Raises
        ------
        ValueError
            `out` is too small.

        Examples
        --------
        >>> import tessera
        >>> s = tessera.SChunk(data=b"abcdefgh")
        >>> s.get_slice(2, 4)
        b'cd'
        >>> out = bytearray(3)
        >>> s.get_slice(start=5, out=out)
        >>> out
        bytearray(b'fgh')
        """
        cdef Py_ssize_t at, end, step, n
        PySlice_Unpack(slice(start, stop), &at, &end, &step)
        if out is None:
            return self.items(at, end, False)
        n = PySlice_AdjustIndices(self.nitems(), &at, &end, 1)
        if n == 0:
            return b""
        self._get_into(at, n, out)

    def _get_into(self, int64_t start, int64_t n, out):
        """Items start .. start + n - 1 at the beginning of a writable buffer."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if view.len < n * self.item_bytes:
                raise ValueError(f"Not enough space: out holds {view.len} bytes, the items are "
                                 f"{n * self.item_bytes}")
            with nogil:
                if self.for_reading():
                    rc = _c.tsr_schunk_get(self.s, start, n, view.buf)
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyBuffer_Release(&view)
        self.done(rc)

    def _set(self, int64_t start, int64_t n, value):
        """Items start .. start + n - 1 become the first ones of value; past the end they are new."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        self.may_change()
        readable(value, &view)
        try:
            if view.len < n * self.item_bytes:
                raise ValueError(f"value holds {view.len} bytes, the items are "
                                 f"{n * self.item_bytes}")
            with nogil:
                if self.for_changes():
                    rc = _c.tsr_schunk_set(self.s, start, n, view.buf)
                self.unlock_changed(rc)
        finally:
            PyBuffer_Release(&view)
        self.changed(rc)

    def _append(self, value):
        """All items of value at the end."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        self.may_change()
        readable(value, &view)
        try:
            if view.len % self.item_bytes:
                raise ValueError(f"value holds {view.len} bytes, no multiple of the "
                                 f"item's {self.item_bytes}")
            with nogil:
                if self.for_changes():
                    rc = _c.tsr_schunk_append(self.s, view.len // self.item_bytes, view.buf)
                self.unlock_changed(rc)
        finally:
            PyBuffer_Release(&view)
        self.changed(rc)

    # ---- chunks ----

    def _chunk_bytes(self, int64_t i) -> int:
        """Decoded size of chunk i."""
        cdef int64_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                rc = _c.tsr_schunk_chunk_bytes(self.s, i, &n)
            pthread_rwlock_unlock(&self.lock)
        self.acceptable(rc)
        return n

    def _read_chunk(self, int64_t i) -> bytes:
        """Chunk i, decoded."""
        cdef bytes out = PyBytes_FromStringAndSize(NULL, self._chunk_bytes(i))
        cdef char *p = PyBytes_AS_STRING(out)
        cdef size_t n = len(out)
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                rc = _c.tsr_schunk_read_chunk(self.s, i, p, n)
            pthread_rwlock_unlock(&self.lock)
        self.acceptable(rc)
        return out

    def _read_chunk_into(self, int64_t i, dst):
        """The same at the beginning of a writable buffer."""
        cdef Py_buffer view
        cdef int64_t n = self._chunk_bytes(i)
        cdef int rc = CLOSED
        PyObject_GetBuffer(dst, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if view.len == 0:
                raise ValueError("dst is empty")
            if view.len < n:
                raise RuntimeError(f"dst holds {view.len} bytes, chunk {i} {n}")
            with nogil:
                if self.for_reading():
                    rc = _c.tsr_schunk_read_chunk(self.s, i, view.buf, n)
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyBuffer_Release(&view)
        self.acceptable(rc)

    cdef int acceptable(self, int rc) except -1:
        """After a call about one chunk: one that is not there or does not fit is a RuntimeError."""
        if rc == _c.TSR_EARG:
            raise RuntimeError((<bytes>_c.tsr_error()).decode("utf-8", "replace"))
        return self.done(rc)

    def _put_chunk(self, int64_t i, bint insert, bint compressed, value):
        """value becomes chunk i, or is put before it; compressed: it is a chunk already.

        Before chunk -1: at the end, wherever that is when the lock is held.
        """
        cdef Py_buffer view
        cdef int rc = CLOSED
        cdef bint there
        self.may_change()
        readable(value, &view)
        try:
            with nogil:
                there = self.for_changes()
                if there and insert and i == -1:
                    i = _c.tsr_schunk_nchunks(self.s)
                if not there:
                    pass
                elif compressed and insert:
                    rc = _c.tsr_schunk_insert_compressed(self.s, i, view.buf, view.len)
                elif compressed:
                    rc = _c.tsr_schunk_update_compressed(self.s, i, view.buf, view.len)
                elif insert:
                    rc = _c.tsr_schunk_insert_chunk(self.s, i, view.buf, view.len)
                else:
                    rc = _c.tsr_schunk_update_chunk(self.s, i, view.buf, view.len)
                self.unlock_changed(rc)
        finally:
            PyBuffer_Release(&view)
        if compressed:
            self.acceptable(rc)
        self.changed(rc)

    def _delete_chunk(self, int64_t i):
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = _c.tsr_schunk_delete_chunk(self.s, i)
            self.unlock_changed(rc)
        self.acceptable(rc)
        self.changed(rc)

    cdef int for_settled(self) noexcept nogil:
        """Takes the lock to read chunks as they are stored, and gives a status in its place.

        A last chunk that waits for more items is encoded first: then it has a header.
        """
        if not self.for_reading():
            return CLOSED
        if not self.pending:
            return _c.TSR_OK
        pthread_rwlock_unlock(&self.lock)
        if not self.alone():
            return CLOSED
        return _c.tsr_schunk_settle(self.s) if self.pending else _c.TSR_OK

    def _get_chunk(self, int64_t i, bint lazy=False) -> bytes:
        """Chunk i as it is stored; lazy: its header and where its blocks are."""
        cdef void *buf = NULL
        cdef size_t n = 0
        cdef int rc
        with nogil:
            rc = self.for_settled()
            if rc == _c.TSR_OK and lazy:
                rc = _c.tsr_schunk_lazy_chunk(self.s, i, &buf, &n)
            elif rc == _c.TSR_OK:
                rc = _c.tsr_schunk_get_chunk(self.s, i, &buf, &n)
            pthread_rwlock_unlock(&self.lock)
        self.acceptable(rc)
        return taken(buf, n)

    def _chunk_info(self, int64_t i) -> tuple:
        """(decoded bytes, stored bytes, special) of chunk i."""
        cdef _c.tsr_chunk_facts f
        cdef int rc
        memset(&f, 0, sizeof(f))
        f.size = sizeof(f)
        with nogil:
            rc = self.for_settled()
            if rc == _c.TSR_OK:
                rc = _c.tsr_schunk_chunk_info(self.s, i, &f)
            pthread_rwlock_unlock(&self.lock)
        self.acceptable(rc)
        return f.nbytes, f.cbytes, f.special

    def _special(self, int64_t i, int64_t nitems, int special, bytes value):
        """A chunk of one value takes the place of chunk i; i = -1: nitems into an empty one."""
        cdef const char *p = NULL if value is None else <const char *>value
        cdef int rc = CLOSED
        self.may_change()
        if value is not None and len(value) != self.item_bytes:
            raise ValueError(f"value: found {len(value)} bytes, an item has {self.item_bytes}")
        with nogil:
            if not self.for_changes():
                pass
            elif i < 0:
                rc = _c.tsr_schunk_fill_special(self.s, nitems, special, p)
            else:
                rc = _c.tsr_schunk_update_special(self.s, i, special, p)
            self.unlock_changed(rc)
        self.changed(rc)

    def _reorder(self, order):
        cdef int64_t n = len(order), i
        cdef int rc = CLOSED
        cdef bint fits = True
        cdef int64_t *p
        self.may_change()
        p = <int64_t *>PyMem_Calloc(n + 1, sizeof(int64_t))
        if p == NULL:
            raise MemoryError
        try:
            for i in range(n):
                p[i] = order[i]
            with nogil:
                if self.for_changes():
                    fits = n == _c.tsr_schunk_nchunks(self.s)
                    rc = _c.tsr_schunk_reorder(self.s, p) if fits else _c.TSR_OK
                self.unlock_changed(rc)
        finally:
            PyMem_Free(p)
        if not fits:
            raise ValueError(f"order: found {n} numbers, expected one for each chunk")
        self.changed(rc)

    def _copy(self, url, SchunkSpec spec, *, str mode="w", **options):
        """A new handle of a copy at url (None: in memory), as spec says where it says something."""
        cdef SuperChunk new = type(self).__new__(type(self))
        cdef Options o = Options(mode=mode, **options)
        cdef bytes b = b"" if url is None else path_bytes(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef int rc = CLOSED
        if self.aside:
            self.catch_up()
        with nogil:
            if self.alone():  # what is pending is encoded
                rc = _c.tsr_schunk_copy(self.s, u, &spec.s, &o.o, &new.s)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        new.created(url, mode, options)
        return new

    # ---- other programs ----

    def _lock(self):
        """Keeps other programs out until `_unlock`; the handle is up to date then."""
        cdef int rc = CLOSED
        with nogil:
            if self.alone():
                rc = _c.tsr_schunk_lock(self.s)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        self.look()

    def _unlock(self):
        """Writes what is pending and lets others in."""
        cdef int rc = CLOSED
        with nogil:
            if self.alone():
                rc = _c.tsr_schunk_unlock(self.s)
                if rc == _c.TSR_OK:
                    self.pending = False
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
