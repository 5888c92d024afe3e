/* SPDX-License-Identifier: BSD-3-Clause */
/* array/schunk_copy.c - a super-chunk into another with other chunks, steps or a place of its own.
 *
 * Chunks that stay what they are are copied as they are stored (stored.c); bytes go as items of
 * an array do (copy.c), and chunks of any size one by one. */
#include "array/array.h"
#include "base/mem.h"

/* The fields that were not given, as s has them; *coding: is the encoding asked for?  A block as
 * large as the chunk is what a frame says whose chunks choose theirs. */
static tsr_schunk_spec schunk_twin(const tsr_schunk *s, const tsr_schunk_spec *spec, bool *coding)
{
    const tsr_schunk_spec *was = tsr_schunk_spec_of(s);
    tsr_schunk_spec t = *was, given = {.size = sizeof given};
    if (spec && spec->size) memcpy(&given, spec, tsr_minz(spec->size, sizeof given));
    *coding = given.nsteps || given.split || given.block_bytes;
    if (given.chunk_bytes || t.block_bytes >= t.chunk_bytes) t.block_bytes = 0;
    if (given.chunk_bytes || given.variable) {
        t.chunk_bytes = given.chunk_bytes;
        t.variable = given.variable;
    }
    if (given.block_bytes) t.block_bytes = given.block_bytes;
    if (given.nsteps) t.steps = given.steps, t.nsteps = given.nsteps;
    if (given.split) t.split = given.split;
    t.checksum |= given.checksum;
    return t;
}

/* Chunks of any size into such chunks, coded anew. */
static int copy_sized(struct tsr_copying *c)
{
    int64_t n = 0;
    int rc = TSR_OK;
    for (int64_t i = 0; i < c->from->d->nchunks && rc == TSR_OK; i++) {
        rc = tsr_vlblocks_recode(c->from, c->to, i, &n);
        if (rc == TSR_OK) rc = tsr_copying_tell(c, n);
    }
    return rc;
}

/* A row of any bytes into chunks of any size: the target's grid says how many at a time. */
static int copy_to_sized(struct tsr_copying *c)
{
    enum { SIZED_CHUNK = 4 << 20 };
    int64_t n = c->from->d->grid.shape[0], i = 0;
    uint8_t *buf = tsr_alloc(SIZED_CHUNK);
    int rc = buf ? TSR_OK : TSR_ENOMEM;
    for (int64_t at = 0; at < n && rc == TSR_OK; at += SIZED_CHUNK) {
        int64_t len = tsr_min64(SIZED_CHUNK, n - at);
        rc = tsr_array_read(c->from, &(tsr_slice){&at, &len, NULL}, buf, (size_t)len);
        if (rc == TSR_OK) rc = tsr_sized_put(c->to, i++, true, buf, (size_t)len);
        if (rc == TSR_OK) rc = tsr_copying_tell(c, len);
    }
    tsr_free(buf);
    return rc;
}

struct row_copy {
    tsr_array *to;
    bool coding;
    const tsr_options *o;
};

static int copy_row(const tsr_array *from, void *arg)
{
    const struct row_copy *r = arg;
    tsr_array *to = r->to;
    int64_t n = from->d->grid.shape[0], zero = 0;
    struct tsr_copying c = {.from = from, .to = to, .o = r->o, .total = n};
    struct tsr_stored_part all = {.end = INT64_MAX};
    bool sized = to->d->variable, fit = tsr_stored_fit(from, to, r->coding);
    int rc = n && !sized ? tsr_engine_resize(to, &n) : TSR_OK;
    if (rc < 0 || n == 0) return rc;
    if (fit) return tsr_copy_stored(&c, &all);
    if (sized) return from->d->variable ? copy_sized(&c) : copy_to_sized(&c);
    return tsr_copy_items(&c, &zero, &zero, &n);
}

int tsr_copy_bytes(const tsr_array *from, tsr_array *to, bool coding, const tsr_options *o)
{
    return tsr_follow_once(from, copy_row, &(struct row_copy){to, coding, o});
}

int tsr_schunk_copy(tsr_schunk *s, const char *url, const tsr_schunk_spec *spec,
                    const tsr_options *opts, tsr_schunk **out)
{
    tsr_options o = tsr_options_complete(opts);
    const tsr_array *from = tsr_schunk_array(s);
    tsr_meta_value *metas;
    tsr_array *to = NULL;
    bool coding;
    tsr_schunk_spec t = schunk_twin(s, spec, &coding);
    int rc = tsr_schunk_settle(s);
    if (rc < 0) return rc;
    rc = tsr_metas_take(from, &metas, &t.nmetas);
    t.metas = metas;
    if (rc == TSR_OK) rc = tsr_schunk_create_below(url, &t, &o, &to);
    if (rc == TSR_OK) rc = tsr_copy_bytes(from, to, coding, &o);
    if (rc == TSR_OK) rc = tsr_vlmetas_copy(from, to);
    if (rc < 0) tsr_engine_drop(to); /* never flushed: nothing appears */
    else rc = tsr_schunk_make(to, out);
    tsr_metas_free(metas, metas ? t.nmetas : 0);
    return rc;
}
