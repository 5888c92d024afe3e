/* SPDX-License-Identifier: BSD-3-Clause */
/* array/fetch.c - from a chunk's number to the stored bytes of its wanted blocks.
 *
 * locate answers in rounds until the chunk's head is known; then the spans of the wanted blocks
 * are read (fetch_spans.c).  Bytes that a store has in place (memory) are used where they are.
 * Chunks of a store that is far away take these steps together (fetch_many.c). */
#include "array/fetch.h"

#include "array/cache.h"
#include "base/mem.h"

void tsr_job_free(struct chunk_job *j)
{
    tsr_free(j->refs);
    tsr_free(j->buf);
    tsr_free(j->ref);
    tsr_free(j->key);
}

void tsr_job_release_blocks(const struct tsr_array *a, struct chunk_job *j)
{
    for (size_t i = 0; j->cached && i < j->nrefs; i++) {
        if (j->refs[i].cell) tsr_cache_release(a->context->cache, j->refs[i].cell, 0);
        j->refs[i].cell = NULL;
    }
}

void tsr_job_release_place(const struct tsr_array *a, struct chunk_job *j, bool stale)
{
    if (j->place.held) a->d->format->release(a->d, &j->place, stale);
    j->place = (struct tsr_place){.chunk = j->place.chunk};
}

void tsr_job_let_go(const struct tsr_array *a, struct chunk_job *j)
{
    tsr_job_release_blocks(a, j);
    if (j->place.held) tsr_job_release_place(a, j, false);
}

void tsr_job_begin(const struct tsr_array *a, struct chunk_job *j, int64_t chunk)
{
    tsr_job_let_go(a, j);
    j->nrefs = 0;
    j->late = false;
    j->place = (struct tsr_place){.chunk = chunk};
}

int tsr_job_key(const struct tsr_array *a, struct chunk_job *j)
{
    if (j->place.key) return TSR_OK;
    size_t need = a->d->key_bytes > TSR_PLACE_KEY ? a->d->key_bytes : TSR_PLACE_KEY;
    if (need > j->key_cap) {
        tsr_free(j->key);
        j->key_cap = 0;
        if (!(j->key = tsr_alloc(need))) return TSR_ENOMEM;
        j->key_cap = need;
    }
    j->key[0] = 0;
    j->place.key = j->key;
    return TSR_OK;
}

int tsr_job_room(struct chunk_job *j, size_t len)
{
    if (len <= j->buf_cap) return TSR_OK;
    size_t cap = tsr_minz(len, SIZE_MAX / 2) + len / 4;
    uint8_t *p = tsr_realloc(j->buf, cap, 1);
    if (!p) return TSR_ENOMEM;
    j->buf = p;
    j->buf_cap = cap;
    return TSR_OK;
}

/* Is the beginning of the chunk kept?  Then it is in j's buffer. */
bool tsr_job_find_head(const struct tsr_array *a, struct chunk_job *j)
{
    struct tsr_block_id id = tsr_cache_id(a->d, j->place.chunk, 0, TSR_BLOCK_HEAD, 0);
    struct tsr_cell *cell = tsr_cache_find(a->context->cache, &id, 0);
    if (!cell) return false;
    bool enough = cell->valid >= j->place.need_len;
    if (enough) memcpy(j->buf, cell->p, j->place.need_len);
    tsr_cache_release(a->context->cache, cell, 0);
    return enough;
}

void tsr_job_keep_head(const struct tsr_array *a, const struct chunk_job *j)
{
    struct tsr_block_id id = tsr_cache_id(a->d, j->place.chunk, 0, TSR_BLOCK_HEAD, 0);
    size_t len = j->place.need_len;
    bool more;
    struct tsr_cell *cell = tsr_cache_make(a->context->cache, &id, len, &more);
    if (!cell) return;
    memcpy(cell->p, j->buf, len);
    tsr_cache_filled(a->context->cache, cell, len);
    tsr_cache_release(a->context->cache, cell, 0);
}

struct tsr_range tsr_job_head_range(const struct chunk_job *j)
{
    const struct tsr_place *p = &j->place;
    return (struct tsr_range){.key = p->key,
                              .off = p->need_off,
                              .len = p->need_len,
                              .dst = j->buf + p->head_len,
                              .stamp = p->stamp};
}

