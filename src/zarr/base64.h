/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/base64.h - the standard alphabet of RFC 4648 section 4, with padding, strictly. */
#ifndef TSR_ZARR_BASE64_H
#define TSR_ZARR_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that so much text can stand for, at most, and the text for so many bytes, without NUL. */
size_t tsr_base64_room(size_t text_len);
size_t tsr_base64_text(size_t len);

/* dst has the room; *n is how many.  False: other characters, wrong padding, bits that are not 0
 * behind the last byte. */
bool tsr_base64_decode(const char *text, size_t len, uint8_t *dst, size_t *n);
void tsr_base64_encode(const uint8_t *src, size_t len, char *dst);

#endif
