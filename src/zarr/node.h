/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/node.h - members of metadata documents: looked up, checked, made.
 *
 * A check that fails says "found <the value as JSON>, expected <what>"; who knows the way adds it
 * with tsr_within, so that users read "a/zarr.json: chunk_grid: found 7, expected ...". */
#ifndef TSR_ZARR_NODE_H
#define TSR_ZARR_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include <tessera/tessera.h>

#include "text/doc.h"

/* The value of a member of a map; NULL: it has no such member, or n is NULL or no map. */
const struct tsr_node *tsr_znode_get(const struct tsr_node *n, const char *name);
/* The same of a map that is ours to change. */
struct tsr_node *tsr_znode_at(struct tsr_node *map, const char *name);
bool tsr_znode_is(const struct tsr_node *n, const char *text); /* a string equal to text? */

/* Fails with code: "found <n>, expected <...>"; n NULL: "not there, expected ...". */
int tsr_znode_wrong(tsr_status code, const struct tsr_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* An integer from min to max; a whole float such as 4.0 is none.  ECORRUPT. */
int tsr_znode_int(const struct tsr_node *n, int64_t min, int64_t max, int64_t *out);
/* A list of at most TSR_MAX_NDIM such integers. */
int tsr_znode_ints(const struct tsr_node *n, int64_t min, int64_t max, int64_t *out, int *count);
int tsr_znode_text(const struct tsr_node *n, const char **out); /* text without NUL in it */
int tsr_znode_map(const struct tsr_node *n);                    /* is it one? */

/* An extension object or its short form (zarr.md 7.1): its name, its configuration (an empty map
 * when there is none) and whether it must be understood. */
struct tsr_zext {
    const char *name;
    const struct tsr_node *config;
    bool must;
};
int tsr_znode_ext(const struct tsr_node *n, struct tsr_zext *out);

/* Making: nodes in the arena.  Maps and lists have room for `room` members and are filled in
 * order: that the room is enough is up to who fills them. */
int tsr_znode_new(struct tsr_doc *d, enum tsr_node_kind kind, size_t room, struct tsr_node *out);
struct tsr_node tsr_znode_of_int(int64_t v);
struct tsr_node tsr_znode_of_text(const char *text); /* borrowed */
void tsr_znode_put(struct tsr_node *map, const char *name,
                   struct tsr_node value); /* room is there */
void tsr_znode_add(struct tsr_node *list, struct tsr_node value);
int tsr_znode_of_ints(struct tsr_doc *d, const int64_t *v, int n, struct tsr_node *out);
/* Copies all of from into the arena. */
int tsr_znode_copy(struct tsr_doc *d, const struct tsr_node *from, struct tsr_node *out);
/* {"name": ..., "configuration": ...}; config NULL: without it. */
int tsr_znode_of_ext(struct tsr_doc *d, const char *name, const struct tsr_node *config,
                     struct tsr_node *out);

#endif
