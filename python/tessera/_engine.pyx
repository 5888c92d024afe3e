# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""What the modules around one handle share: exceptions, contexts, options, specs, locks.

A handle may be used by many Python threads: each call into the engine releases the GIL and holds
the handle's lock, shared to read and alone to change.  A lock is only ever waited for without the
GIL.  Writable handles of files are registered by real path, so that whoever opens the same file in
this process sees what they hold, and so that they are flushed when the interpreter ends.
"""
import atexit
import itertools
import os
import re
import threading
import weakref

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid

from tessera cimport _c


class TesseraError(RuntimeError):
    """A call failed; the text says where, what was found and what was expected."""


class CorruptError(TesseraError):
    """The bytes break their format's specification."""


class UnsupportedError(TesseraError):
    """The data is valid, but this build cannot read or write it so."""


class LimitError(TesseraError):
    """Larger than a limit allows."""


class ConflictError(TesseraError):
    """Someone else changed the file first; `refresh` shows the new state."""


class TemporaryError(TesseraError, OSError):
    """Trouble of the network or a server; a retry may help."""


class ExistsError(TesseraError, FileExistsError):
    """Something is there already; mode "w" replaces it."""


class DeniedError(ValueError, PermissionError):
    """A read-only handle or file."""


_exceptions = {
    _c.TSR_EARG: ValueError,
    _c.TSR_ENOMEM: MemoryError,
    _c.TSR_EIO: OSError,
    _c.TSR_ENOTFOUND: FileNotFoundError,
    _c.TSR_EEXISTS: ExistsError,
    _c.TSR_EDENIED: DeniedError,
    _c.TSR_ECORRUPT: CorruptError,
    _c.TSR_EUNSUPPORTED: UnsupportedError,
    _c.TSR_ELIMIT: LimitError,
    _c.TSR_ECONFLICT: ConflictError,
    _c.TSR_ETEMP: TemporaryError,
    _c.TSR_ECANCELLED: KeyboardInterrupt,
}


cdef extern from "pthread.h" nogil:
    unsigned long pthread_self()


cdef int check(int rc) except -1:
    if rc >= 0:
        return 0
    text = (<bytes>_c.tsr_error()).decode("utf-8", "replace")
    cause = None
    if _stopped and _halted == pthread_self():
        resume()
        raise _stopped.pop()
    if _failures and (found := _answer.search(text)):
        cause = _failures.pop(int(found[1]), None)
    if cause is not None:
        text = f"{text[:found.start()]}raised {type(cause).__name__}: {cause}"
    raise _exceptions.get(rc, TesseraError)(text) from cause


# ---- exceptions of codecs and filters written in Python, on their way through the engine ----

_answer = re.compile(r"answered (\d+)$")  # how tsr_error ends when such a function failed
_failures = {}  # answer -> exception, the newest few: only the first one of a call is asked for
_answers = itertools.count(1000)


cdef int failed(object exception):
    if isinstance(exception, KeyboardInterrupt):
        return _c.TSR_ECANCELLED
    answer = next(_answers) % 0x7fffffff
    _failures[answer] = exception
    while len(_failures) > 64:
        _failures.pop(next(iter(_failures)), None)
    return answer


# ---- signals, while the engine works ----

_stopped = []  # what the handler of a signal raised, on its way through the engine
cdef int64_t _asked = 0
cdef unsigned long _halted = 0  # the thread whose calls all end until one has raised it


cdef void resume() noexcept:
    global _halted
    _halted = 0


cdef int ask_signals(void *user, int64_t done, int64_t total) noexcept nogil:
    """Whether to stop, a tsr_progress; the GIL is asked for twenty times a second at most."""
    global _asked, _halted
    cdef timespec t
    cdef int64_t now
    if _halted != 0 and _halted == pthread_self():
        return 1
    clock_gettime(CLOCK_MONOTONIC, &t)
    now = <int64_t>t.tv_sec * 20 + t.tv_nsec // 50000000
    if now == _asked:
        return 0
    _asked = now
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as e:
            _stopped[:] = [e]
            _halted = pthread_self()
            return 1
    return 0


