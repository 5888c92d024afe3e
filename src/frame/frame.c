/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/frame.c - open, create, locate (blosc2.md 7).
 *
 *   0        header_len       header_len + cbytes         frame_len
 *   | header | chunks, holes  | index chunk | (gap)       |
 *                                       trailer, its length last
 *
 * That is a contiguous frame; what is different in others, their home knows.
 *
 * Open asks the store twice: for the first 4 KiB, which hold the header, and for the last 4 KiB
 * of the frame, which hold the trailer and a small index.  What does not fit is read on its
 * own.  Everything is checked against the header's lengths before it is used. */
#include "frame/priv.h"

enum { WINDOW = 4096 };

/* Bytes of the frame that are at hand during open. */
struct window {
    uint64_t off;
    size_t len;
    uint8_t p[WINDOW];
};

struct opening {
    struct tsr_frame *f;
    struct window head, tail;
    uint64_t index_end; /* where the trailer begins */
};

static int window_read(const struct tsr_frame *f, struct window *w, uint64_t off, uint64_t len)
{
    w->off = off;
    w->len = (size_t)(len < WINDOW ? len : WINDOW);
    return tsr_store_read(f->st, f->home->key, f->start + off, w->p, w->len);
}

static bool window_has(const struct window *w, uint64_t off, uint64_t len)
{
    return off >= w->off && len <= w->len && off - w->off <= w->len - len;
}

static int fetch(const struct opening *o, uint64_t off, uint8_t *dst, size_t len)
{
    const struct window *w = window_has(&o->head, off, len) ? &o->head : &o->tail;
    if (!window_has(w, off, len))
        return tsr_store_read(o->f->st, o->f->home->key, o->f->start + off, dst, len);
    memcpy(dst, w->p + (off - w->off), len);
    return TSR_OK;
}

static int open_header(struct opening *o)
{
    struct tsr_frame *f = o->f;
    uint64_t size, avail;
    f->stamp = tsr_store_stamp(f->st, f->home->key);
    int rc = tsr_store_stat(f->st, f->home->key, &size);
    if (rc < 0) return rc;
    if (f->start > size || size - f->start < FRAME_HEADER_MIN + FRAME_TRAILER_MIN)
        return tsr_fail(TSR_ECORRUPT, "frame: %llu bytes from byte %llu on, expected at least %d",
                        (unsigned long long)(f->start > size ? 0 : size - f->start),
                        (unsigned long long)f->start, FRAME_HEADER_MIN + FRAME_TRAILER_MIN);
    avail = size - f->start;
    if ((rc = window_read(f, &o->head, 0, avail)) < 0) return rc;
    if ((rc = tsr_header_parse(&f->h, o->head.p, avail, f->home)) < 0) return rc;
    size_t len = (size_t)f->h.header_len;
    f->head = tsr_alloc(len);
    f->head_flushed = tsr_alloc(len);
    if (!f->head || !f->head_flushed) return TSR_ENOMEM;
    if ((rc = fetch(o, 0, f->head, len)) < 0) return rc;
    memcpy(f->head_flushed, f->head, len);
    return tsr_metas_parse(&f->metas, f->head, len, FRAME_FIXED + 1, FRAME_METAS, "header");
}

static int open_trailer(struct opening *o)
{
    struct tsr_frame *f = o->f;
    uint8_t end[FRAME_TRAILER_END];
    uint64_t frame_len = f->h.frame_len, room = frame_len - (uint64_t)f->h.header_len;
    uint32_t len;
    uint64_t tail = room < WINDOW ? room : WINDOW;
    int rc = TSR_OK;
    if (!window_has(&o->head, frame_len - tail, tail))
        rc = window_read(f, &o->tail, frame_len - tail, tail);
    if (rc == TSR_OK) rc = fetch(o, frame_len - sizeof end, end, sizeof end);
    if (rc == TSR_OK) rc = tsr_trailer_len(end, room, &len);
    if (rc < 0) return rc;
    o->index_end = frame_len - len;
    uint8_t *p = tsr_alloc(len);
    if (!p) return TSR_ENOMEM;
    rc = fetch(o, o->index_end, p, len);
    if (rc == TSR_OK) rc = tsr_trailer_parse(&f->vlmetas, p, len);
    tsr_free(p);
    return rc;
}

