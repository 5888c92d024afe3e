/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/digest.c - everything a file says, in 16 digits; peer.py makes the same ones.
 *
 *   array        "shape 20 25\n", the items in C order, metalayers
 *   super-chunk  "chunks 3\n", for each "chunk 1024\n" and its bytes, metalayers
 *   metalayers   "meta m0 24\n" and its bytes, by name; then "vlmeta ..." the same way
 *
 * The first 8 bytes of the SHA-256 of that. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "life.h"

struct text {
    EVP_MD_CTX *md;
    int rc;
};

static void add(struct text *t, const void *p, size_t n)
{
    if (EVP_DigestUpdate(t->md, p, n) != 1) abort();
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int meta_get(const struct life *l, tsr_meta_kind kind, const char *name, void **p,
                    size_t *len)
{
    return l->a ? tsr_array_meta_get(l->a, kind, name, p, len)
                : tsr_schunk_meta_get(l->s, kind, name, p, len);
}

static void add_metas(struct text *t, const struct life *l, tsr_meta_kind kind)
{
    const char *names[64];
    int n = l->a ? tsr_array_meta_count(l->a, kind) : tsr_schunk_meta_count(l->s, kind);
    if (n > 64) abort();
    for (int i = 0; i < n; i++)
        names[i] = l->a ? tsr_array_meta_name(l->a, kind, i) : tsr_schunk_meta_name(l->s, kind, i);
    if (n > 0) qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n && t->rc == TSR_OK; i++) {
        char head[64];
        void *p;
        size_t len;
        if (!strcmp(names[i], "b2nd")) continue;
        if ((t->rc = meta_get(l, kind, names[i], &p, &len)) < 0) return;
        snprintf(head, sizeof head, "%s %s %zu\n", kind == TSR_META ? "meta" : "vlmeta", names[i],
                 len);
        add(t, head, strlen(head));
        add(t, p, len);
        tsr_free(p);
    }
}

static void add_array(struct text *t, const struct life *l)
{
    char head[64];
    const int64_t *s = tsr_array_spec(l->a)->shape;
    size_t len = (size_t)(s[0] * s[1]) * 4;
    void *p = malloc(len + 1);
    if (!p) abort();
    snprintf(head, sizeof head, "shape %lld %lld\n", (long long)s[0], (long long)s[1]);
    add(t, head, strlen(head));
    t->rc = tsr_array_read(l->a, NULL, p, len);
    if (t->rc == TSR_OK) add(t, p, len);
    free(p);
}

static void add_chunk(struct text *t, const struct life *l, int64_t i)
{
    int64_t bytes;
    char head[64];
    if ((t->rc = tsr_schunk_chunk_bytes(l->s, i, &bytes)) < 0) return;
    void *p = malloc((size_t)bytes + 1);
    if (!p) abort();
    snprintf(head, sizeof head, "chunk %lld\n", (long long)bytes);
    add(t, head, strlen(head));
    t->rc = tsr_schunk_read_chunk(l->s, i, p, (size_t)bytes);
    if (t->rc == TSR_OK) add(t, p, (size_t)bytes);
    free(p);
}

static void add_schunk(struct text *t, const struct life *l)
{
    char head[64];
    int64_t n = tsr_schunk_nchunks(l->s);
    snprintf(head, sizeof head, "chunks %lld\n", (long long)n);
    add(t, head, strlen(head));
    for (int64_t i = 0; i < n && t->rc == TSR_OK; i++) add_chunk(t, l, i);
}

static void finish(struct text *t, char out[DIGEST])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    if (EVP_DigestFinal_ex(t->md, sum, NULL) != 1) abort();
    for (int i = 0; i < 8; i++) snprintf(out + 2 * i, 3, "%02x", sum[i]);
    if (t->rc < 0) snprintf(out, DIGEST, "broken");
}

static void read_all(struct text *t, struct life *r, const char *path,
                     void (*damage)(const char *path))
{
    tsr_options o = {.size = sizeof o, .context = r->opts.context};
    t->rc = r->kind->array ? tsr_array_open(path, &o, &r->a) : tsr_schunk_open(path, &o, &r->s);
    if (t->rc < 0) return;
    if (damage) damage(path);
    if (r->a) add_array(t, r);
    else add_schunk(t, r);
    if (t->rc == TSR_OK) add_metas(t, r, TSR_META);
    if (t->rc == TSR_OK) add_metas(t, r, TSR_VLMETA);
    life_drop(r);
}

void life_digest(const struct life *l, const char *path, void (*damage)(const char *path),
                 char out[DIGEST])
{
    struct life r = {.kind = l->kind, .opts = l->opts};
    struct stat s;
    struct text t = {.md = EVP_MD_CTX_new()};
    tsr_options o = {.size = sizeof o, .context = l->opts.context};
    int64_t problems = 0;
    snprintf(out, DIGEST, "absent");
    if (stat(path, &s) < 0) goto done;
    if (!t.md || EVP_DigestInit_ex(t.md, EVP_sha256(), NULL) != 1) abort();
    read_all(&t, &r, path, damage);
    finish(&t, out);
    if (damage || t.rc < 0) goto done;
    if (tsr_verify(path, &o, NULL, NULL, &problems) < 0 || problems)
        snprintf(out, DIGEST, "unsound");
done:
    EVP_MD_CTX_free(t.md);
}
