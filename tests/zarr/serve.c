/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/serve.c - runs chains of codecs for the tests in Python.
 *
 * Reads requests, each a line of JSON and as many bytes as its "len" says, and answers each with
 * "ok N" and N bytes, or "no STATUS TEXT".  A request is {"op": "encode" or "decode", "format": 2
 * or 3, "type": a data type, "text": true for "|O" that is text, "shape": [...], "fill": a fill
 * value, "order": "F", "codecs": [...], "len": N}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "task/pool.h"
#include "zarr/codec.h"
#include "zarr/node.h"

enum { CODECS = 16, LIMIT = 1 << 28 };

struct chain {
    struct tsr_doc *doc;
    struct tsr_zcodec codec[CODECS];
    int n;
    struct tsr_zview view;
};

static struct tsr_worker *worker;

static int add(struct chain *k, const char *name, const struct tsr_node *config, int format)
{
    struct tsr_zcodec *c = &k->codec[k->n];
    *c = (struct tsr_zcodec){.kind = tsr_zcodec_find(name, format), .in = k->view, .doc = k->doc};
    if (!c->kind) return tsr_fail(TSR_EUNSUPPORTED, "unknown codec %s", name);
    int rc = c->kind->open(c, config, format);
    k->n++;
    k->view = c->out;
    return rc;
}

static int add_reversal(struct chain *k)
{
    struct tsr_zcodec *c = &k->codec[k->n];
    int order[TSR_MAX_NDIM];
    for (int d = 0; d < k->view.ndim; d++) order[d] = k->view.ndim - 1 - d;
    *c = (struct tsr_zcodec){.kind = tsr_zcodec_find("transpose", 3), .in = k->view, .doc = k->doc};
    int rc = tsr_zcodec_transpose(c, order);
    k->n++;
    k->view = c->out;
    return rc;
}

static int open_view(struct chain *k, const struct tsr_node *q, int format)
{
    static const struct tsr_ztype text = {.kind = TSR_ZSTRING};
    const struct tsr_node *fill = tsr_znode_get(q, "fill");
    struct tsr_zview *v = &k->view;
    struct tsr_zfill f;
    *v = (struct tsr_zview){.items = true, .bytes = -1};
    int rc = tsr_ztype_parse(k->doc, tsr_znode_get(q, "type"), format, &v->type);
    if (rc == TSR_OK && tsr_znode_get(q, "text")) v->type = &text;
    if (rc == TSR_OK)
        rc = tsr_znode_ints(tsr_znode_get(q, "shape"), 0, INT64_MAX, v->shape, &v->ndim);
    if (rc == TSR_OK && fill && fill->kind != TSR_NODE_NULL) {
        rc = tsr_zfill_parse(k->doc, v->type, fill, format, &f);
        if (rc == TSR_OK) v->fill = f.p;
    }
    if (rc < 0) return rc;
    v->dtype = v->type->dtype;
    if (v->dtype) v->bytes = tsr_zview_count(v) * v->dtype->item_bytes;
    return TSR_OK;
}

static int open_chain(struct chain *k, const struct tsr_node *q)
{
    const struct tsr_node *codecs = tsr_znode_get(q, "codecs");
    int format = (int)tsr_znode_get(q, "format")->i;
    int rc = open_view(k, q, format);
    if (rc == TSR_OK && tsr_znode_is(tsr_znode_get(q, "order"), "F")) rc = add_reversal(k);
    for (size_t i = 0; rc == TSR_OK && i < codecs->list.n; i++) {
        const struct tsr_node *one = &codecs->list.v[i];
        struct tsr_zext e = {0};
        if (format == 2) rc = tsr_znode_text(tsr_znode_get(one, "id"), &e.name);
        else rc = tsr_znode_ext(one, &e);
        if (rc == TSR_OK) rc = add(k, e.name, format == 2 ? one : e.config, format);
    }
    return rc;
}

static int encode(const struct tsr_zcodec *c, const struct tsr_buf *in, struct tsr_buf *out)
{
    size_t room = c->kind->bound(c, in->len), n = 0;
    int rc = tsr_buf_reserve(out, room + 1);
    if (rc == TSR_OK) rc = c->kind->encode(c, worker, in->p, in->len, out->p, room, &n);
    out->len = n;
    return rc;
}

static int run(const struct chain *k, bool decode, struct tsr_buf *data)
{
    int rc = TSR_OK;
    for (int i = 0; i < k->n && rc == TSR_OK; i++) {
        struct tsr_buf out = {0};
        const struct tsr_zcodec *c = &k->codec[decode ? k->n - 1 - i : i];
        rc = decode ? tsr_zcodec_decode(c, worker, data->p, data->len, LIMIT, &out)
                    : encode(c, data, &out);
        tsr_buf_free(data);
        *data = out;
    }
    if (rc == TSR_OK && decode && k->n == 0 && (int64_t)data->len != k->view.bytes)
        rc = tsr_fail(TSR_ECORRUPT, "found %zu bytes", data->len);
    return rc;
}

static void answer(const char *line, size_t len)
{
    struct chain k = {0};
    struct tsr_buf data = {0};
    struct tsr_node q;
    int rc = tsr_doc_new(&k.doc);
    if (rc == TSR_OK) rc = tsr_json_parse(k.doc, line, len, &q);
    if (rc < 0) exit(2);
    data.len = (size_t)tsr_znode_get(&q, "len")->i;
    data.p = malloc(data.len + 1);
    if (!data.p || fread(data.p, 1, data.len, stdin) != data.len) exit(2);
    rc = open_chain(&k, &q);
    if (rc == TSR_OK) rc = run(&k, tsr_znode_is(tsr_znode_get(&q, "op"), "decode"), &data);
    if (rc == TSR_OK) {
        printf("ok %zu\n", data.len);
        fwrite(data.p, 1, data.len, stdout);
    } else {
        printf("no %d %s\n", rc, tsr_error());
    }
    fflush(stdout);
    for (int i = 0; i < k.n; i++)
        if (k.codec[i].kind && k.codec[i].kind->close) k.codec[i].kind->close(&k.codec[i]);
    tsr_buf_free(&data);
    tsr_doc_free(k.doc);
}

int main(void)
{
    struct tsr_pool *pool;
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    if (tsr_pool_new(1, &pool) < 0 || !(worker = tsr_pool_borrow(pool))) return 2;
    while ((n = getline(&line, &room, stdin)) > 0) answer(line, (size_t)n);
    free(line);
    tsr_pool_return(pool, worker);
    tsr_pool_free(pool);
    return 0;
}
