/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_encode.c - any data with any parameters comes back from its chunk.
 *
 *   0      1       2        3..5     6..7         8      9
 *   | codec| clevel| filters| metas  | block size | item | split | data ...
 */
#include "chunk/chunk.h"
#include "fuzz.h"

enum { PARAMS = 10 };

static int count_codecs(void)
{
    int n = 0;
    while (tsr_codec_list(n) && !tsr_codec_list(n)->check) n++; /* those that take any bytes */
    return n;
}

static struct tsr_cparams params(const uint8_t *p)
{
    struct tsr_cparams c;
    tsr_cparams_init(&c, p[8] + 1);
    c.codec = tsr_codec_list(p[0] % count_codecs());
    c.codec_id = c.codec->blosc2_id;
    c.clevel = p[1] % 9; /* 9 is the slow one */
    for (int i = 0; i < 3; i++) {
        c.filters[3 + i] = (uint8_t)((p[2] >> 2 * i & 3) % 3);
        c.filters_meta[3 + i] = p[3 + i];
    }
    c.block_bytes = p[6] | (p[7] & 15) << 8;
    c.split = 1 + p[9] % 4;
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PARAMS) return 0;
    struct tsr_cparams p = params(data);
    const uint8_t *src = data + PARAMS;
    size_t n = size - PARAMS;
    int32_t cbytes;
    struct tsr_chunk c;
    uint8_t *chunk = malloc(n + 32), *back = malloc(n + 1);
    check(chunk && back);
    check(tsr_chunk_encode(&p, worker(), src, (int64_t)n, chunk, n + 32, &cbytes) == TSR_OK);
    check(cbytes >= 32 && (size_t)cbytes <= n + 32);
    int rc = tsr_chunk_parse(&c, chunk, (size_t)cbytes, (uint64_t)cbytes, tsr_limit(n));
    check(rc == TSR_OK && c.cbytes == cbytes && c.nbytes == (int64_t)n);
    check(tsr_chunk_decode_range(&c, worker(), chunk, 0, (int64_t)n, back) == TSR_OK);
    check(memcmp(src, back, n) == 0);
    free(chunk);
    free(back);
    return 0;
}
