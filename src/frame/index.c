/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/index.c - the index of chunks, in pages of 2048 entries.
 *
 * An index of millions of entries must cost nothing to open, so a page is NULL until someone
 * asks for an entry of it; then the one block of the stored index that holds it is read and
 * decoded.  A page whose entries are all the same special value points to a mark, one number
 * per kind, so arrays of zeros have no pages at all.  Threads that load the same page both
 * decode it, one of them wins the exchange.
 *
 * Every writer known stores blocks of 16384 bytes, which are our pages.  An index in another
 * shape (larger blocks, a filter that needs block 0) is decoded whole on first use. */
#include "frame/priv.h"

/* What a page of one special value points to; nobody writes through the pointer. */
static const int64_t marks[5] = {
    [TSR_SPECIAL_ZEROS] = (int64_t)(UINT64_C(0x81) << 56),
    [TSR_SPECIAL_NAN] = (int64_t)(UINT64_C(0x82) << 56),
    [TSR_SPECIAL_UNINIT] = (int64_t)(UINT64_C(0x84) << 56),
};

static int64_t *mark_of(int64_t v)
{
    int kind = v < 0 ? entry_kind(v) : 0;
    return kind && kind < 5 && marks[kind] == v ? (int64_t *)&marks[kind] : NULL;
}

static bool is_mark(const int64_t *v)
{
    return v == &marks[TSR_SPECIAL_ZEROS] || v == &marks[TSR_SPECIAL_NAN] ||
           v == &marks[TSR_SPECIAL_UNINIT];
}

static void page_free(int64_t *v)
{
    if (!is_mark(v)) tsr_free(v);
}

static size_t pages_for(int64_t n)
{
    return (size_t)tsr_ceil_div(n, PAGE_ENTRIES);
}

static size_t page_bytes(const struct frame_index *ix, size_t page)
{
    return (size_t)tsr_min64(PAGE_ENTRIES, ix->n - (int64_t)page * PAGE_ENTRIES) * 8;
}

/* Decoded bytes [lo, lo + len) of the stored index, in place: to host order, with positions
 * that cannot be told from flagged ones made unacceptable. */
static void to_host(int64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = (int64_t)tsr_load_LE64(&v[i]);
        if (v[i] >= ENTRY_FRESH) v[i] = ENTRY_BAD;
    }
}

/* A mark instead of the page when all of it is one special value; then v is freed. */
static int64_t *reduced(int64_t *v, size_t n)
{
    int64_t *mark = mark_of(v[0]);
    for (size_t i = 1; mark && i < n; i++)
        if (v[i] != v[0]) mark = NULL;
    if (!mark) return v;
    tsr_free(v);
    return mark;
}

/* ---- the stored index ---- */

static struct frame_bytes *bytes_new(size_t len)
{
    struct frame_bytes *b = tsr_alloc_zero(1, sizeof *b);
    if (!b) return NULL;
    b->len = len;
    b->p = tsr_alloc(len);
    if (b->p) return b;
    tsr_free(b);
    return NULL;
}

void tsr_bytes_free(struct frame_bytes *b)
{
    if (b) tsr_free(b->p);
    tsr_free(b);
}

/* Sets the head for good; another thread may have been faster. */
static const struct frame_bytes *keep_head(struct frame_index *ix, struct frame_bytes *b)
{
    struct frame_bytes *none = NULL;
    if (atomic_compare_exchange_strong(&ix->head, &none, b)) return b;
    tsr_bytes_free(b);
    return none;
}

