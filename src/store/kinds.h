/* SPDX-License-Identifier: BSD-3-Clause */
/* store/kinds.h - the openers that table.c lists; one kind of store per file. */
#ifndef TSR_STORE_KINDS_H
#define TSR_STORE_KINDS_H

#include "store/store.h"

/* path: the URL without its scheme; of remote ones the whole URL. */
int tsr_store_file_open(const char *path, bool update, struct tsr_store **out);
int tsr_store_file_create(const char *path, bool replace, struct tsr_store **out);
int tsr_store_dir_open(const char *path, bool update, struct tsr_store **out);
int tsr_store_dir_create(const char *path, bool replace, struct tsr_store **out);
int tsr_store_tree_open(const char *path, const struct tsr_tree_options *o, struct tsr_store **out);
/* A folder or a zip archive. */
int tsr_store_local_tree_open(const char *path, const struct tsr_tree_options *o,
                              struct tsr_store **out);
bool tsr_store_names_zip(const char *name, size_t len);
/* o has CREATE. */
int tsr_store_zip_create(const char *path, const struct tsr_tree_options *o,
                         struct tsr_store **out);
int tsr_store_gzip_open(const char *path, const char *beside, struct tsr_store **out);

/* http://, https:// */
int tsr_store_http_open(const char *url, bool update, const tsr_remote_options *r,
                        struct tsr_store **out);
int tsr_store_http_create(const char *url, bool replace, struct tsr_store **out);
int tsr_store_http_open_tree(const char *url, const struct tsr_tree_options *o,
                             struct tsr_store **out);
struct tsr_http_options;
/* What r, which may be NULL, and the environment say; EARG: the latter is no number. */
int tsr_remote_http(const tsr_remote_options *r, struct tsr_http_options *out);
int tsr_store_http(const char *url, const struct tsr_http_options *o, struct tsr_store **out);

/* Reads ranges of one file, whatever their keys; neighbours in it are one request. */
int tsr_store_file_ranges(struct tsr_store *st, const struct tsr_file *f, const struct tsr_range *r,
                          size_t n);

/* s3://bucket/key; what is NULL or 0 comes from the environment: AWS_ENDPOINT_URL_S3,
 * AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN, AWS_NO_SIGN_REQUEST. */
struct tsr_s3_options {
    const char *endpoint, *region, *id, *secret, *token;
    bool anonymous; /* requests are not signed */
    bool writable;
    const struct tsr_http_options *http;
};
int tsr_store_s3(const char *url, const struct tsr_s3_options *o, struct tsr_store **out);
int tsr_store_s3_open(const char *url, bool update, const tsr_remote_options *r,
                      struct tsr_store **out);
int tsr_store_s3_create(const char *url, bool replace, struct tsr_store **out);
int tsr_store_s3_open_tree(const char *url, const struct tsr_tree_options *o,
                           struct tsr_store **out);

#endif
