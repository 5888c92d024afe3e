/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/sparse.c - the home of frames in a folder (blosc2.md 9).
 *
 *   chunks.b2frame        | header | index | (gap) | trailer |      entries are numbers of files
 *   %08X.chunk            one chunk each
 *
 * New chunks become files under low numbers that nothing uses; then the whole index file takes
 * the place of the old one by a rename, which is the commit; then files that neither state needs
 * are removed.  A durable state may come back until the next durable one, so what it uses is
 * removed after a sync only.
 *
 * c-blosc2 gives new files numbers above all others, leaves empty files where special chunks
 * took over, and takes a number above the header's cbytes - 32 for a broken index: so numbers are
 * low and cbytes is never lower than that.
 *
 * Readers open by name at each read while a writer may rename, so the index file is read whole at
 * open, and again when its header turns out to be another by then (frame.c). */
#include "frame/priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAD_PERIOD = 64, WAIT_LEAST = 1 << 20, NAME_LEN = 14, SLACK = 32 };

#define NUMBER_MAX ((int64_t)UINT32_MAX)

static const uint8_t zeros[2 * PAD_PERIOD];

static void name_of(int64_t v, char key[TSR_FRAME_KEY])
{
    snprintf(key, TSR_FRAME_KEY, "%08" PRIX32 ".chunk", (uint32_t)entry_pos(v));
}

/* The number in a file name, -1 when it is no chunk's. */
static int64_t number_of(const char *key)
{
    int64_t v = 0;
    if (strlen(key) != NAME_LEN || strcmp(key + 8, ".chunk") != 0) return -1;
    for (int i = 0; i < 8; i++) {
        static const char digits[] = "0123456789ABCDEF";
        const char *d = strchr(digits, key[i]);
        if (!d) return -1;
        v = v << 4 | (d - digits);
    }
    return v;
}

/* ---- lists of numbers ---- */

static size_t count(const struct tsr_buf *list)
{
    return list->len / sizeof(uint32_t);
}

static uint32_t at(const struct tsr_buf *list, size_t i)
{
    uint32_t v;
    memcpy(&v, list->p + i * sizeof v, sizeof v);
    return v;
}

static int add(struct tsr_buf *list, int64_t v)
{
    uint32_t number = (uint32_t)v;
    return tsr_buf_add(list, &number, sizeof number);
}

/* Takes v off the list, which is short or has it near its end. */
static void drop(struct tsr_buf *list, int64_t v)
{
    for (size_t i = count(list); i-- > 0;) {
        if (at(list, i) != (uint32_t)v) continue;
        uint32_t last = at(list, count(list) - 1);
        memcpy(list->p + i * sizeof last, &last, sizeof last);
        list->len -= sizeof last;
        return;
    }
}

static int by_number(const void *x, const void *y)
{
    uint32_t a, b;
    memcpy(&a, x, sizeof a);
    memcpy(&b, y, sizeof b);
    return (a > b) - (a < b);
}

static void sort(struct tsr_buf *list)
{
    if (list->len) qsort(list->p, count(list), sizeof(uint32_t), by_number);
}

/* ---- reading ---- */

static uint64_t index_off(const struct frame_header *h)
{
    return (uint64_t)h->header_len;
}

static uint64_t stored_bytes(const struct frame_header *h)
{
    return h->frame_len + (h->nbytes > 0 ? (uint64_t)h->cbytes : 0);
}

static void files_done(struct frame_files *s)
{
    tsr_buf_free(&s->taken);
    tsr_buf_free(&s->spare);
    tsr_buf_free(&s->fresh);
    tsr_buf_free(&s->unsynced);
    tsr_buf_free(&s->pending);
    *s = (struct frame_files){0};
}

static void sparse_opened(struct tsr_frame *f)
{
    files_done(&f->files);
    f->files.bytes = f->h.nbytes > 0 ? (uint64_t)f->h.cbytes : 0;
}

static int sparse_check(const struct tsr_frame *f, int64_t i, int64_t v)
{
    (void)f;
    if (entry_pos(v) <= NUMBER_MAX) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "frame: entry %lld of the index: found file number %lld%s, expected at most "
                    "%lld",
                    (long long)i, (long long)entry_pos(v), v == ENTRY_BAD ? " or more" : "",
                    (long long)NUMBER_MAX);
}

