# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""What the modules around one handle share: exceptions, contexts, options, specs, locks.

A handle may be used by many Python threads: each call into the engine releases the GIL and holds
the handle's lock, shared to read and alone to change.  A lock is only ever waited for without the
GIL.  Writable handles of files are registered by real path, so that whoever opens the same file in
this process sees what they hold, and so that they are flushed when the interpreter ends.

Of the handles of one place one writes; the others are aside, and have nothing pending.  Two kinds
of locks keep it so, in this order: the turn of the place, held while the right to write goes from
one to another, and the lock of a handle, held alone while it changes, is flushed, or steps aside.
So a change is flushed before its handle steps aside, or finds it aside and makes it step in first.
Nobody waits for a turn with the lock of a handle held, nor flushes another handle with one held.
"""
import atexit
import contextlib
import itertools
import os
import re
import threading

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport getpid, usleep

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

cdef tuple identity(str path):
    """What tells a file from another one at the same path; None: nothing is there."""
    try:
        st = os.stat(path)
    except FileNotFoundError:
        return None
    return st.st_dev, st.st_ino


cdef str place_of(str url):
    """The same for all paths of one place, be it in a hierarchy or a folder of its own."""
    if "://" in url:
        return url
    top, _, inside = url.partition("#")
    if inside and os.path.isdir(top):
        url = os.path.join(top, inside.strip("/"))
    return os.path.realpath(url)


cdef str absolute(str url):
    return url if "://" in url else os.path.abspath(url)


cdef str address_of(str url):
    """How it is opened again, wherever the program goes."""
    top, _, inside = url.partition("#")
    if inside and "://" not in url and os.path.isdir(top):
        return os.path.realpath(top) + "#" + inside
    return place_of(url)


cdef extern from "Python.h":
    Py_ssize_t references "Py_REFCNT"(PyObject *o)


cdef dict _turns = {}  # place -> Turn, while there are handles for changes of it


cdef class Turn:
    """The handles of one place that are for changes; held while one of them becomes the writer.

    A context: `with` it no other thread steps in or opens the place for changes.
    """

    def __enter__(self):
        self.lock.acquire()
        return self

    def __exit__(self, *exc):
        self.lock.release()
        self.leave()

    cdef Turn join(self):
        """For one who needs it until `leave`."""
        self.users += 1
        return self

    cdef int leave(self) except -1:
        self.users -= 1
        if self.users == 0:
            _turns.pop(self.place, None)
        return 0

    cdef list handles(self):
        """Those of this process: what came through fork is its parent's to write."""
        cdef Link *k = self.first.after
        cdef list found = []
        while k != NULL:  # what is going away has no references any more
            if references(k.handle) > 0 and (<Handle>k.handle).pid == getpid():
                found.append(<Handle>k.handle)
            k = k.after
        return found

    cdef int flush(self) except -1:
        cdef Handle h
        for h in self.handles():
            h.flush_for_others()
        return 0

    cdef int clear(self, Handle writer) except -1:
        """With the turn: all others are flushed and for reading, unless that failed."""
        cdef Handle h
        while self.closing > 0:  # what goes away is written first
            with nogil:
                usleep(200)
        for h in self.handles():
            if h is not writer:
                h.flush_for_others()
                h.step_aside()
        return 0


cdef Turn turn_of(str place):
    """The turn of a place, joined."""
    cdef Turn t = _turns.get(place)
    if t is None:
        t = Turn.__new__(Turn)
        t.lock = threading.RLock()
        if place in _turns:  # another thread was here
            t = _turns[place]
        else:
            t.place = place
            _turns[place] = t
    return t.join()


def flush_path(str path):
    """Writes what handles of this process hold for the file or folder at path.

    A handle whose file is gone or another one by now tells so when it is flushed itself.
    """
    cdef Turn t = _turns.get(place_of(path)) if _turns else None
    if t is not None:
        t.flush()


def flush_below(str path):
    """The same for all that lies at path or, in a hierarchy, below it."""
    cdef Turn t
    top = place_of(path).replace("#", "/").rstrip("/") + "/"
    for t in list(_turns.values()):
        if (t.place.replace("#", "/") + "/").startswith(top):
            t.flush()


