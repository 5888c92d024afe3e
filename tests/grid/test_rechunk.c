/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/grid/test_rechunk.c - plans of copies: what is counted is what a walk over all boxes
 * finds, and what is planned fits in memory and covers each chunk once. */
#include "../scratch.h"

#include "grid/rechunk.h"
#include "grid/window.h"

static struct tsr_grid grid(int ndim, const int64_t shape[], const int64_t chunk[],
                            const int64_t block[])
{
    struct tsr_grid g = {.ndim = ndim, .item_bytes = 4, .padded = true};
    for (int d = 0; d < ndim; d++) {
        g.shape[d] = shape[d];
        g.chunk[d] = chunk[d];
        g.block[d] = block[d];
    }
    OK(tsr_grid_derive(&g, UINT64_MAX));
    return g;
}

/* Units of one dimension that boxes meet, one by one. */
static int64_t meetings(int64_t shape, int64_t chunk, int64_t block, int64_t box)
{
    int64_t n = 0;
    for (int64_t lo = 0; lo < shape; lo += box) {
        int64_t hi = lo + box < shape ? lo + box : shape, last = -1;
        for (int64_t i = lo; i < hi; i++) {
            int64_t unit = i / chunk * ((chunk + block - 1) / block) + i % chunk / block;
            n += unit != last;
            last = unit;
        }
    }
    return n;
}

static void what_a_pass_meets_is_counted_right(void **state)
{
    (void)state;
    for (int round = 0; round < 4000; round++) {
        int ndim = (int)random_in(1, 3);
        int64_t shape[3], chunk[3], block[3], to_chunk[3], box[TSR_MAX_NDIM];
        int64_t chunks = 1, blocks = 1;
        for (int d = 0; d < ndim; d++) {
            shape[d] = random_in(1, 60);
            chunk[d] = random_in(1, 30);
            block[d] = random_in(1, chunk[d]);
            to_chunk[d] = random_in(1, 20);
            box[d] = to_chunk[d] * random_in(1, 4);
            chunks *= meetings(shape[d], chunk[d], chunk[d], box[d]);
            blocks *= meetings(shape[d], chunk[d], block[d], box[d]);
        }
        struct tsr_grid from = grid(ndim, shape, chunk, block);
        struct tsr_grid to = grid(ndim, shape, to_chunk, to_chunk);
        struct tsr_rechunk_ask q = {.from = &from, .to = &to, .budget = 1 << 30, .threads = 2};
        struct tsr_rechunk_pass p;
        tsr_rechunk_measure(&q, box, &p);
        assert_int_equal(p.chunks_read, chunks);
        assert_int_equal(p.blocks_read, blocks);
        assert_true(p.requests >= chunks);
    }
}

static void any_budget_has_an_end(void **state)
{
    (void)state;
    int64_t shape[] = {1000, 1000}, chunk[] = {10, 1000}, to_chunk[] = {1000, 10};
    struct tsr_grid from = grid(2, shape, chunk, chunk), to = grid(2, shape, to_chunk, to_chunk);
    struct tsr_rechunk_ask q = {.from = &from, .to = &to, .budget = INT64_MAX, .threads = 2};
    assert_true(tsr_rechunk_room(&q) > INT64_MAX / 2);
    q.budget = 1;
    assert_int_equal(tsr_rechunk_room(&q), 0);
}

static void check_pass(const struct tsr_rechunk_pass *p, const struct tsr_grid *to, int64_t budget)
{
    assert_true(p->memory <= budget);
    for (int d = 0; d < to->ndim; d++)
        assert_true(p->box[d] == to->shape[d] || p->box[d] % to->chunk[d] == 0);
}

