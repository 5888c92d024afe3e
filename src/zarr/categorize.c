/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/categorize.c - the codec "categorize" of numcodecs: text as numbers of labels.
 *
 * Label i has code i + 1; 0 is any other text, and decodes to empty text.  Text is of variable
 * length ("|O") or UTF-32 of a fixed one, zero padded, where labels that are too long are cut. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/items.h"
#include "zarr/node.h"
#include "zarr/number.h"

struct label {
    const uint8_t *p; /* as an item, without its length */
    uint32_t len;
    bool cut; /* too long for an item, so that none is this label */
};

struct categorize {
    struct tsr_znum code;
    int64_t items;
    uint32_t item_bytes; /* 0: variable length */
    size_t n;
    struct label *labels; /* [n + 1]; the first one is empty */
};

/* Reads a character of valid UTF-8. */
static uint32_t next_char(const uint8_t *p, size_t *i)
{
    uint32_t first = p[(*i)++];
    int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    uint32_t v = more ? first & (0x3F >> more) : first;
    while (more--) v = v << 6 | (p[(*i)++] & 0x3F);
    return v;
}

/* A label as UTF-32 of the width of an item. */
static int widen(const struct tsr_zcodec *c, const struct tsr_node *text, struct label *out)
{
    uint32_t bytes = (uint32_t)c->in.dtype->item_bytes;
    uint8_t *p = tsr_doc_alloc(c->doc, 1, bytes);
    size_t i = 0;
    if (!p) return TSR_ENOMEM;
    memset(p, 0, bytes);
    for (uint32_t at = 0; at < bytes && i < text->s.len; at += 4) {
        uint32_t v = next_char((const uint8_t *)text->s.p, &i);
        if (c->in.type->big) tsr_store_BE32(p + at, v);
        else tsr_store_LE32(p + at, v);
    }
    *out = (struct label){p, bytes, i < text->s.len};
    return TSR_OK;
}

static int parse_label(const struct tsr_zcodec *c, const struct tsr_node *n, struct label *out)
{
    if (n->kind != TSR_NODE_STRING || !tsr_utf8_valid(n->s.p, n->s.len))
        return tsr_znode_wrong(TSR_ECORRUPT, n, "text");
    if (c->in.dtype) return widen(c, n, out);
    *out = (struct label){.len = (uint32_t)n->s.len};
    out->p = (const uint8_t *)tsr_doc_string(c->doc, n->s.p, n->s.len);
    return out->p ? TSR_OK : TSR_ENOMEM;
}

static int parse_labels(const struct tsr_zcodec *c, const struct tsr_node *config,
                        struct categorize *s)
{
    const struct tsr_node *n = tsr_znode_get(config, "labels"), none = tsr_znode_of_text("");
    int rc = TSR_OK;
    if (!n || n->kind != TSR_NODE_LIST) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, n, "a list of text");
    } else {
        s->n = n->list.n;
        s->labels = tsr_doc_alloc(c->doc, s->n + 1, sizeof *s->labels);
        rc = s->labels ? parse_label(c, &none, &s->labels[0]) : TSR_ENOMEM;
    }
    for (size_t i = 0; rc == TSR_OK && i < s->n; i++)
        rc = parse_label(c, &n->list.v[i], &s->labels[i + 1]);
    if (rc < 0) tsr_within("labels");
    return rc;
}

static int categorize_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    struct categorize *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    const struct tsr_node u1 = tsr_znode_of_text("|u1");
    const struct tsr_ztype *dflt, *code;
    if (!s) return TSR_ENOMEM;
    memset(s, 0, sizeof *s);
    bool text = c->in.items &&
                (c->in.dtype ? c->in.type->kind == TSR_ZTEXT
                             : c->in.type->kind == TSR_ZSTRING || c->in.type->kind == TSR_ZJSON);
    if (!text) return tsr_fail(TSR_ECORRUPT, "categorize: found other items than text");
    int rc = tsr_ztype_parse(c->doc, &u1, 2, &dflt);
    if (rc == TSR_OK) rc = tsr_znum_member(c, config, "astype", format, dflt, &code);
    if (rc == TSR_OK) rc = parse_labels(c, config, s);
    if (rc < 0) return rc;
    if (!tsr_znum_of(code, &s->code) || !tsr_znum_is_int(s->code.kind))
        return tsr_fail(TSR_ECORRUPT, "astype: found %s, expected an integer",
                        tsr_ztype_name(code));
    s->items = tsr_zview_count(&c->in);
    s->item_bytes = c->in.dtype ? (uint32_t)c->in.dtype->item_bytes : 0;
    c->state = s;
    if ((rc = tsr_zcodec_out_items(c, code)) < 0) return rc;
    c->out.fill = NULL;
    return TSR_OK;
}

