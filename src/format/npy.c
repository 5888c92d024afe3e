/* SPDX-License-Identifier: BSD-3-Clause */
/* format/npy.c - NumPy's .npy files, versions 1 to 3.
 *
 *   0        6        8             10 (v1) or 12 (v2, v3)      a multiple of 64
 *   | 93 NUMPY | major minor | text length u16 or u32, LE | text, spaces, \n | items
 *
 * The text is a Python dictionary with the keys 'descr' (a dtype), 'fortran_order' and 'shape',
 * in Latin-1, since version 3 in UTF-8.  It is read by a grammar of its own and never evaluated.
 * What is written equals NumPy's own output byte for byte, with the spaces that NumPy keeps free
 * for a first axis that grows. */
#include <stdio.h>

#include "base/mem.h"
#include "format/plain.h"
#include "text/dtype.h"

enum {
    MAGIC_LEN = 6,
    TEXT_MAX = 256 * 1024, /* a dtype of 64 KiB, four bytes per character, and the rest */
    ALIGN = 64,
    GROWTH_DIGITS = 21,
    DEPTH_MAX = 64
};

static const char magic[MAGIC_LEN] = {(char)0x93, 'N', 'U', 'M', 'P', 'Y'};

/* ---- the grammar ---- */

struct cursor {
    const char *start, *p, *end;
};

static int wrong(const struct cursor *c, const char *expected)
{
    char found[8] = "the end";
    if (c->p < c->end) {
        bool plain = *c->p >= ' ' && *c->p <= '~';
        found[0] = '\'', found[1] = plain ? *c->p : '?', found[2] = '\'', found[3] = 0;
    }
    return tsr_fail(TSR_ECORRUPT, "npy text: found %s at byte %zu, expected %s", found,
                    (size_t)(c->p - c->start), expected);
}

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n')) c->p++;
}

/* Takes a character and the space around it. */
static bool take(struct cursor *c, char want)
{
    skip_space(c);
    if (c->p == c->end || *c->p != want) return false;
    c->p++;
    skip_space(c);
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len) != 0) return false;
    c->p += len;
    return true;
}

/* Moves behind a string in quotes; an escaped quote does not end it. */
static int skip_string(struct cursor *c)
{
    char quote = *c->p++;
    while (c->p < c->end && *c->p != quote) c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
    if (c->p == c->end) return wrong(c, "the end of a string");
    c->p++;
    return TSR_OK;
}

/* Moves behind a string or behind brackets that close; what is inside is the dtype's grammar. */
static int skip_value(struct cursor *c)
{
    int depth = 0, rc;
    do {
        if (c->p == c->end) return wrong(c, "a closing bracket");
        if (*c->p == '\'' || *c->p == '"') {
            if ((rc = skip_string(c)) < 0) return rc;
            continue;
        }
        if (strchr("([{", *c->p) && *c->p) depth++;
        if (strchr(")]}", *c->p) && *c->p) depth--;
        if (depth > DEPTH_MAX) return wrong(c, "fewer brackets");
        c->p++;
    } while (depth > 0);
    return TSR_OK;
}

static int take_descr(struct cursor *c, struct tsr_plain_head *h)
{
    const char *from = c->p;
    if (c->p == c->end || !*c->p || !strchr("'\"[{", *c->p)) return wrong(c, "a dtype");
    int rc = skip_value(c);
    return rc < 0 ? rc : tsr_plain_head_dtype(h, from, (size_t)(c->p - from));
}

static int take_size(struct cursor *c, int64_t *v)
{
    *v = 0;
    if (c->p == c->end || *c->p < '0' || *c->p > '9') return wrong(c, "a number");
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
        if (!tsr_mul(*v, 10, v) || !tsr_add(*v, *c->p - '0', v))
            return wrong(c, "a number of less than 64 bits");
    if (c->p < c->end && *c->p == 'L') c->p++; /* Python 2 wrote long integers so */
    return TSR_OK;
}

static int take_shape(struct cursor *c, struct tsr_plain_head *h)
{
    if (!take(c, '(')) return wrong(c, "'('");
    while (!take(c, ')')) {
        if (h->ndim == TSR_MAX_NDIM)
            return tsr_fail(TSR_EUNSUPPORTED, "npy: more than %d dimensions", TSR_MAX_NDIM);
        int rc = take_size(c, &h->shape[h->ndim++]);
        if (rc < 0) return rc;
        if (take(c, ',')) continue;
        if (h->ndim == 1 || !take(c, ')')) return wrong(c, "',' or ')'");
        break;
    }
    return TSR_OK;
}

enum { DESCR = 1, FORTRAN = 2, SHAPE = 4, ALL = 7 };

