# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: each workload once, for any module that has python-blosc2's names.

A workload is a function of the module and a folder that gives a Row; everything before the row's
`run` is preparation.  Both sides get the same data, chunks, blocks and parameters; nothing is
synced to the device by either, and what one keeps until a flush is flushed within `run`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import data
from limits import Plan

Module = Any


@dataclass
class Row:
    """run(n): n operations; check: whether they do what they should; fresh: before each sample;
    limit: what the codecs must do in them, asked after the check."""

    run: Callable[[int], Any]
    check: Callable[[], bool]
    ops: int = 1
    fresh: Callable[[], Any] = lambda: None
    kept: list[Any] = field(default_factory=list)  # what must live as long
    limit: Callable[[], Plan] | None = None


@dataclass
class Workload:
    """`peer_ops`: operations of the peer's samples where it cannot do as many in the time;
    `shared`: both work in one folder, where Tessera makes first what is to be read; `layout`: or
    where this is made for all of them (zarr_data.py); `rounds`: the least."""

    group: str
    name: str
    target: float  # of peer's time / Tessera's
    make: Callable[[Module, Path], Row]
    peer_ops: int = 0
    shared: bool = False
    layout: Any = None
    rounds: int = 5


def params(lib: Module, codec: str, filters: str, typesize: int, **more: Any) -> dict[str, Any]:
    """cparams of a codec and one filter, or none ("")."""
    steps = [getattr(lib.Filter, filters)] if filters else []
    return {
        "codec": getattr(lib.Codec, codec),
        "clevel": 5,
        "typesize": typesize,
        "filters": steps,
        "filters_meta": [0] * len(steps),
        **more,
    }


def flush(obj: Any) -> None:
    """Writes what is pending; python-blosc2 has nothing pending."""
    getattr(obj, "flush", lambda: None)()


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def stored(
    lib: Module, values: np.ndarray, path: Path | None, chunks: Any, blocks: Any, cparams: Any
) -> Any:
    """An array with these values: in memory, or a file that is opened anew."""
    where = {} if path is None else {"urlpath": str(path), "mode": "w"}
    arr = lib.asarray(values, chunks=chunks, blocks=blocks, cparams=cparams, **where)
    if path is None:
        return arr
    flush(arr)
    del arr
    return lib.open(str(path), mode="r")


def reads(arr: Any, values: np.ndarray, keys: list[Any]) -> Row:
    """A row that reads arr[key] for each key."""

    def run(n: int) -> None:
        for key in keys[:n]:
            arr[key]

    def check() -> bool:
        return all(np.array_equal(arr[key], values[key]) for key in keys[:16])

    return Row(run, check, len(keys))


def boxes(shape: tuple[int, ...], count: tuple[int, ...], n: int) -> list[Any]:
    """n boxes of this shape anywhere in the array."""
    rng = np.random.default_rng(11)
    starts = [rng.integers(0, s - c + 1, n).tolist() for s, c in zip(shape, count, strict=True)]
    return [
        tuple(slice(a, a + c) for a, c in zip(at, count, strict=True))
        for at in zip(*starts, strict=True)
    ]


# ---- reads of arrays ----


def planes(axis: int, codec: str, disk: bool) -> Callable[[Module, Path], Row]:
    def make(lib: Module, folder: Path) -> Row:
        values = data.smooth_f4((320, 320, 320))
        path = folder / "planes.b2nd" if disk else None
        cparams = params(lib, codec, "SHUFFLE", 4)
        arr = stored(lib, values, path, (80,) * 3, (20,) * 3, cparams)
        at = np.random.default_rng(11).integers(0, 320, 40).tolist()
        row = reads(arr, values, keys := [(slice(None),) * axis + (i,) for i in at])
        row.limit = lambda: Plan(path or arr.to_cframe(), shape=values.shape, keys=keys)
        return row

    return make


def cutouts(lib: Module, folder: Path) -> Row:
    values = data.image_u2((4096, 4096))
    cparams = params(lib, "LZ4", "SHUFFLE", 2)
    arr = stored(lib, values, folder / "image.b2nd", (512, 512), (64, 64), cparams)
    return reads(arr, values, boxes(values.shape, (30, 30), 2000))


def items(lib: Module, folder: Path) -> Row:
    values = data.table_f8((2000, 2000))
    cparams = params(lib, "ZSTD", "SHUFFLE", 8)
    arr = stored(lib, values, folder / "table.b2nd", (250, 250), (50, 50), cparams)
    at = np.random.default_rng(11).integers(0, 2000, (2000, 2)).tolist()
    return reads(arr, values, [tuple(i) for i in at])


def windows(lib: Module, folder: Path) -> Row:
    values = data.stars_u1((500, 500, 500))
    cparams = params(lib, "ZSTD", "", 1)
    arr = stored(lib, values, folder / "stars.b2nd", (125,) * 3, (25,) * 3, cparams)
    across = slice(150, 350)
    return reads(arr, values, [(slice(i, i + 10), across, across) for i in range(0, 490, 5)])


