/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/codecs.c - the tables of codecs and filters.
 *
 * A new one is its file and one X(name) here; chunks, command line, documents and tests walk
 * the tables.  The lists of known names hold what Blosc2 defines (blosc2.md 4.1, 5.1), built or
 * not, so that a refusal can say what is missing. */
#include "chunk/codecs.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"

/* clang-format off */
#define TSR_CODECS(X) X(blosclz) X(lz4) X(lz4hc) X(zlib) X(zstd) X(ndlz) X(zfp_acc) \
    X(zfp_prec) X(zfp_rate)
#define TSR_FILTERS(X)                                                                  \
    X(shuffle) X(bitshuffle) X(delta) X(bytedelta) X(bytedelta_buggy) X(ndcell) X(ndmean) \
    X(trunc_prec) X(int_trunc)
/* clang-format on */

#define DECLARE_CODEC(name) extern const struct tsr_codec tsr_codec_##name;
#define DECLARE_FILTER(name) extern const struct tsr_filter tsr_filter_##name;
TSR_CODECS(DECLARE_CODEC)
TSR_FILTERS(DECLARE_FILTER)

#define CODEC_ENTRY(name) &tsr_codec_##name,
#define FILTER_ENTRY(name) &tsr_filter_##name,
static const struct tsr_codec *const codecs[] = {TSR_CODECS(CODEC_ENTRY) NULL};
static const struct tsr_filter *const filters[] = {TSR_FILTERS(FILTER_ENTRY) NULL};

struct known {
    int id;
    const char *name;
};

static const struct known known_codecs[] = {
    {0, "blosclz"},   {1, "lz4"},       {2, "lz4hc"},      {3, "snappy"},
    {4, "zlib"},      {5, "zstd"},      {32, "ndlz"},      {33, "zfp_acc"},
    {34, "zfp_prec"}, {35, "zfp_rate"}, {36, "openhtj2k"}, {37, "grok"},
    {38, "openzl"},   {39, "j2k"},      {40, "htj2k"},     {-1, NULL},
};

static const struct known known_filters[] = {
    {0, "none"},       {1, "shuffle"},    {2, "bitshuffle"}, {3, "delta"},
    {4, "trunc_prec"}, {32, "ndcell"},    {33, "ndmean"},    {34, "bytedelta_buggy"},
    {35, "bytedelta"}, {36, "int_trunc"}, {-1, NULL},
};

/* The next link from l on that holds a codec, or a filter. */
static const struct tsr_codec_link *next_link(const struct tsr_codec_link *l, bool filter)
{
    while (l && !(filter ? (const void *)l->filter : (const void *)l->codec)) l = l->next;
    return l;
}

static const struct tsr_codec_link *first_link(const struct tsr_codec_set *s, bool filter)
{
    return s ? next_link(atomic_load_explicit(&s->first, memory_order_acquire), filter) : NULL;
}

const struct tsr_codec *tsr_codec_named(const struct tsr_codec_set *s, const char *name)
{
    for (int i = 0; codecs[i]; i++)
        if (strcmp(codecs[i]->name, name) == 0) return codecs[i];
    const struct tsr_codec_link *l = first_link(s, false);
    while (l && strcmp(l->codec->name, name) != 0) l = next_link(l->next, false);
    return l ? l->codec : NULL;
}

const struct tsr_codec *tsr_codec_blosc2(const struct tsr_codec_set *s, int id)
{
    for (int i = 0; codecs[i]; i++)
        if (id >= 0 && codecs[i]->blosc2_id == id) return codecs[i];
    const struct tsr_codec_link *l = first_link(s, false);
    while (l && l->codec->blosc2_id != id) l = next_link(l->next, false);
    return l ? l->codec : NULL;
}

const struct tsr_filter *tsr_filter_named(const struct tsr_codec_set *s, const char *name)
{
    for (int i = 0; filters[i]; i++)
        if (strcmp(filters[i]->name, name) == 0) return filters[i];
    const struct tsr_codec_link *l = first_link(s, true);
    while (l && strcmp(l->filter->name, name) != 0) l = next_link(l->next, true);
    return l ? l->filter : NULL;
}