static int take_entry(struct cursor *c, struct tsr_plain_head *h, int *seen, bool *fortran)
{
    static const char *const names[] = {"descr", "fortran_order", "shape"};
    const char *name = c->p + 1;
    int key = 0, rc;
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"')) return wrong(c, "a key in quotes");
    if ((rc = skip_string(c)) < 0) return rc;
    size_t len = (size_t)(c->p - name) - 1;
    for (int i = 0; i < 3; i++)
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) key = 1 << i;
    if (!key || (*seen & key))
        return tsr_fail(TSR_ECORRUPT,
                        "npy text: found key '%.*s', expected descr, fortran_order "
                        "and shape, once each",
                        (int)tsr_minz(len, 64), name);
    *seen |= key;
    if (!take(c, ':')) return wrong(c, "':'");
    if (key == DESCR) return take_descr(c, h);
    if (key == SHAPE) return take_shape(c, h);
    *fortran = take_word(c, "True");
    return *fortran || take_word(c, "False") ? TSR_OK : wrong(c, "True or False");
}

/* Fills dtype and shape.  Fortran order is the same as C order when at most one axis is long. */
static int parse_text(const char *text, size_t len, struct tsr_plain_head *h)
{
    struct cursor c = {text, text, text + len};
    bool fortran = false;
    int seen = 0, rc, axes = 0;
    if (!take(&c, '{')) return wrong(&c, "'{'");
    while (!take(&c, '}')) {
        if ((rc = take_entry(&c, h, &seen, &fortran)) < 0) return rc;
        if (take(&c, ',')) continue;
        if (!take(&c, '}')) return wrong(&c, "',' or '}'");
        break;
    }
    if (c.p != c.end) return wrong(&c, "nothing behind '}'");
    if (seen != ALL)
        return tsr_fail(TSR_ECORRUPT, "npy text: key '%s' is missing",
                        !(seen & DESCR)  ? "descr"
                        : seen & FORTRAN ? "shape"
                                         : "fortran_order");
    for (int d = 0; d < h->ndim; d++) axes += h->shape[d] > 1;
    if (fortran && axes > 1)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "npy: items in Fortran order; numpy.ascontiguousarray makes it C order");
    return TSR_OK;
}

/* ---- reading ---- */

static char *latin1_to_utf8(const uint8_t *p, size_t len, size_t *out_len)
{
    char *out = tsr_alloc(2 * len + 1), *to = out;
    for (size_t i = 0; out && i < len; i++) {
        if (p[i] >= 0x80) *to++ = (char)(0xC0 | p[i] >> 6);
        *to++ = (char)(p[i] < 0x80 ? p[i] : 0x80 | (p[i] & 0x3F));
    }
    *out_len = out ? (size_t)(to - out) : 0;
    return out;
}

static int read_head(struct tsr_store *st, uint64_t at, struct tsr_plain_head *h)
{
    uint8_t fix[12] = {0};
    uint64_t size, off;
    size_t len, text_len;
    char *text = NULL;
    int rc = tsr_store_stat(st, "", &size);
    if (rc < 0) return rc;
    size_t have = at < size ? tsr_minz(sizeof fix, (size_t)(size - at)) : 0;
    if ((rc = tsr_store_read(st, "", at, fix, have)) < 0) return rc;
    if (have < 10 || memcmp(fix, magic, MAGIC_LEN) != 0)
        return tsr_fail(TSR_ECORRUPT, "npy: no magic string '\\x93NUMPY' at byte %llu",
                        (unsigned long long)at);
    if (fix[6] < 1 || fix[6] > 3)
        return tsr_fail(TSR_EUNSUPPORTED, "npy: version at byte 6: found %u.%u, expected 1 to 3",
                        fix[6], fix[7]);
    off = at + (fix[6] == 1 ? 10 : 12);
    len = fix[6] == 1 ? tsr_load_LE16(fix + 8) : tsr_load_LE32(fix + 8);
    if (off > size || len > size - off)
        return tsr_fail(TSR_ECORRUPT,
                        "npy: text length at byte 8: found %zu, the file ends at "
                        "byte %llu",
                        len, (unsigned long long)size);
    if (len > TEXT_MAX)
        return tsr_fail(TSR_EUNSUPPORTED, "npy: text length at byte 8: found %zu, the limit is %d",
                        len, TEXT_MAX);
    uint8_t *raw = tsr_alloc(len + 1);
    if (!raw) return TSR_ENOMEM;
    rc = tsr_store_read(st, "", off, raw, len);
    if (rc == TSR_OK && fix[6] < 3 && !(text = latin1_to_utf8(raw, len, &text_len)))
        rc = TSR_ENOMEM;
    if (rc == TSR_OK) rc = text ? parse_text(text, text_len, h) : parse_text((char *)raw, len, h);
    h->data_off = off + len;
    tsr_free(text);
    tsr_free(raw);
    return rc;
}

static int npy_open(struct tsr_store *st, const tsr_options *o, struct tsr_driver **out)
{
    struct tsr_plain_head h = {0};
    int rc = read_head(st, o->offset, &h);
    if (rc == TSR_OK) return tsr_plain_open(st, &h, o, out);
    tsr_plain_head_done(&h);
    tsr_store_close(st);
    return rc;
}

