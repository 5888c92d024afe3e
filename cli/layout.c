/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.c - how to store: --chunks --blocks --codec --clevel --filter as a tsr_spec. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { FILTERS = 6 }; /* and a codec */

static int parse_axes(const struct cli_args *a, const char *option, int ndim, int64_t *v,
                      struct cli_layout *out)
{
    const char *text = cli_value(a, option);
    if (!text) return CLI_OK;
    int n = cli_parse_shape(text, v);
    if (n < 0) return cli_usage(a, "--%s %s: expected numbers such as 64,64", option, text);
    if (ndim >= 0 && n != ndim)
        return cli_usage(a, "--%s %s: found %d axes, expected %d", option, text, n, ndim);
    if (out->spec.ndim && out->spec.ndim != n)
        return cli_usage(a, "--chunks and --blocks have different numbers of axes");
    out->spec.ndim = n;
    if (v == out->chunks) out->spec.chunks = v;
    else out->spec.blocks = v;
    return CLI_OK;
}

bool cli_is_filter(const char *name)
{
    tsr_codec_info c = {.size = sizeof c};
    for (int i = 0; tsr_codec_at(i, &c) == TSR_OK; i++)
        if (!strcmp(c.name, name)) return c.filter;
    return false;
}

static void add_step(struct cli_layout *out, const char *name, const char *params)
{
    out->steps[out->spec.nsteps++] = (tsr_step){name, params};
}

static int count_filters(const char *text)
{
    int n = 0;
    for (size_t len; *text; text += len + (text[len] == ',')) {
        len = strcspn(text, ",");
        n += len > 0 && !(len == 4 && !strncmp(text, "none", 4));
    }
    return n;
}

/* "shuffle,trunc_prec:10" */
static int parse_filters(const struct cli_args *a, const char *text, struct cli_layout *out)
{
    if (strlen(text) >= sizeof out->names) return cli_usage(a, "--filter: too long");
    strcpy(out->names, text);
    for (char *rest = out->names, *name; (name = strsep(&rest, ","));) {
        char *meta = strchr(name, ':');
        int i = out->spec.nsteps;
        int64_t v;
        if (!strcmp(name, "none") || !*name) continue;
        if (i == FILTERS)
            return cli_usage(a, "--filter: %d filters: at most %d", count_filters(text), FILTERS);
        if (meta) *meta++ = 0;
        if (!cli_is_filter(name))
            return cli_usage(a, "--filter %s: unknown; see tessera codecs", name);
        if (meta && (!cli_parse_int(meta, &v) || v < 0 || v > 255))
            return cli_usage(a, "--filter %s:%s: expected a number up to 255", name, meta);
        if (meta) snprintf(out->params[i], sizeof out->params[i], "meta=%d", (int)v);
        add_step(out, name, meta ? out->params[i] : NULL);
    }
    return CLI_OK;
}

static void copy_filters(const tsr_spec *base, struct cli_layout *out)
{
    if (!base) add_step(out, "shuffle", NULL);
    for (int i = 0; base && i < base->nsteps && out->spec.nsteps < FILTERS; i++)
        if (cli_is_filter(base->steps[i].name))
            add_step(out, base->steps[i].name, base->steps[i].params);
}

static int add_codec(const struct cli_args *a, const tsr_spec *base, struct cli_layout *out)
{
    const char *name = cli_value(a, "codec"), *level = cli_value(a, "clevel"), *params = NULL;
    tsr_codec_info c = {.size = sizeof c};
    int64_t v;
    for (int i = 0; base && i < base->nsteps; i++) {
        if (cli_is_filter(base->steps[i].name)) continue;
        if (!name) name = base->steps[i].name;
        params = base->steps[i].params;
    }
    if (level) {
        char *own = out->params[out->spec.nsteps];
        if (!cli_parse_int(level, &v) || v < 0 || v > 9)
            return cli_usage(a, "--clevel %s: expected a number from 0 to 9", level);
        snprintf(own, sizeof out->params[0], "clevel=%d", (int)v);
        params = own;
    }
    if (!name) name = "zstd";
    for (int i = 0; tsr_codec_at(i, &c) == TSR_OK; i++)
        if (!c.filter && !strcmp(c.name, name)) {
            add_step(out, name, params ? params : "clevel=5");
            return CLI_OK;
        }
    return cli_usage(a, "--codec %s: unknown; see tessera codecs", name);
}

int cli_layout(const struct cli_args *a, int ndim, const tsr_spec *base, struct cli_layout *out)
{
    const char *filters = cli_value(a, "filter");
    *out =
        (struct cli_layout){.spec.size = sizeof out->spec, .spec.checksum = cli_has(a, "checksum")};
    int rc = parse_axes(a, "chunks", ndim, out->chunks, out);
    if (!rc) rc = parse_axes(a, "blocks", ndim, out->blocks, out);
    if (rc || (!filters && !cli_has(a, "codec") && !cli_has(a, "clevel"))) return rc;
    if (filters) rc = parse_filters(a, filters, out);
    else copy_filters(base, out);
    if (!rc) rc = add_codec(a, base, out);
    out->spec.steps = out->steps;
    return rc;
}
