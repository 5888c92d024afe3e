/* SPDX-License-Identifier: BSD-3-Clause */
/* format/fill.c - memory that holds nothing but a driver's fill: made, and recognised. */
#include "base/mem.h"
#include "format/format.h"
#include "kernel/kernel.h"

void tsr_driver_fill(const struct tsr_driver *d, uint8_t *dst, size_t len)
{
    size_t n = d->fill ? (size_t)d->fill_bytes : 1;
    if (n == 1) memset(dst, d->fill ? d->fill[0] : 0, len);
    else if (len) memcpy(dst, d->fill, n);
    for (size_t done = n, more; n > 1 && done < len; done += more) {
        more = tsr_minz(done, len - done);
        memcpy(dst + done, dst, more);
    }
}

bool tsr_driver_is_fill(const struct tsr_driver *d, const uint8_t *p, size_t len)
{
    size_t n = d->fill ? (size_t)d->fill_bytes : 1;
    if (n == 1) return p[0] == (d->fill ? d->fill[0] : 0) && tsr_kernels()->is_run(p, len);
    return memcmp(p, d->fill, n) == 0 && memcmp(p, p + n, len - n) == 0;
}
