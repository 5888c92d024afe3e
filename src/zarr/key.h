/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/key.h - names: of nodes, of documents, of chunks (zarr.md 1, 6, 9.2).
 *
 *   chunk (1, 23, 45)   format 2 and the encoding "v2": 1.23.45 or 1/23/45, without dimensions 0
 *                       the encoding "default":         c/1/23/45 or c.1.23.45,               c */
#ifndef TSR_ZARR_KEY_H
#define TSR_ZARR_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include <tessera/tessera.h>

#include "text/doc.h"

struct tsr_zkeys {
    bool prefix; /* "c" in front: the encoding "default" */
    char separator;
};

/* n: the extension object "chunk_key_encoding" of format 3. */
int tsr_zkeys_parse(const struct tsr_node *n, struct tsr_zkeys *out);

enum { TSR_ZKEY_MAX = 2 + 20 * TSR_MAX_NDIM };
/* The key of a chunk below its array, with a NUL; how long it is. */
int tsr_zkey_make(const struct tsr_zkeys *k, int ndim, const int64_t *index,
                  char key[TSR_ZKEY_MAX]);
/* The way back; false: no chunk has this key. */
bool tsr_zkey_parse(const struct tsr_zkeys *k, int ndim, const char *key, int64_t *index);
/* May keys of chunks begin with this, which ends with a slash? */
bool tsr_zkey_leads(const struct tsr_zkeys *k, const char *start);

/* May this be the key of a chunk of some array, or, with a slash at its end, a folder of such? */
bool tsr_zkey_likely(const char *key);

/* May a new node of this format have this name (one part of a path)?  EARG says why not.  Paths as
 * people type them go through tsr_key_normalise. */
int tsr_zname_check(int format, const char *name);

#endif
