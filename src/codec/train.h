/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/train.h - dictionaries from samples, as tsr_codec.train. */
#ifndef TSR_CODEC_TRAIN_H
#define TSR_CODEC_TRAIN_H

#include "codec/codec.h"

/* With entropy tables in front (RFC 8878 section 6). */
int tsr_train_zstd(const struct tsr_samples *s, uint8_t *dict, size_t cap, size_t *len);
/* Bytes alone, the most useful ones last. */
int tsr_train_plain(const struct tsr_samples *s, uint8_t *dict, size_t cap, size_t *len);

#endif
