# SPDX-License-Identifier: BSD-3-Clause
"""Plans of chunks and blocks: predicted beside what handles count, and what is refused."""

import numpy as np
import pytest

import tessera


def noise(path, **how):
    items = np.random.default_rng(5).integers(0, 2**31, (64, 48, 100), np.int32)
    return tessera.asarray(items, urlpath=str(path), mode="w", **how)


@pytest.fixture
def no_cache():
    before = tessera.set_cache(0)
    yield
    tessera.set_cache(before)


def test_figures_of_the_spectral_cubes_follow_from_the_shapes():
    # cells 19 to 28 of the document on ASDF: bytes that asdf-zarr read, in whole MiB
    image, spectrum = (..., 0), (0, 0)
    for shape, chunks, expected in [
        ((32, 32, 2560), (8, 8, 2560), (10.0, 0.625)),  # 671 KB, 31 of them the file's head
        ((32, 32, 2560), (32, 32, 256), (1.0, 10.0)),
        ((160, 160, 2560), (32, 32, 256), (25.0, 10.0)),
    ]:
        a = tessera.advise(shape, [image, spectrum], dtype="f4", chunks=chunks, format="zarr2")
        assert a.now.chunks == chunks and a.now.blocks == chunks
        assert tuple(c.mean.bytes / 2**20 for c in a.now.access) == expected
        assert a.best.seconds <= a.now.seconds and a.best.best and a.best.front


def test_reads_take_what_was_predicted(tmp_path, no_cache):
    noise(tmp_path / "a.b2nd", chunks=(32, 24, 50), blocks=(8, 12, 25))
    a = tessera.open(str(tmp_path / "a.b2nd"))
    keys = [(0,), (..., 7), (slice(3, 30), 5, slice(None, None, -3)), (1, 2, 3), ()]
    advice = tessera.advise(a, keys)
    assert advice.now.located and advice.now.chunks == (32, 24, 50)
    for key, cost in zip(keys, advice.now.access, strict=True):
        read = tessera.measure(a, key)
        assert read[:5] == cost.here[:5], key
        assert read.seconds > 0


def test_weights_decide():
    def best(weights):
        keys = [(0,), (..., 0)]
        return tessera.advise((512, 512, 512), keys, weights, dtype="f8").best.blocks

    assert best([1000, 1])[0] < best([1, 1000])[0]
    assert best([1000, 1])[2] > best([1, 1000])[2]


def test_assumptions_are_told_and_may_be_set():
    a = tessera.advise((1000, 1000), [0], dtype="u1", medium="s3", latency=0.5, format="zarr3")
    assert a.assumed["latency"] == 0.5 and a.assumed["in_flight"] == 16
    assert a.assumed["medium"] == "s3" and a.assumed["format"] == "zarr3"
    assert a.best.access[0].mean.seconds > 0.5
    b = tessera.advise((4096, 4096), [0], dtype="u1", chunk_bytes=(1 << 16, 1 << 18), most=3)
    assert all(p.chunk_bytes <= 1 << 18 for p in b.plans if not p.default)
    assert len(b.plans) <= 4 and "less than" in b.why
    fixed = tessera.advise((100,), [slice(5, 15)], dtype="u1", chunks=(10,), fixed=True)
    assert fixed.now.access[0].mean.chunks == 2 == fixed.now.access[0].here.chunks
    slides = tessera.advise((100,), [slice(5, 15)], dtype="u1", chunks=(10,))
    assert 1.89 < slides.now.access[0].mean.chunks < 1.91


def test_wrong_questions_are_refused():
    for error, args, how in [
        (ValueError, ((10,), []), {"dtype": "f4"}),
        (ValueError, ((10,), [0]), {}),
        (ValueError, ((10,), [slice(3, 3)]), {"dtype": "f4"}),
        (ValueError, ((10,), [0]), {"dtype": "f4", "format": "hdf5"}),
        (ValueError, ((10,), [0]), {"dtype": "f4", "medium": "tape"}),
        (ValueError, ((10,), [0]), {"dtype": "f4", "chunks": (2, 2)}),
        (ValueError, ((10,), [0], [1, 2]), {"dtype": "f4"}),
        (ValueError, ((10,), [0], [-1]), {"dtype": "f4"}),
        (IndexError, ((10,), [10]), {"dtype": "f4"}),
        (IndexError, ((10,), [(0, 0)]), {"dtype": "f4"}),
        (TypeError, ((10,), ["x"]), {"dtype": "f4"}),
        (ValueError, (tessera.ones((4,)), [0]), {"chunks": (2,)}),
    ]:
        with pytest.raises(error):
            tessera.advise(*args, **how)
    with pytest.raises(IndexError):
        tessera.measure(tessera.ones((4,)), 4)