static int sparse_locate(const struct tsr_frame *f, int64_t v, struct tsr_frame_place *out)
{
    name_of(v, out->key);
    int rc = tsr_store_stat(f->st, out->key, &out->avail);
    if (rc == TSR_ENOTFOUND || rc == TSR_EARG)
        return tsr_fail(TSR_ECORRUPT, "file %s, which the index names, is not there", out->key);
    if (rc < 0 || out->avail >= 16) return rc;
    return tsr_fail(TSR_ECORRUPT, "file %s: found %llu bytes, expected a chunk", out->key,
                    (unsigned long long)out->avail);
}

/* ---- which numbers are taken ---- */

static int take_index(struct tsr_frame *f, struct tsr_buf *taken)
{
    struct frame_index *ix = &f->index;
    int rc = TSR_OK;
    for (size_t page = 0; page < ix->npages && rc == TSR_OK; page++) {
        const int64_t *v;
        bool one;
        int64_t n = tsr_min64(PAGE_ENTRIES, ix->n - (int64_t)page * PAGE_ENTRIES);
        rc = tsr_index_page(ix, page, &v, &one);
        for (int64_t i = 0; !one && i < n && rc == TSR_OK; i++)
            if (v[i] >= 0 && entry_pos(v[i]) <= NUMBER_MAX) rc = add(taken, entry_pos(v[i]));
    }
    return rc;
}

/* Files that the index does not name: what was left behind, by a writer that died, or empty. */
struct strays {
    struct frame_files *s;
    size_t named; /* of s->taken: those of the index, sorted */
};

static int see_file(void *user, const char *key)
{
    const struct strays *w = user;
    int64_t v = number_of(key);
    uint32_t number = (uint32_t)v;
    if (v < 0 || (w->named && bsearch(&number, w->s->taken.p, w->named, sizeof number, by_number)))
        return TSR_OK;
    int rc = add(&w->s->pending, v);
    return rc == TSR_OK ? add(&w->s->taken, v) : rc;
}

static int scan(struct tsr_frame *f)
{
    struct frame_files *s = &f->files;
    if (s->scanned) return TSR_OK;
    s->taken.len = s->pending.len = 0;
    int rc = take_index(f, &s->taken);
    sort(&s->taken);
    for (size_t i = 1; i < count(&s->taken) && !s->shared; i++)
        s->shared = at(&s->taken, i) == at(&s->taken, i - 1);
    struct strays w = {s, count(&s->taken)};
    if (w.named) s->most = at(&s->taken, w.named - 1);
    if (rc == TSR_OK && !f->created) rc = tsr_store_list(f->st, "", see_file, &w);
    if (rc == TSR_OK && !f->created) tsr_store_sweep(f->st);
    sort(&s->taken);
    s->scanned = rc == TSR_OK;
    return rc;
}

/* A number that no file has: one given back, or the next that is not taken. */
static int64_t give_number(struct frame_files *s)
{
    if (s->spare.len) {
        uint32_t v = at(&s->spare, count(&s->spare) - 1);
        s->spare.len -= sizeof v;
        return v;
    }
    while (s->cursor < count(&s->taken) && at(&s->taken, s->cursor) <= s->next) {
        if (at(&s->taken, s->cursor) == s->next) s->next++;
        s->cursor++;
    }
    return s->next++;
}

/* ---- chunks ---- */

static int put_one(struct tsr_frame *f, const struct frame_put *p, size_t k)
{
    struct frame_files *s = &f->files;
    char key[TSR_FRAME_KEY];
    /* first, so that nothing can fail once the file is there */
    int rc = tsr_buf_reserve(&s->fresh, sizeof(uint32_t));
    if (rc == TSR_OK) rc = tsr_buf_reserve(&s->spare, sizeof(uint32_t));
    if (rc < 0) return rc;
    int64_t v = give_number(s);
    if (v > NUMBER_MAX) return tsr_fail(TSR_ELIMIT, "more than 2^32 chunk files");
    name_of(v, key);
    rc = tsr_store_put(f->st, key, p->pieces + p->first[k], p->first[k + 1] - p->first[k], false);
    add(rc == TSR_OK ? &s->fresh : &s->spare, v);
    p->at[k].off = (uint64_t)v;
    if (rc == TSR_OK) s->bytes += p->at[k].len;
    if (rc == TSR_OK && v > s->most) s->most = v;
    return rc;
}

