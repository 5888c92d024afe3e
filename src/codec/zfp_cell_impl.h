/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_cell_impl.h - from the bits of a cell's values to floats (blosc2.md C.3), for one type
 * of floats: FLOAT with BIAS and MANTISSA bits, UINT and INT of its size, NAME(x) for its names.
 *
 * Vectors are the four values of a row of the cell, along its fastest side. */

typedef UINT NAME(uints) __attribute__((vector_size(4 * sizeof(UINT))));
typedef INT NAME(ints) __attribute__((vector_size(4 * sizeof(INT))));
typedef FLOAT NAME(floats) __attribute__((vector_size(4 * sizeof(FLOAT))));

/* 2^e, which is denormal or zero when it is too small. */
static FLOAT NAME(power)(int e)
{
    UINT bits = 0;
    FLOAT f;
    if (e > -BIAS) bits = (UINT)(e + BIAS) << MANTISSA;
    else if (e + BIAS + MANTISSA > 0) bits = (UINT)1 << (e + BIAS + MANTISSA - 1);
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Half, rounded down. */
#define HALF(v) ((NAME(uints))((NAME(ints))(v) >> 1))

/* Four values in each of four lanes, `step` vectors apart, from their coefficients. */
INLINE void NAME(lift)(NAME(uints) * p, int step)
{
    NAME(uints) x = p[0], y = p[step], z = p[2 * step], w = p[3 * step];
    y += HALF(w);
    w -= HALF(y);
    y += w;
    w += w - y;
    z += x;
    x += x - z;
    y += z;
    z += z - y;
    w += x;
    x += x - w;
    p[0] = x;
    p[step] = y;
    p[2 * step] = z;
    p[3 * step] = w;
}

INLINE void NAME(transpose)(NAME(uints) * p)
{
    NAME(uints) a = __builtin_shufflevector(p[0], p[1], 0, 4, 1, 5);
    NAME(uints) b = __builtin_shufflevector(p[2], p[3], 0, 4, 1, 5);
    NAME(uints) c = __builtin_shufflevector(p[0], p[1], 2, 6, 3, 7);
    NAME(uints) d = __builtin_shufflevector(p[2], p[3], 2, 6, 3, 7);
    p[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    p[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    p[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    p[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

/* The inverse of the transform along each side, the fastest last. */
INLINE void NAME(invert)(NAME(uints) * v, int ndim)
{
    int rows = 1 << 2 * (ndim - 1);
    for (int step = rows / 4; step > 0; step /= 4)
        for (int i = 0; i < rows; i++)
            if (i / step % 4 == 0) NAME(lift)(v + i, step);
    if (ndim == 1) v[1] = v[2] = v[3] = v[0];
    for (int i = 0; i < rows; i += 4) {
        NAME(transpose)(v + i);
        NAME(lift)(v + i, 1);
        NAME(transpose)(v + i);
    }
}

/* A cell's values, of negabinary digits in the order of `order`, times 2^e. */
INLINE void NAME(cell)(const uint8_t *digits, const uint8_t *order, int ndim, int exp, FLOAT *cell)
{
    const UINT mask = (UINT)0xAAAAAAAAAAAAAAAA;
    int n = 1 << 2 * ndim;
    UINT u[256];
    NAME(uints) v[64];
    for (int i = 0; i < n; i++) memcpy(&u[order[i]], digits + i * sizeof *u, sizeof *u);
    memcpy(v, u, n * sizeof *u);
    for (int i = 0; i < n / 4; i++) v[i] = (v[i] ^ mask) - mask;
    NAME(invert)(v, ndim);
    FLOAT scale = NAME(power)(exp - (int)sizeof(UINT) * 8 + 2);
    for (int i = 0; i < n / 4; i++) {
        NAME(floats) f = __builtin_convertvector((NAME(ints))v[i], NAME(floats)) * scale;
        memcpy(cell + 4 * i, &f, sizeof f);
    }
}
#undef HALF