class _Way:
    """A context in which one more handle of this process is opened at a path, for changes.

    The engine knows one writer at a time, so the others of this process become readers, until they
    are to change something again.
    """

    def __init__(self, str path):
        self.turn = turn_of(place_of(path))

    def __enter__(self):
        cdef Turn t = self.turn
        t.__enter__()
        try:
            t.clear(None)
        except BaseException:
            t.__exit__()
            raise

    def __exit__(self, *exc):
        self.turn.__exit__()


def way(str path, str mode):
    """The context in which a path is opened in a mode, "r" or one for changes."""
    if mode != "r":
        return _Way(path)
    flush_path(path)
    return contextlib.nullcontext()


cdef list stop_below(str url):
    """The handles of what is at a place or below it, which gives way to a new array.

    They neither read nor write from here on, until `stopped` lets them.  Before that they are
    flushed: what a new one that nobody sees yet has put would go with its handle, late.
    """
    cdef Link *k = _handles.after
    cdef Handle h
    cdef list found = []
    while k != NULL:  # what is going away has no handle any more
        if k.handle != NULL and references(k.handle) > 0 and \
                (<Handle>k.handle).address is not None:
            found.append(<Handle>k.handle)
        k = k.after
    top = place_of(url).rstrip("/") + "/"
    found = [h for h in found if not h.gone and (place_of(h.address) + "/").startswith(top)]
    for h in found:
        h.flush_for_others()
        with nogil:
            h.alone()
            h.gone = True
            pthread_rwlock_unlock(&h.lock)
    return found


cdef int stopped(list handles, bint replaced) except -1:
    """The end of `stop_below`: what they hold was replaced, or they go on."""
    cdef Handle h
    for h in handles:
        with nogil:
            h.alone()
            h.gone = replaced
            if replaced:
                h.pending = False
            pthread_rwlock_unlock(&h.lock)
    return 0


def forget_path(str path):
    """What is at path is about to be removed: nothing more is written to it."""
    cdef Turn t = _turns.get(place_of(path))
    if t is not None:
        for h in t.handles():
            h._forget()


cdef void _flush_or_tell(object h) noexcept:
    """What is raised goes to sys.unraisablehook: the other handles are written all the same."""
    h._flush_at_exit()


cdef void _close_or_tell(int rc) noexcept:
    """The same of a handle that went away."""
    check(rc)


def _flush_all():
    cdef Turn t
    for t in list(_turns.values()):
        for h in t.handles():
            _flush_or_tell(h)


atexit.register(_flush_all)


cdef dict _refused = {}  # thread -> why its handle cannot be the writer, until `done` tells it


cdef int own_process(int pid) except -1:
    if pid != getpid():
        raise ValueError("a handle that came through fork is for reading: open the file anew "
                         "in the child to change it")
    return 0


cdef Link _handles  # the first one is behind it; changed with the GIL only


cdef void link_behind(Link *first, Link *k) noexcept:
    k.before = first
    k.after = first.after
    if first.after != NULL:
        first.after.before = k
    first.after = k


cdef void unlink(Link *k) noexcept:
    """Takes it out of its list, in which it need not be."""
    if k.before == NULL:
        return
    k.before.after = k.after
    if k.after != NULL:
        k.after.before = k.before
    k.before = k.after = NULL


