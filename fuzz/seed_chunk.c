/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/seed_chunk.c FOLDER - writes the seeds of fuzz_chunk: small chunks of every codec, filter
 * and kind, and the beginnings of what is refused (dictionaries, variable-length blocks). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "chunk/chunk.h"
#include "chunk/layout.h"

enum { ROOM = 4096 };

static const char *folder;

static void save(const char *name, const uint8_t *p, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(p, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* Items that count upwards, every third block of 64 all alike. */
static void fill(uint8_t *src, size_t n, size_t item)
{
    for (size_t i = 0; i < n; i++)
        src[i] = (uint8_t)(i / 64 % 3 == 0 ? 0 : i % item ? i / 997 : i / item * 5);
}

static void encoded(struct tsr_worker *w, const struct tsr_codec *codec, int filter, int32_t item)
{
    uint8_t src[ROOM], dst[ROOM + 32];
    int32_t cbytes;
    struct tsr_cparams p;
    char name[64];
    tsr_cparams_init(&p, item);
    p.codec = codec;
    p.codec_id = codec->blosc2_id;
    p.filters[5] = (uint8_t)filter;
    p.block_bytes = 512;
    fill(src, 1500, (size_t)item);
    if (tsr_chunk_encode(&p, w, src, 1500, dst, sizeof dst, &cbytes) < 0) exit(1);
    snprintf(name, sizeof name, "%s_f%d_t%d", codec->name, filter, item);
    save(name, dst, (size_t)cbytes);
    /* The same without the extended header, as far as it can be said there. */
    if (filter != 1 || item != 4) return;
    uint8_t basic[ROOM + 32];
    memcpy(basic, dst, 16);
    memcpy(basic + 16, dst + 32, (size_t)cbytes - 32);
    basic[AT_VERSION] = VERSION_BLOSC1;
    basic[AT_FLAGS] = (uint8_t)((dst[AT_FLAGS] & ~FLAG_EXTENDED) | FLAG_SHUFFLE);
    tsr_store_LE32(basic + AT_CBYTES, (uint32_t)cbytes - 16);
    for (int b = 0; b < 3; b++)
        tsr_store_LE32(basic + 16 + 4 * b, tsr_load_LE32(basic + 16 + 4 * b) - 16);
    snprintf(name, sizeof name, "%s_basic", codec->name);
    save(name, basic, (size_t)cbytes - 16);
}

static void specials(struct tsr_worker *w)
{
    uint8_t src[64], dst[ROOM];
    int32_t cbytes;
    struct tsr_cparams p;
    for (size_t i = 0; i < sizeof src; i++) src[i] = (uint8_t)(i * i * 7);
    tsr_chunk_special(dst, TSR_SPECIAL_ZEROS, 1000, 100, 4, NULL, 0);
    save("zeros", dst, 32);
    tsr_chunk_special(dst, TSR_SPECIAL_NAN, 1000, 100, 8, NULL, 0);
    save("nan", dst, 32);
    tsr_chunk_special(dst, TSR_SPECIAL_UNINIT, 1000, 100, 4, NULL, 0);
    save("uninit", dst, 32);
    tsr_chunk_special(dst, TSR_SPECIAL_VALUE, 1001, 91, 7, src, 7);
    save("value", dst, 39);
    tsr_cparams_init(&p, 4);
    if (tsr_chunk_encode(&p, w, src, sizeof src, dst, sizeof dst, &cbytes) < 0) exit(1);
    save("stored", dst, (size_t)cbytes);
    if (tsr_chunk_encode(&p, w, src, 0, dst, sizeof dst, &cbytes) < 0) exit(1);
    save("empty", dst, (size_t)cbytes);
}

/* Header with two block starts, a dictionary of 8 bytes if asked for, and two blocks. */
static void refused(const char *name, bool vl, bool dict)
{
    uint8_t dst[128] = {0};
    size_t at = 32 + 8 + (dict ? 12 : 0);
    dst[AT_VERSION] = vl ? VERSION_LAST : VERSION_REGULAR;
    dst[AT_FLAGS] = FLAG_EXTENDED | FLAG_NO_SPLIT | 1 << 5;
    dst[AT_TYPESIZE] = 1;
    dst[AT_UDCODEC] = CODEC_LZ4;
    dst[AT_FLAGS2] = vl ? FLAGS2_VLBLOCKS : 0;
    dst[AT_BLOSC2_FLAGS] = dict ? BLOSC2_DICT : 0;
    tsr_store_LE32(dst + AT_NBYTES, 20);
    tsr_store_LE32(dst + AT_BLOCKSIZE, vl ? 2 : 10);
    tsr_store_LE32(dst + AT_CBYTES, (uint32_t)at + 28);
    if (dict) tsr_store_LE32(dst + 40, 8);
    for (size_t b = 0; b < 2; b++) {
        tsr_store_LE32(dst + 32 + 4 * b, (uint32_t)(at + 14 * b));
        tsr_store_LE32(dst + at + 14 * b, 10);
    }
    save(name, dst, at + 28);
}

int main(int argc, char **argv)
{
    static const int32_t items[] = {1, 4, 7, 16};
    struct tsr_pool *pool;
    if (argc != 2 || tsr_pool_new(1, &pool) < 0) return 2;
    struct tsr_worker *w = tsr_pool_borrow(pool);
    folder = argv[1];
    if (!w) return 1;
    for (int k = 0; tsr_codec_list(k) && !tsr_codec_list(k)->check; k++)
        for (int filter = 0; filter <= 2; filter++)
            for (size_t t = 0; t < 4; t++) encoded(w, tsr_codec_list(k), filter, items[t]);
    specials(w);
    refused("vlblocks", true, false);
    refused("vlblocks_dict", true, true);
    refused("dict", false, true);
    tsr_pool_return(pool, w);
    tsr_pool_free(pool);
    return 0;
}