def field_f4(lib: Module, n: int) -> tuple[np.ndarray, Any, Any, Any]:
    """Values, chunks, blocks and parameters of a field of n x 256 x 256."""
    values = data.smooth_f4((n, 256, 256))
    return values, (64, 128, 128), (16, 32, 32), params(lib, "ZSTD", "SHUFFLE", 4)


def sky_u2(lib: Module, filters: str) -> tuple[np.ndarray, Any, Any, Any]:
    """The same of a picture of 8192 x 8192."""
    values = data.image_u2((8192, 8192))
    return values, (1024, 1024), (128, 128), params(lib, "LZ4", filters, 2)


def whole_read(layout: Callable[[Module], Any]) -> Callable[[Module, Path], Row]:
    def make(lib: Module, folder: Path) -> Row:
        values, chunks, blocks, cparams = layout(lib)
        arr = stored(lib, values, path := folder / "whole.b2nd", chunks, blocks, cparams)
        row = reads(arr, values, [slice(None)])
        row.limit = lambda: Plan(path)
        return row

    return make


# ---- writes of arrays ----


def whole_write(layout: Callable[[Module], Any]) -> Callable[[Module, Path], Row]:
    def make(lib: Module, folder: Path) -> Row:
        values, chunks, blocks, cparams = layout(lib)
        path = folder / "whole.b2nd"

        def run(_: int) -> None:
            flush(
                lib.asarray(
                    values,
                    chunks=chunks,
                    blocks=blocks,
                    cparams=cparams,
                    urlpath=str(path),
                    mode="w",
                )
            )

        def check() -> bool:
            run(1)
            return np.array_equal(lib.open(str(path))[:], values)

        row = Row(run, check, fresh=lambda: remove(path))
        row.limit = lambda: Plan(path, encode=True)
        return row

    return make


def regions(lib: Module, folder: Path) -> Row:
    shape, path = (1024, 1024), folder / "regions.b2nd"
    values = data.smooth_f4(shape)
    arr = lib.zeros(
        shape,
        dtype="f4",
        chunks=(128, 128),
        blocks=(32, 32),
        urlpath=str(path),
        mode="w",
        cparams=params(lib, "ZSTD", "SHUFFLE", 4),
    )
    keys = boxes(shape, (50, 70), 50)
    parts = [np.ascontiguousarray(values[key]) for key in keys]

    def run(n: int) -> None:
        for key, part in zip(keys[:n], parts, strict=False):
            arr[key] = part
        flush(arr)

    def check() -> bool:
        run(50)
        return all(np.array_equal(arr[key], values[key]) for key in keys)

    return Row(run, check, 50)


def grow(lib: Module, folder: Path) -> Row:
    path, values = folder / "grow.b2nd", data.smooth_f4((400, 200, 200))

    def run(n: int) -> None:
        arr = lib.zeros(
            (0, 200, 200),
            dtype="f4",
            chunks=(16, 100, 100),
            blocks=(4, 50, 50),
            urlpath=str(path),
            mode="w",
            cparams=params(lib, "ZSTD", "SHUFFLE", 4),
        )
        for at in range(0, 10 * n, 10):
            arr.resize((at + 10, 200, 200))
            arr[at : at + 10] = values[at : at + 10]
        flush(arr)

    def check() -> bool:
        run(40)
        return np.array_equal(lib.open(str(path))[:], values)

    return Row(run, check, 40, lambda: remove(path))


def open_one(nchunks: int) -> Callable[[Module, Path], Row]:
    def make(lib: Module, folder: Path) -> Row:
        path, values = str(folder / "many.b2nd"), data.table_f8((nchunks * 100,))
        cparams = params(lib, "ZSTD", "SHUFFLE", 8)
        if not Path(path).exists():  # the peer takes minutes, so it reads the file of Tessera
            stored(lib, values, Path(path), (100,), (100,), cparams)
        at = np.random.default_rng(11).integers(0, len(values), 50).tolist()

        def run(n: int) -> None:
            for i in at[:n]:
                lib.open(path, mode="r")[i]

        def check() -> bool:
            return all(lib.open(path, mode="r")[i] == values[i] for i in at[:16])

        return Row(run, check, 50)

    return make


# ---- super-chunks and buffers ----


def appends(item: int, n: int) -> Callable[[Module, Path], Row]:
    def make(lib: Module, folder: Path) -> Row:
        path, values = folder / "log.b2frame", data.records(2000, item)
        last = []

        def run(n: int) -> None:
            cparams = params(lib, "LZ4", "SHUFFLE", item)
            log = lib.SChunk(chunksize=item, urlpath=str(path), mode="w", cparams=cparams)
            for i in range(n):
                log.append_data(values[i % 2000])
            flush(log)
            last[:] = [log.nchunks]

        def check() -> bool:
            run(2000)
            same = lib.open(str(path))[:] == values.tobytes()
            return same and last == [2000]

        return Row(run, check, n, lambda: remove(path))

    return make


