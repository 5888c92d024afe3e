/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/base64.c - four characters for three bytes, six bits each, the high ones first. */
#include "zarr/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t tsr_base64_room(size_t text_len)
{
    return text_len / 4 * 3;
}

size_t tsr_base64_text(size_t len)
{
    return (len / 3 + (len % 3 != 0)) * 4;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool tsr_base64_decode(const char *text, size_t len, uint8_t *dst, size_t *n)
{
    size_t pad = 0;
    *n = 0;
    if (len % 4) return false;
    while (pad < 2 && pad < len && text[len - 1 - pad] == '=') pad++;
    for (size_t i = 0; i < len; i += 4) {
        size_t chars = i + 4 == len ? 4 - pad : 4;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            int six = k < chars ? value_of(text[i + k]) : 0;
            if (six < 0) return false;
            v = v << 6 | (uint32_t)six;
        }
        if ((chars == 2 && v & 0xFFFF) || (chars == 3 && v & 0xFF)) return false;
        for (size_t k = 0; k + 1 < chars; k++) dst[(*n)++] = (uint8_t)(v >> (16 - 8 * k));
    }
    return true;
}

void tsr_base64_encode(const uint8_t *src, size_t len, char *dst)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)src[i] << 16;
        if (left > 1) v |= (uint32_t)src[i + 1] << 8;
        if (left > 2) v |= src[i + 2];
        *dst++ = alphabet[v >> 18];
        *dst++ = alphabet[v >> 12 & 63];
        *dst++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        *dst++ = left > 2 ? alphabet[v & 63] : '=';
    }
}
