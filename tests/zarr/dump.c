/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/dump.c - what the metadata of Zarr nodes say, for the tests in Python.
 *
 * Reads lines "FOLDER PATH" (parted by a tab): the node at PATH of the store in FOLDER.  Prints a
 * line of JSON for each: what was parsed, and the documents that are written for an array made
 * anew from it; or {"error": status, "text": ...}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "zarr/chain.h"
#include "zarr/node.h"

/* An array like m, made from what was parsed of it. */
static int remake(const struct tsr_zmeta *m, struct tsr_zmeta **out)
{
    const struct tsr_node *filters = tsr_znode_get(&m->root, m->format == 2 ? "filters" : "codecs");
    const struct tsr_node *compressor = tsr_znode_get(&m->root, "compressor");
    const struct tsr_node *grid = tsr_znode_get(&m->root, "chunk_grid");
    struct tsr_znew a = {.format = m->format, .ndim = m->ndim, .shape = m->shape, .type = m->type};
    a.chunks = m->grid.shape;
    a.edges = tsr_znode_get(tsr_znode_get(grid, "configuration"), "chunk_shapes");
    a.fill = &m->fill;
    a.order = m->order;
    a.separator = m->keys.separator;
    a.v2_keys = !m->keys.prefix;
    a.codecs = filters && filters->kind == TSR_NODE_LIST ? filters : NULL;
    a.compressor = compressor;
    a.names = m->names;
    a.attributes = &m->attributes;
    return tsr_zmeta_new_array(&a, out);
}

static void put(struct tsr_buf *out, const char *name, const struct tsr_node *n)
{
    if (tsr_buf_addf(out, ",\"%s\":", name) < 0 || tsr_json_write(out, n, TSR_JSON_WORDS) < 0)
        abort();
}

static int put_array(struct tsr_buf *out, struct tsr_zmeta *m)
{
    struct tsr_node type, fill, shape, list;
    struct tsr_zmeta *again;
    const struct tsr_node *grid =
        tsr_znode_get(tsr_znode_get(&m->root, "chunk_grid"), "configuration");
    const struct tsr_node *chunks = m->format == 2    ? tsr_znode_get(&m->root, "chunks")
                                    : m->grid.regular ? tsr_znode_get(grid, "chunk_shape")
                                                      : tsr_znode_get(grid, "chunk_shapes");
    char key[TSR_ZKEY_MAX];
    int64_t ones[TSR_MAX_NDIM], back[TSR_MAX_NDIM];
    int rc = tsr_ztype_emit(m->doc, m->type, m->format, &type);
    if (rc == TSR_OK) rc = tsr_zfill_emit(m->doc, m->type, &m->fill, m->format, &fill);
    if (rc == TSR_OK) rc = tsr_znode_of_ints(m->doc, m->shape, m->ndim, &shape);
    if (rc == TSR_OK) rc = tsr_znode_new(m->doc, TSR_NODE_LIST, (size_t)m->ndim, &list);
    if (rc < 0) return rc;
    put(out, "dtype", &type);
    put(out, "fill_value", &fill);
    put(out, "shape", &shape);
    put(out, "chunks", chunks);
    for (int d = 0; m->names && d < m->ndim; d++)
        tsr_znode_add(&list, m->names[d] ? tsr_znode_of_text(m->names[d])
                                         : (struct tsr_node){.kind = TSR_NODE_NULL});
    if (!m->names) list = (struct tsr_node){.kind = TSR_NODE_NULL};
    put(out, "dimension_names", &list);
    for (int d = 0; d < m->ndim; d++) ones[d] = 10 + d;
    tsr_zkey_make(&m->keys, m->ndim, ones, key);
    if (!tsr_zkey_parse(&m->keys, m->ndim, key, back) ||
        (m->ndim && memcmp(ones, back, (size_t)m->ndim * sizeof *ones)))
        abort();
    tsr_buf_addf(out, ",\"key\":\"%s\",\"order\":\"%c\",\"null\":%d", key, m->order, m->fill.null);
    rc = remake(m, &again);
    if (rc < 0) return rc;
    put(out, "remade", &again->root);
    put(out, "remade_attributes", &again->attributes);
    bool same = m->fill.len == again->fill.len && !memcmp(m->fill.p, again->fill.p, m->fill.len);
    tsr_buf_addf(out, ",\"same_fill\":%d", same);
    tsr_zmeta_free(again);
    return TSR_OK;
}

static int check_chain(const struct tsr_zmeta *m, const char *path)
{
    struct tsr_zchain *chain = NULL;
    int rc = tsr_zchain_of(m, NULL, m->grid.shape, 0, &chain);
    if (rc < 0) tsr_within("%s/%s", path, tsr_zdoc_name(tsr_zmeta_which(m)));
    tsr_zchain_close(chain);
    return rc;
}

static void answer(const char *folder, const char *path)
{
    struct tsr_zmeta *m = NULL;
    struct tsr_buf out = {0}, written = {0};
    int rc = load(folder, path, &m);
    if (rc == TSR_OK) {
        tsr_buf_addf(&out, "{\"format\":%d,\"array\":%d", m->format, m->array);
        put(&out, "attributes", &m->attributes);
        put(&out, "root", &m->root);
        rc = tsr_zmeta_write(m, tsr_zmeta_which(m), 0, &written);
        if (rc == TSR_OK && m->array) rc = check_chain(m, path);
        if (rc == TSR_OK && m->array) rc = put_array(&out, m);
    }
    if (rc < 0) {
        struct tsr_node text = tsr_znode_of_text(tsr_error());
        out.len = 0;
        tsr_buf_addf(&out, "{\"error\":%d", rc);
        put(&out, "text", &text);
    }
    /* the text of consolidated documents has lines of its own */
    for (size_t i = 0; i < out.len; i++)
        if (out.p[i] == '\n') out.p[i] = ' ';
    printf("%.*s}\n", (int)out.len, (char *)out.p);
    tsr_buf_free(&out);
    tsr_buf_free(&written);
    tsr_zmeta_free(m);
}

int main(void)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab) return 2;
        *tab = 0;
        answer(line, tab + 1);
    }
    return 0;
}