int tsr_index_bytes(const struct frame_index *ix, bool whole, const struct frame_bytes **out)
{
    struct frame_index *mut = (struct frame_index *)ix; /* head is a cache, set atomically */
    size_t need = (size_t)ix->chunk.cbytes;
    *out = atomic_load_explicit(&mut->head, memory_order_acquire);
    if (*out && (!whole || (*out)->len >= need)) return TSR_OK;
    /* small indexes are read at once: one request instead of two */
    if (!whole && need > 256 * 1024) need = tsr_chunk_head_len(&ix->chunk);
    struct frame_bytes *b = bytes_new(need);
    if (!b) return TSR_ENOMEM;
    int rc = tsr_store_read(ix->st, ix->key, ix->off, b->p, need);
    if (rc < 0) {
        tsr_bytes_free(b);
        return rc;
    }
    /* only a writer asks for the whole, and a writer is alone: it may replace the head */
    if (whole) tsr_bytes_free(atomic_exchange(&mut->head, NULL));
    *out = keep_head(mut, b);
    return TSR_OK;
}

/* True when a page is one block, or can be cut out of the bytes at no cost. */
static bool page_is_block(const struct tsr_chunk *c)
{
    if (c->special || c->memcpyed) return true;
    return !c->serial && !c->vlblocks &&
           (c->block_bytes == PAGE_BYTES || (c->nblocks == 1 && c->block_bytes <= PAGE_BYTES));
}

static int read_part(const struct frame_index *ix, const struct frame_bytes *b, uint64_t off,
                     size_t len, uint8_t *own, const uint8_t **src)
{
    if (off + len <= b->len) {
        *src = b->p + off;
        return TSR_OK;
    }
    *src = own;
    return tsr_store_read(ix->st, ix->key, ix->off + off, own, len);
}

static int decode_block(const struct frame_index *ix, const struct frame_bytes *b, int32_t block,
                        uint8_t *dst)
{
    const struct tsr_chunk *c = &ix->chunk;
    const uint8_t *src;
    int32_t off, len;
    bool here = b->len >= (size_t)c->cbytes;
    int rc = tsr_chunk_block_span(c, b->p, block, false, &off, &len);
    if (rc < 0) return rc;
    /* no block takes more than stored streams would (3.3) */
    len = (int32_t)tsr_min64(len, (int64_t)c->block_bytes + 4 * (int64_t)c->typesize);
    struct tsr_worker *w = tsr_pool_borrow(ix->pool);
    if (!w) return TSR_ENOMEM;
    uint8_t *own = here ? NULL : tsr_worker_scratch(w, TSR_SCRATCH_FETCH, (size_t)len);
    rc = here || own ? read_part(ix, b, (uint64_t)off, (size_t)len, own, &src) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_chunk_decode_block(c, w, block, src, (size_t)len, dst);
    tsr_pool_return(ix->pool, w);
    return rc;
}

static int fetch_page(const struct frame_index *ix, size_t page, uint8_t *dst)
{
    const struct tsr_chunk *c = &ix->chunk;
    const struct frame_bytes *b;
    const uint8_t *src;
    int64_t lo = (int64_t)page * PAGE_BYTES;
    size_t len = page_bytes(ix, page);
    int rc = tsr_index_bytes(ix, false, &b);
    if (rc < 0) return rc;
    if (c->special) {
        tsr_special_fill(c->special, c->typesize, b->p + c->head_bytes, c->value_bytes, lo, len,
                         dst);
        return TSR_OK;
    }
    if (!c->memcpyed) return decode_block(ix, b, (int32_t)page, dst);
    rc = read_part(ix, b, (uint64_t)(c->head_bytes + lo), len, dst, &src);
    if (rc == TSR_OK && src != dst) memcpy(dst, src, len);
    return rc;
}

/* Makes v the page unless another thread was faster. */
static int64_t *publish(const struct frame_index *ix, size_t page, int64_t *v)
{
    int64_t *none = NULL;
    v = reduced(v, page_bytes(ix, page) / 8);
    if (atomic_compare_exchange_strong(&ix->pages[page].v, &none, v)) return v;
    page_free(v);
    return none;
}

static int load_block_page(const struct frame_index *ix, size_t page, int64_t **out)
{
    int64_t *v = tsr_alloc_zero(PAGE_ENTRIES, 8);
    int rc = v ? fetch_page(ix, page, (uint8_t *)v) : TSR_ENOMEM;
    if (rc < 0) {
        tsr_free(v);
        return rc;
    }
    to_host(v, page_bytes(ix, page) / 8);
    *out = publish(ix, page, v);
    return TSR_OK;
}

