/* SPDX-License-Identifier: BSD-3-Clause */
/* store/store.h - where bytes live.
 *
 * A store maps keys to byte objects.  A file or a memory buffer is a store of one object under
 * the key ""; a folder one of its files under their names.  Three answers are never mixed up:
 * present (TSR_OK), absent (TSR_ENOTFOUND, only for a true not-found), failed (anything else).
 * Reads may run on many threads at once, also beside write_at to other bytes; all else is for one
 * thread at a time. */
#ifndef TSR_STORE_STORE_H
#define TSR_STORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "sys/file.h"

/* One range of a read: exactly len bytes. */
struct tsr_range {
    const char *key;
    uint64_t off;
    size_t len;
    void *dst;
};

struct tsr_store;

struct tsr_store_kind {
    const char *scheme; /* "file", "mem", ... */

    /* Reads all ranges.  The object ending early is ECORRUPT. */
    int (*readv)(struct tsr_store *st, const struct tsr_range *r, size_t n);
    /* Size of an object; ENOTFOUND. */
    int (*stat)(struct tsr_store *st, const char *key, uint64_t *size);
    /* The object's bytes in place, valid until the next write; NULL: not this kind of store. */
    const uint8_t *(*view)(struct tsr_store *st, const char *key, uint64_t off, uint64_t len);

    /* These bytes will be read soon, in small parts and by many threads, each part by the one that
     * needs it.  NULL: such reads would cost more than one of all does. */
    void (*expect)(struct tsr_store *st, const char *key, uint64_t off, uint64_t len);

    /* The rest may be NULL: the store cannot. */
    /* Replaces (or creates) a whole object at once: readers see the old or the new one.
     * durable: its bytes are synced before they take the name; the name takes a sync. */
    int (*put)(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
               bool durable);
    /* Writes inside or after the object. */
    int (*write_at)(struct tsr_store *st, const char *key, uint64_t off, const struct tsr_piece *p,
                    int n);
    int (*truncate)(struct tsr_store *st, const char *key, uint64_t size);
    /* Makes what was written so far survive the machine; name: also that the object exists.
     * Key "" of a folder: that its objects exist, and which do not any more. */
    int (*sync)(struct tsr_store *st, const char *key, bool name);
    /* Calls fn with each key that begins so, in any order; a non-zero answer is returned. */
    int (*list)(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                void *user);
    int (*remove)(struct tsr_store *st, const char *key);
    /* Removes what writers that died in the middle of a put left behind; NULL: nothing is. */
    void (*sweep)(struct tsr_store *st);
    int (*publish)(struct tsr_store *st, bool durable); /* as put; NULL: all is visible */
    /* Does url name something else by now?  NULL: it cannot. */
    bool (*replaced)(const struct tsr_store *st);
    /* Was the object that is open removed, or replaced, so that writes to it are in vain? */
    bool (*gone)(const struct tsr_store *st);
    /* A number that changes, as a rule, when the object does; 0 or NULL: there is none. */
    uint64_t (*stamp)(struct tsr_store *st, const char *key);
    void (*close)(struct tsr_store *st); /* url is freed already */
};

/* Common head of every store; each kind's own struct begins with it. */
struct tsr_store {
    const struct tsr_store_kind *kind;
    bool writable;
    char *url; /* owned, for messages */
    atomic_llong bytes_read, requests;
};

/* Fills the common head; ENOMEM. */
int tsr_store_init(struct tsr_store *st, const struct tsr_store_kind *kind, const char *url,
                   bool writable);
void tsr_store_close(struct tsr_store *st); /* NULL is fine */

int tsr_store_read(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len);
int tsr_store_readv(struct tsr_store *st, const struct tsr_range *r, size_t n);
/* As read, to look whether others changed the object: not counted. */
int tsr_store_peek(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len);
bool tsr_store_replaced(const struct tsr_store *st);
bool tsr_store_gone(const struct tsr_store *st);
uint64_t tsr_store_stamp(struct tsr_store *st, const char *key);
/* NULL when the store has no bytes in place (then read) or the range is outside. */
const uint8_t *tsr_store_view(struct tsr_store *st, const char *key, uint64_t off, uint64_t len);

int tsr_store_stat(struct tsr_store *st, const char *key, uint64_t *size);

/* These answer EDENIED when the store is not writable. */
int tsr_store_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                  bool durable);
int tsr_store_write_at(struct tsr_store *st, const char *key, uint64_t off,
                       const struct tsr_piece *p, int n);
int tsr_store_truncate(struct tsr_store *st, const char *key, uint64_t size);
int tsr_store_sync(struct tsr_store *st, const char *key, bool name);
int tsr_store_remove(struct tsr_store *st, const char *key);
/* For the only writer that there is. */
void tsr_store_sweep(struct tsr_store *st);
/* EUNSUPPORTED where the store cannot say. */
int tsr_store_list(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                   void *user);

/* Opens the store that holds url ("x.b2nd", "file:x"); more schemes come through table.c.
 * update: for writing; EDENIED where the file is read-only. */
int tsr_store_open(const char *url, bool update, struct tsr_store **out);
/* The path of a url that this machine's file system holds, inside url; NULL for others. */
const char *tsr_store_path(const char *url);
/* A file that is to appear at url when it is complete: written under a temporary name until
 * the first tsr_store_publish, which renames it (replace: over what is there, else EEXISTS).
 * Closed before that, it leaves nothing behind. */
int tsr_store_create(const char *url, bool replace, struct tsr_store **out);
int tsr_store_publish(struct tsr_store *st, bool durable);
/* The same for a folder, whose files are the objects.  replace: over a file, an empty folder, or
 * one like it. */
int tsr_store_create_folder(const char *url, bool replace, struct tsr_store **out);

/* The content of the gzip file at url, read-only; none of it is there at first.  It is kept in a
 * file without a name in the folder of `beside`. */
int tsr_store_gunzip(const char *url, const char *beside, struct tsr_store **out);
/* Inflates until the first `bytes` bytes are there, or all.  Stops a little behind them, however
 * much the file would give.  ECORRUPT; ECANCELLED by progress. */
int tsr_store_gunzip_to(struct tsr_store *st, uint64_t bytes, tsr_progress progress, void *user);

/* The one object of a store, which is taken over also when this fails: what is written to it stays
 * in memory, and is gone with the handle.  Reads fail with ECONFLICT when the object itself
 * changes. */
int tsr_store_overlay(struct tsr_store *file, struct tsr_store **out);

/* Bytes in memory: a growable buffer of its own, or a borrowed one (read-only). */
int tsr_store_mem(struct tsr_store **out);
int tsr_store_mem_borrow(const void *buf, size_t len, struct tsr_store **out);
bool tsr_store_mem_owned(const struct tsr_store *st); /* is it of the former kind? */
/* Takes the buffer out of a memory store that owns it, which is empty then. */
void tsr_store_mem_take(struct tsr_store *st, void **buf, size_t *len);

#endif
