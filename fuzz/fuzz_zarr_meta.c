/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_zarr_meta.c - metadata documents of Zarr.  The first byte says which: '3' zarr.json,
 * 'a' .zarray (behind a NUL may follow .zattrs), 'g' .zgroup, 'm' .zmetadata.
 *
 * What can be read can be written, and reads as the same document; an array made anew from what was
 * parsed has the same fill value; keys of chunks come back; nodes in consolidated metadata are read
 * too. */
#include "base/status.h"
#include "fuzz.h"
#include "zarr/cache.h"
#include "zarr/chain.h"
#include "zarr/node.h"

static void check_same(const struct tsr_zmeta *m)
{
    struct tsr_buf once = {0}, twice = {0};
    struct tsr_zmeta *again;
    enum tsr_zdoc which = tsr_zmeta_which(m);
    check_ok(tsr_zmeta_write(m, which, TSR_JSON_WORDS, &once));
    check_ok(tsr_zmeta_read("", which, (struct tsr_ztext){(char *)once.p, once.len}, NULL, &again));
    check_ok(tsr_zmeta_write(again, which, 0, &twice));
    check(once.len == twice.len && !memcmp(once.p, twice.p, once.len));
    tsr_zmeta_free(again);
    tsr_buf_free(&once);
    tsr_buf_free(&twice);
}

static void check_keys(const struct tsr_zmeta *m)
{
    char key[TSR_ZKEY_MAX];
    int64_t index[TSR_MAX_NDIM], back[TSR_MAX_NDIM], start, len;
    for (int d = 0; d < m->ndim; d++) {
        index[d] = m->grid.count[d] ? m->grid.count[d] - 1 : 0;
        if (!m->grid.count[d]) continue;
        tsr_zgrid_chunk(&m->grid, d, index[d], &start, &len);
        check(start >= 0 && start < m->shape[d] && len > 0 && len <= m->grid.shape[d]);
        check(tsr_zgrid_find(&m->grid, d, start) == index[d]);
        check(tsr_zgrid_find(&m->grid, d, m->shape[d] - 1) == index[d]);
    }
    check(tsr_zkey_make(&m->keys, m->ndim, index, key) < TSR_ZKEY_MAX);
    check(tsr_zkey_parse(&m->keys, m->ndim, key, back));
    check(m->ndim == 0 || !memcmp(index, back, (size_t)m->ndim * sizeof *index));
}

/* Records of format 3 may come as base64 of any bits, of which bools keep one. */
static void check_remade(const struct tsr_zmeta *m)
{
    const struct tsr_node *codecs = tsr_znode_get(&m->root, m->format == 2 ? "filters" : "codecs");
    const struct tsr_node *grid = tsr_znode_get(&m->root, "chunk_grid");
    struct tsr_zmeta *again;
    struct tsr_znew a = {.format = m->format,
                         .ndim = m->ndim,
                         .shape = m->shape,
                         .type = m->type,
                         .chunks = m->grid.shape,
                         .fill = &m->fill,
                         .order = m->order,
                         .separator = m->keys.separator,
                         .v2_keys = !m->keys.prefix};
    a.edges = tsr_znode_get(tsr_znode_get(grid, "configuration"), "chunk_shapes");
    a.codecs = codecs->kind == TSR_NODE_LIST ? codecs : NULL;
    a.compressor = tsr_znode_get(&m->root, "compressor");
    a.attributes = &m->attributes;
    int rc = tsr_zmeta_new_array(&a, &again);
    if (rc == TSR_EUNSUPPORTED || rc == TSR_EARG) return;
    check_ok(rc);
    if (m->format == 2 || m->type->kind != TSR_ZRECORD)
        check(m->fill.len == again->fill.len && !memcmp(m->fill.p, again->fill.p, m->fill.len));
    tsr_zmeta_free(again);
}

static void check_node(struct tsr_zmeta *m)
{
    struct tsr_zchain *chain = NULL;
    check_same(m);
    if (m->array) {
        check_keys(m);
        check_remade(m);
        if (tsr_zchain_of(m, NULL, m->grid.shape, 1 << 20, &chain) < 0) check(*tsr_error());
        tsr_zchain_close(chain);
    }
    tsr_zmeta_free(m);
}

static void check_cache(const struct tsr_zcache *c)
{
    const char *path;
    enum tsr_zdoc which;
    for (size_t i = 0; i < 8 && tsr_zcache_at(c, i, &path, &which); i++) {
        struct tsr_zmeta *m;
        struct tsr_ztext text;
        check(tsr_zcache_find(c, path, which, &text));
        if (tsr_zcache_load(c, path, &m) == TSR_OK) check_node(m);
    }
}

static void try_node(enum tsr_zdoc which, struct tsr_ztext text, const struct tsr_ztext *attrs)
{
    struct tsr_zmeta *m;
    struct tsr_zcache *cache;
    if (tsr_zmeta_read("", which, text, attrs, &m) < 0) return;
    if (tsr_zcache_of(m, &cache) == TSR_OK) {
        check_cache(cache);
        tsr_zcache_free(cache);
    }
    check_node(m);
}

static void try_cache(struct tsr_ztext text)
{
    struct tsr_zcache *c, *again;
    struct tsr_buf b = {0};
    if (tsr_zcache_read(text, &c) < 0) return;
    check_cache(c);
    check_ok(tsr_zcache_write(c, NULL, &b));
    check_ok(tsr_zcache_read((struct tsr_ztext){(char *)b.p, b.len}, &again));
    tsr_buf_free(&b);
    tsr_zcache_free(again);
    tsr_zcache_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct tsr_ztext text = {(const char *)data + 1, size - 1}, attrs = {0};
    const char *end = memchr(text.p, 0, text.len);
    if (*data == 'm') try_cache(text);
    if (*data == '3') try_node(TSR_ZDOC_V3, text, NULL);
    if (*data == 'g') try_node(TSR_ZDOC_GROUP, text, NULL);
    if (*data != 'a') return 0;
    if (end) attrs = (struct tsr_ztext){end + 1, text.len - (size_t)(end + 1 - text.p)};
    if (end) text.len = (size_t)(end - text.p);
    try_node(TSR_ZDOC_ARRAY, text, end ? &attrs : NULL);
    return 0;
}
