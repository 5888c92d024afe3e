/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/diff_loose.c - what differs between boxes of items of variable length: these are the same
 * when they have the same bytes, arrays in the byte order in which they are hashed. */
#include "base/mem.h"
#include "base/num.h"
#include "ops/diff.h"
#include "ops/loose.h"

int tsr_diff_loose_alike(const struct tsr_array *a, const struct tsr_array *b, bool *alike)
{
    struct tsr_buf text[2] = {{0}, {0}};
    *alike = false;
    if (!a->d->loose || !b->d->loose) return TSR_OK;
    int rc = tsr_loose_dtype_emit(&text[0], a->d->spec.dtype);
    if (rc == TSR_OK) rc = tsr_loose_dtype_emit(&text[1], b->d->spec.dtype);
    *alike = rc == TSR_OK && text[0].len == text[1].len &&
             memcmp(text[0].p, text[1].p, text[0].len) == 0;
    tsr_buf_free(&text[0]);
    tsr_buf_free(&text[1]);
    return rc;
}

/* ---- boxes ---- */

static int read_box(const struct tsr_array *a, struct tsr_loose_walk *w, tsr_items *out)
{
    struct tsr_hash_items unit;
    int rc = tsr_loose_unit(a->d->spec.dtype, &unit);
    if (rc < 0) return rc;
    rc = tsr_loose_read(w, a, out);
    if (rc == TSR_OK) rc = tsr_loose_pack(&unit, out);
    tsr_hash_items_done(&unit);
    return rc;
}

static bool same(const tsr_items *x, const tsr_items *y, int64_t i)
{
    uint64_t p = x->offsets[i], q = y->offsets[i], len = x->offsets[i + 1] - p;
    return y->offsets[i + 1] - q == len &&
           (len == 0 ||
            !memcmp((const char *)x->bytes + p, (const char *)y->bytes + q, (size_t)len));
}

int tsr_diff_loose(const struct tsr_array *a, const struct tsr_array *b, struct tsr_loose_walk *w,
                   struct tsr_diff_found *f)
{
    tsr_items x = {.size = sizeof x}, y = {.size = sizeof y};
    *f = (struct tsr_diff_found){0};
    int rc = read_box(a, w, &x);
    int64_t item_bytes = w->item_bytes;
    if (rc == TSR_OK) rc = read_box(b, w, &y);
    w->item_bytes = tsr_max64(w->item_bytes, item_bytes);
    for (int64_t i = 0; i < w->items && rc == TSR_OK; i++) {
        if (same(&x, &y, i)) continue;
        if (f->different < TSR_DIFF_FIRST) f->first[f->different] = i;
        f->different++;
    }
    tsr_items_free(&x);
    tsr_items_free(&y);
    return rc;
}

/* ---- one item ---- */

static int text_of(const struct tsr_array *a, const tsr_items *items, char **text)
{
    const char *dtype = a->d->spec.dtype;
    int n = tsr_items_to_text(dtype, items, 0, NULL, 0);
    if (n < 0) return n;
    if (!(*text = tsr_alloc((size_t)n + 1))) return TSR_ENOMEM;
    n = tsr_items_to_text(dtype, items, 0, *text, (size_t)n + 1);
    return n < 0 ? n : TSR_OK;
}

int tsr_diff_loose_item(const struct tsr_array *a, const int64_t at[], char **text)
{
    tsr_items item = {.size = sizeof item};
    int64_t one[TSR_MAX_NDIM];
    for (int d = 0; d < a->d->grid.ndim; d++) one[d] = 1;
    int rc = tsr_array_read_items(a, &(tsr_slice){at, one, NULL}, &item);
    if (rc == TSR_OK) rc = text_of(a, &item, text);
    tsr_items_free(&item);
    return rc;
}

int tsr_diff_loose_fill(const struct tsr_array *a, char **text)
{
    const uint8_t *p = a->d->spec.fill;
    uint64_t offsets[] = {0, tsr_load_LE32(p)};
    return text_of(a, &(tsr_items){sizeof(tsr_items), 1, offsets, p + 4}, text);
}
