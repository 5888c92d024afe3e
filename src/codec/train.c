/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/train.c - dictionaries through libzstd's trainer.
 *
 *   | magic | id | entropy tables | content: strings that many samples share, the best ones last |
 *
 * Its choice of content serves any codec that copies from what it saw before; LZ4 gets it without
 * the tables. */
#include "codec/train.h"

#include <string.h>
#include <zdict.h>

int tsr_train_zstd(const struct tsr_samples *s, uint8_t *dict, size_t cap, size_t *len)
{
    size_t got = ZDICT_trainFromBuffer(dict, cap, s->p, s->len, s->n);
    *len = ZDICT_isError(got) ? 0 : got;
    return 0;
}

int tsr_train_plain(const struct tsr_samples *s, uint8_t *dict, size_t cap, size_t *len)
{
    int rc = tsr_train_zstd(s, dict, cap, len);
    size_t tables = *len ? ZDICT_getDictHeaderSize(dict, *len) : 0;
    if (rc < 0 || *len == 0) return rc;
    if (ZDICT_isError(tables) || tables >= *len) {
        *len = 0;
        return 0;
    }
    *len -= tables;
    memmove(dict, dict + tables, *len);
    return 0;
}
