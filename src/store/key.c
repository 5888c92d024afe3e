/* SPDX-License-Identifier: BSD-3-Clause */
/* store/key.c - rules for keys. */
#include "store/key.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

static const char *name_fault(const char *name, size_t len)
{
    if (len == 0) return "has an empty name in it";
    if (len > TSR_NAME_BYTES) return "has a name of more than 255 bytes in it";
    if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
        return "has '.' or '..' for a name in it";
    return NULL;
}

const char *tsr_key_fault(const char *key, size_t len)
{
    if (len > TSR_KEY_BYTES) return "is longer than 1024 bytes";
    if (memchr(key, 0, len)) return "has a byte 0 in it";
    for (size_t at = 0; at <= len;) {
        const char *slash = memchr(key + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - key) : len;
        const char *fault = name_fault(key + at, end - at);
        if (fault) return fault;
        at = end + 1;
    }
    return NULL;
}

int tsr_key_check(const char *url, const char *key)
{
    const char *fault = tsr_key_fault(key, strlen(key));
    if (!fault) return TSR_OK;
    return tsr_fail(TSR_EARG, "%s: the key '%.300s' %s", url, key, fault);
}

int tsr_key_normalise(const char *path, char **out)
{
    char *key = tsr_strdup(path);
    size_t n = 0;
    if (!key) return TSR_ENOMEM;
    for (const char *c = path; *c; c++)
        if (*c != '/' || (n && key[n - 1] != '/')) key[n++] = *c;
    if (n && key[n - 1] == '/') n--;
    key[n] = 0;
    const char *fault = n ? tsr_key_fault(key, n) : NULL;
    if (fault) {
        tsr_free(key);
        return tsr_fail(TSR_EARG, "the path '%.300s' %s", path, fault);
    }
    *out = key;
    return TSR_OK;
}

int tsr_key_inner(const char *path, char **out)
{
    char *key;
    int rc = tsr_key_normalise(path ? path : "", &key);
    if (rc < 0) return rc;
    size_t len = strlen(key);
    if (!(*out = tsr_realloc(key, len + 2, 1))) {
        tsr_free(key);
        return TSR_ENOMEM;
    }
    memcpy(*out + len, len ? "/" : "", len ? 2 : 1);
    return TSR_OK;
}

static bool ends_in(const char *name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);
    return n >= m && memcmp(name + n - m, tail, m) == 0;
}

bool tsr_key_is_temporary(const char *name)
{
    return ends_in(name, ".partial") || (name[0] == '.' && ends_in(name, ".tmp"));
}
