# SPDX-License-Identifier: BSD-3-Clause
"""What exists already, as the object that it is: from files, folders and frames in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from tessera import params, remote
from tessera._engine import UnsupportedError, forget_path, probe
from tessera.group import Group
from tessera.ndarray import NDArray
from tessera.params import CParams, DParams
from tessera.schunk import SChunk

_MAPPED = {"r": "r", "r+": "a", "c": "a"}  # mmap_mode -> mode


def place(urlpath: str | os.PathLike[str]) -> str:
    """The path or URL, of file:// the path."""
    path = os.fsdecode(urlpath)
    parts = urlsplit(path)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return unquote(parts.path)
    return path


def open(
    urlpath: str | os.PathLike[str],
    mode: str | None = "r",
    offset: int = 0,
    *,
    cparams: CParams | Mapping[str, Any] | None = None,
    dparams: DParams | Mapping[str, Any] | None = None,
    mmap_mode: str | None = None,
    initial_mapping_size: int | None = None,
    locking: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> NDArray | SChunk | Group:
    """Opens an array, super-chunk or group; which it is, the content tells.

    Parameters
    ----------
    urlpath : str or path
        A file (.b2nd, .b2frame, .npy ...), the folder of a sparse frame, a Zarr hierarchy (a
        folder, a zip archive, https://..., s3://...) or a node in it ("x.zarr#a/b"), or a file://
        URL.
    mode : {"r", "a", "w"}
        Read; change; "w" empties a super-chunk, of an array or group it is the same as "a".  None:
        "r", or what mmap_mode says.
    offset : int
        Bytes before the frame in its file; then it is for reading.
    cparams : CParams or dict, optional
        Of new chunks in a super-chunk that is opened with mode "w"; of its threads else.
    dparams : DParams or dict, optional
    mmap_mode : {"r", "r+", "c"}, optional
        Through a memory mapping; it stands for the mode.  "c": changes are seen by this object and
        written nowhere.
    initial_mapping_size : int, optional
        For compatibility: mappings grow as needed.
    locking : bool
        Share the file with other programs that write, by c-blosc2's advisory locks.
    storage_options : dict, optional
        How a server is spoken to, where the environment (docs/remote.md) is not to say so:
        endpoint, region, key, secret, token : str
            Of S3: "https://host:port", "eu-central-1", credentials.
        anon : bool
            S3: requests are not signed.
        timeout, pause : float
            Seconds of silence after which a try has failed; before the second try.
        tries, connections : int
            Of a request; requests of this object at once.

    Raises
    ------
    FileNotFoundError
        There is nothing.
    RuntimeError
        It cannot be read: CorruptError, UnsupportedError.
    DeniedError
        A ValueError and PermissionError: the file or server refuses, a wrong key for one.
    TemporaryError
        An OSError: trouble of the network or the server.
    ValueError
        Parameters that do not fit together.

    Examples
    --------
    >>> import tessera
    >>> tessera.full((2, 3), 7, urlpath="seven.b2nd", mode="w").close()
    >>> tessera.open("seven.b2nd")[0]
    array([7, 7, 7])
    >>> tessera.remove_urlpath("seven.b2nd")
    """
    if mmap_mode == "w+":
        raise ValueError("w+ mmap_mode cannot be used to open an existing file")
    params.check_mapping(mmap_mode, initial_mapping_size, locking)
    mode = mode or "r"
    if mode not in ("r", "a", "w"):
        raise ValueError(f"mode: found {mode!r}, expected 'r', 'a' or 'w'")
    dp = params.filled(DParams, dparams)
    path = place(urlpath)
    server = remote.members(storage_options)
    kind = _kind(path, offset, server)
    if kind == "group":
        return Group._open(path, "r" if mode == "r" else "r+", remote=server)
    if kind == "schunk" and mode == "w" and not mmap_mode and not offset:
        return _emptied(path, cparams, dp, locking)
    options = {
        "mode": _MAPPED[mmap_mode] if mmap_mode else "r" if mode == "r" else "a",
        "mmap": mmap_mode,
        "offset": offset,
        "locking": locking,
        "threads": params.threads_of(dp.nthreads),
        "remote": server,
    }
    if kind == "schunk":
        s = SChunk._from_url(path, dp, **options)
        if cparams is not None:
            s._nthreads = params.filled(CParams, cparams).nthreads
        return s
    return _array(path, cparams, dp, **options)


def _kind(path: str, offset: int, server: dict[str, Any] | None) -> str:
    kind, form = probe(path, offset, server)
    if kind == "chunk" or form == "dir":
        what = "folder without a Zarr document" if form == "dir" else kind
        raise UnsupportedError(f"{path}: a {what}, expected an array, super-chunk or group")
    return kind


def _array(path: str, cparams: Any, dp: DParams, **options: Any) -> NDArray:
    a: NDArray = NDArray._open(path, **options)
    a._options = {name: options[name] for name in ("offset", "mmap", "locking") if options[name]}
    a._threads = (params.filled(CParams, cparams).nthreads, dp.nthreads)
    return a


def _emptied(path: str, cparams: Any, dp: DParams, locking: bool) -> SChunk:
    """A super-chunk of the same kind of chunks, without any, in the place of the one at path."""
    with SChunk._from_url(path, dp, mode="r") as old:
        chunksize, contiguous = old.chunksize or -1, old.contiguous
        meta = old.meta.getall()
        cp = old.cparams if cparams is None else cparams
    return SChunk(
        chunksize,
        urlpath=path,
        mode="w",
        contiguous=contiguous,
        cparams=cp,
        dparams=dp,
        meta=meta,
        locking=locking,
    )


def load(
    urlpath: str | os.PathLike[str],
    dparams: DParams | Mapping[str, Any] | None = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> NDArray | SChunk:
    """A copy in memory of what is at urlpath; parameters and errors as of `open`.

    Examples
    --------
    >>> import tessera
    >>> tessera.full((2, 3), 7, urlpath="seven.b2nd", mode="w").close()
    >>> a = tessera.load("seven.b2nd")
    >>> tessera.remove_urlpath("seven.b2nd")
    >>> a.urlpath, a[1, 2]
    (None, array(7))
    """
    with open(urlpath, dparams=dparams, storage_options=storage_options) as there:
        if isinstance(there, Group):
            raise UnsupportedError(f"{urlpath}: a group, expected an array or super-chunk")
        if isinstance(there, SChunk):
            return there._twin(None)
        return there.copy()


def remove_urlpath(path: str | os.PathLike[str] | None) -> None:
    """Removes a file or folder; nothing happens when it is not there, or for None.

    Raises
    ------
    UnsupportedError
        It is behind a URL: arrays and groups on S3 are removed by their group, ``del group[name]``.

    Examples
    --------
    >>> import os, tessera
    >>> tessera.arange(3, urlpath="short_lived.b2nd", mode="w").close()
    >>> tessera.remove_urlpath("short_lived.b2nd")
    >>> os.path.exists("short_lived.b2nd")
    False
    """
    if path is None:
        return
    path = place(path)
    if "://" in path:
        raise UnsupportedError(f"{path}: only what is local is removed so, expected a path")
    forget_path(path)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


# ---- frames in memory ----


def schunk_from_cframe(cframe: Any, copy: bool = False) -> SChunk:
    """The super-chunk in a contiguous frame; of an array's frame the chunks below it.

    Parameters
    ----------
    cframe : buffer
        What `to_cframe` gave, or a file held.
    copy : bool
        Without, the buffer is used in place, for reading, and kept alive.

    Raises
    ------
    RuntimeError
        It is no frame.

    Examples
    --------
    >>> import tessera
    >>> frame = tessera.SChunk(data=b"abc").to_cframe()
    >>> tessera.schunk_from_cframe(frame)[:]
    b'abc'
    """
    return SChunk._from_bytes(cframe, copy)


def ndarray_from_cframe(cframe: Any, copy: bool = False) -> NDArray:
    """The array in a contiguous frame; parameters and errors as of `schunk_from_cframe`.

    Raises
    ------
    RuntimeError
        It is no frame, or that of a super-chunk.

    Examples
    --------
    >>> import tessera
    >>> tessera.ndarray_from_cframe(tessera.arange(3).to_cframe())[:]
    array([0, 1, 2])
    """
    try:
        a: NDArray = NDArray._from_frame(cframe, copy=copy)
    except ValueError as e:
        raise RuntimeError(str(e)) from None
    return a


def from_cframe(cframe: Any, copy: bool = True) -> NDArray | SChunk:
    """The array or super-chunk in a contiguous frame, whichever it is.

    Raises
    ------
    RuntimeError
        It is no frame.

    Examples
    --------
    >>> import tessera
    >>> type(tessera.from_cframe(tessera.zeros((2, 2)).to_cframe())).__name__
    'NDArray'
    """
    s = SChunk._from_bytes(cframe, False)
    if "b2nd" in s.meta or "caterva" in s.meta:
        return ndarray_from_cframe(cframe, copy)
    return SChunk._from_bytes(cframe, True) if copy else s
