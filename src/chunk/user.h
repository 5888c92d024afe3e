/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/user.h - codecs and filters that the program registers (tessera.h). */
#ifndef TSR_CHUNK_USER_H
#define TSR_CHUNK_USER_H

#include <tessera/tessera.h>

#include "chunk/codecs.h"

/* Copy what they are given.  EARG, EEXISTS as in tessera.h. */
int tsr_user_codec_add(struct tsr_codec_set *s, const tsr_user_codec *codec);
int tsr_user_filter_add(struct tsr_codec_set *s, const tsr_user_filter *filter);

#endif
