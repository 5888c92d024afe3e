/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr.c - what tessera info says of Zarr arrays besides: the whole chain of codecs, the names of
 * dimensions, how chunks are called, and whether the hierarchy keeps copies of its documents. */
#include <json-c/json.h>
#include <string.h>

#include "cli.h"

typedef struct json_object json;

static bool has(const char *list, const char *option)
{
    size_t n = strlen(option);
    for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
        if (strncmp(p, option, n) == 0 && (p[n] == ',' || !p[n])) return true;
    return false;
}

/* As documents of format 3 have it; "v2" is also how format 2 calls its chunks. */
static json *keys_json(const tsr_spec *p, const char *format)
{
    bool plain = strcmp(format, "zarr2") == 0 || has(p->zarr, "keys=v2");
    bool dot = has(p->zarr, "separator=.") || (plain && !has(p->zarr, "separator=/"));
    json *o = json_object_new_object();
    cli_json_add(o, "name", json_object_new_string(plain ? "v2" : "default"));
    cli_json_add(o, "separator", json_object_new_string(dot ? "." : "/"));
    return o;
}

static json *names_json(const tsr_spec *p)
{
    json *list = p->names ? json_object_new_array() : NULL;
    for (int d = 0; list && d < p->ndim; d++)
        json_object_array_add(list, p->names[d] ? json_object_new_string(p->names[d]) : NULL);
    return list;
}

/* Has the root of the hierarchy copies of its documents?  An array at the root is in none. */
static bool is_consolidated(const char *url)
{
    const char *hash = strchr(url, '#');
    tsr_group *g = NULL;
    char root[4096];
    if (!hash || (size_t)(hash - url) >= sizeof root) return false;
    memcpy(root, url, (size_t)(hash - url));
    root[hash - url] = 0;
    bool yes = tsr_group_open(root, NULL, &g) == TSR_OK && tsr_group_consolidated(g);
    tsr_group_close(g);
    return yes;
}

int cli_zarr_info(json *o, const tsr_array *a, const char *url)
{
    const tsr_spec *p = tsr_array_spec(a);
    cli_json_add(o, "codecs", cli_json_parse(p->codecs));
    cli_json_add(o, "dimension_names", names_json(p));
    cli_json_add(o, "chunk_keys", keys_json(p, tsr_array_format(a)));
    if (p->type) cli_json_add(o, "data_type", json_object_new_string(p->type));
    cli_json_add(o, "options", p->zarr ? json_object_new_string(p->zarr) : NULL);
    cli_json_add(o, "consolidated", json_object_new_boolean(is_consolidated(url)));
    return TSR_OK;
}

/* ---- for people ---- */

/* "zstd level=3 checksum=false"; a format 2 codec is its own configuration. */
static void print_step(json *step, const char *between)
{
    json *name = json_object_object_get(step, "name"), *config;
    if (!name) name = json_object_object_get(step, "id");
    printf("%s%s", between, name ? json_object_get_string(name) : json_object_get_string(step));
    if (!json_object_object_get_ex(step, "configuration", &config)) config = step;
    if (!json_object_is_type(config, json_type_object)) return;
    json_object_object_foreach(config, key, value)
    {
        bool own = !strcmp(key, "name") || !strcmp(key, "id") || !strcmp(key, "configuration");
        if (!own) printf(" %s=%s", key, json_object_get_string(value));
    }
}

static void print_chain(json *codecs)
{
    json *filters = codecs, *last = NULL;
    if (json_object_is_type(codecs, json_type_object)) {
        filters = json_object_object_get(codecs, "filters");
        last = json_object_object_get(codecs, "compressor");
    }
    size_t n =
        json_object_is_type(filters, json_type_array) ? json_object_array_length(filters) : 0;
    for (size_t i = 0; i < n; i++) print_step(json_object_array_get_idx(filters, i), i ? ", " : "");
    if (last) print_step(last, n ? ", " : "");
    printf("%s\n", n || last ? "" : "none");
}

bool cli_zarr_print(json *o, void (*label)(const char *name))
{
    json *codecs = json_object_object_get(o, "codecs"), *keys, *names;
    if (!codecs) return false;
    label("codecs");
    print_chain(codecs);
    if ((names = json_object_object_get(o, "dimension_names"))) {
        label("axes");
        for (size_t i = 0; i < json_object_array_length(names); i++) {
            json *name = json_object_array_get_idx(names, i);
            printf("%s%s", i ? ", " : "", name ? json_object_get_string(name) : "-");
        }
        printf("\n");
    }
    keys = json_object_object_get(o, "chunk_keys");
    label("keys");
    printf("%s, parted by '%s'\n", json_object_get_string(json_object_object_get(keys, "name")),
           json_object_get_string(json_object_object_get(keys, "separator")));
    if (json_object_get_boolean(json_object_object_get(o, "consolidated"))) {
        label("metadata");
        printf("consolidated\n");
    }
    return true;
}
