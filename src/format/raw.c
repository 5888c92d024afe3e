/* SPDX-License-Identifier: BSD-3-Clause */
/* format/raw.c - bare items: what they are comes from tsr_options.raw, where they begin from
 * tsr_options.offset.  Nothing tells such a file from any other but its name. */
#include "format/plain.h"

static int head_of(const tsr_options *o, struct tsr_plain_head *h)
{
    int rc = tsr_plain_head_spec(h, o->raw);
    h->data_off = o->offset;
    if (rc < 0) tsr_within("raw file");
    return rc;
}

static int raw_open(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_plain_head h = {0};
    int rc = head_of(o, &h);
    if (rc == TSR_OK) return tsr_plain_open(st, &h, o, out);
    tsr_plain_head_done(&h);
    tsr_store_close(st);
    return rc;
}

static int raw_create(struct tsr_store *st, const tsr_spec *spec, const tsr_options *o,
                      struct tsr_driver **out)
{
    struct tsr_plain_head h = {0};
    int rc = tsr_plain_head_spec(&h, spec);
    if (rc == TSR_OK) return tsr_plain_create(st, &h, NULL, o, out);
    tsr_plain_head_done(&h);
    tsr_store_close(st);
    return rc;
}

static int raw_extent(struct tsr_store *st, const tsr_options *o, uint64_t *end)
{
    struct tsr_plain_head h = {0};
    int rc = head_of(o, &h);
    (void)st;
    if (rc == TSR_OK && !tsr_plain_end(&h, end))
        rc = tsr_fail(TSR_EARG, "shape: the size of the array overflows 64 bits");
    tsr_plain_head_done(&h);
    return rc;
}

static const char *const suffixes[] = {".raw", ".bin", NULL};

const struct tsr_format tsr_format_raw = {
    .name = "raw",
    .suffixes = suffixes,
    .kind = TSR_KIND_ARRAY,
    .open = raw_open,
    .create = raw_create,
    .close = tsr_plain_close,
    .extent = raw_extent,
    .locate = tsr_plain_locate,
    .spans = tsr_plain_spans,
    .decode = tsr_plain_decode,
    .begin = tsr_plain_begin,
    .encode = tsr_plain_encode,
    .seal = tsr_plain_seal,
    .commit = tsr_plain_commit,
    .flush = tsr_plain_flush,
    .cbytes = tsr_plain_cbytes,
};
