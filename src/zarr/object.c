/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/object.c - the codecs "json2" and "msgpack2" of numcodecs (zarr.md 5.4).
 *
 *   [ items, in lists one inside the other as the shape has them ..., "|O", [shape] ]
 *
 * as JSON or MessagePack.  In memory an item of the type TSR_ZJSON is the JSON text of its value,
 * whatever it is, so that what is read can be written again; one of TSR_ZSTRING is the text
 * itself, and values that are none are refused.
 *
 * "pickle" stands here to be refused with its name: reading it runs code. */
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/items.h"
#include "zarr/node.h"

extern const struct tsr_zcodec_kind tsr_zkind_json2, tsr_zkind_msgpack2;

static int object_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    const struct tsr_node *encoding = tsr_znode_get(config, "encoding");
    (void)format;
    bool open = c->in.items && !c->in.dtype;
    if (!open || (c->in.type->kind != TSR_ZJSON && c->in.type->kind != TSR_ZSTRING))
        return tsr_fail(TSR_ECORRUPT, "%s: found items of another type than \"|O\"",
                        tsr_zcodec_name(c));
    tsr_zcodec_out_bytes(c, -1);
    if (!encoding || tsr_znode_is(encoding, "utf-8") || tsr_znode_is(encoding, "utf8") ||
        tsr_znode_is(encoding, "ascii"))
        return TSR_OK;
    int rc = tsr_znode_wrong(TSR_EUNSUPPORTED, encoding, "utf-8");
    tsr_within("encoding");
    return rc;
}

static int pickle_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)c;
    (void)config;
    (void)format;
    return tsr_fail(TSR_EUNSUPPORTED, "pickle: reading it would run code that the array holds");
}

static int parse(const struct tsr_zcodec *c, struct tsr_doc *d, const uint8_t *p, size_t len,
                 struct tsr_node *root)
{
    static const struct tsr_json_rules rules = {TSR_JSON_WORDS | TSR_JSON_BIG, TSR_JSON_DEPTH,
                                                NULL};
    if (c->kind == &tsr_zkind_msgpack2) return tsr_msgpack_parse(d, p, len, root);
    return tsr_json_read(d, (const char *)p, len, &rules, root);
}

/* ---- decoding ---- */

/* Has a value binary data in it, for which JSON has no form? */
static bool is_binary(const struct tsr_node *n)
{
    size_t many = n->kind == TSR_NODE_LIST  ? n->list.n
                  : n->kind == TSR_NODE_MAP ? 2 * n->list.n
                                            : 0;
    if (n->kind == TSR_NODE_BYTES || n->kind == TSR_NODE_EXT) return true;
    for (size_t i = 0; i < many; i++)
        if (is_binary(&n->list.v[i])) return true;
    return false;
}

/* Appends an item with its length in front. */
static int put_item(const struct tsr_zcodec *c, const struct tsr_node *n, struct tsr_buf *out)
{
    static const uint8_t length[4] = {0};
    size_t at = out->len;
    int rc = tsr_buf_add(out, length, sizeof length);
    if (rc < 0) return rc;
    if (c->in.type->kind == TSR_ZSTRING) {
        bool text = n->kind == TSR_NODE_STRING && tsr_utf8_valid(n->s.p, n->s.len);
        rc = text ? tsr_buf_add(out, n->s.p, n->s.len) : tsr_znode_wrong(TSR_ECORRUPT, n, "text");
    } else if (is_binary(n)) {
        rc = tsr_fail(TSR_EUNSUPPORTED, "found binary data in an item");
    } else {
        rc = tsr_json_write(out, n, TSR_JSON_WORDS);
    }
    if (rc == TSR_OK && out->len - at - 4 > UINT32_MAX)
        rc = tsr_fail(TSR_EUNSUPPORTED, "found an item of %zu bytes", out->len - at - 4);
    if (rc == TSR_OK) tsr_store_LE32(out->p + at, (uint32_t)(out->len - at - 4));
    return rc;
}

