/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/golden.h - the golden files of the reference implementation, and their manifests.
 *
 * They are found through TESSERA_GOLDEN; tests over them skip when it is not set. */
#ifndef TSR_TESTS_GOLDEN_H
#define TSR_TESTS_GOLDEN_H

#include "scratch.h"

#include <json-c/json.h>
#include <openssl/sha.h>

#define GOLDEN_HEX (2 * SHA256_DIGEST_LENGTH + 1) /* the sum as a string */

/* The folder that holds them, or NULL. */
static inline const char *golden_dir(void)
{
    const char *dir = getenv("TESSERA_GOLDEN");
    return dir && *dir ? dir : NULL;
}

/* Says that they are skipped, when they are. */
static inline void golden_tell(void)
{
    if (!golden_dir()) print_message("TESSERA_GOLDEN is not set: golden files are skipped\n");
}

/* The path of a file; valid until the next call. */
static inline const char *golden_path(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/blosc2/%s", golden_dir(), name);
    return path;
}

static inline struct json_object *golden_manifest(const char *name)
{
    struct json_object *o = json_object_from_file(golden_path(name));
    if (!o) fail_msg("cannot parse %s", golden_path(name));
    return o;
}

static inline struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    json_object_object_get_ex(o, key, &v);
    return v;
}

static inline const char *get_str(struct json_object *o, const char *key)
{
    const char *s = json_object_get_string(get(o, key));
    return s ? s : "";
}

static inline int64_t get_int(struct json_object *o, const char *key)
{
    return json_object_get_int64(get(o, key));
}

static inline int64_t get_at(struct json_object *o, const char *key, size_t i)
{
    return json_object_get_int64(json_object_array_get_idx(get(o, key), i));
}

/* Entry `key` lists the six bytes p. */
static inline void golden_check_six(struct json_object *e, const char *key, const uint8_t *p)
{
    for (size_t i = 0; get(e, key) && i < 6; i++)
        if (get_at(e, key, i) != p[i])
            fail_msg("%s: %s[%zu]: found %d", get_str(e, "file"), key, i, p[i]);
}

static inline void golden_hex(char *hex, const uint8_t *p, size_t len)
{
    hex[0] = 0;
    for (size_t i = 0; i < len; i++) snprintf(hex + 2 * i, 3, "%02x", p[i]);
}

static inline void golden_sha(char hex[GOLDEN_HEX], const void *p, size_t len)
{
    uint8_t sum[SHA256_DIGEST_LENGTH];
    SHA256(p, len, sum);
    golden_hex(hex, sum, sizeof sum);
}

/* The bytes are those that the entry's file decodes to. */
static inline void golden_check(struct json_object *e, const void *p, size_t len)
{
    char hex[GOLDEN_HEX];
    golden_sha(hex, p, len);
    if ((int64_t)len != get_int(e, "decoded_nbytes"))
        fail_msg("%s: %zu bytes", get_str(e, "file"), len);
    if (strcmp(hex, get_str(e, "sha256")) != 0)
        fail_msg("%s: decodes to %s", get_str(e, "file"), hex);
}

#endif
