/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_b2nd_struct.c - an array built by the specification has the items it was built of;
 * with some fields of its frame changed it is whatever the bytes say. */
#include "build_array.h"
#include "probe_array.h"

static void check_items(const tsr_array *a, const struct shape *s, const struct plan *p)
{
    tsr_stats st = {.size = sizeof st};
    int64_t at[NDIM] = {0};
    check_ok(tsr_array_stats(a, &st));
    uint8_t *all = need(malloc((size_t)st.nbytes + 1)), *item = all;
    check_ok(tsr_array_read(a, NULL, all, (size_t)st.nbytes));
    if (st.nbytes > 0 && !loses(&p->params)) {
        do {
            check(memcmp(item, plan_item(s, p, at), (size_t)p->type_size) == 0);
            item += p->type_size;
        } while (next_item(s, at));
        check(item == all + st.nbytes);
    }
    free(all);
}

static void check_array(const struct image *im, const struct shape *s, const struct plan *p)
{
    tsr_options o = options();
    tsr_array *a;
    check_ok(tsr_array_from_frame(im->b.p, im->b.len, TSR_BORROW, &o, &a));
    const tsr_spec *spec = tsr_array_spec(a);
    check(spec->ndim == s->ndim && spec->item_bytes == p->type_size);
    for (int d = 0; d < s->ndim; d++)
        check(spec->shape[d] == s->shape[d] && spec->chunks[d] == s->chunk[d] &&
              spec->blocks[d] == s->block[d]);
    check_items(a, s, p);
    check_ok(tsr_array_close(a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct plan p = {0};
    struct shape s = {0};
    struct image im = {0};
    uint32_t times = pick(&in, 5), odd = pick(&in, 3) == 0;
    pick_array(&in, &s, &p);
    put_frame(&im, &in, &p, odd);
    if (!odd) check_array(&im, &s, &p);
    mutate(&im, &in, times);
    uint8_t *exact = need(malloc(im.b.len));
    memcpy(exact, im.b.p, im.b.len);
    probe_array(exact, im.b.len);
    free(exact);
    image_free(&im);
    plan_free(&p);
    return 0;
}