/* Takes away a file that no state refers to. */
static void discard(struct tsr_frame *f, int64_t v, uint64_t len)
{
    struct frame_files *s = &f->files;
    char key[TSR_FRAME_KEY], text[TSR_ERROR_MAX];
    tsr_error_save(text);
    name_of(v, key);
    tsr_store_remove(f->st, key); /* one that stays does no harm: the next to have it replaces it */
    add(&s->spare, v);            /* without memory its number is lost */
    s->bytes -= len < s->bytes ? len : s->bytes;
    tsr_error_restore(text);
}

static int sparse_put(struct tsr_frame *f, const struct frame_put *p)
{
    int rc = scan(f);
    size_t k = 0;
    for (; k < p->n && rc == TSR_OK; k++) rc = put_one(f, p, k);
    if (rc == TSR_OK) return TSR_OK;
    for (; k-- > 1;) { /* the last one failed */
        drop(&f->files.fresh, (int64_t)p->at[k - 1].off);
        discard(f, (int64_t)p->at[k - 1].off, p->at[k - 1].len);
    }
    return rc;
}

/* The scan is from before the entry was dropped: from after, the file would be a stray, and be
 * given back twice.  A file that another entry names too is nobody's to remove. */
static void sparse_release(struct tsr_frame *f, int64_t v)
{
    struct frame_files *s = &f->files;
    char key[TSR_FRAME_KEY];
    uint64_t len = 0;
    int64_t number = entry_pos(v);
    bool fresh = v & ENTRY_FRESH;
    if (number > NUMBER_MAX || !s->scanned || (s->shared && !fresh)) return;
    name_of(v, key);
    if (tsr_store_stat(f->st, key, &len) < 0) return;
    if (fresh) drop(&s->fresh, number);
    if (fresh && !f->doubt) {
        discard(f, number, len);
        return;
    }
    s->bytes -= len < s->bytes ? len : s->bytes;
    s->waiting += len;
    add(&s->pending, number); /* without memory the file stays until the next scan */
}

/* ---- commit ---- */

/* The flushed state is the only one that can be seen again: what else is there goes. */
static void settle(struct tsr_frame *f)
{
    struct frame_files *s = &f->files;
    for (size_t i = 0; i < count(&s->pending); i++) discard(f, at(&s->pending, i), 0);
    s->pending.len = 0;
    s->waiting = 0;
}

static int sync_list(struct tsr_frame *f, struct tsr_buf *list)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < count(list) && rc == TSR_OK; i++) {
        char key[TSR_FRAME_KEY];
        name_of(at(list, i), key);
        rc = tsr_store_sync(f->st, key, false);
        if (rc == TSR_ENOTFOUND) rc = TSR_OK; /* replaced and removed since */
    }
    return rc;
}

/* Once per handle: nobody knows whether those before it synced what they wrote. */
static int sync_older(struct tsr_frame *f)
{
    struct tsr_buf all = {0};
    int rc = take_index(f, &all);
    if (rc == TSR_OK) rc = sync_list(f, &all);
    tsr_buf_free(&all);
    f->files.older_synced = rc == TSR_OK;
    return rc;
}

/* The chunk files and their names survive the machine. */
static int sync_chunks(struct tsr_frame *f)
{
    struct frame_files *s = &f->files;
    bool older = !s->older_synced && !f->created;
    bool some = s->unsynced.len || s->fresh.len || older;
    int rc = older ? sync_older(f) : TSR_OK;
    if (rc == TSR_OK) rc = sync_list(f, &s->unsynced);
    if (rc == TSR_OK) rc = sync_list(f, &s->fresh);
    return rc == TSR_OK && some ? tsr_store_sync(f->st, "", false) : rc;
}

static int sync_all(struct tsr_frame *f, bool name)
{
    int rc = sync_chunks(f);
    if (rc == TSR_OK) rc = tsr_store_sync(f->st, f->home->key, name);
    if (rc == TSR_OK && !name) rc = tsr_store_sync(f->st, "", false);
    if (rc == TSR_OK) f->files.unsynced.len = 0;
    return rc;
}