cdef bytes taken(void *buf, size_t n):
    """n bytes that the library handed out, as bytes; frees them."""
    try:
        return PyBytes_FromStringAndSize(<char *>buf, n)
    finally:
        _c.tsr_free(buf)


def path_bytes(url) -> bytes:
    """A path as C takes it."""
    return name_bytes(os.fsdecode(url), "urlpath", os.fsencode(url))


def name_bytes(str name, str what="name", bytes encoded=None) -> bytes:
    """A name as C takes it: C would end it at a NUL, and it would be another one."""
    b = name.encode() if encoded is None else encoded
    if not b or b"\0" in b:
        raise ValueError(f"{what}: found {name!r}, expected at least one byte and no NUL")
    return b


# ---- contexts: one per number of threads, for as long as the process lives ----

cdef class _Context:
    cdef _c.tsr_context *c


_contexts = {}
_registered = []
_meeting = threading.RLock()  # held until each context knows each codec, and the size of caches
cdef size_t _cache_bytes = 0  # of each context, as C takes it: 0 is its default


cdef class Registered:
    cdef int add(self, _c.tsr_context *c) except -1:
        return 0


cdef int register(Registered r) except -1:
    cdef _Context c
    with _meeting:
        r.add(NULL)
        Py_INCREF(r)  # contexts call it as long as they live, which is for ever
        _registered.append(r)
        for c in _contexts.values():
            r.add(c.c)
    return 0


cdef _c.tsr_context *context(int threads) except? NULL:
    cdef _c.tsr_context_options o
    cdef _Context c
    cdef Registered r
    cdef int rc
    if threads == 0 or threads == _c.tsr_context_threads(NULL):
        return NULL
    with _meeting:
        c = _contexts.get(threads)
        if c is None:
            c = _Context.__new__(_Context)
            memset(&o, 0, sizeof(o))
            o.size = sizeof(o)
            o.threads = threads
            o.cache_bytes = _cache_bytes
            rc = _c.tsr_context_new(&o, &c.c)
            check(rc)
            for r in _registered:
                r.add(c.c)
            _contexts[threads] = c
        return c.c


def default_threads() -> int:
    """Threads of the default context: the available cores."""
    return _c.tsr_context_threads(NULL)


def set_default_threads(int threads) -> int:
    """The same, from now on; how many it was."""
    cdef int rc, before = 0
    with nogil:
        rc = _c.tsr_context_set_threads(NULL, threads, &before)
    check(rc)
    return before


def set_cache(size_t nbytes) -> int:
    """Decoded blocks that each context keeps, in bytes, 0: none; how many it was."""
    global _cache_bytes
    cdef size_t before = 0, ignored, given = nbytes if nbytes else _c.TSR_NO_CACHE
    cdef _Context x
    cdef int rc
    with _meeting:
        with nogil:
            rc = _c.tsr_context_set_cache(NULL, given, &before)
        check(rc)
        _cache_bytes = given
        for x in _contexts.values():
            with nogil:
                rc = _c.tsr_context_set_cache(x.c, given, &ignored)
            check(rc)
    return 0 if before == _c.TSR_NO_CACHE else before


def cache_stats() -> tuple:
    """(budget_bytes, held_bytes, hits, misses) of all contexts together."""
    cdef _c.tsr_cache_stats st
    cdef _Context x
    cdef const _c.tsr_context *c
    cdef int rc
    total = [0, 0, 0, 0]
    with _meeting:
        for x in [None, *_contexts.values()]:
            memset(&st, 0, sizeof(st))
            st.size = sizeof(st)
            c = NULL if x is None else x.c
            with nogil:
                rc = _c.tsr_context_cache_stats(c, &st)
            check(rc)
            for i, n in enumerate((st.budget_bytes, st.held_bytes, st.hits, st.misses)):
                total[i] += n
    return tuple(total)


def version() -> str:
    """Version of the C library."""
    return (<bytes>_c.tsr_version()).decode()


def codec_table() -> list:
    """(name, blosc2 id, is a filter, lossy) of what is built in."""
    cdef _c.tsr_codec_info info
    cdef int i = 0
    rows = []
    while True:
        memset(&info, 0, sizeof(info))
        info.size = sizeof(info)
        if _c.tsr_codec_at(i, &info) < 0:
            return rows
        rows.append(((<bytes>info.name).decode(), info.blosc2_id, bool(info.filter),
                     bool(info.lossy)))
        i += 1


