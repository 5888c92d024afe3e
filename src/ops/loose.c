/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/loose.c - items of variable length: boxes of them, and their bytes as they are hashed.
 *
 * Nobody knows how large a box is before it is read.  So the first one is a guess, and each read
 * tells of the next. */
#include "ops/loose.h"

#include "base/mem.h"

enum {
    GUESS = 32,     /* bytes of an item */
    ADDED = 24,     /* to each, by its place among the others */
    MOST_TIMES = 8, /* the budget, so that a box ends with a block */
};

/* ---- boxes ---- */

int tsr_loose_start(struct tsr_loose_walk *w, const struct tsr_grid *g, int64_t budget)
{
    *w = (struct tsr_loose_walk){.grid = g, .budget = budget, .item_bytes = GUESS + ADDED};
    if (tsr_product(g->shape, g->ndim, &w->total)) return TSR_OK;
    return tsr_fail(TSR_ELIMIT, "the array has more than 2^63 items");
}

/* Where the next box begins; the last axis along which that is not the beginning. */
static int find_start(struct tsr_loose_walk *w)
{
    int64_t rest = w->at;
    int last = 0;
    for (int d = w->grid->ndim - 1; d >= 0; d--) {
        w->box.start[d] = rest % w->grid->shape[d];
        rest /= w->grid->shape[d];
        if (w->box.start[d] && last == 0) last = d;
    }
    return last;
}

/* Steps of axis d, each of `inner` items. */
static int64_t run_of(const struct tsr_loose_walk *w, int d, int64_t inner)
{
    int64_t room = tsr_max64(w->budget / w->item_bytes / inner, 1), block = w->grid->block[d];
    int64_t into = w->box.start[d] % block, n = room;
    if (block <= room) n = room / block * block - into;
    else if (block <= MOST_TIMES * (w->budget / w->item_bytes / inner)) n = block - into;
    return tsr_min64(n, w->grid->shape[d] - w->box.start[d]);
}

bool tsr_loose_next(struct tsr_loose_walk *w)
{
    const struct tsr_grid *g = w->grid;
    int last = w->at < w->total ? find_start(w) : 0, d = g->ndim - 1;
    int64_t inner = 1, most = tsr_max64(w->budget / w->item_bytes, 1);
    if (w->at >= w->total) return false;
    for (int k = 0; k < g->ndim; k++) w->box.count[k] = 1;
    for (; d > last && inner <= most / g->shape[d]; d--) {
        w->box.count[d] = g->shape[d];
        inner *= g->shape[d];
    }
    if (d >= 0) w->box.count[d] = run_of(w, d, inner);
    w->items = inner * (d >= 0 ? w->box.count[d] : 1);
    w->at += w->items;
    return true;
}

int tsr_loose_read(struct tsr_loose_walk *w, const tsr_array *a, tsr_items *out)
{
    *out = (tsr_items){.size = sizeof *out};
    int rc = tsr_array_read_items(a, &(tsr_slice){w->box.start, w->box.count, NULL}, out);
    if (rc < 0) return rc;
    /* read, they lie in two places for a while */
    int64_t each = (int64_t)(out->offsets[out->n] / (uint64_t)tsr_max64(out->n, 1));
    w->item_bytes = tsr_min64(2 * each, INT64_MAX / 4) + ADDED;
    return TSR_OK;
}

/* ---- bytes ---- */

static const char *inside(const char *dtype, size_t *len)
{
    size_t n = strlen(dtype);
    if (strncmp(dtype, "array(", 6) != 0 || n < 7) return NULL;
    *len = n - 7;
    return dtype + 6;
}

int tsr_loose_dtype_emit(struct tsr_buf *out, const char *dtype)
{
    struct tsr_dtype *t;
    struct tsr_buf text = {0};
    size_t len;
    const char *of = inside(dtype, &len);
    if (!of) return tsr_buf_addf(out, "\"%s\"", dtype);
    int rc = tsr_dtype_parse(of, len, &t);
    if (rc < 0) return rc;
    rc = tsr_hash_dtype_emit(&text, t); /* a text in quotes: there are no arrays of records */
    if (rc == TSR_OK)
        rc = tsr_buf_addf(out, "\"array(%.*s)\"", (int)text.len - 2, (const char *)text.p + 1);
    tsr_buf_free(&text);
    tsr_dtype_free(t);
    return rc;
}

int tsr_loose_unit(const char *dtype, struct tsr_hash_items *h)
{
    struct tsr_dtype *t;
    size_t len;
    const char *of = inside(dtype, &len);
    int rc = of ? tsr_dtype_parse(of, len, &t) : tsr_dtype_parse("|u1", 3, &t);
    if (rc < 0) return rc;
    rc = tsr_hash_items_init(h, t);
    tsr_dtype_free(t);
    return rc;
}

int tsr_loose_pack(const struct tsr_hash_items *h, tsr_items *items)
{
    uint64_t total = items->offsets[items->n], size = (uint64_t)h->stored;
    if (size == 1) return TSR_OK;
    for (int64_t i = 0; i < items->n; i++)
        if (items->offsets[i + 1] % size)
            return tsr_fail(TSR_ECORRUPT, "an item of %llu bytes, expected a multiple of %llu",
                            (unsigned long long)(items->offsets[i + 1] - items->offsets[i]),
                            (unsigned long long)size);
    if (h->direct && tsr_hash_items_unit(h) == 1) return TSR_OK;
    uint8_t *turned = tsr_alloc((size_t)total + 1);
    if (!turned) return TSR_ENOMEM;
    tsr_hash_items_pack(h, items->bytes, (int64_t)(total / size), turned);
    tsr_free((uint8_t *)(uintptr_t)items->bytes);
    items->bytes = turned;
    return TSR_OK;
}
