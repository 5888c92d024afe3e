# SPDX-License-Identifier: BSD-3-Clause
"""libtessera for the interop tests: the C API through ctypes, with NumPy on the outside.

The library is found through TESSERA_LIB (a file), TESSERA_BUILD (a build folder), beside the
program in TESSERA, or in build/ of the source tree, in this order.  Structures mirror
include/tessera/tessera.h; every call that fails raises Error with the status and the text."""
import ctypes as C
import json
import os
from pathlib import Path

import numpy as np

STATUS = {-1: "EARG", -2: "ENOMEM", -3: "EIO", -4: "ENOTFOUND", -5: "EEXISTS", -6: "EDENIED",
          -7: "ECORRUPT", -8: "EUNSUPPORTED", -9: "ELIMIT", -10: "ECONFLICT", -11: "ETEMP",
          -12: "ECANCELLED"}
META, VLMETA = 0, 1


class Error(Exception):
    """A call failed: .status is the name of its tsr_status."""

    def __init__(self, status, text):
        super().__init__(f"{STATUS.get(status, status)}: {text}")
        self.status = STATUS.get(status, str(status))


I64P = C.POINTER(C.c_int64)


class Step(C.Structure):
    _fields_ = [("name", C.c_char_p), ("params", C.c_char_p)]


class MetaValue(C.Structure):
    _fields_ = [("name", C.c_char_p), ("p", C.c_char_p), ("len", C.c_size_t)]


class Spec(C.Structure):
    _fields_ = [("size", C.c_size_t), ("dtype", C.c_char_p), ("item_bytes", C.c_int64),
                ("ndim", C.c_int), ("shape", I64P), ("chunks", I64P), ("blocks", I64P),
                ("steps", C.POINTER(Step)), ("nsteps", C.c_int), ("split", C.c_int),
                ("fill", C.c_void_p), ("uninit", C.c_bool), ("metas", C.POINTER(MetaValue)),
                ("nmetas", C.c_int), ("checksum", C.c_bool), ("type", C.c_char_p),
                ("codecs", C.c_char_p), ("names", C.POINTER(C.c_char_p)), ("zarr", C.c_char_p)]


class SchunkSpec(C.Structure):
    _fields_ = [("size", C.c_size_t), ("item_bytes", C.c_int64), ("chunk_bytes", C.c_int64),
                ("block_bytes", C.c_int64), ("steps", C.POINTER(Step)), ("nsteps", C.c_int),
                ("split", C.c_int), ("metas", C.POINTER(MetaValue)), ("nmetas", C.c_int),
                ("checksum", C.c_bool), ("variable", C.c_bool)]


class Items(C.Structure):
    _fields_ = [("size", C.c_size_t), ("n", C.c_int64), ("offsets", C.POINTER(C.c_uint64)),
                ("bytes", C.c_void_p)]


class Options(C.Structure):
    _fields_ = [("size", C.c_size_t), ("mode", C.c_char_p), ("format", C.c_char_p),
                ("context", C.c_void_p), ("offset", C.c_uint64), ("max_chunk_bytes", C.c_uint64),
                ("durable", C.c_bool), ("raw", C.POINTER(Spec)), ("progress", C.c_void_p),
                ("user", C.c_void_p), ("sparse", C.c_bool), ("locking", C.c_bool)]


class Slice(C.Structure):
    _fields_ = [("start", I64P), ("count", I64P), ("step", I64P)]


class Stats(C.Structure):
    _fields_ = [("size", C.c_size_t)] + [(n, C.c_int64) for n in (
        "nbytes", "cbytes", "nchunks", "bytes_read", "requests", "blocks_decoded")]


class Facts(C.Structure):
    _fields_ = ([("size", C.c_size_t)] +
                [(n, C.c_int64) for n in ("nbytes", "cbytes", "block_bytes", "nblocks")] +
                [(n, C.c_int) for n in ("version", "typesize", "flags", "flags2",
                                        "blosc2_flags")] +
                [(n, C.c_bool) for n in ("memcpyed", "dict", "vlblocks")] +
                [("special", C.c_int), ("codec_id", C.c_int), ("codec", C.c_char_p),
                 ("filters", C.c_uint8 * 6), ("filters_meta", C.c_uint8 * 6),
                 ("codec_meta", C.c_uint8)])


