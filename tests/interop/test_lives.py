#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Arrays and super-chunks live random lives in which Tessera and python-blosc2 change one file, or
one folder of a sparse frame, in turns: after each turn both read it and are compared with NumPy.

TESSERA_LIVES sets how many arrays live (half as many super-chunks do), TESSERA_SEED which lives.
Quirks of the peer are avoided where a comment names the section of the format's specification."""
import os
import shutil
import sys
import tempfile

import blosc2
import numpy as np

import tsr
from makers import (CODECS, DTYPES, FILTERS, a_box, cparams_of, filled, item_of, make, some_bytes,
                    steps_of)
from tally import Tally

SEED = int(os.environ.get("TESSERA_SEED", 2026))
LIVES = int(os.environ.get("TESSERA_LIVES", 300))

t = Tally()
folder = tempfile.TemporaryDirectory(prefix="tessera-lives-")
path = lambda name: os.path.join(folder.name, name)


def remove(url, sparse):
    """Every second life is sparse: its place is a folder."""
    if t.check(os.path.isdir(url) == sparse, f"{url}: folder or file"):
        shutil.rmtree(url) if sparse else os.unlink(url)


class Life:
    """What both sides change in turns; .model is NumPy's idea of it."""
    kind = ""                                   # what the counts call it

    def __init__(self, name, suffix, sparse):
        self.what, self.url, self.sparse = name, path(name.replace(" ", "") + suffix), sparse
        self.story = []

    def tell(self, event):
        self.story.append(event)

    def open(self):
        """Tessera's handle, to change it."""
        raise NotImplementedError

    def tessera(self):
        with self.open() as a:
            for _ in range(int(self.rng.integers(1, 4))):
                self.tessera_step(a)
                if self.rng.integers(3) == 0:
                    a.flush()
        # closing flushed

    def peer(self):
        b = blosc2.open(self.url, mode="a")
        for _ in range(int(self.rng.integers(1, 4))):
            self.peer_step(b)
        del b

    def live(self):
        self.create()
        good = self.look()
        for _ in range(int(self.rng.integers(3, 8))):
            if not good:
                return                          # one failure per life tells enough
            (self.tessera if self.rng.integers(2) else self.peer)()
            good = self.look()
            t.counts[f"steps of {self.kind} changed by both sides"] += 1
        remove(self.url, self.sparse)


# ---- lives of arrays ----

