/* SPDX-License-Identifier: BSD-3-Clause */
/* format/plain.h - what npy and raw share: one array's items in C order behind a head. */
#ifndef TSR_FORMAT_PLAIN_H
#define TSR_FORMAT_PLAIN_H

#include "format/format.h"

/* What a head says, or whoever asks for the array. */
struct tsr_plain_head {
    char *dtype; /* canonical, owned: tsr_plain_head_done */
    int64_t item_bytes;
    int ndim;
    int64_t shape[TSR_MAX_NDIM];
    uint64_t data_off; /* where the items begin in the object */
};

/* Fills all but data_off from a dtype (len bytes of text) or a whole spec.  A spec that lacks
 * dtype or shape, or whose dtype is none, is the caller's mistake: EARG. */
int tsr_plain_head_dtype(struct tsr_plain_head *h, const char *dtype, size_t len);
int tsr_plain_head_spec(struct tsr_plain_head *h, const tsr_spec *spec);
void tsr_plain_head_done(struct tsr_plain_head *h);

/* The byte behind the last item; false when that overflows. */
bool tsr_plain_end(const struct tsr_plain_head *h, uint64_t *end);

/* A driver over the items; takes st and h over, also when it fails.  ECORRUPT when the object
 * is shorter than the shape says. */
int tsr_plain_open(struct tsr_store *st, struct tsr_plain_head *h, const tsr_options *o,
                   struct tsr_driver **out);
/* The same in an empty store: writes the head (h->data_off bytes) and makes room. */
int tsr_plain_create(struct tsr_store *st, struct tsr_plain_head *h, const void *head,
                     const tsr_options *o, struct tsr_driver **out);

void tsr_plain_close(struct tsr_driver *d);
int tsr_plain_locate(const struct tsr_driver *d, struct tsr_place *p, size_t n);
int tsr_plain_spans(const struct tsr_driver *d, const struct tsr_place *p, const int32_t *block,
                    size_t n, bool exact, struct tsr_span *out);
int tsr_plain_decode(const struct tsr_driver *d, const struct tsr_place *p, struct tsr_worker *w,
                     int32_t b, const uint8_t *src, size_t len, uint8_t *dst);
int tsr_plain_begin(const struct tsr_driver *d, struct tsr_out_chunk *c);
int tsr_plain_encode(const struct tsr_driver *d, struct tsr_worker *w,
                     const struct tsr_out_chunk *c, int32_t b, const uint8_t *src);
int tsr_plain_seal(const struct tsr_driver *d, struct tsr_out_chunk *c);
int tsr_plain_commit(struct tsr_driver *d, const struct tsr_out_chunk *c, size_t n);
int tsr_plain_flush(struct tsr_driver *d, bool durable);
int64_t tsr_plain_cbytes(const struct tsr_driver *d);

#endif
