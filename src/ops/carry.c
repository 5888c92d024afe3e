/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/carry.c - attributes and metalayers, from one format to another.
 *
 * Between Blosc2 containers metalayers go as bytes.  Else attributes go as JSON, which is what
 * variable-length metalayers are read as; header metalayers have no place elsewhere.  What cannot
 * go is refused before anything is written: nothing is left out in silence. */
#include "ops/carry.h"

#include "base/mem.h"
#include "text/doc.h"

enum { NAME_MOST = 31, LISTED = 20 };

static bool is_metalayered(const struct tsr_format *f)
{
    return f->meta != NULL;
}

struct members {
    struct tsr_doc *doc;
    struct tsr_node root;
    char *json;
};

static void members_done(struct members *m)
{
    tsr_doc_free(m->doc);
    tsr_free(m->json);
}

/* The attributes, taken apart. */
static int members_of(const tsr_array *a, struct members *m)
{
    static const struct tsr_json_rules rules = {.flags = TSR_JSON_WORDS | TSR_JSON_BIG,
                                                .depth = TSR_JSON_DEPTH};
    *m = (struct members){0};
    int rc = tsr_doc_new(&m->doc);
    if (rc < 0) return rc;
    rc = tsr_array_attrs(a, &m->json);
    if (rc == TSR_OK) rc = tsr_json_read(m->doc, m->json, strlen(m->json), &rules, &m->root);
    if (rc == TSR_OK && m->root.kind != TSR_NODE_MAP)
        rc = tsr_fail(TSR_ECORRUPT, "attributes: found no object");
    if (rc < 0) members_done(m);
    return rc;
}

static int add_name(struct tsr_buf *list, const char *what, const char *name, size_t len, int *n)
{
    if ((*n)++ == LISTED) return tsr_buf_addf(list, ", ...");
    if (*n > LISTED) return TSR_OK;
    return tsr_buf_addf(list, "%s%s '%.*s'", list->len ? ", " : "", what, (int)tsr_minz(len, 60),
                        name);
}

/* Attributes that have no place in a target; of one with metalayers: whose names are too long. */
static int list_attributes(const tsr_array *from, const struct tsr_format *to, struct tsr_buf *list,
                           int *n)
{
    struct members m;
    int rc = members_of(from, &m);
    if (rc < 0) return rc;
    for (size_t i = 0; i < m.root.list.n && rc == TSR_OK; i++) {
        const struct tsr_node *name = &m.root.list.v[2 * i];
        if (to->attr_set && (!is_metalayered(to) || name->s.len <= NAME_MOST)) continue;
        rc = add_name(list, "attribute", name->s.p, name->s.len, n);
    }
    members_done(&m);
    return rc;
}

static int list_metalayers(const tsr_array *from, struct tsr_buf *list, int *n)
{
    int count = tsr_array_meta_count(from, TSR_META), rc = TSR_OK;
    for (int i = 0; i < count && rc == TSR_OK; i++) {
        const char *name = tsr_array_meta_name(from, TSR_META, i);
        if (strcmp(name, "b2nd") == 0 || strcmp(name, "caterva") == 0) continue;
        rc = add_name(list, "metalayer", name, strlen(name), n);
    }
    return rc;
}

/* What only Zarr has a form for; names of dimensions become an attribute. */
static int list_facts(const tsr_array *from, const struct tsr_format *to, struct tsr_buf *list,
                      int *n)
{
    const tsr_spec *s = tsr_array_spec(from);
    int rc = TSR_OK;
    if (to->tree) return TSR_OK;
    if (s->type) rc = add_name(list, "data type", s->type, strlen(s->type), n);
    if (rc == TSR_OK && s->names && !to->attr_set)
        rc = add_name(list, "names of", "dimensions", 10, n);
    return rc;
}

int tsr_carry_check(const tsr_array *from, const struct tsr_format *to)
{
    struct tsr_buf list = {0};
    int n = 0, rc = TSR_OK;
    if (is_metalayered(from->d->format) && is_metalayered(to)) return TSR_OK;
    rc = list_facts(from, to, &list, &n);
    if (rc == TSR_OK) rc = list_attributes(from, to, &list, &n);
    if (rc == TSR_OK && !is_metalayered(to)) rc = list_metalayers(from, &list, &n);
    if (rc == TSR_OK && list.len)
        rc = tsr_fail(TSR_EUNSUPPORTED, "format %s has no place for %.*s", to->name, (int)list.len,
                      (const char *)list.p);
    tsr_buf_free(&list);
    return rc;
}

static int set_member(tsr_array *to, const struct tsr_node *name, const struct tsr_node *value)
{
    struct tsr_buf json = {0};
    int rc = tsr_json_write(&json, value, TSR_JSON_WORDS);
    if (rc == TSR_OK) rc = tsr_buf_add(&json, "", 1);
    if (rc == TSR_OK) rc = tsr_array_attr_set(to, name->s.p, (const char *)json.p);
    tsr_buf_free(&json);
    return rc;
}

/* As xarray writes them in format 2. */
static int set_names(const tsr_array *from, tsr_array *to, const struct tsr_node *attrs)
{
    static const char name[] = "_ARRAY_DIMENSIONS";
    const tsr_spec *s = tsr_array_spec(from);
    struct tsr_node v[TSR_MAX_NDIM], list = {.kind = TSR_NODE_LIST, .list = {v, (size_t)s->ndim}};
    const struct tsr_node key = {.kind = TSR_NODE_STRING, .s = {name, sizeof name - 1}};
    if (!s->names || to->d->format->tree) return TSR_OK;
    for (size_t i = 0; i < attrs->list.n; i++)
        if (strcmp(attrs->list.v[2 * i].s.p, name) == 0) return TSR_OK;
    for (int d = 0; d < s->ndim; d++) {
        v[d] = (struct tsr_node){.kind = TSR_NODE_NULL};
        if (!s->names[d]) continue;
        v[d].kind = TSR_NODE_STRING;
        v[d].s.p = s->names[d];
        v[d].s.len = strlen(s->names[d]);
    }
    return set_member(to, &key, &list);
}

int tsr_carry(const tsr_array *from, tsr_array *to)
{
    struct members m;
    if (is_metalayered(from->d->format) && is_metalayered(to->d->format))
        return tsr_vlmetas_copy(from, to);
    int rc = members_of(from, &m);
    if (rc < 0) return rc;
    for (size_t i = 0; i < m.root.list.n && rc == TSR_OK; i++)
        rc = set_member(to, &m.root.list.v[2 * i], &m.root.list.v[2 * i + 1]);
    if (rc == TSR_OK) rc = set_names(from, to, &m.root);
    members_done(&m);
    return rc;
}
