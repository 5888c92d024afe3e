/* SPDX-License-Identifier: BSD-3-Clause */
/* ls.c - tessera ls and tree: what lies in a folder or a group, one line each. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { DEPTH_MAX = 64 };

enum { ERROR_WORDS = 72 };

/* What a listing of a hierarchy says of a node is known from it; of files one must look. */
struct entry {
    char *url;
    const char *shown; /* instead of the url: "-" */
    tsr_kind kind;
    const char *format;
    int depth;  /* below what is listed */
    bool known; /* shape, dtype and error are as they are here */
    struct json_object *shape, *dtype, *error;
};

struct listing {
    const char *place; /* of nodes: what their paths follow, and whether they need a '/' */
    bool inside;
    struct entry *v;
    size_t n, cap;
};

/* e->url is copied. */
static int add(struct listing *l, struct entry e)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        struct entry *v = realloc(l->v, cap * sizeof *v);
        if (!v) return TSR_ENOMEM;
        l->v = v;
        l->cap = cap;
    }
    if (!(e.url = strdup(e.url))) return TSR_ENOMEM;
    l->v[l->n++] = e;
    return cli_interrupted() ? TSR_ECANCELLED : 0;
}

static int add_entry(void *user, const char *url, const tsr_place_info *info)
{
    return add(user,
               (struct entry){.url = (char *)url, .kind = info->kind, .format = info->format});
}

static int add_node(void *user, const tsr_node_info *n)
{
    struct listing *l = user;
    struct entry e = {.kind = n->kind, .format = n->format, .known = true};
    size_t len = strlen(l->place) + strlen(n->path) + 3;
    const char *dtype = n->dtype ? n->dtype : n->type;
    char *url = malloc(len);
    if (!url) return TSR_ENOMEM;
    snprintf(url, len, "%s%s%s", l->place, l->inside ? "/" : "#", n->path);
    for (const char *c = n->path; *c; c++) e.depth += *c == '/';
    if (n->error) e.error = json_object_new_string(n->error);
    if (n->kind == TSR_KIND_ARRAY) e.shape = cli_json_ints(n->shape, n->ndim);
    if (dtype) e.dtype = n->dtype ? cli_json_dtype(dtype) : json_object_new_string(dtype);
    e.url = url;
    int rc = add(l, e);
    free(url);
    return rc;
}

static void free_listing(struct listing *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].url);
        json_object_put(l->v[i].shape);
        json_object_put(l->v[i].dtype);
        json_object_put(l->v[i].error);
    }
    free(l->v);
}

static int list_nodes(const char *url, const tsr_options *o, int depth, struct listing *l)
{
    size_t len = strlen(url);
    const char *hash = strchr(url, '#');
    char *place = strdup(url);
    tsr_group *g;
    if (!place) return TSR_ENOMEM;
    while (hash && len > 0 && place[len - 1] == '/') place[--len] = 0;
    l->inside = hash && url + len > hash + 1;
    if (hash && !l->inside) place[hash - url] = 0;
    l->place = place;
    int rc = tsr_group_open(url, o, &g);
    if (rc == TSR_OK) {
        rc = tsr_group_list(g, depth, add_node, l);
        tsr_group_close(g);
    }
    free(place);
    l->place = NULL;
    return rc;
}

static bool is_folder(const tsr_place_info *info)
{
    return info->kind == TSR_KIND_GROUP && !strcmp(info->format, "dir");
}

/* Entries of a group; anything else is its own only entry.  depth: of a hierarchy, 0: all. */
static int list(const char *url, const tsr_options *o, int depth, struct listing *l)
{
    tsr_place_info info = {.size = sizeof info};
    *l = (struct listing){0};
    int rc = tsr_probe(url, o, &info);
    if (rc < 0) return rc;
    if (info.kind != TSR_KIND_GROUP) return add_entry(l, url, &info);
    return is_folder(&info) ? tsr_list(url, o, add_entry, l) : list_nodes(url, o, depth, l);
}

