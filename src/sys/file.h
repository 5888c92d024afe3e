/* SPDX-License-Identifier: BSD-3-Clause */
/* sys/file.h - local files: positioned reads and writes, durable renames.
 *
 * Calls retry EINTR and short transfers themselves.  Failures carry the path given to open.
 * A struct tsr_file may be read and written at disjoint places by many threads at once. */
#ifndef TSR_SYS_FILE_H
#define TSR_SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tsr_file {
    int fd;
    char *path; /* owned; for messages and renames */
};

/* One piece of a gathering write or a scattering read. */
struct tsr_piece {
    void *p;
    size_t len;
};

enum tsr_file_mode { TSR_FILE_READ, TSR_FILE_UPDATE, TSR_FILE_NEW /* fails with EEXISTS */ };

/* UPDATE and NEW take the advisory lock of writers (fcntl, of the open file); ECONFLICT while
 * another handle, of this process or another, has it.  Pipes and devices are not waited for. */
int tsr_file_open(const char *path, enum tsr_file_mode mode, struct tsr_file *out);
void tsr_file_close(struct tsr_file *f); /* NULL path: nothing to do */

/* Is f still what its path names, or was that replaced or removed? */
bool tsr_file_is_current(const struct tsr_file *f);
/* Was the last of its names removed, or given to another file? */
bool tsr_file_is_nameless(const struct tsr_file *f);
enum tsr_path_kind { TSR_PATH_NONE, TSR_PATH_FILE, TSR_PATH_FOLDER, TSR_PATH_OTHER };
/* What one look at an open file tells; size and stamp are those of a regular file. */
struct tsr_look {
    enum tsr_path_kind kind;
    uint64_t size, stamp;
};
int tsr_file_look(const struct tsr_file *f, struct tsr_look *out);
/* A number that a write to the file changes, as a rule, and that another file does not have;
 * 0: not to be had. */
uint64_t tsr_file_stamp(const struct tsr_file *f);

/* Reads exactly len bytes at off, or ECORRUPT ("ends at byte N") when the file ends early. */
int tsr_file_read(const struct tsr_file *f, uint64_t off, void *dst, size_t len);
/* Reads up to len bytes; *got is smaller only at the end of the file. */
int tsr_file_read_some(const struct tsr_file *f, uint64_t off, void *dst, size_t len, size_t *got);
/* Reads exactly the bytes of all pieces, which follow one another at off. */
int tsr_file_readv(const struct tsr_file *f, uint64_t off, const struct tsr_piece *pieces, int n);
/* Writes all pieces one after the other at off. */
int tsr_file_write(const struct tsr_file *f, uint64_t off, const struct tsr_piece *pieces, int n);
/* Bytes that will be read soon: the system begins to read them from the device where they are not
 * in its memory.  It may also not. */
void tsr_file_expect(const struct tsr_file *f, uint64_t off, uint64_t len);
int tsr_file_size(const struct tsr_file *f, uint64_t *size);
int tsr_file_truncate(const struct tsr_file *f, uint64_t size);
int tsr_file_sync(const struct tsr_file *f);

/* A new, empty file beside path, with an unused hidden name; out->path is that name. */
int tsr_file_temp(const char *path, struct tsr_file *out);
/* Renames f over (replace) or to (else EEXISTS) path and updates f->path. */
int tsr_file_rename(struct tsr_file *f, const char *path, bool replace);
/* Makes a rename or creation of path durable: syncs its folder. */
int tsr_file_sync_folder(const char *path);
int tsr_file_remove(const char *path);

int tsr_path_stat(const char *path, enum tsr_path_kind *kind, uint64_t *size);
/* Where a symbolic link leads, else path as it is; the caller frees it.  NULL: ENOMEM. */
char *tsr_path_resolve(const char *path);
/* The one absolute path of what may not be there yet, while its folder is; else path as it is; the
 * caller frees it.  NULL: ENOMEM. */
char *tsr_path_real(const char *path);
/* Where a new file for path goes, freed by the caller: links stay and lead to it.  EEXISTS for a
 * folder or a device, which no file can replace, and for a file unless replace. */
int tsr_file_target(const char *path, bool replace, char **target);
/* Names in a folder, sorted; *names is one allocation of n strings, freed with tsr_free. */
int tsr_path_list(const char *path, char ***names, size_t *n);

#endif
