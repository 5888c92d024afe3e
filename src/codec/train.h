/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/train.h - dictionaries from samples. */
#ifndef TSR_CODEC_TRAIN_H
#define TSR_CODEC_TRAIN_H

#include "codec/codec.h"

/* Pieces of what will be encoded, all of one length, one behind the other. */
struct tsr_samples {
    const uint8_t *p;
    const size_t *len; /* [n] */
    unsigned n;
};

/* Makes a dictionary of the kind TSR_DICT_STRINGS or TSR_DICT_TABLES, at most cap bytes, the most
 * useful ones last.  Returns its length; 0: nothing to be had from these samples. */
size_t tsr_train(const struct tsr_samples *s, int kind, uint8_t *dict, size_t cap);

/* The same at most cap bytes long, from one that was trained, in a fifth of the time. */
struct tsr_dict {
    const uint8_t *p;
    size_t len;
};
size_t tsr_train_less(const struct tsr_samples *s, int kind, const struct tsr_dict *of,
                      uint8_t *dict, size_t cap);

/* Are these bytes a dictionary with tables, or do they look like one? */
bool tsr_dict_has_tables(const uint8_t *dict, size_t len);

#endif
