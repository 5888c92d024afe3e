/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/shard_impl.h - what the files of shards share. */
#ifndef TSR_ZARR_SHARD_IMPL_H
#define TSR_ZARR_SHARD_IMPL_H

#include "zarr/shard.h"

/* Fills s, which is zeros, from the configuration of a codec that sees c->in; tsr_zshard_done
 * frees what it has, also after a failure. */
int tsr_zshard_open(struct tsr_zshard *s, const struct tsr_zcodec *c,
                    const struct tsr_node *config);
/* Completes both of its lists of codecs. */
int tsr_zshard_complete(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config);
void tsr_zshard_done(struct tsr_zshard *s);

/* Items of variable length, which lie one after another as struct tsr_zview says.  Those of a shard
 * that belong to one inner chunk follow one another there as here, so a cursor for each inner
 * chunk joins them, and parts them. */

/* Appends the items of a shard to out from part[n], its inner chunks' (p NULL: empty). */
int tsr_zshard_join(const struct tsr_zcodec *c, const struct tsr_buf *part, struct tsr_buf *out);
/* Appends the items src[len] of a shard to part[n]; EARG when they are not as many as it has. */
int tsr_zshard_part(const struct tsr_zcodec *c, const uint8_t *src, size_t len,
                    struct tsr_buf *part);

#endif
