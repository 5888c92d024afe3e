/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_frame_struct.c - a frame built by the specification has what it was built of; with
 * some of its fields changed it is whatever the bytes say. */
#include "build_frame.h"
#include "probe_frame.h"

static void check_metas(const struct tsr_frame *f, tsr_meta_kind kind, const struct plan_meta *m,
                        int n)
{
    check(tsr_frame_meta_count(f, kind) == n);
    for (int i = 0; i < n; i++) {
        void *buf;
        size_t len;
        check_ok(tsr_frame_meta_get(f, kind, m[i].name, &buf, &len));
        check(len == m[i].v.b.len && (len == 0 || memcmp(buf, m[i].v.b.p, len) == 0));
        tsr_free(buf);
    }
}

static void no_problem(void *user, int64_t chunk, tsr_status status, const char *what)
{
    (void)user;
    fprintf(stderr, "verify: chunk %lld, status %d: %s\n", (long long)chunk, status, what);
    abort();
}

static void check_chunks(const struct tsr_frame *f, const struct plan *p)
{
    static uint8_t got[CHUNK_LIMIT];
    for (int i = 0; i < p->nchunks; i++) {
        struct tsr_frame_place at;
        size_t n;
        check_ok(tsr_frame_locate(f, i, &at));
        check(at.special == p->special[i]);
        if (at.special) continue;
        check_ok(decode(f, i, got, sizeof got, &n));
        check(n == p->data[i].n);
        check(loses(&p->params) || memcmp(got, p->data[i].p, n) == 0);
    }
}

static void check_frame(const struct image *im, const struct plan *p)
{
    struct tsr_store *st;
    struct tsr_frame *f;
    check_ok(tsr_store_mem_borrow(im->b.p, im->b.len, &st));
    check_ok(tsr_frame_open(st, 0, tsr_limit(CHUNK_LIMIT), &f));
    const struct tsr_frame_facts *facts = tsr_frame_facts_of(f);
    check(facts->nchunks == p->nchunks && facts->nbytes == p->nbytes);
    check_metas(f, TSR_META, p->meta, p->nmetas);
    check_metas(f, TSR_VLMETA, p->vlmeta, p->nvlmetas);
    check_chunks(f, p);
    tsr_frame_verify(f, no_problem, NULL);
    tsr_frame_close(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct plan p = {.type_size = pick_item(&in)};
    struct image im = {0};
    uint32_t times = pick(&in, 5), odd = pick(&in, 2);
    pick_params(&in, &p.params, p.type_size);
    int32_t items = 1 + (int32_t)pick(&in, 200); /* at most 300 bytes each, CHUNK_LIMIT in all */
    p.chunk_bytes = (int64_t)items * p.type_size;
    p.variable = pick(&in, 4) == 0;
    p.vl = pick(&in, 4) == 0;
    pick_metas(&in, &p);
    int n = (int)pick(&in, PLAN_CHUNKS);
    pick_chunks(&in, &p, n, p.chunk_bytes - (int64_t)pick(&in, (uint32_t)items) * p.type_size);
    put_frame(&im, &in, &p, odd);
    if (!odd) check_frame(&im, &p);
    mutate(&im, &in, times);
    uint8_t *exact = need(malloc(im.b.len));
    memcpy(exact, im.b.p, im.b.len);
    probe_frame(exact, im.b.len);
    free(exact);
    image_free(&im);
    plan_free(&p);
    return 0;
}
