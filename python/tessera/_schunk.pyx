# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""The handle of a super-chunk: items and chunks, read and changed in C."""
import os

from cpython.buffer cimport (PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release,
                             PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport int64_t

from tessera cimport _c
from tessera._engine cimport (CLOSED, Handle, Options, SchunkSpec, check, pthread_rwlock_unlock,
                              taken)

from tessera._engine import flush_path


cdef class SuperChunk(Handle):
    """A growable sequence of items in compressed chunks."""

    # ---- from and to the outside ----

    @classmethod
    def _open(cls, str url, *, str mode="r", **options):
        """Opens what is at url; mode: "r" or "a"."""
        cdef SuperChunk self = cls.__new__(cls)
        cdef Options o = Options(mode="r" if mode == "r" else "r+", **options)
        cdef bytes b = os.fsencode(url)
        cdef const char *u = b
        cdef int rc
        flush_path(url)
        with nogil:
            rc = _c.tsr_schunk_open(u, &o.o, &self.s)
        check(rc)
        self.opened(url, mode, mode != "r", options.get("locking", False))
        return self

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
        cdef bytes b = b"" if url is None else os.fsencode(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef int rc
        if self.is_open:
            raise ValueError("the super-chunk is open already")
        with nogil:
            rc = _c.tsr_schunk_create(u, &spec.s, &o.o, &self.s)
        check(rc)
        self.created(url, mode, options.get("locking", False))

    cdef int c_close(self) noexcept nogil:
        return _c.tsr_schunk_close(self.s)

    cdef void c_drop(self) noexcept nogil:
        _c.tsr_schunk_drop(self.s)

    cdef int c_flush(self, bint durable) noexcept nogil:
        return _c.tsr_schunk_sync(self.s) if durable else _c.tsr_schunk_flush(self.s)

    cdef int c_refresh(self, _c.cbool *changed) noexcept nogil:
        return _c.tsr_schunk_refresh(self.s, changed)

    cdef int c_stats(self, _c.tsr_stats *out) noexcept nogil:
        return _c.tsr_schunk_stats(self.s, out)

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

    # ---- facts ----

    def _spec(self) -> dict:
        """item_bytes, chunk_bytes, block_bytes, steps as (name, params) pairs, split, ..."""
        cdef const _c.tsr_schunk_spec *s
        if not self.is_open:
            self.done(CLOSED)
        s = _c.tsr_schunk_spec_of(self.s)
        steps = [((<bytes>s.steps[i].name).decode(),
                  (<bytes>s.steps[i].params).decode() if s.steps[i].params != NULL else "")
                 for i in range(s.nsteps)]
        return {"item_bytes": s.item_bytes, "chunk_bytes": s.chunk_bytes,
                "block_bytes": s.block_bytes, "steps": steps, "split": s.split,
                "checksum": bool(s.checksum), "variable": bool(s.variable)}

    @property
    def nchunks(self) -> int:
        """Number of chunks."""
        if not self.is_open:
            self.done(CLOSED)
        return _c.tsr_schunk_nchunks(self.s)

    def __len__(self):
        if not self.is_open:
            self.done(CLOSED)
        return _c.tsr_schunk_nitems(self.s)

    # ---- items ----

    def _get(self, int64_t start, int64_t n, int64_t item_bytes) -> bytes:
        """Items start .. start + n - 1."""
        cdef bytes out = PyBytes_FromStringAndSize(NULL, n * item_bytes)
        cdef char *p = PyBytes_AS_STRING(out)
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                rc = _c.tsr_schunk_get(self.s, start, n, p)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return out

    def _get_into(self, int64_t start, int64_t n, int64_t item_bytes, out):
        """The same at the beginning of a writable buffer."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if view.len < n * item_bytes:
                raise ValueError(f"out holds {view.len} bytes, the items are {n * item_bytes}")
            with nogil:
                if self.for_reading():
                    rc = _c.tsr_schunk_get(self.s, start, n, view.buf)
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyBuffer_Release(&view)
        self.done(rc)

    def _set(self, int64_t start, int64_t n, int64_t item_bytes, value):
        """Items start .. start + n - 1 become the first ones of value; past the end they are new."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        self.may_change()
        PyObject_GetBuffer(value, &view, PyBUF_C_CONTIGUOUS)
        try:
            if view.len < n * item_bytes:
                raise ValueError(f"value holds {view.len} bytes, the items are {n * item_bytes}")
            with nogil:
                if self.for_changes():
                    rc = _c.tsr_schunk_set(self.s, start, n, view.buf)
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyBuffer_Release(&view)
        self.changed(rc)

    def _append(self, int64_t item_bytes, value):
        """All items of value at the end."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        self.may_change()
        PyObject_GetBuffer(value, &view, PyBUF_C_CONTIGUOUS)
        try:
            if view.len % item_bytes:
                raise ValueError(f"value holds {view.len} bytes, no multiple of the "
                                 f"item's {item_bytes}")
            with nogil:
                if self.for_changes():
                    rc = _c.tsr_schunk_append(self.s, view.len // item_bytes, view.buf)
                pthread_rwlock_unlock(&self.lock)
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
        self.done(rc)
        return n

    def _read_chunk_into(self, int64_t i, int64_t nbytes, out):
        """Chunk i of nbytes decoded bytes at the beginning of a writable buffer."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if view.len < nbytes:
                raise ValueError(f"dst holds {view.len} bytes, the chunk {nbytes}")
            with nogil:
                if self.for_reading():
                    rc = _c.tsr_schunk_read_chunk(self.s, i, view.buf, nbytes)
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyBuffer_Release(&view)
        self.done(rc)

    def _put_chunk(self, int64_t i, bint insert, bint compressed, value):
        """value becomes chunk i, or is put before it; compressed: it is a chunk already."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        self.may_change()
        PyObject_GetBuffer(value, &view, PyBUF_C_CONTIGUOUS)
        try:
            with nogil:
                if not self.for_changes():
                    pass
                elif compressed and insert:
                    rc = _c.tsr_schunk_insert_compressed(self.s, i, view.buf, view.len)
                elif compressed:
                    rc = _c.tsr_schunk_update_compressed(self.s, i, view.buf, view.len)
                elif insert:
                    rc = _c.tsr_schunk_insert_chunk(self.s, i, view.buf, view.len)
                else:
                    rc = _c.tsr_schunk_update_chunk(self.s, i, view.buf, view.len)
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyBuffer_Release(&view)
        self.changed(rc)

    def _delete_chunk(self, int64_t i):
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = _c.tsr_schunk_delete_chunk(self.s, i)
            pthread_rwlock_unlock(&self.lock)
        self.changed(rc)

    def _get_chunk(self, int64_t i) -> bytes:
        """The compressed chunk i."""
        cdef void *buf = NULL
        cdef size_t n = 0
        cdef int rc = CLOSED
        if self.pending:
            self.flush()  # a last chunk that waits for more items is encoded
        with nogil:
            if self.for_reading():
                rc = _c.tsr_schunk_get_chunk(self.s, i, &buf, &n)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return taken(buf, n)

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
                pthread_rwlock_unlock(&self.lock)
        finally:
            PyMem_Free(p)
        if not fits:
            raise ValueError(f"order: found {n} numbers, expected one for each chunk")
        self.changed(rc)

    def _copy(self, url, SchunkSpec spec, *, str mode="w", **options):
        """A new handle of a copy at url (None: in memory), as spec says where it says something."""
        cdef SuperChunk new = type(self).__new__(type(self))
        cdef Options o = Options(mode=mode, **options)
        cdef bytes b = b"" if url is None else os.fsencode(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef int rc = CLOSED
        with nogil:
            if self.for_changes():  # what is pending is encoded
                rc = _c.tsr_schunk_copy(self.s, u, &spec.s, &o.o, &new.s)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        new.created(url, mode, options.get("locking", False))
        return new
