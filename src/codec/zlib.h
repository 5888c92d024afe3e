/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zlib.h - the states of libdeflate that a worker keeps, for all who use it. */
#ifndef TSR_CODEC_ZLIB_H
#define TSR_CODEC_ZLIB_H

#include "task/pool.h"

struct libdeflate_compressor;
struct libdeflate_decompressor;

/* NULL: out of memory, text set.  level: 0 .. 12 */
struct libdeflate_compressor *tsr_zlib_compressor(struct tsr_worker *w, int level);
struct libdeflate_decompressor *tsr_zlib_decompressor(struct tsr_worker *w);

#endif
