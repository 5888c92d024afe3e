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

/* The table's entry of that name; false: there is none. */
static bool find(const char *name, tsr_codec_info *c)
{
    *c = (tsr_codec_info){.size = sizeof *c};
    for (int i = 0; tsr_codec_at(i, c) == TSR_OK; i++)
        if (!strcmp(c->name, name)) return true;
    return false;
}

bool cli_is_filter(const char *name)
{
    tsr_codec_info c;
    return find(name, &c) && c.filter;
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

/* What follows the colon in "trunc_prec:10", "zfp_acc:meta=-3": a meta, or parameters by name.
 * The library knows their names and ranges. */
static int parse_params(const struct cli_args *a, const char *option, const char *name,
                        const char *text, char params[CLI_PARAMS])
{
    int64_t v;
    int n = cli_parse_int(text, &v) ? snprintf(params, CLI_PARAMS, "meta=%lld", (long long)v)
                                    : snprintf(params, CLI_PARAMS, "%s", text);
    if (strchr(params, '=') && n < CLI_PARAMS) return CLI_OK;
    return cli_usage(a, "--%s %s:%s: expected a number, or NAME=NUMBER", option, name, text);
}

/* "shuffle,trunc_prec:10" */
static int parse_filters(const struct cli_args *a, const char *text, struct cli_layout *out)
{
    if (strlen(text) >= sizeof out->names) return cli_usage(a, "--filter: too long");
    strcpy(out->names, text);
    for (char *rest = out->names, *name; (name = strsep(&rest, ","));) {
        char *params = strchr(name, ':');
        int i = out->spec.nsteps, rc = CLI_OK;
        if (!strcmp(name, "none") || !*name) continue;
        if (i == FILTERS)
            return cli_usage(a, "--filter: %d filters: at most %d", count_filters(text), FILTERS);
        if (params) *params++ = 0;
        if (!cli_is_filter(name))
            return cli_usage(a, "--filter %s: unknown; see tessera codecs", name);
        if (params) rc = parse_params(a, "filter", name, params, out->params[i]);
        if (rc) return rc;
        add_step(out, name, params ? out->params[i] : NULL);
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

/* ---- the codec ---- */

struct codec {
    const char *name;
    char params[CLI_PARAMS];
    bool lossy;
};

static const tsr_step *base_codec(const tsr_spec *base)
{
    for (int i = 0; base && i < base->nsteps; i++)
        if (!cli_is_filter(base->steps[i].name)) return base->steps + i;
    return NULL;
}

/* The parameters that are not given: all of the base's codec, of another one only the level. */
static void inherit(const tsr_step *old, struct codec *c)
{
    const char *params = old && old->params ? old->params : "clevel=5";
    const char *level = strstr(params, "clevel=");
    if (old && !strcmp(old->name, c->name)) snprintf(c->params, CLI_PARAMS, "%s", params);
    else if (level) snprintf(c->params, CLI_PARAMS, "%.*s", (int)strcspn(level, ","), level);
}

/* "zstd", "zfp_acc:-3", with --clevel; text is kept in out->codec. */
static int parse_codec(const struct cli_args *a, const tsr_spec *base, struct cli_layout *out,
                       struct codec *c)
{
    const char *text = cli_value(a, "codec"), *level = cli_value(a, "clevel");
    const tsr_step *old = base_codec(base);
    tsr_codec_info info;
    int64_t v;
    if (text && strlen(text) >= sizeof out->codec) return cli_usage(a, "--codec: too long");
    strcpy(out->codec, text ? text : old ? old->name : "zstd");
    char *own = strchr(out->codec, ':');
    if (own) *own++ = 0;
    *c = (struct codec){.name = out->codec};
    if (!find(c->name, &info) || info.filter)
        return cli_usage(a, "--codec %s: unknown; see tessera codecs", c->name);
    c->lossy = info.lossy;
    inherit(old, c);
    if (own && parse_params(a, "codec", c->name, own, c->params)) return CLI_USAGE;
    if (!level) return CLI_OK;
    if (!cli_parse_int(level, &v) || v < 0 || v > 9)
        return cli_usage(a, "--clevel %s: expected a number from 0 to 9", level);
    size_t n = strlen(c->params);
    snprintf(c->params + n, CLI_PARAMS - n, "%sclevel=%d", n ? "," : "", (int)v);
    return CLI_OK;
}

int cli_layout(const struct cli_args *a, int ndim, const tsr_spec *base, struct cli_layout *out)
{
    const char *filters = cli_value(a, "filter");
    struct codec codec;
    *out =
        (struct cli_layout){.spec.size = sizeof out->spec, .spec.checksum = cli_has(a, "checksum")};
    int rc = parse_axes(a, "chunks", ndim, out->chunks, out);
    if (!rc) rc = parse_axes(a, "blocks", ndim, out->blocks, out);
    if (rc || (!filters && !cli_has(a, "codec") && !cli_has(a, "clevel"))) return rc;
    if ((rc = parse_codec(a, base, out, &codec))) return rc;
    /* what mixes bytes, as shuffle does, cannot stand before a lossy codec */
    if (filters) rc = parse_filters(a, filters, out);
    else if (!codec.lossy) copy_filters(base, out);
    char *params = out->params[out->spec.nsteps];
    strcpy(params, codec.params);
    if (!rc) add_step(out, codec.name, params);
    out->spec.steps = out->steps;
    return rc;
}