static int npy_extent(struct tsr_store *st, const tsr_options *o, uint64_t *end)
{
    struct tsr_plain_head h = {0};
    int rc = read_head(st, o->offset, &h);
    if (rc == TSR_OK && !tsr_plain_end(&h, end))
        rc = tsr_fail(TSR_ECORRUPT, "shape: the size of the array overflows 64 bits");
    tsr_plain_head_done(&h);
    return rc;
}

/* ---- writing ---- */

static int emit_dict(struct tsr_buf *out, const struct tsr_plain_head *h)
{
    struct tsr_dtype *t;
    int rc = tsr_dtype_parse(h->dtype, strlen(h->dtype), &t);
    if (rc < 0) return rc;
    const char *quote = t->kind == 'T' ? "" : "'";
    rc = tsr_buf_addf(out, "{'descr': %s", quote);
    if (rc == TSR_OK) rc = tsr_dtype_emit_descr(out, t);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, "%s, 'fortran_order': False, 'shape': (", quote);
    for (int d = 0; d < h->ndim && rc == TSR_OK; d++)
        rc = tsr_buf_addf(out, d ? ", %lld" : "%lld", (long long)h->shape[d]);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, "%s), }", h->ndim == 1 ? "," : "");
    if (rc == TSR_OK && h->ndim) {
        int digits = snprintf(NULL, 0, "%lld", (long long)h->shape[0]);
        rc = tsr_buf_addf(out, "%*s", GROWTH_DIGITS - digits, "");
    }
    tsr_dtype_free(t);
    return rc;
}

/* In place; false when a character has no place in Latin-1. */
static bool utf8_to_latin1(struct tsr_buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        if (b->p[i] > 0xC3) return false;
    for (size_t i = 0; i < b->len; i++) {
        uint8_t c = b->p[i];
        if (c >= 0xC0 && i + 1 < b->len) c = (uint8_t)(c << 6 | (b->p[++i] & 0x3F));
        b->p[n++] = c;
    }
    b->len = n;
    return true;
}

static int emit_head(struct tsr_buf *out, const struct tsr_plain_head *h)
{
    struct tsr_buf text = {0};
    uint8_t fix[12];
    int rc = emit_dict(&text, h), major = 3;
    if (rc == TSR_OK && utf8_to_latin1(&text)) major = text.len + ALIGN < UINT16_MAX - 10 ? 1 : 2;
    size_t fixed = major == 1 ? 10 : 12, len = text.len + 1;
    len += ALIGN - (fixed + len) % ALIGN; /* at least one byte, as NumPy does */
    memcpy(fix, magic, MAGIC_LEN);
    fix[6] = (uint8_t)major;
    fix[7] = 0;
    if (major == 1) tsr_store_LE16(fix + 8, (uint16_t)len);
    else tsr_store_LE32(fix + 8, (uint32_t)len);
    if (rc == TSR_OK) rc = tsr_buf_add(out, fix, fixed);
    if (rc == TSR_OK) rc = tsr_buf_add(out, text.p, text.len);
    if (rc == TSR_OK) rc = tsr_buf_addf(out, "%*s", (int)(len - text.len), "\n");
    tsr_buf_free(&text);
    return rc;
}

static int npy_create(struct tsr_store *st, const tsr_spec *spec, const tsr_options *o,
                      struct tsr_driver **out)
{
    struct tsr_plain_head h = {0};
    struct tsr_buf head = {0};
    int rc = tsr_plain_head_spec(&h, spec);
    if (rc == TSR_OK) rc = emit_head(&head, &h);
    h.data_off = head.len;
    if (rc == TSR_OK) {
        rc = tsr_plain_create(st, &h, head.p, o, out);
    } else {
        tsr_plain_head_done(&h);
        tsr_store_close(st);
    }
    tsr_buf_free(&head);
    return rc;
}

/* ---- the record ---- */

static bool npy_probe(const uint8_t *head, size_t len)
{
    return len >= MAGIC_LEN + 2 && memcmp(head, magic, MAGIC_LEN) == 0;
}

static const char *const suffixes[] = {".npy", NULL};

const struct tsr_format tsr_format_npy = {
    .name = "npy",
    .suffixes = suffixes,
    .kind = TSR_KIND_ARRAY,
    .probe = npy_probe,
    .open = npy_open,
    .create = npy_create,
    .close = tsr_plain_close,
    .extent = npy_extent,
    .locate = tsr_plain_locate,
    .spans = tsr_plain_spans,
    .decode = tsr_plain_decode,
    .begin = tsr_plain_begin,
    .encode = tsr_plain_encode,
    .seal = tsr_plain_seal,
    .commit = tsr_plain_commit,
    .flush = tsr_plain_flush,
    .cbytes = tsr_plain_cbytes,
};
