/* SPDX-License-Identifier: BSD-3-Clause */
/* array/fetch_many.c - all chunks of a window from a store that is far away, in few round trips.
 *
 *   round 1, 2, ..   locate all chunks; one read of all the heads that it asks for
 *   the last one     one read of all spans of all chunks; the store merges those that are near
 *
 * A whole array is thus read in little more than one trip for each window, since what is near its
 * beginning is read with the head of a Blosc2 chunk: all of one of which most is wanted, and of
 * one that is no larger than what another request costs. */
#include "array/cache.h"
#include "array/fetch.h"
#include "base/mem.h"

enum { SMALL_CHUNK = 16 << 10 };

struct many {
    const struct tsr_array *a;
    struct chunk_job *jobs;
    size_t n;
    struct tsr_place *places; /* [n], of those that are not settled */
    uint32_t *job;            /* [n], whose they are */
    bool *found;              /* [n]: the head was kept */
    size_t nplaces;
    int64_t usual; /* stored bytes of a chunk; 0: not known */
    struct tsr_reads reads;
    struct tsr_get *gets; /* [ngets], of objects that may be there */
    size_t ngets, gets_cap;
};

static int many_init(struct many *m, const struct tsr_array *a, struct chunk_job *j, size_t n)
{
    const struct tsr_driver *d = a->d;
    int64_t chunks = tsr_driver_nchunks(d);
    *m = (struct many){.a = a,
                       .jobs = j,
                       .n = n,
                       .places = tsr_alloc_array(n, sizeof *m->places),
                       .job = tsr_alloc_array(n, sizeof *m->job),
                       .found = tsr_alloc_array(n, sizeof *m->found),
                       .reads = {.store = d->store, .gather = true}};
    if (d->cparams && chunks) m->usual = d->format->cbytes(d) / chunks;
    return m->places && m->job && m->found ? TSR_OK : TSR_ENOMEM;
}

static void many_done(struct many *m)
{
    tsr_free(m->places);
    tsr_free(m->job);
    tsr_free(m->found);
    tsr_free(m->reads.v);
    tsr_free(m->gets);
}

/* One round further with all that are not settled; the places that need bytes stay in m. */
static int locate_all(struct many *m)
{
    const struct tsr_driver *d = m->a->d;
    size_t k = 0, left = 0;
    for (size_t i = 0; i < m->n; i++) {
        enum tsr_place_state state = m->jobs[i].place.state;
        if (state != TSR_PLACE_ASK && state != TSR_PLACE_NEED) continue;
        m->places[k] = m->jobs[i].place;
        m->job[k++] = (uint32_t)i;
    }
    int rc = k ? d->format->locate(d, m->places, k) : TSR_OK;
    for (size_t i = 0; i < k; i++) { /* also after a failure: some may hold something */
        m->jobs[m->job[i]].place = m->places[i];
        if (m->places[i].state == TSR_PLACE_NEED) m->job[left++] = m->job[i];
    }
    m->nplaces = left;
    return rc;
}

/* How much to read of a Blosc2 chunk of which so far nothing was: where its blocks end is not known
 * yet, and those that are read with the head need no request of their own. */
static size_t head_len(const struct many *m, const struct chunk_job *j)
{
    const struct tsr_place *p = &j->place;
    int64_t chunk = m->a->d->grid.chunk_bytes;
    bool most = j->decoded >= chunk - chunk / 4, small = m->usual <= SMALL_CHUNK;
    size_t len = (size_t)(m->usual + m->usual / 4);
    if (!m->usual || p->head_len || p->need_off != p->off || !(most || small)) return p->need_len;
    if (len > p->len) len = (size_t)p->len;
    return len > p->need_len ? len : p->need_len;
}

static int add_get(struct many *m, struct chunk_job *j)
{
    if (m->ngets == m->gets_cap) {
        size_t cap = m->gets_cap ? m->gets_cap * 2 : 64;
        struct tsr_get *p = tsr_realloc(m->gets, cap, sizeof *p);
        if (!p) return TSR_ENOMEM;
        m->gets = p;
        m->gets_cap = cap;
    }
    m->gets[m->ngets++] = tsr_job_head_get(j);
    return TSR_OK;
}