static int publish_all(const struct frame_index *ix, const uint8_t *raw)
{
    for (size_t page = 0; page < pages_for(ix->n); page++) {
        if (atomic_load_explicit(&ix->pages[page].v, memory_order_acquire)) continue;
        int64_t *v = tsr_alloc_zero(PAGE_ENTRIES, 8);
        if (!v) return TSR_ENOMEM;
        memcpy(v, raw + page * PAGE_BYTES, page_bytes(ix, page));
        to_host(v, page_bytes(ix, page) / 8);
        publish(ix, page, v);
    }
    return TSR_OK;
}

/* An index in a shape of its own.  64 MiB or a thousandfold of what is stored: some 8 million
 * chunks in one run of bytes are the most that a small file can make us allocate. */
static int load_whole(const struct frame_index *ix)
{
    size_t nbytes = (size_t)ix->chunk.nbytes, cbytes = (size_t)ix->chunk.cbytes;
    if (nbytes > (size_t)64 << 20 && nbytes / 1024 > cbytes)
        return tsr_fail(TSR_ELIMIT, "%zu bytes that decode to %zu", cbytes, nbytes);
    struct tsr_worker *w = tsr_pool_borrow(ix->pool);
    if (!w) return TSR_ENOMEM;
    uint8_t *src = tsr_alloc(cbytes), *raw = tsr_alloc(nbytes);
    int rc = src && raw ? tsr_store_read(ix->st, ix->key, ix->off, src, cbytes) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_chunk_decode_range(&ix->chunk, w, src, 0, (int64_t)nbytes, raw);
    if (rc == TSR_OK) rc = publish_all(ix, raw);
    tsr_free(src);
    tsr_free(raw);
    tsr_pool_return(ix->pool, w);
    return rc;
}

static int load(const struct frame_index *ix, size_t page, int64_t **out)
{
    int rc;
    if (page_is_block(&ix->chunk)) {
        rc = load_block_page(ix, page, out);
    } else {
        rc = load_whole(ix);
        if (rc == TSR_OK) *out = atomic_load_explicit(&ix->pages[page].v, memory_order_acquire);
    }
    if (rc < 0) tsr_within("index chunk at byte %llu", (unsigned long long)ix->off);
    return rc;
}

static int page_of(const struct frame_index *ix, size_t page, int64_t **out)
{
    *out = atomic_load_explicit(&ix->pages[page].v, memory_order_acquire);
    return *out ? TSR_OK : load(ix, page, out);
}

/* ---- open and read ---- */

static int parse_chunk(struct frame_index *ix, int64_t n, const uint8_t *p, size_t len)
{
    int rc = tsr_chunk_parse(&ix->chunk, p, len, ix->avail, tsr_limit(TSR_CHUNK_MAX_NBYTES));
    if (rc < 0) return rc;
    if (ix->chunk.nbytes != n * 8)
        return tsr_fail(TSR_ECORRUPT, "nbytes at byte 4: found %d, expected %lld (%lld chunks)",
                        ix->chunk.nbytes, (long long)n * 8, (long long)n);
    return TSR_OK;
}

/* All pages at once when one special value repeats. */
static void mark_all(struct frame_index *ix, const uint8_t *p, size_t len)
{
    const struct tsr_chunk *c = &ix->chunk;
    if (c->special != TSR_SPECIAL_VALUE || c->value_bytes != 8 || len < c->head_bytes + 8u) return;
    int64_t *mark = mark_of((int64_t)tsr_load_LE64(p + c->head_bytes));
    for (size_t i = 0; mark && i < ix->npages; i++) ix->pages[i].v = mark;
}