class ArrayLife(Life):
    """One array."""
    kind = "arrays"

    def __init__(self, number):
        super().__init__(f"life {number}", ".b2nd", bool(number % 2))
        rng = self.rng = np.random.default_rng((SEED, 2, number))
        ndim = int(rng.choice((1, 1, 2, 2, 2, 3, 3, 4)))
        top = {1: 500, 2: 40, 3: 14, 4: 8}[ndim]
        self.shape = tuple(int(n) for n in rng.integers(1, top, ndim))
        self.chunks = tuple(int(n) for n in rng.integers(1, max(top // 2, 2), ndim))
        self.blocks = tuple(int(rng.integers(1, c + 1)) for c in self.chunks)
        self.top = top
        self.typesize = int(rng.choice((1, 2, 4, 8, 8, 3, 12, 16, 256)))
        self.dtype = np.dtype(DTYPES[self.typesize])
        self.how = (str(rng.choice(list(CODECS))), str(rng.choice(list(FILTERS))),
                    int(rng.choice((0, 1, 5, 5, 9))))
        self.attrs, self.content = {}, str(rng.choice(("data", "zeros", "nan", "value")))
        self.stale = self.content in ("nan", "value")       # padding may hold old values (10.2)

    def create(self):
        data = (make(self.rng, self.dtype, self.shape) if self.content == "data"
                else filled(self.content, self.dtype, self.shape))
        self.model = data.copy()
        maker = "tessera" if self.rng.integers(2) else "blosc2"
        self.tell(f"{maker} creates {self.dtype.str} {self.shape} {self.chunks} {self.blocks} "
                  f"{self.how} {self.content}")
        if maker == "tessera":
            fill = item_of(self.content, self.dtype) if self.content in ("nan", "value") else None
            with tsr.Array.create(self.url, self.dtype.str, self.shape, self.chunks, self.blocks,
                                  steps_of(*self.how), fill=fill, sparse=self.sparse) as a:
                if self.content == "data":
                    a.write(data.tobytes())
            return
        how = dict(urlpath=self.url, mode="w", chunks=self.chunks, blocks=self.blocks,
                   contiguous=not self.sparse, cparams=cparams_of(*self.how, self.typesize))
        if self.content == "data":
            blosc2.asarray(data, **how)
        elif self.content == "zeros":
            blosc2.zeros(self.shape, dtype=self.dtype, **how)
        else:
            blosc2.full(self.shape, data.flat[0], dtype=self.dtype, **how)

    def grown(self, shape):
        """The model with another shape: what is new is zeros."""
        new = np.zeros(shape, self.dtype)
        box = tuple(slice(0, min(a, b)) for a, b in zip(shape, self.model.shape))
        new[box] = self.model[box]
        self.model = new

    # -- what Tessera does --

    def open(self):
        return tsr.Array.open(self.url, "r+")

    def tessera_step(self, a):
        rng, op = self.rng, self.rng.integers(5)
        if op <= 1 and self.model.size:
            start, count, step, index = a_box(rng, self.model.shape, steps=True)
            data = make(rng, self.dtype, tuple(count))
            if rng.integers(5) == 0:
                data = np.zeros(tuple(count), self.dtype)
            self.tell(f"tessera writes {start} {count} {step}")
            a.write(data.tobytes(), start, count, step)
            self.model[index] = data
        elif op == 2:
            shape = self.new_shape()
            self.tell(f"tessera resizes to {shape}")
            a.resize(shape)
            self.grown(shape)
        elif op == 3:
            axis = int(rng.integers(self.model.ndim))
            slab = list(self.model.shape)
            slab[axis] = int(rng.integers(1, 6))
            if not all(slab):
                return
            data = make(rng, self.dtype, tuple(slab))
            self.tell(f"tessera appends {slab[axis]} along {axis}")
            a.append(axis, np.ascontiguousarray(data).tobytes())
            self.model = np.concatenate([self.model, data], axis=axis)
        else:
            self.tessera_attr(a)

    def tessera_attr(self, a):
        rng, name = self.rng, f"a{self.rng.integers(4)}"
        if name in self.attrs and rng.integers(3) == 0:
            self.tell(f"tessera removes attribute {name}")
            a.attr_remove(name)
            del self.attrs[name]
            return
        self.tell(f"tessera sets attribute {name}")
        self.attrs[name] = [name, int(rng.integers(10**9)), "x" * int(rng.integers(300))]
        a.attr_set(name, self.attrs[name])

    def new_shape(self):
        shape = list(self.model.shape)
        for d in range(len(shape)):
            if self.rng.integers(2):
                shape[d] = int(self.rng.integers(-1, self.top + 10))
                shape[d] = max(shape[d], 0)
        return tuple(shape)

    # -- what the peer does --

    def peer_step(self, b):
        rng, op = self.rng, self.rng.integers(5)
        if op <= 1 and self.model.size:
            start, count, _, index = a_box(rng, self.model.shape)
            data = make(rng, self.dtype, tuple(count))
            self.tell(f"blosc2 writes {start} {count}")
            b[index] = data
            self.model[index] = data
        elif op == 2:
            shape = self.new_shape()
            self.tell(f"blosc2 resizes to {shape}")
            self.peer_resize(b, shape)
        elif op == 3:
            axis = int(rng.integers(self.model.ndim))
            more = list(self.model.shape)
            more[axis] = int(rng.integers(1, 6))
            data = make(rng, self.dtype, tuple(more))
            self.tell(f"blosc2 appends {more[axis]} along {axis}")
            old = self.model.shape[axis]
            shape = list(self.model.shape)
            shape[axis] += more[axis]
            self.peer_resize(b, tuple(shape))
            index = tuple(slice(old, None) if d == axis else slice(None) for d in range(len(shape)))
            b[index] = data
            self.model[index] = data
        else:
            name = f"a{rng.integers(4)}"
            self.tell(f"blosc2 sets attribute {name}")
            self.attrs[name] = {"n": int(rng.integers(10**9)), "t": "y" * int(rng.integers(300))}
            b.schunk.vlmeta[name] = self.attrs[name]

    def peer_resize(self, b, shape):
        """10.2: the peer leaves what it cuts off in the padding, and growing shows it again."""
        old = self.model.shape
        self.stale |= any(n < m and n % c for n, m, c in zip(shape, old, self.chunks))
        b.resize(shape)
        self.grown(shape)
        if self.stale and any(n > m for n, m in zip(shape, old)):
            seen = b[...]
            box = tuple(slice(0, min(n, m)) for n, m in zip(shape, old))
            seen[box] = self.model[box]
            self.model = np.ascontiguousarray(seen)

    # -- both look --

    def look(self):
        expected, story = self.model.tobytes(), "; ".join(self.story)
        with tsr.Array.open(self.url) as a:
            good = t.same(a.shape, self.model.shape, f"{self.what}: tessera's shape: {story}")
            good &= t.same(a.read(), expected, f"{self.what}: tessera reads: {story}")
            if self.model.size:
                start, count, step, index = a_box(self.rng, self.model.shape, steps=True)
                good &= t.same(a.read(start, count, step), self.model[index].tobytes(),
                               f"{self.what}: tessera slices {index}: {story}")
            good &= t.same(a.attrs, self.attrs, f"{self.what}: tessera's attributes: {story}")
        b = blosc2.open(self.url, mode="r")
        good &= t.same(b.shape, self.model.shape, f"{self.what}: blosc2's shape: {story}")
        good &= t.same(b[...].tobytes(), expected, f"{self.what}: blosc2 reads: {story}")
        names = sorted(b.schunk.vlmeta)
        good &= t.same({k: b.schunk.vlmeta[k] for k in names}, self.attrs,
                       f"{self.what}: blosc2's attributes: {story}")
        return good


# ---- lives of super-chunks ----

class SchunkLife(Life):
    """A list of chunks; all have the same size but the last."""
    kind = "super-chunks"

    def __init__(self, number):
        super().__init__(f"schunk life {number}", ".b2frame", bool(number % 2))
        self.rng = np.random.default_rng((SEED, 3, number))
        self.typesize = int(self.rng.choice((1, 2, 4, 7, 8, 16, 300)))
        self.chunk = int(self.rng.integers(20, 300)) * self.typesize
        self.how = (str(self.rng.choice(list(CODECS))), str(self.rng.choice(list(FILTERS))),
                    int(self.rng.choice((1, 5, 9))))
        self.model = b""

    def data(self, n):
        if self.rng.integers(6) == 0:
            return bytes(n)
        return some_bytes(self.rng, n, self.typesize)

    @property
    def nchunks(self):
        return -(-len(self.model) // self.chunk)

    def whole(self):
        return len(self.model) % self.chunk == 0

    def create(self):
        if self.rng.integers(2):
            self.tell(f"tessera creates {self.typesize} {self.chunk} {self.how}")
            with tsr.Schunk.create(self.url, self.typesize, self.chunk,
                                   steps=steps_of(*self.how), sparse=self.sparse) as s:
                self.tessera_append(s)
        else:
            self.tell(f"blosc2 creates {self.typesize} {self.chunk} {self.how}")
            b = blosc2.SChunk(chunksize=self.chunk, urlpath=self.url, mode="w",
                              contiguous=not self.sparse,
                              cparams=cparams_of(*self.how, self.typesize))
            self.model = self.data(self.chunk)
            b.append_data(self.model)

    def open(self):
        return tsr.Schunk.open(self.url, "r+")

    def tessera_step(self, s):
        (self.tessera_append, self.tessera_set, self.tessera_chunk)[self.rng.integers(3)](s)

    def tessera_append(self, s):
        n = int(self.rng.integers(1, 3 * self.chunk // self.typesize))
        data = self.data(n * self.typesize)
        self.tell(f"tessera appends {n}")
        s.append(data)
        self.model += data

    def tessera_set(self, s):
        total = len(self.model) // self.typesize
        start = int(self.rng.integers(0, total + 1))
        n = int(self.rng.integers(1, self.chunk // self.typesize * 2))
        data = self.data(n * self.typesize)
        self.tell(f"tessera sets {start} {n}")
        s.set(start, data)
        at = start * self.typesize
        self.model = self.model[:at] + data + self.model[at + len(data):]

    def tessera_chunk(self, s):
        op, i = self.rng.integers(3), int(self.rng.integers(0, self.nchunks + 1))
        at = i * self.chunk
        if op == 0 and (i < self.nchunks or self.whole()):
            data = self.data(self.chunk)
            self.tell(f"tessera inserts chunk {i}")
            s.insert_chunk(i, data)
            self.model = self.model[:at] + data + self.model[at:]
        elif op == 1 and i < self.nchunks:
            n = len(self.model[at:at + self.chunk])
            data = self.data(n)
            self.tell(f"tessera updates chunk {i}")
            s.update_chunk(i, data)
            self.model = self.model[:at] + data + self.model[at + n:]
        elif op == 2 and i < self.nchunks > 1:
            self.tell(f"tessera deletes chunk {i}")
            s.delete_chunk(i)
            self.model = self.model[:at] + self.model[at + self.chunk:]

    def peer_step(self, b):
        op, i = self.rng.integers(4), int(self.rng.integers(0, max(self.nchunks, 1)))
        at, data = i * self.chunk, self.data(self.chunk)
        if op == 0 and self.whole():            # it appends to whole chunks only
            self.tell("blosc2 appends a chunk")
            b.append_data(data)
            self.model += data
        elif op == 1 and at + self.chunk <= len(self.model):
            self.tell(f"blosc2 updates chunk {i}")
            b.update_data(i, data, copy=True)
            self.model = self.model[:at] + data + self.model[at + self.chunk:]
        elif op == 2 and self.whole() and self.model:  # 7.1: else the chunk size becomes variable
            self.tell(f"blosc2 inserts chunk {i}")
            b.insert_data(i, data, copy=True)
            self.model = self.model[:at] + data + self.model[at:]
        elif op == 3 and self.nchunks > 2 and self.whole():
            self.tell(f"blosc2 deletes chunk {i}")
            b.delete_chunk(i)
            self.model = self.model[:at] + self.model[at + self.chunk:]

    def look(self):
        story = "; ".join(self.story)
        with tsr.Schunk.open(self.url) as s:
            good = t.same((s.nitems * self.typesize, s.nchunks), (len(self.model), self.nchunks),
                          f"{self.what}: tessera's sizes: {story}")
            good &= t.same(s.read(), self.model, f"{self.what}: tessera reads: {story}")
        b = blosc2.open(self.url, mode="r")
        good &= t.same((b.nbytes, b.nchunks), (len(self.model), self.nchunks),
                       f"{self.what}: blosc2's sizes: {story}")
        found = b"".join(b.decompress_chunk(i) for i in range(b.nchunks))
        good &= t.same(found, self.model, f"{self.what}: blosc2 reads: {story}")
        return good


def lives():
    for number in range(LIVES + LIVES // 2):
        life = ArrayLife(number) if number < LIVES else SchunkLife(number - LIVES)
        with t.case(life.what):
            try:
                life.live()
            except Exception as e:
                raise RuntimeError(f"{e} after: {'; '.join(life.story)}") from e
    t.counts["lives"] = LIVES + LIVES // 2


def main():
    print(f"note: python-blosc2 {blosc2.__version__}, NumPy {np.__version__}, seed {SEED}")
    blosc2.set_nthreads(1)
    lives()
    return t.finish()


if __name__ == "__main__":
    sys.exit(main())
