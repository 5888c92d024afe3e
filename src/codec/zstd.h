/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zstd.h - the contexts of libzstd that a worker keeps, for all who use it. */
#ifndef TSR_CODEC_ZSTD_H
#define TSR_CODEC_ZSTD_H

#include "task/pool.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

/* NULL: out of memory, text set.  The compressor is without any parameter or dictionary. */
struct ZSTD_CCtx_s *tsr_zstd_compressor(struct tsr_worker *w);
struct ZSTD_DCtx_s *tsr_zstd_decompressor(struct tsr_worker *w);

#endif
