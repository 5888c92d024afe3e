/* SPDX-License-Identifier: BSD-3-Clause */
/* store/table.c - which store holds a URL.
 *
 * A URL is "scheme:rest" when scheme is in the table below, "scheme://rest" with any other
 * scheme is refused, and everything else is a path: "a:b.b2nd" is a file name.  What lies at a path
 * says whether it is a file or a folder, and whether a tree is a folder or an archive. */
#include "store/kinds.h"

#include <string.h>
#include <strings.h>

#include "net/url.h"

static const struct scheme {
    const char *name;
    int (*open)(const char *path, bool update, struct tsr_store **out);
    /* Instead; then the others get the whole URL too. */
    int (*open_remote)(const char *url, bool update, const tsr_remote_options *r,
                       struct tsr_store **out);
    int (*create)(const char *path, bool replace, struct tsr_store **out);
    int (*create_folder)(const char *path, bool replace, struct tsr_store **out);
    int (*open_tree)(const char *path, const struct tsr_tree_options *o, struct tsr_store **out);
} schemes[] = {
    {"file", tsr_store_file_open, NULL, tsr_store_file_create, tsr_store_dir_create,
     tsr_store_local_tree_open},
#ifdef TSR_HAVE_HTTP
    {"http", NULL, tsr_store_http_open, tsr_store_http_create, tsr_store_http_create,
     tsr_store_http_open_tree},
    {"https", NULL, tsr_store_http_open, tsr_store_http_create, tsr_store_http_create,
     tsr_store_http_open_tree},
    {"s3", NULL, tsr_store_s3_open, tsr_store_s3_create, tsr_store_s3_create,
     tsr_store_s3_open_tree},
#endif
};

/* Case does not count in a URL (RFC 3986, 3.1); without "//", "File:x" is a file name. */
static bool names(const char *url, size_t len, const char *scheme)
{
    bool whole = strncmp(url + len, "://", 3) == 0;
    return (whole ? strncasecmp(url, scheme, len) : strncmp(url, scheme, len)) == 0;
}

static int no_scheme(const char *url, size_t len)
{
    static const char *const left_out[] = {"http", "https", "s3"};
    char shown[300];
    tsr_url_shown(url, shown, sizeof shown);
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (strlen(left_out[i]) == len && names(url, len, left_out[i]))
            return tsr_fail(TSR_EUNSUPPORTED, "%s: this build has no HTTP", shown);
    return tsr_fail(TSR_EUNSUPPORTED, "%s: no store for %.*s:// in this build", shown, (int)len,
                    url);
}

/* "file:x", "file:/x" and "file:///x" name the paths x, /x and /x. */
static int find_scheme(const char *url, const struct scheme **out, const char **path)
{
    size_t len = strcspn(url, ":/");
    *out = &schemes[0];
    *path = url;
    if (url[len] != ':') return TSR_OK;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strlen(schemes[i].name) != len || !names(url, len, schemes[i].name)) continue;
        *out = &schemes[i];
        if (schemes[i].open_remote) return TSR_OK;
        *path = url + len + 1;
        if (!strncmp(*path, "//", 2)) *path += 2;
        return TSR_OK;
    }
    if (strncmp(url + len, "://", 3)) return TSR_OK;
    return no_scheme(url, len);
}

bool tsr_store_is_bucket(const char *url)
{
    if (strncasecmp(url, "s3://", 5) != 0) return false;
    const char *key = url + 5 + strcspn(url + 5, "/");
    return key[strspn(key, "/")] == 0;
}

const char *tsr_store_path(const char *url)
{
    const struct scheme *s;
    const char *path;
    return find_scheme(url, &s, &path) == TSR_OK && s == &schemes[0] ? path : NULL;
}

int tsr_store_open_with(const char *url, bool update, const tsr_remote_options *r,
                        struct tsr_store **out)
{
    const struct scheme *s;
    const char *path;
    int rc = find_scheme(url, &s, &path);
    if (rc < 0) return rc;
    return s->open_remote ? s->open_remote(path, update, r, out) : s->open(path, update, out);
}

int tsr_store_open(const char *url, bool update, struct tsr_store **out)
{
    return tsr_store_open_with(url, update, NULL, out);
}

int tsr_store_open_tree(const char *url, const struct tsr_tree_options *o, struct tsr_store **out)
{
    static const struct tsr_tree_options plain = {0};
    const struct scheme *s;
    const char *path;
    int rc = find_scheme(url, &s, &path);
    if (rc < 0) return rc;
    if (!o) o = &plain;
    if (s->open_remote && tsr_store_names_zip(url, strcspn(url, "?#"))) {
        struct tsr_store *file;
        if (o->flags & (TSR_TREE_UPDATE | TSR_TREE_CREATE))
            return tsr_fail(TSR_EUNSUPPORTED, "%s: a zip archive is written to a local file only",
                            url);
        rc = s->open_remote(path, false, o->remote, &file);
        return rc < 0 ? rc : tsr_store_zip(file, o, out);
    }
    if (s->open_tree) return s->open_tree(path, o, out);
    return tsr_fail(TSR_EUNSUPPORTED, "%s: %s: holds no trees of objects", url, s->name);
}

int tsr_store_create(const char *url, bool replace, struct tsr_store **out)
{
    const struct scheme *s;
    const char *path;
    int rc = find_scheme(url, &s, &path);
    return rc < 0 ? rc : s->create(path, replace, out);
}

int tsr_store_create_folder(const char *url, bool replace, struct tsr_store **out)
{
    const struct scheme *s;
    const char *path;
    int rc = find_scheme(url, &s, &path);
    return rc < 0 ? rc : s->create_folder(path, replace, out);
}

int tsr_store_gunzip(const char *url, const char *beside, struct tsr_store **out)
{
    const struct scheme *s;
    const char *path, *place = NULL;
    int rc = find_scheme(url, &s, &path);
    if (rc == TSR_OK) rc = find_scheme(beside, &s, &place);
    return rc < 0 ? rc : tsr_store_gzip_open(path, place, out);
}
