# SPDX-License-Identifier: BSD-3-Clause
from tessera cimport _c
from tessera._engine cimport Handle

cdef class SuperChunk(Handle):
    cdef _c.tsr_schunk *s
