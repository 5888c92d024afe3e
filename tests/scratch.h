/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/scratch.h - a folder for the files of one test program, and numbers for random cases. */
#ifndef TSR_TESTS_SCRATCH_H
#define TSR_TESTS_SCRATCH_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <tessera/tessera.h>

static char scratch_dir[512];

static inline int scratch_make(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    snprintf(scratch_dir, sizeof scratch_dir, "%s/tessera-test-XXXXXX", base ? base : "/tmp");
    return mkdtemp(scratch_dir) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
    DIR *d = opendir(scratch_dir);
    char path[1024];
    (void)state;
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", scratch_dir, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove(path);
    }
    if (d) closedir(d);
    return rmdir(scratch_dir);
}

/* A file, or a folder and all that is in it; or nothing. */
static inline void remove_path(const char *path)
{
    char inside[2048];
    if (remove(path) == 0 || access(path, F_OK) < 0) return;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove_path(inside);
    }
    if (d) closedir(d);
    if (rmdir(path) < 0) fail_msg("%s cannot be removed", path);
}

/* The folder and all that is in it. */
static inline int scratch_remove_all(void **state)
{
    (void)state;
    remove_path(scratch_dir);
    return 0;
}

static inline bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Files in the folder, hidden ones too. */
static inline int scratch_count(void)
{
    DIR *d = opendir(scratch_dir);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    if (d) closedir(d);
    return n;
}

/* The path of a file in the folder, in one of a few buffers used in turn. */
static inline const char *scratch(const char *name)
{
    static char path[8][1024];
    static int turn;
    char *p = path[turn++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", scratch_dir, name);
    return p;
}

static inline void file_write(const char *path, const void *p, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* One bit of one byte. */
static inline void file_flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    int byte = getc(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(putc(byte ^ 0x10, f), byte ^ 0x10);
    assert_int_equal(fclose(f), 0);
}

static inline uint8_t *file_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("cannot open %s", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *p = malloc(*len + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *len, f), *len);
    fclose(f);
    return p;
}

static uint64_t random_state = 88172645463325252u;

static inline uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * 0x2545F4914F6CDD1Du;
}

/* lo .. hi, both included */
static inline int64_t random_in(int64_t lo, int64_t hi)
{
    return lo + (int64_t)((random_next() >> 11) % (uint64_t)(hi - lo + 1));
}

#define OK(call)                                                      \
    do {                                                              \
        int rc_ = (call);                                             \
        if (rc_ < 0) fail_msg("%s: %d: %s", #call, rc_, tsr_error()); \
    } while (0)

#define FAILS(code, text, call)                                                               \
    do {                                                                                      \
        int rc_ = (call);                                                                     \
        if (rc_ != (code) || !strstr(tsr_error(), text))                                      \
            fail_msg("%s: %d (%s), expected %d (%s)", #call, rc_, rc_ < 0 ? tsr_error() : "", \
                     (int)(code), text);                                                      \
    } while (0)

#endif
