# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""The handle of an array: opened, created, read and written in C.

Keys that NumPy calls basic (whole numbers, slices, an ellipsis, new axes) are taken apart here and
go to the engine as one box with steps.  Other keys are for `tessera.index`, the rest of the surface
for `tessera.ndarray`.
"""
import ast
import contextlib
import os

cimport numpy as cnp
from cpython.buffer cimport (PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release,
                             PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.number cimport PyIndex_Check, PyNumber_AsSsize_t
from cpython.slice cimport PySlice_AdjustIndices, PySlice_Unpack
from libc.stdlib cimport free
from libc.string cimport memcpy, memset, strdup, strlen, strncmp

import numpy as np

from tessera cimport _c
from tessera._engine cimport (CLOSED, MOVED, Handle, Options, Spec, check, place_of,
                              pthread_rwlock_unlock, steps_of, stop_below, stopped, taken, turn_of)
from tessera._group cimport GroupHandle
from tessera._memory cimport empty

from tessera import loose
from tessera._engine import LimitError, name_bytes, path_bytes, way

cnp.import_array()


cdef int LENGTHS_MOST = 1 << 24  # chunks along an axis that are told one by one


cdef object parse_lengths(str text, _c.int64_t length):
    """The lengths of chunks along an axis of this length from "4+3x2"; of equal ones a number."""
    runs = [(int(edge), int(n or 1)) for edge, _, n in (run.partition("x") for run in text.split("+"))]
    if len(runs) == 1 and runs[0][1] == 1:
        return runs[0][0]
    if sum(n for _, n in runs) > LENGTHS_MOST:
        raise LimitError(f"more than {LENGTHS_MOST} chunks along an axis")
    out = []
    for edge, n in runs:
        out += [edge] * n
    return tuple(out)


def parse_dtype(str text) -> np.dtype:
    """The dtype of a NumPy spelling, as files keep it: "<f8", "[('x', '<i4'), ('y', '<i4')]"."""
    if is_loose(text):
        return np.dtype(object)
    return np.dtype(ast.literal_eval(text) if text[0] in "[{(" else text)


cdef bint is_loose(str text):
    """Whether it is what the engine calls items of variable length."""
    return text in ("string", "bytes", "json") or text.startswith("array(")


cdef object items_in(_c.tsr_items *items, str kind):
    """What was read, as an array of objects of one dimension; the memory is given back."""
    try:
        offsets = np.frombuffer(PyBytes_FromStringAndSize(<const char *>items.offsets,
                                                          8 * (items.n + 1)), np.uint64)
        data = PyBytes_FromStringAndSize(<const char *>items.bytes, offsets[items.n])
    finally:
        _c.tsr_items_free(items)
    return loose.unpack(offsets, data, kind)


cdef object items_of(object values, str kind, _c.tsr_items *out):
    """*out of an array of objects; what it points to is in what is returned."""
    cdef cnp.ndarray offsets
    cdef bytes data
    offsets, data = loose.pack(values, kind)
    out.size = sizeof(_c.tsr_items)
    out.n = (<object>offsets).size - 1
    out.offsets = <const _c.uint64_t *>cnp.PyArray_DATA(offsets)
    out.bytes = PyBytes_AS_STRING(data)
    return offsets, data


cdef class Array(Handle):
    """A chunked, compressed N-dimensional array."""

    # ---- from and to the outside ----

    @classmethod
    def _open(cls, str url, *, str mode="r", **options):
        """Opens what is at url; mode: "r" or "a"."""
        cdef Array self = cls.__new__(cls)
        cdef Options o = Options(mode="r" if mode == "r" else "r+", **options)
        cdef bytes b = path_bytes(url)
        cdef const char *u = b
        cdef int rc
        with way(url, mode):
            with nogil:
                rc = _c.tsr_array_open(u, &o.o, &self.a)
            check(rc)
            self.opened(url, mode, mode != "r", options.get("locking", False))
            self.keep_options(options)
        return self

    @classmethod
    def _create(cls, url, Spec spec, *, str mode="w", **options):
        """A new array at url (None: in memory); mode "x" refuses to replace."""
        cdef Array self = cls.__new__(cls)
        cdef Options o = Options(mode=mode, **options)
        cdef bytes b = b"" if url is None else path_bytes(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef list old
        cdef int rc
        with contextlib.nullcontext() if url is None else turn_of(place_of(url)):
            old = stop_below(url) if url is not None and mode == "w" else []
            with nogil:
                rc = _c.tsr_array_create(u, &spec.s, &o.o, &self.a)
            stopped(old, rc >= 0 and bool(old) and self.in_place(place_of(url)))
            check(rc)
            self.created(url, mode, options)
        return self

    @classmethod
    def _open_in(cls, GroupHandle g, str path, str url, **options):
        """Opens the array at path of a group, whose url it has."""
        cdef Array self = cls.__new__(cls)
        cdef Options o = Options(remote=g.remote, **options)
        cdef bytes b = name_bytes(path)
        cdef const char *p = b
        cdef int rc
        with way(url, "a" if g.writable else "r"):
            with g.lock:
                g.c_done(0)
                with nogil:
                    rc = _c.tsr_group_open_array(g.g, p, &o.o, &self.a)
            check(rc)
            self.pid = g.pid  # who may not change the group may not change what is in it
            self.opened(url, "a" if g.writable else "r", g.writable, False)
            self.keep_options({**options, "remote": g.remote})
        return self

    @classmethod
    def _create_in(cls, GroupHandle g, str path, str url, Spec spec, *, str mode="x", **options):
        """A new array at path of a group; mode "w": in the place of what is there."""
        cdef Array self = cls.__new__(cls)
        cdef Options o = Options(mode=mode, remote=g.remote, **options)
        cdef bytes b = name_bytes(path)
        cdef const char *p = b
        cdef list old
        cdef int rc
        with turn_of(place_of(url)):
            old = stop_below(url) if mode == "w" else []
            with g.lock:
                try:
                    g.may_change()
                    with nogil:
                        rc = _c.tsr_group_create_array(g.g, p, &spec.s, &o.o, &self.a)
                except BaseException:
                    stopped(old, False)
                    raise
            stopped(old, rc >= 0 and bool(old) and self.in_place(place_of(url)))
            check(rc)
            self.created(url, mode, {**options, "remote": g.remote})
        self.mode = "a"
        return self

    @classmethod
    def _from_frame(cls, frame, bint copy=True, **options):
        """The array in a contiguous frame in memory.  Not copied: it is used in place, for reading."""
        cdef Array self = cls.__new__(cls)
        cdef Options o = Options(**options)
        cdef Py_buffer view
        cdef int rc, flags = 0 if copy else _c.TSR_BORROW
        PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
        with nogil:
            rc = _c.tsr_array_from_frame(view.buf, view.len, flags, &o.o, &self.a)
        if rc >= 0 and not copy:
            self.borrowed = memoryview(frame)  # keeps the bytes where they are
        PyBuffer_Release(&view)
        check(rc)
        self.opened(None, "a" if copy else "r", copy, False)
        return self

    cdef int look(self) except -1:
        """What the engine says that the array is.

        Copied while the lock is held: a change by another thread ends what tsr_array_spec gave.
        Where another one looked meanwhile, the newer of both is not known: once more.
        """
        cdef const _c.tsr_spec *s
        cdef _c.int64_t before = self.looks
        cdef _c.int64_t dims[3][32]
        cdef _c.int64_t item_bytes = 0
        cdef int d, ndim = 0, rc = CLOSED
        cdef char *zarr = NULL
        with nogil:
            if self.for_reading():
                s = _c.tsr_array_spec(self.a)
                ndim = s.ndim
                item_bytes = s.item_bytes
                for d in range(ndim):
                    dims[0][d], dims[1][d], dims[2][d] = s.shape[d], s.chunks[d], s.blocks[d]
                if s.zarr != NULL and strncmp(s.zarr, "edges=", 6) == 0:
                    zarr = strdup(s.zarr + 6)
                rc = _c.TSR_OK
            pthread_rwlock_unlock(&self.lock)
        if self.looks != before:
            free(zarr)
            return self.look()
        self.done(rc)
        self.looks += 1
        self.edges = self.lengths = None
        if zarr != NULL:
            self.edges = (<bytes>zarr).decode().partition(",")[0]
            free(zarr)
        if self.dtype is None:  # new: nobody else has it yet
            text = (<bytes>s.dtype).decode()
            self.dtype = parse_dtype(text)
            self.item_kind = text if is_loose(text) else None
        self.ndim = ndim
        self.item_bytes = item_bytes
        for d in range(ndim):
            self.dims[d] = dims[0][d]
        self.shape = tuple([dims[0][d] for d in range(ndim)])
        self._longest = tuple([dims[1][d] for d in range(ndim)])
        self.blocks = tuple([dims[2][d] for d in range(ndim)])
        return 0

    @property
    def chunks(self) -> tuple:
        """Items along each dimension of what is stored as one.

        Along an axis whose chunks are not alike a tuple of their lengths.
        """
        if self.lengths is None:
            if self.edges is None:
                return self._longest
            axes = self.edges.split(";")
            self.lengths = tuple([parse_lengths(axes[d], self.dims[d]) for d in range(self.ndim)])
        return self.lengths

    cdef bint in_place(self, str place) except -1:
        """So it is of Zarr, but in a zip archive."""
        if strncmp(_c.tsr_array_format(self.a), "zarr", 4) != 0:
            return False
        return "://" in place or not ("#" in place or os.path.isfile(place))

    cdef int c_close(self) noexcept nogil:
        return _c.tsr_array_close(self.a)

    cdef void c_drop(self) noexcept nogil:
        _c.tsr_array_drop(self.a)

    cdef int c_flush(self, bint durable) noexcept nogil:
        return _c.tsr_array_sync(self.a) if durable else _c.tsr_array_flush(self.a)

    cdef int c_reopen(self, const char *url, const _c.tsr_options *o) noexcept nogil:
        cdef _c.tsr_array *new = NULL
        cdef int rc = _c.tsr_array_open(url, o, &new)
        if rc >= 0:
            _c.tsr_array_drop(self.a)  # it was flushed
            self.a = new
        return rc

    cdef int c_refresh(self, _c.cbool *changed) noexcept nogil:
        return _c.tsr_array_refresh(self.a, changed)

    cdef int c_stats(self, _c.tsr_stats *out) noexcept nogil:
        return _c.tsr_array_stats(self.a, out)

    cdef int c_cparams(self, _c.tsr_cparams_info *out) noexcept nogil:
        return _c.tsr_array_cparams(self.a, out)

    cdef int c_to_frame(self, void **buf, size_t *n) noexcept nogil:
        return _c.tsr_array_to_frame(self.a, buf, n)

    cdef int c_meta_count(self, _c.tsr_meta_kind kind) noexcept nogil:
        return _c.tsr_array_meta_count(self.a, kind)

    cdef const char *c_meta_name(self, _c.tsr_meta_kind kind, int i) noexcept nogil:
        return _c.tsr_array_meta_name(self.a, kind, i)

    cdef int c_meta_get(self, _c.tsr_meta_kind kind, const char *name, void **buf,
                        size_t *n) noexcept nogil:
        return _c.tsr_array_meta_get(self.a, kind, name, buf, n)

    cdef int c_meta_set(self, _c.tsr_meta_kind kind, const char *name, const void *buf,
                        size_t n) noexcept nogil:
        return _c.tsr_array_meta_set(self.a, kind, name, buf, n)

    cdef int c_meta_remove(self, const char *name) noexcept nogil:
        return _c.tsr_array_meta_remove(self.a, name)

    # ---- boxes ----

    cdef bint box(self, object key, Box *b) except -1:
        """Whether key is a basic one; then it is taken apart in *b."""
        cdef tuple keys = <tuple>key if type(key) is tuple else (key,)
        cdef int n = len(keys), i, d = 0, given = 0, dots = -1
        cdef object k
        for i in range(n):
            k = keys[i]
            if k is Ellipsis:
                if dots >= 0:
                    raise IndexError("an index can only have a single ellipsis ('...')")
                dots = i
            elif k is None:
                pass
            elif type(k) is slice:
                given += 1
            elif type(k) is int or is_number(k):
                given += 1
            else:
                return False
        if given > self.ndim:
            raise IndexError(f"too many indices for array: array is {self.ndim}-dimensional, "
                             f"but {given} were indexed")
        b.ndim = 0
        b.nitems = 1
        memcpy(b.shape, self.dims, sizeof(b.shape))
        for i in range(n):
            k = keys[i]
            if k is Ellipsis:
                for _ in range(self.ndim - given):
                    self.whole(d, b)
                    d += 1
            elif k is None:
                if b.ndim >= 64:  # NumPy's limit; the axes of the array may still follow
                    raise IndexError("too many dimensions")
                b.dims[b.ndim] = 1
                b.ndim += 1
            elif type(k) is slice:
                self.part(d, k, b)
                d += 1
            else:
                self.at(d, k, b)
                d += 1
        while d < self.ndim:
            self.whole(d, b)
            d += 1
        if b.ndim > 64:
            raise IndexError("too many dimensions")
        return True

    cdef int whole(self, int d, Box *b) except -1:
        b.start[d] = 0
        b.step[d] = 1
        b.count[d] = b.dims[b.ndim] = b.shape[d]
        b.nitems *= b.shape[d]
        b.axis[d] = b.ndim
        b.ndim += 1
        return 0

    cdef int part(self, int d, slice k, Box *b) except -1:
        cdef Py_ssize_t start, stop, step
        PySlice_Unpack(k, &start, &stop, &step)
        b.count[d] = PySlice_AdjustIndices(b.shape[d], &start, &stop, step)
        b.start[d] = start
        b.step[d] = step
        b.dims[b.ndim] = b.count[d]
        b.nitems *= b.count[d]
        b.axis[d] = b.ndim
        b.ndim += 1
        return 0

    cdef int at(self, int d, object k, Box *b) except -1:
        cdef Py_ssize_t i = PyNumber_AsSsize_t(k, IndexError)
        if i < -b.shape[d] or i >= b.shape[d]:
            raise IndexError(f"index {i} is out of bounds for axis {d} with size {b.shape[d]}")
        b.start[d] = i + b.shape[d] if i < 0 else i
        b.step[d] = b.count[d] = 1
        b.axis[d] = -1
        return 0

    cdef bint has_shape(self, const _c.int64_t *shape) noexcept nogil:
        """With the lock held: whether the shape is the one that a selection was made for."""
        cdef const _c.tsr_spec *s = _c.tsr_array_spec(self.a)
        cdef int d
        for d in range(s.ndim):
            if s.shape[d] != shape[d]:
                return False
        return True

    cdef bint read(self, Box *b, void *dst) except -1:
        """False, and nothing is read, when another thread changed the shape: make b anew."""
        cdef _c.tsr_slice s
        cdef int rc = CLOSED
        s.start, s.count, s.step = b.start, b.count, b.step
        with nogil:
            if self.for_reading():
                rc = MOVED
                if self.has_shape(b.shape):
                    rc = _c.tsr_array_read(self.a, &s, dst, b.nitems * self.item_bytes)
            pthread_rwlock_unlock(&self.lock)
        if rc == MOVED:
            self.look()
            return False
        self.done(rc)
        return True

    cdef int write(self, const _c.tsr_slice *s, const void *src,
                   const _c.int64_t *stride) except -1:
        cdef int rc = CLOSED
        with nogil:
            if self.for_changes():
                rc = _c.tsr_array_write_strided(self.a, s, src, stride)
            self.unlock_changed(rc)
        return self.changed(rc)

    cdef int newest(self) except -1:
        """Before a key is taken apart: the shape is the one that a read will see."""
        if not self.is_open or self.gone:
            self.done(CLOSED)
        if self.aside:
            self.catch_up()
        return 0

    def __getitem__(self, key):
        """The items of a key, as NumPy gives them (one item: an array of no dimensions).

        Examples
        --------
        >>> import tessera
        >>> a = tessera.arange(12, shape=(3, 4))
        >>> a[1:, ::2]
        array([[ 4,  6],
               [ 8, 10]])
        >>> a[2, 1]
        array(9)
        """
        out = self.get_box(key)
        return self._get_other(key) if out is NotImplemented else out

    def _get_box(self, key):
        """What a basic key selects as a new numpy array; NotImplemented for other keys."""
        return self.get_box(key)

    cdef object get_box(self, object key):
        out = None
        while out is None:
            out = self.try_box(key)
        return out

    cdef object try_box(self, object key):
        """The same; None when another thread changed the shape meanwhile."""
        cdef Box b
        cdef cnp.ndarray out
        self.newest()
        if not self.box(key, &b):
            return NotImplemented
        if self.item_kind is not None:
            return self.get_items(&b)
        out = empty(self.dtype, b.ndim, b.dims)
        if b.nitems and self.item_bytes and not self.read(&b, cnp.PyArray_DATA(out)):
            return None
        return out

    def _cbytes(self) -> int:
        """Stored bytes, which of Zarr arrays are looked up; -1: they are far."""
        cdef _c.int64_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                rc = _c.tsr_array_cbytes(self.a, &n)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return n

    cdef object get_items(self, Box *b):
        """The same of items of variable length."""
        cdef _c.tsr_slice s
        cdef _c.tsr_items items
        cdef int rc = CLOSED, d
        items.size = sizeof(items)
        s.start, s.count, s.step = b.start, b.count, b.step
        with nogil:
            if self.for_reading():
                rc = MOVED
                if self.has_shape(b.shape):
                    rc = _c.tsr_array_read_items(self.a, &s, &items)
            pthread_rwlock_unlock(&self.lock)
        if rc == MOVED:
            self.look()
            return None
        self.done(rc)
        return items_in(&items, self.item_kind).reshape([b.dims[d] for d in range(b.ndim)])

    cdef int set_items(self, Box *b, object value) except -1:
        cdef _c.tsr_slice s
        cdef _c.tsr_items items
        cdef int rc = CLOSED, d
        v = loose.objects(value, self.item_kind)
        if v.size != 1:
            v = broadcast(v, tuple([b.dims[d] for d in range(b.ndim)]))
        kept = items_of(v, self.item_kind, &items)
        s.start, s.count, s.step = b.start, b.count, b.step
        with nogil:
            if self.for_changes():
                rc = _c.tsr_array_write_items(self.a, &s, &items)
            self.unlock_changed(rc)
        return self.changed(rc)

    cdef int fixed(self) except -1:
        if self.item_kind is not None:
            raise TypeError(f"items of variable length ({self.item_kind}) have no bytes in a row; "
                            "read them as objects: a[...]")
        return 0

    def _get_bytes(self) -> bytes:
        """All items, in C order."""
        cdef Box b
        cdef bytes out
        self.fixed()
        while True:
            self.newest()
            self.box(..., &b)
            out = PyBytes_FromStringAndSize(NULL, b.nitems * self.item_bytes)
            if not len(out) or self.read(&b, PyBytes_AS_STRING(out)):
                return out

    def _get_box_into(self, key, out):
        """The items of a basic key, in C order, at the beginning of a writable buffer."""
        while not self.box_into(key, out):
            pass

    cdef bint box_into(self, object key, object out) except -1:
        """The same; False when another thread changed the shape meanwhile."""
        cdef Box b
        cdef Py_buffer view
        cdef size_t nbytes
        self.fixed()
        if not self.box(key, &b):
            raise IndexError("only whole numbers, slices, an ellipsis and None are possible here")
        nbytes = b.nitems * self.item_bytes
        PyObject_GetBuffer(out, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if <size_t>view.len < nbytes:
                raise ValueError(f"out holds {view.len} bytes, the selection {nbytes}")
            return not nbytes or self.read(&b, view.buf)
        finally:
            PyBuffer_Release(&view)

    def _seen(self):
        """How often the engine was asked, and the shape that it told."""
        return self.looks, self.shape

    def _has_moved(self, seen):
        """Whether the shape was changed since then, or may have been: others asked, too."""
        self.look()
        return self._seen() != (seen[0] + 1, seen[1])

    def _set_box(self, key, value):
        """Writes value, broadcast and cast as NumPy does; NotImplemented unless key is basic."""
        cdef Box b
        cdef _c.tsr_slice s
        cdef _c.int64_t stride[32]
        cdef cnp.ndarray v
        cdef int d
        if self.aside:
            self.may_change()  # the key is for the shape that others gave it
        if not self.box(key, &b):
            return NotImplemented
        self.may_change()
        if self.item_kind is not None:
            self.set_items(&b, value)
            return None
        item, inner = self.dtype.subdtype or (self.dtype, ())  # NumPy sees a subarray as dimensions
        v = np.asarray(value, dtype=item)
        shape = tuple([b.dims[d] for d in range(b.ndim)]) + inner
        v = broadcast(v, shape)
        if inner:
            v = np.ascontiguousarray(v)
        for d in range(self.ndim):  # of what is repeated: 0
            stride[d] = v.strides[b.axis[d]] if b.axis[d] >= 0 else 0
        if b.nitems and self.item_bytes:
            s.start, s.count, s.step = b.start, b.count, b.step
            self.write(&s, cnp.PyArray_DATA(v), stride)
        return None

    # ---- views: arrays without a handle of their own (tessera.view) ----

    def _look_like(self, Array base, shape, chunks, blocks):
        """This object, new, describes an array of base's items; calls of its own are refused."""
        cdef int d
        self.dtype = base.dtype
        self.item_kind = base.item_kind
        self.item_bytes = base.item_bytes
        self.urlpath, self.mode, self.writable = base.urlpath, base.mode, base.writable
        self.shape, self.lengths, self.blocks = tuple(shape), tuple(chunks), tuple(blocks)
        self._longest = tuple([max(c) if type(c) is tuple else c for c in chunks])
        self.ndim = len(self.shape)
        for d in range(self.ndim):
            self.dims[d] = self.shape[d]

    def _slices(self, key):
        """(a slice for each axis, shape of the result) of a basic key; None of others."""
        cdef Box b
        cdef int d
        if not self.box(key, &b):
            return None
        slices = []
        for d in range(self.ndim):
            stop = b.start[d] + b.count[d] * b.step[d]
            slices.append(slice(b.start[d], stop if stop >= 0 else None, b.step[d])
                          if b.count[d] else slice(0, 0))
        return slices, tuple([b.dims[d] for d in range(b.ndim)])

    # ---- shape ----

    def _resize(self, shape):
        cdef _c.int64_t dims[32]
        cdef int rc = CLOSED, d
        self.may_change()
        if len(shape) != self.ndim:
            raise ValueError(f"the new shape must have {self.ndim} dimensions, found {len(shape)}")
        for d, n in enumerate(shape):
            dims[d] = n
        with nogil:
            if self.for_changes():
                rc = _c.tsr_array_resize(self.a, dims)
            self.unlock_changed(rc)
        self.done(rc)
        self.look()
        self.changed(rc)

    def _append(self, cnp.ndarray values, int axis):
        """values: C contiguous, of the array's dtype, whole slabs along axis."""
        cdef int rc = CLOSED
        cdef const void *p = cnp.PyArray_DATA(values)
        cdef size_t nbytes = values.nbytes
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = _c.tsr_array_append(self.a, axis, p, nbytes)
            self.unlock_changed(rc)
        self.done(rc)
        self.look()
        self.changed(rc)

    # ---- copies ----

    def _copy(self, url, Spec spec, *, str mode="w", bint reshape=False, **options):
        """A new handle of a copy at url (None: in memory), as spec says where it says something.

        reshape: in the shape of spec, which has as many items.
        """
        cdef Array new = type(self).__new__(type(self))
        cdef Options o = Options(mode=mode, **options)
        cdef bytes b = b"" if url is None else path_bytes(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef int rc = CLOSED
        with nogil:
            if not self.for_reading():
                pass
            elif reshape:
                rc = _c.tsr_array_reshape(self.a, u, &spec.s, &o.o, &new.a)
            else:
                rc = _c.tsr_array_copy(self.a, u, &spec.s, &o.o, &new.a)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        new.created(url, mode, options)
        return new

    def _slice(self, key, url, Spec spec, *, str mode="w", **options):
        """A new handle of what a basic key selects, at url; the rest as of `_copy`."""
        cdef Array new = type(self).__new__(type(self))
        cdef Options o = Options(mode=mode, **options)
        cdef bytes b = b"" if url is None else path_bytes(url)
        cdef const char *u = NULL if url is None else <const char *>b
        cdef _c.tsr_axis axes[32]
        cdef Box x
        cdef int rc = CLOSED, d
        if not self.box(key, &x):
            raise IndexError("only whole numbers, slices and an ellipsis are possible here")
        for d in range(self.ndim):
            axes[d].index = NULL
            axes[d].start, axes[d].count, axes[d].step = x.start[d], x.count[d], x.step[d]
            axes[d].drop = x.axis[d] < 0
        with nogil:
            if self.for_reading():
                rc = _c.tsr_array_slice(self.a, axes, u, &spec.s, &o.o, &new.a)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        new.created(url, mode, options)
        return new

    # ---- facts ----

    def _spec(self) -> dict:
        """steps as (name, params) pairs, split, checksum, format; of Zarr also type, codecs, names
        and zarr (text, None where there is none), fill (bytes).
        """
        cdef const _c.tsr_spec *s
        cdef bint there
        cdef int d
        with nogil:
            there = self.for_reading()
        try:  # the spec lives as long as nobody changes the handle
            if not there:
                self.done(CLOSED)
            s = _c.tsr_array_spec(self.a)
            return {"steps": steps_of(s.steps, s.nsteps), "split": s.split,
                    "checksum": bool(s.checksum),
                    "format": (<bytes>_c.tsr_array_format(self.a)).decode(),
                    "type": text(s.type), "codecs": text(s.codecs), "zarr": text(s.zarr),
                    "names": None if s.names == NULL else
                             tuple([text(s.names[d]) for d in range(s.ndim)]),
                    "fill": self.fill_of(s)}
        finally:
            pthread_rwlock_unlock(&self.lock)

    cdef object fill_of(self, const _c.tsr_spec *s):
        """The bytes of the fill value; of variable length its length, 4 bytes, is before it."""
        cdef const unsigned char *p = <const unsigned char *>s.fill
        if p == NULL:
            return None
        if self.item_kind is None:
            return PyBytes_FromStringAndSize(<const char *>p, s.item_bytes)
        n = int.from_bytes(p[:4], "little")
        return PyBytes_FromStringAndSize(<const char *>p + 4, n)

    # ---- attributes: JSON text by name ----

    def _attrs(self) -> str:
        """All attributes as one JSON object."""
        cdef char *text = NULL
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                rc = _c.tsr_array_attrs(self.a, &text)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return taken(text, strlen(text)).decode()

    def _attr_set(self, str name, str json):
        """An attribute becomes a JSON value; json None: it is removed."""
        cdef bytes b = name_bytes(name), v = b"" if json is None else json.encode()
        cdef const char *n = b
        cdef const char *value = NULL if json is None else <const char *>v
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if not self.for_changes():
                pass
            elif value == NULL:
                rc = _c.tsr_array_attr_remove(self.a, n)
            else:
                rc = _c.tsr_array_attr_set(self.a, n, value)
            self.unlock_changed(rc)
        if rc == _c.TSR_ENOTFOUND:
            raise KeyError(name)
        self.changed(rc)

    def _attr_remove(self, str name):
        """KeyError when there is none."""
        self._attr_set(name, None)

    # ---- stored chunks, by their number in the grid ----

    def _get_chunk(self, _c.int64_t i, bint lazy=False) -> bytes:
        """Chunk i as it is stored; lazy: its header and where its blocks are."""
        cdef void *buf = NULL
        cdef size_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                if lazy:
                    rc = _c.tsr_array_lazy_chunk(self.a, i, &buf, &n)
                else:
                    rc = _c.tsr_array_get_chunk(self.a, i, &buf, &n)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return taken(buf, n)

    def _decode_chunk(self, _c.int64_t i, dst):
        """Chunk i decoded, block after block, into dst, a writable buffer of the chunk's size."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        PyObject_GetBuffer(dst, &view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        with nogil:
            if self.for_reading():
                rc = _c.tsr_array_decode_chunk(self.a, i, view.buf, view.len)
            pthread_rwlock_unlock(&self.lock)
        PyBuffer_Release(&view)
        self.done(rc)

    def _put_chunk(self, _c.int64_t i, chunk):
        """A compressed chunk of the array's chunk and block size takes the place of chunk i."""
        cdef Py_buffer view
        cdef int rc = CLOSED
        self.may_change()
        PyObject_GetBuffer(chunk, &view, PyBUF_C_CONTIGUOUS)
        with nogil:
            if self.for_changes():
                rc = _c.tsr_array_update_compressed(self.a, i, view.buf, view.len)
            self.unlock_changed(rc)
        PyBuffer_Release(&view)
        self.changed(rc)

    def _chunk_info(self, _c.int64_t i) -> tuple:
        """(decoded bytes, stored bytes, special) of chunk i."""
        cdef _c.tsr_chunk_facts f
        cdef int rc = CLOSED
        memset(&f, 0, sizeof(f))
        f.size = sizeof(f)
        with nogil:
            if self.for_reading():
                rc = _c.tsr_array_chunk_info(self.a, i, &f)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return f.nbytes, f.cbytes, f.special

    # ---- other programs ----

    def _lock(self):
        """Keeps other programs out until `_unlock`; the handle is up to date then."""
        cdef int rc = CLOSED
        with nogil:
            if self.alone():
                rc = _c.tsr_array_lock(self.a)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        self.look()

    def _unlock(self):
        """Writes what is pending and lets others in."""
        cdef int rc = CLOSED
        with nogil:
            if self.alone():
                rc = _c.tsr_array_unlock(self.a)
                if rc == _c.TSR_OK:
                    self.pending = False
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)

    @property
    def change_tick(self) -> int:
        """A number that grows whenever the file was found changed by others."""
        cdef _c.int64_t tick = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                tick = _c.tsr_array_change_tick(self.a)
                rc = _c.TSR_OK
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return tick


