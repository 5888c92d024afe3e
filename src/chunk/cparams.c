/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/cparams.c - how chunks are to be made: from public steps, and checked.
 *
 * Steps are filters in writing order, then one codec, each with parameters "name=integer,...".
 * clevel belongs to every codec, dict to those that take one; "meta" is the parameter byte of a
 * filter or codec.  The last filter goes into slot 5, the one before into slot 4, as c-blosc2 has
 * its only one in slot 5. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

static const struct tsr_param clevel_param = {"clevel", 0, 9, 5}, dict_param = {"dict", 0, 1, 0};

static void default_steps(struct tsr_cparams *p)
{
    p->codec_id = CODEC_ZSTD;
    p->codec = tsr_codec_blosc2(p->codecs, p->codec_id);
    p->codec_meta = 0;
    p->use_dict = false;
    p->clevel = clevel_param.dflt;
    memset(p->filters, 0, sizeof p->filters);
    memset(p->filters_meta, 0, sizeof p->filters_meta);
    p->filters[TSR_CHUNK_FILTERS - 1] = FILTER_SHUFFLE;
}

void tsr_cparams_init(struct tsr_cparams *p, int32_t item_bytes)
{
    memset(p, 0, sizeof *p);
    default_steps(p);
    p->split = SPLIT_AUTO;
    p->item_bytes = item_bytes;
}

bool tsr_cparams_alike(const struct tsr_cparams *p, const struct tsr_cparams *q)
{
    return p->codec_id == q->codec_id && p->codec_meta == q->codec_meta && p->clevel == q->clevel &&
           p->split == q->split && p->use_dict == q->use_dict && p->item_bytes == q->item_bytes &&
           memcmp(p->filters, q->filters, sizeof p->filters) == 0 &&
           memcmp(p->filters_meta, q->filters_meta, sizeof p->filters_meta) == 0;
}

/* A step and the values of its parameters. */
struct target {
    const char *step;
    const struct tsr_codec *codec;  /* NULL: a filter */
    const struct tsr_param *params; /* of the table; their one name in chunks is "meta" */
    int clevel, dict, meta;
};

static bool is_named(const struct tsr_param *p, const char *name, size_t len)
{
    return strlen(p->name) == len && memcmp(p->name, name, len) == 0;
}

/* The parameter of that name and where its value goes; NULL: there is none. */
static const struct tsr_param *find_param(struct target *t, const char *name, size_t len, int **to)
{
    *to = &t->clevel;
    if (t->codec && is_named(&clevel_param, name, len)) return &clevel_param;
    *to = &t->dict;
    if (t->codec && t->codec->dicts && is_named(&dict_param, name, len)) return &dict_param;
    *to = &t->meta;
    for (const struct tsr_param *p = t->params; p && p->name; p++)
        if (is_named(p, name, len)) return p;
    return NULL;
}

/* One "name=integer"; *s is moved past it. */
static int parse_param(struct target *t, const char **s)
{
    size_t len = strcspn(*s, "=,");
    int *to;
    const struct tsr_param *p = find_param(t, *s, len, &to);
    if (!p) return tsr_fail(TSR_EARG, "step %s: unknown parameter '%.*s'", t->step, (int)len, *s);
    const char *value = *s + len;
    char *end;
    errno = 0;
    long v = *value == '=' ? strtol(value + 1, &end, 10) : 0;
    if (*value != '=' || end == value + 1 || (*end && *end != ',') || errno ||
        isspace((unsigned char)value[1]))
        return tsr_fail(TSR_EARG, "step %s: '%s': expected %s=integer", t->step, *s, p->name);
    if (v < p->min || v > p->max)
        return tsr_fail(TSR_EARG, "step %s: %s=%ld: expected %d to %d", t->step, p->name, v, p->min,
                        p->max);
    *to = (int)v;
    *s = *end ? end + 1 : end;
    return TSR_OK;
}

static int parse_params(struct target *t, const char *s)
{
    const struct tsr_param *meta = t->params && t->params->name ? t->params : NULL;
    bool needed = meta && meta->dflt == TSR_PARAM_NEEDED;
    t->clevel = clevel_param.dflt;
    t->dict = dict_param.dflt;
    t->meta = meta && !needed ? meta->dflt : 0;
    while (s && *s) {
        needed = needed && strncmp(s, "meta=", 5) != 0;
        int rc = parse_param(t, &s);
        if (rc < 0) return rc;
    }
    if (!needed) return TSR_OK;
    return tsr_fail(TSR_EARG, "step %s: it needs meta=%d to %d", t->step, meta->min, meta->max);
}

/* One that a file has goes by its number when it has no name here. */
static int unknown_step(const char *kind, const char *name)
{
    if (strncmp(name, "id", 2) == 0 && name[2] >= '0' && name[2] <= '9')
        return tsr_fail(TSR_EUNSUPPORTED, "%s %s is neither built in nor registered", kind,
                        name + 2);
    return tsr_fail(TSR_EARG, "step %s: no such %s", name, kind);
}

static int codec_step(struct tsr_cparams *p, const tsr_step *step)
{
    const struct tsr_codec *codec = tsr_codec_named(p->codecs, step->name);
    if (!codec && tsr_filter_named(p->codecs, step->name))
        return tsr_fail(TSR_EARG, "step %s: a filter, but the last step must be a codec",
                        step->name);
    if (!codec) return unknown_step("codec", step->name);
    if (codec->blosc2_id < 0)
        return tsr_fail(TSR_EARG, "step %s: Blosc2 chunks cannot hold it", step->name);
    struct target t = {.step = step->name, .codec = codec, .params = codec->params};
    int rc = parse_params(&t, step->params);
    p->codec = codec;
    p->codec_id = codec->blosc2_id;
    p->codec_meta = (uint8_t)t.meta;
    p->clevel = t.clevel;
    p->use_dict = t.dict != 0;
    return rc;
}

