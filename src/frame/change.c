/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/change.c - entries put, inserted, deleted, moved.
 *
 * Chunks are written to free space at once, the index changes in memory only: the store knows
 * nothing of either until the next commit.  What no entry refers to any more is released: at
 * once when the chunk was never part of a flushed state, else with the next commit. */
#include "frame/priv.h"

/* Sets nchunks, and nbytes with a last chunk of last bytes; in variable frames nbytes is the
 * caller's. */
static void set_count(struct tsr_frame *f, int64_t n, int64_t last)
{
    f->facts.nchunks = n;
    if (!f->facts.variable) f->facts.nbytes = n ? (n - 1) * f->facts.chunk_bytes + last : 0;
    if (n == 0) f->facts.nbytes = f->facts.vlblocks = 0;
    f->dirty = true;
}

static int64_t last_bytes(const struct tsr_frame *f)
{
    int64_t n = f->facts.variable ? 0 : f->facts.nchunks;
    return n ? tsr_frame_chunk_nbytes(f, n - 1) : f->facts.chunk_bytes;
}

static void release(struct tsr_frame *f, int64_t v)
{
    if (v >= 0) f->home->release(f, v);
}

static void replace(struct tsr_frame *f, int64_t i, int64_t v)
{
    int64_t old = -1;
    if (tsr_index_get(&f->index, i, &old) == TSR_OK) release(f, old);
    tsr_index_set(&f->index, i, v);
    f->dirty = true;
}

static int prepare_drop(struct tsr_frame *f)
{
    return f->home->prepare ? f->home->prepare(f) : TSR_OK;
}

static int check_index(const struct tsr_frame *f, int64_t i, int64_t n)
{
    int rc = tsr_frame_need_writable(f);
    if (rc < 0) return rc;
    if (i >= 0 && n >= 0 && i <= f->facts.nchunks && n <= f->facts.nchunks - i) return TSR_OK;
    return tsr_fail(TSR_EARG, "chunks %lld to %lld of %lld", (long long)i,
                    (long long)((uint64_t)i + (uint64_t)n), (long long)f->facts.nchunks);
}

/* ---- put ---- */

static int measure(const struct frame_put *p, size_t k, uint64_t *len)
{
    *len = 0;
    for (int j = p->first[k]; j < p->first[k + 1]; j++) *len += p->pieces[j].len;
    if (*len >= TSR_CHUNK_HEADER && *len <= (uint64_t)TSR_CHUNK_MAX_NBYTES + TSR_CHUNK_OVERHEAD)
        return TSR_OK;
    return tsr_fail(TSR_EARG, "chunk %lld has %llu bytes", (long long)p->i[k],
                    (unsigned long long)*len);
}

/* Chunks with blocks of variable length and others do not mix (14.24).  others: chunks that stay
 * as they are; without any the new one may be of either kind. */
static int check_kind(const struct tsr_frame *f, const struct tsr_piece *p, int64_t others)
{
    bool vl;
    if (others == 0 || !tsr_chunk_kind(p->p, p->len, &vl) || vl == f->facts.vlblocks) return TSR_OK;
    return tsr_fail(TSR_EARG, "a chunk %s blocks of variable length among chunks %s them",
                    vl ? "with" : "without", vl ? "without" : "with");
}

/* The chunk is in. */
static void note_kind(struct tsr_frame *f, const struct tsr_piece *p)
{
    bool vl;
    if (tsr_chunk_kind(p->p, p->len, &vl)) f->facts.vlblocks = vl;
}

