# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""The handle of a group: opened, listed and changed in C.

Handles of one place share it, so that a change excludes all other calls; one lock for all of them
is held during each call, without the GIL.
"""
import os
import threading
import weakref

from libc.string cimport strlen
from posix.unistd cimport getpid

from tessera cimport _c
from tessera._engine cimport Options, check, own_process, taken

from tessera._engine import name_bytes, path_bytes


cdef int note(void *user, const _c.tsr_node_info *n) noexcept with gil:
    """Appends what a node is to the list that is user."""
    try:
        (<list>user).append((
            (<bytes>n.path).decode(),
            "array" if n.kind == _c.TSR_KIND_ARRAY else "group",
            None if n.format == NULL else (<bytes>n.format).decode(),
            None if n.error == NULL else (<bytes>n.error).decode(errors="replace"),
            tuple([n.shape[d] for d in range(n.ndim)]),
            tuple([n.chunks[d] for d in range(n.ndim)]),
            None if n.dtype == NULL else (<bytes>n.dtype).decode(),
            None if n.type == NULL else (<bytes>n.type).decode(),
        ))
    except Exception:
        return _c.TSR_ENOMEM
    return 0


cdef str below(str url, str path):
    """The URL of what lies at path in the group at url."""
    place, _, inside = url.partition("#")
    parts = [p for p in (inside + "/" + path).replace("\\", "/").split("/") if p]
    return place + "#" + "/".join(parts) if parts else place


_handles = weakref.WeakSet()  # of this process and those it was forked from


def _after_fork():
    """Locks are made anew; a handle that another thread was using is in no state to be used."""
    cdef GroupHandle g
    anew = {}
    for g in list(_handles):
        if id(g.lock) not in anew:
            anew[id(g.lock)] = g.lock, threading.RLock(), g.lock.acquire(blocking=False)
        _, g.lock, free = anew[id(g.lock)]
        if not free:
            g.g = NULL


os.register_at_fork(after_in_child=_after_fork)


cdef class GroupHandle:
    """A group of a hierarchy."""

    def __cinit__(self):
        self.lock = threading.RLock()
        self.pid = getpid()
        _handles.add(self)

    @staticmethod
    def open(str url, str mode, *, format=None, bint consolidated=True, remote=None):
        """Opens a group; mode as in the C API, "x" and "w" make one."""
        cdef GroupHandle self = GroupHandle.__new__(GroupHandle)
        cdef Options o = Options(mode=mode, format=format, remote=remote)
        cdef bytes b = path_bytes(url)
        cdef const char *u = b
        cdef bint create = mode in ("x", "w")
        cdef int rc
        o.o.no_consolidated = not consolidated
        with nogil:
            rc = _c.tsr_group_create(u, &o.o, &self.g) if create else \
                _c.tsr_group_open(u, &o.o, &self.g)
        check(rc)
        self.urlpath = below(url, "")
        self.remote = remote
        self.writable = mode != "r"
        return self

    def __dealloc__(self):
        self.end()

    cdef int end(self) noexcept:
        """Closes it; what came through fork and may hold changes is its parent's to close."""
        cdef _c.tsr_group *g = self.g
        self.g = NULL
        if self.writable and self.pid != getpid():
            return _c.TSR_OK
        with nogil:
            return _c.tsr_group_close(g)

    cdef GroupHandle child(self, _c.tsr_group *g):
        cdef GroupHandle it = GroupHandle.__new__(GroupHandle)
        it.g = g
        it.pid = self.pid
        it.lock = self.lock
        it.writable = self.writable
        it.remote = self.remote
        it.urlpath = self.urlpath.partition("#")[0]
        it.urlpath = below(it.urlpath, (<bytes>_c.tsr_group_path(g)).decode())
        return it

    cdef int c_done(self, int rc) except -1:
        """After a call, or before one with rc 0."""
        if self.g == NULL:
            raise ValueError(f"{self.urlpath}: the group is closed")
        return check(rc)

    cdef int may_change(self) except -1:
        """Before a change: raises in another process than the one that opened it."""
        self.c_done(0)
        return own_process(self.pid) if self.writable else 0

    def close(self):
        with self.lock:
            rc = self.end()
        check(rc)

    def flush(self):
        cdef int rc
        with self.lock:
            self.may_change()
            with nogil:
                rc = _c.tsr_group_flush(self.g)
        check(rc)

    @property
    def inherited(self):
        """Whether it came through fork."""
        return self.pid != getpid()

    @property
    def is_open(self):
        return self.g != NULL

    @property
    def format(self):
        self.c_done(0)
        return (<bytes>_c.tsr_group_format(self.g)).decode()

    @property
    def path(self):
        self.c_done(0)
        return (<bytes>_c.tsr_group_path(self.g)).decode()

    @property
    def consolidated(self):
        self.c_done(0)
        return bool(_c.tsr_group_consolidated(self.g))

    def stats(self):
        """(bytes read, requests) of the place."""
        cdef _c.tsr_stats st
        st.size = sizeof(st)
        with self.lock:
            self.c_done(0)
            check(_c.tsr_group_stats(self.g, &st))
        return st.bytes_read, st.requests

    # ---- what is in it ----

    def list(self, int depth):
        """(path, kind, format, error, shape, chunks, dtype, type) of each node."""
        cdef list found = []
        cdef void *user = <void *>found
        cdef int rc
        with self.lock:
            self.c_done(0)
            with nogil:
                rc = _c.tsr_group_list(self.g, depth, note, user)
        check(rc)
        return found

    def find(self, str path):
        """The same of one; None: there is none."""
        cdef list found = []
        cdef void *user = <void *>found
        cdef bytes b = path.encode()
        cdef const char *p = b
        cdef int rc
        if b"\0" in b:
            return None
        with self.lock:
            self.c_done(0)
            with nogil:
                rc = _c.tsr_group_find(self.g, p, note, user)
        if rc == _c.TSR_ENOTFOUND:
            return None
        check(rc)
        return found[0]

    def open_group(self, str path):
        cdef bytes b = name_bytes(path)
        cdef const char *p = b
        cdef _c.tsr_group *g = NULL
        cdef int rc
        with self.lock:
            self.c_done(0)
            with nogil:
                rc = _c.tsr_group_open_group(self.g, p, &g)
        check(rc)
        return self.child(g)

    # ---- changes ----

    def create_group(self, str path, str mode):
        cdef bytes b = name_bytes(path)
        cdef bytes m = mode.encode()
        cdef const char *p = b
        cdef const char *how = m
        cdef _c.tsr_group *g = NULL
        cdef int rc
        with self.lock:
            self.may_change()
            with nogil:
                rc = _c.tsr_group_create_group(self.g, p, how, &g)
        check(rc)
        return self.child(g)

    def remove(self, str path):
        cdef bytes b = name_bytes(path)
        cdef const char *p = b
        cdef int rc
        with self.lock:
            self.may_change()
            with nogil:
                rc = _c.tsr_group_remove(self.g, p)
        if rc == _c.TSR_ENOTFOUND:
            raise KeyError(path)
        check(rc)

    def consolidate(self):
        cdef int rc
        with self.lock:
            self.may_change()
            with nogil:
                rc = _c.tsr_group_consolidate(self.g)
        check(rc)

    # ---- attributes: JSON ----

    def _attrs(self):
        cdef char *text = NULL
        cdef int rc
        with self.lock:
            self.c_done(0)
            with nogil:
                rc = _c.tsr_group_attrs(self.g, "", &text)
        check(rc)
        return taken(text, strlen(text)).decode()

    def _attr_set(self, str name, str json):
        """json None: removes it."""
        cdef bytes b = name.encode()
        cdef bytes v = b"" if json is None else json.encode()
        cdef const char *n = b
        cdef const char *value = NULL if json is None else <const char *>v
        cdef int rc
        if b"\0" in b:
            raise ValueError(f"attribute: found {name!r}, expected a name without NUL")
        with self.lock:
            self.may_change()
            with nogil:
                if value == NULL:
                    rc = _c.tsr_group_attr_remove(self.g, n)
                else:
                    rc = _c.tsr_group_attr_set(self.g, n, value)
        if rc == _c.TSR_ENOTFOUND and json is None:
            raise KeyError(name)
        check(rc)

    def _attr_remove(self, str name):
        self._attr_set(name, None)

    def _attrs_set(self, str json):
        """All of them, in place of those that there are."""
        cdef bytes v = json.encode()
        cdef const char *value = v
        cdef int rc
        with self.lock:
            self.may_change()
            with nogil:
                rc = _c.tsr_group_attrs_set(self.g, value)
        check(rc)
