# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""Memory of results.

What malloc is asked for in pieces of 32 MiB and more it takes from the system, and gives back as
soon as it is freed.  The system clears each page before it hands it out: for results that decode
fast that is half of all the time.  So arrays of that size lie in mappings of our own, made of large
pages, and the mappings of arrays that are gone are kept for the next ones, KEPT_BYTES at most.
They are marked as free: the system takes their pages when it needs them for others.

    mapping   [ a page of the system, Head at its end | items, whole large pages ]

A kept mapping serves any result that leaves at most a quarter of it unused, so slices that differ
a little in size share one.

NumPy asks for such memory and gives it back by a handler (NEP 49), so the arrays own their memory
as others do.  Where a program has set a handler of its own, that one is asked.
"""
cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uint8_t, uintptr_t
from libc.string cimport memcpy, memset, strcpy

cnp.import_array()

cdef extern from *:
    """
    #include <pthread.h>
    #include <sys/mman.h>
    #include <unistd.h>
    #ifdef MADV_HUGEPAGE
    #define LARGE_PAGES MADV_HUGEPAGE
    #else
    #define LARGE_PAGES MADV_NORMAL
    #endif
    """
    enum:
        MADV_FREE
        LARGE_PAGES
        PROT_READ
        PROT_WRITE
        MAP_PRIVATE
        MAP_ANONYMOUS
        _SC_PAGESIZE
    void *MAP_FAILED
    void *mmap(void *at, size_t n, int prot, int flags, int fd, long off) nogil
    int munmap(void *at, size_t n) nogil
    int madvise(void *at, size_t n, int advice) nogil
    long sysconf(int name) nogil
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t *m, void *attr) nogil
    int pthread_mutex_trylock(pthread_mutex_t *m) nogil
    int pthread_mutex_unlock(pthread_mutex_t *m) nogil

cdef extern from "numpy/arrayobject.h":
    PyObject *PyDataMem_DefaultHandler
    object PyDataMem_GetHandler()
    object PyDataMem_SetHandler(object handler)
    object PyArray_NewFromDescr(type subtype, cnp.dtype descr, int nd, const cnp.npy_intp *dims,
                                const cnp.npy_intp *strides, void *data, int flags, object obj)
    ctypedef struct PyDataMemAllocator:
        void *ctx
        void *(*malloc)(void *ctx, size_t n) noexcept nogil
        void *(*calloc)(void *ctx, size_t n, size_t each) noexcept nogil
        void *(*realloc)(void *ctx, void *p, size_t n) noexcept nogil
        void (*free)(void *ctx, void *p, size_t n) noexcept nogil
    ctypedef struct PyDataMem_Handler:
        char name[127]
        uint8_t version
        PyDataMemAllocator allocator

cdef enum:
    LARGE_PAGE = 2 << 20
    OWN_BYTES = 32 << 20    # from here on malloc never keeps what is freed
    KEPT = 8                # mappings
    # As many of the smallest, or two results of 128 MiB: a loop that makes its next result before
    # it drops the last one uses two in turns.  A program that is idle holds it too, so no more.
    KEPT_BYTES = KEPT * OWN_BYTES

cdef struct Head:
    size_t nbytes           # of the items' pages

cdef struct Kept:
    char *p
    size_t nbytes

cdef Kept _kept[KEPT]       # the newest first
cdef int _nkept = 0
cdef size_t _kept_bytes = 0
cdef size_t _page = sysconf(_SC_PAGESIZE)
cdef pthread_mutex_t _lock  # only ever tried: whoever does not get it goes without


cdef Head *head(void *p) noexcept nogil:
    return <Head *>p - 1


cdef size_t in_pages(size_t n) noexcept nogil:
    return (max(n, 1) + LARGE_PAGE - 1) // LARGE_PAGE * LARGE_PAGE


cdef bint fits(size_t nbytes, size_t mapping) noexcept nogil:
    """Whether a mapping of that size holds nbytes, and at most a quarter of it stays unused."""
    return nbytes <= mapping and mapping - nbytes <= mapping // 4


cdef char *mapped(size_t nbytes) noexcept nogil:
    """A new mapping for nbytes, which are whole large pages; NULL: there is no memory."""
    cdef size_t whole = nbytes + 2 * LARGE_PAGE
    cdef char *m = <char *>mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                -1, 0)
    cdef char *p
    if <void *>m == MAP_FAILED:
        return NULL
    p = m + LARGE_PAGE + (-<uintptr_t>m) % LARGE_PAGE
    munmap(m, p - _page - m)
    if p + nbytes < m + whole:
        munmap(p + nbytes, m + whole - (p + nbytes))
    madvise(p, nbytes, LARGE_PAGES)
    head(p).nbytes = nbytes
    return p


cdef void unmapped(char *p) noexcept nogil:
    munmap(p - _page, head(p).nbytes + _page)


cdef char *forget(int i) noexcept nogil:
    """Kept mapping i is kept no longer."""
    global _nkept, _kept_bytes
    cdef char *p = _kept[i].p
    _kept_bytes -= _kept[i].nbytes
    _nkept -= 1
    while i < _nkept:
        _kept[i] = _kept[i + 1]
        i += 1
    return p


cdef bint keep(char *p) noexcept nogil:
    """Whether the mapping is kept; older ones make room."""
    global _nkept, _kept_bytes
    cdef size_t n = head(p).nbytes
    cdef int i
    if n > KEPT_BYTES or madvise(p, n, MADV_FREE) != 0:
        return False
    while _nkept == KEPT or _kept_bytes + n > KEPT_BYTES:
        unmapped(forget(_nkept - 1))
    for i in range(_nkept, 0, -1):
        _kept[i] = _kept[i - 1]
    _kept[0].p, _kept[0].nbytes = p, n
    _nkept += 1
    _kept_bytes += n
    return True


cdef char *kept(size_t nbytes) noexcept nogil:
    """The smallest kept mapping that fits; NULL: there is none."""
    cdef int i, best = -1
    for i in range(_nkept):
        if fits(nbytes, _kept[i].nbytes) and (best < 0 or _kept[i].nbytes < _kept[best].nbytes):
            best = i
    return forget(best) if best >= 0 else NULL


# ---- what NumPy calls, with or without the GIL ----

cdef void *own_malloc(void *ctx, size_t n) noexcept nogil:
    cdef char *p = NULL
    if n > <size_t>-1 // 2:
        return NULL
    n = in_pages(n)
    if pthread_mutex_trylock(&_lock) == 0:
        p = kept(n)
        pthread_mutex_unlock(&_lock)
    return p if p != NULL else mapped(n)


cdef void own_free(void *ctx, void *p, size_t n) noexcept nogil:
    cdef bint done = False
    if p == NULL:
        return
    if pthread_mutex_trylock(&_lock) == 0:
        done = keep(<char *>p)
        pthread_mutex_unlock(&_lock)
    if not done:
        unmapped(<char *>p)


cdef void *own_calloc(void *ctx, size_t n, size_t each) noexcept nogil:
    cdef void *p = NULL
    if each == 0 or n <= <size_t>-1 // each:
        p = own_malloc(ctx, n * each)
    if p != NULL:
        memset(p, 0, n * each)
    return p


cdef void *own_realloc(void *ctx, void *p, size_t n) noexcept nogil:
    cdef void *q
    if p != NULL and fits(in_pages(n), head(p).nbytes):
        return p
    q = own_malloc(ctx, n)
    if p == NULL or q == NULL:
        return q
    memcpy(q, p, min(n, head(p).nbytes))
    own_free(ctx, p, 0)
    return q


cdef PyDataMem_Handler _own
strcpy(_own.name, "tessera")
_own.version = 1
_own.allocator.ctx = NULL
_own.allocator.malloc = own_malloc
_own.allocator.calloc = own_calloc
_own.allocator.realloc = own_realloc
_own.allocator.free = own_free
pthread_mutex_init(&_lock, NULL)
_handler = PyCapsule_New(&_own, "mem_handler", NULL)  # the name is NumPy's


cdef cnp.ndarray plain(cnp.dtype dtype, int ndim, const cnp.npy_intp *dims):
    Py_INCREF(dtype)  # the call below takes a reference
    return PyArray_NewFromDescr(cnp.ndarray, dtype, ndim, dims, NULL, NULL, 0, None)


cdef cnp.ndarray large(cnp.dtype dtype, int ndim, const cnp.npy_intp *dims):
    before = PyDataMem_GetHandler()
    if <PyObject *>before != PyDataMem_DefaultHandler:
        return plain(dtype, ndim, dims)
    PyDataMem_SetHandler(_handler)
    try:
        return plain(dtype, ndim, dims)
    finally:
        PyDataMem_SetHandler(before)


cdef cnp.ndarray empty(cnp.dtype dtype, int ndim, const cnp.npy_intp *dims):
    cdef double nbytes = cnp.PyDataType_ELSIZE(dtype)
    cdef int d
    for d in range(ndim):
        nbytes *= dims[d]
    return large(dtype, ndim, dims) if nbytes >= OWN_BYTES else plain(dtype, ndim, dims)


def empty_array(shape, cnp.dtype dtype not None):
    """A new array in C order, items as they come."""
    cdef cnp.npy_intp dims[64]
    cdef int d
    if len(shape) > 64:
        raise ValueError(f"at most 64 dimensions, found {len(shape)}")
    for d, n in enumerate(shape):
        dims[d] = n
    return empty(dtype, len(shape), dims)
