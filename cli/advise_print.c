/* SPDX-License-Identifier: BSD-3-Clause */
/* advise_print.c - the plans of tessera advise as a table, and as JSON. */
#include "advise.h"

#include <json-c/json.h>
#include <string.h>

enum { TEXT = 256 };

static const char *shape_text(const int64_t *v, int n, char text[TEXT])
{
    int len = snprintf(text, TEXT, "%s", n ? "" : "()");
    for (int d = 0; d < n && len < TEXT; d++)
        len += snprintf(text + len, (size_t)(TEXT - len), "%s%lld", d ? "," : "", (long long)v[d]);
    return text;
}

static const char *seconds_text(double s, char text[CLI_SIZE_TEXT])
{
    const char *unit = s < 1e-3 ? "us" : s < 1 ? "ms" : "s";
    double v = s < 1e-3 ? s * 1e6 : s < 1 ? s * 1e3 : s;
    snprintf(text, CLI_SIZE_TEXT, v < 99.95 ? "%.1f %s" : "%.0f %s", v, unit);
    return text;
}

static const char *number_text(double v, char text[CLI_SIZE_TEXT])
{
    snprintf(text, CLI_SIZE_TEXT, v < 99.95 && v != (double)(int64_t)v ? "%.1f" : "%.0f", v);
    return text;
}

static const char *access_text(const struct advise *q, int i, char text[TEXT])
{
    const struct advise_access *x = &q->access[i];
    if (x->weight == 1) snprintf(text, TEXT, "%s", x->text);
    else snprintf(text, TEXT, "%s  x%g", x->text, x->weight);
    return text;
}

/* ---- the table ---- */

struct widths {
    int chunks, blocks, access;
};

static const char *flags_text(int flags)
{
    if (flags & TSR_PLAN_NOW) return flags & TSR_PLAN_BEST ? "now, best" : "now";
    if (flags & TSR_PLAN_BEST) return "best";
    if (flags & TSR_PLAN_DEFAULT) return "default";
    return flags & TSR_PLAN_FRONT ? "front" : "";
}

static void widen(int *w, const char *text)
{
    int n = (int)strlen(text);
    if (n > *w) *w = n;
}

static struct widths measure_columns(const struct advise *q)
{
    struct widths w = {6, 6, 6};
    const tsr_plan *p;
    char text[TEXT];
    for (int i = 0; (p = tsr_advice_plan(q->advice, i)); i++) {
        widen(&w.chunks, shape_text(p->chunks, q->array.ndim, text));
        widen(&w.blocks, shape_text(p->blocks, q->array.ndim, text));
    }
    for (int i = 0; i < q->spec.naccess; i++) widen(&w.access, access_text(q, i, text));
    return w;
}

static void print_cost(const tsr_read_cost *c)
{
    char bytes[CLI_SIZE_TEXT], decoded[CLI_SIZE_TEXT], n[CLI_SIZE_TEXT], s[CLI_SIZE_TEXT];
    printf("  %9s %9s %9s %9s", cli_size_text(c->bytes, bytes), number_text(c->requests, n),
           cli_size_text(c->decoded, decoded), seconds_text(c->seconds, s));
}

static void print_plan(const struct advise *q, const tsr_plan *p, const struct widths *w)
{
    char chunks[TEXT], blocks[TEXT], access[TEXT], here[CLI_SIZE_TEXT], worst[CLI_SIZE_TEXT];
    shape_text(p->chunks, q->array.ndim, chunks);
    shape_text(p->blocks, q->array.ndim, blocks);
    if (p->nblocks == 1) strcpy(blocks, "-");
    for (int i = 0; i < q->spec.naccess; i++) {
        const tsr_access_cost *c = &p->access[i];
        printf("%-9s  %-*s  %-*s  %-*s", i ? "" : flags_text(p->flags), w->chunks, i ? "" : chunks,
               w->blocks, i ? "" : blocks, w->access, access_text(q, i, access));
        print_cost(&c->mean);
        printf(" %9s %9s\n", seconds_text(c->here.seconds, here),
               seconds_text(c->worst.seconds, worst));
    }
}

static const tsr_plan *plan_now(const struct advise *q)
{
    const tsr_plan *p;
    for (int i = 0; (p = tsr_advice_plan(q->advice, i)); i++)
        if (p->flags & TSR_PLAN_NOW) return p;
    return NULL;
}

static void print_measured(const struct advise *q, const struct widths *w)
{
    const tsr_plan *p = plan_now(q);
    char access[TEXT];
    printf("\n%-*s  %-9s  %9s %9s %9s %9s\n", w->access, "where it is", "", "bytes", "requests",
           "decoded", "time");
    for (int i = 0; i < q->spec.naccess && p; i++) {
        printf("%-*s  predicted", w->access > 11 ? w->access : 11, access_text(q, i, access));
        print_cost(&p->access[i].here);
        printf("\n%-*s  measured ", w->access > 11 ? w->access : 11, "");
        print_cost(&q->measured[i]);
        printf("\n");
    }
}

