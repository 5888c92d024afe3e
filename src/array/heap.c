/* SPDX-License-Identifier: BSD-3-Clause */
/* array/heap.c - what holds the bytes of items of variable length. */
#include "array/heap.h"

#include "base/mem.h"

struct heap_piece {
    struct heap_piece *before;
    uint8_t bytes[];
};

void tsr_heap_init(struct tsr_heap *h)
{
    tsr_mutex_init(&h->mutex);
    h->last = NULL;
}

void tsr_heap_done(struct tsr_heap *h)
{
    while (h->last) {
        struct heap_piece *before = h->last->before;
        tsr_free(h->last);
        h->last = before;
    }
    tsr_mutex_done(&h->mutex);
}

static uint8_t *room(struct tsr_heap *h, size_t len)
{
    struct heap_piece *p = tsr_alloc(len < SIZE_MAX / 2 ? sizeof *p + len : SIZE_MAX);
    if (!p) return NULL;
    tsr_mutex_lock(&h->mutex);
    p->before = h->last;
    h->last = p;
    tsr_mutex_unlock(&h->mutex);
    return p->bytes;
}

static void add_length(void *arg, uint8_t *item)
{
    size_t *total = arg, len = ((const struct tsr_item *)(const void *)item)->len;
    if (!tsr_add(*total, len, total)) *total = SIZE_MAX;
}

static void take(void *arg, uint8_t *item)
{
    uint8_t **to = arg;
    struct tsr_item *i = (struct tsr_item *)(void *)item;
    if (i->len) memcpy(*to, i->p, i->len);
    i->p = *to;
    *to += i->len;
}

int tsr_heap_keep(const struct tsr_array *a, const struct tsr_selection *sel,
                  const struct overlap *o, uint8_t *block)
{
    size_t total = 0;
    tsr_overlap_each(a, sel, o, block, add_length, &total);
    uint8_t *to = total ? room(sel->heap, total) : block;
    if (!to) return TSR_ENOMEM;
    if (total) tsr_overlap_each(a, sel, o, block, take, &to);
    return TSR_OK;
}

int tsr_heap_wanted(const struct tsr_array *a, const char *what)
{
    return tsr_fail(TSR_EARG,
                    "dtype %s: items of variable length have no fixed size: use "
                    "tsr_array_%s_items",
                    a->d->spec.dtype, what);
}

int tsr_items_get(const tsr_array *a, const tsr_slice *at, struct tsr_heap *h, void *buf,
                  size_t len)
{
    struct tsr_selection sel;
    if (!a->d->loose) return tsr_array_read(a, at, buf, len);
    int rc = tsr_selection_init(&sel, &a->d->grid, at, buf);
    sel.heap = h;
    if (rc == TSR_OK && (uint64_t)sel.nitems != len / sizeof(struct tsr_item))
        rc = tsr_heap_wanted(a, "read");
    return rc < 0 ? rc : tsr_engine_read(a, &sel);
}

int tsr_items_get_axes(const tsr_array *a, const tsr_axis *axes, struct tsr_heap *h, void *buf)
{
    struct tsr_selection sel;
    if (!a->d->loose) return tsr_array_read_orthogonal(a, axes, buf, NULL);
    int rc = tsr_selection_axes(&sel, &a->d->grid, axes, buf, NULL, false);
    if (rc < 0) return rc;
    sel.heap = h;
    rc = tsr_engine_read(a, &sel);
    tsr_selection_done(&sel);
    return rc;
}

int tsr_items_put(tsr_array *a, const tsr_slice *at, struct tsr_heap *h, const void *buf,
                  size_t len)
{
    struct tsr_selection sel;
    if (!a->d->loose) return tsr_array_write(a, at, buf, len);
    int rc = tsr_selection_init(&sel, &a->d->grid, at, buf);
    sel.heap = h;
    return rc < 0 ? rc : tsr_engine_write(a, &sel);
}
