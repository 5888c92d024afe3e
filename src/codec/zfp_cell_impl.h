/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_cell_impl.h - cells of floats to negabinary numbers and back (blosc2.md C.3), for one
 * type: FLOAT with BIAS and MANTISSA bits, UINT and INT of its size, NAME(x) for its names.
 *
 * Vectors are the four values of a row of the cell, along its fastest side. */

typedef UINT NAME(uints) __attribute__((vector_size(4 * sizeof(UINT))));
typedef INT NAME(ints) __attribute__((vector_size(4 * sizeof(INT))));
typedef FLOAT NAME(floats) __attribute__((vector_size(4 * sizeof(FLOAT))));

/* 2^e for e <= BIAS, denormal or zero where that is too small. */
INLINE FLOAT NAME(power)(int e)
{
    UINT bits = 0;
    FLOAT f;
    if (e > -BIAS) bits = (UINT)(e + BIAS) << MANTISSA;
    else if (e + BIAS + MANTISSA > 0) bits = (UINT)1 << (e + BIAS + MANTISSA - 1);
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* e of 2^(e - 1) <= f < 2^e, least that of normal numbers; none of 0, 0 of infinity. */
INLINE int NAME(exponent)(FLOAT f)
{
    UINT bits;
    memcpy(&bits, &f, sizeof bits);
    int e = (int)(bits >> MANTISSA);
    if (bits == 0) return TSR_ZFP_EMPTY;
    return e <= 2 * BIAS ? e - BIAS + 1 : 0;
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

/* The coefficients of four values. */
INLINE void NAME(lower)(NAME(uints) * p, int step)
{
    NAME(uints) x = p[0], y = p[step], z = p[2 * step], w = p[3 * step];
    x = HALF(x + w);
    w -= x;
    z = HALF(z + y);
    y -= z;
    x = HALF(x + z);
    z -= x;
    w = HALF(w + y);
    y -= w;
    w += HALF(y);
    y -= HALF(w);
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

/* The transform along each side, the fastest first, and its inverse, the fastest last. */
INLINE void NAME(transform)(NAME(uints) * v, int ndim)
{
    int rows = 1 << 2 * (ndim - 1);
    if (ndim == 1) v[1] = v[2] = v[3] = v[0];
    for (int i = 0; i < rows; i += 4) {
        NAME(transpose)(v + i);
        NAME(lower)(v + i, 1);
        NAME(transpose)(v + i);
    }
    for (int step = 1; step < rows; step *= 4)
        for (int i = 0; i < rows; i++)
            if (i / step % 4 == 0) NAME(lower)(v + i, step);
}

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
#undef HALF

/* A cell's floats, of numbers sorted by `order`. */
INLINE void NAME(to_floats)(const uint8_t *numbers, int ndim, int exp, FLOAT *cell)
{
    const UINT mask = (UINT)0xAAAAAAAAAAAAAAAA;
    const uint8_t *order = tsr_zfp_orders[ndim - 1];
    int n = 1 << 2 * ndim;
    UINT u[256];
    NAME(uints) v[64];
    for (int i = 0; i < n; i++) memcpy(&u[order[i]], numbers + i * sizeof *u, sizeof *u);
    memcpy(v, u, n * sizeof *u);
    for (int i = 0; i < n / 4; i++) v[i] = (v[i] ^ mask) - mask;
    NAME(invert)(v, ndim);
    FLOAT scale = NAME(power)(exp - (int)sizeof(UINT) * 8 + 2);
    memcpy(u, v, n * sizeof *u);
    for (int i = 0; i < n; i++) cell[i] = (FLOAT)(INT)u[i] * scale;
}

/* The largest magnitude of n floats; what is no number is passed over. */
INLINE FLOAT NAME(largest)(const FLOAT *cell, int n)
{
    const UINT sign = (UINT)1 << (sizeof(UINT) * 8 - 1);
    NAME(uints) m = {0}, v;
    for (int i = 0; i < n; i += 4) {
        memcpy(&v, cell + i, sizeof v);
        v &= ~sign;
        NAME(uints) above = (NAME(uints))((NAME(floats))m < (NAME(floats))v);
        m = (v & above) | (m & ~above);
    }
    NAME(floats) f = (NAME(floats))m;
    FLOAT a = f[0] < f[1] ? f[1] : f[0], b = f[2] < f[3] ? f[3] : f[2];
    return a < b ? b : a;
}

/* The same back: numbers of a cell's floats, which are below 2^exp.  Their factor may be more than
 * the largest float, so it comes in two.  What is no number becomes some integer, as in libzfp.
 * The loops go by items because vectors of doubles would be converted through the stack. */
INLINE void NAME(of_floats)(const FLOAT *cell, int ndim, int exp, uint8_t *numbers)
{
    const UINT mask = (UINT)0xAAAAAAAAAAAAAAAA;
    const uint8_t *order = tsr_zfp_orders[ndim - 1];
    int n = 1 << 2 * ndim, up = (int)sizeof(UINT) * 8 - 2 - exp;
    FLOAT first = NAME(power)(up < BIAS ? up : BIAS), then = NAME(power)(up < BIAS ? 0 : up - BIAS);
    UINT u[256];
    NAME(uints) v[64];
    for (int i = 0; i < n; i++) u[i] = (UINT)(INT)(cell[i] * first * then);
    memcpy(v, u, n * sizeof *u);
    NAME(transform)(v, ndim);
    for (int i = 0; i < n / 4; i++) v[i] = (v[i] + mask) ^ mask;
    memcpy(u, v, n * sizeof *u);
    for (int i = 0; i < n; i++) memcpy(numbers + i * sizeof *u, &u[order[i]], sizeof *u);
}

/* The cells of a batch, to the block and from it. */
INLINE void NAME(put_cells)(const struct tsr_zfp_batch *b, struct tsr_zfp_place *p, int ndim,
                            uint8_t *dst)
{
    FLOAT cell[256] = {0};
    size_t len = sizeof *cell << 2 * ndim;
    for (size_t c = 0; c < b->n; c++, tsr_zfp_place_next(p)) {
        if (b->exps[c] == TSR_ZFP_EMPTY) memset(cell, 0, len);
        else NAME(to_floats)(b->numbers + c * len, ndim, b->exps[c], cell);
        tsr_zfp_place_put(p, (const uint8_t *)cell, 4 * sizeof *cell, dst);
    }
}

INLINE void NAME(get_cells)(struct tsr_zfp_batch *b, struct tsr_zfp_place *p, int ndim,
                            const uint8_t *src)
{
    FLOAT cell[256] = {0};
    size_t len = sizeof *cell << 2 * ndim;
    for (size_t c = 0; c < b->n; c++, tsr_zfp_place_next(p)) {
        tsr_zfp_place_get(p, (uint8_t *)cell, sizeof *cell, src);
        b->exps[c] = NAME(exponent)(NAME(largest)(cell, 1 << 2 * ndim));
        if (b->exps[c] == TSR_ZFP_EMPTY) memset(b->numbers + c * len, 0, len);
        else NAME(of_floats)(cell, ndim, b->exps[c], b->numbers + c * len);
    }
}