struct tsr_get tsr_job_head_get(const struct chunk_job *j)
{
    const struct tsr_place *p = &j->place;
    return (struct tsr_get){.key = p->key,
                            .off = p->need_off,
                            .len = p->need_len,
                            .dst = j->buf + p->head_len};
}

void tsr_job_got(struct chunk_job *j, const struct tsr_get *g)
{
    struct tsr_place *p = &j->place;
    p->found = g->found;
    p->size = g->size;
    p->stamp = g->stamp;
    p->head_len += g->got;
    p->head = j->buf;
}

/* What locate asked for, behind what is there. */
static int read_head(const struct tsr_array *a, struct chunk_job *j)
{
    struct tsr_range r = tsr_job_head_range(j);
    bool keep = tsr_job_head_stays(j), kept = keep && tsr_job_find_head(a, j);
    int rc = kept ? TSR_OK : tsr_store_readv(a->d->store, &r, 1);
    if (rc == TSR_OK && keep && !kept) tsr_job_keep_head(a, j);
    if (rc < 0) return rc;
    j->place.head_len += j->place.need_len;
    j->place.head = j->buf;
    return rc;
}

/* Of an object that may be there. */
static int get_head(const struct tsr_array *a, struct chunk_job *j)
{
    struct tsr_get g = tsr_job_head_get(j);
    int rc = tsr_store_getv(a->d->store, &g, 1);
    if (rc == TSR_OK) tsr_job_got(j, &g);
    return rc;
}

int tsr_job_endless(const struct chunk_job *j)
{
    return tsr_fail(TSR_ECORRUPT, "chunk %lld: its head asks for ever more bytes",
                    (long long)j->place.chunk);
}

int tsr_job_settle(const struct tsr_array *a, struct chunk_job *j)
{
    struct tsr_place *p = &j->place;
    int rc = tsr_job_key(a, j);
    if (rc < 0) return rc;
    for (int round = 0; round < TSR_FETCH_ROUNDS; round++) {
        rc = a->d->format->locate(a->d, p, 1);
        if (rc < 0 || p->state != TSR_PLACE_NEED) return rc;
        if ((rc = tsr_job_room(j, p->head_len + p->need_len)) < 0) return rc;
        rc = p->need_get ? get_head(a, j) : read_head(a, j);
        if (rc < 0) return rc;
    }
    return tsr_job_endless(j);
}

int tsr_job_whole(const struct tsr_array *a, struct chunk_job *j, const uint8_t **bytes)
{
    struct tsr_place *p = &j->place;
    int rc = tsr_job_settle(a, j);
    if (rc < 0 || p->len == 0) return rc;
    if ((*bytes = tsr_store_view(a->d->store, p->key, p->off, p->len))) return TSR_OK;
    if ((rc = tsr_job_room(j, (size_t)p->len)) < 0) return rc;
    *bytes = p->head = j->buf; /* the buffer may have moved */
    size_t have = tsr_minz(p->head_len, (size_t)p->len);
    return tsr_store_read(a->d->store, p->key, p->off + have, j->buf + have, (size_t)p->len - have);
}

static int fetch_once(const struct tsr_array *a, const struct tsr_selection *sel,
                      struct chunk_job *j, struct tsr_worker *w)
{
    enum { RUNS_AT_ONCE = 32 };
    struct tsr_range few[RUNS_AT_ONCE];
    struct tsr_reads reads = {.store = a->d->store, .v = few, .cap = RUNS_AT_ONCE};
    int rc = tsr_job_look(a, sel, j);
    if (rc < 0 || j->place.state == TSR_PLACE_STORED) return rc;
    if ((rc = tsr_job_settle(a, j)) < 0) return rc;
    if ((rc = tsr_job_want(a, sel, j)) < 0) return rc;
    if (j->nrefs == 0) return rc;
    rc = tsr_job_plan(a, j, w, &reads);
    if (rc == TSR_OK) rc = tsr_reads_run(&reads);
    return rc < 0 || !j->place.serial ? rc : tsr_job_decode_first(a, j, w);
}

/* An object that another replaces between two reads of it is looked at anew, a few times. */
int tsr_job_fetch(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j,
                  struct tsr_worker *w)
{
    int rc = fetch_once(a, sel, j, w);
    for (int i = 1; i < TSR_FETCH_TRIES && rc == TSR_ECONFLICT && j->place.stamp; i++) {
        tsr_job_release_place(a, j, true);
        rc = fetch_once(a, sel, j, w);
    }
    return rc;
}