def find_library():
    if os.environ.get("TESSERA_LIB"):
        return Path(os.environ["TESSERA_LIB"])
    folders = [os.environ.get("TESSERA_BUILD"),
               os.environ.get("TESSERA") and Path(os.environ["TESSERA"]).parent,
               Path(__file__).resolve().parents[2] / "build"]
    return next((Path(f) / "libtessera.so" for f in folders if f), None)


lib = C.CDLL(str(find_library()))
lib.tsr_error.restype = lib.tsr_version.restype = C.c_char_p
lib.tsr_free.argtypes = [C.c_void_p]
lib.tsr_free.restype = None
lib.tsr_compress_bound.restype = C.c_size_t
lib.tsr_compress_bound.argtypes = [C.c_size_t]
lib.tsr_array_spec.restype = C.POINTER(Spec)
lib.tsr_schunk_spec_of.restype = C.POINTER(SchunkSpec)
for kind in ("array", "schunk"):
    getattr(lib, f"tsr_{kind}_format").restype = C.c_char_p
    getattr(lib, f"tsr_{kind}_meta_name").restype = C.c_char_p
for name in ("nchunks", "nitems"):
    getattr(lib, f"tsr_schunk_{name}").restype = C.c_int64


def call(name, *args):
    rc = getattr(lib, name)(*args)
    if rc < 0:
        raise Error(rc, lib.tsr_error().decode(errors="replace"))
    return rc


def _numbers(values):
    return None if values is None else (C.c_int64 * max(len(values), 1))(*map(int, values))


def _path(url):
    return None if url is None else os.fsencode(url)


def _steps(steps):
    """[("shuffle", "meta=2"), ("zstd", "clevel=5")] and how many."""
    steps = steps or []
    array = (Step * max(len(steps), 1))()
    for i, (name, params) in enumerate(steps):
        array[i] = Step(name.encode(), params.encode() if params else None)
    return array, len(steps)


def _metas(metas):
    metas = metas or {}
    array = (MetaValue * max(len(metas), 1))()
    for i, (name, value) in enumerate(metas.items()):
        array[i] = MetaValue(name.encode(), value, len(value))
    return array, len(metas)


def options(mode=None, format=None, offset=0, max_chunk_bytes=0, durable=False,
            sparse=False, locking=False):
    return C.byref(Options(C.sizeof(Options), mode and mode.encode(), format and format.encode(),
                           None, offset, max_chunk_bytes, durable, None, None, None,
                           sparse, locking))


def _taken(buf, n):
    """The bytes of a buffer that the library handed out, which is freed."""
    data = C.string_at(buf, n)
    lib.tsr_free(buf)
    return data


class _Handle:
    """What arrays and super-chunks have in common; kind is the middle of the C names."""
    kind = None

    def __init__(self, p):
        self.p = p

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def _call(self, name, *args):
        return call(f"tsr_{self.kind}_{name}", self.p, *args)

    @classmethod
    def open(cls, url, mode="r", **opts):
        p = C.c_void_p()
        call(f"tsr_{cls.kind}_open", _path(url), options(mode, **opts), C.byref(p))
        return cls(p)

    @classmethod
    def from_frame(cls, data, borrow=False):
        p = C.c_void_p()
        call(f"tsr_{cls.kind}_from_frame", data, C.c_size_t(len(data)), int(borrow), None,
             C.byref(p))
        self = cls(p)
        self.borrowed = data
        return self

    def to_frame(self):
        buf, n = C.c_void_p(), C.c_size_t()
        self._call("to_frame", C.byref(buf), C.byref(n))
        return _taken(buf, n.value)

    def flush(self):
        self._call("flush")

    def refresh(self):
        """Whether the file was written since."""
        changed = C.c_bool()
        self._call("refresh", C.byref(changed))
        return changed.value

    def close(self):
        p, self.p = self.p, None
        if p:
            call(f"tsr_{self.kind}_close", p)

    def stats(self):
        s = Stats(C.sizeof(Stats))
        self._call("stats", C.byref(s))
        return s

    def meta_names(self, kind):
        n = self._call("meta_count", kind)
        name = getattr(lib, f"tsr_{self.kind}_meta_name")
        return [name(self.p, kind, i).decode() for i in range(n)]

    def meta(self, kind, name):
        buf, n = C.c_void_p(), C.c_size_t()
        self._call("meta_get", kind, name.encode(), C.byref(buf), C.byref(n))
        return _taken(buf, n.value)

    def meta_set(self, kind, name, value):
        self._call("meta_set", kind, name.encode(), value, C.c_size_t(len(value)))

    def meta_remove(self, name):
        self._call("meta_remove", name.encode())


