/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/folder.h - local folders of files, by name inside an open folder, so that neither a change of
 * the working directory nor a rename of the folder leads elsewhere.
 *
 * Names have no slash.  Failures carry the folder's path and the name. */
#ifndef TSR_SYS_FOLDER_H
#define TSR_SYS_FOLDER_H

#include "sys/file.h"

struct tsr_folder {
    int fd;
    char *path; /* owned; for messages and renames */
};

/* update: takes the advisory lock of writers (flock); ECONFLICT while another handle has it. */
int tsr_folder_open(const char *path, bool update, struct tsr_folder *out);
void tsr_folder_close(struct tsr_folder *f); /* NULL path: nothing to do */

/* A new, empty folder beside path, with an unused hidden name, locked. */
int tsr_folder_temp(const char *path, struct tsr_folder *out);
/* Renames f to path, where nothing is (else EEXISTS).  replace: what is there, a file or a folder,
 * gets f's old name instead, in one step where the file system can; else path has none for a
 * moment, and what was there gets that name with ASIDE behind.  *old is the name it has (owned by
 * the caller), NULL when nothing was there. */
#define TSR_FOLDER_ASIDE ".old"
int tsr_folder_rename(struct tsr_folder *f, const char *path, bool replace, char **old);
/* Removes the files in the folder, and the folder.  Folders inside it stay, and so does it. */
int tsr_folder_delete(const struct tsr_folder *f);

/* READ: as tsr_file_open; UPDATE: the file is made if it is not there; NEW: and emptied.  No lock
 * is taken: the folder has one. */
int tsr_folder_file(const struct tsr_folder *f, const char *name, enum tsr_file_mode mode,
                    struct tsr_file *out);
/* A number that the folder or file at path has as long as it lives, whatever its name, and no
 * other on this machine; 0: there is none. */
uint64_t tsr_path_id(const char *path);
/* Is f still what its path names? */
bool tsr_folder_is_current(const struct tsr_folder *f);
int tsr_folder_stat(const struct tsr_folder *f, const char *name, enum tsr_path_kind *kind,
                    uint64_t *size);
int tsr_folder_move(const struct tsr_folder *f, const char *from, const char *to);
int tsr_folder_remove(const struct tsr_folder *f, const char *name);
/* Makes creations, renames and removals inside survive the machine. */
int tsr_folder_sync(const struct tsr_folder *f);
/* Calls fn with each name but "." and "..", in any order; a non-zero answer ends the walk and is
 * returned. */
int tsr_folder_list(const struct tsr_folder *f, int (*fn)(void *user, const char *name),
                    void *user);

#endif
