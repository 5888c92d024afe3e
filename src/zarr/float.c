/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/float.c - floats of every form that a data type can name, as bits (zarr.md 8.2, 8.3).
 *
 *   | sign | exp bits | man bits |    value (-1)^sign * 2^(exp - bias) * 1.man
 *                                     exp 0: 2^(1 - bias) * 0.man (not with 8-bit exponents alone)
 *
 * A decimal number is rounded once: the double nearest to it is first made odd where it is not
 * exact ("round to odd"), after which rounding to any form at least two bits narrower is that of
 * the number itself. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "text/number.h"
#include "zarr/type.h"

static int sign_bits(const struct tsr_zfloat *f)
{
    return f->bits - f->exp - f->man;
}

uint64_t tsr_zfloat_nan(const struct tsr_zfloat *f)
{
    uint64_t top = (UINT64_C(1) << f->exp) - 1;
    switch (f->nan) {
    case TSR_ZNAN_IEEE: return top << f->man | UINT64_C(1) << (f->man - 1);
    case TSR_ZNAN_MINUS_0: return UINT64_C(1) << (f->bits - 1);
    default: return (UINT64_C(1) << f->bits) - 1;
    }
}

/* Of the magnitude alone. */
static bool is_nan(const struct tsr_zfloat *f, uint64_t bits)
{
    uint64_t man = bits & ((UINT64_C(1) << f->man) - 1), top = (UINT64_C(1) << f->exp) - 1;
    if (f->nan == TSR_ZNAN_IEEE) return (bits >> f->man & top) == top && man;
    return f->nan != TSR_ZNAN_NONE && bits == tsr_zfloat_nan(f);
}

static double magnitude(const struct tsr_zfloat *f, uint64_t bits)
{
    int exp = (int)(bits >> f->man), top = (1 << f->exp) - 1;
    double man = (double)(bits & ((UINT64_C(1) << f->man) - 1));
    if (f->inf && exp == top) return INFINITY;
    if (exp == 0 && f->man) return ldexp(man, 1 - f->bias - f->man);
    return ldexp(man + ldexp(1, f->man), exp - f->bias - f->man);
}

double tsr_zfloat_decode(const struct tsr_zfloat *f, uint64_t bits)
{
    bits &= f->bits == 64 ? UINT64_MAX : (UINT64_C(1) << f->bits) - 1;
    if (is_nan(f, bits)) return NAN;
    uint64_t sign = sign_bits(f) ? bits >> (f->bits - 1) : 0;
    double v = magnitude(f, bits & ((UINT64_C(1) << (f->exp + f->man)) - 1));
    return sign ? -v : v;
}

/* The magnitude pattern nearest to v >= 0, finite: a carry out of the mantissa moves into the
 * exponent by itself.  It may be that of infinity, of NaN or beyond all. */
static uint64_t nearest(const struct tsr_zfloat *f, double v)
{
    int e, lowest = f->man ? 1 - f->bias : 0 - f->bias;
    if (v == 0) return 0;
    frexp(v, &e);
    e = e - 1 < lowest ? lowest : e - 1; /* of the leading bit */
    double scaled = nearbyint(ldexp(v, f->man - e));
    uint64_t man = (uint64_t)scaled;
    if (!f->man) return (uint64_t)(e + f->bias) + man - 1;
    uint64_t at = (uint64_t)(e - lowest) << f->man;
    return at + man; /* the leading bit of a normal number counts as one exponent */
}

bool tsr_zfloat_encode(const struct tsr_zfloat *f, double v, uint64_t *bits)
{
    uint64_t sign = signbit(v) ? UINT64_C(1) << (f->bits - 1) : 0;
    uint64_t inf = ((UINT64_C(1) << f->exp) - 1) << f->man;
    *bits = tsr_zfloat_nan(f);
    if (isnan(v)) return f->nan != TSR_ZNAN_NONE;
    if (f->nan == TSR_ZNAN_MINUS_0 && v == 0) sign = 0;
    if (sign && !sign_bits(f)) return false;
    *bits = sign | inf;
    if (isinf(v)) return f->inf;
    if (v == 0 && !f->man) return false;
    uint64_t m = nearest(f, fabs(v)), end = UINT64_C(1) << (f->exp + f->man);
    *bits = sign | m;
    if (f->nan == TSR_ZNAN_ALL_ONES) end--;
    return m < (f->inf ? inf : end);
}

/* ---- decimal text ---- */

/* The digits of a decimal number, leading zeros left away, and the power of ten of the first. */
struct decimal {
    const char *p, *end; /* may hold a '.' */
    int64_t exp;
};

static struct decimal decimal_of(const char *text)
{
    struct decimal n = {.p = text + (*text == '-'), .exp = -1};
    const char *e = n.p + strcspn(n.p, "eE"), *dot = memchr(n.p, '.', (size_t)(e - n.p));
    int64_t power = 0;
    bool minus = *e && e[1] == '-';
    n.end = e;
    for (const char *p = e + (*e != 0); *p; p++)
        if (*p >= '0' && *p <= '9' && power < 1000000000) power = power * 10 + (*p - '0');
    n.exp += (dot ? dot : e) - n.p + (minus ? -power : power);
    for (; n.p < e && (*n.p == '0' || *n.p == '.'); n.p++)
        if (*n.p == '0') n.exp--;
    return n;
}

static char next_digit(struct decimal *n)
{
    if (n->p < n->end && *n->p == '.') n->p++;
    return n->p < n->end ? *n->p++ : '0';
}

/* -1, 0, 1: the magnitude of a is below, at, above that of b. */
static int compare(struct decimal a, struct decimal b)
{
    if (a.p == a.end || b.p == b.end) return (a.p != a.end) - (b.p != b.end);
    if (a.exp != b.exp) return a.exp < b.exp ? -1 : 1;
    while (a.p < a.end || b.p < b.end) {
        char x = next_digit(&a), y = next_digit(&b);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

/* The double nearest to the number of the text, made odd where it is not exact. */
static double round_to_odd(const char *text, double v)
{
    char exact[800]; /* 767 digits are the most that a double has */
    uint64_t bits;
    snprintf(exact, sizeof exact, "%.770e", fabs(v));
    char *dot = strpbrk(exact, ",.");
    if (dot) *dot = '.'; /* whatever the locale spells it */
    int c = compare(decimal_of(text), decimal_of(exact));
    memcpy(&bits, &v, sizeof bits);
    if (c == 0 || bits & 1) return v;
    bits += c > 0 ? 1 : (uint64_t)-1;
    memcpy(&v, &bits, sizeof v);
    return v;
}

bool tsr_zfloat_from_text(const struct tsr_zfloat *f, const char *text, uint64_t *bits)
{
    double v;
    if (!tsr_number_parse(text, &v) || !isfinite(v)) return false;
    if (f->bits < 64 && v != 0) v = round_to_odd(text, v);
    if (f->bits == 64) return memcpy(bits, &v, sizeof v), true;
    return tsr_zfloat_encode(f, v, bits);
}
