# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""Selections that are no box, of one array: lists of indices along axes, and single items.

All indices are from 0 on and inside; what NumPy's keys mean is for `tessera.index`.
"""
cimport numpy as cnp

from tessera cimport _c
from tessera._array cimport Array, items_in, items_of
from tessera._engine cimport CLOSED, pthread_rwlock_unlock

cnp.import_array()


cdef int take_axes(list axes, _c.tsr_axis *out, cnp.ndarray memory, _c.int64_t *stride) except -1:
    """axes: for each dimension a range or an array of int64; memory: a dimension for each."""
    cdef int d
    cdef cnp.ndarray index
    for d in range(len(axes)):
        stride[d] = memory.strides[d]
        out[d].count = len(axes[d])
        out[d].drop = False
        if isinstance(axes[d], range):
            out[d].index = NULL
            out[d].start = axes[d].start if out[d].count else 0
            out[d].step = axes[d].step
        else:
            index = axes[d]
            out[d].index = <const _c.int64_t *>cnp.PyArray_DATA(index)
        if memory.shape[d] != out[d].count:
            raise ValueError(f"axis {d}: {out[d].count} indices for {memory.shape[d]} items")
    return 0


def read_cross(Array a, list axes, cnp.ndarray out):
    """The items where axes meet into out, of any strides and the array's item size."""
    cdef _c.tsr_axis x[32]
    cdef _c.int64_t stride[32]
    cdef void *p = cnp.PyArray_DATA(out)
    cdef bint loose = a.item_kind is not None
    cdef _c.tsr_items items
    cdef int rc = CLOSED
    take_axes(axes, x, out, stride)
    items.size = sizeof(items)
    with nogil:
        if not a.for_reading():
            pass
        elif loose:
            rc = _c.tsr_array_read_items_orthogonal(a.a, x, &items)
        else:
            rc = _c.tsr_array_read_orthogonal(a.a, x, p, stride)
        pthread_rwlock_unlock(&a.lock)
    a.done(rc)
    if loose:
        (<object>out)[...] = items_in(&items, a.item_kind).reshape((<object>out).shape)


def write_cross(Array a, list axes, cnp.ndarray src):
    """The items of src, whose strides may be 0, to where axes meet."""
    cdef _c.tsr_axis x[32]
    cdef _c.int64_t stride[32]
    cdef const void *p = cnp.PyArray_DATA(src)
    cdef bint loose = a.item_kind is not None
    cdef _c.tsr_items items
    cdef int rc = CLOSED
    a.may_change()
    take_axes(axes, x, src, stride)
    kept = items_of(src, a.item_kind, &items) if loose else None
    with nogil:
        if not a.for_changes():
            pass
        elif loose:
            rc = _c.tsr_array_write_items_orthogonal(a.a, x, &items)
        else:
            rc = _c.tsr_array_write_orthogonal(a.a, x, p, stride)
        a.unlock_changed(rc)
    a.changed(rc)


cdef int check_points(Array a, cnp.ndarray coords, cnp.ndarray items) except -1:
    if (cnp.PyArray_NDIM(coords) != 2 or coords.shape[1] != a.ndim or cnp.PyArray_NDIM(items) != 1
            or coords.shape[0] != items.shape[0] or coords.descr.type_num != cnp.NPY_INT64
            or not cnp.PyArray_IS_C_CONTIGUOUS(coords)):
        raise ValueError("points: expected contiguous int64 coordinates, a row per item")
    return 0


def read_points(Array a, cnp.ndarray coords, cnp.ndarray out):
    """The items at coords[n, ndim] into out[n]."""
    cdef const _c.int64_t *at = <const _c.int64_t *>cnp.PyArray_DATA(coords)
    cdef void *p = cnp.PyArray_DATA(out)
    cdef _c.int64_t n = coords.shape[0], stride
    cdef bint loose = a.item_kind is not None
    cdef _c.tsr_items items
    cdef int rc = CLOSED
    check_points(a, coords, out)
    stride = out.strides[0]
    items.size = sizeof(items)
    with nogil:
        if not a.for_reading():
            pass
        elif loose:
            rc = _c.tsr_array_read_items_points(a.a, n, at, &items)
        else:
            rc = _c.tsr_array_read_points(a.a, n, at, p, stride)
        pthread_rwlock_unlock(&a.lock)
    a.done(rc)
    if loose:
        (<object>out)[...] = items_in(&items, a.item_kind)


def write_points(Array a, cnp.ndarray coords, cnp.ndarray src):
    """src[n], whose stride may be 0, to coords[n, ndim]; of points that repeat the last stays."""
    cdef const _c.int64_t *at = <const _c.int64_t *>cnp.PyArray_DATA(coords)
    cdef const void *p = cnp.PyArray_DATA(src)
    cdef _c.int64_t n = coords.shape[0], stride
    cdef bint loose = a.item_kind is not None
    cdef _c.tsr_items items
    cdef int rc = CLOSED
    a.may_change()
    check_points(a, coords, src)
    stride = src.strides[0]
    kept = items_of(src, a.item_kind, &items) if loose else None
    with nogil:
        if not a.for_changes():
            pass
        elif loose:
            rc = _c.tsr_array_write_items_points(a.a, n, at, &items)
        else:
            rc = _c.tsr_array_write_points(a.a, n, at, p, stride)
        a.unlock_changed(rc)
    a.changed(rc)
