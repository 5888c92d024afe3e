/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/zarr/load.h - nodes and objects of a store that is a folder. */
#ifndef TSR_TESTS_ZARR_LOAD_H
#define TSR_TESTS_ZARR_LOAD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/status.h"
#include "zarr/meta.h"

/* Appends the object of a key to out; false: there is none. */
static inline bool slurp_key(const char *folder, const char *path, const char *key,
                             struct tsr_buf *out)
{
    char name[8192], part[4096];
    struct stat st;
    size_t n;
    snprintf(name, sizeof name, "%s/%s%s%s", folder, path, *path ? "/" : "", key);
    FILE *f = stat(name, &st) == 0 && S_ISREG(st.st_mode) ? fopen(name, "rb") : NULL;
    if (!f) return false;
    while ((n = fread(part, 1, sizeof part, f)) > 0) tsr_buf_add(out, part, n);
    tsr_buf_add(out, "", 1); /* p is never NULL */
    out->len--;
    fclose(f);
    return true;
}

static inline int load(const char *folder, const char *path, struct tsr_zmeta **m)
{
    struct tsr_buf main = {0}, attrs = {0};
    int which = TSR_ZDOC_V3, rc = TSR_ENOTFOUND;
    while (which < TSR_ZDOC_ATTRS &&
           !slurp_key(folder, path, tsr_zdoc_name((enum tsr_zdoc)which), &main))
        which++;
    bool has = slurp_key(folder, path, ".zattrs", &attrs);
    struct tsr_ztext text = {(char *)main.p, main.len}, more = {(char *)attrs.p, attrs.len};
    if (which < TSR_ZDOC_ATTRS)
        rc = tsr_zmeta_read(path, (enum tsr_zdoc)which, text, has ? &more : NULL, m);
    else tsr_fail(TSR_ENOTFOUND, "%s: no node", path);
    tsr_buf_free(&main);
    tsr_buf_free(&attrs);
    return rc;
}

#endif