class Array(_Handle):
    kind = "array"

    @classmethod
    def create(cls, url, dtype, shape, chunks=None, blocks=None, steps=None, split=0, fill=None,
               uninit=False, metas=None, mode=None, checksum=False, zarr=None, type=None, codecs=None,
               names=None, **opts):
        p = C.c_void_p()
        st, nst = _steps(steps)
        ms, nms = _metas(metas)
        item = None if fill is None else C.cast(C.c_char_p(bytes(fill)), C.c_void_p)
        texts = names and (C.c_char_p * len(names))(*[n if n is None else n.encode() for n in names])
        spec = Spec(C.sizeof(Spec), dtype and dtype.encode(), 0, len(shape), _numbers(shape),
                    _numbers(chunks), _numbers(blocks), st, nst, split, item, uninit, ms, nms, checksum,
                    type and type.encode(), codecs and codecs.encode(), texts or None,
                    zarr and zarr.encode())
        call("tsr_array_create", _path(url), C.byref(spec), options(mode, **opts), C.byref(p))
        return cls(p)

    @property
    def spec(self):
        return lib.tsr_array_spec(self.p).contents

    @property
    def shape(self):
        return tuple(self.spec.shape[:self.spec.ndim])

    @property
    def chunks(self):
        return tuple(self.spec.chunks[:self.spec.ndim])

    @property
    def blocks(self):
        return tuple(self.spec.blocks[:self.spec.ndim])

    @property
    def dtype(self):
        return self.spec.dtype.decode()

    @property
    def steps(self):
        s = self.spec
        return [(s.steps[i].name.decode(), (s.steps[i].params or b"").decode())
                for i in range(s.nsteps)]

    def _box(self, start, count, step):
        return C.byref(Slice(_numbers(start), _numbers(count), _numbers(step)))

    def read(self, start=None, count=None, step=None):
        """The raw bytes of a box in C order."""
        count = self.shape if count is None else count
        n = int(np.prod([int(c) for c in count], dtype=np.int64)) * self.spec.item_bytes
        dst = np.empty(max(n, 1), dtype="u1")
        box = None if start is None else self._box(start, count, step)
        self._call("read", box, C.c_void_p(dst.ctypes.data), C.c_size_t(n))
        return dst[:n].tobytes()

    def write(self, data, start=None, count=None, step=None):
        data = bytes(data)
        box = None if start is None else self._box(start, count, step)
        self._call("write", box, data, C.c_size_t(len(data)))

    def read_items(self):
        """The bytes of all items, which are of variable length."""
        items = Items(C.sizeof(Items))
        self._call("read_items", None, C.byref(items))
        ends = items.offsets[:items.n + 1]
        data = C.string_at(items.bytes, ends[-1]) if ends[-1] else b""
        lib.tsr_items_free(C.byref(items))
        return [data[a:b] for a, b in zip(ends, ends[1:])]

    def write_items(self, items):
        """All items, bytes each."""
        ends = [0]
        for item in items:
            ends.append(ends[-1] + len(item))
        offsets = (C.c_uint64 * len(ends))(*ends)
        data = C.create_string_buffer(b"".join(items))
        self._call("write_items", None, C.byref(Items(C.sizeof(Items), len(items), offsets,
                                                      C.addressof(data))))

    def resize(self, shape):
        self._call("resize", _numbers(shape))

    def append(self, axis, data):
        self._call("append", axis, bytes(data), C.c_size_t(len(data)))

    @property
    def attrs(self):
        text = C.c_void_p()
        self._call("attrs", C.byref(text))
        value = json.loads(C.string_at(text))
        lib.tsr_free(text)
        return value

    def attr_set(self, name, value):
        self._call("attr_set", name.encode(), json.dumps(value).encode())

    def attr_remove(self, name):
        self._call("attr_remove", name.encode())


