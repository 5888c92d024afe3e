/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/train.c - dictionaries through libzstd's trainer.
 *
 *   | magic | id | entropy tables | content: strings that many samples share, the best ones last |
 *
 * Its choice of content serves any codec that copies from what it saw before, tables apart. */
#include "codec/train.h"

#include <string.h>
#define ZDICT_STATIC_LINKING_ONLY /* training with given parameters */
#include <zdict.h>

#include "base/num.h"

/* Bytes before the content; len when it is no dictionary with tables. */
static size_t tables_len(const uint8_t *dict, size_t len)
{
    size_t tables = ZDICT_getDictHeaderSize(dict, len);
    return ZDICT_isError(tables) || tables > len ? len : tables;
}

size_t tsr_train(const struct tsr_samples *s, int kind, uint8_t *dict, size_t cap)
{
    /* The trainer of the stable interface tries five lengths of segments and takes ten times as
     * long for dictionaries that save up to a hundredth more.  2^18 counters fit the cache. */
    ZDICT_fastCover_params_t how = {.k = (unsigned)tsr_minz(1024, cap / 2),
                                    .d = 8,
                                    .f = 18,
                                    .accel = 1,
                                    .splitPoint = 1};
    size_t len = ZDICT_trainFromBuffer_fastCover(dict, cap, s->p, s->len, s->n, how);
    if (ZDICT_isError(len)) return 0;
    if (kind == TSR_DICT_TABLES) return len;
    size_t tables = tables_len(dict, len);
    memmove(dict, dict + tables, len - tables);
    return len - tables;
}

size_t tsr_train_less(const struct tsr_samples *s, int kind, const struct tsr_dict *of,
                      uint8_t *dict, size_t cap)
{
    if (kind == TSR_DICT_STRINGS) {
        size_t len = cap < of->len ? cap : of->len;
        memcpy(dict, of->p + of->len - len, len);
        return len;
    }
    size_t tables = tables_len(of->p, of->len), content = of->len - tables;
    if (cap <= tables) return 0;
    if (content > cap - tables) content = cap - tables;
    size_t len = ZDICT_finalizeDictionary(dict, cap, of->p + of->len - content, content, s->p,
                                          s->len, s->n, (ZDICT_params_t){0});
    return ZDICT_isError(len) ? 0 : len;
}

bool tsr_dict_has_tables(const uint8_t *dict, size_t len)
{
    const uint32_t magic = 0xEC30A437;
    return len >= 4 && tsr_load_LE32(dict) == magic;
}
