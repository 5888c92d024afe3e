/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_chunk_struct.c - a chunk of chosen data and parameters decodes to its data; with some
 * of its fields changed it is whatever the bytes say. */
#include "build_chunk.h"
#include "probe_chunk.h"

static void check_back(const struct image *im, const struct tsr_cparams *p, const struct data *d)
{
    struct tsr_chunk c;
    uint8_t *back = need(malloc(d->n + 1));
    check_ok(tsr_chunk_parse(&c, im->b.p, im->b.len, im->b.len, tsr_limit(LIMIT)));
    check(c.cbytes == (int64_t)im->b.len && c.nbytes == (int64_t)d->n);
    c.item_bytes = p->item_bytes;
    check_ok(tsr_chunk_decode_range(&c, worker(), im->b.p, 0, c.nbytes, back));
    check(loses(p) || memcmp(back, d->p, d->n) == 0);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct image im = {0};
    struct tsr_cparams p;
    uint32_t times = pick(&in, 6);
    pick_params(&in, &p, pick_item(&in));
    struct data d = make_data(&in, pick(&in, 12000));
    bool vl = pick(&in, 4) == 0 && d.n > 0;
    if (vl ? put_vl_chunk(&im, &in, &p, &d) : put_chunk(&im, &p, &d)) {
        check_back(&im, &p, &d);
        mutate(&im, &in, times);
        uint8_t *exact = need(malloc(im.b.len)); /* nothing behind the last byte */
        memcpy(exact, im.b.p, im.b.len);
        probe_chunk(exact, im.b.len);
        free(exact);
    }
    image_free(&im);
    free(d.p);
    return 0;
}
