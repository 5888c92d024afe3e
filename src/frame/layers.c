/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/layers.c - metalayers by name.
 *
 * Those of the header are raw bytes inside it: their number and lengths are for ever, so a
 * change is a change of header bytes and flips with the lengths of a commit.  Variable-length
 * ones are chunks of their own in the trailer (blosc2.md 7.3), which every commit writes anew. */
#include "frame/priv.h"

static const struct frame_metas *metas_of(const struct tsr_frame *f, tsr_meta_kind kind)
{
    return kind == TSR_META ? &f->metas : &f->vlmetas;
}

static int need(const struct tsr_frame *f, tsr_meta_kind kind, const char *name,
                struct frame_meta **out)
{
    *out = tsr_metas_find(metas_of(f, kind), name);
    if (*out) return TSR_OK;
    return tsr_fail(TSR_ENOTFOUND, "no %smetalayer '%s'", kind == TSR_META ? "" : "vl", name);
}

int tsr_frame_meta_count(const struct tsr_frame *f, tsr_meta_kind kind)
{
    return metas_of(f, kind)->n;
}

const char *tsr_frame_meta_name(const struct tsr_frame *f, tsr_meta_kind kind, int i)
{
    const struct frame_metas *m = metas_of(f, kind);
    return i >= 0 && i < m->n ? m->v[i].name : NULL;
}

int tsr_frame_meta_view(const struct tsr_frame *f, const char *name, const uint8_t **p, size_t *len)
{
    struct frame_meta *m;
    int rc = need(f, TSR_META, name, &m);
    if (rc < 0) return rc;
    *p = m->p;
    *len = m->len;
    return TSR_OK;
}

static int decode(const struct tsr_frame *f, const struct frame_meta *m, void **buf, size_t *len)
{
    struct tsr_chunk c;
    int rc = tsr_chunk_parse(&c, m->p, m->len, m->len, f->limits);
    if (rc < 0) return rc;
    struct tsr_worker *w = tsr_pool_borrow(f->pool);
    uint8_t *dst = w ? tsr_alloc((size_t)c.nbytes) : NULL;
    rc = dst ? TSR_OK : TSR_ENOMEM;
    if (rc == TSR_OK && c.nbytes) rc = tsr_chunk_decode_range(&c, w, m->p, 0, c.nbytes, dst);
    if (w) tsr_pool_return(f->pool, w);
    if (rc < 0) {
        tsr_free(dst);
        return rc;
    }
    *buf = dst;
    *len = (size_t)c.nbytes;
    return TSR_OK;
}

int tsr_frame_meta_get(const struct tsr_frame *f, tsr_meta_kind kind, const char *name, void **buf,
                       size_t *len)
{
    struct frame_meta *m;
    int rc = need(f, kind, name, &m);
    if (rc < 0) return rc;
    if (kind == TSR_VLMETA) {
        if ((rc = decode(f, m, buf, len)) < 0) tsr_within("vlmetalayer '%s'", name);
        return rc;
    }
    if (!(*buf = tsr_alloc(m->len))) return TSR_ENOMEM;
    memcpy(*buf, m->p, m->len);
    *len = m->len;
    return TSR_OK;
}

static int set_fixed(struct tsr_frame *f, const char *name, const void *buf, size_t len)
{
    struct frame_meta *m;
    int rc = need(f, TSR_META, name, &m);
    if (rc < 0) return rc;
    if (len != m->len)
        return tsr_fail(TSR_EARG,
                        "metalayer '%s': found %zu bytes, expected %zu, which cannot "
                        "change",
                        name, len, m->len);
    if (len && memcmp(m->p, buf, len)) {
        memcpy(m->p, buf, len);
        f->dirty = true;
    }
    return TSR_OK;
}

/* blosclz 5 with shuffle of 8, as c-blosc2 does it. */
static int encode(const struct tsr_frame *f, const void *src, size_t len, struct frame_meta *m)
{
    struct tsr_cparams p;
    int32_t cbytes;
    tsr_cparams_init(&p, 8);
    p.codec_id = 0;
    p.codec = tsr_codec_blosc2(NULL, 0);
    p.split = 4;
    size_t cap = len + TSR_CHUNK_OVERHEAD;
    struct tsr_worker *w = tsr_pool_borrow(f->pool);
    m->p = w ? tsr_alloc(cap) : NULL;
    int rc = m->p ? TSR_OK : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_chunk_encode(&p, w, src, (int64_t)len, m->p, cap, &cbytes);
    if (w) tsr_pool_return(f->pool, w);
    if (rc == TSR_OK) m->len = (size_t)cbytes;
    else tsr_free(m->p);
    return rc;
}

static int add(struct frame_metas *m, const struct frame_meta *e)
{
    if (m->n >= FRAME_METAS) /* c-blosc2 refuses to have more */
        return tsr_fail(TSR_ELIMIT, "vlmetalayer '%s': there are %d, as many as others read",
                        e->name, m->n);
    struct frame_meta *v = tsr_realloc(m->v, (size_t)m->n + 1, sizeof *v);
    if (!v) return TSR_ENOMEM;
    m->v = v;
    v[m->n++] = *e;
    return TSR_OK;
}

static int set_variable(struct tsr_frame *f, const char *name, const void *buf, size_t len)
{
    struct frame_meta fresh;
    int rc = tsr_meta_init(&fresh, name, len);
    if (rc == TSR_OK) rc = encode(f, buf, len, &fresh);
    if (rc < 0) return rc;
    struct frame_meta *old = tsr_metas_find(&f->vlmetas, name);
    if (old) {
        tsr_free(old->p);
        *old = fresh;
    } else if ((rc = add(&f->vlmetas, &fresh)) < 0) {
        tsr_free(fresh.p);
        return rc;
    }
    f->dirty = true;
    return TSR_OK;
}

int tsr_frame_meta_set(struct tsr_frame *f, tsr_meta_kind kind, const char *name, const void *buf,
                       size_t len)
{
    int rc = tsr_frame_need_writable(f);
    if (rc < 0) return rc;
    return kind == TSR_META ? set_fixed(f, name, buf, len) : set_variable(f, name, buf, len);
}

int tsr_frame_meta_remove(struct tsr_frame *f, const char *name)
{
    struct frame_meta *m;
    int rc = tsr_frame_need_writable(f);
    if (rc == TSR_OK) rc = need(f, TSR_VLMETA, name, &m);
    if (rc < 0) return rc;
    tsr_free(m->p);
    f->vlmetas.n--;
    memmove(m, m + 1, (size_t)(f->vlmetas.v + f->vlmetas.n - m) * sizeof *m);
    f->dirty = true;
    return TSR_OK;
}