def probe(str url, uint64_t offset=0, remote=None) -> tuple:
    """What lies at url: ("array" | "schunk" | "chunk" | "group", format)."""
    cdef _c.tsr_place_info info
    cdef Options o = Options(offset=offset, remote=remote)
    cdef bytes b = path_bytes(url)
    cdef const char *u = b
    cdef int rc
    memset(&info, 0, sizeof(info))
    info.size = sizeof(info)
    with nogil:
        rc = _c.tsr_probe(u, &o.o, &info)
    check(rc)
    return ("array", "schunk", "chunk", "group")[<int>info.kind], (<bytes>info.format).decode()


# ---- arguments of the C API that stay alive as long as the object ----

cdef class Steps:
    """Codec and filters in writing order, from (name, params) pairs."""

    def __cinit__(self, steps):
        if len(steps) > 8:
            raise ValueError(f"at most 6 filters and a codec, found {len(steps)} steps")
        self.kept = []
        for name, params in steps:
            n, p = name_bytes(name), (params or "").encode()
            self.kept += [n, p]
            self.step[self.n].name = n
            self.step[self.n].params = p
            self.n += 1


cdef list steps_of(const _c.tsr_step *step, int n):
    """The (name, params) pairs of n steps."""
    cdef int i
    return [((<bytes>step[i].name).decode(),
             (<bytes>step[i].params).decode() if step[i].params != NULL else "")
            for i in range(n)]


cdef class Metas:
    """Header metalayers, from name -> bytes."""

    def __cinit__(self, metas):
        self.kept = []
        self.value = <_c.tsr_meta_value *>PyMem_Calloc(len(metas) + 1, sizeof(_c.tsr_meta_value))
        if self.value == NULL:
            raise MemoryError
        for name, value in metas.items():
            n, v = name_bytes(name), bytes(value)
            self.kept += [n, v]
            self.value[self.n].name = n
            self.value[self.n].p = <const char *>v
            self.value[self.n].len = len(v)
            self.n += 1

    def __dealloc__(self):
        PyMem_Free(self.value)


cdef class Options:
    """tsr_options; remote: members of tsr_remote_options by name.  Ctrl-C ends what takes long."""

    def __cinit__(self, *, mode=None, format=None, int threads=0, uint64_t offset=0,
                  bint durable=False, bint sparse=False, bint locking=False,
                  uint64_t max_chunk_bytes=0, mmap=None, dict remote=None):
        self.kept = []
        self.o.size = sizeof(_c.tsr_options)
        self.o.mmap = self.text(mmap)
        self.o.mode = self.text(mode)
        self.o.format = self.text(format)
        self.o.context = context(threads)
        self.o.progress = ask_signals
        self.o.remote = &self.r
        self.r.size = sizeof(_c.tsr_remote_options)
        self.r.progress = ask_signals
        if remote:
            self.r.endpoint, self.r.region = self.text(remote["endpoint"]), self.text(remote["region"])
            self.r.key, self.r.secret = self.text(remote["key"]), self.text(remote["secret"])
            self.r.token = self.text(remote["token"])
            self.r.anonymous = remote["anonymous"]
            self.r.timeout_s, self.r.tries = remote["timeout_s"], remote["tries"]
            self.r.pause_ms, self.r.connections = remote["pause_ms"], remote["connections"]
        self.o.offset = offset
        self.o.durable = durable
        self.o.sparse = sparse
        self.o.locking = locking
        self.o.max_chunk_bytes = max_chunk_bytes

    cdef const char *text(self, object value) except? NULL:
        if value is None:
            return NULL
        self.kept.append(name_bytes(value, "option"))
        return <bytes>self.kept[-1]


