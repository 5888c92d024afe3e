# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""One buffer: compressed as one chunk, decompressed, described."""
from cpython.buffer cimport (PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release,
                             PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.string cimport memset

from tessera cimport _c
from tessera._engine cimport Options, SchunkSpec, check


def compress(src, SchunkSpec spec, int threads=0) -> bytes:
    """src, any C contiguous buffer, as one chunk."""
    cdef Options o = Options(threads=threads)
    cdef Py_buffer view
    cdef size_t cap, n = 0
    cdef char *buf = NULL
    cdef int rc
    PyObject_GetBuffer(src, &view, PyBUF_C_CONTIGUOUS)
    try:
        cap = _c.tsr_compress_bound(view.len)
        buf = <char *>PyMem_RawMalloc(cap)
        if buf == NULL:
            raise MemoryError
        with nogil:
            rc = _c.tsr_compress(&spec.s, view.buf, view.len, &o.o, buf, cap, &n)
        check(rc)
        return PyBytes_FromStringAndSize(buf, n)
    finally:
        PyMem_RawFree(buf)
        PyBuffer_Release(&view)


def decompress_into(src, dst, int threads=0) -> int:
    """The chunk src at the beginning of dst, a writable buffer; its size in bytes."""
    cdef Options o = Options(threads=threads)
    cdef _c.tsr_chunk_facts facts
    cdef Py_buffer view, out
    cdef int rc
    memset(&facts, 0, sizeof(facts))
    facts.size = sizeof(facts)
    PyObject_GetBuffer(src, &view, PyBUF_SIMPLE)
    try:
        check(_c.tsr_chunk_info(view.buf, view.len, &facts))
        PyObject_GetBuffer(dst, &out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        try:
            if out.len < facts.nbytes:
                raise ValueError(f"dst holds {out.len} bytes, the chunk {facts.nbytes}")
            with nogil:
                rc = _c.tsr_decompress(view.buf, view.len, &o.o, out.buf, facts.nbytes)
            check(rc)
        finally:
            PyBuffer_Release(&out)
    finally:
        PyBuffer_Release(&view)
    return facts.nbytes


def decompress(src, int threads=0) -> bytes:
    """The chunk src, decoded."""
    cdef Options o = Options(threads=threads)
    cdef _c.tsr_chunk_facts facts
    cdef Py_buffer view
    cdef bytes out
    cdef char *p
    cdef int rc
    memset(&facts, 0, sizeof(facts))
    facts.size = sizeof(facts)
    PyObject_GetBuffer(src, &view, PyBUF_SIMPLE)
    try:
        check(_c.tsr_chunk_info(view.buf, view.len, &facts))
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
    cdef int rc
    memset(&f, 0, sizeof(f))
    f.size = sizeof(f)
    PyObject_GetBuffer(src, &view, PyBUF_SIMPLE)
    rc = _c.tsr_chunk_info(view.buf, view.len, &f)
    PyBuffer_Release(&view)
    check(rc)
    return {"nbytes": f.nbytes, "cbytes": f.cbytes, "block_bytes": f.block_bytes,
            "nblocks": f.nblocks, "version": f.version, "typesize": f.typesize,
            "special": f.special, "codec_id": f.codec_id, "codec_meta": f.codec_meta,
            "filters": [f.filters[i] for i in range(6)],
            "filters_meta": [f.filters_meta[i] for i in range(6)],
            "memcpyed": bool(f.memcpyed), "use_dict": bool(f.dict)}
