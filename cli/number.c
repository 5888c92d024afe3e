/* SPDX-License-Identifier: BSD-3-Clause */
/* number.c - numbers, shapes and slices in text.
 *
 *   slice  ["["] part , part ... ["]"]      part  "..." | [int] : [int] [: [int]] | int
 *
 * with the meaning NumPy gives it: negative indices count from the end, bounds of ranges are
 * clipped, an integer drops its axis and must lie inside. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool cli_parse_int(const char *text, int64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || errno) return false;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (; unit && unit >= units; unit--)
        if (__builtin_mul_overflow(v, 1024, &v)) return false;
    if (*end && strchr("kKmMgGtT", *end)) end++;
    *out = v;
    return !*end;
}

bool cli_parse_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end;
}

static const char *skip_space(const char *p)
{
    while (*p == ' ') p++;
    return p;
}

int cli_parse_shape(const char *text, int64_t v[TSR_MAX_NDIM])
{
    const char *p = skip_space(text);
    char close = *p == '(' ? ')' : *p == '[' ? ']' : 0;
    int n = 0;
    p += close != 0;
    for (;;) {
        char *end;
        p = skip_space(p);
        if (!isdigit((unsigned char)*p)) break; /* an empty list, or a comma at the end */
        errno = 0;
        long long x = strtoll(p, &end, 10);
        if (errno || n == TSR_MAX_NDIM) return -1;
        v[n++] = x;
        p = skip_space(end);
        if (*p != ',') break;
        p++;
    }
    if (close && *p++ != close) return -1;
    return *skip_space(p) || (n == 0 && !close) ? -1 : n;
}

int cli_selection_shape(const struct cli_selection *s, int64_t shape[TSR_MAX_NDIM])
{
    int n = 0;
    for (int d = 0; d < s->ndim; d++)
        if (!s->drop[d]) shape[n++] = s->count[d];
    return n;
}

/* ---- slices ---- */

struct cursor {
    const char *p;
    char *why;
};

static bool fails(struct cursor *c, const char *what, const char *where)
{
    snprintf(c->why, 128, "%s at '%.40s'", what, *where ? where : "the end");
    return false;
}

/* An optional integer. */
static bool take_int(struct cursor *c, int64_t *out, bool *given)
{
    char *end;
    c->p = skip_space(c->p);
    *given = *c->p == '-' || *c->p == '+' || isdigit((unsigned char)*c->p);
    if (!*given) return true;
    errno = 0;
    *out = strtoll(c->p, &end, 10);
    if (end == c->p || errno) return fails(c, "no number", c->p);
    c->p = skip_space(end);
    return true;
}

/* A bound as Python clips it: between 0 and n going up, -1 and n-1 going down. */
static int64_t clip(int64_t v, int64_t n, bool down)
{
    if (v < 0) v += n;
    if (v < 0) return down ? -1 : 0;
    return v < n ? v : n - down;
}

static bool take_index(struct cursor *c, int64_t v, int64_t n, int d, struct cli_selection *s)
{
    if (v < -n || v >= n) {
        snprintf(c->why, 128, "index %lld is outside axis %d, which has %lld items", (long long)v,
                 d, (long long)n);
        return false;
    }
    s->start[d] = v < 0 ? v + n : v;
    s->count[d] = s->step[d] = 1;
    s->drop[d] = true;
    return true;
}

static bool take_range(struct cursor *c, int64_t n, int d, struct cli_selection *s)
{
    int64_t v[3] = {0, 0, 1};
    bool given[3] = {false, false, false};
    const char *from = c->p;
    int parts = 0;
    for (; parts < 3; parts++) {
        if (!take_int(c, v + parts, given + parts)) return false;
        if (*c->p != ':' || parts == 2) break;
        c->p++;
    }
    if (parts == 0)
        return given[0] ? take_index(c, v[0], n, d, s)
                        : fails(c, "expected an index or a range", from);
    if (v[2] == 0 && given[2]) return fails(c, "a step of 0", from);
    int64_t step = given[2] ? v[2] : 1;
    bool down = step < 0;
    int64_t start = given[0] ? clip(v[0], n, down) : down ? n - 1 : 0;
    int64_t stop = given[1] ? clip(v[1], n, down) : down ? -1 : n;
    int64_t span = down ? start - stop : stop - start;
    uint64_t stride = down ? -(uint64_t)step : (uint64_t)step;
    s->start[d] = start;
    s->step[d] = step;
    s->count[d] = span > 0 ? (int64_t)(((uint64_t)span - 1) / stride + 1) : 0;
    if (s->count[d] <= 1) s->step[d] = 1;
    if (!s->count[d]) s->start[d] = 0;
    return true;
}

/* Parts of the text other than "...". */
static int count_parts(const char *p, char close)
{
    int n = 0;
    for (; *p && *p != close; p++) {
        p = skip_space(p);
        if (!*p || *p == close) break;
        n += strncmp(p, "...", 3) != 0;
        while (*p && *p != ',' && *p != close) p++;
        if (*p != ',') break;
    }
    return n;
}

static bool take_parts(struct cursor *c, char close, const int64_t *shape, struct cli_selection *s)
{
    int d = 0, rest = s->ndim - count_parts(c->p, close);
    bool dots = false;
    if (rest < 0) return fails(c, "more indices than axes", c->p);
    for (c->p = skip_space(c->p); *c->p && *c->p != close; c->p = skip_space(c->p)) {
        if (!strncmp(c->p, "...", 3)) {
            if (dots) return fails(c, "a second '...'", c->p);
            dots = true;
            d += rest;
            c->p = skip_space(c->p + 3);
        } else {
            if (!take_range(c, shape[d], d, s)) return false;
            d++;
        }
        if (*c->p != ',') break;
        c->p++;
    }
    return true;
}

static bool count_items(struct cli_selection *s)
{
    bool none = false, fits = true;
    s->items = 1;
    for (int d = 0; d < s->ndim; d++) {
        none |= s->count[d] == 0;
        if (fits && s->count[d]) fits = !__builtin_mul_overflow(s->items, s->count[d], &s->items);
    }
    if (none) s->items = 0;
    return none || fits;
}

bool cli_parse_slice(const char *text, int ndim, const int64_t *shape, struct cli_selection *out,
                     char why[128])
{
    struct cursor c = {skip_space(text ? text : ""), why};
    *out = (struct cli_selection){.ndim = ndim};
    for (int d = 0; d < ndim; d++) {
        out->count[d] = shape[d];
        out->step[d] = 1;
    }
    char close = *c.p == '[' ? ']' : 0;
    c.p += close != 0;
    if (!take_parts(&c, close, shape, out)) return false;
    if (close && *c.p++ != close) return fails(&c, "expected ',' or ']'", c.p - 1);
    if (*skip_space(c.p)) return fails(&c, "expected ','", c.p);
    if (!count_items(out)) return fails(&c, "more than 2^63 items", "");
    return true;
}
