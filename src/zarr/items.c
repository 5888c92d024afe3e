/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/items.c - checks of items in memory. */
#include "zarr/items.h"

#include "base/num.h"
#include "base/status.h"

static int check_bools(const uint8_t *p, size_t n, size_t step)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) any |= p[i * step];
    for (size_t i = 0; any > 1 && i < n; i++)
        if (p[i * step] > 1)
            return tsr_fail(TSR_ECORRUPT, "item %zu: found bool %d, expected 0 or 1", i,
                            p[i * step]);
    return TSR_OK;
}

static bool is_code_point(uint32_t v)
{
    return v < 0xD800 || (v > 0xDFFF && v <= 0x10FFFF);
}

static int check_text(const struct tsr_ztype *t, const uint8_t *p, size_t n, size_t step)
{
    int64_t chars = t->dtype->item_bytes / 4;
    for (size_t i = 0; i < n; i++)
        for (int64_t k = 0; k < chars; k++) {
            const uint8_t *at = p + i * step + 4 * k;
            uint32_t v = t->big ? tsr_load_BE32(at) : tsr_load_LE32(at);
            if (!is_code_point(v))
                return tsr_fail(TSR_ECORRUPT, "item %zu: found U+%04X, which is no code point", i,
                                v);
        }
    return TSR_OK;
}

/* n items of type t, `step` bytes apart. */
static int check(const struct tsr_ztype *t, const uint8_t *p, size_t n, size_t step)
{
    if (t->kind == TSR_ZBOOL) return check_bools(p, n, step);
    if (t->kind == TSR_ZTEXT) return check_text(t, p, n, step);
    int rc = TSR_OK;
    for (int i = 0; t->kind == TSR_ZRECORD && i < t->dtype->nfields && rc == TSR_OK; i++)
        if (t->dtype->fields[i].ndim == 0)
            rc = check(t->field[i], p + t->dtype->fields[i].offset, n, step);
    return rc;
}

int tsr_zitems_check(const struct tsr_ztype *t, const uint8_t *items, size_t len)
{
    if (!t->dtype || t->dtype->item_bytes == 0) return TSR_OK;
    size_t size = (size_t)t->dtype->item_bytes;
    return check(t, items, len / size, size);
}

bool tsr_zitems_free(const struct tsr_ztype *t)
{
    if (t->kind == TSR_ZBOOL || t->kind == TSR_ZTEXT) return false;
    if (t->kind == TSR_ZINT || t->kind == TSR_ZUINT) return t->bits >= 8;
    for (int i = 0; t->kind == TSR_ZRECORD && i < t->dtype->nfields; i++)
        if (!tsr_zitems_free(t->field[i])) return false;
    return true;
}

void tsr_zitems_extend(const struct tsr_ztype *t, uint8_t *items, size_t len)
{
    bool sign = t->kind == TSR_ZINT;
    if ((!sign && t->kind != TSR_ZUINT) || t->bits >= 8) return;
    uint8_t mask = (uint8_t)((1 << t->bits) - 1), top = (uint8_t)(sign ? 1 << (t->bits - 1) : 0);
    for (size_t i = 0; i < len; i++) items[i] = (uint8_t)(((items[i] & mask) ^ top) - top);
}

int tsr_zwalk_next(struct tsr_zwalk *w, const uint8_t **item, uint32_t *len)
{
    size_t left = w->len - w->at;
    if (left < 4)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found %zu bytes, expected the length of an item",
                        w->at, left);
    *len = tsr_load_LE32(w->p + w->at);
    if (*len > left - 4)
        return tsr_fail(TSR_ECORRUPT, "byte %zu: found an item of %u bytes, but %zu are left",
                        w->at, *len, left - 4);
    *item = w->p + w->at + 4;
    w->at += 4 + *len;
    return TSR_OK;
}
