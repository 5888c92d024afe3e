/* SPDX-License-Identifier: BSD-3-Clause */
/* zarr/key.c - names of chunks and nodes. */
#include "zarr/key.h"

#include <string.h>

#include "base/num.h"
#include "base/status.h"
#include "zarr/node.h"

int tsr_zkeys_parse(const struct tsr_node *n, struct tsr_zkeys *out)
{
    struct tsr_zext e;
    int rc = tsr_znode_ext(n, &e);
    if (rc < 0) return rc;
    out->prefix = strcmp(e.name, "default") == 0;
    if (!out->prefix && strcmp(e.name, "v2") != 0)
        return tsr_fail(TSR_EUNSUPPORTED, "name: found \"%.60s\", expected default or v2", e.name);
    const struct tsr_node *sep = tsr_znode_get(e.config, "separator");
    if (!sep) sep = tsr_znode_get(n, "separator"); /* where an older text had it */
    out->separator = out->prefix ? '/' : '.';
    if (!sep) return TSR_OK;
    if (!tsr_znode_is(sep, "/") && !tsr_znode_is(sep, ".")) {
        rc = tsr_znode_wrong(TSR_ECORRUPT, sep, "\"/\" or \".\"");
        tsr_within("separator");
        return rc;
    }
    out->separator = *sep->s.p;
    return TSR_OK;
}

static char *put_number(char *to, int64_t v)
{
    char digits[20];
    int n = 0;
    do digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n > 0) *to++ = digits[--n];
    return to;
}

int tsr_zkey_make(const struct tsr_zkeys *k, int ndim, const int64_t *index, char key[TSR_ZKEY_MAX])
{
    char *to = key;
    if (k->prefix) *to++ = 'c';
    for (int d = 0; d < ndim; d++) {
        if (to > key) *to++ = k->separator;
        to = put_number(to, index[d]);
    }
    if (to == key) *to++ = '0';
    *to = 0;
    return (int)(to - key);
}

/* A number as put_number writes it. */
static bool take_number(const char **p, int64_t *v)
{
    const char *from = *p;
    for (*v = 0; **p >= '0' && **p <= '9'; (*p)++)
        if (!tsr_mul(*v, 10, v) || !tsr_add(*v, (int64_t)(**p - '0'), v)) return false;
    return *p > from && (*from != '0' || *p - from == 1);
}

bool tsr_zkey_parse(const struct tsr_zkeys *k, int ndim, const char *key, int64_t *index)
{
    const char *p = key;
    if (k->prefix && *p++ != 'c') return false;
    if (ndim == 0) return strcmp(p, k->prefix ? "" : "0") == 0;
    for (int d = 0; d < ndim; d++) {
        if ((d || k->prefix) && *p++ != k->separator) return false;
        if (!take_number(&p, index + d)) return false;
    }
    return !*p;
}

bool tsr_zkey_leads(const struct tsr_zkeys *k, const char *start)
{
    return k->separator == '/' && strspn(start, "c/0123456789") == strlen(start);
}

bool tsr_zkey_likely(const char *key)
{
    if (*key == 'c' && (!key[1] || strchr("/.", key[1]))) key++;
    return strspn(key, "/.0123456789") == strlen(key);
}

int tsr_zname_check(int format, const char *name)
{
    static const char *const taken[] = {".zarray", ".zgroup", ".zattrs", ".zmetadata"};
    bool wrong = !*name || strpbrk(name, "/\\") || strspn(name, ".") == strlen(name);
    if (format == 3) wrong = wrong || !strncmp(name, "__", 2) || !strcmp(name, "zarr.json");
    for (int i = 0; format == 2 && i < 4; i++) wrong = wrong || !strcmp(name, taken[i]);
    if (!tsr_utf8_valid(name, strlen(name))) wrong = true;
    if (!wrong) return TSR_OK;
    return tsr_fail(TSR_EARG, "'%.80s' cannot be the name of a node of Zarr format %d", name,
                    format);
}
