/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_encode.c - from a block of floats to a ZFP stream: zfp_decode.c backwards.
 *
 * Cells over the block's edge are filled up first.  The bits are libzfp's for all that it can
 * encode; numbers so small that it loses them, its factor for them being infinite, are kept. */
#include <string.h>

#include "base/status.h"
#include "codec/zfp.h"
#include "codec/zfp_cell.h"
#include "codec/zfp_planes.h"
#include "kernel/kernel.h"

static void get_cells(struct tsr_zfp_batch *b, struct tsr_zfp_place *p, const uint8_t *src)
{
    bool f4 = p->z->item_bytes == 4;
    switch (p->z->ndim * 2 + f4) {
    case 2: get_cells_f8(b, p, 1, src); break;
    case 3: get_cells_f4(b, p, 1, src); break;
    case 4: get_cells_f8(b, p, 2, src); break;
    case 5: get_cells_f4(b, p, 2, src); break;
    case 6: get_cells_f8(b, p, 3, src); break;
    case 7: get_cells_f4(b, p, 3, src); break;
    case 8: get_cells_f8(b, p, 4, src); break;
    default: get_cells_f4(b, p, 4, src);
    }
}

static bool write_batch(const struct tsr_zfp_batch *b, const struct tsr_zfp *z,
                        struct tsr_zfp_sink *sink)
{
    size_t items = tsr_zfp_batch_items(b, z), item = (size_t)z->item_bytes;
    size_t used = b->n << 2 * z->ndim;
    memset(b->numbers + used * item, 0, (items - used) * item);
    tsr_kernels()->bitshuffle(b->rows, b->numbers, item, items);
    return tsr_zfp_planes_put(sink, z, b, items / 8);
}

/* Ends the stream with a whole word; its length, 0 when that does not fit. */
static size_t finish(struct tsr_zfp_sink *s)
{
    size_t len = (s->at + (s->have > 0) + TSR_ZFP_WORD - 1) / TSR_ZFP_WORD * TSR_ZFP_WORD;
    memset(s->dst + s->at, 0, TSR_ZFP_WORD);
    s->dst[s->at] = (uint8_t)s->word;
    return len <= s->cap ? len : 0;
}

int tsr_zfp_encode(const struct tsr_zfp *z, struct tsr_worker *w, const uint8_t *src, uint8_t *dst,
                   size_t cap, size_t *out)
{
    size_t batch = tsr_zfp_batch_room(z);
    uint8_t *room = tsr_worker_scratch(w, TSR_SCRATCH_CODEC, batch + cap + TSR_ZFP_SLACK);
    if (!room) return TSR_ENOMEM;
    struct tsr_zfp_sink sink = {.dst = room + batch, .cap = cap};
    struct tsr_zfp_batch b;
    struct tsr_zfp_place p;
    size_t most = tsr_zfp_batch_init(&b, z, room);
    tsr_zfp_place_init(&p, z);
    *out = 0;
    for (uint64_t left = z->cells; left > 0; left -= b.n) {
        b.n = left < most ? (size_t)left : most;
        get_cells(&b, &p, src);
        if (!write_batch(&b, z, &sink)) return TSR_OK;
    }
    *out = finish(&sink);
    memcpy(dst, sink.dst, *out);
    return TSR_OK;
}
