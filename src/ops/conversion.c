/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/conversion.c - an array into another, pass by pass, box by box.
 *
 *   target made (hidden) -> plan -> [pass 1: source -> between] -> last pass: -> target
 *                                                                  -> attributes -> its name
 *
 * What takes more than one box gets a journal (journal.h), if the target is local: after a box the
 * file that is written is flushed, then the journal says so.  Where a flush would cost much beside
 * a box, it is done after several. */
#include "ops/conversion.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ops/carry.h"
#include "ops/journal.h"
#include "store/kinds.h"

struct work {
    const struct tsr_conversion *c;
    tsr_spec spec; /* of the target */
    tsr_meta_value *metas;
    tsr_array *to, *between;
    struct tsr_rechunk plan;
    bool stored;   /* chunks go as they are stored, */
    bool blocks;   /* or put together of stored blocks, in windows of so many bytes, */
    int64_t slice; /* so many numbers in a box */
    int64_t window;
    int64_t budget; /* bytes */
    bool journaled;
    bool archive; /* the target is one: each flush would write all of it anew */
    struct tsr_journal journal;
    struct tsr_copying copying;
};

/* ---- the plan ---- */

static bool asks_for_coding(const struct work *w)
{
    const tsr_spec *was = tsr_array_spec(w->c->from);
    return w->spec.steps != was->steps || w->spec.codecs != was->codecs ||
           w->spec.split != was->split;
}

/* Chunk numbers in slices of some 64 MiB, which are few even where most chunks are zeros. */
static void plan_stored(struct work *w)
{
    enum { BYTES = 64 << 20, FEW = 256 };
    const struct tsr_grid *g = &w->to->d->grid;
    struct tsr_rechunk_pass *p = &w->plan.pass[0];
    if (g->nchunks == 0) return;
    w->slice = tsr_max64(BYTES / tsr_max64(g->chunk_bytes, 1), tsr_ceil_div(g->nchunks, FEW));
    w->slice = tsr_max64(w->slice, 1);
    w->plan.npasses = 1;
    p->boxes = tsr_ceil_div(g->nchunks, w->slice);
    p->box_bytes = tsr_times(w->slice, g->chunk_bytes);
    p->chunks_read = tsr_max64(g->nchunks, w->c->from->d->grid.nchunks);
    p->chunks_written = g->nchunks;
    p->bytes_read = w->copying.total;
    p->requests = tsr_times(p->chunks_read, 2);
}

/* Blocks come in windows, of which there are two and half a one more. */
static int plan_blocks(struct work *w, const struct tsr_rechunk_ask *ask)
{
    enum { WINDOW = 16 << 20 };
    int64_t chunk = w->to->d->grid.chunk_bytes, room = (ask->budget - ask->fixed) / 3;
    w->window = tsr_max64(chunk, tsr_min64(tsr_min64(room, WINDOW), w->copying.total));
    w->plan.pass[0].memory = ask->fixed + tsr_times(3, w->window);
    if (w->plan.pass[0].memory <= w->budget) return TSR_OK;
    if (!w->c->o->memory_bytes) w->budget = w->plan.pass[0].memory;
    else
        return tsr_fail(TSR_ELIMIT,
                        "memory: found %lld bytes, this needs %lld: %lld for the program, indices "
                        "and the cache, and three times a chunk of %lld",
                        (long long)w->budget, (long long)w->plan.pass[0].memory,
                        (long long)ask->fixed, (long long)chunk);
    return TSR_OK;
}

static int make_plan(struct work *w)
{
    const tsr_options *o = w->c->o;
    struct tsr_rechunk_ask ask;
    int rc = tsr_copying_ask(w->c->from, w->to, o->memory_bytes, &ask);
    if (rc < 0) return rc;
    w->budget = ask.budget;
    w->stored = tsr_stored_fit(w->c->from, w->to, asks_for_coding(w));
    w->blocks = !w->stored && tsr_blocks_fit(w->to, w->c->from, asks_for_coding(w));
    if (!w->stored && !w->blocks) return tsr_rechunk_plan(&ask, &w->plan);
    plan_stored(w);
    w->plan.pass[0].memory = ask.fixed + 2 * w->to->d->grid.chunk_bytes;
    return w->blocks ? plan_blocks(w, &ask) : TSR_OK;
}