cdef class Spec:
    """tsr_spec: an array that is to be created."""

    def __cinit__(self, *, str dtype=None, shape=None, chunks=None, blocks=None, steps=None,
                  int split=0, bytes fill=None, bint uninit=False, metas=None,
                  bint checksum=False, str type=None, str codecs=None, names=None,
                  str zarr=None):
        cdef int k, d
        cdef Steps st
        cdef Metas m
        self.kept = []
        self.s.size = sizeof(_c.tsr_spec)
        if dtype is not None:
            b = dtype.encode()
            self.kept.append(b)
            self.s.dtype = b
        for k, dims in enumerate((shape, chunks, blocks)):
            if dims is None:
                continue
            if len(dims) > 32:
                raise ValueError(f"at most 32 dimensions, found {len(dims)}")
            for d, n in enumerate(dims):
                self.dims[k][d] = n
        if shape is not None:
            self.s.ndim = len(shape)
            self.s.shape = self.dims[0]
        if chunks is not None:
            self.s.chunks = self.dims[1]
        if blocks is not None:
            self.s.blocks = self.dims[2]
        if steps is not None:
            st = Steps(steps)
            self.kept.append(st)
            self.s.steps = st.step
            self.s.nsteps = st.n
        self.s.split = split
        if fill is not None:
            self.kept.append(fill)
            self.s.fill = <const char *>fill
        self.s.uninit = uninit
        if metas:
            m = Metas(metas)
            self.kept.append(m)
            self.s.metas = m.value
            self.s.nmetas = m.n
        self.s.checksum = checksum
        self.s.type, self.s.codecs, self.s.zarr = self.text(type), self.text(codecs), self.text(zarr)
        if names is not None:
            if len(names) > 32 or (shape is not None and len(names) != len(shape)):
                raise ValueError(f"dimension_names: found {len(names)}, expected one for each axis")
            for d, name in enumerate(names):
                b = b"" if name is None else name.encode()
                if b"\0" in b:
                    raise ValueError(f"name of a dimension: found {name!r}, expected no NUL")
                self.kept.append(b)
                self.names[d] = NULL if name is None else <const char *>b
            self.s.names = self.names

    cdef const char *text(self, str value) except? NULL:
        if value is None:
            return NULL
        self.kept.append(name_bytes(value, "option"))
        return <bytes>self.kept[-1]


cdef class SchunkSpec:
    """tsr_schunk_spec: a super-chunk that is to be created, or how a chunk is encoded."""

    def __cinit__(self, *, int64_t item_bytes=0, int64_t chunk_bytes=0, int64_t block_bytes=0,
                  steps=None, int split=0, metas=None, bint checksum=False, bint variable=False):
        cdef Steps st
        cdef Metas m
        self.kept = []
        self.s.size = sizeof(_c.tsr_schunk_spec)
        self.s.item_bytes = item_bytes
        self.s.chunk_bytes = chunk_bytes
        self.s.block_bytes = block_bytes
        if steps is not None:
            st = Steps(steps)
            self.kept.append(st)
            self.s.steps = st.step
            self.s.nsteps = st.n
        self.s.split = split
        if metas:
            m = Metas(metas)
            self.kept.append(m)
            self.s.metas = m.value
            self.s.nmetas = m.n
        self.s.checksum = checksum
        self.s.variable = variable


# ---- handles ----

_writers = weakref.WeakValueDictionary()  # id -> writable handle of a file
_turns = threading.RLock()  # held while the right to write goes from one handle to another


cdef tuple identity(str path):
    """What tells a file from another one at the same path; None: nothing is there."""
    try:
        st = os.stat(path)
    except FileNotFoundError:
        return None
    return st.st_dev, st.st_ino


cdef str place_of(str url):
    """The same for all paths of one place."""
    return url if "://" in url else os.path.realpath(url)


def _writers_of(str path) -> list:
    if not _writers:
        return []
    cdef Handle h
    found = []
    real = place_of(path)
    for h in list(_writers.values()):
        if h.place == real and h.pid == getpid():  # what came through fork is its parent's to write
            found.append(h)
    return found


def flush_path(str path):
    """Writes what handles of this process hold for the file or folder at path.

    A handle whose file is gone or another one by now tells so when it is flushed itself.
    """
    for h in _writers_of(path):
        try:
            h.flush()
        except (TesseraError, OSError):
            pass


def flush_below(str path):
    """The same for all that lies at path or, in a hierarchy, below it."""
    cdef Handle h
    top = place_of(path).replace("#", "/").rstrip("/") + "/"
    for h in list(_writers.values()):
        if (h.place.replace("#", "/") + "/").startswith(top):
            flush_path(h.place)


