/* SPDX-License-Identifier: BSD-3-Clause */
/* store/s3.h - what s3.c, which speaks to S3, and s3_write.c, which puts and lists, share. */
#ifndef TSR_STORE_S3_H
#define TSR_STORE_S3_H

#include "store/remote.h"

struct tsr_s3 {
    struct tsr_remote remote;
    char *root;  /* the URL of the bucket, without a slash at its end */
    char *place; /* the key of the one object; of a tree what its keys are put behind, "" or "a/" */
    char *region, *id, *secret, *token; /* token NULL: none; id NULL: requests are not signed */
    bool tree;
};

/* Entries of struct tsr_store_kind. */
int tsr_s3_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
               bool durable);
int tsr_s3_putv(struct tsr_store *st, const struct tsr_object *o, size_t n, bool durable);
int tsr_s3_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable, uint64_t stamp);
int tsr_s3_remove(struct tsr_store *st, const char *key);
int tsr_s3_removev(struct tsr_store *st, const char *const *key, size_t n);
int tsr_s3_list(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                void *user);

#endif