/* The codes of a tile as numbers of labels; ECORRUPT beyond them. */
static int load_codes(const struct categorize *s, const uint8_t *src, size_t n, union tsr_tile *to)
{
    union tsr_tile own;
    tsr_znum_load(&s->code, &own, src, n);
    tsr_znum_cast(s->code.kind, &own, TSR_U8, to, n);
    for (size_t i = 0; i < n; i++)
        if (to->u8[i] > s->n)
            return tsr_fail(TSR_ECORRUPT, "categorize: found code %llu, expected at most %zu",
                            (unsigned long long)to->u8[i], s->n);
    return TSR_OK;
}

/* Runs over the codes: counts the bytes of their items or, with dst, writes them. */
static int each_code(const struct categorize *s, const uint8_t *src, uint8_t *dst, size_t *bytes)
{
    union tsr_tile codes;
    size_t at = 0, head = s->item_bytes ? 0 : 4;
    for (int64_t i = 0; i < s->items; i += TSR_TILE) {
        size_t n = (size_t)tsr_min64(s->items - i, TSR_TILE);
        int rc = load_codes(s, src + (size_t)i * s->code.size, n, &codes);
        if (rc < 0) return rc;
        for (size_t k = 0; k < n; k++) {
            const struct label *l = &s->labels[codes.u8[k]];
            if (dst && head) tsr_store_LE32(dst + at, l->len);
            if (dst && l->len) memcpy(dst + at + head, l->p, l->len);
            if (!tsr_add(at, head + l->len, &at))
                return tsr_fail(TSR_ELIMIT, "categorize: overflow");
        }
    }
    *bytes = at;
    return TSR_OK;
}

static int categorize_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                             size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct categorize *s = c->state;
    size_t made;
    (void)w;
    if ((int64_t)len != c->out.bytes)
        return tsr_fail(TSR_ECORRUPT, "categorize: found %zu bytes, expected %lld", len,
                        (long long)c->out.bytes);
    int rc = each_code(s, src, NULL, &made);
    if (rc == TSR_OK) rc = tsr_zcodec_made(c, made, n);
    if (rc == TSR_OK && made > cap) rc = tsr_zcodec_over(c, cap);
    return rc < 0 ? rc : each_code(s, src, dst, &made);
}

static uint64_t code_of(const struct categorize *s, const uint8_t *item, uint32_t len)
{
    for (size_t i = s->n; i > 0; i--) { /* of equal labels the last one, as numcodecs has it */
        const struct label *l = &s->labels[i];
        if (!l->cut && l->len == len && (!len || memcmp(l->p, item, len) == 0)) return i;
    }
    return 0;
}

static int categorize_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                             size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct categorize *s = c->state;
    struct tsr_zwalk walk = {src, len, 0};
    union tsr_tile codes, own;
    (void)w;
    (void)cap;
    for (int64_t i = 0; i < s->items; i += TSR_TILE) {
        size_t many = (size_t)tsr_min64(s->items - i, TSR_TILE);
        for (size_t k = 0; k < many; k++) {
            const uint8_t *item = src + ((size_t)i + k) * s->item_bytes;
            uint32_t bytes = s->item_bytes;
            int rc = bytes ? TSR_OK : tsr_zwalk_next(&walk, &item, &bytes);
            if (rc < 0) return TSR_EARG;
            codes.u8[k] = code_of(s, item, bytes);
        }
        tsr_znum_cast(TSR_U8, &codes, s->code.kind, &own, many);
        tsr_znum_store(&s->code, &own, dst + (size_t)i * s->code.size, many);
    }
    *n = (size_t)c->out.bytes;
    return TSR_OK;
}

static size_t categorize_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)len;
    return (size_t)c->out.bytes;
}

const struct tsr_zcodec_kind tsr_zkind_categorize = {
    .v2 = "categorize",
    .stage = TSR_ZITEMS_TO_ITEMS,
    .open = categorize_open,
    .decode = categorize_decode,
    .encode = categorize_encode,
    .bound = categorize_bound,
};
