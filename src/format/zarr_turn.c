/* SPDX-License-Identifier: BSD-3-Clause */
/* format/zarr_turn.c - big-endian items in an array of format 3.
 *
 * Data types of format 3 have no byte order: the codec "bytes" has one.  An array that is created
 * with a big-endian dtype gets items of that dtype from its creator and gives such back, as long as
 * the handle is open, while its document has the order in the codec:
 *
 *   caller '>i4'  <->  turned here  <->  codecs: items in the machine's order  <->  "endian": "big"
 *
 * Opened again it is an array of the same values, of dtype '<i4'. */
#include "base/mem.h"
#include "format/zarr.h"
#include "kernel/kernel.h"

/* n neighbouring numbers of `size` bytes in an item. */
struct turn {
    int64_t offset, n, size;
};

struct tsr_zturn {
    size_t item; /* bytes of one */
    char *dtype;
    uint8_t *fill; /* one item */
    int n;
    struct turn turn[]; /* [n] */
};

bool tsr_zarr_has_big(const struct tsr_dtype *t)
{
    bool big = t->order == '>';
    for (int i = 0; i < t->nfields; i++) big |= tsr_zarr_has_big(t->fields[i].dtype);
    return big;
}

static size_t count(const struct tsr_dtype *t)
{
    size_t n = t->nfields ? 0 : 1;
    for (int i = 0; i < t->nfields; i++) n += count(t->fields[i].dtype);
    return n;
}

/* Text has four bytes a letter, complex numbers are two.  Format 3 has no subarrays. */
static void add(struct tsr_zturn *z, const struct tsr_dtype *t, int64_t off)
{
    for (int i = 0; i < t->nfields; i++) add(z, t->fields[i].dtype, off + t->fields[i].offset);
    if (t->nfields || t->order != '>') return;
    int64_t size = t->kind == 'U' ? 4 : t->kind == 'c' ? t->item_bytes / 2 : t->item_bytes;
    z->turn[z->n++] = (struct turn){off, t->item_bytes / size, size};
}

int tsr_zturn_new(const struct tsr_dtype *t, struct tsr_zturn **out)
{
    struct tsr_buf text = {0};
    struct tsr_zturn *z = tsr_alloc_zero(1, sizeof *z + count(t) * sizeof *z->turn);
    if (!z) return TSR_ENOMEM;
    add(z, t, 0);
    z->item = (size_t)t->item_bytes;
    z->fill = tsr_alloc_zero(1, z->item + 1);
    int rc = z->fill ? tsr_dtype_emit(&text, t) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_buf_add(&text, "", 1);
    z->dtype = (char *)text.p;
    *out = z;
    return rc;
}

void tsr_zturn_free(struct tsr_zturn *z)
{
    if (!z) return;
    tsr_free(z->dtype);
    tsr_free(z->fill);
    tsr_free(z);
}

void tsr_zturn_items(const struct tsr_zturn *z, uint8_t *p, size_t len)
{
    const struct turn *t = z->turn;
    if (z->n == 1 && (size_t)(t->n * t->size) == z->item) {
        tsr_kernels()->swap(p, p, (size_t)t->size, len / (size_t)t->size);
        return;
    }
    for (size_t i = 0; i + z->item <= len && z->item; i += z->item)
        for (int k = 0; k < z->n; k++) {
            uint8_t *at = p + i + t[k].offset;
            tsr_kernels()->swap(at, at, (size_t)t[k].size, (size_t)t[k].n);
        }
}

const uint8_t *tsr_zturn_fill(struct tsr_zturn *z, const uint8_t *item)
{
    memcpy(z->fill, item, z->item);
    tsr_zturn_items(z, z->fill, z->item);
    return z->fill;
}

const char *tsr_zturn_dtype(const struct tsr_zturn *z)
{
    return z->dtype;
}
