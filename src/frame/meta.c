/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/meta.c - sections of metalayers, and the trailer, which is one with a frame around it
 * (blosc2.md 7.1, 7.3).
 *
 *   section   93 | CD maplen:u16 | DE n:u16 | n x (A0+len name, D2 offset:i32)
 *                | DC n:u16 | n x (C6 len:u32 bytes)
 *   trailer   94 01 | section | CE trailer_len:u32 | D8 fingerprint:u8 zeros[16]
 *
 * Offsets are those of the C6 bytes from the start of header or trailer.  A cursor walks the
 * map and never steps past the end; values are found by their offsets, each checked. */
#include "frame/priv.h"

struct cursor {
    const uint8_t *p;
    size_t len, at;
    const char *what; /* "header", "trailer" */
};

/* The next n bytes, or NULL with the text set. */
static const uint8_t *take(struct cursor *c, size_t n)
{
    if (n > c->len - c->at) {
        tsr_fail(TSR_ECORRUPT, "frame %s: metalayers end at byte %zu, %zu bytes wanted at %zu",
                 c->what, c->len, n, c->at);
        return NULL;
    }
    c->at += n;
    return c->p + c->at - n;
}

static int take_count(struct cursor *c, int tag, unsigned *n)
{
    const uint8_t *p = take(c, 3);
    if (!p) return TSR_ECORRUPT;
    if (p[0] != tag)
        return tsr_fail(TSR_ECORRUPT, "frame %s: tag at byte %zu: found 0x%02x, expected 0x%02x",
                        c->what, c->at - 3, p[0], tag);
    *n = tsr_load_BE16(p + 1);
    return TSR_OK;
}

static int take_name(struct cursor *c, char name[FRAME_NAME + 1])
{
    size_t at = c->at;
    const uint8_t *p = take(c, 1);
    if (!p) return TSR_ECORRUPT;
    size_t len = *p & 31;
    if ((*p & 0xE0) != 0xA0)
        return tsr_fail(TSR_ECORRUPT,
                        "frame %s: metalayer name at byte %zu: found tag 0x%02x, "
                        "expected 0xa0 to 0xbf",
                        c->what, at, *p);
    if (!(p = take(c, len))) return TSR_ECORRUPT;
    if (memchr(p, 0, len))
        return tsr_fail(TSR_ECORRUPT, "frame %s: metalayer name at byte %zu has a NUL", c->what,
                        at);
    memcpy(name, p, len);
    name[len] = 0;
    return TSR_OK;
}

static int take_entry(struct cursor *c, struct frame_meta *m, uint32_t *off)
{
    int rc = take_name(c, m->name);
    if (rc < 0) return rc;
    const uint8_t *p = take(c, 5);
    if (!p) return TSR_ECORRUPT;
    if (p[0] != 0xD2)
        return tsr_fail(TSR_ECORRUPT,
                        "frame %s: offset of metalayer '%s' at byte %zu: found tag "
                        "0x%02x, expected 0xd2",
                        c->what, m->name, c->at - 5, p[0]);
    *off = tsr_load_BE32(p + 1);
    return TSR_OK;
}

/* c stands behind the map and the array's tag, where values begin. */
static int find_value(const struct cursor *c, struct frame_meta *m, uint8_t *p, uint32_t off)
{
    if (off < c->at || off > c->len || c->len - off < 5)
        return tsr_fail(TSR_ECORRUPT,
                        "frame %s: offset of metalayer '%s': found %d, expected %zu "
                        "to %zu",
                        c->what, m->name, (int32_t)off, c->at, c->len - 5);
    if (p[off] != 0xC6)
        return tsr_fail(TSR_ECORRUPT,
                        "frame %s: metalayer '%s' at byte %u: found tag 0x%02x, "
                        "expected 0xc6",
                        c->what, m->name, off, p[off]);
    m->len = tsr_load_BE32(p + off + 1);
    m->p = p + off + 5;
    if (m->len > c->len - off - 5)
        return tsr_fail(TSR_ECORRUPT,
                        "frame %s: metalayer '%s' at byte %u: found %zu bytes, only "
                        "%zu are there",
                        c->what, m->name, off, m->len, c->len - off - 5);
    return TSR_OK;
}

