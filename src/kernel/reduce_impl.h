/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/reduce_impl.h - the loops of reduce.c over items of type T.
 *
 *   T, NAME(x)   the type, and x with the type's name
 *   WORD         of extremes: int64_t, uint64_t, double
 *   MID          holds sums of MID_ITEMS of T (integers)
 *   IS_NAN(v)    0 for integers
 *
 * Loops keep LANES results side by side, so that they become vector code without leave to
 * reorder sums, and so that the order is always the same. */

#define EACH_LANE for (int j = 0; j < LANES; j++)
#define EACH_WIDE for (int j = 0; j < WIDE; j++)

#define EXTREME(name, before)                                                                \
    static inline T NAME(name##_of)(T a, T b)                                                \
    {                                                                                        \
        return ((b before a) | IS_NAN(b)) ? b : a;                                           \
    }                                                                                        \
    static void NAME(name##_run)(void *acc, int64_t plane, const void *src, int64_t n)       \
    {                                                                                        \
        const T *p = src;                                                                    \
        T lane[WIDE], best = p[0];                                                           \
        WORD *a = acc, w;                                                                    \
        int64_t i = 0;                                                                       \
        (void)plane;                                                                         \
        if (n >= WIDE) {                                                                     \
            EACH_WIDE lane[j] = p[j];                                                        \
            for (i = WIDE; i + WIDE <= n; i += WIDE)                                         \
                EACH_WIDE lane[j] = NAME(name##_of)(lane[j], p[i + j]);                      \
            for (int h = WIDE / 2; h > 0; h /= 2)                                            \
                for (int j = 0; j < h; j++) lane[j] = NAME(name##_of)(lane[j], lane[j + h]); \
            best = lane[0];                                                                  \
        }                                                                                    \
        for (; i < n; i++) best = NAME(name##_of)(best, p[i]);                               \
        w = (WORD)best;                                                                      \
        if ((w before * a) | IS_NAN(w)) *a = w;                                              \
    }                                                                                        \
    static void NAME(name##_row)(void *acc, int64_t plane, const void *src, int64_t n)       \
    {                                                                                        \
        const T *restrict p = src;                                                           \
        WORD *restrict a = acc;                                                              \
        (void)plane;                                                                         \
        for (int64_t i = 0; i < n; i++) {                                                    \
            WORD w = (WORD)p[i];                                                             \
            a[i] = ((w before a[i]) | IS_NAN(w)) ? w : a[i];                                 \
        }                                                                                    \
    }
EXTREME(min, <)
EXTREME(max, >)
#undef EXTREME

#ifdef MID
static void NAME(sum_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    uint64_t *a = acc;
    (void)plane;
    for (int64_t m; n > 0; p += m, n -= m) {
        MID sum = 0;
        m = tsr_min64(n, MID_ITEMS);
        for (int64_t i = 0; i < m; i++) sum += (MID)p[i];
        *a += (uint64_t)sum;
    }
}

static void NAME(sum_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    uint64_t *restrict a = acc;
    (void)plane;
    for (int64_t i = 0; i < n; i++) a[i] += (uint64_t)p[i];
}

static void NAME(prod_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    uint64_t *a = acc, prod = *a;
    (void)plane;
    for (int64_t i = 0; i < n; i++) prod *= (uint64_t)p[i];
    *a = prod;
}

static void NAME(prod_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    uint64_t *restrict a = acc;
    (void)plane;
    for (int64_t i = 0; i < n; i++) a[i] *= (uint64_t)p[i];
}
#else
static void NAME(prod_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    double *a = acc, lane[LANES];
    int64_t i = 0;
    (void)plane;
    EACH_LANE lane[j] = 1;
    for (; i + LANES <= n; i += LANES) EACH_LANE lane[j] *= (double)p[i + j];
    for (; i < n; i++) lane[0] *= (double)p[i];
    EACH_LANE *a *= lane[j];
}

static void NAME(prod_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    double *restrict a = acc;
    (void)plane;
    for (int64_t i = 0; i < n; i++) a[i] *= (double)p[i];
}
#endif

/* The sum of n doubles made of T; each lane adds up n / LANES of them. */
static double NAME(lanes_sum)(const T *p, int64_t n)
{
    double lane[LANES];
    int64_t i = 0;
    EACH_LANE lane[j] = 0;
    for (; i + LANES <= n; i += LANES) EACH_LANE lane[j] += (double)p[i + j];
    for (int j = 0; i < n; i++, j++) lane[j] += (double)p[i];
    return lanes_total(lane);
}

static void NAME(fsum_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    double *a = acc;
    for (int64_t m; n > 0; p += m, n -= m) {
        m = tsr_min64(n, SUM_ITEMS);
        add_kept(&a[0], &a[plane], NAME(lanes_sum)(p, m));
    }
}

static void NAME(fsum_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    double *restrict a = acc;
    (void)plane;
    for (int64_t i = 0; i < n; i++) a[i] += (double)p[i];
}

#ifndef MID
/* A comparison with NaN is false, so NaN never takes the place of a number, and a != a lets a
 * number take the place of NaN. */
#define EXTREME(name, before)                                                            \
    static void NAME(name##_row)(void *acc, int64_t plane, const void *src, int64_t n)   \
    {                                                                                    \
        const T *restrict p = src;                                                       \
        double *restrict a = acc;                                                        \
        (void)plane;                                                                     \
        for (int64_t i = 0; i < n; i++) {                                                \
            double v = (double)p[i];                                                     \
            a[i] = ((v before a[i]) | (a[i] != a[i])) ? v : a[i];                        \
        }                                                                                \
    }                                                                                    \
    static void NAME(name##_run)(void *acc, int64_t plane, const void *src, int64_t n)   \
    {                                                                                    \
        const T *p = src;                                                                \
        T lane[WIDE];                                                                    \
        double *a = acc;                                                                 \
        int64_t i = 0;                                                                   \
        EACH_WIDE lane[j] = (T)NAN;                                                      \
        for (; i + WIDE <= n; i += WIDE)                                                 \
            EACH_WIDE lane[j] =                                                          \
                ((p[i + j] before lane[j]) | (lane[j] != lane[j])) ? p[i + j] : lane[j]; \
        for (; i < n; i++) NAME(name##_row)(a, plane, p + i, 1);                         \
        EACH_WIDE NAME(name##_row)(a, plane, &lane[j], 1);                               \
    }
EXTREME(nanmin, <)
EXTREME(nanmax, >)
#undef EXTREME

static void NAME(nansum_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    double *restrict a = acc, *restrict count = a + 2 * plane;
    for (int64_t i = 0; i < n; i++) {
        double v = (double)p[i];
        a[i] += v == v ? v : 0;
        count[i] += v == v ? 1 : 0;
    }
}

static void NAME(nansum_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    double *a = acc;
    for (int64_t m; n > 0; p += m, n -= m) {
        double lane[3 * LANES] = {0}; /* sums, nothing, counts */
        m = tsr_min64(n, SUM_ITEMS);
        for (int64_t i = 0; i < m; i += LANES)
            NAME(nansum_row)(lane, LANES, p + i, tsr_min64(LANES, m - i));
        add_kept(&a[0], &a[plane], lanes_total(lane));
        a[2 * plane] += lanes_total(lane + 2 * LANES);
    }
}
#endif

/* Two passes over items in the first cache: their mean, then the squares; e takes out what the
 * mean's rounding put in. */
static void NAME(moments_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    double *a = acc;
    for (int64_t m; n > 0; p += m, n -= m) {
        double square[LANES], rest[LANES];
        m = tsr_min64(n, MOMENT_ITEMS);
        double mean = NAME(lanes_sum)(p, m) / (double)m;
        int64_t i = 0;
        EACH_LANE square[j] = rest[j] = 0;
        for (; i + LANES <= m; i += LANES) EACH_LANE
            {
                double d = (double)p[i + j] - mean;
                square[j] += d * d;
                rest[j] += d;
            }
        for (; i < m; i++) {
            double d = (double)p[i] - mean;
            square[0] += d * d;
            rest[0] += d;
        }
        double e = lanes_total(rest) / (double)m;
        add_moments(a, plane, (double)m, mean + e, lanes_total(square) - e * e * (double)m);
    }
}

static void NAME(moments_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    double *restrict count = acc, *restrict mean = count + plane, *restrict m2 = mean + plane;
    for (int64_t i = 0; i < n; i++) {
        double v = (double)p[i], d = v - mean[i];
        count[i] += 1;
        mean[i] += d / count[i];
        m2[i] += d * (v - mean[i]);
    }
}

static void NAME(any_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    uint64_t *a = acc;
    int found = 0;
    (void)plane;
    for (int64_t i = 0; i < n; i++) found |= p[i] != 0;
    *a |= (uint64_t)found;
}

static void NAME(any_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    uint64_t *restrict a = acc;
    (void)plane;
    for (int64_t i = 0; i < n; i++) a[i] |= p[i] != 0;
}

static void NAME(all_run)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *p = src;
    uint64_t *a = acc;
    int missing = 0;
    (void)plane;
    for (int64_t i = 0; i < n; i++) missing |= p[i] == 0;
    *a &= (uint64_t)!missing;
}

static void NAME(all_row)(void *acc, int64_t plane, const void *src, int64_t n)
{
    const T *restrict p = src;
    uint64_t *restrict a = acc;
    (void)plane;
    for (int64_t i = 0; i < n; i++) a[i] &= p[i] != 0;
}

#undef EACH_LANE
#undef EACH_WIDE
#undef T
#undef NAME
#undef WORD
#undef MID
#undef IS_NAN
