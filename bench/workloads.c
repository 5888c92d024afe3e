/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/workloads.c - the table of workloads: what users do most, at sizes where it hurts.
 *
 * Blocks are given wherever an engine would choose its own, so that both do the same work. */
#include "bench.h"

#define MIB (INT64_C(1) << 20)

/* A table, laid out to be read across. */
/* clang-format off */

/* One row per layout that several workloads share. */
#define CUBE(codec_)                                                                              \
    {SMOOTH_F4, "<f4", 4, 3, {320, 320, 320}, {80, 80, 80}, {20, 20, 20}, codec_, "shuffle", 5,   \
     false, 0}
#define FRAME_U2                                                                                  \
    {IMAGE_U2, "<u2", 2, 2, {4096, 4096}, {512, 512}, {64, 64}, "lz4", "shuffle", 5, false, 0}
#define TABLE                                                                                     \
    {TABLE_F8, "<f8", 8, 2, {2000, 2000}, {250, 250}, {50, 50}, "zstd", "shuffle", 5, false, 0}
#define STARS                                                                                     \
    {STARS_U1, "|u1", 1, 3, {500, 500, 500}, {125, 125, 125}, {25, 25, 25}, "zstd", NULL, 5,      \
     false, 0}
#define FIELD(n, codec_)                                                                          \
    {SMOOTH_F4, "<f4", 4, 3, {n, 256, 256}, {64, 128, 128}, {16, 32, 32}, codec_, "shuffle", 5,   \
     false, 0}
#define SKY(filter_)                                                                              \
    {IMAGE_U2, "<u2", 2, 2, {8192, 8192}, {1024, 1024}, {128, 128}, "lz4", filter_, 5, false, 0}
#define SMALL                                                                                     \
    {SMOOTH_F4, "<f4", 4, 2, {1024, 1024}, {128, 128}, {32, 32}, "zstd", "shuffle", 5,            \
     false, 0}
#define GROWING                                                                                   \
    {SMOOTH_F4, "<f4", 4, 3, {400, 200, 200}, {16, 100, 100}, {4, 50, 50}, "zstd", "shuffle", 5,  \
     false, 0}
#define CHUNKS(n) {TABLE_F8, "<f8", 8, 1, {(n)*100}, {100}, {100}, "zstd", "shuffle", 5, false, 0}
#define ROW(item, n, chunk, block)                                                                \
    {RECORDS, "|u1", item, 1, {n}, {chunk}, {block}, "lz4", "shuffle", 5, false, 0}
#define ROW_F8                                                                                    \
    {TABLE_F8, "<f8", 8, 1, {MIB}, {MIB / 8}, {4096}, "lz4", "shuffle", 5, false, 0}
#define CHUNK(content_, codec_, filter_)                                                          \
    {content_, "<f4", 4, 1, {4 * MIB}, {4 * MIB}, {32 << 10}, codec_, filter_, 5, false, 0}

#define PLANES_ON(axis_, place, codec_, disk_, target_, c0, c1, c2)                               \
    {.group = "planes", .target = target_,                                                        \
     .name = "axis " #axis_ " of 320^3 f4, " codec_ ", " place,                                   \
     .kind = &kind_read, .layout = CUBE(codec_), .disk = disk_, .pattern = PLANES, .axis = axis_, \
     .count = {c0, c1, c2}, .ops = 40}
#define PLANES_IN(place, codec_, disk_, target_)                                                  \
    PLANES_ON(0, place, codec_, disk_, target_, 1, 320, 320),                                     \
        PLANES_ON(1, place, codec_, disk_, target_, 320, 1, 320),                                 \
        PLANES_ON(2, place, codec_, disk_, target_, 320, 320, 1)
#define SPARSE(n, c)                                                                              \
    {SMOOTH_F4, "<f4", 4, 3, {n, 256, 256}, {c, c, c}, {16, 32, 32}, "lz4", "shuffle", 5, true, 0}
#define COPIED                                                                                    \
    {SMOOTH_F4, "<f4", 4, 3, {256, 256, 256}, {64, 64, 64}, {16, 32, 32}, "lz4", "shuffle", 5,    \
     false, 0}