NODE = C.CFUNCTYPE(C.c_int, C.c_void_p, C.c_void_p)


class NodeInfo(C.Structure):
    _fields_ = [("size", C.c_size_t), ("path", C.c_char_p), ("kind", C.c_int),
                ("format", C.c_char_p), ("status", C.c_int), ("error", C.c_char_p)]


class Group:
    """A group of a Zarr hierarchy."""

    def __init__(self, p):
        self.p = p

    def __enter__(self):
        return self

    def __exit__(self, *what):
        call("tsr_group_close", self.p)

    @classmethod
    def make(cls, how, url, mode=None, format=None):
        p = C.c_void_p()
        call(f"tsr_group_{how}", _path(url), options(mode, format), C.byref(p))
        return cls(p)

    @classmethod
    def open(cls, url, mode="r"):
        return cls.make("open", url, mode)

    @classmethod
    def create(cls, url, format):
        return cls.make("create", url, None, format)

    @property
    def consolidated(self):
        lib.tsr_group_consolidated.restype = C.c_bool
        return lib.tsr_group_consolidated(self.p)

    def consolidate(self):
        call("tsr_group_consolidate", self.p)

    def attrs(self, path=""):
        text = C.c_void_p()
        call("tsr_group_attrs", self.p, path.encode(), C.byref(text))
        value = json.loads(C.string_at(text))
        lib.tsr_free(text)
        return value

    def set_attrs(self, value):
        call("tsr_group_attrs_set", self.p, json.dumps(value).encode())

    def paths(self):
        """Paths of all nodes below; a node with broken documents is an error."""
        found = []

        def add(user, node):
            info = C.cast(node, C.POINTER(NodeInfo)).contents
            found.append(info.path.decode())
            return info.status

        call("tsr_group_list", self.p, 0, NODE(add), None)
        return found

    def open_array(self, path):
        p = C.c_void_p()
        call("tsr_group_open_array", self.p, path.encode(), None, C.byref(p))
        return Array(p)


