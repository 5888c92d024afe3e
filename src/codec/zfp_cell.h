/* SPDX-License-Identifier: BSD-3-Clause */
/* codec/zfp_cell.h - cells of floats and of doubles: zfp_cell_impl.h twice, as x_f4 and x_f8. */
#ifndef TSR_CODEC_ZFP_CELL_H
#define TSR_CODEC_ZFP_CELL_H

#include <string.h>

#include "codec/zfp_block.h"

#define INLINE static inline __attribute__((always_inline))

#define UINT uint32_t
#define INT int32_t
#define FLOAT float
#define BIAS 127
#define MANTISSA 23
#define NAME(x) x##_f4
#include "codec/zfp_cell_impl.h"
#undef UINT
#undef INT
#undef FLOAT
#undef BIAS
#undef MANTISSA
#undef NAME

#define UINT uint64_t
#define INT int64_t
#define FLOAT double
#define BIAS 1023
#define MANTISSA 52
#define NAME(x) x##_f8
#include "codec/zfp_cell_impl.h"
#undef UINT
#undef INT
#undef FLOAT
#undef BIAS
#undef MANTISSA
#undef NAME
#undef INLINE

#endif
