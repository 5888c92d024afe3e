/* SPDX-License-Identifier: BSD-3-Clause */
/* store/table.c - which store holds a URL.
 *
 * A URL is "scheme:rest" when scheme is in the table below, "scheme://rest" with any other
 * scheme is refused, and everything else is the path of a file: "a:b.b2nd" is a file name. */
#include "store/kinds.h"

#include <string.h>

static const struct scheme {
    const char *name;
    int (*open)(const char *path, bool update, struct tsr_store **out);
    int (*create)(const char *path, bool replace, struct tsr_store **out);
} schemes[] = {
    {"file", tsr_store_file_open, tsr_store_file_create},
};

/* "file:x", "file:/x" and "file:///x" name the paths x, /x and /x. */
static int find_scheme(const char *url, const struct scheme **out, const char **path)
{
    size_t len = strcspn(url, ":/");
    *out = &schemes[0];
    *path = url;
    if (url[len] != ':') return TSR_OK;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strlen(schemes[i].name) != len || strncmp(url, schemes[i].name, len)) continue;
        *out = &schemes[i];
        *path = url + len + 1;
        if (!strncmp(*path, "//", 2)) *path += 2;
        return TSR_OK;
    }
    if (strncmp(url + len, "://", 3)) return TSR_OK;
    return tsr_fail(TSR_EUNSUPPORTED, "%s: no store for %.*s:// in this build", url, (int)len, url);
}

int tsr_store_open(const char *url, bool update, struct tsr_store **out)
{
    const struct scheme *s;
    const char *path;
    int rc = find_scheme(url, &s, &path);
    return rc < 0 ? rc : s->open(path, update, out);
}

int tsr_store_create(const char *url, bool replace, struct tsr_store **out)
{
    const struct scheme *s;
    const char *path;
    int rc = find_scheme(url, &s, &path);
    return rc < 0 ? rc : s->create(path, replace, out);
}
<<<<<<< HEAD
=======

int tsr_store_gunzip(const char *url, const char *beside, struct tsr_store **out)
{
    const struct scheme *s;
    const char *path, *place = NULL;
    int rc = find_scheme(url, &s, &path);
    if (rc == TSR_OK) rc = find_scheme(beside, &s, &place);
    return rc < 0 ? rc : tsr_store_gzip_open(path, place, out);
}

int tsr_store_publish(struct tsr_store *st, bool durable)
{
    return st->kind->publish ? st->kind->publish(st, durable) : TSR_OK;
}

int tsr_store_init(struct tsr_store *st, const struct tsr_store_kind *kind, const char *url,
                   bool writable)
{
    st->kind = kind;
    st->writable = writable;
    atomic_init(&st->bytes_read, 0);
    atomic_init(&st->requests, 0);
    st->url = tsr_strdup(url);
    return st->url ? TSR_OK : TSR_ENOMEM;
}

void tsr_store_close(struct tsr_store *st)
{
    if (!st) return;
    tsr_free(st->url);
    st->kind->close(st);
}

int tsr_store_readv(struct tsr_store *st, const struct tsr_range *r, size_t n)
{
    long long bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += (long long)r[i].len;
    atomic_fetch_add_explicit(&st->bytes_read, bytes, memory_order_relaxed);
    return st->kind->readv(st, r, n);
}

int tsr_store_read(struct tsr_store *st, const char *key, uint64_t off, void *dst, size_t len)
{
    struct tsr_range r = {.key = key, .off = off, .len = len, .dst = dst};
    return tsr_store_readv(st, &r, 1);
}

int tsr_store_stat(struct tsr_store *st, const char *key, uint64_t *size)
{
    return st->kind->stat(st, key, size);
}

static int need_writable(const struct tsr_store *st, bool can)
{
    if (st->writable && can) return TSR_OK;
    return tsr_fail(TSR_EDENIED, "%s: is open for reading only", st->url);
}

int tsr_store_put(struct tsr_store *st, const char *key, const struct tsr_piece *p, int n,
                  bool durable)
{
    int rc = need_writable(st, st->kind->put != NULL);
    return rc < 0 ? rc : st->kind->put(st, key, p, n, durable);
}

int tsr_store_write_at(struct tsr_store *st, const char *key, uint64_t off,
                       const struct tsr_piece *p, int n)
{
    int rc = need_writable(st, st->kind->write_at != NULL);
    return rc < 0 ? rc : st->kind->write_at(st, key, off, p, n);
}

int tsr_store_truncate(struct tsr_store *st, const char *key, uint64_t size)
{
    int rc = need_writable(st, st->kind->truncate != NULL);
    return rc < 0 ? rc : st->kind->truncate(st, key, size);
}

int tsr_store_sync(struct tsr_store *st, const char *key, bool name)
{
    int rc = need_writable(st, st->kind->sync != NULL);
    return rc < 0 ? rc : st->kind->sync(st, key, name);
}

const uint8_t *tsr_store_view(struct tsr_store *st, const char *key, uint64_t off, uint64_t len)
{
    return st->kind->view ? st->kind->view(st, key, off, len) : NULL;
}
>>>>>>> 1f0444b (store: gzip files as the bytes in them, inflated as far as asked)