/* The last name of the way inside, behind the first #, if there is one, else of the place. */
static const char *name_of(const char *url)
{
    size_t len = strlen(url);
    while (len > 1 && url[len - 1] == '/') len--;
    const char *end = url + len, *hash = strchr(url, '#');
    const char *name = hash && hash + 1 < end ? hash + 1 : url;
    for (const char *c = name; c + 1 < end; c++)
        if (*c == '/') name = c + 1;
    return name;
}

/* What is on disk may steer a terminal: control characters are shown as \x1b. */
static void print_name(const char *name)
{
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (*c < ' ' || *c == 127) printf("\\x%02x", *c);
        else putchar(*c);
    }
}

/* tsr_error() without the url it begins with. */
static struct json_object *error_json(const char *url)
{
    const char *said = tsr_error();
    size_t n = strlen(url);
    if (!strncmp(said, url, n) && said[n] == ':') said += n + 1 + (said[n + 1] == ' ');
    return json_object_new_string(*said ? said : "out of memory");
}

static struct json_object *describe(const struct entry *e, const tsr_options *o)
{
    static const char *const kinds[] = {"array", "schunk", "chunk", "group"};
    struct json_object *out = json_object_new_object(), *shape = NULL, *dtype = NULL;
    tsr_stats st = {.size = sizeof st};
    int rc = TSR_OK;
    tsr_array *a;
    tsr_schunk *s;
    if (e->known) {
        shape = json_object_get(e->shape);
        dtype = json_object_get(e->dtype);
    } else if (e->kind == TSR_KIND_ARRAY && (rc = tsr_array_open(e->url, o, &a)) == TSR_OK) {
        const tsr_spec *spec = tsr_array_spec(a);
        shape = cli_json_ints(spec->shape, spec->ndim);
        dtype = cli_json_dtype(spec->dtype);
        rc = tsr_array_stats(a, &st);
        tsr_array_close(a);
    } else if (e->kind == TSR_KIND_SCHUNK && (rc = tsr_schunk_open(e->url, o, &s)) == TSR_OK) {
        shape = cli_json_ints(&(int64_t){tsr_schunk_nitems(s)}, 1);
        tsr_schunk_close(s);
    }
    struct json_object *error = rc < 0 ? error_json(e->url) : json_object_get(e->error);
    cli_json_add(out, "name", json_object_new_string(e->shown ? e->shown : name_of(e->url)));
    cli_json_add(out, "url", json_object_new_string(e->shown ? e->shown : e->url));
    cli_json_add(out, "kind", json_object_new_string(kinds[e->kind]));
    cli_json_add(out, "format", e->format ? json_object_new_string(e->format) : NULL);
    cli_json_add(out, "shape", shape);
    cli_json_add(out, "dtype", dtype);
    if (error) cli_json_add(out, "error", error);
    return out;
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v = json_object_object_get(o, key);
    return v ? json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN |
                                                     JSON_C_TO_STRING_NOSLASHESCAPE)
             : "";
}

static void print_entry(const struct entry *e, const tsr_options *o)
{
    struct json_object *d = describe(e, o), *dtype = json_object_object_get(d, "dtype");
    bool plain = dtype && json_object_is_type(dtype, json_type_string);
    const char *error = json_object_get_string(json_object_object_get(d, "error"));
    print_name(e->shown ? e->shown : name_of(e->url));
    if (e->kind == TSR_KIND_GROUP) printf("/");
    if (e->kind != TSR_KIND_GROUP) {
        printf("  %s", e->format ? e->format : "");
        if (json_object_object_get(d, "shape")) printf(" %s", text_of(d, "shape"));
        if (dtype) printf(" %s", plain ? json_object_get_string(dtype) : text_of(d, "dtype"));
    }
    if (error)
        printf("  error: %.*s%s", ERROR_WORDS, error, strlen(error) > ERROR_WORDS ? "..." : "");
    printf("\n");
    json_object_put(d);
}

