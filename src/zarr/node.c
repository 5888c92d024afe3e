/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/node.c - members of metadata documents: looked up, checked, made. */
#include "zarr/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"

enum { SHOWN_MAX = 60 }; /* of a value in a message */

bool tsr_znode_is(const struct tsr_node *n, const char *text)
{
    return n && n->kind == TSR_NODE_STRING && n->s.len == strlen(text) &&
           memcmp(n->s.p, text, n->s.len) == 0;
}

const struct tsr_node *tsr_znode_get(const struct tsr_node *n, const char *name)
{
    if (!n || n->kind != TSR_NODE_MAP) return NULL;
    for (size_t i = 0; i < n->list.n; i++)
        if (tsr_znode_is(n->list.v + 2 * i, name)) return n->list.v + 2 * i + 1;
    return NULL;
}

struct tsr_node *tsr_znode_at(struct tsr_node *map, const char *name)
{
    for (size_t i = 0; i < map->list.n; i++)
        if (tsr_znode_is(map->list.v + 2 * i, name)) return map->list.v + 2 * i + 1;
    return NULL;
}

/* The JSON of a value, cut where a character ends; lists and maps only say what they are when
 * they are long. */
static void show(const struct tsr_node *n, char out[SHOWN_MAX + 4])
{
    struct tsr_buf b = {0};
    bool nested = n->kind == TSR_NODE_LIST || n->kind == TSR_NODE_MAP;
    if (nested && n->list.n > 8) {
        snprintf(out, SHOWN_MAX, "%s of %zu", n->kind == TSR_NODE_LIST ? "a list" : "an object",
                 n->list.n);
        return;
    }
    if (tsr_json_write(&b, n, TSR_JSON_WORDS) < 0) b.len = 0;
    size_t len = tsr_minz(b.len, SHOWN_MAX);
    while (len < b.len && len > 0 && (b.p[len] & 0xC0) == 0x80) len--;
    if (len) memcpy(out, b.p, len);
    strcpy(out + len, len < b.len ? "..." : "");
    tsr_buf_free(&b);
}

int tsr_znode_wrong(tsr_status code, const struct tsr_node *n, const char *fmt, ...)
{
    char shown[SHOWN_MAX + 4], expected[200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(expected, sizeof expected, fmt, ap);
    va_end(ap);
    if (!n) return tsr_fail(code, "not there, expected %s", expected);
    show(n, shown);
    return tsr_fail(code, "found %s, expected %s", shown, expected);
}

int tsr_znode_int(const struct tsr_node *n, int64_t min, int64_t max, int64_t *out)
{
    if (!n || n->kind != TSR_NODE_INT || n->i < min || n->i > max)
        return max == INT64_MAX
                   ? tsr_znode_wrong(TSR_ECORRUPT, n, "an integer from %lld up", (long long)min)
                   : tsr_znode_wrong(TSR_ECORRUPT, n, "an integer from %lld to %lld",
                                     (long long)min, (long long)max);
    *out = n->i;
    return TSR_OK;
}

int tsr_znode_ints(const struct tsr_node *n, int64_t min, int64_t max, int64_t *out, int *count)
{
    if (!n || n->kind != TSR_NODE_LIST)
        return tsr_znode_wrong(TSR_ECORRUPT, n, "a list of integers");
    if (n->list.n > TSR_MAX_NDIM)
        return tsr_fail(TSR_ELIMIT, "found %zu dimensions, expected at most %d", n->list.n,
                        TSR_MAX_NDIM);
    for (size_t i = 0; i < n->list.n; i++) {
        int rc = tsr_znode_int(n->list.v + i, min, max, out + i);
        if (rc < 0) {
            tsr_within("[%zu]", i);
            return rc;
        }
    }
    *count = (int)n->list.n;
    return TSR_OK;
}

int tsr_znode_text(const struct tsr_node *n, const char **out)
{
    if (!n || n->kind != TSR_NODE_STRING || memchr(n->s.p, 0, n->s.len))
        return tsr_znode_wrong(TSR_ECORRUPT, n, "text");
    *out = n->s.p;
    return TSR_OK;
}

int tsr_znode_map(const struct tsr_node *n)
{
    if (n && n->kind == TSR_NODE_MAP) return TSR_OK;
    return tsr_znode_wrong(TSR_ECORRUPT, n, "an object");
}

int tsr_znode_ext(const struct tsr_node *n, struct tsr_zext *out)
{
    static const struct tsr_node empty = {.kind = TSR_NODE_MAP};
    *out = (struct tsr_zext){.config = &empty, .must = true};
    if (n && n->kind == TSR_NODE_STRING) return tsr_znode_text(n, &out->name);
    const struct tsr_node *name = tsr_znode_get(n, "name");
    const struct tsr_node *config = tsr_znode_get(n, "configuration");
    const struct tsr_node *must = tsr_znode_get(n, "must_understand");
    if (!name) return tsr_znode_wrong(TSR_ECORRUPT, n, "a name, or an object with \"name\"");
    int rc = tsr_znode_text(name, &out->name);
    if (rc < 0) {
        tsr_within("name");
        return rc;
    }
    if (config && config->kind != TSR_NODE_MAP) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, config, "an object");
        tsr_within("configuration");
        return rc;
    }
    if (must && must->kind != TSR_NODE_BOOL) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, must, "true or false");
        tsr_within("must_understand");
        return rc;
    }
    if (config) out->config = config;
    if (must) out->must = must->b;
    return TSR_OK;
}