int tsr_index_open(struct frame_index *ix, uint64_t off, uint64_t avail, int64_t n,
                   const uint8_t *p, size_t len)
{
    ix->off = off;
    ix->avail = avail;
    int rc = parse_chunk(ix, n, p, len);
    if (rc < 0) {
        tsr_within("index chunk at byte %llu", (unsigned long long)off);
        return rc;
    }
    ix->npages = ix->cap = pages_for(n);
    if (!(ix->pages = tsr_alloc_zero(ix->cap, sizeof *ix->pages))) return TSR_ENOMEM;
    ix->n = n;
    ix->has_chunk = true;
    mark_all(ix, p, len);
    if (len < (size_t)ix->chunk.cbytes) return TSR_OK;
    struct frame_bytes *b = bytes_new((size_t)ix->chunk.cbytes);
    if (!b) return TSR_ENOMEM;
    memcpy(b->p, p, b->len);
    ix->head = b;
    return TSR_OK;
}

static void pages_free(struct frame_page *pages, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) page_free(pages[i].v);
}

void tsr_index_done(struct frame_index *ix)
{
    if (ix->pages) pages_free(ix->pages, 0, ix->npages);
    tsr_free(ix->pages);
    tsr_bytes_free(ix->head);
    *ix = (struct frame_index){0};
}

int tsr_index_get(const struct frame_index *ix, int64_t i, int64_t *v)
{
    int64_t *page;
    int rc = page_of(ix, (size_t)(i / PAGE_ENTRIES), &page);
    if (rc < 0) return rc;
    *v = is_mark(page) ? *page : page[i % PAGE_ENTRIES];
    return TSR_OK;
}

static bool reads_zeros(int64_t v)
{
    int kind = v < 0 ? entry_kind(v) : 0;
    return kind == TSR_SPECIAL_ZEROS || kind == TSR_SPECIAL_UNINIT;
}

int tsr_index_zeros(const struct frame_index *ix, int64_t i, int64_t *n)
{
    int64_t at = i, *page;
    bool zeros = true;
    while (at < ix->n && zeros) {
        int rc = page_of(ix, (size_t)(at / PAGE_ENTRIES), &page);
        if (rc < 0) return rc;
        int64_t end = tsr_min64((at / PAGE_ENTRIES + 1) * PAGE_ENTRIES, ix->n);
        if (is_mark(page) && reads_zeros(*page)) at = end;
        else if (is_mark(page)) zeros = false;
        while (zeros && at < end && (zeros = reads_zeros(page[at % PAGE_ENTRIES]))) at++;
    }
    *n = at - i;
    return TSR_OK;
}

int64_t tsr_index_page_mark(const struct frame_index *ix, size_t page)
{
    const int64_t *v = ix->pages[page].v;
    return v && is_mark(v) ? *v : 0;
}

int tsr_index_page(const struct frame_index *ix, size_t page, const int64_t **v, bool *one)
{
    int64_t *p = NULL;
    int rc = page_of(ix, page, &p);
    if (rc < 0) return rc;
    *v = p;
    *one = is_mark(p);
    return TSR_OK;
}

/* ---- changes ---- */

static int64_t *page_new(int64_t v)
{
    int64_t *page = tsr_alloc_array(PAGE_ENTRIES, 8);
    for (int i = 0; page && i < PAGE_ENTRIES; i++) page[i] = v;
    return page;
}

int tsr_index_own(struct frame_index *ix, int64_t i)
{
    struct frame_page *page = &ix->pages[i / PAGE_ENTRIES];
    int64_t *v;
    int rc = page_of(ix, (size_t)(i / PAGE_ENTRIES), &v);
    if (rc < 0 || !is_mark(v)) return rc;
    if (!(v = page_new(*v))) return TSR_ENOMEM;
    page->v = v;
    return TSR_OK;
}

void tsr_index_set(struct frame_index *ix, int64_t i, int64_t v)
{
    struct frame_page *page = &ix->pages[i / PAGE_ENTRIES];
    page->v[i % PAGE_ENTRIES] = v;
    page->dirty = true;
}

