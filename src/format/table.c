/* SPDX-License-Identifier: BSD-3-Clause */
/* format/table.c - the list of formats: the only place that names them. */
#include <string.h>
#include <strings.h>

#include "format/zarr.h"
#include "frame/frame.h"
#include "store/kinds.h"

/* The one line; asked in this order, so b2nd, which is a frame with a metalayer, comes first. */
#define TSR_FORMATS(X) X(b2nd) X(b2frame) X(npy) X(raw) X(chunk) X(zarr3) X(zarr2)

#define DECLARE(name) extern const struct tsr_format tsr_format_##name;
TSR_FORMATS(DECLARE)
#define LIST(name) &tsr_format_##name,
static const struct tsr_format *const formats[] = {TSR_FORMATS(LIST) NULL};

const char *tsr_format_at(int i)
{
    int n = (int)(sizeof formats / sizeof *formats) - 1;
    return i >= 0 && i < n ? formats[i]->name : NULL;
}

const char *tsr_suffix_at(int i)
{
    for (int f = 0; i >= 0 && formats[f]; f++)
        for (const char *const *s = formats[f]->suffixes; *s; s++)
            if (i-- == 0) return *s;
    return NULL;
}

const struct tsr_format *tsr_format_named(const char *name)
{
    for (int i = 0; formats[i]; i++)
        if (strcmp(formats[i]->name, name) == 0) return formats[i];
    tsr_fail(TSR_EUNSUPPORTED, "format '%s' is not known here", name);
    return NULL;
}

/* A folder may be named with a / behind it. */
static const struct tsr_format *for_suffix(const char *url, size_t len)
{
    while (len > 1 && url[len - 1] == '/') len--;
    for (int i = 0; formats[i]; i++)
        for (const char *const *s = formats[i]->suffixes; *s; s++) {
            size_t n = strlen(*s);
            if (len > n && strncasecmp(url + len - n, *s, n) == 0) return formats[i];
        }
    return NULL;
}

const struct tsr_format *tsr_format_for_suffix(const char *url)
{
    return for_suffix(url, strlen(url));
}

/* Folders of this machine can be looked into.  Elsewhere a node is told from the hierarchy that it
 * is in by a #: where that was meant, the error says so. */
static int hint_at_node(const char *url, int rc)
{
    char text[TSR_ERROR_MAX];
    const char *scheme = strstr(url, "://");
    if (!scheme || (rc != TSR_ENOTFOUND && rc != TSR_EUNSUPPORTED)) return rc;
    for (const char *p = scheme + 3; (p = strchr(p, '/')); p++) {
        const struct tsr_format *f = for_suffix(url, (size_t)(p - url));
        if (!f || !f->tree || !p[1]) continue;
        tsr_error_save(text);
        return tsr_fail((tsr_status)rc, "%s; a node of a hierarchy is named behind a #: %.*s#%s",
                        text, (int)(p - url), url, p + 1);
    }
    return rc;
}

static int probe(struct tsr_store *st, uint64_t offset, const struct tsr_format **out, bool *empty)
{
    uint8_t head[TSR_PROBE_BYTES];
    uint64_t size;
    const char *key;
    int rc = tsr_frame_key(st, &key);
    if (rc == TSR_OK) rc = tsr_store_stat(st, key, &size);
    /* neither the object nor a folder with a frame: say so of the object */
    if (rc == TSR_ENOTFOUND && key[0]) rc = tsr_store_stat(st, "", &size);
    if (rc < 0) return rc;
    size_t len = offset < size ? (size_t)(size - offset) : 0;
    if (len > sizeof head) len = sizeof head;
    *empty = len == 0;
    if (len && (rc = tsr_store_read(st, key, offset, head, len)) < 0) return rc;
    for (int i = 0; formats[i] && !*out; i++)
        if (formats[i]->probe && formats[i]->probe(head, len)) *out = formats[i];
    return TSR_OK;
}

int tsr_format_choose(struct tsr_store *st, const char *name, const char *url, uint64_t offset,
                      const struct tsr_format **out)
{
    *out = NULL;
    if (name) return (*out = tsr_format_named(name)) ? TSR_OK : TSR_EUNSUPPORTED;
    bool empty;
    int rc = probe(st, offset, out, &empty);
    if (rc < 0) return hint_at_node(url, rc);
    if (*out) return TSR_OK;
    *out = tsr_format_for_suffix(url);
    /* of trees a file is an archive, which bytes tell, unless others stand before them */
    bool archive = !empty && tsr_store_names_zip(url, strlen(url));
    if (*out && (!(*out)->tree || archive)) return TSR_OK;
    *out = NULL;
    rc = empty ? tsr_fail(TSR_EUNSUPPORTED, "is empty: found no bytes that would tell a format")
               : tsr_fail(TSR_EUNSUPPORTED, "neither its first bytes nor its name tell a known "
                                            "format; one can be named");
    return hint_at_node(url, rc);
}

int tsr_format_of_tree(struct tsr_store *tree, const struct tsr_format **out)
{
    struct tsr_zmeta *root = NULL;
    int rc = tsr_zmeta_open(tree, "", &root);
    *out = tsr_format_named(rc == TSR_OK && root->format == 2 ? "zarr2" : "zarr3");
    tsr_zmeta_free(root);
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

const char *tsr_format_node(const struct tsr_driver *d)
{
    return d->format->tree ? tsr_zarr_of(d)->path : NULL;
}

int tsr_format_open_node(struct tsr_store *tree, const char *path, struct tsr_zmeta *meta,
                         const tsr_options *o, struct tsr_driver **out)
{
    return tsr_zarr_open(tree, path, meta, o, out);
}
