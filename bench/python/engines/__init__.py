# SPDX-License-Identifier: BSD-3-Clause
"""Who is measured: engines by name, each in an environment of its own.

A set of workloads is run by Tessera and by the peers of a set.  Where those have python-blosc2's
names, workloads call them; for Zarr each engine has an adapter here, a module with these names:

    set_nthreads(n)             all its pools
    open(path, cache)           an array, for reading; decoded bytes to keep, 0: as it does
    read(array, key)            items as a new NumPy array; key: integers and slices
    points(array, rows, cols)   items of two dimensions one by one
    write(path, layout, values) a new array of format 3 with all its items (zarr_data.Layout)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Engine:
    """`env`: in build/peers; `variant`: what the module's `use` is told, if anything; `aim`: the
    ratio that is wanted, 0 that of the row, negative: none."""

    name: str
    env: str
    module: str
    variant: str = ""
    aim: float = 0
    package: str = ""


OURS = {
    "blosc2": Engine("tessera", "", "tessera", package="tessera"),
    "zarr": Engine("tessera", "", "engines.tessera_zarr", package="tessera"),
}
PEERS = {
    "blosc2": [Engine("blosc2", "blosc2", "blosc2", package="blosc2")],
    "zarr": [
        Engine("zarr", "zarr", "engines.zarr_python", package="zarr"),
        Engine("fused", "zarr", "engines.zarr_python", "fused", -1, "zarr"),
        Engine("zarrs", "zarrs", "engines.zarr_python", "zarrs", 1.2, "zarrs"),
        Engine("tensorstore", "tensorstore", "engines.ts", aim=1.2, package="tensorstore"),
    ],
}
