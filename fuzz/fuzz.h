/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz.h - what the targets share: a check that ends the run, one worker and one context
 * without threads, and choices taken from the input. */
#ifndef TSR_FUZZ_FUZZ_H
#define TSR_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tessera/tessera.h>

#include "base/num.h"
#include "task/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(truth) check_at((truth), #truth, __FILE__, __LINE__)
static inline void check_at(bool ok, const char *what, const char *file, int line)
{
    if (ok) return;
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    abort();
}

/* The same for a call: its text goes to the log. */
static inline void check_ok(int rc)
{
    if (rc == TSR_OK) return;
    fprintf(stderr, "status %d: %s\n", rc, tsr_error());
    abort();
}

static inline void *need(void *p)
{
    check(p != NULL);
    return p;
}

static inline struct tsr_worker *worker(void)
{
    static struct tsr_pool *pool;
    static struct tsr_worker *w;
    if (!pool) check_ok(tsr_pool_new(1, &pool));
    if (!w) w = need(tsr_pool_borrow(pool));
    return w;
}

static inline tsr_options options(void)
{
    static tsr_context *c;
    tsr_context_options one = {.size = sizeof one, .threads = 1};
    if (!c) check_ok(tsr_context_new(&one, &c));
    return (tsr_options){.size = sizeof(tsr_options), .context = c, .max_chunk_bytes = 1 << 20};
}

/* What is left of the input; all zeros follow it. */
struct input {
    const uint8_t *p;
    size_t left;
};

/* A number below n from one byte, or from four where n is larger. */
static inline uint32_t pick(struct input *in, uint32_t n)
{
    uint8_t b[4] = {0};
    size_t len = n > 256 ? 4 : 1;
    if (len > in->left) len = in->left;
    if (len) memcpy(b, in->p, len);
    in->p += len;
    in->left -= len;
    return tsr_load_LE32(b) % n;
}

/* Do the steps, which a mutated header may name, change items? */
static inline bool is_lossy(const tsr_step *steps, int n)
{
    tsr_codec_info info = {.size = sizeof info};
    for (int k = 0; k < n; k++)
        for (int i = 0; tsr_codec_at(i, &info) == TSR_OK; i++)
            if (info.lossy && strcmp(info.name, steps[k].name) == 0) return true;
    return false;
}

#endif
