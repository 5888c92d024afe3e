/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/type_impl.h - what the files of data types share: making types in the arena. */
#ifndef TSR_ZARR_TYPE_IMPL_H
#define TSR_ZARR_TYPE_IMPL_H

#include "zarr/type.h"

enum { TSR_ZDEPTH_MAX = 16, TSR_ZFIELDS_MAX = 4096 };
#define TSR_ZITEM_MAX INT64_C(0x4000000) /* bytes of an item: a fill value is one (12.9) */

/* A type and its dtype, of one item of `bytes`; bytes 0: of variable length, without a dtype.
 * NULL: out of memory. */
struct tsr_ztype *tsr_ztype_new(struct tsr_doc *d, enum tsr_ztype_kind kind, char dtype,
                                int64_t bytes);
/* Sets order and what turns with it; big only matters to dtypes of more than one byte. */
void tsr_ztype_set_order(struct tsr_ztype *t, int swap, bool big);
/* A unit and a count of it, such as "25us"; unit is one of those of 4.1 or "generic". */
int tsr_ztype_set_unit(struct tsr_ztype *t, const char *unit, int64_t count);
const char *tsr_zunit_of(const char *text, size_t len); /* NULL: there is no such unit */

/* A record of n fields, whose places are filled one after another by tsr_zrecord_add. */
int tsr_zrecord_new(struct tsr_doc *d, size_t n, struct tsr_ztype **out);
/* The next field; ndim 0: no subarray.  Checks the name and the size. */
int tsr_zrecord_add(struct tsr_doc *d, struct tsr_ztype *t, const char *name,
                    const struct tsr_ztype *type, const int64_t *shape, int ndim);

/* The two formats; depth counts records in records. */
int tsr_ztype_parse_v2(struct tsr_doc *d, const struct tsr_node *n, int depth,
                       const struct tsr_ztype **out);
int tsr_ztype_parse_v3(struct tsr_doc *d, const struct tsr_node *n, int depth,
                       const struct tsr_ztype **out);
int tsr_ztype_emit_v2(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out);
int tsr_ztype_emit_v3(struct tsr_doc *d, const struct tsr_ztype *t, struct tsr_node *out);
/* The float of so many bits that IEEE 754 and NumPy know. */
const struct tsr_zfloat *tsr_zfloat_ieee(int bits);
/* By its name in format 3; NULL. */
const struct tsr_zfloat *tsr_zfloat_find(const char *name);

#endif
