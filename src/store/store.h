/* SPDX-License-Identifier: BSD-3-Clause */
/* store/store.h - where bytes live.
 *
 * A store maps keys to byte objects.  A file or a memory buffer is a store of one object under the
 * key ""; a folder one of its files under their names; a tree one of any number of objects, whose
 * keys are names parted by '/' ("a/b/c/0.1", store/key.h).  Three answers are never mixed up:
 * present (TSR_OK), absent (TSR_ENOTFOUND, only for a true not-found), failed (anything else).  Of
 * a bucket that is not there remove says EIO, all else ENOTFOUND: no getv calls it an absent
 * object.
 *
 * Reads (readv, getv, stat, list, stamp) may run on many threads at once, also beside write_at to
 * other bytes.  In a tree put, putv, put_if and remove of different keys may run at once too,
 * put_if of one key in memory, an archive and in S3, hold of any, and in an archive publish and
 * sync, all beside reads: who reads a key that is put sees the old object or the new one.  All else
 * is for one thread at a time. */
#ifndef TSR_STORE_STORE_H
#define TSR_STORE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "sys/file.h"
#include "sys/lock.h"

/* One range of a read: exactly len bytes. */
struct tsr_range {
    const char *key;
    uint64_t off;
    size_t len;
    void *dst;
    /* Trees: not 0: what a get of the same object said; ECONFLICT when it is another by now. */
    uint64_t stamp;
};

/* One part of an object of which nobody knows whether it is there, and how long it is. */
struct tsr_get {
    const char *key;
    uint64_t off; /* TSR_LAST: the last len bytes of it, or all where it is shorter */
    size_t len;   /* at most; dst has room for them */
    void *dst;
    /* The answer; but for found all is 0 of an absent object. */
    bool found;
    size_t got;     /* < len: the object ends there */
    uint64_t size;  /* of the whole object */
    uint64_t stamp; /* of what was read, as tsr_store_stamp */
};
#define TSR_LAST UINT64_MAX

/* An object on its way in. */
struct tsr_object {
    const char *key;
    const struct tsr_piece *p; /* [n] */
    int n;
};

/* What was read since a store was opened. */
struct tsr_traffic {
    long long bytes, requests;
};

struct tsr_store;

/* Who asked for a check. */
struct tsr_checking {
    /* tsr_error says what is wrong, rc of which kind it is; an answer other than 0 ends it. */
    int (*wrong)(void *user, const char *key, int rc);
    void *user;
    tsr_progress progress; /* of stored bytes; NULL: nobody is told */
    void *progress_user;
};

struct tsr_store_kind {
    const char *scheme; /* "file", "mem", ... */
    bool counts; /* bytes_read are counted by the kind, as they come; else those asked for are */

    /* Reads all ranges.  The object ending early is ECORRUPT. */
    int (*readv)(struct tsr_store *st, const struct tsr_range *r, size_t n);
    /* Each g answers for itself; fails when it is not known of one of them whether it is there.
     * NULL: stat and readv, one after the other. */
    int (*getv)(struct tsr_store *st, struct tsr_get *g, size_t n);
    /* Size of an object; ENOTFOUND. */
    int (*stat)(struct tsr_store *st, const char *key, uint64_t *size);
    /* The object's bytes in place, valid until the next write; NULL: not this kind of store. */
    const uint8_t *(*view)(struct tsr_store *st, const char *key, uint64_t off, uint64_t len);

    /* These bytes (there is no dst) will be read soon, in small parts and by many threads, each
     * part by the one that needs it.  NULL: such reads would cost more than one of all does. */
    void (*expect)(struct tsr_store *st, const struct tsr_range *r);

