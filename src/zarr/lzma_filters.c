/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/lzma_filters.c - {"id": 33, "preset": 1, "dict_size": 65536} to liblzma's structs.
 *
 * A filter of LZMA begins with what a preset says, of which each other member changes one value.
 * Numbers are checked by liblzma itself, those apart that would be cut. */
#include "zarr/lzma_filters.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/node.h"

static int member(const struct tsr_node *n, const char *name, uint32_t *out)
{
    struct tsr_zparam p = {name, 0, UINT32_MAX, *out};
    int64_t v = 0;
    int rc = tsr_zcodec_int(n, &p, 3, &v);
    *out = (uint32_t)v;
    return rc;
}

static int lzma_options(lzma_options_lzma *o, const struct tsr_node *n)
{
    uint32_t preset = LZMA_PRESET_DEFAULT, mode, mf;
    int rc = member(n, "preset", &preset);
    if (rc < 0) return rc;
    if (lzma_lzma_preset(o, preset))
        return tsr_fail(TSR_ECORRUPT, "preset: found %u, expected 0 to 9", preset);
    mode = o->mode;
    mf = o->mf;
    const struct {
        const char *name;
        uint32_t *to;
    } members[] = {{"dict_size", &o->dict_size},
                   {"lc", &o->lc},
                   {"lp", &o->lp},
                   {"pb", &o->pb},
                   {"mode", &mode},
                   {"nice_len", &o->nice_len},
                   {"mf", &mf},
                   {"depth", &o->depth}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if ((rc = member(n, members[i].name, members[i].to)) < 0) return rc;
    o->mode = (lzma_mode)mode;
    o->mf = (lzma_match_finder)mf;
    return TSR_OK;
}

static int parse_one(struct tsr_lzma_filters *f, int i, const struct tsr_node *n)
{
    enum { BCJ_FIRST = 4, BCJ_LAST = 9, DELTA = 3 };
    static const struct tsr_zparam id_param = {"id", 0, INT64_MAX, -1};
    int64_t id = -1;
    int rc = tsr_znode_map(n);
    if (rc == TSR_OK) rc = tsr_zcodec_int(n, &id_param, 3, &id);
    if (rc < 0) return rc;
    f->chain[i] = (lzma_filter){.id = (lzma_vli)id, .options = &f->option[i]};
    if (id == (int64_t)LZMA_FILTER_LZMA1 || id == (int64_t)LZMA_FILTER_LZMA2)
        return lzma_options(&f->option[i].lzma, n);
    if (id == DELTA) {
        f->option[i].delta = (lzma_options_delta){.type = LZMA_DELTA_TYPE_BYTE, .dist = 1};
        return member(n, "dist", &f->option[i].delta.dist);
    }
    if (id >= BCJ_FIRST && id <= BCJ_LAST)
        return member(n, "start_offset", &f->option[i].bcj.start_offset);
    return tsr_fail(TSR_EUNSUPPORTED, "id: found %lld, expected a filter of xz", (long long)id);
}

int tsr_lzma_filters_parse(struct tsr_lzma_filters *f, const struct tsr_node *list)
{
    memset(f, 0, sizeof *f);
    if (list->kind != TSR_NODE_LIST || list->list.n == 0 || list->list.n > LZMA_FILTERS_MAX)
        return tsr_fail(TSR_ECORRUPT, "filters: expected a list of 1 to %d", LZMA_FILTERS_MAX);
    for (size_t i = 0; i < list->list.n; i++) {
        int rc = parse_one(f, (int)i, &list->list.v[i]);
        if (rc < 0) {
            tsr_within("filters[%zu]", i);
            return rc;
        }
    }
    f->n = (int)list->list.n;
    f->chain[f->n].id = LZMA_VLI_UNKNOWN;
    return TSR_OK;
}

void tsr_lzma_filters_copy(struct tsr_lzma_filters *f, const struct tsr_lzma_filters *from,
                           size_t reach)
{
    *f = *from;
    for (int i = 0; i < f->n; i++) {
        f->chain[i].options = &f->option[i];
        bool lzma = f->chain[i].id == LZMA_FILTER_LZMA1 || f->chain[i].id == LZMA_FILTER_LZMA2;
        uint32_t *dict = &f->option[i].lzma.dict_size;
        if (lzma && *dict > reach) *dict = (uint32_t)tsr_max64((int64_t)reach, LZMA_DICT_SIZE_MIN);
    }
}