/* The note of holes, which lies right before the trailer (holes.c). */
static int open_note(struct opening *o)
{
    struct tsr_frame *f = o->f;
    uint8_t end[NOTE_TAIL];
    if (!f->facts.writable || f->h.nbytes == 0) return TSR_OK;
    uint64_t room = o->index_end - f->home->index_off(&f->h);
    if (room < NOTE_TAIL + TSR_CHUNK_HEADER) return TSR_OK;
    int rc = fetch(o, o->index_end - NOTE_TAIL, end, NOTE_TAIL);
    size_t len = rc == TSR_OK ? tsr_note_len(end) : 0;
    if (len == 0 || len > room - TSR_CHUNK_HEADER) return rc;
    uint8_t *p = tsr_alloc(len);
    if (!p) return TSR_ENOMEM;
    rc = fetch(o, o->index_end - len, p, len);
    if (rc == TSR_OK) tsr_note_take(f, p, len);
    tsr_free(p);
    return rc;
}

/* Checks an index entry (14.21). */
static int check_entry(const struct tsr_frame *f, int64_t i, int64_t v)
{
    int kind = entry_kind(v);
    if (v >= 0) return f->home->check(f, i, v);
    if (kind == TSR_SPECIAL_ZEROS || kind == TSR_SPECIAL_NAN || kind == TSR_SPECIAL_UNINIT)
        return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "frame: entry %lld of the index: found special kind %d, "
                    "expected 1, 2 or 4",
                    (long long)i, kind);
}

/* All of it at once: by the next read another file may have the index's name. */
static int open_whole_index(struct opening *o, uint64_t off, uint64_t avail, int64_t n)
{
    enum { CBYTES_AT = 12, CBYTES_END = 16 };
    uint8_t head[CBYTES_END], *p;
    int rc = fetch(o, off, head, sizeof head);
    if (rc < 0) return rc;
    uint32_t len = tsr_load_LE32(head + CBYTES_AT);
    if (len > avail) len = (uint32_t)avail; /* too large: refused below */
    if (!(p = tsr_alloc(len))) return TSR_ENOMEM;
    rc = fetch(o, off, p, len);
    if (rc == TSR_OK) rc = tsr_index_open(&o->f->index, off, avail, n, p, len);
    tsr_free(p);
    return rc;
}

static int open_index(struct opening *o)
{
    struct tsr_frame *f = o->f;
    uint64_t off = f->home->index_off(&f->h), avail;
    uint8_t head[WINDOW];
    if (f->h.nbytes == 0) return TSR_OK; /* nothing there, whatever cbytes says (7.4) */
    if (off > o->index_end || o->index_end - off < TSR_CHUNK_HEADER)
        return tsr_fail(TSR_ECORRUPT, "frame: index chunk at byte %llu, the trailer is at %llu",
                        (unsigned long long)off, (unsigned long long)o->index_end);
    avail = o->index_end - off;
    size_t len = (size_t)(avail < 40 ? avail : 40);
    if (window_has(&o->tail, off, avail) || window_has(&o->head, off, avail)) len = (size_t)avail;
    int rc = fetch(o, off, head, len);
    if (rc < 0) return rc;
    int64_t n = f->facts.nchunks;
    if (f->h.chunk_size == 0) {
        struct tsr_chunk c;
        if ((rc = tsr_chunk_parse(&c, head, len, avail, tsr_limit(TSR_CHUNK_MAX_NBYTES))) < 0)
            return rc;
        if (c.nbytes % 8 || c.nbytes == 0)
            return tsr_fail(TSR_ECORRUPT, "frame: index chunk of %d bytes, expected 8 per chunk",
                            c.nbytes);
        n = f->facts.nchunks = c.nbytes / 8;
    }
    if (f->home->frame_type) rc = open_whole_index(o, off, avail, n);
    else rc = tsr_index_open(&f->index, f->start + off, avail, n, head, len);
    return rc;
}

