# SPDX-License-Identifier: BSD-3-Clause
cimport numpy as cnp

from tessera cimport _c
from tessera._engine cimport Handle

# A key of whole numbers, slices, one ellipsis and new axes, in terms of the array.
cdef struct Box:
    _c.int64_t shape[32]    # of the array that it was made for
    _c.int64_t start[32]
    _c.int64_t count[32]
    _c.int64_t step[32]
    cnp.npy_intp dims[96]   # of the result: no axis for a whole number, one for each None
    int ndim                # of the result
    int axis[32]            # of the result, for each of the array; -1: none
    _c.int64_t nitems

cdef class Array(Handle):
    cdef _c.tsr_array *a
    cdef readonly cnp.dtype dtype
    cdef readonly str item_kind   # of items of variable length; None: dtype says all
    cdef readonly tuple shape, blocks
    cdef readonly tuple _longest  # chunks, of unlike ones the longest
    cdef str edges                # of unlike chunks, as tsr_spec.zarr says them; None: they are alike
    cdef tuple lengths            # chunks as they are shown; None: not asked for yet
    cdef readonly int ndim
    cdef _c.int64_t dims[32]
    cdef _c.int64_t item_bytes
    cdef _c.int64_t looks            # how often it was found out what the engine says
    cdef bint has_shape(self, const _c.int64_t *shape) noexcept nogil
    cdef bint box(self, object key, Box *b) except -1
    cdef int newest(self) except -1
    cdef object get_box(self, object key)
    cdef object try_box(self, object key)
    cdef bint read(self, Box *b, void *dst) except -1
    cdef int write(self, const _c.tsr_slice *s, const void *src,
                   const _c.int64_t *stride) except -1
    cdef object get_items(self, Box *b)
    cdef int set_items(self, Box *b, object value) except -1
    cdef int fixed(self) except -1
    cdef bint box_into(self, object key, object out) except -1
    cdef object fill_of(self, const _c.tsr_spec *s)
    cdef int whole(self, int d, Box *b) except -1
    cdef int part(self, int d, slice k, Box *b) except -1
    cdef int at(self, int d, object k, Box *b) except -1

cdef object items_in(_c.tsr_items *items, str kind)
cdef object items_of(object values, str kind, _c.tsr_items *out)