const struct tsr_filter *tsr_filter_blosc2(const struct tsr_codec_set *s, int id)
{
    for (int i = 0; filters[i]; i++)
        if (id >= 0 && filters[i]->blosc2_id == id) return filters[i];
    const struct tsr_codec_link *l = first_link(s, true);
    while (l && l->filter->blosc2_id != id) l = next_link(l->next, true);
    return l ? l->filter : NULL;
}

const struct tsr_codec *tsr_codec_list(int i)
{
    int n = (int)(sizeof codecs / sizeof *codecs) - 1;
    return i >= 0 && i < n ? codecs[i] : NULL;
}

const struct tsr_filter *tsr_filter_list(int i)
{
    int n = (int)(sizeof filters / sizeof *filters) - 1;
    return i >= 0 && i < n ? filters[i] : NULL;
}

static const char *known_name(const struct known *k, int id)
{
    while (k->name && k->id != id) k++;
    return k->name;
}

const char *tsr_codec_known_name(int blosc2_id)
{
    return known_name(known_codecs, blosc2_id);
}

const char *tsr_filter_known_name(int blosc2_id)
{
    return known_name(known_filters, blosc2_id);
}

const char *tsr_codec_name(const struct tsr_codec_set *s, int blosc2_id)
{
    const struct tsr_codec *c = tsr_codec_blosc2(s, blosc2_id);
    return c ? c->name : tsr_codec_known_name(blosc2_id);
}

const char *tsr_filter_name(const struct tsr_codec_set *s, int blosc2_id)
{
    const struct tsr_filter *f = tsr_filter_blosc2(s, blosc2_id);
    return f ? f->name : tsr_filter_known_name(blosc2_id);
}

/* Codecs and filters share the names of steps; ids they have each their own. */
static int check_free(const struct tsr_codec_set *s, const struct tsr_codec_link *l)
{
    const char *name = l->codec ? l->codec->name : l->filter->name;
    int id = l->codec ? l->codec->blosc2_id : l->filter->blosc2_id;
    if (tsr_codec_named(s, name) || tsr_filter_named(s, name))
        return tsr_fail(TSR_EEXISTS, "step %s: there is one of that name", name);
    if (l->codec && tsr_codec_blosc2(s, id))
        return tsr_fail(TSR_EEXISTS, "codec %s: id %d is that of %s", name, id,
                        tsr_codec_blosc2(s, id)->name);
    if (l->filter && tsr_filter_blosc2(s, id))
        return tsr_fail(TSR_EEXISTS, "filter %s: id %d is that of %s", name, id,
                        tsr_filter_blosc2(s, id)->name);
    return TSR_OK;
}

int tsr_codec_set_add(struct tsr_codec_set *s, struct tsr_codec_link *l)
{
    int rc;
    l->next = atomic_load_explicit(&s->first, memory_order_acquire);
    do { /* whoever was faster may have taken the name */
        if ((rc = check_free(s, l)) < 0) return rc;
    } while (!atomic_compare_exchange_strong_explicit(&s->first, &l->next, l, memory_order_acq_rel,
                                                      memory_order_acquire));
    return TSR_OK;
}

void tsr_codec_set_done(struct tsr_codec_set *s)
{
    struct tsr_codec_link *l = atomic_load_explicit(&s->first, memory_order_acquire);
    while (l) {
        struct tsr_codec_link *next = l->next;
        tsr_free(l);
        l = next;
    }
}

int tsr_codec_at(int i, tsr_codec_info *out)
{
    int ncodecs = (int)(sizeof codecs / sizeof *codecs) - 1;
    const struct tsr_codec *c = tsr_codec_list(i);
    const struct tsr_filter *f = c ? NULL : tsr_filter_list(i - ncodecs);
    if (!c && !f) return tsr_fail(TSR_ENOTFOUND, "codec number %d: there are fewer", i);
    tsr_codec_info info = {.size = sizeof info,
                           .name = c ? c->name : f->name,
                           .about = c ? c->about : f->about,
                           .filter = !c,
                           .blosc2_id = c ? c->blosc2_id : f->blosc2_id,
                           .params = !c         ? 0
                                     : c->dicts ? 2
                                                : 1, /* clevel, dict */
                           .lossy = c ? c->lossy : f->lossy,
                           .shape = c ? c->shape : f->shape};
    for (const struct tsr_param *p = c ? c->params : f->params; p && p->name; p++) info.params++;
    return tsr_hand_out(out, &info, sizeof info, "tsr_codec_info");
}
