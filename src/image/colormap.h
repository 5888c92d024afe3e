/* SPDX-License-Identifier: BSD-3-Clause */
/* image/colormap.h - colours for numbers between 0 and 1. */
#ifndef TSR_IMAGE_COLORMAP_H
#define TSR_IMAGE_COLORMAP_H

#include <stdint.h>

enum { TSR_COLORS = 1024 };

/* The map's colours, rgb[3 * i] at i / (TSR_COLORS - 1).  NULL: "viridis".  EARG names the maps
 * there are. */
int tsr_colormap_fill(const char *name, uint8_t rgb[3 * TSR_COLORS]);

#endif
