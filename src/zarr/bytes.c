/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/bytes.c - the codec "bytes" of format 3: items one after the other, in a byte order.
 *
 * Items are little-endian in memory, so that little-endian ones are copied.  Of records each field
 * is turned by itself.  What a value may be is checked here (8.1, 12): bools are 0 or 1, text has
 * code points alone, and of integers of 2 and 4 bits the high bits of the byte are ignored. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "kernel/kernel.h"
#include "zarr/codec.h"
#include "zarr/items.h"
#include "zarr/node.h"

/* Neighbouring numbers of one size in an item. */
struct turn {
    int64_t offset, n;
    uint8_t size;
};

struct bytes {
    bool big;
    int nturns;
    struct turn *turns;
};

static int count_turns(const struct tsr_ztype *t)
{
    int n = 0;
    if (t->kind != TSR_ZRECORD) return 1;
    for (int i = 0; i < t->dtype->nfields; i++) n += count_turns(t->field[i]);
    return n;
}

/* Adds the turns of an item of type t at off, joined to the last one where they continue it. */
static void add_turns(struct bytes *s, const struct tsr_ztype *t, int64_t off)
{
    struct turn *last = s->nturns ? &s->turns[s->nturns - 1] : NULL;
    if (t->kind == TSR_ZRECORD) {
        for (int i = 0; i < t->dtype->nfields; i++)
            add_turns(s, t->field[i], off + t->dtype->fields[i].offset);
        return;
    }
    int64_t n = t->dtype->item_bytes / t->swap;
    if (last && last->size == t->swap && last->offset + last->n * last->size == off) last->n += n;
    else s->turns[s->nturns++] = (struct turn){off, n, t->swap};
}

static int parse_endian(const struct tsr_zcodec *c, const struct tsr_node *config, bool *big)
{
    const struct tsr_node *n = tsr_znode_get(config, "endian");
    *big = tsr_znode_is(n, "big");
    if (*big || tsr_znode_is(n, "little")) return TSR_OK;
    bool needed = tsr_ztype_has_order(c->in.type) && !c->in.type->old;
    if (!needed && (!n || n->kind == TSR_NODE_NULL)) return TSR_OK;
    int rc = tsr_znode_wrong(TSR_ECORRUPT, n, "little or big");
    tsr_within("endian");
    return rc;
}

static int bytes_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)foreign;
    if (tsr_ztype_has_order(c->in.type))
        tsr_zcodec_usual(config, "endian", tsr_znode_of_text("little"));
    return TSR_OK;
}

static int bytes_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    struct bytes *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    (void)format;
    if (!s) return TSR_ENOMEM;
    *s = (struct bytes){0};
    if (!c->in.dtype)
        return tsr_fail(TSR_ECORRUPT, "bytes: found items of %s, expected ones of a fixed size",
                        tsr_ztype_name(c->in.type));
    int rc = parse_endian(c, config, &s->big);
    if (rc < 0) return rc;
    s->turns = tsr_doc_alloc(c->doc, (size_t)count_turns(c->in.type), sizeof *s->turns);
    if (!s->turns) return TSR_ENOMEM;
    add_turns(s, c->in.type, 0);
    c->state = s;
    c->same = tsr_zitems_free(c->in.type) && !(s->big && tsr_ztype_has_order(c->in.type));
    tsr_zcodec_out_bytes(c, c->in.bytes);
    return TSR_OK;
}

static void turn_one(const struct turn *t, uint8_t *dst, const uint8_t *src, size_t items)
{
    size_t n = (size_t)t->n * items, len = n * t->size;
    if (t->size > 1) tsr_kernels()->swap(dst, src, t->size, n);
    else if (len) memcpy(dst, src, len);
}

/* Copies items with the bytes of their numbers turned. */
static void turn_items(const struct bytes *s, const struct tsr_dtype *dt, uint8_t *dst,
                       const uint8_t *src, size_t len)
{
    size_t size = (size_t)dt->item_bytes, items = len / size;
    if (s->nturns == 1 && (size_t)s->turns[0].n * s->turns[0].size == size) {
        turn_one(&s->turns[0], dst, src, items);
        return;
    }
    memcpy(dst, src, len); /* records have gaps */
    for (size_t i = 0; i < items; i++)
        for (int k = 0; k < s->nturns; k++) {
            size_t at = i * size + (size_t)s->turns[k].offset;
            turn_one(&s->turns[k], dst + at, src + at, 1);
        }
}

static void copy(const struct tsr_zcodec *c, uint8_t *dst, const uint8_t *src, size_t len)
{
    const struct bytes *s = c->state;
    if (s->big && len) turn_items(s, c->in.dtype, dst, src, len);
    else if (len) memcpy(dst, src, len);
}

static int bytes_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    (void)cap;
    int rc = tsr_zcodec_made(c, len, n);
    if (rc < 0) return rc;
    copy(c, dst, src, len);
    tsr_zitems_extend(c->in.type, dst, len);
    return tsr_zitems_check(c->in.type, dst, len);
}

static int bytes_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                        size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    (void)w;
    (void)cap;
    copy(c, dst, src, len);
    *n = len;
    return TSR_OK;
}

static size_t bytes_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len;
}

const struct tsr_zcodec_kind tsr_zkind_bytes = {
    .v3 = "bytes",
    .stage = TSR_ZITEMS_TO_BYTES,
    .complete = bytes_complete,
    .open = bytes_open,
    .decode = bytes_decode,
    .encode = bytes_encode,
    .bound = bytes_bound,
};

const struct tsr_zcodec_kind tsr_zkind_endian = {
    .v3 = "endian", /* its name in drafts of format 3 */
    .stage = TSR_ZITEMS_TO_BYTES,
    .complete = bytes_complete,
    .open = bytes_open,
    .decode = bytes_decode,
    .encode = bytes_encode,
    .bound = bytes_bound,
};
