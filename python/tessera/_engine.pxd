# SPDX-License-Identifier: BSD-3-Clause
# What the modules around one handle share: statuses, contexts, options, specs, locks.
from cpython.ref cimport PyObject

from tessera cimport _c

cdef extern from "pthread.h" nogil:
    ctypedef struct pthread_rwlock_t:
        pass
    int pthread_rwlock_init(pthread_rwlock_t *lock, const void *attr)
    int pthread_rwlock_destroy(pthread_rwlock_t *lock)
    int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
    int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
    int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
    int pthread_rwlock_unlock(pthread_rwlock_t *lock)

# 0 or more: nothing; else the exception of the status, with the library's text.
cdef int check(int rc) except -1

# Raises unless this is the process, by its pid, that opened what is to be changed.
cdef int own_process(int pid) except -1

# What a call on a closed handle gives in place of a status.
cdef enum:
    CLOSED = 1
    MOVED = 2    # the shape is no more the one that a selection was made for

# n bytes that the library handed out, as bytes; frees them.
cdef bytes taken(void *buf, size_t n)

# Borrowed; NULL (the default one) for 0 threads.
cdef _c.tsr_context *context(int threads) except? NULL

# A codec or filter of the program's: add makes it known to a context (NULL: the default one).
cdef class Registered:
    cdef int add(self, _c.tsr_context *c) except -1

# Makes it known to all contexts that there are and will be.
cdef int register(Registered r) except -1

# What a codec's or filter's function answers with for an exception, so that check finds it again.
cdef int failed(object exception)

cdef class Steps:
    cdef _c.tsr_step step[8]
    cdef readonly int n
    cdef list kept

cdef list steps_of(const _c.tsr_step *step, int n)

cdef class Metas:
    cdef _c.tsr_meta_value *value
    cdef int n
    cdef list kept

cdef class Options:
    cdef _c.tsr_options o
    cdef _c.tsr_remote_options r
    cdef list kept
    cdef const char *text(self, object value) except? NULL

cdef class Spec:
    cdef _c.tsr_spec s
    cdef _c.int64_t dims[3][32]
    cdef const char *names[32]
    cdef list kept
    cdef const char *text(self, str value) except? NULL

cdef class SchunkSpec:
    cdef _c.tsr_schunk_spec s
    cdef list kept

cdef class Handle

# In a list of handles; before is NULL outside of one.
cdef struct Link:
    Link *before
    Link *after
    pthread_rwlock_t *lock
    bint *is_open
    PyObject *handle                 # borrowed

# The handles of one place that are for changes, and whose turn it is.  Changed with the GIL only.
cdef class Turn:
    cdef object lock                 # an RLock, held while one becomes the writer
    cdef str place
    cdef Link first                  # the first one is behind it
    cdef int users                   # handles, and those who are about to open one
    cdef int closing                 # handles that are being closed as they go away

    cdef Turn join(self)
    cdef int leave(self) except -1
    cdef list handles(self)
    cdef int flush(self) except -1
    cdef int clear(self, Handle writer) except -1

cdef str place_of(str url)
cdef Turn turn_of(str place)
cdef list stop_below(str url)
cdef int stopped(list handles, bint replaced) except -1

# What every handle is: who may use it when, and how it is found again.  The c_ functions are the
# calls of its kind (tsr_array_flush, tsr_schunk_flush, ...).
cdef class Handle:
    cdef pthread_rwlock_t lock
    cdef Link link                   # of the handles of this process
    cdef Link writer                 # of those for changes of its place
    cdef Turn turn                   # of its place, if it is for changes
    cdef object __weakref__
    cdef object place                # where urlpath led when it was opened, for the registry
    cdef str address                 # the same, also of one for reading, as it is opened again
    cdef object borrowed             # memory that the handle reads in place
    cdef int pid
    cdef bint is_open
    cdef bint pending                # changes that are not flushed
    cdef bint locking                # each change is flushed at once
    cdef bint aside                  # another handle of this process writes; nothing is pending
    cdef bint gone                   # a new array of this process took its place
    cdef bint unseen                 # others changed it before the change that is going on
    cdef tuple file                  # which one its path led to; None: not known
    cdef dict again                  # options to open it again; None: it is not
    cdef readonly dict _remote       # how its server is spoken to, if that was said
    cdef readonly bint writable      # opened or created for changes
    cdef readonly object urlpath     # str, None in memory
    cdef readonly str mode

    cdef int c_close(self) noexcept nogil
    cdef void c_drop(self) noexcept nogil
    cdef int c_flush(self, bint durable) noexcept nogil
    cdef int c_refresh(self, _c.cbool *changed) noexcept nogil
    cdef int c_stats(self, _c.tsr_stats *out) noexcept nogil
    cdef int c_cparams(self, _c.tsr_cparams_info *out) noexcept nogil
    cdef int c_to_frame(self, void **buf, size_t *n) noexcept nogil
    cdef int c_meta_count(self, _c.tsr_meta_kind kind) noexcept nogil
    cdef const char *c_meta_name(self, _c.tsr_meta_kind kind, int i) noexcept nogil
    cdef int c_meta_get(self, _c.tsr_meta_kind kind, const char *name, void **buf,
                        size_t *n) noexcept nogil
    cdef int c_meta_set(self, _c.tsr_meta_kind kind, const char *name, const void *buf,
                        size_t n) noexcept nogil
    cdef int c_meta_remove(self, const char *name) noexcept nogil

    cdef int c_reopen(self, const char *url, const _c.tsr_options *o) noexcept nogil

    cdef int keep_options(self, dict options) except -1
    cdef int flush_for_others(self) except -1
    cdef int end(self) noexcept nogil
    cdef int flush_held(self, bint durable) noexcept nogil
    cdef int found(self, int rc) except -1
    cdef int step_aside(self) except -1
    cdef int step_in(self, bint keep) except -1
    cdef bint step_in_or_note(self) noexcept
    cdef int catch_up(self) except -1
    cdef int look(self) except -1
    cdef bint in_place(self, str place) except -1
    cdef int opened(self, object urlpath, str mode, bint writable, bint locking) except -1
    cdef int created(self, object urlpath, str mode, dict options) except -1
    cdef bint for_reading(self) noexcept nogil
    cdef bint for_more_reading(self) noexcept nogil
    cdef int hold(self) except -1
    cdef bint alone(self) noexcept nogil
    cdef bint for_changes(self) noexcept nogil
    cdef void unlock_changed(self, int rc) noexcept nogil
    cdef int done(self, int rc) except -1
    cdef int may_change(self) except -1
    cdef int changed(self, int rc) except -1