cdef object text(const char *p):
    return None if p == NULL else (<bytes>p).decode()


cdef broadcast(cnp.ndarray v, tuple shape):
    """A view of v in a shape, as NumPy assigns it: axes of length one may be too many."""
    given = (<object>v).shape
    while v.ndim > len(shape) and v.shape[0] == 1:
        v = v[0]
    if (<object>v).shape == shape:
        return v
    try:
        return np.broadcast_to(v, shape)
    except ValueError:
        raise ValueError("could not broadcast input array from shape "
                         f"{as_text(given)} into shape {as_text(shape)}") from None


cdef str as_text(tuple shape):
    return str(shape).replace(" ", "")


cdef bint is_number(object k):
    """A whole number to NumPy: not a bool, which is a mask, nor an array of them."""
    if isinstance(k, (bool, np.bool_)):
        return False
    if cnp.PyArray_Check(k):
        return cnp.PyArray_NDIM(k) == 0 and np.issubdtype(k.dtype, np.integer)
    if not PyIndex_Check(k):
        return False
    dtype = getattr(k, "dtype", None)  # of NumPy's scalars, and of arrays of other kinds than NumPy's
    return dtype is None or (getattr(k, "ndim", 0) == 0 and getattr(dtype, "kind", "i") in "iu")


def concat(list arrays, int axis, url, *, str mode="w", **options):
    """The arrays one after the other along axis, as a new array of the first one's class."""
    cdef Array x, new = type(arrays[0]).__new__(type(arrays[0]))
    cdef Options o = Options(mode=mode, **options)
    cdef bytes b = b"" if url is None else path_bytes(url)
    cdef const char *u = NULL if url is None else <const char *>b
    cdef int rc = _c.TSR_OK, i, locked = 0, n = len(arrays)
    cdef const _c.tsr_array **p = <const _c.tsr_array **>PyMem_Calloc(n, sizeof(void *))
    if p == NULL:
        raise MemoryError
    try:
        for i in range(n):
            x = arrays[i]
            if x.aside:
                x.catch_up()
        for i in range(n):
            x = arrays[i]
            with nogil:
                if not x.for_more_reading():
                    rc = CLOSED
            locked += 1
            x.done(rc)
            p[i] = x.a
        with nogil:
            rc = _c.tsr_array_concat(p, n, axis, u, &o.o, &new.a)
        check(rc)
    finally:
        for i in range(locked):
            x = arrays[i]
            pthread_rwlock_unlock(&x.lock)
        PyMem_Free(p)
    new.created(url, mode, options)
    return new