static void plans_keep_to_the_budget_and_to_whole_chunks(void **state)
{
    (void)state;
    int two = 0, refused = 0;
    for (int round = 0; round < 300; round++) {
        int ndim = (int)random_in(1, 4);
        int64_t shape[4], chunk[4], block[4], to_chunk[4];
        for (int d = 0; d < ndim; d++) {
            shape[d] = random_in(1, ndim < 3 ? 20000 : 600);
            chunk[d] = random_in(0, 1) ? random_in(1, 3) : random_in(1, shape[d]);
            block[d] = random_in(0, 1) ? chunk[d] : random_in(1, chunk[d]);
            to_chunk[d] = random_in(0, 1) ? random_in(1, 3) : random_in(1, shape[d]);
        }
        struct tsr_grid from = grid(ndim, shape, chunk, block), between;
        struct tsr_grid to = grid(ndim, shape, to_chunk, to_chunk);
        struct tsr_rechunk_ask q = {.from = &from,
                                    .to = &to,
                                    .budget = INT64_C(64 << 20) << random_in(0, 4),
                                    .threads = 1 << random_in(0, 6),
                                    .request_bytes = 32 << 10};
        struct tsr_rechunk r;
        int rc = tsr_rechunk_plan(&q, &r);
        refused += rc == TSR_ELIMIT;
        if (rc == TSR_ELIMIT) continue;
        OK(rc);
        two += r.npasses == 2;
        check_pass(&r.pass[r.npasses - 1], &to, q.budget);
        if (r.npasses < 2) continue;
        OK(tsr_rechunk_between(&from, INT64_MAX, r.between, &between));
        check_pass(&r.pass[0], &between, q.budget);
    }
    print_message("%d plans of 300 in two passes, %d refused\n", two, refused);
    assert_true(two > 0 && refused > 0);
}

static void planes_to_pencils_take_two_passes_and_decode_all_once(void **state)
{
    (void)state;
    int64_t shape[] = {1024, 1024, 1024}, plane[] = {1, 1024, 1024}, pencil[] = {1024, 32, 32};
    struct tsr_grid from = grid(3, shape, plane, plane), to = grid(3, shape, pencil, pencil);
    struct tsr_rechunk_ask q = {.from = &from,
                                .to = &to,
                                .budget = 256 << 20,
                                .threads = 2,
                                .request_bytes = 32 << 10};
    struct tsr_rechunk r;
    for (int way = 0; way < 2; way++) {
        OK(tsr_rechunk_plan(&q, &r));
        assert_int_equal(r.npasses, 2);
        for (int i = 0; i < 2; i++) assert_int_equal(r.pass[i].bytes_read, INT64_C(4) << 30);
        q.from = &to;
        q.to = &from;
    }
    /* with the blocks of planes small enough, parts of them are read alone */
    struct tsr_grid rows = grid(3, shape, plane, (int64_t[]){1, 32, 1024});
    q.from = &rows;
    q.to = &to;
    OK(tsr_rechunk_plan(&q, &r));
    assert_int_equal(r.npasses, 1);
    assert_int_equal(r.pass[0].bytes_read, INT64_C(4) << 30);
}

/* Scratch of many threads must not take what boxes need: fewer work then. */
static void threads_are_as_many_as_the_budget_has_room_for(void **state)
{
    int64_t shape[] = {300, 200, 100}, chunk[] = {76, 100, 100}, block[] = {19, 25, 25};
    int64_t to_chunk[] = {100, 100, 100}, budget = 256 << 20, before = 0;
    struct tsr_grid from = grid(3, shape, chunk, block), to = grid(3, shape, to_chunk, to_chunk);
    (void)state;
    for (int threads = 1; threads <= 1024; threads *= 2) {
        struct tsr_rechunk_ask q = {.from = &from, .to = &to, .budget = budget, .threads = threads};
        struct tsr_rechunk r;
        OK(tsr_rechunk_plan(&q, &r));
        assert_int_equal(r.npasses, 1);
        assert_true(r.pass[0].memory <= budget && r.pass[0].memory >= before);
        assert_in_range(r.pass[0].threads, threads < 4 ? threads : 4, threads);
        assert_in_range(r.pass[0].limit, r.pass[0].threads, threads);
        before = r.pass[0].memory;
    }
    /* never more than there are blocks to work on */
    struct tsr_rechunk_ask q = {.from = &to, .to = &to, .budget = budget << 10, .threads = 1000};
    struct tsr_rechunk_pass p;
    tsr_rechunk_measure(&q, shape, &p);
    assert_int_equal(p.threads, to.nblocks * to.nchunks);
    /* though all may be there, for what others do, where there is memory for all */
    assert_int_equal(p.limit, 1000);
    assert_in_range(p.memory, budget, q.budget);
    q.budget = p.memory - 1;
    tsr_rechunk_measure(&q, shape, &p);
    assert_int_equal(p.limit, to.nblocks * to.nchunks);
    assert_int_equal(p.limit, p.threads);
}

