/* SPDX-License-Identifier: BSD-3-Clause */
/* net/url.h - URLs in parts, percent-encoding, and what of a URL people may see.
 *
 *   https://user:secret@host:8443/folder/x.zarr?signature=secret
 *   scheme  user        host      path          query
 *
 * Texts that are appended to a buffer are not closed by a NUL. */
#ifndef TSR_NET_URL_H
#define TSR_NET_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct tsr_text {
    const char *p;
    size_t len;
};

/* The parts lie in the URL.  path begins with '/' or is empty; query is without its '?'. */
struct tsr_url {
    struct tsr_text scheme, user, host, path, query;
};

/* Splits "scheme://host...".  EARG when there is no scheme or no host, or a NUL or control byte. */
int tsr_url_parse(struct tsr_url *u, const char *url);

/* Appends text so encoded that every byte but the unreserved ones of RFC 3986 (letters, digits,
 * '-', '.', '_', '~') is %XX; slash: '/' stays too. */
int tsr_url_encode(struct tsr_buf *out, const char *text, size_t len, bool slash);
/* Appends text with %XX decoded.  ECORRUPT: a '%' without two hexadecimal digits, or %00. */
int tsr_url_decode(struct tsr_buf *out, const char *text, size_t len);

/* The URL of key below base, closed by a NUL: the parts of key encoded, the query of base at the
 * end, and what may not stand in a URL (blanks, '#', bytes over 127) encoded in base.  key "": base
 * itself.  *out is the caller's to free. */
int tsr_url_join(const char *base, const char *key, char **out);

/* Writes url without its secrets, cut to size bytes with its NUL: user names, passwords and queries
 * are "***".  What is no URL stays as it is. */
void tsr_url_shown(const char *url, char *out, size_t size);

/* Puts "<url without its secrets>: " before the error text, unless it begins so. */
void tsr_url_within(const char *url);

#endif