def make_way(str path):
    """Lets one more handle of this process change what is at path.

    The engine knows one writer at a time, so the others of this process become readers, until they
    are to change something again.
    """
    flush_path(path)
    with _turns:
        for h in _writers_of(path):
            h._step_aside()


def forget_path(str path):
    """What is at path is about to be removed: nothing more is written to it."""
    for h in _writers_of(path):
        h._forget()


cdef void _flush_or_tell(object h) noexcept:
    """What is raised goes to sys.unraisablehook: the other handles are written all the same."""
    h._flush_at_exit()


cdef void _close_or_tell(int rc) noexcept:
    """The same of a handle that went away."""
    check(rc)


def _flush_all():
    for h in list(_writers.values()):
        _flush_or_tell(h)


atexit.register(_flush_all)


cdef int own_process(int pid) except -1:
    if pid != getpid():
        raise ValueError("a handle that came through fork is for reading: open the file anew "
                         "in the child to change it")
    return 0


cdef Link _handles  # the first one is behind it; changed with the GIL only


def _after_fork():
    """Locks that other threads of the parent held have no owner here, who would give them back.

    A handle that one of them was changing is in no state to be used.
    """
    global _turns, _meeting
    cdef Link *h = _handles.after
    _turns, _meeting = threading.RLock(), threading.RLock()
    while h != NULL:
        if pthread_rwlock_tryrdlock(h.lock) != 0:
            h.is_open[0] = False
        pthread_rwlock_init(h.lock, NULL)
        h = h.after


os.register_at_fork(after_in_child=_after_fork)