/* What is left of the shape below a list of items. */
struct nest {
    const struct tsr_node *shape;
    size_t axis;
};

static int put_nested(const struct tsr_zcodec *c, const struct tsr_node *v, size_t n,
                      struct nest at, struct tsr_buf *out)
{
    size_t ndim = at.shape->list.n;
    int64_t expected = at.axis < ndim ? at.shape->list.v[at.axis].i : 1;
    bool last = at.axis + 1 >= ndim;
    int rc = TSR_OK;
    if ((int64_t)n != expected)
        return tsr_fail(TSR_ECORRUPT, "found %zu items along axis %zu, its shape has %lld", n,
                        at.axis, (long long)expected);
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        if (last) rc = put_item(c, &v[i], out);
        else if (v[i].kind != TSR_NODE_LIST) rc = tsr_znode_wrong(TSR_ECORRUPT, &v[i], "a list");
        else
            rc = put_nested(c, v[i].list.v, v[i].list.n, (struct nest){at.shape, at.axis + 1}, out);
    }
    return rc;
}

/* The three parts of a value, and that they fit the chunk. */
static int put_value(const struct tsr_zcodec *c, const struct tsr_node *root, struct tsr_buf *out)
{
    int64_t shape[TSR_MAX_NDIM], items = 0, want = tsr_zview_count(&c->in);
    int ndim = 0;
    if (root->kind != TSR_NODE_LIST || root->list.n < 2)
        return tsr_znode_wrong(TSR_ECORRUPT, root, "a list of items, type and shape");
    size_t n = root->list.n - 2;
    int rc = tsr_znode_ints(&root->list.v[n + 1], 0, INT64_MAX, shape, &ndim);
    if (rc == TSR_OK && (!tsr_product(shape, ndim, &items) || items != want))
        rc = tsr_znode_wrong(TSR_ECORRUPT, &root->list.v[n + 1], "a shape of %lld items",
                             (long long)want);
    if (rc < 0) return rc;
    return put_nested(c, root->list.v, n, (struct nest){&root->list.v[n + 1], 0}, out);
}

static int object_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct tsr_doc *d;
    struct tsr_buf out = {0};
    struct tsr_node root;
    (void)w;
    int rc = tsr_doc_new(&d);
    if (rc < 0) return rc;
    rc = parse(c, d, src, len, &root);
    if (rc == TSR_OK) rc = put_value(c, &root, &out);
    if (rc < 0) tsr_within("%s", tsr_zcodec_name(c));
    if (rc == TSR_OK) rc = tsr_zcodec_made(c, out.len, n);
    if (rc == TSR_OK && out.len > cap) rc = tsr_zcodec_over(c, cap);
    if (rc == TSR_OK && out.len) memcpy(dst, out.p, out.len);
    tsr_buf_free(&out);
    tsr_doc_free(d);
    return rc;
}

/* ---- encoding ---- */

/* What the items are taken from, and what the nodes hang on. */
struct source {
    const struct tsr_zcodec *c;
    struct tsr_doc *doc;
    struct tsr_zwalk walk;
};

static int take_item(struct source *s, struct tsr_node *out)
{
    static const struct tsr_json_rules rules = {TSR_JSON_WORDS | TSR_JSON_BIG, TSR_JSON_DEPTH,
                                                NULL};
    const uint8_t *p;
    uint32_t len;
    int rc = tsr_zwalk_next(&s->walk, &p, &len);
    if (rc < 0) return rc;
    *out = (struct tsr_node){.kind = TSR_NODE_NULL}; /* an item that nobody gave a value */
    if (s->c->in.type->kind == TSR_ZJSON && len == 0) return TSR_OK;
    if (s->c->in.type->kind == TSR_ZJSON)
        return tsr_json_read(s->doc, (const char *)p, len, &rules, out);
    *out = (struct tsr_node){.kind = TSR_NODE_STRING};
    out->s.p = (const char *)p;
    out->s.len = len;
    if (tsr_utf8_valid(out->s.p, len)) return TSR_OK;
    return tsr_fail(TSR_EARG, "found an item that is not UTF-8");
}

