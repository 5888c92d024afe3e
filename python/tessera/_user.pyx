# SPDX-License-Identifier: BSD-3-Clause
# cython: language_level=3
"""Codecs and filters written in Python.

The engine calls them from its threads, any number at once; each call takes the GIL, so Python code
runs one block after the other while everything else goes on beside it.  Their arrays are copies:
what a function keeps of them harms nobody.  An exception ends the call that needed the block, as
the cause of what that call raises.
"""
import re

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from tessera cimport _c
from tessera._engine cimport Registered, check, failed, register

from tessera import params

ID_MIN, ID_MAX = 160, 255

ucodecs_registry = {}
ufilters_registry = {}


cdef class BlockInfo:
    """What a codec or filter is told of its block, in the place of python-blosc2's SChunk.

    Attributes
    ----------
    typesize : int
        Bytes of one item.
    blockshape : tuple of int
        Of the block in items, () where it has none.
    clevel : int
        1 to 9 when encoding, else 0.
    """

    cdef readonly int typesize
    cdef readonly int clevel
    cdef readonly tuple blockshape

    def __repr__(self) -> str:
        return (f"BlockInfo(typesize={self.typesize}, blockshape={self.blockshape}, "
                f"clevel={self.clevel})")


cdef BlockInfo told(const _c.tsr_block_info *b):
    cdef BlockInfo info = BlockInfo.__new__(BlockInfo)
    cdef int d
    info.typesize = b.item_bytes if b.item_bytes else b.typesize
    info.clevel = b.clevel
    info.blockshape = tuple([b.shape[d] for d in range(b.ndim)])
    return info


cdef object given(const void *src, size_t n):
    """A read-only array of its own with n bytes from src."""
    return np.frombuffer(PyBytes_FromStringAndSize(<const char *>src, n), dtype=np.uint8)


cdef int taken_over(object room, size_t n, void *dst) except -1:
    """The first n bytes of what a function filled."""
    cdef bytes b = room[:n].tobytes()
    memcpy(dst, PyBytes_AS_STRING(b), n)
    return 0


# ---- codecs ----

cdef class _Codec(Registered):
    cdef bytes name
    cdef int id
    cdef object encoder, decoder

    cdef int add(self, _c.tsr_context *c) except -1:
        cdef _c.tsr_user_codec u
        cdef int rc
        memset(&u, 0, sizeof(u))
        u.size = sizeof(u)
        u.name = self.name
        u.about = b"written in Python"
        u.blosc2_id = self.id
        u.user = <void *>self
        u.encode = codec_encode
        u.decode = codec_decode
        with nogil:
            rc = _c.tsr_codec_register(c, &u)
        return check(rc)

    cdef int encode(self, const _c.tsr_block_info *b, const void *src, size_t n, void *dst,
                    size_t cap, size_t *len) except -1:
        room = np.zeros(cap, np.uint8)
        size = self.encoder(given(src, n), room, b.meta, told(b))
        if not isinstance(size, (int, np.integer)):
            raise TypeError(f"it returned {size!r}, expected the size in bytes")
        if not 0 <= size <= cap:
            raise ValueError(f"it returned {size}, expected 0 to {cap}")
        taken_over(room, size, dst)
        len[0] = size
        return 0

    cdef int decode(self, const _c.tsr_block_info *b, const void *src, size_t len, void *dst,
                    size_t n) except -1:
        room = np.zeros(n, np.uint8)
        size = self.decoder(given(src, len), room, b.meta, told(b))
        if size is not None and size != n:
            raise ValueError(f"it returned {size}, expected {n}")
        taken_over(room, n, dst)
        return 0


cdef int codec_encode(void *user, const _c.tsr_block_info *b, const void *src, size_t n, void *dst,
                      size_t cap, size_t *len) noexcept with gil:
    try:
        return (<_Codec>user).encode(b, src, n, dst, cap, len)
    except BaseException as e:
        return failed(e)


cdef int codec_decode(void *user, const _c.tsr_block_info *b, const void *src, size_t len,
                      void *dst, size_t n) noexcept with gil:
    try:
        return (<_Codec>user).decode(b, src, len, dst, n)
    except BaseException as e:
        return failed(e)


# ---- filters ----

cdef class _Filter(Registered):
    cdef bytes name
    cdef int id
    cdef object forward, backward

    cdef int add(self, _c.tsr_context *c) except -1:
        cdef _c.tsr_user_filter u
        cdef int rc
        memset(&u, 0, sizeof(u))
        u.size = sizeof(u)
        u.name = self.name
        u.about = b"written in Python"
        u.blosc2_id = self.id
        u.user = <void *>self
        u.encode = filter_encode
        u.decode = filter_decode
        with nogil:
            rc = _c.tsr_filter_register(c, &u)
        return check(rc)