/* As in contiguous.c: when much waits for a sync, a sync is cheaper than the space. */
static bool may_settle(struct tsr_frame *f)
{
    uint64_t half = f->files.bytes / 2, enough = half > WAIT_LEAST ? half : WAIT_LEAST;
    bool synced = f->files.waiting > enough && sync_all(f, false) == TSR_OK;
    f->synced = synced && f->named;
    return synced;
}

static void place(struct tsr_frame *f, struct frame_commit *c)
{
    const struct frame_files *s = &f->files;
    uint64_t old = f->h.frame_len, least = (uint64_t)s->most + SLACK;
    size_t index = c->index.bytes ? c->index.bytes->len : 0;
    c->pad = f->created || !index ? 0 : f->commits % PAD_PERIOD;
    for (;; c->pad++) {
        c->len = index + c->seal_len + c->pad + c->trailer.len;
        if (!index || (uint64_t)f->h.header_len + c->len != old) break;
    }
    f->h.frame_len = (uint64_t)f->h.header_len + c->len;
    f->h.cbytes = (int64_t)(!s->bytes || s->bytes > least ? s->bytes : least);
}

static int write_index(struct tsr_frame *f, const struct frame_commit *c)
{
    struct tsr_piece p[] = {{f->head, (size_t)f->h.header_len},
                            {c->index.bytes ? c->index.bytes->p : NULL,
                             c->index.bytes ? c->index.bytes->len : 0},
                            {c->seal.p, c->seal.len},
                            {(void *)(uintptr_t)zeros, c->pad},
                            {c->trailer.p, c->trailer.len}};
    int rc = c->durable ? sync_chunks(f) : TSR_OK;
    if (rc < 0) return rc;
    if ((rc = tsr_store_put(f->st, f->home->key, p, 5, c->durable)) < 0) return rc;
    if (f->created) return tsr_store_publish(f->st, c->durable);
    if (!c->durable) return TSR_OK;
    rc = tsr_store_sync(f->st, "", false);
    if (rc < 0) f->doubt = true; /* the new state is there, and may be gone tomorrow */
    return rc;
}

static int sparse_commit(struct tsr_frame *f, struct frame_commit *c)
{
    struct frame_files *s = &f->files;
    int rc = tsr_buf_reserve(&s->unsynced, s->fresh.len);
    if (rc < 0) return rc;
    place(f, c);
    tsr_commit_header(f);
    if ((rc = tsr_seal_emit(f, c)) < 0 || (rc = write_index(f, c)) < 0) return rc;
    tsr_commit_done(f, c, index_off(&f->h));
    if (c->durable) s->unsynced.len = 0;
    else if (s->fresh.len) tsr_buf_add(&s->unsynced, s->fresh.p, s->fresh.len);
    s->fresh.len = 0;
    f->synced = c->durable && f->named;
    if (f->synced || !f->durable || may_settle(f)) settle(f);
    f->durable |= f->synced;
    return TSR_OK;
}

static int sparse_sync(struct tsr_frame *f)
{
    int rc = sync_all(f, true);
    if (rc < 0) return rc;
    f->synced = f->durable = f->named = true;
    settle(f);
    return TSR_OK;
}

/* What was never flushed goes; what the flushed state replaced goes after a sync. */
static void sparse_close(struct tsr_frame *f)
{
    struct frame_files *s = &f->files;
    if (f->st && !f->created && f->facts.writable) {
        for (size_t i = 0; !f->doubt && i < count(&s->fresh); i++) discard(f, at(&s->fresh, i), 0);
        if (s->pending.len && f->commits && !f->dirty && sync_all(f, false) == TSR_OK) settle(f);
    }
    files_done(s);
}

const struct frame_home tsr_frame_sparse = {
    .key = "chunks.b2frame",
    .name = "sparse",
    .frame_type = 1,
    .index_off = index_off,
    .stored_bytes = stored_bytes,
    .opened = sparse_opened,
    .check = sparse_check,
    .locate = sparse_locate,
    .put = sparse_put,
    .prepare = scan,
    .release = sparse_release,
    .commit = sparse_commit,
    .sync = sparse_sync,
    .close = sparse_close,
};