    /* The rest may be NULL: the store cannot. */
    /* Replaces (or creates) a whole object at once: readers see the old or the new one.
     * durable: its bytes are synced before they take the name; the name takes a sync. */
    int (*put)(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
               bool durable);
    /* Puts all of them, in any order; when it fails, some may be there.  NULL: put, in turn. */
    int (*putv)(struct tsr_store *st, const struct tsr_object *o, size_t n, bool durable);
    /* As put, when the object is what a get said; ECONFLICT when it is another.  stamp 0: when
     * there is none; EEXISTS. */
    int (*put_if)(struct tsr_store *st, const struct tsr_object *o, bool durable, uint64_t stamp);
    /* Keeps others who ask, in other threads and programs, from the object, if it is there, until
     * tsr_lock_release: for stores that cannot put_if what is there.  out->fd is -1 at first, and
     * stays so where nothing can be held.  ECONFLICT: others have held it for a minute. */
    int (*hold)(struct tsr_store *st, const char *key, struct tsr_lock *out);
    /* Keeps others who ask from what lies below a key, "" being all, until tsr_lock_release; asks
     * once.  As hold, but ECONFLICT: another has it. */
    int (*claim)(struct tsr_store *st, const char *key, struct tsr_lock *out);
    /* Writes inside or after the object. */
    int (*write_at)(struct tsr_store *st, const char *key, uint64_t off, const struct tsr_piece *p,
                    int n);
    int (*truncate)(struct tsr_store *st, const char *key, uint64_t size);
    /* Makes what was written so far survive the machine; name: also that the object exists.
     * Key "" of a folder: that its objects exist, and which do not any more. */
    int (*sync)(struct tsr_store *st, const char *key, bool name);
    /* Calls fn with what lies directly below prefix, "" or one that ends in '/': objects by their
     * keys, further prefixes by themselves ("a/b/"; of folders also those without an object), each
     * once and in any order; a non-zero answer ends it and is returned.  fn may use the store. */
    int (*list)(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                void *user);
    int (*remove)(struct tsr_store *st, const char *key);
    /* Removes those that are there, in any order; when it fails, some may be left.  NULL: remove,
     * in turn. */
    int (*removev)(struct tsr_store *st, const char *const *key, size_t n);
    /* Reads all objects below prefix, as in list, whole, and compares the checksums that the store
     * keeps of them; memory is bounded.  NULL: it keeps none. */
    int (*check)(struct tsr_store *st, const char *prefix, const struct tsr_checking *c);
    /* Removes what writers that died in the middle of a put left behind; NULL: nothing is. */
    void (*sweep)(struct tsr_store *st);
    int (*publish)(struct tsr_store *st, bool durable); /* as put; NULL: all is visible */
    /* Does url name something else by now?  NULL: it cannot. */
    bool (*replaced)(const struct tsr_store *st);
    /* Was the object that is open removed, or replaced, so that writes to it are in vain? */
    bool (*gone)(const struct tsr_store *st);
    /* A number that changes, as a rule, when the object does; 0 or NULL: there is none. */
    uint64_t (*stamp)(struct tsr_store *st, const char *key);
    /* Of a store that reads from another one: changes t, the counters, to what that has read. */
    void (*traffic)(struct tsr_store *st, struct tsr_traffic *t);
    void (*close)(struct tsr_store *st); /* url is freed already */
};

/* Common head of every store; each kind's own struct begins with it. */
struct tsr_store {
    const struct tsr_store_kind *kind;
    bool writable;
    bool held; /* publish is put off by who opened it */
    bool far;  /* each call is a trip over a network: many ranges are to be read by one */
    char *url; /* owned, for messages */
    atomic_llong bytes_read, requests;
    atomic_int shares; /* besides the first */
};

/* Fills the common head; ENOMEM. */
int tsr_store_init(struct tsr_store *st, const struct tsr_store_kind *kind, const char *url,
                   bool writable);
void tsr_store_close(struct tsr_store *st); /* NULL is fine */
/* The same store for one more owner, who closes it too. */
struct tsr_store *tsr_store_share(struct tsr_store *st);

int tsr_store_read(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len);
int tsr_store_readv(struct tsr_store *st, const struct tsr_range *r, size_t n);
/* As read, to look whether others changed the object: not counted. */
int tsr_store_peek(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len);
bool tsr_store_replaced(const struct tsr_store *st);
bool tsr_store_gone(const struct tsr_store *st);
uint64_t tsr_store_stamp(struct tsr_store *st, const char *key);
/* Of an archive what its file was read for, the directory too. */
struct tsr_traffic tsr_store_traffic(struct tsr_store *st);
/* NULL when the store has no bytes in place (then read) or the range is outside. */
const uint8_t *tsr_store_view(struct tsr_store *st, const char *key, uint64_t off, uint64_t len);

int tsr_store_stat(struct tsr_store *st, const char *key, uint64_t *size);
int tsr_store_getv(struct tsr_store *st, struct tsr_get *g, size_t n);