static void print_assumptions(const tsr_advise_spec *s)
{
    char latency[CLI_SIZE_TEXT], speed[CLI_SIZE_TEXT], decode[CLI_SIZE_TEXT];
    printf("%s on %s: %s a request, %d at once, %s/s, %s/s decoded, stored as %.3g of its size\n\n",
           s->format, s->medium, seconds_text(s->latency, latency), s->in_flight,
           cli_size_text(s->bandwidth, speed), cli_size_text(s->decode_speed, decode), s->ratio);
}

void advise_print(const struct advise *q)
{
    struct widths w = measure_columns(q);
    const tsr_plan *p;
    print_assumptions(tsr_advice_spec(q->advice));
    printf("%-9s  %-*s  %-*s  %-*s  %9s %9s %9s %9s %9s %9s\n", "", w.chunks, "chunks", w.blocks,
           "blocks", w.access, "access", "bytes", "requests", "decoded", "time", "here", "worst");
    for (int i = 0; (p = tsr_advice_plan(q->advice, i)); i++) print_plan(q, p, &w);
    printf("\n%s\n", tsr_advice_why(q->advice));
    if (q->measured) print_measured(q, &w);
}

/* ---- JSON ---- */

static struct json_object *cost_json(const tsr_read_cost *c)
{
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "bytes", json_object_new_double(c->bytes));
    cli_json_add(o, "requests", json_object_new_double(c->requests));
    cli_json_add(o, "decoded", json_object_new_double(c->decoded));
    cli_json_add(o, "chunks", json_object_new_double(c->chunks));
    cli_json_add(o, "blocks", json_object_new_double(c->blocks));
    cli_json_add(o, "seconds", json_object_new_double(c->seconds));
    return o;
}

static struct json_object *plan_json(const struct advise *q, const tsr_plan *p)
{
    static const struct {
        int flag;
        const char *name;
    } flags[] = {{TSR_PLAN_NOW, "now"},
                 {TSR_PLAN_DEFAULT, "default"},
                 {TSR_PLAN_FRONT, "front"},
                 {TSR_PLAN_BEST, "best"},
                 {TSR_PLAN_LOCATED, "located"}};
    struct json_object *o = json_object_new_object(), *list = json_object_new_array();
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        cli_json_add(o, flags[i].name, json_object_new_boolean(p->flags & flags[i].flag));
    cli_json_add(o, "chunks", cli_json_ints(p->chunks, q->array.ndim));
    cli_json_add(o, "blocks", cli_json_ints(p->blocks, q->array.ndim));
    cli_json_add(o, "nchunks", json_object_new_int64(p->nchunks));
    cli_json_add(o, "nblocks", json_object_new_int64(p->nblocks));
    cli_json_add(o, "chunk_bytes", json_object_new_int64(p->chunk_bytes));
    cli_json_add(o, "block_bytes", json_object_new_int64(p->block_bytes));
    cli_json_add(o, "seconds", json_object_new_double(p->seconds));
    for (int i = 0; i < q->spec.naccess; i++) {
        struct json_object *x = json_object_new_object();
        cli_json_add(x, "mean", cost_json(&p->access[i].mean));
        cli_json_add(x, "here", cost_json(&p->access[i].here));
        cli_json_add(x, "worst", cost_json(&p->access[i].worst));
        json_object_array_add(list, x);
    }
    cli_json_add(o, "access", list);
    return o;
}

static struct json_object *access_json(const struct advise *q, int i)
{
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "slice", json_object_new_string(q->access[i].text));
    cli_json_add(o, "weight", json_object_new_double(q->access[i].weight));
    if (q->measured) cli_json_add(o, "measured", cost_json(&q->measured[i]));
    return o;
}

void advise_print_json(const struct advise *q)
{
    const tsr_advise_spec *s = tsr_advice_spec(q->advice);
    struct json_object *o = json_object_new_object(), *plans = json_object_new_array();
    struct json_object *list = json_object_new_array();
    const tsr_plan *p;
    for (int i = 0; i < q->spec.naccess; i++) json_object_array_add(list, access_json(q, i));
    for (int i = 0; (p = tsr_advice_plan(q->advice, i)); i++)
        json_object_array_add(plans, plan_json(q, p));
    cli_json_add(o, "shape", cli_json_ints(q->shape, q->array.ndim));
    cli_json_add(o, "dtype", cli_json_dtype(q->array.dtype));
    cli_json_add(o, "format", json_object_new_string(s->format));
    cli_json_add(o, "medium", json_object_new_string(s->medium));
    cli_json_add(o, "latency", json_object_new_double(s->latency));
    cli_json_add(o, "bandwidth", json_object_new_double(s->bandwidth));
    cli_json_add(o, "decode_speed", json_object_new_double(s->decode_speed));
    cli_json_add(o, "in_flight", json_object_new_int(s->in_flight));
    cli_json_add(o, "ratio", json_object_new_double(s->ratio));
    cli_json_add(o, "access", list);
    cli_json_add(o, "plans", plans);
    cli_json_add(o, "why", json_object_new_string(tsr_advice_why(q->advice)));
    cli_json_print(o);
}
