/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/coder.h - one codec of Zarr, opened from JSON, for tests of them all.
 *
 * Buffers handed to codecs are of their exact size on the heap, so that sanitizers see every byte
 * past them. */
#ifndef TSR_TESTS_ZARR_CODER_H
#define TSR_TESTS_ZARR_CODER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../worker.h"

#include "base/status.h"
#include "zarr/codec.h"

static struct tsr_doc *doc; /* what codecs of a test hang on */

static inline int doc_start(void **state)
{
    (void)state;
    return tsr_doc_new(&doc);
}

static inline int doc_stop(void **state)
{
    (void)state;
    tsr_doc_free(doc);
    return 0;
}

static inline struct tsr_node json_node(const char *text)
{
    struct tsr_node n;
    char *copy = strdup(text); /* of nodes some borrow the text */
    if (tsr_json_parse(doc, copy, strlen(copy), &n) < 0) fail_msg("%s: %s", text, tsr_error());
    free(copy);
    return n;
}

/* A view of bytes, or of items of a type in the words of a format, NULL shape: one dimension. */
static inline struct tsr_zview bytes_view(int64_t bytes)
{
    return (struct tsr_zview){.bytes = bytes};
}

static inline struct tsr_zview items_view(const char *type, int format, int ndim,
                                          const int64_t *shape)
{
    struct tsr_zview v = {.items = true, .ndim = ndim, .bytes = -1};
    struct tsr_node n = json_node(type);
    if (tsr_ztype_parse(doc, &n, format, &v.type) < 0) fail_msg("%s: %s", type, tsr_error());
    memcpy(v.shape, shape, (size_t)ndim * sizeof *shape);
    v.dtype = v.type->dtype;
    if (v.dtype) v.bytes = tsr_zview_count(&v) * v.dtype->item_bytes;
    return v;
}

/* Opens a codec; the status, with c zeroed on failure. */
static inline int codec_open(struct tsr_zcodec *c, const char *name, const char *config, int format,
                             const struct tsr_zview *in)
{
    struct tsr_node n = json_node(config);
    *c = (struct tsr_zcodec){.kind = tsr_zcodec_find(name, format), .in = *in, .doc = doc};
    if (!c->kind) fail_msg("no codec %s in format %d", name, format);
    return c->kind->open(c, &n, format);
}

static inline void codec_close(struct tsr_zcodec *c)
{
    if (c->kind && c->kind->close) c->kind->close(c);
}

static inline void codec_must_open(struct tsr_zcodec *c, const char *name, const char *config,
                                   int format, const struct tsr_zview *in)
{
    if (codec_open(c, name, config, format, in) < 0)
        fail_msg("%s %s: %s", name, config, tsr_error());
}

/* A buffer of its exact size, also of 0 bytes. */
static inline uint8_t *exact(const void *src, size_t len)
{
    uint8_t *p = malloc(len ? len : 1);
    assert_non_null(p);
    if (len && src) memcpy(p, src, len);
    return len ? p : p + 1;
}

static inline void exact_free(uint8_t *p, size_t len)
{
    free(len ? p : p - 1);
}

/* Encodes into a buffer of the bound; the caller frees *out with exact_free(out, bound). */
struct coded {
    uint8_t *p;
    size_t len, room;
};

static inline int codec_encode(const struct tsr_zcodec *c, const uint8_t *src, size_t len,
                               struct coded *out)
{
    out->room = c->kind->bound(c, len);
    out->p = exact(NULL, out->room);
    int rc = c->kind->encode(c, worker, src, len, out->p, out->room, &out->len);
    if (rc == TSR_OK) assert_true(out->len <= out->room);
    return rc;
}

static inline void coded_free(struct coded *k)
{
    exact_free(k->p, k->room);
}

/* Decodes a copy of src[len] to room of cap bytes and compares with want[n], if want. */
static inline int codec_decode(const struct tsr_zcodec *c, const uint8_t *src, size_t len,
                               size_t cap, const uint8_t *want, size_t n)
{
    uint8_t *in = exact(src, len), *to = exact(NULL, cap);
    size_t got = 0;
    int rc = c->kind->decode(c, worker, in, len, to, cap, &got);
    if (rc == TSR_OK && want) {
        assert_int_equal(got, n);
        if (n) assert_memory_equal(to, want, n);
    }
    if (rc == TSR_OK) assert_true(got <= cap);
    exact_free(in, len);
    exact_free(to, cap);
    return rc;
}

static uint64_t rnd_seed = 88172645463325252;

static inline uint64_t rnd(void)
{
    rnd_seed ^= rnd_seed << 13;
    rnd_seed ^= rnd_seed >> 7;
    rnd_seed ^= rnd_seed << 17;
    return rnd_seed;
}

#endif