cdef int transform(object function, const _c.tsr_block_info *b, const void *src, void *dst,
                   size_t n) except -1:
    room = np.zeros(n, np.uint8)
    function(given(src, n), room, b.meta, told(b))
    return taken_over(room, n, dst)


cdef int filter_encode(void *user, const _c.tsr_block_info *b, const void *src, void *dst,
                       size_t n) noexcept with gil:
    try:
        return transform((<_Filter>user).forward, b, src, dst, n)
    except BaseException as e:
        return failed(e)


cdef int filter_decode(void *user, const _c.tsr_block_info *b, const void *src, void *dst,
                       size_t n) noexcept with gil:
    try:
        return transform((<_Filter>user).backward, b, src, dst, n)
    except BaseException as e:
        return failed(e)


# ---- registering ----

def _check(int id, registry, first, second, str what):
    """The rules that both kinds share; whether there are functions at all."""
    if not ID_MIN <= id <= ID_MAX:
        raise ValueError(f"id: found {id}, expected {ID_MIN} to {ID_MAX}")
    if id in registry:
        raise ValueError(f"id {id} is already in use")
    if (first is None) != (second is None):
        raise ValueError(f"both {what} must be given, or none")
    return first is not None


def _step_name(str name, int id) -> str:
    """A name for steps: of a-z, 0-9 and _, and of no other codec or filter."""
    plain = re.sub("[^a-z0-9_]", "_", name.lower())[:27] or "user"
    return f"{plain}_{id}" if params.is_known(plain) else plain


def register_codec(str codec_name, int id, encoder=None, decoder=None, version=1):
    """Registers a codec written in Python, under the number that files call it by.

    Parameters
    ----------
    codec_name : str
    id : int
        160 to 255.
    encoder : callable
        ``encoder(input, output, meta, block) -> int``: input and output are uint8 arrays, meta the
        ``codec_meta``, block a `BlockInfo` (`typesize`, `blockshape`, `clevel`).  It fills the
        beginning of output, which is shorter than input, and returns how many bytes; 0: it does
        not fit, and the input is stored as it is.
    decoder : callable
        ``decoder(input, output, meta, block)``: fills all of output; returns its size or None.
    version : int
        Not used.

    Raises
    ------
    ValueError
        The id is out of range or taken, or only one of the functions is given.

    Notes
    -----
    Known from then on to everything in this process.  The functions are called from several
    threads, one at a time, and must not use the object whose data they work on.  What they raise
    is the cause of the exception of the call that needed them.  With neither function python-blosc2
    loads a plugin of that name; here there are none, and data that needs it is refused.

    Examples
    --------
    >>> import numpy as np, tessera
    >>> def encoder(input, output, meta, block):
    ...     n = block.typesize
    ...     if (input.reshape(-1, n) != input[:n]).any():
    ...         return 0
    ...     output[:n] = input[:n]
    ...     return n
    >>> def decoder(input, output, meta, block):
    ...     output[:] = np.tile(input, output.size // input.size)
    >>> tessera.register_codec("constant", 171, encoder, decoder)
    """
    cdef _Codec c = _Codec.__new__(_Codec)
    if not _check(id, ucodecs_registry, encoder, decoder, "encoder and decoder"):
        return
    step = _step_name(codec_name, id)
    c.name = step.encode()
    c.id = id
    c.encoder = encoder
    c.decoder = decoder
    register(c)
    params.add_step(step, id, False)
    ucodecs_registry[id] = (codec_name, encoder, decoder)


def register_filter(int id, forward=None, backward=None, name=None):
    """Registers a filter written in Python, under the number that files call it by.

    Parameters
    ----------
    id : int
        160 to 255.
    forward, backward : callable
        ``f(input, output, meta, block)``: uint8 arrays of one size, the filter's entry of
        ``filters_meta``, a `BlockInfo`.  Fills output; backward gives back what forward was given.
    name : str, optional

    Raises
    ------
    ValueError
        The id is out of range or taken, only one of the functions is given, or nothing is.

    Notes
    -----
    As for `register_codec`.

    Examples
    --------
    >>> import tessera
    >>> def swap(input, output, meta, block):
    ...     output[:] = input[::-1]
    >>> tessera.register_filter(171, swap, swap)
    """
    cdef _Filter f = _Filter.__new__(_Filter)
    if not _check(id, ufilters_registry, forward, backward, "forward and backward"):
        if name is None:
            raise ValueError("a name or both forward and backward must be given")
        return
    step = _step_name(name or f"filter{id}", id)
    f.name = step.encode()
    f.id = id
    f.forward = forward
    f.backward = backward
    register(f)
    params.add_step(step, id, True)
    ufilters_registry[id] = (forward, backward)