int tsr_frame_new(struct tsr_store *st, const struct frame_home *home, struct tsr_frame **out)
{
    struct tsr_frame *f = tsr_alloc_zero(1, sizeof *f);
    if (!f) return TSR_ENOMEM;
    int rc = tsr_pool_new(1, &f->pool);
    if (rc < 0) {
        tsr_free(f);
        return rc;
    }
    f->home = home;
    f->st = f->index.st = st;
    f->index.key = home->key;
    f->index.pool = f->pool;
    *out = f;
    return TSR_OK;
}

static int open_all(struct opening *o)
{
    struct tsr_frame *f = o->f;
    int rc = open_header(o);
    if (rc < 0) return rc;
    tsr_header_facts(&f->h, f->limits.codecs, &f->facts);
    f->facts.writable = f->st->writable && f->start == 0;
    /* whoever wrote this state may have been promised that it survives the machine */
    f->durable = true;
    f->facts.cbytes = (int64_t)f->home->stored_bytes(&f->h);
    f->home->opened(f);
    if ((rc = open_trailer(o)) < 0 || (rc = open_index(o)) < 0) return rc;
    if (f->facts.writable) tsr_seal_take(f);
    return open_note(o);
}

/* Nobody else can change it. */
static bool alone(const struct tsr_frame *f)
{
    return f->st->kind->view || (f->st->writable && !f->home->frame_type);
}

/* Did another writer flush while the frame was read?  Then what was read may belong to two
 * states.  The text of a failure stays. */
static bool was_replaced(const struct opening *o)
{
    uint8_t now[WINDOW];
    char text[TSR_ERROR_MAX];
    const struct tsr_frame *f = o->f;
    size_t len = f->home->frame_type ? o->head.len : tsr_minz(o->head.len, FRAME_FIXED);
    if (o->head.len == 0 || alone(f)) return false;
    tsr_error_save(text);
    int rc = tsr_store_peek(f->st, f->home->key, f->start, now, len);
    tsr_error_restore(text);
    return rc < 0 || memcmp(now, o->head.p, len) != 0;
}

/* *again: what was read belongs to two states. */
static int open_once(struct opening *o, struct tsr_store *st, const struct tsr_frame *like,
                     struct tsr_frame **out, bool *again)
{
    *o = (struct opening){0};
    int rc = tsr_frame_new(st, like->home, &o->f);
    if (rc < 0) return rc;
    o->f->start = like->start;
    o->f->limits = like->limits;
    rc = open_all(o);
    *again = was_replaced(o);
    if (rc == TSR_OK && !*again) {
        *out = o->f;
        return TSR_OK;
    }
    o->f->st = NULL; /* the caller still owns it */
    tsr_frame_close(o->f);
    return rc;
}

