/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/chain.c - opening chains, and running them both ways. */
#include "zarr/chain.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"

/* ---- opening ---- */

int tsr_zspecs_parse(struct tsr_doc *d, const struct tsr_node *n, struct tsr_zspec **out,
                     int *count, bool *foreign)
{
    if (!n || n->kind != TSR_NODE_LIST) return tsr_znode_wrong(TSR_ECORRUPT, n, "a list of codecs");
    struct tsr_zspec *specs = tsr_doc_alloc(d, n->list.n, sizeof *specs);
    if (!specs) return TSR_ENOMEM;
    *count = 0;
    for (size_t i = 0; i < n->list.n; i++) {
        struct tsr_zext e;
        int rc = tsr_znode_ext(n->list.v + i, &e);
        if (rc < 0) {
            tsr_within("[%zu]", i);
            return rc;
        }
        if (!e.must && !tsr_zcodec_find(e.name, 3)) *foreign = true;
        else specs[(*count)++] = (struct tsr_zspec){e.name, e.config, e.must};
    }
    *out = specs;
    return TSR_OK;
}

/* Format 3: items to items, then once to bytes, then bytes to bytes. */
static int check_stage(const struct tsr_zview *in, enum tsr_zstage stage)
{
    if (stage == TSR_ZBYTES_TO_BYTES && in->items)
        return tsr_fail(TSR_ECORRUPT, "found a codec of bytes, expected one from items to bytes, "
                                      "as is \"bytes\", before it");
    if (stage != TSR_ZBYTES_TO_BYTES && !in->items)
        return tsr_fail(TSR_ECORRUPT, "found a codec of items behind one that makes bytes of them");
    return TSR_OK;
}

static int add_codec(struct tsr_zchain *c, const struct tsr_zchain_spec *s,
                     const struct tsr_zspec *spec)
{
    struct tsr_zcodec *k = c->codec + c->n;
    k->in = c->n ? c->codec[c->n - 1].out : c->in;
    k->doc = s->doc;
    k->level = s->level;
    k->config = spec->config;
    k->kind = tsr_zcodec_find(spec->name, s->format);
    if (!k->kind)
        return tsr_fail(TSR_EUNSUPPORTED, "found a codec that is not known; docs/formats.md says "
                                          "which are");
    int rc = s->format == 3 ? check_stage(&k->in, k->kind->stage) : TSR_OK;
    if (rc == TSR_OK) rc = k->kind->open(k, spec->config, s->format);
    if (rc == TSR_OK) c->n++;
    return rc;
}

static int add_order(struct tsr_zchain *c, const struct tsr_zchain_spec *s)
{
    struct tsr_zcodec *k = c->codec;
    int order[TSR_MAX_NDIM];
    for (int d = 0; d < c->in.ndim; d++) order[d] = c->in.ndim - 1 - d;
    *k = (struct tsr_zcodec){.kind = tsr_zcodec_find("transpose", 3), .in = c->in, .doc = s->doc};
    int rc = tsr_zcodec_transpose(k, order);
    if (rc == TSR_OK) c->n++;
    return rc;
}

static int add_all(struct tsr_zchain *c, const struct tsr_zchain_spec *s)
{
    int rc = s->order == 'F' && c->in.ndim > 1 ? add_order(c, s) : TSR_OK;
    for (int i = 0; rc == TSR_OK && i < s->n; i++) {
        rc = add_codec(c, s, s->codecs + i);
        if (rc < 0) tsr_within("[%d] %.60s", i, s->codecs[i].name);
    }
    if (rc == TSR_OK && s->format == 3 && (!c->n || c->codec[c->n - 1].out.items))
        rc = tsr_fail(TSR_ECORRUPT, "found no codec from items to bytes");
    return rc;
}

/* The steps that are left, and what is known of the whole. */
static void finish(struct tsr_zchain *c)
{
    c->writable = true;
    c->stored = c->n ? c->codec[c->n - 1].out.bytes : c->in.bytes;
    for (int i = 0; i < c->n; i++) {
        if (!c->codec[i].kind->encode) c->writable = false;
        if (!c->codec[i].same) c->step[c->nsteps++] = c->codec + i;
    }
}

int tsr_zchain_open(const struct tsr_zchain_spec *s, struct tsr_zchain **out)
{
    if (s->level >= TSR_ZLEVELS)
        return tsr_fail(TSR_ELIMIT, "found shards in shards, more than %d deep", TSR_ZLEVELS);
    struct tsr_zchain *c = tsr_alloc_zero(1, sizeof *c);
    if (!c) return TSR_ENOMEM;
    size_t n = (size_t)s->n + 1;
    c->in = s->in;
    c->level = s->level;
    c->limit = s->limit ? s->limit : INT32_MAX;
    c->doc = s->doc;
    c->codec = tsr_alloc_zero(n, sizeof *c->codec);
    c->step = tsr_alloc_zero(n, sizeof(struct tsr_zcodec *));
    int rc = c->codec && c->step ? add_all(c, s) : TSR_ENOMEM;
    if (rc < 0) {
        tsr_zchain_close(c);
        return rc;
    }
    finish(c);
    *out = c;
    return TSR_OK;
}

void tsr_zchain_close(struct tsr_zchain *c)
{
    if (!c) return;
    for (int i = 0; i < c->n; i++)
        if (c->codec[i].kind->close) c->codec[i].kind->close(c->codec + i);
    tsr_free(c->codec);
    tsr_free(c->step);
    tsr_free(c);
}

