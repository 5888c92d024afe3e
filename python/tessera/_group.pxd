# SPDX-License-Identifier: BSD-3-Clause
from tessera cimport _c

cdef class GroupHandle:
    cdef _c.tsr_group *g
    cdef readonly object lock        # of all handles of one place
    cdef object __weakref__
    cdef int pid                     # of the process that opened it
    cdef readonly str urlpath        # of this group, "x.zarr#a"
    cdef readonly bint writable
    cdef readonly dict remote        # how its server is spoken to, if that was said
    cdef int c_done(self, int rc) except -1
    cdef int may_change(self) except -1
    cdef int end(self) noexcept
    cdef GroupHandle child(self, _c.tsr_group *g)
