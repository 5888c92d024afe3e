# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""Reductions of arrays, block by block in the engine; the surface is `tessera.reductions`."""
cimport numpy as cnp
from libc.string cimport memset

import numpy as np

from tessera cimport _c
from tessera._array cimport Array
from tessera._engine cimport CLOSED, MOVED, pthread_rwlock_unlock

cnp.import_array()

cdef dict HOW = {
    "max": _c.TSR_MAX, "min": _c.TSR_MIN, "sum": _c.TSR_SUM, "mean": _c.TSR_MEAN,
    "prod": _c.TSR_PROD, "std": _c.TSR_STD, "var": _c.TSR_VAR, "any": _c.TSR_ANY,
    "all": _c.TSR_ALL,
}


cdef object result_dtype(Array a, const _c.tsr_reduce_spec *how):
    cdef char *text = NULL
    cdef int rc = CLOSED
    with nogil:
        if a.for_reading():
            rc = _c.tsr_reduce_dtype(_c.tsr_array_spec(a.a).dtype, how, &text)
        pthread_rwlock_unlock(&a.lock)
    a.done(rc)
    try:
        return np.dtype((<bytes>text).decode())
    finally:
        _c.tsr_free(text)


def reduce_axes(Array a not None, str how, axes, double ddof=0, bint wide=False):
    """A new array of the axes that stay; axes: for each of the array's whether it is reduced."""
    out = None
    while out is None:
        out = try_reduce(a, how, axes, ddof, wide)
    return out


cdef object try_reduce(Array a, str how, object axes, double ddof, bint wide):
    """The same; None when another thread changed the shape meanwhile."""
    cdef _c.tsr_reduce_spec spec
    cdef _c.tsr_slice s
    cdef _c.int64_t start[32]
    cdef _c.int64_t count[32]
    cdef _c.cbool reduced[32]
    cdef cnp.ndarray out
    cdef void *p
    cdef size_t nbytes
    cdef int d, rc = CLOSED
    memset(&spec, 0, sizeof(spec))
    spec.size = sizeof(spec)
    spec.how = HOW[how]
    spec.axes = reduced
    spec.ddof = ddof
    spec.wide = wide
    for d in range(a.ndim):
        reduced[d] = axes[d]
        start[d] = 0
        count[d] = a.dims[d]
    out = np.empty([a.dims[d] for d in range(a.ndim) if not reduced[d]], result_dtype(a, &spec))
    s.start, s.count, s.step = start, count, NULL
    p = cnp.PyArray_DATA(out)
    nbytes = out.nbytes
    with nogil:
        if a.for_reading():
            rc = MOVED
            if a.has_shape(count):
                rc = _c.tsr_reduce(a.a, &s, &spec, p, nbytes)
        pthread_rwlock_unlock(&a.lock)
    if rc == MOVED:
        a.look()
        return None
    a.done(rc)
    return out
