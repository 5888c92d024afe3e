/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/codecs.c - the table of codecs: adding one is a line here and its file. */
#include <string.h>

#include "zarr/codec.h"

static const struct tsr_zcodec_kind *const kinds[] = {
    NULL,
};

static const char *name_in(const struct tsr_zcodec_kind *k, int format)
{
    return format == 2 ? k->v2 : k->v3;
}

const struct tsr_zcodec_kind *tsr_zcodec_find(const char *name, int format)
{
    static const char foreign[] = "numcodecs.";
    if (format == 3 && strncmp(name, foreign, sizeof foreign - 1) == 0) {
        name += sizeof foreign - 1;
        format = 2;
    }
    for (size_t i = 0; kinds[i]; i++) {
        const char *own = name_in(kinds[i], format);
        if (own && strcmp(own, name) == 0) return kinds[i];
    }
    return NULL;
}