/* What locate asked for, behind what is there. */
static int add_head(struct many *m, size_t i)
{
    struct chunk_job *j = &m->jobs[m->job[i]];
    struct tsr_place *p = &j->place;
    int rc = tsr_job_room(j, p->head_len + p->need_len);
    m->found[i] = false;
    if (rc < 0) return rc;
    if (p->need_get) return add_get(m, j);
    m->found[i] = tsr_job_head_stays(j) && tsr_job_find_head(m->a, j);
    if (m->found[i]) return rc;
    p->need_len = head_len(m, j);
    if ((rc = tsr_job_room(j, p->head_len + p->need_len)) < 0) return rc;
    struct tsr_range r = tsr_job_head_range(j);
    return tsr_reads_add(&m->reads, &r);
}

static void take_heads(struct many *m)
{
    const struct tsr_get *get = m->gets;
    for (size_t i = 0; i < m->nplaces; i++) {
        struct chunk_job *j = &m->jobs[m->job[i]];
        if (j->place.need_get) {
            tsr_job_got(j, get++);
            continue;
        }
        if (!m->found[i] && tsr_job_head_stays(j)) tsr_job_keep_head(m->a, j);
        j->place.head_len += j->place.need_len;
        j->place.head = j->buf;
    }
}

static int read_heads(struct many *m)
{
    int rc = TSR_OK;
    m->ngets = 0;
    for (size_t i = 0; i < m->nplaces && rc == TSR_OK; i++) rc = add_head(m, i);
    if (rc == TSR_OK) rc = tsr_reads_run(&m->reads);
    if (rc == TSR_OK && m->ngets) rc = tsr_store_getv(m->a->d->store, m->gets, m->ngets);
    if (rc == TSR_OK) take_heads(m);
    return rc;
}

static int settle_all(struct many *m)
{
    int rc = TSR_OK;
    for (size_t i = 0; i < m->n && rc == TSR_OK; i++)
        if (!m->jobs[i].kept) rc = tsr_job_key(m->a, &m->jobs[i]);
    for (int round = 0; round < TSR_FETCH_ROUNDS && rc == TSR_OK; round++) {
        rc = locate_all(m);
        if (rc < 0 || m->nplaces == 0) return rc;
        rc = read_heads(m);
    }
    return rc < 0 ? rc : tsr_job_endless(&m->jobs[m->job[0]]);
}

static int fetch_all(struct many *m, const struct tsr_selection *sel, struct tsr_worker *w)
{
    const struct tsr_array *a = m->a;
    int rc = settle_all(m);
    for (size_t i = 0; i < m->n && rc == TSR_OK; i++) {
        struct chunk_job *j = &m->jobs[i];
        if (!j->kept) rc = tsr_job_want(a, sel, j);
        if (rc == TSR_OK && !j->kept && j->nrefs) rc = tsr_job_plan(a, j, w, &m->reads);
    }
    if (rc == TSR_OK) rc = tsr_reads_run(&m->reads);
    for (size_t i = 0; i < m->n && rc == TSR_OK; i++) {
        struct chunk_job *j = &m->jobs[i];
        if (!j->kept && j->nrefs && j->place.serial) rc = tsr_job_decode_first(a, j, w);
    }
    return rc;
}

static int fetch_once(struct many *m, const struct tsr_selection *sel, struct tsr_worker *w)
{
    int rc = TSR_OK;
    m->reads.n = 0;
    for (size_t i = 0; i < m->n && rc == TSR_OK; i++) {
        struct chunk_job *j = &m->jobs[i];
        rc = tsr_job_look(m->a, sel, j);
        j->kept = j->place.state == TSR_PLACE_STORED;
    }
    return rc < 0 ? rc : fetch_all(m, sel, w);
}

/* Was one of the objects replaced?  Which is not known: all are looked at anew. */
static bool give_back(struct many *m)
{
    bool stamped = false;
    for (size_t i = 0; i < m->n; i++) {
        bool stale = m->jobs[i].place.stamp != 0;
        tsr_job_release_place(m->a, &m->jobs[i], stale);
        stamped = stamped || stale;
    }
    return stamped;
}

/* Objects that others replace between two reads of them are looked at anew, a few times. */
int tsr_jobs_fetch(const struct tsr_array *a, const struct tsr_selection *sel, struct chunk_job *j,
                   size_t n, struct tsr_worker *w)
{
    struct many m;
    int rc = many_init(&m, a, j, n);
    if (rc == TSR_OK) rc = fetch_once(&m, sel, w);
    for (int i = 1; i < TSR_FETCH_TRIES && rc == TSR_ECONFLICT && give_back(&m); i++)
        rc = fetch_once(&m, sel, w);
    many_done(&m);
    return rc;
}