#define CODED(codec_, filters_, tolerance_)                                                       \
    {SMOOTH_F4, "<f4", 4, 3, {128, 256, 256}, {64, 128, 128}, {16, 32, 32}, codec_, filters_, 5,  \
     false, tolerance_}
#define LABELS                                                                                    \
    {LABELS_U1, "|u1", 1, 2, {2048, 4096}, {512, 512}, {64, 64}, "ndlz/4", NULL, 5, false, 0}
#define WORDS                                                                                     \
    {RECORDS, "|u1", 1000, 1, {64000}, {64}, {1}, "zstd", NULL, 5, false, 0}

#define ONE_CHUNK(content_, codec_, filter_, label, target_)                                      \
    {.group = "compress", .target = target_, .name = codec_ " " label,              \
     .kind = &kind_compress,                                                                      \
     .layout = CHUNK(content_, codec_, filter_), .pattern = WHOLE, .ops = 1},                     \
        {.group = "decompress", .target = target_, .name = codec_ " " label,        \
         .kind = &kind_decompress, .pattern = WHOLE, .ops = 1,                                     \
         .layout = CHUNK(content_, codec_, filter_)}
#define FILTERED(content_, codec_, of_, target_)                                                  \
    ONE_CHUNK(content_, codec_, NULL, "no filter, 16 MiB " of_, target_),                         \
        ONE_CHUNK(content_, codec_, "shuffle", "shuffle, 16 MiB " of_, target_),                  \
        ONE_CHUNK(content_, codec_, "bitshuffle", "bitshuffle, 16 MiB " of_, target_)
#define MORE(label, content_, dtype_, item, codec_, filters_, block, tolerance_)                  \
    {.group = "compress", .name = label, .kind = &kind_compress, .pattern = WHOLE, .ops = 1,      \
     .layout = {content_, dtype_, item, 1, {2 * MIB}, {2 * MIB}, {block}, codec_, filters_, 5,    \
                false, tolerance_}},                                                              \
        {.group = "decompress", .name = label, .kind = &kind_decompress, .pattern = WHOLE,        \
         .ops = 1, .layout = {content_, dtype_, item, 1, {2 * MIB}, {2 * MIB}, {block}, codec_,   \
                              filters_, 5, false, tolerance_}}
#define MORE_F4(codec_, filters_, label, block, tolerance_)                                       \
    MORE(codec_ " " label ", 8 MiB f4", SMOOTH_F4, "<f4", 4, codec_, filters_, block, tolerance_)
#define CODED_ROWS(label, layout_, ...)                                                           \
    {.group = "coded", .name = "write " label, .kind = &kind_save, .layout = layout_,             \
     .disk = true, .pattern = WHOLE, .ops = 1},                                                   \
        {.group = "coded", .name = "read " label, .kind = &kind_read, .layout = layout_,          \
         .disk = true, .pattern = WHOLE, .ops = 1},                                               \
        {.group = "coded", .name = "planes of " label, .kind = &kind_read, .layout = layout_,     \
         .disk = true, .pattern = PLANES, .axis = 0, .count = __VA_ARGS__, .ops = 20}
#define APPENDS(label, item, n, each_, peer_, target_)                                            \
    {.group = "appends", .target = target_, .name = label, .kind = &kind_append,                  \
     .layout = ROW(item, (n), 1, 1), .disk = true, .pattern = RANDOM, .count = {1}, .ops = n,     \
     .peer_ops = peer_, .each = each_}
#define OPENING(label, n, target_)                                                                \
    {.group = "open", .target = target_, .name = "array of " label " chunks, one item",           \
     .kind = &kind_open,                                                                          \
     .layout = CHUNKS(n), .disk = true, .pattern = RANDOM, .count = {1}, .ops = 50}