int tsr_frame_home(struct tsr_store *st, const struct frame_home **out)
{
    uint64_t size;
    int rc = tsr_store_stat(st, "", &size);
    *out = rc == TSR_ENOTFOUND ? &tsr_frame_sparse : &tsr_frame_contiguous;
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

int tsr_frame_key(struct tsr_store *st, const char **out)
{
    const struct frame_home *home;
    int rc = tsr_frame_home(st, &home);
    *out = home->key;
    return rc;
}

int tsr_frame_open(struct tsr_store *st, uint64_t start, struct tsr_limits limits,
                   struct tsr_frame **out)
{
    enum { TRIES = 16 };
    struct tsr_frame like = {.start = start, .limits = limits};
    bool again = true;
    int rc = tsr_frame_home(st, &like.home);
    if (rc < 0) return rc;
    if (!limits.max_bytes) like.limits.max_bytes = TSR_CHUNK_MAX_NBYTES;
    if (start && like.home->frame_type)
        return tsr_fail(TSR_EARG, "byte %llu of a sparse frame, which is a folder",
                        (unsigned long long)start);
    struct opening *o = tsr_alloc(sizeof *o);
    if (!o) return TSR_ENOMEM;
    for (int i = 0; i < TRIES && again; i++) rc = open_once(o, st, &like, out, &again);
    tsr_free(o);
    if (rc == TSR_OK && again)
        rc = tsr_fail(TSR_ECONFLICT, "%s: changes too often to be read", like.home->key);
    return rc;
}

bool tsr_frame_touched(const struct tsr_frame *f)
{
    if (f->facts.writable || f->st->kind->view) return false;
    return tsr_store_stamp(f->st, f->home->key) != f->stamp;
}

bool tsr_frame_changed(const struct tsr_frame *f)
{
    enum { LOOK = 4096 }; /* lengths and shape are all before that */
    uint8_t now[LOOK];
    size_t len = tsr_minz((size_t)f->h.header_len, LOOK);
    if (f->facts.writable || f->st->kind->view) return false;
    if (f->home->frame_type && tsr_frame_touched(f)) return true; /* only flushes write there */
    return tsr_store_peek(f->st, f->home->key, f->start, now, len) < 0 ||
           memcmp(now, f->head_flushed, len) != 0;
}

void tsr_frame_close(struct tsr_frame *f)
{
    if (!f) return;
    f->home->close(f);
    tsr_index_done(&f->index);
    tsr_vlmetas_free(&f->vlmetas);
    tsr_free(f->metas.v);
    tsr_free(f->head);
    tsr_free(f->head_flushed);
    tsr_pool_free(f->pool);
    tsr_store_close(f->st);
    tsr_free(f);
}

int tsr_frame_need_writable(const struct tsr_frame *f)
{
    if (f->facts.writable) return TSR_OK;
    return tsr_fail(TSR_EDENIED, "%s: the frame is open for reading only", f->st->url);
}

int tsr_frame_check_special(int64_t item_bytes, int special)
{
    if (special == TSR_SPECIAL_ZEROS || special == TSR_SPECIAL_UNINIT) return TSR_OK;
    if (special == TSR_SPECIAL_NAN && (item_bytes == 4 || item_bytes == 8)) return TSR_OK;
    return tsr_fail(TSR_EARG, "special chunks of kind %d for items of %lld bytes", special,
                    (long long)item_bytes);
}

/* ---- create ---- */

static int check_facts(const struct tsr_frame_facts *p, int special)
{
    const struct tsr_cparams *c = &p->cparams;
    if (c->item_bytes <= 0 || c->block_bytes < 0 || c->clevel < 0 || c->clevel > 9 ||
        p->chunk_bytes < 0 || p->chunk_bytes > TSR_CHUNK_MAX_NBYTES || p->nbytes < 0 ||
        (p->chunk_bytes == 0 && p->nbytes > 0))
        return tsr_fail(TSR_EARG,
                        "frame of %lld bytes in chunks of %lld, blocks of %d, items of "
                        "%d",
                        (long long)p->nbytes, (long long)p->chunk_bytes, c->block_bytes,
                        c->item_bytes);
    if (p->chunk_bytes && tsr_ceil_div(p->nbytes, p->chunk_bytes) > FRAME_MAX_CHUNKS)
        return tsr_fail(TSR_ELIMIT, "frame of %lld bytes in chunks of %lld: more than %d chunks",
                        (long long)p->nbytes, (long long)p->chunk_bytes, FRAME_MAX_CHUNKS);
    return tsr_frame_check_special(c->item_bytes, special);
}

/* The header with its metalayers; the frame's metas then point into it. */
static int create_header(struct tsr_frame *f, const struct tsr_meta_value *metas, int n)
{
    struct frame_meta v[FRAME_METAS] = {0};
    struct tsr_buf b = {0};
    if (n > FRAME_METAS)
        return tsr_fail(TSR_EARG, "%d metalayers: a frame's header holds at most %d", n,
                        FRAME_METAS);
    for (int i = 0; i < n; i++) {
        int rc = tsr_meta_init(&v[i], metas[i].name, metas[i].len);
        if (rc < 0) return rc;
        if (tsr_metas_find(&(struct frame_metas){v, i}, v[i].name))
            return tsr_fail(TSR_EARG, "metalayer '%s' is given twice", v[i].name);
        v[i].p = (uint8_t *)metas[i].p;
    }
    int rc = tsr_buf_reserve(&b, FRAME_FIXED);
    b.len = FRAME_FIXED;
    if (rc == TSR_OK) rc = tsr_metas_emit(&b, &(struct frame_metas){v, n}, 0);
    if (rc == TSR_OK && !(f->head_flushed = tsr_alloc_zero(1, b.len))) rc = TSR_ENOMEM;
    if (rc == TSR_OK)
        rc = tsr_metas_parse(&f->metas, b.p, b.len, FRAME_FIXED + 1, FRAME_METAS, "header");
    if (rc < 0) {
        tsr_buf_free(&b);
        return rc;
    }
    f->head = b.p;
    f->h.header_len = (int32_t)b.len;
    tsr_header_store(&f->h, f->head);
    return TSR_OK;
}

int tsr_frame_create(struct tsr_store *st, const struct tsr_frame_facts *p,
                     const struct tsr_meta_value *metas, int nmetas, int special,
                     struct tsr_frame **out)
{
    struct tsr_frame *f = NULL;
    int rc = check_facts(p, special);
    if (rc == TSR_OK)
        rc = tsr_frame_new(st, p->sparse ? &tsr_frame_sparse : &tsr_frame_contiguous, &f);
    if (rc < 0) return rc;
    f->limits = (struct tsr_limits){TSR_CHUNK_MAX_NBYTES, p->cparams.codecs};
    tsr_header_init(&f->h, p);
    f->h.frame_type = f->home->frame_type;
    tsr_header_facts(&f->h, f->limits.codecs, &f->facts);
    f->facts.cparams = p->cparams;
    f->facts.writable = f->dirty = f->created = true;
    rc = create_header(f, metas, nmetas);
    if (rc == TSR_OK) rc = tsr_index_resize(&f->index, f->facts.nchunks, entry_special(special));
    if (rc == TSR_OK) {
        *out = f;
        return TSR_OK;
    }
    f->st = NULL;
    tsr_frame_close(f);
    return rc;
}

/* ---- what is where ---- */

const struct tsr_frame_facts *tsr_frame_facts_of(const struct tsr_frame *f)
{
    return &f->facts;
}

struct tsr_store *tsr_frame_store(const struct tsr_frame *f)
{
    return f->st;
}

int64_t tsr_frame_chunk_nbytes(const struct tsr_frame *f, int64_t i)
{
    if (f->facts.variable) return -1;
    return tsr_min64(f->facts.chunk_bytes, f->facts.nbytes - i * f->facts.chunk_bytes);
}

int tsr_frame_locate(const struct tsr_frame *f, int64_t i, struct tsr_frame_place *out)
{
    int64_t v = 0;
    *out = (struct tsr_frame_place){0};
    if (i < 0 || i >= f->facts.nchunks)
        return tsr_fail(TSR_EARG, "chunk %lld of %lld", (long long)i, (long long)f->facts.nchunks);
    int rc = tsr_index_get(&f->index, i, &v);
    if (rc == TSR_OK) rc = check_entry(f, i, v);
    if (rc < 0) return rc;
    if (v >= 0) return f->home->locate(f, v, out);
    out->special = entry_kind(v);
    return TSR_OK;
}

int tsr_frame_zeros(const struct tsr_frame *f, int64_t i, int64_t *n)
{
    *n = 0;
    return i < 0 || i >= f->facts.nchunks ? TSR_OK : tsr_index_zeros(&f->index, i, n);
}
