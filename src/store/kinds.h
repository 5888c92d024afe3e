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
int tsr_store_http_open(const char *url, bool update, struct tsr_store **out);
int tsr_store_http_create(const char *url, bool replace, struct tsr_store **out);
int tsr_store_http_open_tree(const char *url, const struct tsr_tree_options *o,
                             struct tsr_store **out);
struct tsr_http_options;
int tsr_store_http(const char *url, const struct tsr_http_options *o, struct tsr_store **out);

/* Reads ranges of one file, whatever their keys; neighbours in it are one request. */
int tsr_store_file_ranges(struct tsr_store *st, const struct tsr_file *f, const struct tsr_range *r,
                          size_t n);

#endif
