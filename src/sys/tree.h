/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/tree.h - a folder with all that is below it, by paths that cannot lead out of it.
 *
 * Paths are names parted by single slashes, none of them "." or ".." (store/key.h); who calls has
 * checked that.  Symbolic links are followed as far as they stay below the folder, on systems that
 * can tell (openat2), else not at all; a link that leads out is EDENIED, not absent.  All functions
 * but open and close may run on many threads at once. */
#ifndef TSR_SYS_TREE_H
#define TSR_SYS_TREE_H

#include <stdatomic.h>

#include "sys/file.h"
#include "sys/lock.h"

struct tsr_tree {
    int fd;
    char *path;  /* owned; for messages */
    bool links;  /* links may lead anywhere */
    size_t made; /* bytes of the path of the first folder that open made; 0: none */
    atomic_bool walk;
    atomic_uint serial; /* of temporary names */
};

enum {
    TSR_TREE_MAY_WRITE = 1, /* EDENIED when the folder cannot be written to */
    TSR_TREE_MAY_MAKE = 2,  /* made, and the folders above it, when it is not there */
    TSR_TREE_ANY_LINK = 4,
    TSR_TREE_ALONE = 8 /* the advisory lock of writers (flock); ECONFLICT while another has it */
};
int tsr_tree_open(const char *path, unsigned flags, struct tsr_tree *out);
/* Folders that open made are removed again if they are empty.  NULL path: nothing to do. */
void tsr_tree_close(struct tsr_tree *t);

/* Opens a file for reading; out->fd is -1 when there is none.  out->path is name, borrowed, and
 * nobody looks what kind of file it is: tsr_file_look does.  Closed by tsr_tree_shut. */
int tsr_tree_file(struct tsr_tree *t, const char *name, struct tsr_file *out);
void tsr_tree_shut(struct tsr_file *f);

/* Takes the advisory lock of the file that has the name once it is had.  out->fd is -1: there is no
 * file, or none that can be locked.  ECONFLICT: others have had it for a minute. */
int tsr_tree_hold(struct tsr_tree *t, const char *name, struct tsr_lock *out);
/* The same of a folder, "" being the tree's own, without waiting. */
int tsr_tree_claim(struct tsr_tree *t, const char *folder, struct tsr_lock *out);

struct tsr_tree_put {
    const char *name;
    const struct tsr_piece *p;
    int n;
    bool durable;  /* the file is synced, and so are folders that are made; the name is not */
    bool only_new; /* EEXISTS where there is one */
    int *kept;     /* NULL, or the folder of names put one after another, -1 at first */
};
/* Writes a file under a hidden temporary name in its folder, which is made when it is not there,
 * and renames it. */
int tsr_tree_put(struct tsr_tree *t, const struct tsr_tree_put *o);
void tsr_tree_leave(struct tsr_tree *t, int kept);
/* ENOTFOUND.  Folders that are left empty go too, up to the tree's own, which stays. */
int tsr_tree_remove(struct tsr_tree *t, const char *name);
/* Calls fn with each name in a folder, "" being the tree's own, but "." and ".."; folder: it is
 * one. What is neither file nor folder is passed over.  A non-zero answer ends the walk and is
 * returned.  No such folder: fn is not called. */
int tsr_tree_list(struct tsr_tree *t, const char *folder,
                  int (*fn)(void *user, const char *name, bool folder), void *user);
/* Makes the names in the folder of name survive the machine. */
int tsr_tree_sync_folder(struct tsr_tree *t, const char *name);
/* The same for everything below the folder: it syncs the whole file system. */
int tsr_tree_sync(const struct tsr_tree *t);

#endif