static int parse_entries(struct cursor *c, struct frame_meta *v, uint32_t *off, unsigned n,
                         uint8_t *p)
{
    unsigned values = 0;
    int rc;
    for (unsigned i = 0; i < n; i++)
        if ((rc = take_entry(c, &v[i], &off[i])) < 0) return rc;
    if ((rc = take_count(c, 0xDC, &values)) < 0) return rc;
    if (values != n)
        return tsr_fail(TSR_ECORRUPT, "frame %s: %u metalayer values at byte %zu, expected %u",
                        c->what, values, c->at - 2, n);
    for (unsigned i = 0; i < n; i++)
        if ((rc = find_value(c, &v[i], p, off[i])) < 0) return rc;
    return TSR_OK;
}

int tsr_metas_parse(struct frame_metas *out, uint8_t *p, size_t len, size_t at, int max,
                    const char *what)
{
    struct cursor c = {p, len, at, what};
    unsigned maplen, n = 0;
    int rc = take_count(&c, 0xCD, &maplen);
    if (rc == TSR_OK) rc = take_count(&c, 0xDE, &n);
    if (rc < 0) return rc;
    if (n > (unsigned)max)
        return tsr_fail(TSR_ECORRUPT,
                        "frame %s: count of metalayers at byte %zu: found %u, at "
                        "most %d are allowed",
                        what, at + 4, n, max);
    struct frame_meta *v = tsr_alloc_zero(n, sizeof *v);
    uint32_t *off = tsr_alloc_array(n, sizeof *off);
    rc = v && off ? parse_entries(&c, v, off, n, p) : TSR_ENOMEM;
    tsr_free(off);
    if (rc < 0) {
        tsr_free(v);
        return rc;
    }
    *out = (struct frame_metas){v, (int)n};
    return TSR_OK;
}

int tsr_meta_init(struct frame_meta *m, const char *name, size_t len)
{
    size_t n = name ? strlen(name) : 0;
    if (n < 1 || n > FRAME_NAME)
        return tsr_fail(TSR_EARG, "metalayer name '%s': expected 1 to %d bytes", name ? name : "",
                        FRAME_NAME);
    if (len > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_ELIMIT, "metalayer '%s' of %zu bytes: at most %d fit", name, len,
                        TSR_CHUNK_MAX_NBYTES);
    *m = (struct frame_meta){.len = len};
    memcpy(m->name, name, n);
    return TSR_OK;
}

struct frame_meta *tsr_metas_find(const struct frame_metas *m, const char *name)
{
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->v[i].name, name)) return &m->v[i];
    return NULL;
}

/* ---- writing: into room that was reserved ---- */

static uint8_t *put_count(uint8_t *p, int tag, size_t n)
{
    p[0] = (uint8_t)tag;
    tsr_store_BE16(p + 1, (uint16_t)n);
    return p + 3;
}

static size_t section_len(const struct frame_metas *m, size_t *map_end)
{
    size_t map = 1 + 3 + 3, values = 0;
    for (int i = 0; i < m->n; i++) {
        map += 1 + strlen(m->v[i].name) + 5;
        values += 5 + m->v[i].len;
    }
    *map_end = map;
    return map + 3 + values;
}

int tsr_metas_emit(struct tsr_buf *b, const struct frame_metas *m, size_t skip)
{
    size_t map, len = section_len(m, &map), value = b->len + map + 3;
    if (map > UINT16_MAX)
        return tsr_fail(TSR_ELIMIT, "%d metalayers: their names do not fit", m->n);
    if (b->len + len > INT32_MAX)
        return tsr_fail(TSR_ELIMIT, "metalayers of %zu bytes: at most 2^31-1 fit", len);
    int rc = tsr_buf_reserve(b, len);
    if (rc < 0) return rc;
    uint8_t *p = b->p + b->len, *values = p + map + 3;
    *p++ = 0x93;
    p = put_count(p, 0xCD, map - skip);
    p = put_count(p, 0xDE, (size_t)m->n);
    for (int i = 0; i < m->n; i++) {
        size_t n = strlen(m->v[i].name);
        *p++ = (uint8_t)(0xA0 + n);
        memcpy(p, m->v[i].name, n);
        p[n] = 0xD2;
        tsr_store_BE32(p + n + 1, (uint32_t)value);
        p += n + 5;
        value += 5 + m->v[i].len;
    }
    put_count(p, 0xDC, (size_t)m->n);
    for (int i = 0; i < m->n; i++) {
        *values = 0xC6;
        tsr_store_BE32(values + 1, (uint32_t)m->v[i].len);
        if (m->v[i].len) memcpy(values + 5, m->v[i].p, m->v[i].len);
        values += 5 + m->v[i].len;
    }
    b->len += len;
    return TSR_OK;
}

