/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/hash.h - the sums of numcodecs that no library has (zarr.md 5.3). */
#ifndef TSR_ZARR_HASH_H
#define TSR_ZARR_HASH_H

#include <stddef.h>
#include <stdint.h>

/* The Fletcher-32 of HDF5 and netCDF: 16-bit words, big-endian. */
uint32_t tsr_fletcher32(const uint8_t *p, size_t n);

/* Bob Jenkins' lookup3, "hashlittle", of n bytes that are handed to it in two pieces. */
uint32_t tsr_jenkins_lookup3(uint32_t seed, const uint8_t *prefix, size_t prefix_len,
                             const uint8_t *p, size_t n);

#endif