static int filter_step(struct tsr_cparams *p, int slot, const tsr_step *step)
{
    const struct tsr_filter *f = tsr_filter_named(p->codecs, step->name);
    if (!f && tsr_codec_named(p->codecs, step->name))
        return tsr_fail(TSR_EARG, "step %s: a codec, but only the last step may be one",
                        step->name);
    if (!f) return unknown_step("filter", step->name);
    struct target t = {.step = step->name, .params = f->params};
    int rc = parse_params(&t, step->params);
    p->filters[slot] = (uint8_t)f->blosc2_id;
    p->filters_meta[slot] = (uint8_t)t.meta;
    return rc;
}

int tsr_cparams_from_steps(struct tsr_cparams *p, const tsr_step *steps, int n, int split)
{
    if (split < 0 || split > 4) return tsr_fail(TSR_EARG, "split %d: expected 0 to 4", split);
    p->split = split ? split : SPLIT_AUTO;
    default_steps(p);
    if (n == 0) return TSR_OK;
    if (n < 0 || n > TSR_CHUNK_FILTERS + 1)
        return tsr_fail(TSR_EARG, "%d steps: expected up to 6 filters and a codec", n);
    p->filters[TSR_CHUNK_FILTERS - 1] = 0;
    for (int i = 0; i < n; i++) {
        if (!steps[i].name) return tsr_fail(TSR_EARG, "step %d has no name", i);
        int slot = TSR_CHUNK_FILTERS - (n - 1) + i;
        int rc = i == n - 1 ? codec_step(p, &steps[i]) : filter_step(p, slot, &steps[i]);
        if (rc < 0) return rc;
    }
    return TSR_OK;
}

const char *tsr_cparams_floats(const struct tsr_cparams *p)
{
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int id = p->filters[i];
        const struct tsr_filter *f = id ? tsr_filter_blosc2(p->codecs, id) : NULL;
        if (f && f->floats) return f->name;
    }
    return p->codec && p->codec->floats ? p->codec->name : NULL;
}

bool tsr_cparams_lossless(const struct tsr_cparams *p)
{
    bool lossy = !p->codec || p->codec->lossy;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int id = p->filters[i];
        const struct tsr_filter *f = id ? tsr_filter_blosc2(p->codecs, id) : NULL;
        lossy |= f && f->lossy;
    }
    return !lossy;
}

/* What a lossy step changes must be items, and no difference from block 0 may span the change: a
 * writer takes it from the old items, a reader would from the new ones (5.4).  c-blosc2 3.3.5 gives
 * other data back where a filter stands between two deltas. */
static int check_lossy(const struct tsr_cparams *p)
{
    const char *mixed = NULL, *delta = NULL, *lossy = p->codec->lossy ? p->codec->name : NULL;
    for (int i = 0; i <= TSR_CHUNK_FILTERS; i++) {
        bool last = i == TSR_CHUNK_FILTERS;
        const struct tsr_filter *f = last ? NULL : tsr_filter_blosc2(p->codecs, p->filters[i]);
        if (!last && !f) continue;
        const char *name = last ? p->codec->name : f->name;
        if ((last ? p->codec->lossy : f->lossy) && mixed)
            return tsr_fail(TSR_EARG, "step %s: it needs items, and %s before it leaves none", name,
                            mixed);
        if (last) break;
        if (f->lossy) lossy = name;
        if (!f->items) mixed = name;
        if (f->blosc2_id == FILTER_DELTA && delta)
            return tsr_fail(TSR_EARG, "step %s stands twice: C-Blosc2 would misread it", name);
        if (f->blosc2_id == FILTER_DELTA) delta = name;
    }
    if (!lossy || !delta) return TSR_OK;
    return tsr_fail(TSR_EARG, "step %s cannot stand beside step %s, which changes items", delta,
                    lossy);
}

/* Each step against the facts of the blocks. */
static int check_steps(const struct tsr_cparams *p)
{
    struct tsr_block_facts facts = {.typesize = p->item_bytes > 255 ? 1 : p->item_bytes,
                                    .item_bytes = p->item_bytes,
                                    .ndim = p->block_ndim,
                                    .shape = p->block_shape};
    struct tsr_call c = {.block = &facts, .level = p->clevel, .meta = p->codec_meta};
    int rc = p->codec->check ? p->codec->check(&c) : TSR_OK;
    for (int i = 0; i < TSR_CHUNK_FILTERS && rc == TSR_OK; i++) {
        const struct tsr_filter *f =
            p->filters[i] ? tsr_filter_blosc2(p->codecs, p->filters[i]) : NULL;
        c.meta = p->filters_meta[i];
        if (f && f->check) rc = f->check(&c);
    }
    return rc;
}

int tsr_cparams_check(const struct tsr_cparams *p)
{
    const char *name = p->codec ? p->codec->name : tsr_codec_known_name(p->codec_id);
    if (!p->codec || !p->codec->encode)
        return tsr_fail(TSR_EUNSUPPORTED, "codec %d (%s) cannot be written by this build",
                        p->codec_id, name ? name : "unknown");
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int id = p->filters[i];
        const struct tsr_filter *f = id ? tsr_filter_blosc2(p->codecs, id) : NULL;
        if (!id || (f && f->encode)) continue;
        name = tsr_filter_known_name(id);
        return tsr_fail(TSR_EUNSUPPORTED, "filter %d (%s) cannot be written by this build", id,
                        name ? name : "unknown");
    }
    int rc = check_lossy(p);
    return rc < 0 ? rc : check_steps(p);
}
