/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/complete.c - codecs of new arrays of format 3, as others want to read them (zarr.md 7.1).
 *
 * A name alone, which 3.1 allows, is refused by zarr-python in most places, and what a
 * configuration leaves out is not the same in all programs:
 *
 *   "gzip"                                      {"name": "gzip", "configuration": {"level": 1}}
 *   {"name": "numcodecs.shuffle"} of float64    {"name": "numcodecs.shuffle",
 *                                                "configuration": {"elementsize": 8}} */
#include <string.h>

#include "base/status.h"
#include "zarr/codec.h"
#include "zarr/node.h"

void tsr_zcodec_usual(struct tsr_node *config, const char *name, struct tsr_node value)
{
    struct tsr_node *there = tsr_znode_at(config, name);
    if (!there) tsr_znode_put(config, name, value);
    else if (there->kind == TSR_NODE_NULL) *there = value;
}

int tsr_zcodec_complete_level(const struct tsr_zcodec *c, bool foreign, struct tsr_node *config)
{
    (void)c;
    (void)foreign;
    tsr_zcodec_usual(config, "level", tsr_znode_of_int(TSR_ZLEVEL));
    return TSR_OK;
}

/* A copy of a configuration, with room for what is missing. */
static int copy_config(struct tsr_doc *doc, const struct tsr_node *from, struct tsr_node *out)
{
    struct tsr_node copy;
    int rc = tsr_znode_copy(doc, from, &copy);
    if (rc == TSR_OK) rc = tsr_znode_new(doc, TSR_NODE_MAP, copy.list.n + TSR_ZUSUAL, out);
    if (rc < 0) return rc;
    if (copy.list.n) memcpy(out->list.v, copy.list.v, 2 * copy.list.n * sizeof copy);
    out->list.n = copy.list.n;
    return TSR_OK;
}

int tsr_zcodec_needs(const struct tsr_node *config, const char *name, const char *expected)
{
    const struct tsr_node *there = tsr_znode_get(config, name);
    if (there && there->kind != TSR_NODE_NULL) return TSR_OK;
    return tsr_fail(TSR_EARG, "%s: not there, expected %s", name, expected);
}

int tsr_zcodec_complete(const struct tsr_zcodec *c, const struct tsr_node *config, const char *name,
                        struct tsr_node *out)
{
    int rc = copy_config(c->doc, config, out);
    if (rc < 0 || !c->kind->complete) return rc;
    return c->kind->complete(c, tsr_zcodec_is_foreign(name), out);
}

/* Codecs that take nothing are an object without a configuration, but for those of numcodecs. */
static int complete_one(const struct tsr_zcodec *c, const struct tsr_zext *e, struct tsr_node *to)
{
    bool foreign = tsr_zcodec_is_foreign(e->name);
    struct tsr_node config;
    const char *name = tsr_doc_string(c->doc, e->name, strlen(e->name));
    int rc = name ? tsr_zcodec_complete(c, e->config, name, &config) : TSR_ENOMEM;
    if (rc < 0) return rc;
    return tsr_znode_of_ext(c->doc, name, config.list.n || foreign ? &config : NULL, to);
}

static bool is_in_order(const struct tsr_zcodec *c)
{
    return c->in.items == (c->kind->stage != TSR_ZBYTES_TO_BYTES);
}

/* Sets the view behind it. */
static int look_behind(struct tsr_zcodec *c, const struct tsr_node *node, struct tsr_zview *v)
{
    struct tsr_zext e;
    int rc = tsr_znode_ext(node, &e);
    if (rc == TSR_OK) rc = c->kind->open(c, e.config, 3);
    if (rc < 0) return rc;
    *v = c->out;
    if (c->kind->close) c->kind->close(c);
    return TSR_OK;
}

int tsr_zcodecs_complete(struct tsr_doc *doc, const struct tsr_zview *in, int level,
                         struct tsr_node *list)
{
    struct tsr_zview v = *in;
    int rc = TSR_OK;
    for (size_t i = 0; list->kind == TSR_NODE_LIST && i < list->list.n && rc == TSR_OK; i++) {
        struct tsr_node *node = list->list.v + i;
        struct tsr_zcodec c = {.in = v, .doc = doc, .level = level};
        struct tsr_zext e;
        rc = tsr_znode_ext(node, &e);
        if (rc == TSR_OK) c.kind = tsr_zcodec_find(e.name, 3);
        if (rc == TSR_OK && !c.kind && !e.must) continue;
        if (rc < 0 || !c.kind || !is_in_order(&c)) break;
        rc = complete_one(&c, &e, node);
        if (rc == TSR_EARG) tsr_within("[%zu] %.60s", i, e.name);
        if (rc == TSR_OK) rc = look_behind(&c, node, &v);
    }
    return rc == TSR_ENOMEM || rc == TSR_EARG ? rc : TSR_OK;
}
