# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""From one place and format to another, by the engine; the surface is `tessera.conversion`."""
from tessera cimport _c
from tessera._engine cimport Options, Spec, check

from tessera._engine import flush_below, path_bytes


cdef class Conversion:
    """A source, a target, and how they are read and written; for one call of `run` or `plan`."""
    cdef Options read, write
    cdef Spec spec, raw
    cdef bytes src, dst
    cdef object hears           # what is told how far it is; None: nobody
    cdef object raised          # by it, on its way through the engine
    cdef _c.tsr_progress signals

    def __cinit__(self, str src, str dst, Spec spec not None, Spec raw, dict reading, dict writing,
                  *, _c.uint64_t memory_bytes=0, tmp=None, bint resume=False, progress=None):
        self.src, self.dst = path_bytes(src), path_bytes(dst)
        self.spec, self.raw = spec, raw
        self.read, self.write = Options(**reading), Options(**writing)
        if raw is not None:
            self.read.o.raw = &raw.s
        self.write.o.memory_bytes = memory_bytes
        self.write.o.tmp = self.write.text(tmp)
        self.write.o.resume = resume
        self.hears = progress
        self.signals = self.write.o.progress
        if progress is not None:
            self.write.o.progress = tell
            self.write.o.user = <void *>self
        flush_below(src)
        flush_below(dst)  # then whoever wrote to what is replaced has nothing to lose

    cdef int heard(self, _c.int64_t done, _c.int64_t total) noexcept:
        try:
            if self.raised is None:
                self.hears(done, total)
        except BaseException as e:
            self.raised = e
        return self.raised is not None

    def run(self):
        """Does it; what the listener raised comes out again."""
        cdef const char *a = self.src
        cdef const char *b = self.dst
        cdef int rc
        with nogil:
            rc = _c.tsr_convert(a, &self.read.o, b, &self.spec.s, &self.write.o)
        if self.raised is not None:
            raise self.raised
        check(rc)

    def plan(self) -> dict:
        """What would be done, as the fields of `CopyPlan`."""
        cdef const char *a = self.src
        cdef const char *b = self.dst
        cdef _c.tsr_copy_plan *p = NULL
        cdef int rc
        with nogil:
            rc = _c.tsr_convert_plan(a, &self.read.o, b, &self.spec.s, &self.write.o, &p)
        check(rc)
        try:
            return plan_of(p)
        finally:
            _c.tsr_free(p)


cdef int tell(void *user, _c.int64_t done, _c.int64_t total) noexcept nogil:
    """A tsr_progress: signals come first."""
    if (<Conversion>user).signals(NULL, done, total):
        return 1
    with gil:
        return (<Conversion>user).heard(done, total)


cdef tuple shape(const _c.int64_t *p, int n):
    return None if p == NULL else tuple([p[d] for d in range(n)])


cdef dict plan_of(const _c.tsr_copy_plan *p):
    return {
        "passes": [pass_of(p.copy_pass[i], p.ndim) for i in range(p.npasses)],
        "stored": bool(p.stored),
        "between": shape(p.between, p.ndim),
        "between_blocks": shape(p.between_blocks, p.ndim),
        "between_bytes": p.between_bytes,
        "memory_bytes": p.memory_bytes,
        "budget_bytes": p.budget_bytes,
    }


cdef dict pass_of(const _c.tsr_copy_pass *s, int ndim):
    return {
        "box": shape(s.box, ndim), "boxes": s.boxes,
        "chunks_read": s.chunks_read, "blocks_read": s.blocks_read,
        "bytes_read": s.bytes_read, "stored_read": s.stored_read, "requests": s.requests,
        "chunks_written": s.chunks_written, "bytes_written": s.bytes_written,
        "memory_bytes": s.memory_bytes,
    }
