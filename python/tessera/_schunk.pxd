# SPDX-License-Identifier: BSD-3-Clause
from tessera cimport _c
from tessera._engine cimport Handle

cdef class SuperChunk(Handle):
    cdef _c.tsr_schunk *s
    cdef _c.int64_t item_bytes

    cdef int must_be_new(self) except -1
    cdef _c.int64_t nitems(self) except -1
    cdef bytes items(self, Py_ssize_t start, Py_ssize_t stop, bint one)
    cdef int acceptable(self, int rc) except -1
    cdef int for_settled(self) noexcept nogil
