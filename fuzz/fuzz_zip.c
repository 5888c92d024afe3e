/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_zip.c - a zip archive of any bytes: its directory, then all entries, whole and in part.
 *
 * Each key that is listed must be found; what is read whole, with its checksum, must be what is
 * read in parts; what is below a prefix must be the same through a store that begins there; and a
 * check names only what is there. */
#include "fuzz.h"
#include "store/store.h"

enum { LONGEST = 1 << 22 };

struct walk {
    struct tsr_store *st;
    const char *prefix;
    int objects, below; /* seen in all; directly below prefix */
};

static void read_parts(struct tsr_store *st, const char *key, const uint8_t *whole, size_t size)
{
    size_t half = size / 2;
    uint8_t *p = need(malloc(size + 1));
    struct tsr_range r[] = {{.key = key, .off = half, .len = size - half, .dst = p + half},
                            {.key = key, .off = 0, .len = half, .dst = p}};
    check_ok(tsr_store_readv(st, r, 2));
    check(memcmp(p, whole, size) == 0);
    struct tsr_get g = {.key = key, .off = TSR_LAST, .len = half, .dst = p};
    check_ok(tsr_store_getv(st, &g, 1));
    check(g.found && g.size == size && g.got == half);
    check(memcmp(p, whole + size - half, half) == 0);
    free(p);
}

static void read_object(struct tsr_store *st, const char *key)
{
    uint64_t size = 0;
    check_ok(tsr_store_stat(st, key, &size));
    if (size > LONGEST) return;
    uint8_t *p = need(malloc((size_t)size + 1));
    struct tsr_get g = {.key = key, .len = (size_t)size, .dst = p};
    int rc = tsr_store_getv(st, &g, 1);
    check(rc == TSR_OK || rc == TSR_ECORRUPT);
    if (rc == TSR_OK) {
        check(g.found && g.got == size && g.size == size);
        read_parts(st, key, p, (size_t)size);
    }
    free(p);
}

static int see(void *user, const char *key)
{
    struct walk *w = user;
    size_t len = strlen(key), below = strlen(w->prefix);
    check(len > below && memcmp(key, w->prefix, below) == 0);
    w->below++;
    if (key[len - 1] != '/') {
        w->objects++;
        read_object(w->st, key);
        return 0;
    }
    struct walk deeper = {w->st, key, 0, 0};
    check_ok(tsr_store_list(w->st, key, see, &deeper));
    check(deeper.objects > 0);
    w->objects += deeper.objects;
    return 0;
}

static int hear_wrong(void *user, const char *key, int rc)
{
    uint64_t size;
    check(rc == TSR_ECORRUPT);
    check_ok(tsr_store_stat(user, key, &size));
    return 0;
}

static int first_prefix(void *user, const char *key)
{
    char *name = user;
    if (key[strlen(key) - 1] != '/') return 0;
    snprintf(name, 1100, "%s", key);
    return 1;
}

static int count_one(void *user, const char *key)
{
    (void)key;
    ++*(int *)user;
    return 0;
}

static void compare_inner(const uint8_t *data, size_t size, struct tsr_store *st)
{
    char name[1100];
    struct tsr_store *file, *inner;
    int n = 0, m = 0;
    if (tsr_store_list(st, "", first_prefix, name) != 1) return;
    if (strchr(name, '\\')) return; /* which people mean as a slash */
    check_ok(tsr_store_mem_borrow(data, size, &file));
    check_ok(tsr_store_zip(file, &(struct tsr_tree_options){.inner = name}, &inner));
    check_ok(tsr_store_list(st, name, count_one, &n));
    check_ok(tsr_store_list(inner, "", count_one, &m));
    check(n == m);
    tsr_store_close(inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsr_store *file, *st;
    check_ok(tsr_store_mem_borrow(data, size, &file));
    int rc = tsr_store_zip(file, NULL, &st);
    check(rc != TSR_ENOTFOUND && rc != TSR_ENOMEM);
    if (rc < 0) return 0;
    struct walk w = {st, "", 0, 0};
    check_ok(tsr_store_list(st, "", see, &w));
    compare_inner(data, size, st);
    check_ok(tsr_store_check(st, "", &(struct tsr_checking){.wrong = hear_wrong, .user = st}));
    tsr_store_close(st);
    return 0;
}