/* The target as it will be, which nobody sees: it goes when it is dropped. */
static int make_hidden(struct work *w)
{
    const struct tsr_conversion *c = w->c;
    tsr_options o = *c->o;
    if (c->format->tree) o.sparse = false;
    if (o.resume) o.mode = "w"; /* who was killed at the very end has given the name already */
    return tsr_array_create(c->format->tree ? NULL : c->dst, &w->spec, &o, &w->to);
}

/* What the source says and the target's format has no other form for stays behind.  Inner chunks of
 * shards become chunks where there are no shards. */
static void make_spec(struct work *w)
{
    const struct tsr_conversion *c = w->c;
    const tsr_spec *was = tsr_array_spec(c->from);
    const struct tsr_format *from = c->from->d->format;
    bool asked = c->spec && c->spec->zarr, chunks = c->spec && c->spec->chunks;
    tsr_twin_spec(c->from, c->spec, c->format, &w->spec);
    if (from != c->format && !asked) w->spec.zarr = NULL;
    if (from->tree && strcmp(c->format->name, "zarr2") == 0 && !chunks)
        w->spec.chunks = was->blocks, w->spec.blocks = NULL;
}

static int work_begin(struct work *w, const struct tsr_conversion *c)
{
    int64_t items;
    *w = (struct work){.c = c, .copying = {.from = c->from, .o = c->o}};
    w->archive = c->format->tree && tsr_store_names_zip(c->dst, strcspn(c->dst, "#"));
    tsr_product(c->from->d->grid.shape, c->from->d->grid.ndim, &items);
    w->copying.total = items * c->from->d->grid.item_bytes;
    int rc = tsr_carry_check(c->from, c->format);
    if (rc < 0) return rc;
    rc = tsr_metas_take(c->from, &w->metas, &w->spec.nmetas);
    int nmetas = w->spec.nmetas;
    if (rc < 0) return rc;
    make_spec(w);
    w->spec.metas = w->metas;
    w->spec.nmetas = nmetas;
    if (!c->format->tree) w->spec.fill = NULL; /* absent chunks are written as what they read as */
    rc = make_hidden(w);
    return rc < 0 ? rc : make_plan(w);
}

static void work_end(struct work *w)
{
    tsr_engine_drop(w->to);
    tsr_engine_drop(w->between);
    tsr_metas_free(w->metas, w->metas ? w->spec.nmetas : 0);
}

/* ---- the array between ---- */

/* As durable as the journal that tells of it. */
static tsr_options between_options(const struct work *w, const char *mode)
{
    const tsr_options *o = w->c->o;
    return (tsr_options){.size = sizeof *o,
                         .mode = mode,
                         .format = "b2nd",
                         .context = o->context,
                         .durable = o->durable};
}

/* Without a journal it has no name, and goes with the handle. */
static int create_between(struct work *w)
{
    static const tsr_step steps[] = {{"shuffle", NULL}, {"lz4", "clevel=1"}};
    tsr_options o = between_options(w, "w");
    tsr_spec s = {.size = sizeof s,
                  .dtype = w->spec.dtype,
                  .ndim = w->spec.ndim,
                  .shape = w->spec.shape,
                  .chunks = w->plan.between,
                  .blocks = w->plan.between_block,
                  .steps = steps,
                  .nsteps = 2,
                  .uninit = true};
    struct tsr_buf url = {0};
    const char *tmp = w->c->o->tmp ? w->c->o->tmp : getenv("TMPDIR");
    if (w->journaled) return tsr_array_create(w->journal.between, &s, &o, &w->between);
    int rc = tsr_buf_addf(&url, "%s/tessera.between.b2nd", tmp ? tmp : "/tmp");
    if (rc == TSR_OK) rc = tsr_buf_add(&url, "", 1);
    if (rc == TSR_OK) rc = tsr_array_create((const char *)url.p, &s, &o, &w->between);
    tsr_buf_free(&url);
    return rc;
}

static int open_between(struct work *w, const char *mode)
{
    tsr_options o = between_options(w, mode);
    return tsr_array_open(w->journal.between, &o, &w->between);
}

/* ---- a pass ---- */

struct slice {
    struct work *w;
    int64_t first, end;
};

static int64_t number_in_slice(void *arg, int64_t i)
{
    const struct slice *s = arg;
    return i >= s->first && i < s->end ? i : -1;
}

static int after_chunk(void *arg, int64_t i)
{
    struct work *w = ((const struct slice *)arg)->w;
    (void)i;
    return tsr_copying_tell(&w->copying, w->to->d->grid.chunk_bytes);
}

