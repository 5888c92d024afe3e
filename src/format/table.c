/* SPDX-License-Identifier: BSD-3-Clause */
/* format/table.c - the list of formats: the only place that names them. */
#include <string.h>
#include <strings.h>

#include "format/zarr.h"
#include "frame/frame.h"

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

const struct tsr_format *tsr_format_for_suffix(const char *url)
{
    size_t len = strlen(url);
    for (int i = 0; formats[i]; i++)
        for (const char *const *s = formats[i]->suffixes; *s; s++) {
            size_t n = strlen(*s);
            if (len > n && strcasecmp(url + len - n, *s) == 0) return formats[i];
        }
    return NULL;
}

static int probe(struct tsr_store *st, uint64_t offset, const struct tsr_format **out)
{
    uint8_t head[TSR_PROBE_BYTES];
    uint64_t size;
    const char *key = tsr_frame_key(st);
    int rc = tsr_store_stat(st, key, &size);
    /* neither the object nor a folder with a frame: say so of the object */
    if (rc == TSR_ENOTFOUND && key[0]) rc = tsr_store_stat(st, "", &size);
    if (rc < 0) return rc;
    size_t len = offset < size ? (size_t)(size - offset) : 0;
    if (len > sizeof head) len = sizeof head;
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
    int rc = probe(st, offset, out);
    if (rc < 0 || *out) return rc;
    *out = tsr_format_for_suffix(url);
    if (*out && !(*out)->tree) return TSR_OK; /* of trees a file is an archive, which bytes tell */
    *out = NULL;
    return tsr_fail(TSR_EUNSUPPORTED, "neither its first bytes nor its name tell a known format; "
                                      "one can be named");
}

int tsr_format_open_node(struct tsr_store *tree, const char *path, struct tsr_zmeta *meta,
                         const tsr_options *o, struct tsr_driver **out)
{
    return tsr_zarr_open(tree, path, meta, o, out);
}
