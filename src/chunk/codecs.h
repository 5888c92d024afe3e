/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/codecs.h - the tables of codecs and filters. */
#ifndef TSR_CHUNK_CODECS_H
#define TSR_CHUNK_CODECS_H

#include "codec/codec.h"

const struct tsr_codec *tsr_codec_named(const char *name); /* NULL: unknown, no text set */
const struct tsr_codec *tsr_codec_blosc2(int id);
const struct tsr_filter *tsr_filter_named(const char *name);
const struct tsr_filter *tsr_filter_blosc2(int id);
const struct tsr_codec *tsr_codec_list(int i); /* NULL past the end */
const struct tsr_filter *tsr_filter_list(int i);

/* The name of a codec id of blosc2.md 4.1 even when it is not built in, else NULL. */
const char *tsr_codec_known_name(int blosc2_id);
const char *tsr_filter_known_name(int blosc2_id);

#endif
