/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/group.h - groups, for the files that open, read and change them.
 *
 * A place is a store with a hierarchy in it; groups of one place share it, and the last one closes
 * it. */
#ifndef TSR_OPS_GROUP_H
#define TSR_OPS_GROUP_H

#include <stdatomic.h>

#include "array/array.h"
#include "zarr/tree.h"

struct tsr_place_of {
    atomic_int users;
    struct tsr_store *st;
    char *url;           /* without what follows '#', as it was given */
    tsr_options o;       /* complete; what it points to is not kept but for the context */
    struct tsr_zplace v; /* its cache is ours */
    char *root;          /* of v */
};

struct tsr_group {
    struct tsr_place_of *place;
    char *path;
    int format; /* of a group without document: of what is in it */
};

/* A new handle on the same place; path is copied. */
int tsr_group_make(struct tsr_place_of *p, const char *path, int format, struct tsr_group **out);
/* The format of the group at path, of one without document that of what is in it; EARG: it is an
 * array. */
int tsr_group_look(const struct tsr_zplace *v, const char *path, int *format);
/* The path in the store of what is at path below g; *out is freed by the caller. */
int tsr_group_join(const struct tsr_group *g, const char *path, char **out);
/* EDENIED, unless g may be changed. */
int tsr_group_may_change(const struct tsr_group *g);
/* A place for a store, which is taken over also when this fails. */
int tsr_group_place(struct tsr_store *st, const char *url, const tsr_options *o,
                    struct tsr_place_of **out);
void tsr_group_leave(struct tsr_place_of *p);
const char *tsr_zformat_name(int format); /* "zarr3"; NULL for 0 */
/* What opts->format asks for, `otherwise` where it is NULL. */
int tsr_zformat_number(const char *name, int otherwise, int *out);

#endif
