# SPDX-License-Identifier: BSD-3-Clause
"""Made-up data that compresses as the real kind does; the same as in bench/data.c in kind."""

from __future__ import annotations

import math

import numpy as np


def waves(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A value per row (all axes but the last, flat) and per item of a row: slow curves."""

    def wave(n: int, period: float, height: float) -> np.ndarray:
        i = np.arange(n)
        return height * (np.sin(i * 2 * np.pi / period) + np.sin(i / period))

    rows, ny = math.prod(shape[:-1]), shape[-2] if len(shape) > 1 else 1
    i = np.arange(rows)
    per_row = 200 + wave(ny, 61, 10)[i % ny] + wave(max(rows // ny, 1), 41, 30)[i // ny]
    return per_row, wave(shape[-1], 97, 20)


def by_rows(shape: tuple[int, ...], dtype: str, steps: float, noise: int) -> np.ndarray:
    """Slow curves in steps of 1/steps with `noise` different values of noise in the low bits."""
    rng = np.random.default_rng(1)
    per_row, row = waves(shape)
    out = np.empty((len(per_row), shape[-1]), dtype)
    for at in range(0, len(per_row), 1024):
        base = per_row[at : at + 1024, None] + row
        base = np.floor(base * steps + rng.integers(0, noise, base.shape, np.uint8)) / steps
        out[at : at + 1024] = base
    return out.reshape(shape)


def smooth_f4(shape: tuple[int, ...]) -> np.ndarray:
    """A field that varies slowly, with two bits of noise, in steps of 1/64."""
    return by_rows(shape, "f4", 64, 4)


def table_f8(shape: tuple[int, ...]) -> np.ndarray:
    """Slow curves with a bit of noise, in steps of 1/1024."""
    return by_rows(shape, "f8", 1024, 2)


def image_u2(shape: tuple[int, ...]) -> np.ndarray:
    """A camera frame: slow curves, four bits of read-out noise, some stars."""
    frame = by_rows(shape, "u2", 1, 16) + np.uint16(1000)
    rng = np.random.default_rng(2)
    frame.ravel()[rng.integers(0, frame.size, frame.size // 4096)] += 9000
    return frame


def shot_u2(shape: tuple[int, ...]) -> np.ndarray:
    """Frames of a detector that counts some 10,000 photons per pixel, with the noise of these."""
    rng = np.random.default_rng(1)
    per_row, row = waves(shape)
    out = np.empty((len(per_row), shape[-1]), "u2")
    for at in range(0, len(per_row), 1024):
        mean = 50 * (per_row[at : at + 1024, None] + row)
        out[at : at + 1024] = np.rint(mean + np.sqrt(mean) * rng.standard_normal(mean.shape))
    return out.reshape(shape)


def stars_u1(shape: tuple[int, ...]) -> np.ndarray:
    """Counts of stars in a disk with a bulge, most of them near the middle of axis 0."""
    rng = np.random.default_rng(7)
    n = math.prod(shape) // 600
    cells = []
    for d, extent in enumerate(shape):
        x = 0.5 + rng.normal(0, 0.02 if d == 0 else 0.14, n)
        cells.append(np.clip(x * extent, 0, extent - 1).astype(int))
    counts = np.zeros(shape, "u1")
    np.add.at(counts, tuple(cells), 1)
    return counts


def records(n: int, item: int) -> np.ndarray:
    """n records of `item` bytes: runs of 60 equal bytes between 20 of noise."""
    i = np.arange(n * item)
    rng = np.random.default_rng(3)
    flat = np.where(i % 80 < 60, i // 80, rng.integers(0, 256, i.shape)).astype("u1")
    return flat.reshape(n, item)
