# SPDX-License-Identifier: BSD-3-Clause
cimport numpy as cnp

# A new array in C order, items as they come.
cdef cnp.ndarray empty(cnp.dtype dtype, int ndim, const cnp.npy_intp *dims)
