# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""One buffer: compressed as one chunk, decompressed, described."""
from cpython.buffer cimport (PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release,
                             PyObject_GetBuffer)
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.string cimport memset

from tessera cimport _c
from tessera._engine cimport Options, SchunkSpec, check

cdef extern from "Python.h":
    # As CPython declares them: the reference is the caller's, and may be replaced.
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *p, Py_ssize_t n) except NULL
    char *bytes_at "PyBytes_AS_STRING"(PyObject *b) nogil
    int resize_bytes "_PyBytes_Resize"(PyObject **b, Py_ssize_t n) except -1
    void drop "Py_DECREF"(PyObject *o)


def compress(src, SchunkSpec spec, int threads=0) -> bytes:
    """src, any C contiguous buffer, as one chunk."""
    cdef Options o = Options(threads=threads)
    cdef Py_buffer view
    cdef size_t cap, n = 0
    cdef PyObject *out = NULL
    cdef char *p
    cdef int rc
    PyObject_GetBuffer(src, &view, PyBUF_C_CONTIGUOUS)
    try:
        cap = _c.tsr_compress_bound(view.len)
        out = new_bytes(NULL, cap)
        p = bytes_at(out)
        with nogil:
            rc = _c.tsr_compress(&spec.s, view.buf, view.len, &o.o, p, cap, &n)
        check(rc)
        resize_bytes(&out, n)  # gives back what was not needed; nothing is copied
        return <object>out
    finally:
        if out != NULL:
            drop(out)
        PyBuffer_Release(&view)


cdef int facts_of(const Py_buffer *view, _c.tsr_chunk_facts *facts) except -1:
    memset(facts, 0, sizeof(facts[0]))
    facts.size = sizeof(facts[0])
    return check(_c.tsr_chunk_info(view.buf, view.len, facts))


def decompress_into(src, dst, int threads=0) -> int:
    """The chunk src at the beginning of dst, a writable buffer; its size in bytes.

    A dst that is too small is a RuntimeError.
    """
    cdef Options o = Options(threads=threads)
    cdef _c.tsr_chunk_facts facts
    cdef Py_buffer view, out
    cdef int rc
    PyObject_GetBuffer(src, &view, PyBUF_SIMPLE)
    try:
        facts_of(&view, &facts)
        PyObject_GetBuffer(dst, &out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if out.len < facts.nbytes:
                raise RuntimeError(f"dst holds {out.len} bytes, the chunk {facts.nbytes}")
            with nogil:
                rc = _c.tsr_decompress(view.buf, view.len, &o.o, out.buf, facts.nbytes)
            check(rc)
        finally:
            PyBuffer_Release(&out)
    finally:
        PyBuffer_Release(&view)
    return facts.nbytes


def decompress(src, int threads=0, bint as_bytearray=False):
    """The chunk src, decoded: bytes or a bytearray."""
    cdef Options o = Options(threads=threads)
    cdef _c.tsr_chunk_facts facts
    cdef Py_buffer view
    cdef object out
    cdef char *p
    cdef int rc
    PyObject_GetBuffer(src, &view, PyBUF_SIMPLE)
    try:
        facts_of(&view, &facts)
        if as_bytearray:
            out = PyByteArray_FromStringAndSize(NULL, facts.nbytes)
            p = PyByteArray_AS_STRING(out)
        else:
            out = PyBytes_FromStringAndSize(NULL, facts.nbytes)
            p = PyBytes_AS_STRING(out)
        with nogil:
            rc = _c.tsr_decompress(view.buf, view.len, &o.o, p, facts.nbytes)
        check(rc)
        return out
    finally:
        PyBuffer_Release(&view)


def chunk_info(src) -> dict:
    """What the header of the chunk at src says, after checking it."""
    cdef _c.tsr_chunk_facts f
    cdef Py_buffer view
    PyObject_GetBuffer(src, &view, PyBUF_SIMPLE)
    try:
        facts_of(&view, &f)
    finally:
        PyBuffer_Release(&view)
    return {"nbytes": f.nbytes, "cbytes": f.cbytes, "block_bytes": f.block_bytes,
            "nblocks": f.nblocks, "version": f.version, "typesize": f.typesize,
            "special": f.special, "codec_id": f.codec_id, "codec_meta": f.codec_meta,
            "codec": (<bytes>f.codec).decode() if f.codec != NULL else None,
            "filters": [f.filters[i] for i in range(6)],
            "filters_meta": [f.filters_meta[i] for i in range(6)],
            "memcpyed": bool(f.memcpyed), "use_dict": bool(f.dict)}