/* ---- trailer ---- */

int tsr_trailer_len(const uint8_t end[FRAME_TRAILER_END], uint64_t room, uint32_t *len)
{
    if (end[0] != 0xCE || end[5] != 0xD8)
        return tsr_fail(TSR_ECORRUPT,
                        "frame trailer: tags 23 and 18 bytes before the end: found "
                        "0x%02x 0x%02x, expected 0xce 0xd8",
                        end[0], end[5]);
    *len = tsr_load_BE32(end + 1);
    if (*len < FRAME_TRAILER_MIN || *len > room)
        return tsr_fail(TSR_ECORRUPT,
                        "frame trailer: trailer_len 22 bytes before the end: found "
                        "%u, expected %d to %llu",
                        *len, FRAME_TRAILER_MIN, (unsigned long long)room);
    return TSR_OK;
}

/* A vlmetalayer is a chunk of exactly its length (14.19); what it decodes to is checked when it
 * is asked for. */
static int check_chunk(const struct frame_meta *m)
{
    if (m->len >= 16 && tsr_load_LE32(m->p + 12) == m->len) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT,
                    "frame trailer: vlmetalayer '%s' has %zu bytes, its chunk says "
                    "%d",
                    m->name, m->len, m->len >= 16 ? (int)tsr_load_LE32(m->p + 12) : 0);
}

static int own_values(struct frame_metas *m)
{
    int rc = TSR_OK;
    for (int i = 0; i < m->n; i++) {
        struct frame_meta *e = &m->v[i];
        const uint8_t *src = e->p;
        e->p = NULL;
        if (rc == TSR_OK && !(e->p = tsr_alloc(e->len))) rc = TSR_ENOMEM;
        if (rc < 0) continue;
        if (e->len) memcpy(e->p, src, e->len);
        rc = check_chunk(e);
    }
    return rc;
}

int tsr_trailer_parse(struct frame_metas *out, uint8_t *p, size_t len)
{
    struct frame_metas m;
    if (p[0] != 0x94 || p[1] > 1 || p[2] != 0x93)
        return tsr_fail(TSR_ECORRUPT,
                        "frame trailer: begins with %02x %02x %02x, expected 94 01 "
                        "93",
                        p[0], p[1], p[2]);
    int rc = tsr_metas_parse(&m, p, len - FRAME_TRAILER_END, 3, FRAME_VLMETAS, "trailer");
    if (rc < 0) return rc;
    if ((rc = own_values(&m)) < 0) tsr_vlmetas_free(&m);
    else *out = m;
    return rc;
}

int tsr_trailer_emit(struct tsr_buf *b, const struct frame_metas *m)
{
    static const uint8_t start[] = {0x94, 0x01};
    uint8_t end[FRAME_TRAILER_END] = {0xCE, 0, 0, 0, 0, 0xD8};
    int rc = tsr_buf_add(b, start, sizeof start);
    if (rc == TSR_OK) rc = tsr_metas_emit(b, m, 1);
    if (rc < 0) return rc;
    tsr_store_BE32(end + 1, (uint32_t)(b->len + sizeof end));
    return tsr_buf_add(b, end, sizeof end);
}

void tsr_vlmetas_free(struct frame_metas *m)
{
    for (int i = 0; i < m->n; i++) tsr_free(m->v[i].p);
    tsr_free(m->v);
    *m = (struct frame_metas){0};
}
