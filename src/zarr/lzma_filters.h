/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/lzma_filters.h - the filters of liblzma as the configuration of "lzma" lists them. */
#ifndef TSR_ZARR_LZMA_FILTERS_H
#define TSR_ZARR_LZMA_FILTERS_H

#include <lzma.h>
#include <stddef.h>

#include "text/doc.h"

/* A chain of n filters; what chain[i].options points to, if anything, is option[i]. */
struct tsr_lzma_filters {
    int n;
    lzma_filter chain[LZMA_FILTERS_MAX + 1];
    union {
        lzma_options_lzma lzma;
        lzma_options_delta delta;
        lzma_options_bcj bcj;
    } option[LZMA_FILTERS_MAX];
};

/* ECORRUPT names the filter and the member; EUNSUPPORTED: a filter that liblzma lacks. */
int tsr_lzma_filters_parse(struct tsr_lzma_filters *f, const struct tsr_node *list);

/* The same chain with options of its own and dictionaries of at most `reach` bytes. */
void tsr_lzma_filters_copy(struct tsr_lzma_filters *f, const struct tsr_lzma_filters *from,
                           size_t reach);

#endif