static int copy_box(struct work *w, int pass, int64_t i, uint8_t *buf)
{
    int64_t first = i * w->slice;
    struct slice s = {w, first, tsr_min64(first + w->slice, w->to->d->grid.nchunks)};
    struct tsr_chunk_moves m = {number_in_slice, after_chunk, &s};
    if (w->stored) return tsr_engine_copy_chunks(w->to, w->c->from, &m);
    if (w->blocks) return tsr_copy_blocks(&w->copying, s.first, s.end, w->window);
    return tsr_copy_boxes(&w->copying, w->plan.pass[pass - 1].box, i, 1, buf);
}

/* Boxes from done on are not yet in what a kill would leave. */
static int checkpoint(struct work *w, int pass, int64_t done)
{
    int rc = tsr_engine_flush(w->copying.to, false);
    return rc < 0 ? rc : tsr_journal_done(&w->journal, pass, done);
}

static int run_boxes(struct work *w, int pass, int64_t i, uint8_t *buf)
{
    enum { ENTRY = 128 }; /* a flush costs as much as so many bytes per chunk of the index */
    const struct tsr_rechunk_pass *p = &w->plan.pass[pass - 1];
    int64_t index = tsr_times(w->copying.to->d->grid.nchunks, ENTRY), kept = i;
    int64_t every = tsr_ceil_div(index, tsr_max64(p->box_bytes, 1));
    bool keeps = w->journaled && (!w->archive || pass < w->plan.npasses);
    char text[TSR_ERROR_MAX];
    int rc = TSR_OK;
    while (i < p->boxes && (rc = copy_box(w, pass, i, buf)) == TSR_OK) {
        i++;
        if (!keeps || (i - kept < every && i < p->boxes)) continue;
        if ((rc = checkpoint(w, pass, i)) < 0) return rc;
        kept = i;
    }
    if (rc == TSR_OK || !keeps || i == kept) return rc;
    tsr_error_save(text); /* what is done is kept if it can be */
    checkpoint(w, pass, i);
    tsr_error_restore(text);
    return rc;
}

static int run_pass(struct work *w, int pass, const tsr_array *from, tsr_array *to, int64_t first)
{
    const struct tsr_rechunk_pass *p = &w->plan.pass[pass - 1];
    int64_t all = w->copying.total / w->plan.npasses;
    uint8_t *buf = NULL;
    if (first >= p->boxes) return TSR_OK;
    if (!w->slice && !(buf = tsr_alloc((size_t)p->box_bytes))) return TSR_ENOMEM;
    w->copying.from = from;
    w->copying.to = to;
    w->copying.threads = p->limit;
    w->copying.done = (pass - 1) * all + tsr_min64(first * p->box_bytes, all);
    int rc = run_boxes(w, pass, first, buf);
    tsr_free(buf);
    return rc;
}

/* In a journal there is the target already, and the array between if there is one. */
static int first_pass(struct work *w)
{
    struct tsr_journal *j = &w->journal;
    if (w->journaled && j->pass > 1) return open_between(w, "r");
    bool there = w->journaled && j->done > 0;
    int rc = there ? open_between(w, "r+") : create_between(w);
    if (rc < 0) return rc;
    rc = run_pass(w, 1, w->c->from, w->between, w->journaled ? j->done : 0);
    if (rc < 0 || !w->journaled) return rc;
    rc = tsr_engine_close(w->between);
    w->between = NULL;
    if (rc == TSR_OK) rc = tsr_journal_done(j, 2, 0);
    return rc < 0 ? rc : open_between(w, "r");
}

static int copy_all(const tsr_array *from, void *arg)
{
    struct work *w = arg;
    int last = w->plan.npasses, rc = TSR_OK;
    if (last == 0) return TSR_OK;
    w->copying.total *= last;
    if (last == 2) rc = first_pass(w);
    if (rc < 0) return rc;
    int64_t done = w->journaled && w->journal.pass == last ? w->journal.done : 0;
    return run_pass(w, last, last == 2 ? w->between : from, w->to, done);
}

/* ---- with a journal ---- */

