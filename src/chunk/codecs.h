/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/codecs.h - the tables of codecs and filters. */
#ifndef TSR_CHUNK_CODECS_H
#define TSR_CHUNK_CODECS_H

#include <stdatomic.h>

#include "codec/codec.h"

/* A codec or a filter that was added to the tables. */
struct tsr_codec_link {
    const struct tsr_codec *codec;   /* or NULL */
    const struct tsr_filter *filter; /* or NULL */
    struct tsr_codec_link *next;
};

/* What one context knows besides the tables.  Links are added at the head and stay as long as
 * the set, so that it may be searched while another thread adds to it. */
struct tsr_codec_set {
    _Atomic(struct tsr_codec_link *) first;
};

/* Searched in the tables, then in s; s NULL: the tables alone.  NULL: unknown, no text set. */
const struct tsr_codec *tsr_codec_named(const struct tsr_codec_set *s, const char *name);
const struct tsr_codec *tsr_codec_blosc2(const struct tsr_codec_set *s, int id);
const struct tsr_filter *tsr_filter_named(const struct tsr_codec_set *s, const char *name);
const struct tsr_filter *tsr_filter_blosc2(const struct tsr_codec_set *s, int id);

/* Adds the codec or filter of l, which is the set's from then on.  EEXISTS when the tables or the
 * set have its name or its id. */
int tsr_codec_set_add(struct tsr_codec_set *s, struct tsr_codec_link *l);
void tsr_codec_set_done(struct tsr_codec_set *s); /* frees the links with tsr_free */

/* The tables, without what was added; NULL past the end. */
const struct tsr_codec *tsr_codec_list(int i);
const struct tsr_filter *tsr_filter_list(int i);

/* The name of what s has under this id; else as below. */
const char *tsr_codec_name(const struct tsr_codec_set *s, int blosc2_id);
const char *tsr_filter_name(const struct tsr_codec_set *s, int blosc2_id);

/* The name of a codec id of blosc2.md 4.1 even when it is not built in, else NULL. */
const char *tsr_codec_known_name(int blosc2_id);
const char *tsr_filter_known_name(int blosc2_id);

#endif
