/* SPDX-License-Identifier: BSD-3-Clause */
/* text/number.c - floating-point numbers as text.
 *
 * The C library formats and parses in the locale of the thread, so each call here switches
 * the thread to the "C" locale and back (newlocale of "C" allocates nothing in glibc).
 * Shortest text: the fewest digits that read back the same; a double never needs more than
 * 17, a float 9, a half 5. */
#define _GNU_SOURCE
#include "text/number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t to_c_locale(locale_t *made)
{
    *made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *made ? uselocale(*made) : (locale_t)0;
}

static void from_c_locale(locale_t made, locale_t before)
{
    if (before) uselocale(before);
    if (made) freelocale(made);
}

double tsr_half_to_double(unsigned h)
{
    int exp = h >> 10 & 31;
    double m = h & 1023, v;
    if (exp == 31) v = m != 0 ? NAN : INFINITY;
    else v = exp ? ldexp(m + 1024, exp - 25) : ldexp(m, -24);
    return h & 0x8000 ? -v : v;
}

unsigned tsr_double_to_half(double v)
{
    unsigned sign = signbit(v) ? 0x8000 : 0;
    int exp;
    v = fabs(v);
    if (isnan(v)) return sign | 0x7E00;
    if (v >= 65520) return sign | 0x7C00; /* half way between 65504 and 2^16: rounds up */
    /* nearbyint rounds to even; a carry out of the mantissa moves into the exponent by itself */
    if (v < 0x1p-14) return sign | (unsigned)nearbyint(v * 0x1p24);
    frexp(v, &exp);
    return sign + ((unsigned)(exp + 13) << 10) + (unsigned)nearbyint(ldexp(v, 11 - exp));
}

static bool same(double a, double b, int bytes)
{
    if (bytes == 2) return tsr_double_to_half(a) == tsr_double_to_half(b);
    return bytes == 4 ? (float)a == (float)b : a == b;
}

/* d.ddde+XX as Python spells it: no exponent from 1e-4 up to 1e16. */
static void spell(const char *sci, char text[TSR_NUMBER_MAX])
{
    char digits[20];
    int n = 0, exp = atoi(strchr(sci, 'e') + 1);
    const char *minus = *sci == '-' ? "-" : "";
    for (sci += *minus != 0; *sci != 'e' && n < 17; sci++)
        if (*sci != '.') digits[n++] = *sci;
    while (n > 1 && digits[n - 1] == '0') n--;
    digits[n] = 0;
    if (exp < -4 || exp >= 16)
        snprintf(text, TSR_NUMBER_MAX, "%s%c%s%se%s%02d", minus, digits[0], n > 1 ? "." : "",
                 digits + 1, exp < 0 ? "-" : "+", abs(exp));
    else if (exp < 0) snprintf(text, TSR_NUMBER_MAX, "%s0.%.*s%s", minus, -exp - 1, "0000", digits);
    else if (exp >= n - 1)
        snprintf(text, TSR_NUMBER_MAX, "%s%s%.*s.0", minus, digits, exp - n + 1,
                 "0000000000000000");
    else snprintf(text, TSR_NUMBER_MAX, "%s%.*s.%s", minus, exp + 1, digits, digits + exp + 1);
}

void tsr_number_emit(double v, int bytes, char text[TSR_NUMBER_MAX])
{
    char sci[TSR_NUMBER_MAX];
    int first = bytes == 2 ? 3 : bytes == 4 ? 6 : 15, last = bytes == 2 ? 5 : bytes == 4 ? 9 : 17;
    if (!isfinite(v)) {
        strcpy(text, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    /* Below the normal numbers fewer digits than usual may do. */
    if (fabs(v) < (bytes == 2 ? 0x1p-14 : bytes == 4 ? 0x1p-126 : 0x1p-1022)) first = 1;
    locale_t made, before = to_c_locale(&made);
    for (int n = first; n <= last; n++) {
        snprintf(sci, sizeof sci, "%.*e", n - 1, v);
        if (same(strtod(sci, NULL), v, bytes)) break;
    }
    from_c_locale(made, before);
    spell(sci, text);
}

bool tsr_number_parse(const char *text, double *out)
{
    /* strtod also takes leading space, hexadecimal and "nan(...)" */
    if (!*text || strspn(text, "0123456789+-.eEnNaAiIfFtTyY") != strlen(text)) return false;
    char *end;
    locale_t made, before = to_c_locale(&made);
    *out = strtod(text, &end);
    from_c_locale(made, before);
    return end != text && !*end;
}