class Schunk(_Handle):
    kind = "schunk"

    @classmethod
    def create(cls, url, item_bytes=1, chunk_bytes=0, block_bytes=0, steps=None, split=0,
               metas=None, mode=None, variable=False, checksum=False, **opts):
        p = C.c_void_p()
        spec = schunk_spec(item_bytes, steps, chunk_bytes, block_bytes, split, metas)
        spec.variable, spec.checksum = variable, checksum
        call("tsr_schunk_create", _path(url), C.byref(spec), options(mode, **opts), C.byref(p))
        return cls(p)

    @property
    def spec(self):
        return lib.tsr_schunk_spec_of(self.p).contents

    @property
    def nchunks(self):
        return lib.tsr_schunk_nchunks(self.p)

    @property
    def nitems(self):
        return lib.tsr_schunk_nitems(self.p)

    def get(self, start, n):
        dst = C.create_string_buffer(max(n * self.spec.item_bytes, 1))
        self._call("get", C.c_int64(start), C.c_int64(n), dst)
        return dst.raw[:n * self.spec.item_bytes]

    def read(self):
        return self.get(0, self.nitems)

    def set(self, start, data):
        n = len(data) // self.spec.item_bytes
        self._call("set", C.c_int64(start), C.c_int64(n), bytes(data))

    def append(self, data):
        self._call("append", C.c_int64(len(data) // self.spec.item_bytes), bytes(data))

    def chunk_bytes(self, i):
        n = C.c_int64()
        self._call("chunk_bytes", C.c_int64(i), C.byref(n))
        return n.value

    def read_chunk(self, i):
        n = self.chunk_bytes(i)
        dst = C.create_string_buffer(max(n, 1))
        self._call("read_chunk", C.c_int64(i), dst, C.c_size_t(n))
        return dst.raw[:n]

    def insert_chunk(self, i, data):
        self._call("insert_chunk", C.c_int64(i), bytes(data), C.c_size_t(len(data)))

    def update_chunk(self, i, data):
        self._call("update_chunk", C.c_int64(i), bytes(data), C.c_size_t(len(data)))

    def delete_chunk(self, i):
        self._call("delete_chunk", C.c_int64(i))

    def get_chunk(self, i):
        buf, n = C.c_void_p(), C.c_size_t()
        self._call("get_chunk", C.c_int64(i), C.byref(buf), C.byref(n))
        return _taken(buf, n.value)

    def make_variable(self):
        self._call("make_variable")

    def append_compressed(self, chunk):
        self._call("append_compressed", bytes(chunk), C.c_size_t(len(chunk)))

    def insert_compressed(self, i, chunk):
        self._call("insert_compressed", C.c_int64(i), bytes(chunk), C.c_size_t(len(chunk)))

    def update_compressed(self, i, chunk):
        self._call("update_compressed", C.c_int64(i), bytes(chunk), C.c_size_t(len(chunk)))

    def append_vlblocks(self, blocks):
        self._call("append_vlblocks", *_blocks(blocks))

    def vlblocks(self, i):
        n = C.c_int64()
        self._call("vlblocks", C.c_int64(i), C.byref(n))
        return n.value

    def read_vlblock(self, i, b):
        buf, n = C.c_void_p(), C.c_size_t()
        self._call("read_vlblock", C.c_int64(i), C.c_int64(b), C.byref(buf), C.byref(n))
        return _taken(buf, n.value)


def _blocks(blocks):
    n = len(blocks)
    return (C.c_int64(n), (C.c_char_p * n)(*blocks), (C.c_size_t * n)(*map(len, blocks)))


def compress_vlblocks(blocks, item_bytes=1, steps=None):
    spec = schunk_spec(item_bytes, steps)
    buf, n = C.c_void_p(), C.c_size_t()
    call("tsr_compress_vlblocks", C.byref(spec), *_blocks(blocks), None, C.byref(buf), C.byref(n))
    return _taken(buf, n.value)


VERIFY = C.CFUNCTYPE(None, C.c_void_p, C.c_int64, C.c_int, I64P, C.c_int, C.c_char_p)


def verify(url):
    """The problems of a container: (chunk, coordinates, text) each; chunk -1 is the container."""
    found, n = [], C.c_int64()
    note = VERIFY(lambda user, chunk, ndim, coords, status, what: found.append(
        (chunk, tuple(coords[:ndim]) if ndim else (), what.decode(errors="replace"))))
    call("tsr_verify", _path(url), None, note, None, C.byref(n))
    assert n.value == len(found)
    return found


def repack(url, checksum=False):
    call("tsr_repack", _path(url), None, int(checksum), None)


def schunk_spec(item_bytes=1, steps=None, chunk_bytes=0, block_bytes=0, split=0, metas=None):
    st, nst = _steps(steps)
    ms, nms = _metas(metas)
    return SchunkSpec(C.sizeof(SchunkSpec), item_bytes, chunk_bytes, block_bytes, st, nst, split,
                      ms, nms)


def compress(data, item_bytes=1, steps=None, block_bytes=0, split=0):
    spec = schunk_spec(item_bytes, steps, 0, block_bytes, split)
    cap = lib.tsr_compress_bound(len(data))
    dst, n = C.create_string_buffer(cap), C.c_size_t()
    call("tsr_compress", C.byref(spec), bytes(data), C.c_size_t(len(data)), None, dst,
         C.c_size_t(cap), C.byref(n))
    return dst.raw[:n.value]


def decompress(chunk):
    n = chunk_info(chunk).nbytes
    dst = C.create_string_buffer(max(n, 1))
    call("tsr_decompress", bytes(chunk), C.c_size_t(len(chunk)), None, dst, C.c_size_t(n))
    return dst.raw[:n]


def decompress_range(chunk, start, n):
    dst = C.create_string_buffer(max(n, 1))
    call("tsr_decompress_range", bytes(chunk), C.c_size_t(len(chunk)), C.c_int64(start),
         C.c_int64(n), None, dst)
    return dst.raw[:n]


def chunk_info(chunk):
    facts = Facts(C.sizeof(Facts))
    call("tsr_chunk_info", bytes(chunk), C.c_size_t(len(chunk)), C.byref(facts))
    return facts
