/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_decode.c - from a ZFP stream to a block of floats (blosc2.md appendix C).
 *
 * Cells go in batches: the bits of all planes of a batch are laid out as rows, one per plane, which
 * the kernels of bitshuffle turn into one number per value.  Those of a cell are negabinary, sorted
 * by the degree of the coefficient; the inverse transform and the exponent make floats of them.
 * Cells over the block's edge deliver what lies in the block. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "codec/zfp.h"
#include "codec/zfp_cell.h"
#include "codec/zfp_planes.h"
#include "kernel/kernel.h"

static void put_cells(const struct tsr_zfp_batch *b, struct tsr_zfp_place *p, uint8_t *dst)
{
    bool f4 = p->z->item_bytes == 4;
    switch (p->z->ndim * 2 + f4) {
    case 2: put_cells_f8(b, p, 1, dst); break;
    case 3: put_cells_f4(b, p, 1, dst); break;
    case 4: put_cells_f8(b, p, 2, dst); break;
    case 5: put_cells_f4(b, p, 2, dst); break;
    case 6: put_cells_f8(b, p, 3, dst); break;
    case 7: put_cells_f4(b, p, 3, dst); break;
    case 8: put_cells_f8(b, p, 4, dst); break;
    default: put_cells_f4(b, p, 4, dst);
    }
}

static void read_batch(struct tsr_zfp_batch *b, const struct tsr_zfp *z, struct tsr_zfp_bits *bits)
{
    size_t items = tsr_zfp_batch_items(b, z), item = (size_t)z->item_bytes;
    memset(b->rows, 0, items * item);
    tsr_zfp_planes(bits, z, b, items / 8);
    tsr_kernels()->bitunshuffle(b->numbers, b->rows, item, items);
}

static const struct tsr_zfp_steps *steps(struct tsr_worker *w)
{
    struct tsr_zfp_steps *s = tsr_worker_state(w, tsr_zfp_orders, sizeof *s, tsr_free);
    if (s && s->step[0] == 0) tsr_zfp_steps_fill(s);
    return s;
}

int tsr_zfp_decode(const struct tsr_zfp *z, struct tsr_worker *w, const uint8_t *src, size_t len,
                   uint8_t *dst)
{
    struct tsr_zfp_bits bits = {.src = src, .len = len, .steps = steps(w)};
    struct tsr_zfp_batch b;
    struct tsr_zfp_place p;
    uint8_t *room = tsr_worker_scratch(w, TSR_SCRATCH_CODEC, tsr_zfp_batch_room(z));
    if (!bits.steps || !room) return TSR_ENOMEM;
    size_t most = tsr_zfp_batch_init(&b, z, room);
    tsr_zfp_place_init(&p, z);
    for (uint64_t left = z->cells; left > 0; left -= b.n) {
        b.n = left < most ? (size_t)left : most;
        read_batch(&b, z, &bits);
        if (tsr_zfp_bits_read(&bits) > (uint64_t)len * 8)
            return tsr_fail(TSR_ECORRUPT, "zfp: found %zu bytes, the stream goes on behind them",
                            len);
        put_cells(&b, &p, dst);
    }
    return TSR_OK;
}
