# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""What the engine says of whole arrays and places; the surface is `tessera.compare`."""
from libc.string cimport memset

from tessera cimport _c
from tessera._array cimport Array
from tessera._engine cimport CLOSED, Options, check, pthread_rwlock_unlock
from tessera._schunk cimport SuperChunk

from tessera._engine import flush_path, path_bytes, _exceptions


cdef str text(const char *p):
    return None if p == NULL else (<bytes>p).decode(errors="replace")


cdef tuple coords(const _c.int64_t *p, int n):
    return tuple([p[d] for d in range(n)])


def hash_array(Array a not None, bint attrs) -> str:
    cdef Options o = Options()
    cdef char digest[33]
    cdef int rc = CLOSED, flags = _c.TSR_HASH_ATTRS if attrs else 0
    with nogil:
        if a.for_reading():
            rc = _c.tsr_hash(a.a, flags, &o.o, digest)
        pthread_rwlock_unlock(&a.lock)
    a.done(rc)
    return (<bytes>digest).decode()


def hash_schunk(SuperChunk s not None) -> str:
    cdef Options o = Options()
    cdef char digest[33]
    cdef int rc = CLOSED
    with nogil:
        if s.for_reading():
            rc = _c.tsr_schunk_hash(s.s, &o.o, digest)
        pthread_rwlock_unlock(&s.lock)
    s.done(rc)
    return (<bytes>digest).decode()


cdef void note_difference(void *user, const _c.tsr_difference *d) noexcept with gil:
    (<list>user).append((
        text(d.what), text(d.name), text(d.a), text(d.b),
        coords(d.at, d.ndim), coords(d.chunk_a, d.ndim), coords(d.chunk_b, d.ndim),
    ))


def diff(Array a not None, Array b not None, double rtol, double atol, int flags, int first,
         _c.int64_t memory) -> tuple:
    """The differences that are told of, and the counts."""
    cdef Options o = Options()
    cdef _c.tsr_diff_spec s
    cdef _c.tsr_diff_result r
    cdef list found = []
    cdef void *user = <void *>found
    cdef bint there
    cdef int rc = CLOSED
    memset(&s, 0, sizeof(s))
    memset(&r, 0, sizeof(r))
    s.size, r.size = sizeof(s), sizeof(r)
    s.rtol, s.atol, s.flags, s.first, s.memory_bytes = rtol, atol, flags, first, memory
    if b.aside:
        b.catch_up()
    with nogil:
        there = a.for_reading()
        if b.for_more_reading() and there:
            rc = _c.tsr_diff(a.a, b.a, &s, &o.o, note_difference, user, &r)
        pthread_rwlock_unlock(&b.lock)
        pthread_rwlock_unlock(&a.lock)
    (b if b.gone or not b.is_open else a).done(rc)
    return found, {"metadata": r.metadata, "items": r.items, "different": r.different,
                   "most_abs": r.most_abs, "most_rel": r.most_rel, "same_stored": r.same_stored}


cdef void note_problem(void *user, _c.int64_t chunk, int ndim, const _c.int64_t *at,
                       _c.tsr_status status, const char *what) noexcept with gil:
    (<list>user).append((chunk if chunk >= 0 else None, coords(at, ndim),
                         None if status == _c.TSR_OK else _exceptions.get(<int>status),
                         text(what)))


def verify(str url, remote) -> list:
    """(number of the chunk, coordinates, exception or None, text) of each that was told of."""
    cdef Options o = Options(remote=remote)
    cdef list found = []
    cdef void *user = <void *>found
    cdef bytes b = path_bytes(url)
    cdef const char *u = b
    cdef _c.int64_t problems = 0
    cdef int rc
    flush_path(url)
    with nogil:
        rc = _c.tsr_verify(u, &o.o, note_problem, user, &problems)
    check(rc)
    return found
