/* SPDX-License-Identifier: BSD-3-Clause */
/* text/number.h - floating-point numbers as text, whatever the locale of the program. */
#ifndef TSR_TEXT_NUMBER_H
#define TSR_TEXT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

enum { TSR_NUMBER_MAX = 32 };

/* The shortest decimal that reads back as the same value of `bytes` bytes (2, 4, 8), spelled
 * as Python's repr: "1.0", "1e-07", "nan", "-inf". */
void tsr_number_emit(double v, int bytes, char text[TSR_NUMBER_MAX]);

/* All of text as a number: decimal, exponent, nan, inf, infinity; false when it is none. */
bool tsr_number_parse(const char *text, double *out);

/* IEEE binary16 to and from double; to it rounds to nearest even, overflow gives infinity. */
double tsr_half_to_double(unsigned h);
unsigned tsr_double_to_half(double v);

#endif