/* What must be the same for a conversion to go on. */
static int write_facts(const struct work *w, uint64_t stamp, struct tsr_buf *out)
{
    const struct tsr_conversion *c = w->c;
    int rc = tsr_buf_addf(out, "source %s\nsource stamp %llx\n", c->src, (unsigned long long)stamp);
    if (rc == TSR_OK) rc = tsr_facts_array(out, "source", c->from);
    if (rc == TSR_OK) rc = tsr_facts_array(out, "target", w->to);
    if (rc == TSR_OK) rc = tsr_facts_coding(out, &w->spec, c->o);
    if (rc == TSR_OK && w->slice)
        rc = tsr_buf_addf(out, "%s as stored, in slices of %lld\n", w->blocks ? "blocks" : "chunks",
                          (long long)w->slice);
    for (int i = 0; i < w->plan.npasses && !w->slice && rc == TSR_OK; i++)
        rc = tsr_facts_ints(out, "boxes (by --memory and --threads)", w->plan.pass[i].box,
                            w->spec.ndim);
    if (rc == TSR_OK && w->plan.npasses == 2)
        rc = tsr_facts_ints(out, "between", w->plan.between, w->spec.ndim);
    return rc < 0 ? rc : tsr_buf_addf(out, "between in %s\n", c->o->tmp ? c->o->tmp : "-");
}

/* The hidden target makes room for the one of the journal, which is there from the start. */
static int take_target(struct work *w)
{
    const struct tsr_journal *j = &w->journal;
    tsr_options o = *w->c->o;
    tsr_engine_drop(w->to);
    w->to = NULL;
    if (j->resumed && (j->pass > 1 || j->done)) {
        int rc = tsr_journal_sweep(j);
        o.mode = "r+";
        return rc < 0 ? rc : tsr_array_open(j->target, &o, &w->to);
    }
    o.mode = "w";
    int rc = j->resumed ? tsr_journal_clear(j) : TSR_OK;
    if (rc == TSR_OK) rc = tsr_array_create(j->target, &w->spec, &o, &w->to);
    return rc < 0 ? rc : tsr_engine_flush(w->to, false);
}

static int close_target(struct work *w)
{
    tsr_array *to = w->to;
    w->to = NULL;
    return tsr_engine_close(to);
}

/* Of the pass in which the journal is. */
static int64_t boxes_of_pass(const struct work *w)
{
    int pass = w->journal.pass;
    if (pass <= w->plan.npasses) return w->plan.pass[pass - 1].boxes;
    return pass == 1 ? 0 : -1;
}

static int copy_journaled(struct work *w)
{
    const tsr_array *from = w->c->from;
    int rc = take_target(w);
    if (rc == TSR_OK) rc = tsr_follow_once(from, copy_all, w);
    if (rc == TSR_OK) rc = tsr_carry(from, w->to);
    if (rc == TSR_OK) rc = close_target(w);
    return tsr_journal_compare(&w->journal, w->c->src, from->d->store, tsr_format_node(from->d),
                               rc);
}

static int run_journaled(struct work *w)
{
    struct tsr_journal *j = &w->journal;
    struct tsr_buf facts = {0};
    uint64_t stamp; /* 0: it cannot be known */
    int rc = tsr_source_stamp(w->c->from, &stamp);
    if (rc == TSR_OK) rc = write_facts(w, stamp, &facts);
    if (rc == TSR_OK) rc = tsr_journal_begin(w->c->dst, &facts, w->c->o, j);
    tsr_buf_free(&facts);
    if (rc == TSR_OK) rc = tsr_journal_enter(j, w->c->src, stamp, boxes_of_pass(w));
    if (rc < 0) return rc;
    w->journaled = true;
    if (!j->complete) rc = copy_journaled(w);
    tsr_engine_drop(w->between);
    tsr_engine_drop(w->to);
    w->between = w->to = NULL;
    return tsr_journal_end(j, rc);
}

/* ---- both ---- */

static int copy_unchanged(struct work *w)
{
    const struct tsr_conversion *c = w->c;
    uint64_t before = 0, after = 0;
    int rc = c->tree ? TSR_OK : tsr_source_stamp(c->from, &before);
    if (rc == TSR_OK) rc = tsr_follow_once(c->from, copy_all, w);
    if (rc == TSR_OK) rc = tsr_carry(c->from, w->to);
    if (rc == TSR_OK && !c->tree) rc = tsr_source_stamp(c->from, &after);
    if (rc == TSR_OK && before != after)
        rc = tsr_fail(TSR_ECONFLICT, "%s: changed while it was read", c->src);
    return rc;
}

static int run_at_once(struct work *w)
{
    const struct tsr_conversion *c = w->c;
    if (c->format->tree) {
        tsr_engine_drop(w->to);
        w->to = NULL;
        int rc = c->tree ? tsr_array_create_node(tsr_store_share(c->tree), c->node, &w->spec, c->o,
                                                 &w->to)
                         : tsr_array_create(c->dst, &w->spec, c->o, &w->to);
        if (rc < 0) return rc;
    }
    int rc = copy_unchanged(w);
    return rc < 0 ? rc : close_target(w);
}

