/* SPDX-License-Identifier: BSD-3-Clause */
/* floats.c - the numbers of an array in one format, as NumPy prints them.
 *
 * Each number has its shortest digits, cut to 8 behind the point.  All get the exponent form
 * when the largest is 1e8 or more, the smallest below 1e-4, or 1000 times smaller than the
 * largest.  Then points stand below each other: integer parts are padded on the left,
 * fractions with blanks on the right (with more digits in the exponent form). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { PRECISION = 8, DIGITS = 24 };

struct parts {
    char whole[DIGITS]; /* with the sign */
    char frac[DIGITS];
    char exp[8]; /* "e+08", or "" */
};

struct widths {
    int left, right, exp;
};

static bool wants_exponent(const double *v, int64_t n)
{
    double low = INFINITY, high = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i]) || v[i] == 0) continue;
        low = fmin(low, fabs(v[i]));
        high = fmax(high, fabs(v[i]));
    }
    return high > 0 && (high >= 1e8 || low < 1e-4 || high / low > 1000);
}

static void drop_zeros(char *frac)
{
    size_t n = strlen(frac);
    while (n > 0 && frac[n - 1] == '0') frac[--n] = 0;
}

/* "-12.5e+03" into its parts. */
static void take_apart(const char *text, struct parts *p)
{
    const char *e = strchr(text, 'e'), *dot = strchr(text, '.');
    size_t len = e ? (size_t)(e - text) : strlen(text);
    size_t whole = dot ? (size_t)(dot - text) : len;
    snprintf(p->whole, sizeof p->whole, "%.*s", (int)whole, text);
    snprintf(p->frac, sizeof p->frac, "%.*s", dot ? (int)(len - whole - 1) : 0, dot ? dot + 1 : "");
    snprintf(p->exp, sizeof p->exp, "%s", e ? e : "");
    drop_zeros(p->frac);
}

/* The shortest decimal (as tsr_item_to_text spells it) in the form that all numbers get: the
 * number of its digits says how many to ask of printf. */
static void spell(const char *shortest, double v, bool exponent, struct parts *p)
{
    char text[400];
    int digits = 0;
    take_apart(shortest, p);
    size_t frac = strlen(p->frac);
    if (!exponent) {
        if (frac > PRECISION || *p->exp) snprintf(text, sizeof text, "%.*f", PRECISION, v);
        else snprintf(text, sizeof text, "%s", shortest);
        take_apart(text, p);
        return;
    }
    int seen = 0; /* digits from the first that is not 0, and of those up to the last one */
    for (const char *c = shortest; *c && *c != 'e'; c++) {
        if (*c < '0' || *c > '9' || (!seen && *c == '0')) continue;
        seen++;
        if (*c != '0') digits = seen;
    }
    int want = digits > 1 ? digits - 1 : 0;
    snprintf(text, sizeof text, "%.*e", want < PRECISION ? want : PRECISION, v);
    take_apart(text, p);
}

static int longer(int width, const char *text)
{
    int n = (int)strlen(text);
    return n > width ? n : width;
}

static struct widths measure(const double *v, const struct parts *p, int64_t n)
{
    struct widths w = {0, 0, 0};
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) continue;
        w.left = longer(w.left, p[i].whole);
        w.right = longer(w.right, p[i].frac);
        w.exp = longer(w.exp, p[i].exp);
    }
    for (int64_t i = 0; i < n; i++) {
        if (isfinite(v[i])) continue;
        int need = (v[i] < 0 ? 4 : 3) - (w.right + w.exp + 1);
        if (need > w.left) w.left = need;
    }
    return w;
}

/* 1.5e+08 again with as many digits as the others: those behind the shortest ones are the
 * exact value's, as NumPy shows them; the exponent gets zeros to the width of the longest. */
static void put_exponent(double v, const struct widths *w, char *text)
{
    char exact[64];
    snprintf(exact, sizeof exact, "%.*e", w->right, v);
    char *e = strchr(exact, 'e');
    int exp = atoi(e + 1), lead = w->left, digits = w->exp > 4 ? 3 : 2; /* a double has no more */
    *e = 0;
    size_t whole = strcspn(exact, ".");
    sprintf(text, "%*.*s.%se%c%0*d", lead, (int)whole, exact, exact[whole] ? exact + whole + 1 : "",
            exp < 0 ? '-' : '+', digits, abs(exp));
}

