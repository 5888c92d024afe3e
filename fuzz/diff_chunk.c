/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/diff_chunk.c - the chunks of the bytes that the answers differ about. */
#include "chunk/chunk.h"
#include "chunk/layout.h"
#include "diff.h"

static bool test_bytes(const struct bytes *in, const uint8_t *p, size_t len, chunk_test *test)
{
    struct part t = {.p = p, .in = in};
    return tsr_chunk_parse(&t.c, p, len, len, tsr_limit(INT32_MAX)) == TSR_OK && test(&t);
}

bool diff_index_passes(const struct bytes *in, chunk_test *test)
{
    if (in->len < 47) return false;
    uint64_t at = tsr_load_BE64(in->p + 39) + tsr_load_BE32(in->p + 11);
    return at < in->len && test_bytes(in, in->p + at, in->len - at, test);
}

/* Is the fact about a vlmetalayer's value, and does one of the values pass?  A value is found
 * by its C6 and a length that is the chunk's own. */
static bool vlmeta_passes(const struct verdict *v, chunk_test *test)
{
    bool about = v->fact->what == FACT_VLMETA;
    for (size_t at = 0; about && at + 5 + TSR_CHUNK_HEADER <= v->in->len; at++) {
        const uint8_t *p = v->in->p + at;
        size_t len = tsr_load_BE32(p + 1);
        if (*p != 0xC6 || len > v->in->len - at - 5) continue;
        if (tsr_load_LE32(p + 5 + AT_CBYTES) != len) continue;
        if (test_bytes(v->in, p + 5, len, test)) return true;
    }
    return false;
}

bool diff_chunk_passes(const struct verdict *v, chunk_test *test)
{
    tsr_options o = options();
    tsr_schunk *s;
    bool yes = false;
    if (v->in->kind == PEER_CHUNK) return test_bytes(v->in, v->in->p, v->in->len, test);
    if (diff_index_passes(v->in, test) || vlmeta_passes(v, test)) return true;
    if (tsr_schunk_from_frame(v->in->p, v->in->len, TSR_BORROW, &o, &s) < 0) return false;
    int64_t only = v->fact->what == FACT_CHUNK ? v->fact->index : -1;
    for (int64_t i = 0; i < tsr_schunk_nchunks(s) && i < 1000 && !yes; i++) {
        void *p = NULL;
        size_t len = 0;
        if (v->in->kind == PEER_FRAME && i != only) continue;
        if (tsr_schunk_get_chunk(s, i, &p, &len) == TSR_OK) yes = test_bytes(v->in, p, len, test);
        tsr_free(p);
    }
    check_ok(tsr_schunk_close(s));
    return yes;
}