/* The items along an axis as n entries of list. */
static int take_nested(struct source *s, int axis, size_t n, struct tsr_node *list)
{
    const struct tsr_zview *in = &s->c->in;
    int rc = TSR_OK;
    for (size_t i = 0; i < n && rc == TSR_OK; i++) {
        struct tsr_node one;
        if (axis + 1 >= in->ndim) {
            rc = take_item(s, &one);
        } else {
            size_t inner = (size_t)in->shape[axis + 1];
            rc = tsr_znode_new(s->doc, TSR_NODE_LIST, inner, &one);
            if (rc == TSR_OK) rc = take_nested(s, axis + 1, inner, &one);
        }
        if (rc == TSR_OK) tsr_znode_add(list, one);
    }
    return rc;
}

static int take_value(struct source *s, struct tsr_node *root)
{
    const struct tsr_zview *in = &s->c->in;
    size_t n = in->ndim ? (size_t)in->shape[0] : 1;
    struct tsr_node shape;
    int rc = tsr_znode_new(s->doc, TSR_NODE_LIST, n + 2, root);
    if (rc == TSR_OK) rc = take_nested(s, 0, n, root);
    if (rc == TSR_OK && s->walk.at != s->walk.len)
        rc = tsr_fail(TSR_EARG, "found %zu bytes behind the last item", s->walk.len - s->walk.at);
    if (rc == TSR_OK) rc = tsr_znode_of_ints(s->doc, in->shape, in->ndim, &shape);
    if (rc < 0) return rc;
    tsr_znode_add(root, tsr_znode_of_text("|O"));
    tsr_znode_add(root, shape);
    return TSR_OK;
}

static int object_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    struct source s = {.c = c, .walk = {src, len, 0}};
    struct tsr_buf out = {0};
    struct tsr_node root;
    (void)w;
    int rc = tsr_doc_new(&s.doc);
    if (rc < 0) return rc;
    rc = take_value(&s, &root);
    if (rc == TSR_OK)
        rc = c->kind == &tsr_zkind_msgpack2 ? tsr_msgpack_emit(&out, &root)
                                            : tsr_json_write(&out, &root, TSR_JSON_WORDS);
    if (rc < 0) tsr_within("%s", tsr_zcodec_name(c));
    if (rc == TSR_OK && out.len > cap)
        rc = tsr_fail(TSR_EARG, "%s: found %zu bytes, expected room for them", tsr_zcodec_name(c),
                      out.len);
    if (rc == TSR_OK) memcpy(dst, out.p, *n = out.len);
    tsr_buf_free(&out);
    tsr_doc_free(s.doc);
    return rc == TSR_ECORRUPT ? TSR_EARG : rc;
}

/* A byte takes six at most, "\u0001"; lists begin and end, or take five, on every axis. */
static size_t object_bound(const struct tsr_zcodec *c, size_t len)
{
    size_t axes = (size_t)c->in.ndim + 1;
    return 8 * len + 5 * axes * (size_t)tsr_zview_count(&c->in) + 24 * axes + 64;
}

const struct tsr_zcodec_kind tsr_zkind_json2 = {
    .v2 = "json2",
    .stage = TSR_ZITEMS_TO_BYTES,
    .open = object_open,
    .decode = object_decode,
    .encode = object_encode,
    .bound = object_bound,
};

const struct tsr_zcodec_kind tsr_zkind_msgpack2 = {
    .v2 = "msgpack2",
    .stage = TSR_ZITEMS_TO_BYTES,
    .open = object_open,
    .decode = object_decode,
    .encode = object_encode,
    .bound = object_bound,
};

const struct tsr_zcodec_kind tsr_zkind_pickle = {
    .v2 = "pickle",
    .stage = TSR_ZITEMS_TO_BYTES,
    .open = pickle_open,
};
