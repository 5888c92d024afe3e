/* SPDX-License-Identifier: BSD-3-Clause */
/* array/heap.h - the bytes of items of variable length that a read found.
 *
 * In the engine such an item is a struct tsr_item, and moves like any other of 16 bytes.  A decoded
 * block's items point into memory of the worker: those that are wanted are copied to the heap of
 * the selection, a piece of it for each block, before they are scattered.  How much that is nobody
 * knows before, so it is taken as it is found. */
#ifndef TSR_ARRAY_HEAP_H
#define TSR_ARRAY_HEAP_H

#include "array/array.h"
#include "sys/guard.h"

struct tsr_heap {
    struct tsr_mutex mutex;
    struct heap_piece *last; /* each knows the one before */
};

void tsr_heap_init(struct tsr_heap *h);
void tsr_heap_done(struct tsr_heap *h);

/* Copies what sel wants of a decoded block to its heap; the items in the block point there then. */
int tsr_heap_keep(const struct tsr_array *a, const struct tsr_selection *sel,
                  const struct overlap *o, uint8_t *block);

/* Fails: items of a are of variable length; `what` is "read" or "write". */
int tsr_heap_wanted(const struct tsr_array *a, const char *what);

/* Items of either kind to and from memory in C order, which has room for len bytes of them; those
 * of variable length are in h until it is done. */
int tsr_items_get(const tsr_array *a, const tsr_slice *at, struct tsr_heap *h, void *buf,
                  size_t len);
int tsr_items_get_axes(const tsr_array *a, const tsr_axis *axes, struct tsr_heap *h, void *buf);
int tsr_items_put(tsr_array *a, const tsr_slice *at, struct tsr_heap *h, const void *buf,
                  size_t len);

#endif