def row_f8(lib: Module) -> tuple[Any, np.ndarray]:
    """A super-chunk of 8 MiB in memory and its items."""
    values = data.table_f8((1 << 20,))
    cparams = params(lib, "LZ4", "SHUFFLE", 8, blocksize=4096 * 8)
    return lib.SChunk(chunksize=1 << 20, data=values, cparams=cparams), values


def row_whole(lib: Module, _: Path) -> Row:
    row, values = row_f8(lib)

    def check() -> bool:
        return row[:] == values.tobytes()

    return Row(lambda n: row[:], check, kept=[row], limit=lambda: Plan(row.to_cframe()))


def row_slices(lib: Module, _: Path) -> Row:
    row, values = row_f8(lib)
    at = np.random.default_rng(11).integers(0, len(values) - 100, 2000).tolist()

    def run(n: int) -> None:
        for i in at[:n]:
            row[i : i + 100]

    def check() -> bool:
        return all(row[i : i + 100] == values[i : i + 100].tobytes() for i in at[:16])

    return Row(run, check, len(at))


def pack(lib: Module, _: Path) -> Row:
    values = np.arange(1 << 25, dtype="i4")

    def check() -> bool:
        return np.array_equal(lib.unpack_tensor(lib.pack_tensor(values)), values)

    return Row(
        lambda n: lib.pack_tensor(values),
        check,
        limit=lambda: Plan(lib.pack_tensor(values), encode=True),
    )


def unpack(lib: Module, _: Path) -> Row:
    values = np.arange(1 << 25, dtype="i4")
    packed = lib.pack_tensor(values)
    return Row(
        lambda n: lib.unpack_tensor(packed),
        lambda: np.array_equal(lib.unpack_tensor(packed), values),
        limit=lambda: Plan(packed),
    )


def compress(lib: Module, _: Path) -> Row:
    values = data.smooth_f4((4 << 20,))
    cparams = params(lib, "LZ4", "SHUFFLE", 4)

    def check() -> bool:
        return lib.decompress2(lib.compress2(values, **cparams)) == values.tobytes()

    def limit() -> Plan:
        return Plan(lib.compress2(values, **cparams), chunk=True, encode=True)

    return Row(lambda n: lib.compress2(values, **cparams), check, limit=limit)


def decompress(lib: Module, _: Path) -> Row:
    values = data.smooth_f4((4 << 20,))
    packed = lib.compress2(values, **params(lib, "ZSTD", "BITSHUFFLE", 4))
    dst = np.empty_like(values)

    def check() -> bool:
        lib.decompress2(packed, dst=dst)
        return np.array_equal(dst, values)

    limit = Plan(packed, chunk=True)
    return Row(lambda n: lib.decompress2(packed, dst=dst), check, limit=lambda: limit)


WORKLOADS = [
    *[
        Workload("planes", f"axis {d} of 320^3 f4, zstd, disk", 2.2, planes(d, "ZSTD", True))
        for d in range(3)
    ],
    *[
        Workload("planes", f"axis {d} of 320^3 f4, lz4, memory", 1.8, planes(d, "LZ4", False))
        for d in range(3)
    ],
    Workload("cutouts", "30x30 of 4096^2 u2, lz4, disk", 4, cutouts),
    Workload("items", "one of 2000^2 f8, zstd, disk", 5, items),
    Workload("windows", "10x200x200 of sparse 500^3 u1", 6, windows),
    Workload(
        "whole", "read 268 MB f4, zstd shuffle, disk", 2.5, whole_read(lambda m: field_f4(m, 1024))
    ),
    Workload(
        "whole",
        "read 134 MB u2, lz4 bitshuffle, disk",
        4,
        whole_read(lambda m: sky_u2(m, "BITSHUFFLE")),
    ),
    Workload(
        "whole", "write 134 MB f4, zstd shuffle, disk", 1.3, whole_write(lambda m: field_f4(m, 512))
    ),
    Workload(
        "whole",
        "write 134 MB u2, lz4 shuffle, disk",
        1.8,
        whole_write(lambda m: sky_u2(m, "SHUFFLE")),
    ),
    Workload("regions", "write 50x70 of 1024^2 f4, disk", 4, regions),
    Workload("grow", "resize, write 10x200x200 f4, 40 steps", 4, grow),
    Workload("appends", "2,000 of 8 kB, disk", 20, appends(8000, 2000)),
    Workload(
        "appends", "200,000 of 80 B (peer: 2,000), disk", 20, appends(80, 200_000), peer_ops=2000
    ),
    Workload("open", "array of 200,000 chunks, one item", 6, open_one(200_000), shared=True),
    Workload("schunk", "whole 8 MiB f8, lz4, memory", 1.5, row_whole),
    Workload("schunk", "slices of 100 f8, lz4, memory", 8, row_slices),
    Workload("tensor", "pack 134 MB arange", 1.5, pack),
    Workload("tensor", "unpack 134 MB arange", 1.5, unpack),
    Workload("buffer", "compress2 16 MiB, lz4 shuffle", 1.2, compress),
    Workload("buffer", "decompress2 16 MiB, zstd bitshuffle", 1.2, decompress),
]