static int run_ls(struct cli_args *a)
{
    tsr_options o = {.size = sizeof o, .context = a->context};
    struct listing l;
    char *spooled;
    int rc;
    const char *place = cli_unpipe(a, a->npos ? a->pos[0] : ".", &spooled, &rc);
    if (!place) return rc;
    rc = list(place, &o, 1, &l);
    if (spooled && l.n) l.v[0].shown = "-";
    struct json_object *all = cli_has(a, "json") ? json_object_new_array() : NULL;
    for (size_t i = 0; rc == TSR_OK && i < l.n; i++) {
        if (all) json_object_array_add(all, describe(l.v + i, &o));
        else print_entry(l.v + i, &o);
    }
    if (all && rc == TSR_OK) cli_json_print(json_object_get(all));
    json_object_put(all);
    free_listing(&l);
    cli_unspool(spooled);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

/* ---- tree ---- */

struct branch {
    const tsr_options *options;
    bool utf8;
    char lead[4 * 3 * DEPTH_MAX + 16]; /* the lines that run beside an entry */
};

static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (int i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strstr(v, "UTF-8") || strstr(v, "utf8");
    }
    return false;
}

static void print_knot(const struct branch *b, bool last)
{
    printf("%s%s", b->lead, b->utf8 ? (last ? "└── " : "├── ") : (last ? "`-- " : "|-- "));
}

static void extend(struct branch *b, size_t len, bool last)
{
    strcpy(b->lead + len, last ? "    " : b->utf8 ? "│   " : "|   ");
}

/* Nodes v[n] of one hierarchy, the first `depth` deep in it; level: of all that is printed. */
static void print_nodes(struct branch *b, const struct entry *v, size_t n, int level)
{
    size_t len = strlen(b->lead);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && v[next].depth > v[i].depth;) next++;
        print_knot(b, next == n);
        print_entry(v + i, b->options);
        if (level + 1 == DEPTH_MAX) continue;
        extend(b, len, next == n);
        print_nodes(b, v + i + 1, next - i - 1, level + 1);
        b->lead[len] = 0;
    }
}

static int print_tree(struct branch *b, const char *url, int level)
{
    struct listing l;
    size_t len = strlen(b->lead);
    if (level == DEPTH_MAX) return TSR_OK;
    int rc = list(url, b->options, 0, &l);
    if (rc == TSR_OK && l.n && l.v[0].known) {
        print_nodes(b, l.v, l.n, level);
        free_listing(&l);
        return TSR_OK;
    }
    for (size_t i = 0; rc == TSR_OK && i < l.n; i++) {
        print_knot(b, i + 1 == l.n);
        print_entry(l.v + i, b->options);
        if (l.v[i].kind != TSR_KIND_GROUP) continue;
        extend(b, len, i + 1 == l.n);
        rc = print_tree(b, l.v[i].url, level + 1);
        b->lead[len] = 0;
    }
    free_listing(&l);
    return rc;
}

static int run_tree(struct cli_args *a)
{
    tsr_options o = {.size = sizeof o, .context = a->context};
    struct branch b = {.options = &o, .utf8 = is_utf8()};
    const char *place = a->npos ? a->pos[0] : ".";
    tsr_place_info info = {.size = sizeof info};
    int rc = tsr_probe(place, &o, &info);
    if (rc < 0) return cli_fail(a, rc);
    print_entry(&(struct entry){.url = (char *)place, .kind = info.kind, .format = info.format},
                &o);
    if (info.kind == TSR_KIND_GROUP) rc = print_tree(&b, place, 0);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}

const struct cli_verb cli_verb_ls = {
    .name = "ls",
    .usage = "[PLACE]",
    .summary = "list the arrays in a folder or group",
    .examples =
        (const char *const[]){"tessera ls data/", "name, format, shape and dtype of each",
                              "tessera ls s3://bucket/x.zarr#a/b", "what is in a group", NULL},
    .options = (const struct cli_option[]){CLI_JSON, CLI_END},
    .max_args = 1,
    .run = run_ls,
};

const struct cli_verb cli_verb_tree = {
    .name = "tree",
    .usage = "[PLACE]",
    .summary = "list folders in folders, groups in groups",
    .examples = (const char *const[]){"tessera tree data/", "everything below, indented",
                                      "tessera tree x.zarr", "a hierarchy of Zarr", NULL},
    .options = (const struct cli_option[]){CLI_END},
    .max_args = 1,
    .run = run_tree,
};
