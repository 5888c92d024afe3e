/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/checksum.c - codecs that add four bytes to what they are handed (zarr.md 5.3).
 *
 *   start: | sum u32 | payload |        end: | payload | sum u32 |
 */
#include <libdeflate.h>
#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "kernel/kernel.h"
#include "zarr/codec.h"
#include "zarr/hash.h"
#include "zarr/node.h"

extern const struct tsr_zcodec_kind tsr_zkind_crc32, tsr_zkind_crc32c, tsr_zkind_adler32,
    tsr_zkind_fletcher32, tsr_zkind_jenkins_lookup3;

enum { SUM = 4 };

struct checksum {
    bool start;
    uint32_t seed; /* of lookup3, as what follows */
    const uint8_t *prefix;
    size_t prefix_len;
};

static int open_at(struct tsr_zcodec *c, const struct tsr_node *config, bool start, bool fixed)
{
    const struct tsr_node *where = tsr_znode_get(config, "location");
    struct checksum *s = tsr_doc_alloc(c->doc, 1, sizeof *s);
    int64_t bytes = -1;
    if (!s) return TSR_ENOMEM;
    *s = (struct checksum){.start = start};
    c->state = s;
    if (c->in.bytes >= 0 && !tsr_add(c->in.bytes, SUM, &bytes))
        return tsr_fail(TSR_ECORRUPT, "a chunk of %lld bytes", (long long)c->in.bytes);
    tsr_zcodec_out_bytes(c, bytes);
    if (fixed || !where || where->kind == TSR_NODE_NULL) return TSR_OK;
    s->start = tsr_znode_is(where, "start");
    if (s->start || tsr_znode_is(where, "end")) return TSR_OK;
    int rc = tsr_znode_wrong(TSR_ECORRUPT, where, "start or end");
    tsr_within("location");
    return rc;
}

static int first_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)format;
    return open_at(c, config, true, false);
}

static int last_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)format;
    return open_at(c, config, false, false);
}

static int end_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    (void)format;
    return open_at(c, config, false, true);
}

/* A prefix cannot be told in JSON but as text, of which numcodecs takes none. */
static int jenkins_open(struct tsr_zcodec *c, const struct tsr_node *config, int format)
{
    static const struct tsr_zparam initval = {"initval", 0, UINT32_MAX, 0};
    const struct tsr_node *prefix = tsr_znode_get(config, "prefix");
    int64_t v = 0;
    (void)format;
    int rc = open_at(c, config, false, true);
    if (rc == TSR_OK) rc = tsr_zcodec_int(config, &initval, 3, &v);
    if (rc < 0) return rc;
    struct checksum *s = c->state;
    s->seed = (uint32_t)v;
    if (!prefix || prefix->kind == TSR_NODE_NULL) return TSR_OK;
    if (prefix->kind != TSR_NODE_STRING) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, prefix, "text");
        tsr_within("prefix");
        return rc;
    }
    s->prefix = (const uint8_t *)tsr_doc_string(c->doc, prefix->s.p, prefix->s.len);
    s->prefix_len = prefix->s.len;
    return s->prefix ? TSR_OK : TSR_ENOMEM;
}

static uint32_t sum(const struct tsr_zcodec *c, const uint8_t *p, size_t n)
{
    const struct checksum *s = c->state;
    if (c->kind == &tsr_zkind_crc32) return libdeflate_crc32(0, p, n);
    if (c->kind == &tsr_zkind_crc32c) return tsr_kernels()->crc32c(0, p, n);
    if (c->kind == &tsr_zkind_adler32) return libdeflate_adler32(1, p, n);
    if (c->kind == &tsr_zkind_fletcher32) return tsr_fletcher32(p, n);
    return tsr_jenkins_lookup3(s->seed, s->prefix, s->prefix_len, p, n);
}

static int checksum_decode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct checksum *s = c->state;
    (void)w;
    if (len < SUM)
        return tsr_fail(TSR_ECORRUPT, "%s: found %zu bytes, expected a sum of 4",
                        tsr_zcodec_name(c), len);
    const uint8_t *body = s->start ? src + SUM : src;
    int rc = tsr_zcodec_made(c, len - SUM, n);
    if (rc < 0) return rc;
    if (*n > cap) return tsr_zcodec_over(c, cap);
    uint32_t found = tsr_load_LE32(s->start ? src : src + *n), expected = sum(c, body, *n);
    if (found != expected)
        return tsr_fail(TSR_ECORRUPT, "%s: found %08x, the bytes have %08x", tsr_zcodec_name(c),
                        found, expected);
    if (*n) memcpy(dst, body, *n);
    return TSR_OK;
}

static int64_t checksum_claim(const struct tsr_zcodec *c, const uint8_t *src, size_t len)
{
    (void)c;
    (void)src;
    return (int64_t)len - SUM;
}

static int checksum_encode(const struct tsr_zcodec *c, struct tsr_worker *w, const uint8_t *src,
                           size_t len, uint8_t *dst, size_t cap, size_t *n)
{
    const struct checksum *s = c->state;
    (void)w;
    (void)cap;
    if (len) memcpy(s->start ? dst + SUM : dst, src, len);
    tsr_store_LE32(s->start ? dst : dst + len, sum(c, src, len));
    *n = len + SUM;
    return TSR_OK;
}

static size_t checksum_bound(const struct tsr_zcodec *c, size_t len)
{
    (void)c;
    return len + SUM;
}

#define KIND(name, name3, where)                      \
    const struct tsr_zcodec_kind tsr_zkind_##name = { \
        .v2 = #name,                                  \
        .v3 = (name3),                                \
        .stage = TSR_ZBYTES_TO_BYTES,                 \
        .open = where##_open,                         \
        .decode = checksum_decode,                    \
        .claim = checksum_claim,                      \
        .encode = checksum_encode,                    \
        .bound = checksum_bound,                      \
    };
KIND(crc32, NULL, first)
KIND(adler32, NULL, first)
KIND(crc32c, "crc32c", last)
KIND(fletcher32, NULL, end)
KIND(jenkins_lookup3, NULL, jenkins)
