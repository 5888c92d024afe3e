/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/peer_blosc2.c - what c-blosc2 says of the bytes that fuzz_diff has put into the memory at
 * descriptor 3.  A program of its own, without sanitizers: the peer is as its users have it. */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <b2nd.h>

#include "peer.h"

/* A copy of exactly these bytes.  Frames own theirs; whether also when they are refused is not
 * said, so it leaks then. */
static uint8_t *copy_of(const struct exchange *x)
{
    uint8_t *p = malloc(x->len ? x->len : 1);
    if (p) memcpy(p, x->bytes, x->len);
    return p;
}

static void ask_chunk(const struct exchange *x, struct facts *f)
{
    int32_t nbytes = 0, cbytes = 0, blocksize = 0;
    uint8_t *p = copy_of(x);
    int rc = -1;
    if (x->len >= 16) rc = blosc2_cbuffer_sizes(p, &nbytes, &cbytes, &blocksize);
    if (rc >= 0 && (nbytes < 0 || nbytes > PEER_DECODED || cbytes > (int32_t)x->len)) rc = -1;
    if (rc < 0) nbytes = 0;
    uint8_t *dst = calloc(1, (size_t)nbytes + 1);
    blosc2_context *c = blosc2_create_dctx(BLOSC2_DPARAMS_DEFAULTS);
    if (rc >= 0) rc = blosc2_decompress_ctx(c, p, (int32_t)x->len, dst, nbytes);
    if (rc >= 0 && rc != nbytes) rc = -1;
    struct fact *v = add_fact(f, FACT_CHUNK, 0, rc);
    v->n = nbytes;
    v->digest = digest(DIGEST_START, dst, (size_t)nbytes);
    blosc2_free_ctx(c);
    free(dst);
    free(p);
}

static void ask_metas(blosc2_schunk *s, struct facts *f)
{
    for (int i = 0; i < s->nmetalayers; i++) {
        const blosc2_metalayer *m = s->metalayers[i];
        struct fact *v = add_fact(f, FACT_META, i, 0);
        v->n = m->content_len;
        v->digest = digest(digest(DIGEST_START, m->name, strlen(m->name)), m->content,
                           (size_t)m->content_len);
    }
    for (int i = 0; i < s->nvlmetalayers; i++) {
        const char *name = s->vlmetalayers[i]->name;
        uint8_t *p = NULL;
        int32_t len = 0;
        int rc = blosc2_vlmeta_get(s, name, &p, &len);
        struct fact *v = add_fact(f, FACT_VLMETA, i, rc);
        if (rc < 0) continue;
        v->n = len;
        v->digest = digest(digest(DIGEST_START, name, strlen(name)), p, (size_t)len);
        free(p);
    }
}

static void ask_frame(const struct exchange *x, struct facts *f)
{
    blosc2_schunk *s = blosc2_schunk_from_buffer(copy_of(x), x->len, false);
    struct fact *v = add_fact(f, FACT_FRAME, 0, s ? 0 : -1);
    if (!s) return;
    v->n = s->nbytes;
    v->digest = digest_number(digest_number(DIGEST_START, s->nchunks), s->typesize);
    ask_metas(s, f);
    uint8_t *dst = calloc(1, PEER_DECODED);
    for (int64_t i = 0; i < s->nchunks && i < 100; i++) {
        int rc = blosc2_schunk_decompress_chunk(s, i, dst, PEER_DECODED);
        v = add_fact(f, FACT_CHUNK, (int)i, rc);
        if (rc < 0) continue;
        v->n = rc;
        v->digest = digest(DIGEST_START, dst, (size_t)rc);
    }
    free(dst);
    blosc2_schunk_free(s);
}

static void read_array(const b2nd_array_t *a, struct facts *f)
{
    int64_t bytes = a->sc->typesize;
    bool empty = false;
    for (int d = 0; d < a->ndim; d++) empty |= a->shape[d] == 0;
    for (int d = 0; d < a->ndim && !empty; d++)
        if (__builtin_mul_overflow(bytes, a->shape[d], &bytes) || bytes > PEER_DECODED) return;
    if (empty) bytes = 0;
    uint8_t *dst = calloc(1, (size_t)bytes + 1);
    int rc = bytes ? b2nd_to_cbuffer(a, dst, bytes) : 0;
    struct fact *v = add_fact(f, FACT_DATA, 0, rc);
    v->n = bytes;
    v->digest = digest(DIGEST_START, dst, (size_t)bytes);
    free(dst);
}

static void ask_array(const struct exchange *x, struct facts *f)
{
    b2nd_array_t *a = NULL;
    int rc = b2nd_from_cframe(copy_of(x), x->len, false, &a);
    struct fact *v = add_fact(f, FACT_ARRAY, 0, rc < 0 || !a ? -1 : 0);
    if (rc >= 0 && a) {
        v->n = a->ndim;
        v->digest = digest_number(DIGEST_START, a->sc->typesize);
        for (int d = 0; d < a->ndim; d++) v->digest = digest_number(v->digest, a->shape[d]);
        read_array(a, f);
        b2nd_free(a);
    }
}

static void answer(struct exchange *x)
{
    x->facts.n = 0;
    alarm(2);
    if (x->kind == PEER_CHUNK) ask_chunk(x, &x->facts);
    else if (x->kind == PEER_FRAME) ask_frame(x, &x->facts);
    else ask_array(x, &x->facts);
    alarm(0);
}

int main(void)
{
    char go;
    struct exchange *x =
        mmap(NULL, sizeof *x, PROT_READ | PROT_WRITE, MAP_SHARED, PEER_SHARED_FD, 0);
    if (x == MAP_FAILED) return 1;
    setrlimit(RLIMIT_AS, &(struct rlimit){3u << 30, 3u << 30});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    blosc2_init();
    while (read(0, &go, 1) == 1) {
        answer(x);
        if (write(1, &go, 1) != 1) return 1;
    }
    return 0;
}