/* What is refused goes with the memory that is named, and not with less. */
static void the_least_memory_is_enough_and_less_is_not(void **state)
{
    int64_t shape[] = {400, 500, 400}, plane[] = {1, 500, 400}, pencil[] = {400, 20, 20};
    int64_t few[] = {5}, part[] = {1};
    struct tsr_grid grids[2][2] = {{grid(3, shape, plane, plane), grid(3, shape, pencil, pencil)},
                                   {grid(1, few, few, few), grid(1, few, part, part)}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct tsr_rechunk_ask q = {.from = &grids[i][0],
                                    .to = &grids[i][1],
                                    .fixed = 12 << 20,
                                    .threads = 64,
                                    .one_pass = true};
        struct tsr_rechunk_need need;
        struct tsr_rechunk r;
        tsr_rechunk_least(&q, &need);
        assert_int_equal(need.all, need.box + need.windows + need.threads + need.fixed);
        q.budget = need.all;
        OK(tsr_rechunk_plan(&q, &r));
        assert_int_equal(r.pass[0].memory, need.all);
        q.budget--;
        FAILS(TSR_ELIMIT, "this needs", tsr_rechunk_plan(&q, &r));
    }
}

static void two_passes_are_made_wherever_they_fit_and_read_much_less(void **state)
{
    int64_t shape[] = {400, 500, 400}, plane[] = {1, 500, 400}, pencil[] = {400, 20, 20};
    struct tsr_grid from = grid(3, shape, plane, plane), to = grid(3, shape, pencil, pencil), mid;
    int64_t all = INT64_C(320000000);
    (void)state;
    for (int64_t mib = 30; mib <= 80; mib += 2) {
        struct tsr_rechunk_ask q = {.from = &from,
                                    .to = &to,
                                    .budget = mib << 20,
                                    .fixed = 12 << 20,
                                    .threads = 2,
                                    .request_bytes = 32 << 10};
        struct tsr_rechunk r;
        OK(tsr_rechunk_plan(&q, &r));
        assert_int_equal(r.npasses, 2);
        for (int i = 0; i < 2; i++) assert_in_range(r.pass[i].bytes_read, all, all + all / 8);
        /* what lies between is hardly more than the array */
        OK(tsr_rechunk_between(&from, INT64_MAX, r.between, &mid));
        assert_in_range(mid.nchunks * mid.chunk_bytes, all, all + all / 8);
    }
}

static void a_window_has_work_for_each_thread(void **state)
{
    const int64_t mib = 1 << 20;
    (void)state;
    for (int threads = 1; threads <= 64; threads *= 2) {
        /* small blocks, of which there are many for each thread */
        int64_t small = tsr_window_bytes(threads, 32 << 10);
        assert_true(small >= 4 * mib && small >= threads * (int64_t)(32 << 10) * 16);
        assert_true(small <= 64 * mib || small <= threads * 2 * mib);
        /* large ones: one at least, so that no thread waits; not more than half a GiB */
        for (int64_t block = mib; block <= 2048 * mib; block *= 4) {
            int64_t window = tsr_window_bytes(threads, block), all = threads * block;
            assert_true(window >= (all < 512 * mib ? all : 512 * mib));
            assert_true(window <= 512 * mib);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_pass_meets_is_counted_right),
        cmocka_unit_test(any_budget_has_an_end),
        cmocka_unit_test(plans_keep_to_the_budget_and_to_whole_chunks),
        cmocka_unit_test(threads_are_as_many_as_the_budget_has_room_for),
        cmocka_unit_test(the_least_memory_is_enough_and_less_is_not),
        cmocka_unit_test(two_passes_are_made_wherever_they_fit_and_read_much_less),
        cmocka_unit_test(a_window_has_work_for_each_thread),
        cmocka_unit_test(planes_to_pencils_take_two_passes_and_decode_all_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
