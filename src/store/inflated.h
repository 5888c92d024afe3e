/* SPDX-License-Identifier: BSD-3-Clause */
/* store/inflated.h - deflated entries of an archive, inflated, for those who read parts of them.
 *
 * A few, and no more than 64 MiB of them while there is more than one.  Any thread may call. */
#ifndef TSR_STORE_INFLATED_H
#define TSR_STORE_INFLATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/guard.h"

enum { TSR_INFLATED = 16, TSR_INFLATED_BYTES = 64 << 20 };

struct tsr_inflated_one {
    uint8_t *p; /* NULL: the slot is free */
    size_t len;
    int64_t number;
    uint64_t used;
    int readers;
};

struct tsr_inflated {
    struct tsr_mutex lock;
    struct tsr_inflated_one slots[TSR_INFLATED];
    uint64_t clock;
    size_t bytes;
};

void tsr_inflated_init(struct tsr_inflated *c);
void tsr_inflated_done(struct tsr_inflated *c);
/* Copies [off, off + len) of entry number, which is that long; false: it is not here. */
bool tsr_inflated_copy(struct tsr_inflated *c, int64_t number, uint64_t off, void *dst, size_t len);
/* Takes p over. */
void tsr_inflated_keep(struct tsr_inflated *c, int64_t number, uint8_t *p, size_t len);

/* Inflates src[len] (RFC 1951) to exactly size bytes with this checksum; what: for messages. */
int tsr_inflate_whole(const char *what, const void *src, size_t len, void *dst, size_t size,
                      uint32_t crc);

#endif