/* Everything that can fail besides the writes. */
static int prepare(struct tsr_frame *f, const struct frame_put *p)
{
    for (size_t k = 0; k < p->n; k++) {
        int rc = check_index(f, p->i[k], 1);
        if (rc == TSR_OK) rc = tsr_index_own(&f->index, p->i[k]);
        if (rc == TSR_OK) rc = measure(p, k, &p->at[k].len);
        if (rc == TSR_OK) rc = check_kind(f, p->pieces + p->first[k], f->facts.nchunks - 1);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static int write_put(struct tsr_frame *f, const struct frame_put *p)
{
    return f->facts.checksum ? tsr_tag_put(f, p) : f->home->put(f, p);
}

static int put_all(struct tsr_frame *f, const struct frame_put *p)
{
    int rc = prepare(f, p);
    if (rc == TSR_OK) rc = write_put(f, p);
    for (size_t k = 0; k < p->n && rc == TSR_OK; k++) {
        replace(f, p->i[k], (int64_t)p->at[k].off | ENTRY_FRESH);
        note_kind(f, p->pieces + p->first[k]);
    }
    return rc;
}

int tsr_frame_put_many(struct tsr_frame *f, size_t n, const int64_t *i,
                       const struct tsr_piece *pieces, const int *first)
{
    struct frame_put p = {n, i, pieces, first, tsr_alloc_array(n, sizeof *p.at)};
    int rc = p.at ? put_all(f, &p) : TSR_ENOMEM;
    tsr_free(p.at);
    return rc;
}

int tsr_frame_put(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n)
{
    struct frame_extent at;
    struct frame_put p = {1, &i, pieces, (int[2]){0, n}, &at};
    return put_all(f, &p);
}

int tsr_frame_put_special(struct tsr_frame *f, int64_t i, int special)
{
    int64_t v = entry_special(special), old;
    int rc = check_index(f, i, 1);
    if (rc == TSR_OK) rc = tsr_frame_check_special(f->facts.cparams.item_bytes, special);
    if (rc == TSR_OK && f->facts.variable)
        rc = tsr_fail(TSR_EARG, "a special chunk among chunks of any size would have none");
    if (rc == TSR_OK) rc = tsr_index_get(&f->index, i, &old);
    if (rc < 0 || old == v) return rc;
    if ((rc = prepare_drop(f)) < 0 || (rc = tsr_index_own(&f->index, i)) < 0) return rc;
    replace(f, i, v);
    return TSR_OK;
}

/* ---- the number of chunks ---- */

/* Entries i .. i+n-1 are new. */
struct shift {
    int64_t i, n;
};

static int64_t before_insert(void *arg, int64_t j)
{
    const struct shift *s = arg;
    return j < s->i ? j : j < s->i + s->n ? -1 : j - s->n;
}

static int64_t before_delete(void *arg, int64_t j)
{
    const struct shift *s = arg;
    return j < s->i ? j : j + s->n;
}

static int check_insert(const struct tsr_frame *f, int64_t i, int64_t n)
{
    int64_t have = f->facts.nchunks;
    int rc = check_index(f, i, 0);
    if (rc < 0) return rc;
    if (f->facts.chunk_bytes == 0 && !f->facts.variable)
        return tsr_fail(TSR_EARG, "the frame's chunk size is not known yet");
    if (n < 0 || n > FRAME_MAX_CHUNKS - have)
        return tsr_fail(n < 0 ? TSR_EARG : TSR_ELIMIT, "%lld chunks more than %lld: at most %d",
                        (long long)n, (long long)have, FRAME_MAX_CHUNKS);
    if (i == have && last_bytes(f) != f->facts.chunk_bytes)
        return tsr_fail(TSR_EARG, "insert after a short chunk: found %lld bytes, expected %lld",
                        (long long)last_bytes(f), (long long)f->facts.chunk_bytes);
    return TSR_OK;
}

int tsr_frame_insert(struct tsr_frame *f, int64_t i, int64_t n, int special)
{
    int64_t have = f->facts.nchunks, last = last_bytes(f), v = entry_special(special);
    int rc = check_insert(f, i, n);
    if (rc == TSR_OK) rc = tsr_frame_check_special(f->facts.cparams.item_bytes, special);
    if (rc == TSR_OK && f->facts.variable)
        rc = tsr_fail(TSR_EARG, "a special chunk among chunks of any size would have none");
    if (rc < 0 || n == 0) return rc;
    struct frame_rebuild r = {have + n, i, v, before_insert, &(struct shift){i, n}};
    if (i == have) rc = tsr_index_resize(&f->index, have + n, v);
    else rc = tsr_index_rebuild(&f->index, &r);
    if (rc == TSR_OK) set_count(f, have + n, last);
    return rc;
}

/* The last entry of an index that has grown by one, and must shrink again if this fails. */
static int put_last(struct tsr_frame *f, const struct frame_put *p, int64_t i)
{
    int rc = tsr_index_own(&f->index, i);
    if (rc == TSR_OK) rc = write_put(f, p);
    if (rc == TSR_OK) tsr_index_set(&f->index, i, (int64_t)p->at->off | ENTRY_FRESH);
    return rc;
}

int tsr_frame_insert_put(struct tsr_frame *f, int64_t i, const struct tsr_piece *pieces, int n)
{
    struct frame_extent at;
    struct frame_put p = {1, &i, pieces, (int[2]){0, n}, &at};
    struct frame_index *ix = &f->index;
    int64_t have = f->facts.nchunks, last = last_bytes(f), zeros = entry_special(TSR_SPECIAL_ZEROS);
    int rc = check_insert(f, i, 1);
    if (rc == TSR_OK) rc = measure(&p, 0, &at.len);
    if (rc == TSR_OK) rc = check_kind(f, pieces, have);
    if (rc < 0) return rc;
    if (i == have) {
        if ((rc = tsr_index_resize(ix, have + 1, zeros)) < 0) return rc;
        if ((rc = put_last(f, &p, i)) < 0) tsr_index_resize(ix, have, zeros);
    } else if ((rc = write_put(f, &p)) == TSR_OK) {
        int64_t v = (int64_t)at.off | ENTRY_FRESH;
        struct frame_rebuild r = {have + 1, i, v, before_insert, &(struct shift){i, 1}};
        if ((rc = tsr_index_rebuild(ix, &r)) < 0) release(f, v);
    }
    if (rc < 0) return rc;
    note_kind(f, pieces);
    set_count(f, have + 1, last);
    return TSR_OK;
}

/* Notes the entries that are about to go, each as release wants it. */
static int collect(const struct tsr_frame *f, int64_t i, struct tsr_buf *dropped)
{
    int64_t v;
    int rc = tsr_index_get(&f->index, i, &v);
    return rc < 0 || v < 0 ? rc : tsr_buf_add(dropped, &v, sizeof v);
}

static void release_all(struct tsr_frame *f, const struct tsr_buf *dropped)
{
    for (size_t at = 0; at < dropped->len; at += sizeof(int64_t)) {
        int64_t v;
        memcpy(&v, dropped->p + at, sizeof v);
        release(f, v);
    }
}

int tsr_frame_delete(struct tsr_frame *f, int64_t i, int64_t n)
{
    struct tsr_buf dropped = {0};
    int64_t have = f->facts.nchunks;
    int rc = check_index(f, i, n);
    if (rc < 0 || n == 0) return rc;
    struct frame_rebuild r = {have - n, i, 0, before_delete, &(struct shift){i, n}};
    int64_t last = i + n == have ? f->facts.chunk_bytes : last_bytes(f), gone = 0, size = 0;
    rc = prepare_drop(f);
    for (int64_t j = i; j < i + n && rc == TSR_OK; j++, gone += size) {
        rc = collect(f, j, &dropped);
        if (rc == TSR_OK && f->facts.variable) rc = tsr_frame_chunk_size(f, j, &size);
    }
    if (rc == TSR_OK) rc = tsr_frame_check_gone(f, gone);
    if (rc == TSR_OK && i + n == have) rc = tsr_index_resize(&f->index, i, 0);
    else if (rc == TSR_OK) rc = tsr_index_rebuild(&f->index, &r);
    if (rc == TSR_OK) {
        release_all(f, &dropped);
        f->facts.nbytes -= gone;
        set_count(f, have - n, last);
    }
    tsr_buf_free(&dropped);
    return rc;
}

/* ---- remap ---- */

static int mark_named(const struct tsr_frame *f, int64_t n, int64_t (*from)(void *arg, int64_t j),
                      void *arg, uint8_t *named)
{
    for (int64_t j = 0; j < n; j++) {
        int64_t old = from(arg, j);
        if (old < 0 && !f->facts.variable) continue;
        if (old < 0 || old >= f->facts.nchunks || named[old / 8] >> old % 8 & 1)
            return tsr_fail(TSR_EARG, "the new order names chunk %lld of %lld, or names it twice",
                            (long long)old, (long long)f->facts.nchunks);
        named[old / 8] |= (uint8_t)(1 << old % 8);
    }
    return TSR_OK;
}

static int collect_unnamed(const struct tsr_frame *f, const uint8_t *named, struct tsr_buf *dropped)
{
    for (int64_t i = 0; i < f->facts.nchunks; i++) {
        if (i % PAGE_ENTRIES == 0 && tsr_index_page_mark(&f->index, (size_t)(i / PAGE_ENTRIES))) {
            i += PAGE_ENTRIES - 1;
            continue;
        }
        int rc = named[i / 8] >> i % 8 & 1 ? TSR_OK : collect(f, i, dropped);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

static int check_remap(const struct tsr_frame *f, const struct frame_rebuild *r, int special)
{
    int64_t n = r->n, have = f->facts.nchunks;
    bool stays = n > 0 && n == have && r->from(r->arg, n - 1) == n - 1;
    int rc = tsr_frame_need_writable(f);
    if (rc == TSR_OK) rc = tsr_frame_check_special(f->facts.cparams.item_bytes, special);
    if (rc < 0) return rc;
    bool unknown = f->facts.chunk_bytes == 0 && !f->facts.variable;
    if (n < 0 || (n > 0 && unknown) || (f->facts.variable && n != have) ||
        (last_bytes(f) != f->facts.chunk_bytes && !stays))
        return tsr_fail(TSR_EARG, "remap to %lld chunks of %lld bytes, the last has %lld",
                        (long long)n, (long long)f->facts.chunk_bytes, (long long)last_bytes(f));
    if (n > FRAME_MAX_CHUNKS)
        return tsr_fail(TSR_ELIMIT, "%lld chunks: at most %d", (long long)n, FRAME_MAX_CHUNKS);
    return TSR_OK;
}

int tsr_frame_remap(struct tsr_frame *f, int64_t n, int64_t (*from)(void *arg, int64_t j),
                    void *arg, int special)
{
    struct tsr_buf dropped = {0};
    struct frame_rebuild r = {n, 0, entry_special(special), from, arg};
    int rc = check_remap(f, &r, special);
    int64_t last = n == f->facts.nchunks ? last_bytes(f) : f->facts.chunk_bytes;
    if (rc < 0) return rc;
    uint8_t *named = tsr_alloc_zero((size_t)f->facts.nchunks / 8 + 1, 1);
    rc = named ? mark_named(f, n, from, arg, named) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = prepare_drop(f);
    if (rc == TSR_OK) rc = collect_unnamed(f, named, &dropped);
    if (rc == TSR_OK) rc = tsr_index_rebuild(&f->index, &r);
    if (rc == TSR_OK) {
        release_all(f, &dropped);
        set_count(f, n, last);
    }
    tsr_free(named);
    tsr_buf_free(&dropped);
    return rc;
}

/* ---- sizes ---- */

int tsr_frame_set_last(struct tsr_frame *f, int64_t nbytes)
{
    int rc = tsr_frame_need_writable(f);
    if (rc < 0) return rc;
    if (f->facts.nchunks == 0 || nbytes < 1 || nbytes > f->facts.chunk_bytes)
        return tsr_fail(TSR_EARG, "last chunk of %lld bytes: expected 1 to %lld", (long long)nbytes,
                        (long long)f->facts.chunk_bytes);
    if (nbytes != last_bytes(f)) set_count(f, f->facts.nchunks, nbytes);
    return TSR_OK;
}

int tsr_frame_set_sizes(struct tsr_frame *f, int64_t chunk_bytes, int32_t block_bytes)
{
    int rc = tsr_frame_need_writable(f);
    if (rc < 0) return rc;
    if (f->facts.nchunks || chunk_bytes < 1 || chunk_bytes > TSR_CHUNK_MAX_NBYTES ||
        block_bytes < 0)
        return tsr_fail(TSR_EARG, "chunks of %lld and blocks of %d bytes in a frame of %lld chunks",
                        (long long)chunk_bytes, block_bytes, (long long)f->facts.nchunks);
    f->facts.chunk_bytes = chunk_bytes;
    f->facts.variable = false;
    f->facts.cparams.block_bytes = block_bytes;
    f->dirty = true;
    return TSR_OK;
}

int tsr_frame_set_cparams(struct tsr_frame *f, const struct tsr_cparams *p)
{
    int rc = tsr_frame_need_writable(f);
    if (rc < 0) return rc;
    if (f->facts.nchunks && p->item_bytes != f->facts.cparams.item_bytes)
        return tsr_fail(TSR_EARG, "items of %d bytes: there are %lld chunks of items of %d",
                        p->item_bytes, (long long)f->facts.nchunks, f->facts.cparams.item_bytes);
    f->facts.cparams = *p;
    f->facts.codec_id = p->codec_id;
    tsr_header_cparams(&f->h, p);
    f->dirty = true;
    return TSR_OK;
}