int tsr_zchain_of(const struct tsr_zmeta *m, struct tsr_doc *d, const int64_t *chunk, size_t limit,
                  struct tsr_zchain **out)
{
    struct tsr_zchain_spec s = {.doc = d ? d : m->doc,
                                .format = m->format,
                                .codecs = m->codecs,
                                .n = m->ncodecs,
                                .order = m->order,
                                .limit = limit};
    int64_t items;
    s.in = (struct tsr_zview){.items = true, .type = m->type, .dtype = m->type->dtype};
    s.in.ndim = m->ndim;
    s.in.fill = m->fill.p;
    memcpy(s.in.shape, chunk, (size_t)m->ndim * sizeof *chunk);
    s.in.bytes = -1;
    if (!tsr_product(chunk, m->ndim, &items) ||
        (s.in.dtype && !tsr_mul(items, s.in.dtype->item_bytes, &s.in.bytes)))
        return tsr_fail(TSR_ELIMIT, "found chunks of more than 2^63 bytes");
    int rc = tsr_zchain_open(&s, out);
    if (rc < 0) tsr_within(m->format == 3 ? "codecs" : "filters, compressor");
    return rc;
}

/* ---- buffers of the worker ---- */

struct scratch {
    struct tsr_buf b[TSR_ZLEVELS][TSR_ZBUFFERS];
};

static void scratch_done(void *p)
{
    struct scratch *s = p;
    for (int i = 0; i < TSR_ZLEVELS; i++)
        for (int k = 0; k < TSR_ZBUFFERS; k++) tsr_buf_free(&s->b[i][k]);
    tsr_free(s);
}

struct tsr_buf *tsr_zscratch(struct tsr_worker *w, int level, int which)
{
    static const char key;
    struct scratch *s = tsr_worker_state(w, &key, sizeof *s, scratch_done);
    if (!s) return NULL;
    s->b[level][which].len = 0;
    return &s->b[level][which];
}

/* ---- running ---- */

/* Names the codec that failed, which some codecs do themselves. */
static void within(const struct tsr_zcodec *k)
{
    const char *name = tsr_zcodec_name(k);
    if (strncmp(tsr_error(), name, strlen(name)) != 0) tsr_within("%s", name);
}

static int wrong_size(const struct tsr_zchain *c, size_t len)
{
    return tsr_fail(TSR_ECORRUPT, "found %zu bytes, expected %lld", len, (long long)c->stored);
}

/* One step back, to dst where its size is known and it is the last, else appended to out. */
static int step_back(const struct tsr_zchain *c, int i, struct tsr_worker *w, const uint8_t *src,
                     size_t len, uint8_t *dst, struct tsr_buf *out)
{
    const struct tsr_zcodec *k = c->step[i];
    size_t n;
    int rc = dst ? k->kind->decode(k, w, src, len, dst, (size_t)k->in.bytes, &n)
                 : tsr_zcodec_decode(k, w, src, len, c->limit, out);
    if (rc < 0) within(k);
    return rc;
}

/* dst or out, as the two below. */
static int run_back(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                    size_t len, uint8_t *dst, struct tsr_buf *out)
{
    if (c->stored >= 0 && len != (size_t)c->stored) return wrong_size(c, len);
    if (c->nsteps == 0) {
        if (!dst) return tsr_buf_add(out, src, len);
        if (len) memcpy(dst, src, len);
        return TSR_OK;
    }
    for (int i = c->nsteps - 1; i > 0; i--) {
        struct tsr_buf *b = tsr_zscratch(w, c->level, i & 1);
        int rc = b ? step_back(c, i, w, src, len, NULL, b) : TSR_ENOMEM;
        if (rc < 0) return rc;
        src = b->p;
        len = b->len;
    }
    return step_back(c, 0, w, src, len, dst, out);
}

int tsr_zchain_decode(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, uint8_t *dst)
{
    if (c->in.bytes < 0) return tsr_fail(TSR_EARG, "items of variable length have no size");
    return run_back(c, w, src, len, dst, NULL);
}

int tsr_zchain_decode_to(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                         size_t len, struct tsr_buf *out)
{
    return run_back(c, w, src, len, NULL, out);
}

static int step_on(const struct tsr_zcodec *k, struct tsr_worker *w, const uint8_t *src, size_t len,
                   struct tsr_buf *out)
{
    size_t bound = k->kind->bound(k, len), n;
    int rc = tsr_buf_reserve(out, bound);
    if (rc < 0) return rc;
    rc = k->kind->encode(k, w, src, len, out->p + out->len, bound, &n);
    if (rc == TSR_OK) out->len += n;
    else within(k);
    return rc;
}

int tsr_zchain_encode(const struct tsr_zchain *c, struct tsr_worker *w, const uint8_t *src,
                      size_t len, struct tsr_buf *out)
{
    if (!c->writable)
        return tsr_fail(TSR_EUNSUPPORTED, "a codec of the array is only read, not written");
    if (c->nsteps == 0) return tsr_buf_add(out, src, len);
    for (int i = 0; i < c->nsteps; i++) {
        bool last = i == c->nsteps - 1;
        struct tsr_buf *b = last ? out : tsr_zscratch(w, c->level, i & 1);
        int rc = b ? step_on(c->step[i], w, src, len, b) : TSR_ENOMEM;
        if (rc < 0) return rc;
        src = b->p;
        len = b->len;
    }
    return TSR_OK;
}

size_t tsr_zchain_bound(const struct tsr_zchain *c, size_t len)
{
    for (int i = 0; i < c->nsteps && len != SIZE_MAX; i++)
        len = c->step[i]->kind->bound(c->step[i], len);
    return len;
}