/* These answer EDENIED when the store is not writable. */
int tsr_store_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                  bool durable);
int tsr_store_putv(struct tsr_store *st, const struct tsr_object *o, size_t n, bool durable);
/* EUNSUPPORTED where the store cannot look and put in one step. */
int tsr_store_put_if(struct tsr_store *st, const struct tsr_object *o, bool durable,
                     uint64_t stamp);
/* In the place of the object of this stamp, as put_if where the store can; stamp 0: of any. */
int tsr_store_put_over(struct tsr_store *st, const struct tsr_object *o, bool durable,
                       uint64_t stamp);
int tsr_store_hold(struct tsr_store *st, const char *key, struct tsr_lock *out);
int tsr_store_claim(struct tsr_store *st, const char *key, struct tsr_lock *out);
int tsr_store_write_at(struct tsr_store *st, const char *key, uint64_t off,
                       const struct tsr_piece *p, int n);
int tsr_store_truncate(struct tsr_store *st, const char *key, uint64_t size);
int tsr_store_sync(struct tsr_store *st, const char *key, bool name);
int tsr_store_remove(struct tsr_store *st, const char *key);
int tsr_store_removev(struct tsr_store *st, const char *const *key, size_t n);
/* For the only writer that there is. */
void tsr_store_sweep(struct tsr_store *st);
/* EUNSUPPORTED where the store cannot say; EARG: a prefix that does not end in '/'. */
int tsr_store_list(struct tsr_store *st, const char *prefix, int (*fn)(void *user, const char *key),
                   void *user);
/* Fails when it could not look, or with what c->wrong answers. */
int tsr_store_check(struct tsr_store *st, const char *prefix, const struct tsr_checking *c);

/* Opens the store that holds url ("x.b2nd", "file:x"); more schemes come through table.c.
 * update: for writing; EDENIED where the file is read-only. */
int tsr_store_open(const char *url, bool update, struct tsr_store **out);
/* The same with what is to be known where it is a remote one; r NULL: the environment alone. */
int tsr_store_open_with(const char *url, bool update, const tsr_remote_options *r,
                        struct tsr_store **out);
enum {
    TSR_TREE_UPDATE = 1, /* for writing */
    TSR_TREE_CREATE = 2, /* with UPDATE: made when it is not there */
    TSR_TREE_EMPTY = 4,  /* with CREATE: holds nothing at first: EEXISTS for a folder that does; an
                            archive is replaced when it is published */
    TSR_TREE_LINKS = 8,  /* symbolic links may lead out of the folder */
    TSR_TREE_LOCK = 16   /* with UPDATE: ECONFLICT while another handle has the lock of writers of
                            this folder, which an archive always takes */
};
struct tsr_tree_options {
    unsigned flags;
    const char *inner; /* keys begin below this path, "a/b" say; NULL or "": at the root */
    const tsr_remote_options *remote; /* as in tsr_store_open_with */
    /* Of archives; 0: 2^24 entries, and 2 GiB of an entry that is inflated to give a part. */
    size_t most_entries;
    uint64_t most_inflated;
};
/* Opens the tree of objects at url: a folder, a zip archive (told by content; a new one by the
 * name, ".zip" or ".ozx"), or what lies below a remote URL.  NULL options: for reading.  ENOTFOUND
 * where there is none.  What is put into an archive is in it when it is published, which takes a
 * copy of what was there before: the file at url is replaced. */
int tsr_store_open_tree(const char *url, const struct tsr_tree_options *o, struct tsr_store **out);
/* The same of a zip archive that is the one object of file, which is taken over also when this
 * fails; for reading only unless it is a local file open for writing. */
int tsr_store_zip(struct tsr_store *file, const struct tsr_tree_options *o, struct tsr_store **out);
/* Does a file that begins with these bytes look like an archive? */
bool tsr_store_is_zip(const uint8_t *head, size_t len);
/* The path of a url that this machine's file system holds, inside url; NULL for others. */
const char *tsr_store_path(const char *url);
/* "s3://bucket": there is no object of that name, but all keys are below it. */
bool tsr_store_is_bucket(const char *url);
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
/* A tree in memory, empty at first. */
int tsr_store_mem_tree(struct tsr_store **out);
bool tsr_store_mem_owned(const struct tsr_store *st); /* is it of the former kind? */
/* Takes the buffer out of a memory store that owns it, which is empty then. */
void tsr_store_mem_take(struct tsr_store *st, void **buf, size_t *len);

#endif