@cython.no_gc_clear  # what was borrowed must outlive the handle
cdef class Handle:
    """What arrays and super-chunks have in common: a place, a life, metalayers.

    Each call into the engine goes `if self.for_reading(): rc = c_...`, with `done(rc)` after it:
    rc stays CLOSED when the handle is not open any more.

    Attributes
    ----------
    urlpath : str or None
        Where it is stored; None in memory.
    mode : str
        As it was opened or created: "r", "a" or "w".
    writable : bool
        Whether it may be changed.
    """

    def __cinit__(self, *args, **kwargs):
        pthread_rwlock_init(&self.lock, NULL)
        self.pid = getpid()
        self.link.lock = &self.lock
        self.link.is_open = &self.is_open
        self.link.before = &_handles
        self.link.after = _handles.after
        if _handles.after != NULL:
            _handles.after.before = &self.link
        _handles.after = &self.link

    def __dealloc__(self):
        cdef int rc = 0
        if self.is_open:
            if self.place is not None:
                _writers.pop(id(self), None)  # nobody may take it from there from now on
            with nogil:
                if self.pending and self.pid == getpid():
                    rc = self.c_close()
                else:
                    self.c_drop()
            _close_or_tell(rc)
        self.link.before.after = self.link.after
        if self.link.after != NULL:
            self.link.after.before = self.link.before
        pthread_rwlock_destroy(&self.lock)

    # ---- what the kinds of handles bring ----

    cdef int c_close(self) noexcept nogil:
        return 0

    cdef void c_drop(self) noexcept nogil:
        pass

    cdef int c_flush(self, bint durable) noexcept nogil:
        return 0

    cdef int c_refresh(self, _c.cbool *changed) noexcept nogil:
        return 0

    cdef int c_stats(self, _c.tsr_stats *out) noexcept nogil:
        return 0

    cdef int c_cparams(self, _c.tsr_cparams_info *out) noexcept nogil:
        return 0

    cdef int c_to_frame(self, void **buf, size_t *n) noexcept nogil:
        return 0

    cdef int c_meta_count(self, _c.tsr_meta_kind kind) noexcept nogil:
        return 0

    cdef const char *c_meta_name(self, _c.tsr_meta_kind kind, int i) noexcept nogil:
        return NULL

    cdef int c_meta_get(self, _c.tsr_meta_kind kind, const char *name, void **buf,
                        size_t *n) noexcept nogil:
        return 0

    cdef int c_meta_set(self, _c.tsr_meta_kind kind, const char *name, const void *buf,
                        size_t n) noexcept nogil:
        return 0

    cdef int c_meta_remove(self, const char *name) noexcept nogil:
        return 0

    cdef int c_reopen(self, const char *url, const _c.tsr_options *o) noexcept nogil:
        return 0

    cdef int look(self) except -1:
        return 0

    # ---- who may use it when ----

    cdef int keep_options(self, dict options) except -1:
        """After opened or created: how to open it again, and whether changes are to show at once."""
        mapped = options.get("mmap")
        if mapped == "w+" or mapped == "r+":
            self.locking = True  # whoever maps a file expects to see changes in it
        self._remote = options.get("remote")
        if not options.get("locking") and mapped != "c" and options.get("format") != "raw":
            self.again = {"threads": options.get("threads", 0), "remote": self._remote}
            if self.place is not None and not self.pending:
                self.file = identity(self.place)  # a new one appears with the first flush
        return 0

    cdef int reopen(self, str mode) except -1:
        cdef Options o = Options(mode=mode, **self.again)
        cdef bytes b = path_bytes(self.place)
        cdef const char *u = b
        cdef int rc = CLOSED
        with nogil:
            if self.for_changes():
                rc = self.c_reopen(u, &o.o)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        self.look()
        return 0

    def _step_aside(self):
        if self.again is None or self.aside or not self.is_open or self.pid != getpid():
            return
        if self.pending or not self.writable:
            return  # it could not be flushed: the new writer hears of the conflict
        if self.file is None or self.file != identity(self.place):
            return  # removed or replaced: nobody waits for this one
        self.reopen("r")
        self.aside = True

    cdef int step_in(self) except -1:
        """The only writer again."""
        with _turns:
            if self.file != identity(self.place):
                raise ConflictError(f"{self.urlpath}: the file was replaced since this handle wrote "
                                    "to it: open it anew")
            make_way(self.place)
            self.reopen("r+")
            self.aside = False
        return 0

    cdef int catch_up(self) except -1:
        """Before it reads beside the handle that writes: what that one holds is there to be read.

        What fails here is not lost: the one that writes says so when it is flushed itself, and this
        one reads the state before.
        """
        cdef int rc = 0
        cdef _c.cbool changed = False
        flush_path(self.place)
        with nogil:
            if self.for_changes():
                rc = self.c_refresh(&changed)
            pthread_rwlock_unlock(&self.lock)
        if rc >= 0 and changed:
            self.look()
        return 0

    def _forget(self):
        self.pending = False

    cdef int opened(self, object urlpath, str mode, bint writable, bint locking) except -1:
        """The handle is there: what is known of it, and of others who open its file."""
        self.is_open = True
        self.urlpath = urlpath
        self.mode = mode
        self.writable = writable
        self.locking = locking
        if writable and urlpath is not None:
            self.place = place_of(urlpath)
            _writers[id(self)] = self
        self.look()
        return 0

    cdef int created(self, object urlpath, str mode, dict options) except -1:
        """The same for a new container, which takes its place with the first flush."""
        if urlpath is not None:
            flush_path(urlpath)  # then whoever wrote to what was there has nothing to lose
        self.pending = True
        self.opened(urlpath, "a" if mode == "x" else mode, True, options.get("locking", False))
        return self.keep_options(options)

    cdef bint for_reading(self) noexcept nogil:
        """Takes the lock together with other readers, on the newest state."""
        if self.aside:
            with gil:
                self.catch_up()
        return self.for_more_reading()

    cdef bint for_more_reading(self) noexcept nogil:
        """The same on the state that is known, for those who hold the locks of other handles."""
        pthread_rwlock_rdlock(&self.lock)
        return self.is_open

    cdef int hold(self) except -1:
        """Takes the lock as for_reading does; raises, and does not take it, of a closed handle.

        For what asks the engine several times in one go: with the GIL where nobody has to wait.
        Until the lock is given back nothing may run that could want it for changes.
        """
        cdef bint there
        if not self.aside and pthread_rwlock_tryrdlock(&self.lock) == 0:
            there = self.is_open
        else:
            with nogil:
                there = self.for_reading()
        if not there:
            pthread_rwlock_unlock(&self.lock)
            self.done(CLOSED)
        return 0

    cdef bint for_changes(self) noexcept nogil:
        """Takes the lock alone."""
        pthread_rwlock_wrlock(&self.lock)
        return self.is_open

    cdef void unlock_changed(self, int rc) noexcept nogil:
        """After a change, which is known to be pending before anybody else gets the lock."""
        if rc == _c.TSR_OK:
            self.pending = True
        pthread_rwlock_unlock(&self.lock)

    cdef int done(self, int rc) except -1:
        """After a call: its exception."""
        if rc == CLOSED:
            raise ValueError(f"{self.urlpath or 'in memory'}: the handle is closed")
        return check(rc)

    cdef int may_change(self) except -1:
        """Raises unless this handle, in this process, may be changed."""
        if not self.is_open:
            self.done(CLOSED)
        if not self.writable:
            raise DeniedError(f"{self.urlpath or 'in memory'}: Cannot do this action with reading "
                              "mode: open it with mode='a'")
        own_process(self.pid)
        if self.aside:
            self.step_in()
        return 0

    cdef int changed(self, int rc) except -1:
        """After a change: its exception; written at once when each change is to be."""
        self.done(rc)
        if self.locking:
            self.flush()
        return 0

    def _drop(self):
        """Ends the handle and forgets what was not flushed."""
        with nogil:
            if self.for_changes():
                self.c_drop()
            self.is_open = False
            self.pending = False
            pthread_rwlock_unlock(&self.lock)
        self.writable = False

    def close(self) -> None:
        """Writes what is pending and ends the handle: `ValueError` for each later use of it.

        Raises
        ------
        OSError, ConflictError
            What was pending could not be written.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.zeros(3, urlpath="closed.b2nd", mode="w")
        >>> a[1] = 5
        >>> a.close()
        >>> tessera.open("closed.b2nd", mode="r")[:]
        array([0., 5., 0.])
        >>> tessera.remove_urlpath("closed.b2nd")
        """
        cdef int rc = 0
        with nogil:
            if self.for_changes():
                if self.pending and self.pid == getpid():
                    rc = self.c_close()
                else:
                    self.c_drop()
            self.is_open = False
            self.pending = False
            pthread_rwlock_unlock(&self.lock)
        _writers.pop(id(self), None)
        self.writable = False
        check(rc)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def flush(self) -> None:
        """Everything written so far survives the death of the process from here on.

        Raises
        ------
        OSError, ConflictError
            It could not be written; the file is as the last flush left it.

        Examples
        --------
        >>> import tessera
        >>> with tessera.SChunk(urlpath="flushed.b2frame", mode="w") as s:
        ...     n = s.append_data(b"abc")
        ...     s.flush()  # "abc" is in the file
        >>> tessera.remove_urlpath("flushed.b2frame")
        """
        if self.pending:
            self._flush(False)

    def sync(self) -> None:
        """As `flush`, and it survives the death of the machine.

        Raises
        ------
        OSError, ConflictError
            It could not be written; the file is as the last flush left it.

        Examples
        --------
        >>> import tessera
        >>> with tessera.zeros(3, urlpath="synced.b2nd", mode="w") as a:
        ...     a[0] = 1
        ...     a.sync()  # the 1 is on the disk
        >>> tessera.remove_urlpath("synced.b2nd")
        """
        self._flush(True)

    def _flush(self, bint durable):
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = self.c_flush(durable)
                if rc == _c.TSR_OK:
                    self.pending = False  # here: another thread's change may come next
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        if self.file is None and self.again is not None and self.place is not None:
            self.file = identity(self.place)

    def _flush_at_exit(self):
        if self.pending and self.pid == getpid():
            self.flush()

    def refresh(self) -> bool:
        """Looks at what others did to the file: its shape, metadata and chunks.

        Returns
        -------
        bool
            Whether the file was changed since the handle last looked.

        Raises
        ------
        CorruptError
            Also while a program that is no Tessera is half way through a change: try again.

        Examples
        --------
        >>> import tessera
        >>> a = tessera.zeros(3, urlpath="watched.b2nd", mode="w")
        >>> a.refresh()
        False
        >>> a.close()
        >>> tessera.remove_urlpath("watched.b2nd")
        """
        cdef int rc = CLOSED
        cdef _c.cbool changed = False
        with nogil:
            if self.for_changes():
                rc = self.c_refresh(&changed)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        self.look()
        return bool(changed)

    def to_cframe(self) -> bytes:
        """All of it as a contiguous Blosc2 frame: what a .b2nd or .b2frame file would hold.

        Raises
        ------
        ValueError
            The handle is closed.

        Examples
        --------
        >>> import tessera
        >>> frame = tessera.arange(4).to_cframe()
        >>> tessera.from_cframe(frame)[1:3]
        array([1, 2])
        """
        cdef void *buf = NULL
        cdef size_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_changes():  # what is pending is encoded
                rc = self.c_to_frame(&buf, &n)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return taken(buf, n)

    def _stats(self) -> dict:
        """nbytes, cbytes, nchunks; since it was opened bytes_read, requests, blocks_decoded and
        cache_hits.
        """
        cdef _c.tsr_stats st
        cdef int rc = CLOSED
        memset(&st, 0, sizeof(st))
        st.size = sizeof(st)
        with nogil:
            if self.for_reading():
                rc = self.c_stats(&st)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return {"nbytes": st.nbytes, "cbytes": st.cbytes, "nchunks": st.nchunks,
                "bytes_read": st.bytes_read, "requests": st.requests,
                "blocks_decoded": st.blocks_decoded, "cache_hits": st.cache_hits}

    def _cparams(self) -> dict:
        """How new chunks are made, by ids and slots; blocksize 0: chosen for each."""
        cdef _c.tsr_cparams_info p
        cdef int rc = CLOSED
        memset(&p, 0, sizeof(p))
        p.size = sizeof(p)
        with nogil:
            if self.for_reading():
                rc = self.c_cparams(&p)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        return {"typesize": p.item_bytes, "blocksize": p.block_bytes, "codec": p.codec_id,
                "codec_meta": p.codec_meta, "clevel": p.clevel, "use_dict": bool(p.dict),
                "splitmode": p.split, "filters": [p.filters[i] for i in range(6)],
                "filters_meta": [p.filters_meta[i] for i in range(6)]}

    # ---- metalayers: bytes by name, of the header or (vl) of variable length ----

    def _meta_names(self, bint vl) -> list:
        cdef _c.tsr_meta_kind kind = _c.TSR_VLMETA if vl else _c.TSR_META
        cdef int i
        cdef bint there
        with nogil:
            there = self.for_reading()
        try:  # the names live as long as nobody changes the handle
            if not there:
                self.done(CLOSED)
            return [(<bytes>self.c_meta_name(kind, i)).decode()
                    for i in range(self.c_meta_count(kind))]
        finally:
            pthread_rwlock_unlock(&self.lock)

    def _meta_get(self, bint vl, str name) -> bytes:
        cdef _c.tsr_meta_kind kind = _c.TSR_VLMETA if vl else _c.TSR_META
        cdef bytes b = name_bytes(name)
        cdef const char *s = b
        cdef void *buf = NULL
        cdef size_t n = 0
        cdef int rc = CLOSED
        with nogil:
            if self.for_reading():
                rc = self.c_meta_get(kind, s, &buf, &n)
            pthread_rwlock_unlock(&self.lock)
        if rc == _c.TSR_ENOTFOUND:
            raise KeyError(name)
        self.done(rc)
        return taken(buf, n)

    def _meta_set(self, bint vl, str name, bytes value):
        cdef _c.tsr_meta_kind kind = _c.TSR_VLMETA if vl else _c.TSR_META
        cdef bytes b = name_bytes(name)
        cdef const char *s = b
        cdef const char *p = value
        cdef size_t n = len(value)
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = self.c_meta_set(kind, s, p, n)
            self.unlock_changed(rc)
        if rc == _c.TSR_ENOTFOUND:
            raise KeyError(name)
        self.changed(rc)

    def _meta_remove(self, str name):
        cdef bytes b = name_bytes(name)
        cdef const char *s = b
        cdef int rc = CLOSED
        self.may_change()
        with nogil:
            if self.for_changes():
                rc = self.c_meta_remove(s)
            self.unlock_changed(rc)
        if rc == _c.TSR_ENOTFOUND:
            raise KeyError(name)
        self.changed(rc)
