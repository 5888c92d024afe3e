/* SPDX-License-Identifier: BSD-3-Clause */
/* base/num.h - checked arithmetic and byte order.
 *
 * tsr_add and tsr_mul return false on overflow of the type of *out and then leave *out
 * unspecified.  Loads and stores work at any alignment. */
#ifndef TSR_BASE_NUM_H
#define TSR_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define tsr_add(a, b, out) (!__builtin_add_overflow(a, b, out))
#define tsr_mul(a, b, out) (!__builtin_mul_overflow(a, b, out))

static inline int64_t tsr_min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t tsr_max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static inline size_t tsr_minz(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* a >= 0, b > 0 */
static inline int64_t tsr_ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

/* The greatest common divisor; a, b >= 0. */
static inline int64_t tsr_gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Product of n factors >= 0; false when it does not fit. */
static inline bool tsr_product(const int64_t *v, int n, int64_t *out)
{
    int64_t p = 1;
    bool zero = false, fits = true;
    for (int i = 0; i < n; i++) {
        if (v[i] == 0) zero = true;
        else if (!tsr_mul(p, v[i], &p)) {
            fits = false;
            p = 1;
        }
    }
    *out = zero ? 0 : p;
    return zero || fits;
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TSR_LE16(v) (v)
#define TSR_LE32(v) (v)
#define TSR_LE64(v) (v)
#define TSR_BE16(v) __builtin_bswap16(v)
#define TSR_BE32(v) __builtin_bswap32(v)
#define TSR_BE64(v) __builtin_bswap64(v)
#else
#define TSR_LE16(v) __builtin_bswap16(v)
#define TSR_LE32(v) __builtin_bswap32(v)
#define TSR_LE64(v) __builtin_bswap64(v)
#define TSR_BE16(v) (v)
#define TSR_BE32(v) (v)
#define TSR_BE64(v) (v)
#endif

#define TSR_LOAD_STORE(order, bits)                                       \
    static inline uint##bits##_t tsr_load_##order##bits(const void *p)    \
    {                                                                     \
        uint##bits##_t v;                                                 \
        memcpy(&v, p, sizeof v);                                          \
        return TSR_##order##bits(v);                                      \
    }                                                                     \
    static inline void tsr_store_##order##bits(void *p, uint##bits##_t v) \
    {                                                                     \
        v = TSR_##order##bits(v);                                         \
        memcpy(p, &v, sizeof v);                                          \
    }
TSR_LOAD_STORE(LE, 16)
TSR_LOAD_STORE(LE, 32)
TSR_LOAD_STORE(LE, 64)
TSR_LOAD_STORE(BE, 16)
TSR_LOAD_STORE(BE, 32)
TSR_LOAD_STORE(BE, 64)
#undef TSR_LOAD_STORE

#endif
