/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_edges.c - the lengths of chunks that are not alike, as text and as metadata.
 *
 *   edges=4+1+5;3x2+6;8      [[4, 1, 5], [[3, 2], 6], 8]
 *
 * Axes are parted by ';', edges by '+', "3x2" is 3 twice; a number alone is the length of as many
 * chunks as cover the axis. */
#include "base/mem.h"
#include "format/zarr.h"
#include "zarr/node.h"

/* What is left to parse. */
struct text {
    const char *p, *end;
};

static bool take(struct text *t, char c)
{
    if (t->p == t->end || *t->p != c) return false;
    t->p++;
    return true;
}

/* A number from 1 on. */
static bool take_number(struct text *t, int64_t *n)
{
    *n = 0;
    for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++)
        if (!tsr_mul(*n, 10, n) || !tsr_add(*n, *t->p - '0', n)) return false;
    return *n > 0;
}

/* An edge, or some equal ones. */
static int take_run(struct tsr_doc *doc, struct text *t, struct tsr_node *out, int64_t *edge)
{
    int64_t run[2];
    const char *at = t->p;
    bool good = take_number(t, &run[0]), many = good && take(t, 'x');
    if (many) good = take_number(t, &run[1]);
    if (!good)
        return tsr_fail(TSR_EARG, "edges: found '%.*s', expected lengths as in 4+1+5;3x2+6;8",
                        (int)tsr_min64(t->end - at, 40), at);
    *edge = run[0];
    *out = tsr_znode_of_int(run[0]);
    return many ? tsr_znode_of_ints(doc, run, 2, out) : TSR_OK;
}

static int take_axis(struct tsr_doc *doc, struct text *t, struct tsr_node *out, int64_t *longest)
{
    size_t n = 1;
    int64_t edge = 1;
    struct tsr_node run;
    for (const char *p = t->p; p < t->end && *p != ';'; p++) n += *p == '+';
    int rc = tsr_znode_new(doc, TSR_NODE_LIST, n, out);
    *longest = 1;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        rc = take_run(doc, t, &run, &edge);
        if (rc < 0) return rc;
        tsr_znode_add(out, run);
        *longest = tsr_max64(*longest, edge);
        if (i + 1 < n) take(t, '+');
    }
    if (rc == TSR_OK && n == 1 && run.kind == TSR_NODE_INT) *out = run;
    return rc;
}

int tsr_zarr_parse_edges(struct tsr_doc *doc, const char *p, size_t len, int ndim,
                         struct tsr_node *out, int64_t longest[])
{
    struct text t = {p, p + len};
    struct tsr_node axis;
    int rc = tsr_znode_new(doc, TSR_NODE_LIST, (size_t)ndim, out);
    for (int d = 0; d < ndim && rc == TSR_OK; d++) {
        rc = take_axis(doc, &t, &axis, &longest[d]);
        if (rc == TSR_OK) tsr_znode_add(out, axis);
        if (rc == TSR_OK && d + 1 < ndim && !take(&t, ';'))
            rc = tsr_fail(TSR_EARG, "edges: found %d axes in '%.*s', expected %d", d + 1,
                          (int)tsr_min64((int64_t)len, 40), p, ndim);
    }
    if (rc == TSR_OK && t.p < t.end)
        rc = tsr_fail(TSR_EARG, "edges: found '%.*s' behind %d axes, expected an end",
                      (int)tsr_min64(t.end - t.p, 40), t.p, ndim);
    return rc;
}