static int reserve(struct frame_index *ix, size_t npages)
{
    if (npages <= ix->cap) return TSR_OK;
    size_t cap = ix->cap * 2 > npages ? ix->cap * 2 : npages;
    struct frame_page *pages = tsr_realloc(ix->pages, cap, sizeof *pages);
    if (!pages) return TSR_ENOMEM;
    ix->pages = pages;
    ix->cap = cap;
    return TSR_OK;
}

/* The entries that the last page gains as the index grows to n are v. */
static int extend_last(struct frame_index *ix, int64_t n, int64_t v)
{
    int64_t first = ix->n % PAGE_ENTRIES, *page;
    int64_t end = tsr_min64(PAGE_ENTRIES, first + n - ix->n);
    int rc;
    if (first == 0) return TSR_OK;
    if ((rc = page_of(ix, ix->npages - 1, &page)) < 0) return rc;
    if (is_mark(page) && *page == v) return TSR_OK;
    if ((rc = tsr_index_own(ix, ix->n - 1)) < 0) return rc;
    page = ix->pages[ix->npages - 1].v;
    for (int64_t i = first; i < end; i++) page[i] = v;
    return TSR_OK;
}

int tsr_index_resize(struct frame_index *ix, int64_t n, int64_t v)
{
    size_t npages = pages_for(n);
    int64_t *last;
    int rc = reserve(ix, npages);
    if (rc == TSR_OK && n > ix->n) rc = extend_last(ix, n, v);
    /* a page that loses entries is not what is stored any more */
    if (rc == TSR_OK && n < ix->n && n > 0) rc = page_of(ix, npages - 1, &last);
    if (rc < 0) return rc;
    if (n > ix->n && ix->n % PAGE_ENTRIES) ix->pages[ix->npages - 1].dirty = true;
    if (npages < ix->npages) pages_free(ix->pages, npages, ix->npages);
    for (size_t i = ix->npages; i < npages; i++) {
        atomic_init(&ix->pages[i].v, mark_of(v));
        ix->pages[i].dirty = true;
    }
    if (n < ix->n && n > 0) ix->pages[npages - 1].dirty = true;
    ix->npages = npages;
    ix->n = n;
    return TSR_OK;
}

static int rebuild_page(const struct frame_index *ix, const struct frame_rebuild *r, size_t page,
                        int64_t **out)
{
    int64_t first = (int64_t)page * PAGE_ENTRIES, rc = TSR_OK;
    int64_t end = tsr_min64(first + PAGE_ENTRIES, r->n);
    int64_t *v = page_new(r->v);
    if (!v) return TSR_ENOMEM;
    for (int64_t j = first; j < end && rc == TSR_OK; j++) {
        int64_t old = j < r->keep ? j : r->from(r->arg, j);
        if (old >= 0) rc = tsr_index_get(ix, old, &v[j - first]);
    }
    if (rc < 0) tsr_free(v);
    else *out = reduced(v, (size_t)(end - first));
    return (int)rc;
}

int tsr_index_rebuild(struct frame_index *ix, const struct frame_rebuild *r)
{
    size_t npages = pages_for(r->n), first = (size_t)(r->keep / PAGE_ENTRIES), done = first;
    struct frame_page *pages = tsr_alloc_zero(npages, sizeof *pages);
    int rc = pages ? TSR_OK : TSR_ENOMEM;
    for (; rc == TSR_OK && done < npages; done++) {
        int64_t *page;
        if ((rc = rebuild_page(ix, r, done, &page)) < 0) break;
        atomic_init(&pages[done].v, page);
        pages[done].dirty = true;
    }
    if (rc < 0) {
        if (pages) pages_free(pages, first, done);
        tsr_free(pages);
        return rc;
    }
    for (size_t i = 0; i < first && i < npages; i++) pages[i] = ix->pages[i];
    pages_free(ix->pages, first, ix->npages);
    tsr_free(ix->pages);
    ix->pages = pages;
    ix->npages = ix->cap = npages;
    ix->n = r->n;
    return TSR_OK;
}
