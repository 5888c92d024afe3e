# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""Plans of chunks and blocks, from the engine; the surface is `tessera.advise`."""
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from tessera cimport _c
from tessera._array cimport Array
from tessera._engine cimport CLOSED, check, pthread_rwlock_unlock


cdef int take_dims(object values, _c.int64_t *out) except -1:
    cdef int d
    if len(values) > _c.TSR_MAX_NDIM:
        raise ValueError(f"{len(values)} dimensions, expected at most {_c.TSR_MAX_NDIM}")
    for d in range(len(values)):
        out[d] = values[d]
    return len(values)


cdef class Question:
    """A tsr_advise_spec and all that it points to."""
    cdef _c.tsr_advise_spec s
    cdef _c.tsr_spec array
    cdef _c.int64_t dims[3][32]
    cdef _c.int64_t *box     # [naccess][3][32]
    cdef _c.tsr_access *access
    cdef list kept

    def __cinit__(self, list accesses):
        cdef int i, k, n = len(accesses)
        memset(&self.s, 0, sizeof(self.s))
        memset(&self.array, 0, sizeof(self.array))
        self.s.size = sizeof(self.s)
        self.array.size = sizeof(self.array)
        self.kept = []
        self.access = <_c.tsr_access *>calloc(n + 1, sizeof(_c.tsr_access))
        self.box = <_c.int64_t *>calloc(n + 1, 96 * sizeof(_c.int64_t))
        if self.access == NULL or self.box == NULL:
            raise MemoryError
        for i in range(n):
            part, self.access[i].weight = accesses[i]
            for k in range(3):
                take_dims(part[k], self.box + 96 * i + 32 * k)
            self.access[i].slice.start = self.box + 96 * i
            self.access[i].slice.count = self.box + 96 * i + 32
            self.access[i].slice.step = self.box + 96 * i + 64
        self.s.access = self.access
        self.s.naccess = n

    def __dealloc__(self):
        free(self.access)
        free(self.box)

    cdef const char *text(self, object value) except? NULL:
        if value is None:
            return NULL
        self.kept.append(value.encode())
        return self.kept[-1]

    cdef int options(self, dict o) except -1:
        cdef int i
        self.s.format = self.text(o["format"])
        self.s.medium = self.text(o["medium"])
        self.s.ratio = o["ratio"]
        self.s.latency = o["latency"]
        self.s.bandwidth = o["bandwidth"]
        self.s.decode_speed = o["decode_speed"]
        self.s.in_flight = o["in_flight"]
        self.s.chunk_least, self.s.chunk_most = o["chunk_bytes"]
        self.s.block_least, self.s.block_most = o["block_bytes"]
        self.s.most = o["most"]
        for i in range(self.s.naccess):
            self.access[i].fixed = o["fixed"]
        return 0

    cdef int made_up(self, itemsize, shape, chunks, blocks) except -1:
        self.array.item_bytes = itemsize
        self.array.ndim = take_dims(shape, self.dims[0])
        self.array.shape = self.dims[0]
        if chunks is not None:
            take_dims(chunks, self.dims[1])
            self.array.chunks = self.dims[1]
        if blocks is not None:
            take_dims(blocks, self.dims[2])
            self.array.blocks = self.dims[2]
        self.s.array = &self.array
        return 0


cdef tuple cost(const _c.tsr_read_cost *c):
    return c.bytes, c.requests, c.decoded, c.chunks, c.blocks, c.seconds


cdef dict plan(const _c.tsr_plan *p, int ndim, int n):
    cdef int d, i
    return {
        "flags": p.flags,
        "chunks": tuple(p.chunks[d] for d in range(ndim)),
        "blocks": tuple(p.blocks[d] for d in range(ndim)),
        "nchunks": p.nchunks, "nblocks": p.nblocks,
        "chunk_bytes": p.chunk_bytes, "block_bytes": p.block_bytes,
        "seconds": p.seconds,
        "access": [(cost(&p.access[i].mean), cost(&p.access[i].here), cost(&p.access[i].worst))
                   for i in range(n)],
    }


cdef tuple answer(const _c.tsr_advice *v, int ndim):
    cdef const _c.tsr_advise_spec *s = _c.tsr_advice_spec(v)
    cdef const _c.tsr_plan *p
    cdef list plans = []
    while True:
        p = _c.tsr_advice_plan(v, len(plans))
        if p == NULL:
            break
        plans.append(plan(p, ndim, s.naccess))
    assumed = {"format": (<bytes>s.format).decode(), "medium": (<bytes>s.medium).decode(),
               "ratio": s.ratio, "latency": s.latency, "bandwidth": s.bandwidth,
               "decode_speed": s.decode_speed, "in_flight": s.in_flight}
    return plans, assumed, (<bytes>_c.tsr_advice_why(v)).decode()


def advise(Array a, itemsize, shape, chunks, blocks, list accesses, dict options):
    """Plans as dictionaries, the assumptions, and the sentence; a None: of the shape alone."""
    cdef Question q = Question(accesses)
    cdef _c.tsr_advice *v = NULL
    cdef int rc = CLOSED
    q.options(options)
    if a is None:
        q.made_up(itemsize, shape, chunks, blocks)
        with nogil:
            rc = _c.tsr_advise(NULL, &q.s, &v)
        check(rc)
    else:
        with nogil:
            if a.for_reading():
                rc = _c.tsr_advise(a.a, &q.s, &v)
            pthread_rwlock_unlock(&a.lock)
        a.done(rc)
    try:
        return answer(v, len(shape))
    finally:
        _c.tsr_advice_free(v)


def measure(Array a not None, part):
    """What reading a part takes."""
    cdef _c.int64_t box[3][32]
    cdef _c.tsr_slice s
    cdef _c.tsr_read_cost c
    cdef int k, rc = CLOSED
    for k in range(3):
        take_dims(part[k], box[k])
    s.start, s.count, s.step = box[0], box[1], box[2]
    with nogil:
        if a.for_reading():
            rc = _c.tsr_advise_measure(a.a, &s, &c)
        pthread_rwlock_unlock(&a.lock)
    a.done(rc)
    return cost(&c)