static char *layout(double v, const struct parts *p, const struct widths *w)
{
    int width = w->left + 1 + w->right + w->exp;
    char *text = malloc((size_t)width + DIGITS);
    if (!text) return NULL;
    if (!isfinite(v)) sprintf(text, "%*s", width, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
    else if (w->exp) put_exponent(v, w, text);
    else sprintf(text, "%*s.%-*s", w->left, p->whole, w->right, p->frac);
    return text;
}

static bool fill(const char *dtype, const uint8_t *items, int64_t item_bytes, int64_t n,
                 const double *v, struct parts *p)
{
    bool exponent = wants_exponent(v, n);
    for (int64_t i = 0; i < n; i++) {
        char shortest[64];
        if (!isfinite(v[i])) continue;
        if (tsr_item_to_text(dtype, items + i * item_bytes, shortest, sizeof shortest) < 0)
            return false;
        spell(shortest, v[i], exponent, p + i);
    }
    return true;
}

bool cli_format_floats(const char *dtype, const void *items, int64_t item_bytes, int64_t n,
                       char **text)
{
    double *v = malloc((size_t)(n + 1) * sizeof *v);
    struct parts *p = calloc((size_t)n + 1, sizeof *p);
    bool good = v && p && tsr_to_double(dtype, items, n, v) == TSR_OK &&
                fill(dtype, items, item_bytes, n, v, p);
    if (good) {
        struct widths w = measure(v, p, n);
        for (int64_t i = 0; i < n; i++) good = (text[i] = layout(v[i], p + i, &w)) && good;
    }
    free(v);
    free(p);
    return good;
}

/* ---- complex numbers: two columns of floats ---- */

/* A real and an imaginary part as "1. -2.j": the second one always has its sign, and the j
 * stands before the blanks that pad it. */
static char *join(const char *re, const char *im, int width)
{
    char *text = malloc(strlen(re) + (size_t)width + 8);
    if (!text) return NULL;
    im += strspn(im, " ");
    int bare = (int)strlen(im), blanks = 0;
    while (bare > 1 && im[bare - 1] == ' ') bare--, blanks++;
    bool minus = *im == '-';
    int lead = width - (int)strlen(im) - !minus;
    sprintf(text, "%s%*s%s%.*sj%*s", re, lead, "", minus ? "" : "+", bare, im, blanks, "");
    return text;
}

static bool join_all(char **re, char **im, int64_t n, char **text)
{
    int width = 0;
    for (int64_t i = 0; i < n; i++) {
        const char *bare = im[i] + strspn(im[i], " ");
        int len = (int)strlen(bare) + (*bare != '-');
        if (len > width) width = len;
    }
    bool good = true;
    for (int64_t i = 0; i < n; i++) good = (text[i] = join(re[i], im[i], width)) && good;
    return good;
}

bool cli_format_complex(const char *dtype, const void *items, int64_t item_bytes, int64_t n,
                        char **text)
{
    size_t half = (size_t)item_bytes / 2;
    char real[8];
    uint8_t *parts = malloc(2 * (size_t)(n + 1) * half);
    char **words = calloc(2 * (size_t)n + 1, sizeof *words);
    snprintf(real, sizeof real, "%cf%d", dtype[0], (int)half);
    for (int64_t i = 0; parts && i < 2 * n; i++)
        memcpy(parts + (size_t)(i % 2 * n + i / 2) * half,
               (const uint8_t *)items + (size_t)i * half, half);
    bool good = parts && words && cli_format_floats(real, parts, (int64_t)half, n, words) &&
                cli_format_floats(real, parts + (size_t)n * half, (int64_t)half, n, words + n) &&
                join_all(words, words + n, n, text);
    for (int64_t i = 0; words && i < 2 * n; i++) free(words[i]);
    free(words);
    free(parts);
    return good;
}