/* Is the target's name a file or folder of this machine, which a rename can give, and of a format
 * that is changed in place, so that it can be gone on with? */
static bool can_journal(const struct tsr_conversion *c)
{
    return !c->tree && tsr_store_path(c->dst) && !strchr(c->dst, '#') && c->format->resize;
}

/* Is it worth a journal?  What is a folder of files is in any case: it is not made at once. */
static bool is_long(const struct work *w)
{
    const struct tsr_conversion *c = w->c;
    int n = w->plan.npasses;
    if (!can_journal(c)) return false;
    if (w->archive) return n == 2;
    return c->format->tree || (n && w->plan.pass[n - 1].boxes > 1);
}

int tsr_conversion_run(const struct tsr_conversion *c)
{
    struct work w;
    bool left = false;
    struct tsr_conversion fresh = *c;
    tsr_options o = *c->o;
    int rc = can_journal(c) ? tsr_journal_there(c->dst, &left) : TSR_OK;
    if (rc < 0) return rc;
    fresh.o = &o;
    o.resume = o.resume && left;
    rc = work_begin(&w, &fresh);
    if (rc == TSR_OK) rc = left || is_long(&w) ? run_journaled(&w) : run_at_once(&w);
    work_end(&w);
    return rc;
}

/* ---- the plan, told ---- */

struct told {
    tsr_copy_plan plan;
    tsr_copy_pass pass[2];
    int64_t box[2][TSR_MAX_NDIM], between[TSR_MAX_NDIM], blocks[TSR_MAX_NDIM];
};

static void tell_pass(const struct work *w, int i, struct told *t, double ratio)
{
    const struct tsr_rechunk_pass *p = &w->plan.pass[i];
    memcpy(t->box[i], p->box, sizeof t->box[i]);
    t->pass[i] = (tsr_copy_pass){.size = sizeof t->pass[i],
                                 .box = w->slice ? NULL : t->box[i],
                                 .boxes = p->boxes,
                                 .chunks_read = p->chunks_read,
                                 .blocks_read = p->blocks_read,
                                 .bytes_read = p->bytes_read,
                                 .stored_read = (int64_t)((double)p->bytes_read * ratio),
                                 .requests = p->requests,
                                 .chunks_written = p->chunks_written,
                                 .bytes_written = w->copying.total,
                                 .memory_bytes = p->memory};
    t->plan.pass[i] = &t->pass[i];
    t->plan.memory_bytes = tsr_max64(t->plan.memory_bytes, p->memory);
}

/* Its chunks are stored whole, also those at the edge. */
static int64_t between_bytes(const struct work *w)
{
    const tsr_array *from = w->c->from;
    int64_t n = from->d->grid.item_bytes;
    for (int d = 0; d < w->spec.ndim; d++) {
        int64_t c = w->plan.between[d];
        n = tsr_times(n, tsr_times(tsr_ceil_div(w->spec.shape[d], c), c));
    }
    return n;
}

int tsr_conversion_plan(const struct tsr_conversion *c, tsr_copy_plan **out)
{
    struct work w;
    struct told *t = tsr_alloc_zero(1, sizeof *t);
    if (!t) return TSR_ENOMEM;
    int rc = work_begin(&w, c);
    if (rc == TSR_OK) {
        tsr_stats s = tsr_engine_stats(c->from);
        if (s.cbytes < 0) tsr_array_cbytes(c->from, &s.cbytes);
        double ratio = s.cbytes > 0 && s.nbytes > 0 ? (double)s.cbytes / (double)s.nbytes : 1;
        t->plan = (tsr_copy_plan){.size = sizeof t->plan,
                                  .ndim = w.spec.ndim,
                                  .npasses = w.plan.npasses,
                                  .stored = w.stored || w.blocks,
                                  .budget_bytes = w.budget};
        for (int i = 0; i < w.plan.npasses; i++) tell_pass(&w, i, t, i ? 1 : ratio);
        if (w.plan.npasses == 2) {
            memcpy(t->between, w.plan.between, sizeof t->between);
            memcpy(t->blocks, w.plan.between_block, sizeof t->blocks);
            t->plan.between = t->between;
            t->plan.between_blocks = t->blocks;
            t->plan.between_bytes = between_bytes(&w);
        }
    }
    work_end(&w);
    if (rc == TSR_OK) *out = &t->plan;
    else tsr_free(t);
    return rc;
}
