/* SPDX-License-Identifier: BSD-3-Clause */
/* store/zip.h - an open archive: what reading (zip.c) and writing it (zip_write.c) share. */
#ifndef TSR_STORE_ZIP_H
#define TSR_STORE_ZIP_H

#include "store/inflated.h"
#include "store/zip_dir.h"
#include "sys/guard.h"

#define TSR_ZIP_INFLATED (UINT64_C(2) << 30) /* of an entry of which a part is wanted */

struct tsr_zip {
    struct tsr_store base;
    struct tsr_store *file; /* the archive, or what will be it */
    uint64_t file_stamp, most_inflated;
    char *inner;            /* "a/b/", or "" */
    struct tsr_rwlock lock; /* of what follows */
    struct tsr_zip_dir dir;
    struct tsr_inflated inflated;
    struct tsr_zip_writer *writer; /* NULL: for reading only */
    struct tsr_traffic before;     /* of files that were z->file and are closed */
};

/* What an entry is to readers: its number among all that ever were, and a copy. */
struct tsr_zip_found {
    int64_t number; /* < 0: there is none */
    struct tsr_zip_entry e;
    uint64_t stamp;
    struct tsr_store *file; /* which its offsets are of, for who shares it; else NULL */
};
int tsr_zip_find(struct tsr_zip *z, const char *key, struct tsr_zip_found *out);

/* "<archive>: entry '<name>'" for messages. */
void tsr_zip_entry_name(const struct tsr_zip *z, const struct tsr_zip_entry *e, char what[512]);
/* As tsr_store_kind.check (zip_check.c). */
int tsr_zip_check(struct tsr_store *st, const char *prefix, const struct tsr_checking *how);

/* The writer's side, for z->writer. */
int tsr_zip_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                bool durable);
int tsr_zip_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable, uint64_t stamp);
int tsr_zip_remove(struct tsr_store *st, const char *key);
int tsr_zip_sync(struct tsr_store *st, const char *key, bool name);
int tsr_zip_publish(struct tsr_store *st, bool durable);
/* begun: z->file is a new one, without entries. */
int tsr_zip_writer_new(struct tsr_zip *z, bool begun);
void tsr_zip_writer_free(struct tsr_zip_writer *w);
/* The file that readers may still be in besides z->file, or NULL. */
struct tsr_store *tsr_zip_writer_old(const struct tsr_zip_writer *w);

#endif