static const struct workload workloads[] = {
    PLANES_IN("disk", "zstd", true, 2.2),
    PLANES_IN("memory", "lz4", false, 1.8),
    {.group = "cutouts", .target = 4, .name = "30x30 of 4096^2 u2, lz4, disk", .kind = &kind_read,
     .layout = FRAME_U2, .disk = true, .pattern = RANDOM, .count = {30, 30}, .ops = 2000},
    {.group = "items", .target = 5, .name = "one of 2000^2 f8, zstd, disk", .kind = &kind_read,
     .layout = TABLE, .disk = true, .pattern = RANDOM, .count = {1, 1}, .ops = 2000},
    {.group = "windows", .target = 6, .name = "10x200x200 of sparse 500^3 u1, zstd",
     .kind = &kind_read,
     .layout = STARS, .disk = true, .pattern = SLIDE, .count = {10, 200, 200}, .stride = 5,
     .ops = 98},
    {.group = "whole", .target = 2.5, .name = "read 268 MB f4, zstd shuffle, disk",
     .kind = &kind_read,
     .layout = FIELD(1024, "zstd"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "whole", .target = 4, .name = "read 134 MB u2, lz4 bitshuffle, disk",
     .kind = &kind_read,
     .layout = SKY("bitshuffle"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "whole", .target = 1.3, .name = "write 134 MB f4, zstd shuffle, disk",
     .kind = &kind_save,
     .layout = FIELD(512, "zstd"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "whole", .target = 1.8, .name = "write 134 MB u2, lz4 shuffle, disk",
     .kind = &kind_save,
     .layout = SKY("shuffle"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "regions", .target = 4, .name = "write 50x70 of 1024^2 f4, flush per 50",
     .kind = &kind_write,
     .layout = SMALL, .disk = true, .pattern = RANDOM, .count = {50, 70}, .ops = 50},
    {.group = "regions", .target = 4, .name = "write 50x70 of 1024^2 f4, flush each",
     .kind = &kind_write,
     .layout = SMALL, .disk = true, .pattern = RANDOM, .count = {50, 70}, .ops = 50,
     .each = true},
    {.group = "grow", .target = 4, .name = "resize, write 10x200x200 f4, 40 steps",
     .kind = &kind_grow,
     .layout = GROWING, .disk = true, .pattern = PLANES, .count = {10, 200, 200}, .ops = 40},
    APPENDS("2,000 of 8 kB, one flush", 8000, 2000, false, 0, 20),
    APPENDS("2,000 of 8 kB, flush each", 8000, 2000, true, 0, 1),
    APPENDS("200,000 of 80 B (peer: 2,000)", 80, 200000, false, 2000, 20),
    OPENING("1,000", 1000, 1),
    OPENING("20,000", 20000, 1),
    OPENING("200,000", 200000, 6),
    {.group = "schunk", .target = 1.5, .name = "whole 8 MiB f8, lz4, memory",
     .kind = &kind_row_get,
     .layout = ROW_F8, .pattern = WHOLE, .ops = 1},
    {.group = "schunk", .target = 8, .name = "slices of 100 f8, lz4, memory",
     .kind = &kind_row_get,
     .layout = ROW_F8, .pattern = RANDOM, .count = {100}, .ops = 2000},
    /* of bits with noise in them the peer's BloscLZ stores the bytes, which are no race then */
    FILTERED(CURVE_F4, "blosclz", "f4 curve", 1),
    FILTERED(SMOOTH_F4, "lz4", "f4", 1),
    FILTERED(SMOOTH_F4, "lz4hc", "f4", 1),
    FILTERED(SMOOTH_F4, "zlib", "f4", 2),
    FILTERED(SMOOTH_F4, "zstd", "f4", 1),
    {.group = "compress", .name = "16 MiB of zeros", .kind = &kind_compress,
     .layout = {ZEROS, "<f4", 4, 1, {4 * MIB}, {4 * MIB}, {32 << 10}, "lz4",
                "shuffle", 5, false, 0},
     .pattern = WHOLE, .ops = 1},
    {.group = "decompress", .name = "16 MiB of zeros", .kind = &kind_decompress,
     .layout = {ZEROS, "<f4", 4, 1, {4 * MIB}, {4 * MIB}, {32 << 10}, "lz4",
                "shuffle", 5, false, 0},
     .pattern = WHOLE, .ops = 1},
    MORE_F4("lz4", "shuffle,bytedelta", "shuffle bytedelta", 32 << 10, 0),
    MORE_F4("lz4", "delta,shuffle", "delta shuffle", 32 << 10, 0),
    MORE_F4("lz4", "trunc_prec/10,shuffle", "trunc_prec shuffle", 32 << 10, 0.3),
    MORE("lz4 int_trunc shuffle, 4 MiB u2", IMAGE_U2, "<u2", 2, "lz4", "int_trunc/12,shuffle",
         32 << 10, 16),
    MORE_F4("zstd/dict", "shuffle", "shuffle", 4 << 10, 0),
    MORE_F4("lz4/dict", "shuffle", "shuffle", 4 << 10, 0),
    CODED_ROWS("32 MiB f4, zfp_acc 0.01", CODED("zfp_acc/-2", NULL, 0.01), {1, 256, 256}),
    CODED_ROWS("32 MiB f4, zfp_rate 40%", CODED("zfp_rate/40", NULL, 1), {1, 256, 256}),
    CODED_ROWS("32 MiB f4, lz4 ndcell shuffle", CODED("lz4", "ndcell/4,shuffle", 0),
               {1, 256, 256}),
    CODED_ROWS("8 MiB u1, ndlz", LABELS, {1, 4096}),
    {.group = "sparse", .name = "write 67 MB f4 in 64 files, lz4", .kind = &kind_save,
     .layout = SPARSE(256, 64), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "sparse", .name = "read 67 MB f4 in 64 files, lz4", .kind = &kind_read,
     .layout = SPARSE(256, 64), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "sparse", .name = "4x30x30 of 512 files, lz4", .kind = &kind_read,
     .layout = SPARSE(256, 32), .disk = true, .pattern = RANDOM, .count = {4, 30, 30},
     .ops = 500},
    {.group = "sparse", .name = "500 appends of 8 kB, one flush", .kind = &kind_append,
     .layout = {RECORDS, "|u1", 8000, 1, {500}, {1}, {1}, "lz4", "shuffle", 5, true, 0},
     .disk = true, .pattern = RANDOM, .count = {1}, .ops = 500},
    {.group = "copy", .name = "67 MB f4, file to folder", .kind = &kind_copy, .layout = COPIED,
     .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "copy", .name = "two of 67 MB f4 in a row", .kind = &kind_concat, .layout = COPIED,
     .disk = true, .pattern = WHOLE, .ops = 1, .op_bytes = 2 * 4 * 256.0 * 256 * 256},
    {.group = "vlblocks", .name = "append 64 blocks of 1 kB, zstd", .kind = &kind_vl_append,
     .layout = WORDS, .pattern = RANDOM, .count = {64}, .ops = 1000},
    {.group = "vlblocks", .name = "read one block of 1 kB, zstd", .kind = &kind_vl_get,
     .layout = WORDS, .pattern = RANDOM, .count = {64}, .ops = 1000, .op_bytes = 1000},
};

/* Those whose time with a pool of two is compared with that of one; target: of the scaling. */
static const struct workload pool_workloads[] = {
    PLANES_IN("disk", "zstd", true, 0.8),
    PLANES_IN("memory", "lz4", false, 0.8),
    {.group = "whole", .target = 0.9, .name = "read 134 MB f4, zstd shuffle, disk",
     .kind = &kind_read, .layout = FIELD(512, "zstd"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "whole", .target = 0.9, .name = "read 134 MB u2, lz4 bitshuffle, disk",
     .kind = &kind_read, .layout = SKY("bitshuffle"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "whole", .target = 0.9, .name = "write 134 MB f4, zstd shuffle, disk",
     .kind = &kind_save, .layout = FIELD(512, "zstd"), .disk = true, .pattern = WHOLE, .ops = 1},
    {.group = "whole", .target = 0.9, .name = "write 134 MB u2, lz4 shuffle, disk",
     .kind = &kind_save, .layout = SKY("shuffle"), .disk = true, .pattern = WHOLE, .ops = 1},
};
/* clang-format on */

const struct workload *workload_at(int i)
{
    return i < (int)(sizeof workloads / sizeof *workloads) ? &workloads[i] : NULL;
}

const struct workload *pool_workload_at(int i)
{
    return i < (int)(sizeof pool_workloads / sizeof *pool_workloads) ? &pool_workloads[i] : NULL;
}
