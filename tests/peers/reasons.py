# SPDX-License-Identifier: BSD-3-Clause
"""reasons - which of python-blosc2's tests test something else than the surface, and why.

FAILS names tests that must fail, SKIPS tests that must be skipped: patterns of fnmatch over
"file::test[parameters]" and the reason. A test that is named and does not do so, one that does so
and is not named, and a pattern that meets no test are failures of the run. What such a test also
asks of the surface itself is asked again in test_rest.py.
"""

WITHIN = "asks for chunks that end within an item; Tessera's hold whole ones"
MEANS = "asks for means of integers' bits read as floats, which Tessera refuses"
REFUSED = "asks for filters that together give other data back, which Tessera refuses"
LAZY = "lazy expressions and the cache of their results are no part of this surface"
PRIVATE = "calls a private helper of python-blosc2's own modules"
PATH = "watches which internal path of python-blosc2 a read takes"

FAILS = {
    "ndarray/test_getitem.py::test_where_full_slice_repeat_avoids_scan": LAZY,
    "ndarray/test_getitem.py::test_where_full_slice_hot_cache_no_persist*": LAZY,
    "ndarray/test_getitem.py::test_sparse_bool_mask_routes_through_take_fastpath": PATH,
    "ndarray/test_getitem.py::test_getitem_strided_gather_dispatch*": PATH,
    "ndarray/test_getitem.py::test_setitem_strided_does_not_use_gather": PATH,
    "ndarray/test_slice.py::test_detect_aligned_chunks*": PRIVATE,
    "ndarray/test_slice.py::test_aligned_chunks*": PRIVATE,
    "test_mmap.py::test_initial_mapping_size*": "reads the trace that c-blosc2 prints under "
    "BLOSC_INFO",
    "test_schunk.py::test_schunk[[]7-*": WITHIN,
    "test_schunk.py::test_schunk_cdparams[[]cparams[23]-*": REFUSED,
    "test_storage.py::test_cparams_values[[]cparams1]": REFUSED,
    "ndarray/test_empty.py::test_empty[[]shape2-*": REFUSED,
    "ndarray/test_lossy.py::test_lossy[[]shape4-int32-*": MEANS,
    "test_vlmeta.py::test_vlmeta_supports_ref_roundtrip": "references (Ref) are no part of this "
    "surface",
}

SKIPS = {
    "test_tensor.py::*torch*": "PyTorch is not installed",
    "ndarray/test_setitem.py::test_setitem_torch_proxy*": "PyTorch is not installed",
}