/* ---- making ---- */

int tsr_znode_new(struct tsr_doc *d, enum tsr_node_kind kind, size_t room, struct tsr_node *out)
{
    size_t each = kind == TSR_NODE_MAP ? 2 * sizeof *out : sizeof *out;
    *out = (struct tsr_node){.kind = kind};
    out->list.v = tsr_doc_alloc(d, room, each);
    return out->list.v ? TSR_OK : TSR_ENOMEM;
}

struct tsr_node tsr_znode_of_int(int64_t v)
{
    return (struct tsr_node){.kind = TSR_NODE_INT, .i = v};
}

struct tsr_node tsr_znode_of_text(const char *text)
{
    struct tsr_node n = {.kind = TSR_NODE_STRING};
    n.s.p = text;
    n.s.len = strlen(text);
    return n;
}

void tsr_znode_put(struct tsr_node *map, const char *name, struct tsr_node value)
{
    struct tsr_node *at = map->list.v + 2 * map->list.n++;
    at[0] = tsr_znode_of_text(name);
    at[1] = value;
}

void tsr_znode_add(struct tsr_node *list, struct tsr_node value)
{
    list->list.v[list->list.n++] = value;
}

int tsr_znode_of_ints(struct tsr_doc *d, const int64_t *v, int n, struct tsr_node *out)
{
    int rc = tsr_znode_new(d, TSR_NODE_LIST, (size_t)n, out);
    for (int i = 0; rc == TSR_OK && i < n; i++) tsr_znode_add(out, tsr_znode_of_int(v[i]));
    return rc;
}

static int copy_string(struct tsr_doc *d, const struct tsr_node *from, struct tsr_node *out)
{
    out->s.p = tsr_doc_string(d, from->s.p, from->s.len);
    return out->s.p ? TSR_OK : TSR_ENOMEM;
}

int tsr_znode_copy(struct tsr_doc *d, const struct tsr_node *from, struct tsr_node *out)
{
    bool map = from->kind == TSR_NODE_MAP;
    int rc = TSR_OK;
    *out = *from;
    if (from->kind == TSR_NODE_STRING || from->kind == TSR_NODE_BYTES)
        return copy_string(d, from, out);
    if (from->kind == TSR_NODE_FLOAT && from->number) {
        out->number = tsr_doc_string(d, from->number, strlen(from->number));
        return out->number ? TSR_OK : TSR_ENOMEM;
    }
    if (!map && from->kind != TSR_NODE_LIST) return TSR_OK;
    size_t n = map ? 2 * from->list.n : from->list.n;
    out->list.v = tsr_doc_alloc(d, n, sizeof *out);
    if (!out->list.v) return TSR_ENOMEM;
    for (size_t i = 0; rc == TSR_OK && i < n; i++)
        rc = tsr_znode_copy(d, from->list.v + i, out->list.v + i);
    return rc;
}

int tsr_znode_of_ext(struct tsr_doc *d, const char *name, const struct tsr_node *config,
                     struct tsr_node *out)
{
    int rc = tsr_znode_new(d, TSR_NODE_MAP, 2, out);
    if (rc < 0) return rc;
    tsr_znode_put(out, "name", tsr_znode_of_text(name));
    if (config) tsr_znode_put(out, "configuration", *config);
    return TSR_OK;
}
