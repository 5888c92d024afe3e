/* SPDX-License-Identifier: BSD-3-Clause */
/* store/zip_dir.h - the central directory of a zip archive (APPNOTE 6.3, 4.3; zarr.md 11.2).
 *
 * Everything that a reader later relies on is checked here: an archive that holds one entry which
 * we cannot or must not read is refused as a whole. */
#ifndef TSR_STORE_ZIP_DIR_H
#define TSR_STORE_ZIP_DIR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "store/index.h"
#include "store/store.h"

enum { TSR_ZIP_STORED = 0, TSR_ZIP_DEFLATED = 8, TSR_ZIP_LOCAL = 30, TSR_ZIP_ENTRIES = 1 << 24 };

struct tsr_zip_entry {
    const char *name; /* [name_len], in the directory's bytes or owned by the writer */
    uint64_t off;     /* of its local header */
    uint64_t end;     /* where the next one begins, or the directory */
    uint64_t data;    /* of a copy: where its bytes begin; 0: the local header was not looked at */
    uint64_t packed, size;
    uint32_t crc, time, attributes;
    uint16_t name_len, method, flags, made_by;
    bool dead; /* another came under its key, or it was removed */
};

struct tsr_zip_dir {
    uint8_t *bytes; /* the directory as it lies in the file */
    struct tsr_zip_entry *entries;
    _Atomic uint64_t *data; /* of each entry, for those that readers have looked at */
    size_t n, cap;
    struct tsr_index index; /* keys, values being places in entries; the last of a name counts */
    uint64_t at;            /* of the directory: where entries end */
};

/* Reads the directory of the one object of file: its end, and if it is longer than 64 KiB the rest
 * in one read more.  Names count that begin with inner ("a/b/", or ""), and without it.  ECORRUPT,
 * EUNSUPPORTED (encrypted, on several disks, another method), ELIMIT (more than most entries),
 * ENOTFOUND (nothing is below inner). */
int tsr_zip_dir_read(struct tsr_store *file, const char *inner, size_t most,
                     struct tsr_zip_dir *out);
void tsr_zip_dir_free(struct tsr_zip_dir *d);

/* Room for one entry more. */
int tsr_zip_dir_grow(struct tsr_zip_dir *d);

/* Takes the bytes of a local header and the name behind it; sets e->data.  ECORRUPT where they
 * contradict the directory. */
int tsr_zip_local(const char *url, struct tsr_zip_entry *e, const uint8_t *p);

#endif
