/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/residue.h - numbers modulo the prime P of docs/hash.md.
 *
 * P is the first prime from floor(pi * 2^120) on of which (P - 1) / 2 is prime too; it has 122
 * bits.  A factor is a number in Montgomery's form, v * 2^128 mod P: a residue times a factor is a
 * residue, a factor times a factor is one. */
#ifndef TSR_OPS_RESIDUE_H
#define TSR_OPS_RESIDUE_H

#include <stddef.h>
#include <stdint.h>

struct tsr_residue {
    uint64_t lo, hi; /* lo + hi * 2^64 < P */
};

static const struct tsr_residue tsr_factor_one = {0x36f4eb4770e80f91, 0x0187ef4acdb76a35};

struct tsr_residue tsr_residue_add(struct tsr_residue a, struct tsr_residue b);
/* a * b / 2^128 mod P. */
struct tsr_residue tsr_residue_mul(struct tsr_residue a, struct tsr_residue b);
/* The factor 256^n. */
struct tsr_residue tsr_factor_power(uint64_t n);
/* The factor 1 + b + b^2 + ... + b^(n-1) of a factor b. */
struct tsr_residue tsr_factor_series(struct tsr_residue b, uint64_t n);
/* The residue that a factor stands for. */
struct tsr_residue tsr_factor_residue(struct tsr_residue f);

/* Weights, residues, as the two loops take them: in parts of 61 bits, and of 31, 30, 31 and 30. */
enum { TSR_WEIGHTS = 512 };
struct tsr_weights {
    uint64_t low[TSR_WEIGHTS], high[TSR_WEIGHTS];
    uint32_t quarter[4][TSR_WEIGHTS];
};
void tsr_weights_set(struct tsr_weights *w, size_t i, struct tsr_residue v);

/* The sum over n <= TSR_WEIGHTS words, little endian at p, each times its weight. */
struct tsr_residue tsr_residue_words(const struct tsr_weights *w, const void *p, size_t n);
/* The same of words below 2^24, in the order of the machine. */
struct tsr_residue tsr_residue_small(const struct tsr_weights *w, const uint32_t *v, size_t n);

#endif
