/* SPDX-License-Identifier: BSD-3-Clause */
/* text/isotime.h - NumPy's datetime64 as ISO 8601 text and back. */
#ifndef TSR_TEXT_ISOTIME_H
#define TSR_TEXT_ISOTIME_H

#include <stdbool.h>
#include <stdint.h>

enum { TSR_ISOTIME_MAX = 64 };
#define TSR_NAT INT64_MIN /* not a time */

/* v counts units ("ns", "25s", ...) since 1970.  Text such as 2026-11-20T20:22:05.000000001;
 * a plain integer for no unit and beyond some 10^15 years. */
void tsr_isotime_emit(int64_t v, const char *unit, char text[TSR_ISOTIME_MAX]);

/* Date, or date and time, as a count of units; false when it is neither or does not fit.  What
 * is finer than the unit is cut off. */
bool tsr_isotime_parse(const char *text, const char *unit, int64_t *out);

#endif
