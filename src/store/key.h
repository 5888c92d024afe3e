/* SPDX-License-Identifier: BSD-3-Clause */
/* store/key.h - keys of the objects in a tree (zarr.md 1, 11.1).
 *
 * A key is one or more names parted by single slashes, "a/b/c/0.1".  No name is empty, "." or "..",
 * so that no key leads out of a folder; none is longer than what a file or an object may be called
 * anywhere.  They are bytes: case matters, and nothing is made of letters beyond ASCII. */
#ifndef TSR_STORE_KEY_H
#define TSR_STORE_KEY_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TSR_KEY_BYTES = 1024, /* of a key, as S3 has it */
    TSR_NAME_BYTES = 255  /* of a name in it, as Linux has it */
};

/* EARG when key is none; url is for the message. */
int tsr_key_check(const char *url, const char *key);
/* The same of key[len], which may hold any bytes; why: what is wrong.  NULL: nothing is. */
const char *tsr_key_fault(const char *key, size_t len);

/* A path as a person types it: slashes at the ends and double ones go, and all else stands for
 * itself.  *out is "" or a key, freed by the caller; EARG when it can be neither. */
int tsr_key_normalise(const char *path, char **out);

/* The same as a prefix, "a/b/" or ""; NULL is "". */
int tsr_key_inner(const char *path, char **out);

/* Is it the name of a file that a writer is about to rename, ours or zarr-python's? */
bool tsr_key_is_temporary(const char *name);

#endif
