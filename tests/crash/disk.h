/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/disk.h - what a process did to a disk, and what a crash may have left of it.
 *
 * The linker puts the functions of record.c in the place of libc's (--wrap, see meson.build).
 * While recording is on they write down every change made below one folder, whatever store of
 * the library it came from.  disk.c plays such a log up to any point and leaves out what a crash
 * could leave out:
 *
 *   kill    all calls that returned have happened; of the one under way any prefix.  A write into
 *           the first sector, which is how headers are flipped, happens or does not.
 *   power   what was synced has happened; of the rest any subset, torn into sectors of 512 bytes,
 *           and of the names of files any prefix of what was done to them. */
#ifndef TSR_TESTS_CRASH_DISK_H
#define TSR_TESTS_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECTOR = 512, PATH_ROOM = 512 };

enum change_kind {
    CREATE,      /* a file at path */
    FOLDER,      /* a folder at path */
    WRITE,       /* p[len] at byte off of the file */
    CUT,         /* the file has off bytes from here on */
    SYNC,        /* the file's bytes are on the device */
    SYNC_FOLDER, /* the names in folder path are */
    RENAME,      /* path to `to`, over what is there */
    EXCHANGE,    /* path and `to` change places */
    LINK,        /* a second name `to` for path */
    REMOVE,      /* a name goes */
    FLUSHED,     /* no change: a flush returned, off is the state it made, len is 1 if durable */
    TAKEN_UP     /* no change: another process found state off */
};

struct change {
    enum change_kind kind;
    int node; /* which file, for CREATE .. SYNC */
    uint64_t off;
    size_t len;
    uint8_t *p;
    char *path, *to; /* relative to the folder recorded */
};
struct changes {
    struct change *v;
    size_t n, cap;
    int nodes;
};
void changes_free(struct changes *c);
void changes_add(struct changes *c, struct change one); /* which owns p, path and to then */
/* The first k changes, and part bytes of the next. */
void changes_copy(struct changes *to, const struct changes *from, size_t k, size_t part);

/* One line per change, the first k. */
void changes_print(const struct changes *c, size_t k);
/* Does it make a state visible: a write into a header, a name over another? */
bool change_flips(const struct change *c);

/* ---- record.c ---- */

struct recording {
    bool on;
    const char *root;
    struct changes *log;
    long kill_at;     /* this change does not return; < 0: none */
    size_t kill_part; /* of the bytes of that change so many are written */
    int64_t room;     /* bytes the disk still takes; < 0: any number */
    bool read_only;   /* the file system refuses writers */
};
extern struct recording recording;

/* Begins an empty log of what happens below root. */
void record_start(const char *root, struct changes *log);
/* The same for a log that has led to d already, which lies below root. */
struct disk;
void record_go_on(const char *root, struct changes *log, const struct disk *d);
void record_mark(enum change_kind kind, int state, bool durable);

/* ---- disk.c ---- */

struct disk_name {
    char path[PATH_ROOM];
    int node; /* -1: a folder */
};
struct disk_file {
    uint8_t *p;
    size_t len, cap;
};
struct disk {
    struct disk_name *names;
    size_t n, cap;
    struct disk_file *files; /* [nodes] */
    int nodes;
};
void disk_init(struct disk *d, int nodes);
void disk_free(struct disk *d);

/* How many bytes of change c a kill may leave, given a wish; 0 and c->len always can be. */
size_t kill_part(const struct change *c, size_t wish);
/* The disk after the first k changes, and part bytes of the next one. */
void disk_kill(struct disk *d, const struct changes *log, size_t k, size_t part);
/* One of the disks that a loss of power after k changes may leave. */
void disk_power(struct disk *d, const struct changes *log, size_t k, uint64_t seed);

/* A log that makes d and syncs it. */
void disk_changes(const struct disk *d, struct changes *out);

/* Names and bytes; temporary names count as equal, the numbers in them differ from run to run. */
uint64_t disk_key(const struct disk *d);
/* Makes the folder root hold just what d does; and the other way round. */
void disk_save(const struct disk *d, const char *root);
void disk_load(struct disk *d, const char *root);
/* Empties a folder. */
void folder_clear(const char *root);

uint64_t random_of(uint64_t *state);

#endif