def _after_fork():
    """Locks that other threads of the parent held have no owner here, who would give them back.

    A handle that one of them was changing is in no state to be used.
    """
    global _meeting
    cdef Link *h = _handles.after
    cdef Turn t
    _meeting = threading.RLock()
    _refused.clear()
    for t in _turns.values():
        t.lock = threading.RLock()
        t.closing = 0
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
        self.link.handle = <PyObject *>self
        self.link.lock = &self.lock
        self.link.is_open = &self.is_open
        link_behind(&_handles, &self.link)

    def __dealloc__(self):
        cdef int rc = 0
        unlink(&self.writer)  # nobody may take it from there now, but may wait until it is closed
        self.link.handle = NULL  # nor from there, which _after_fork goes through
        if self.is_open:
            if self.turn is not None:
                self.turn.closing += 1
            with nogil:
                rc = self.end()
            if self.turn is not None:
                self.turn.closing -= 1
            _close_or_tell(rc)
        if self.turn is not None:
            self.turn.leave()
        unlink(&self.link)
        pthread_rwlock_destroy(&self.lock)

    cdef int end(self) noexcept nogil:
        """Closes it: what is pending is written, if it is this process's and still there.

        What came through fork and may hold changes is its parent's, with files that it has begun.
        """
        if self.pid != getpid():
            if not self.writable:
                self.c_drop()
        elif self.pending and not self.gone:
            return self.c_close()
        else:
            self.c_drop()
        return _c.TSR_OK

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

    cdef bint in_place(self, str place) except -1:
        """Of one that was created at a place: whether what was there is removed already."""
        return False

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

    cdef int flush_for_others(self) except -1:
        """Writes what is pending; what fails is told when it is flushed itself."""
        cdef int rc = _c.TSR_OK
        if not self.pending or self.pid != getpid():
            return 0
        with nogil:
            if self.alone():
                rc = self.flush_held(False)
            pthread_rwlock_unlock(&self.lock)
        self.found(rc)
        return 0

    cdef int flush_held(self, bint durable) noexcept nogil:
        """With the lock held alone."""
        cdef int rc = _c.TSR_OK
        if (self.pending or durable) and not self.gone:
            rc = self.c_flush(durable)
        if rc == _c.TSR_OK:
            self.pending = False
        return rc

    cdef int found(self, int rc) except -1:
        """After a flush: which file it is, if that is not known yet."""
        if rc == _c.TSR_OK and self.file is None and self.again is not None \
                and self.place is not None:
            self.file = identity(self.place)
        return 0

    cdef int step_aside(self) except -1:
        """With the turn: from now on for reading, unless it cannot be flushed or opened again.

        The new writer hears of the conflict then.
        """
        cdef Options o
        cdef bytes b
        cdef const char *u
        if self.again is None or self.aside or self.file is None or not self.writable:
            return 0
        if self.file != identity(self.place):
            return 0  # removed or replaced: nobody waits for this one
        o = Options(mode="r", **self.again)
        b = path_bytes(self.address)
        u = b
        with nogil:
            if self.alone() and self.flush_held(False) == _c.TSR_OK:
                self.aside = self.c_reopen(u, &o.o) == _c.TSR_OK
            pthread_rwlock_unlock(&self.lock)
        return 0

    cdef int step_in(self, bint keep) except -1:
        """The only writer again; keep: with the lock held alone, so that a change finds it so."""
        cdef Options o
        cdef bytes b = path_bytes(self.address)
        cdef const char *u = b
        cdef int rc = CLOSED
        with self.turn.join():
            if self.file != identity(self.place):
                raise ConflictError(f"{self.urlpath}: the file was replaced since this handle wrote "
                                    "to it: open it anew")
            self.turn.clear(self)
            o = Options(mode="r+", **self.again)
            with nogil:
                if self.alone():
                    rc = self.c_reopen(u, &o.o) if self.aside else _c.TSR_OK
                if rc == _c.TSR_OK:
                    self.aside = False
                if rc != _c.TSR_OK or not keep:
                    pthread_rwlock_unlock(&self.lock)
            self.done(rc)
        return 0

    cdef int catch_up(self) except -1:
        """Before it reads beside the handle that writes: what that one holds is there to be read.

        What fails here is not lost: the one that writes says so when it is flushed itself, and this
        one reads the state before.
        """
        cdef int rc = 0
        cdef _c.cbool changed = False
        self.turn.flush()
        with nogil:
            if self.alone() and self.aside:
                rc = self.c_refresh(&changed)
            pthread_rwlock_unlock(&self.lock)
        if rc >= 0 and changed and self.is_open:
            self.look()
        return 0

    def _forget(self):
        with nogil:
            self.alone()
            self.pending = False
            pthread_rwlock_unlock(&self.lock)

    cdef int opened(self, object urlpath, str mode, bint writable, bint locking) except -1:
        """The handle is there: what is known of it, and of others who open its file."""
        self.is_open = True
        self.urlpath = urlpath
        self.mode = mode
        self.writable = writable
        self.locking = locking
        if urlpath is not None:
            self.address = address_of(urlpath) if writable else absolute(urlpath)
        if writable and urlpath is not None:
            self.place = place_of(urlpath)
            self.turn = turn_of(self.place)
            self.writer.handle = <PyObject *>self
            link_behind(&self.turn.first, &self.writer)
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
        return self.is_open and not self.gone

    cdef int hold(self) except -1:
        """Takes the lock as for_reading does; raises, and does not take it, of a closed handle.

        For what asks the engine several times in one go: with the GIL where nobody has to wait.
        Until the lock is given back nothing may run that could want it for changes.
        """
        cdef bint there
        if not self.aside and pthread_rwlock_tryrdlock(&self.lock) == 0:
            there = self.is_open and not self.gone
        else:
            with nogil:
                there = self.for_reading()
        if not there:
            pthread_rwlock_unlock(&self.lock)
            self.done(CLOSED)
        return 0

    cdef bint alone(self) noexcept nogil:
        """Takes the lock alone."""
        pthread_rwlock_wrlock(&self.lock)
        return self.is_open

    cdef bint for_changes(self) noexcept nogil:
        """Takes the lock alone, for the handle of its place that writes; `unlock_changed` ends it.

        False: it is closed, or cannot be the writer, as `done` tells.
        """
        cdef bint there = self.alone() and not self.gone
        if not there or not self.aside:
            return there
        pthread_rwlock_unlock(&self.lock)
        with gil:
            there = self.step_in_or_note()
        if not there:
            pthread_rwlock_wrlock(&self.lock)
        return there

    cdef bint step_in_or_note(self) noexcept:
        """After `may_change` another one was let in: steps in once more, and keeps the lock."""
        try:
            self.step_in(True)
        except BaseException as e:
            _refused[pthread_self()] = e
            return False
        self.unseen = True
        return True

    cdef void unlock_changed(self, int rc) noexcept nogil:
        """After a change, which is known to be pending before anybody else gets the lock."""
        if rc == _c.TSR_OK:
            self.pending = True
        pthread_rwlock_unlock(&self.lock)

    cdef int done(self, int rc) except -1:
        """After a call: its exception."""
        if rc == CLOSED:
            if _refused and (refused := _refused.pop(pthread_self(), None)) is not None:
                raise refused
            if self.is_open and self.gone:
                raise ConflictError(f"{self.urlpath}: a new array took its place: open it anew")
            raise ValueError(f"{self.urlpath or 'in memory'}: the handle is closed")
        return check(rc)

    cdef int may_change(self) except -1:
        """Raises unless this handle, in this process, may be changed."""
        if not self.is_open or self.gone:
            self.done(CLOSED)
        if not self.writable:
            raise DeniedError(f"{self.urlpath or 'in memory'}: Cannot do this action with reading "
                              "mode: open it with mode='a'")
        own_process(self.pid)
        if self.aside:
            self.step_in(False)
            self.look()
        return 0

    cdef int changed(self, int rc) except -1:
        """After a change: its exception; written at once when each change is to be."""
        self.done(rc)
        if self.unseen:
            self.unseen = False
            self.look()
        if self.locking:
            self.flush()
        return 0

    def _drop(self):
        """Ends the handle and forgets what was not flushed."""
        with nogil:
            if self.alone() and (self.pid == getpid() or not self.writable):
                self.c_drop()
            self.is_open = False
            self.pending = False
            pthread_rwlock_unlock(&self.lock)
        unlink(&self.writer)
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
            if self.alone():
                rc = self.end()
            self.is_open = False
            self.pending = False
            pthread_rwlock_unlock(&self.lock)
        unlink(&self.writer)
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
        if durable or not self.is_open or not self.writable:
            self.may_change()
        own_process(self.pid)
        with nogil:  # who is aside has nothing to flush, but is to be the writer for `sync`
            if self.for_changes() if durable else self.alone():
                rc = self.flush_held(durable)
            pthread_rwlock_unlock(&self.lock)
        self.done(rc)
        self.found(rc)

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
            if self.alone() and not self.gone:
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
        if self.aside:
            self.catch_up()
        with nogil:
            if self.alone() and not self.gone:  # what is pending is encoded
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
