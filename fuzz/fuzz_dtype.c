/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_dtype.c - dtype strings: what parses is emitted, and parses again to the same text;
 * an item of it prints. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "text/dtype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth) abort();
}

static void check_item(const struct tsr_dtype *t)
{
    struct tsr_buf text = {0};
    if (t->item_bytes > 1 << 16) return;
    void *item = calloc(1, (size_t)t->item_bytes);
    require(item && tsr_dtype_to_text(&text, t, item) == TSR_OK && text.len < 1 << 18);
    tsr_buf_free(&text);
    free(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsr_dtype *t, *again;
    struct tsr_buf once = {0}, twice = {0}, descr = {0};
    if (tsr_dtype_parse((const char *)data, size, &t) < 0) return 0;
    require(tsr_dtype_emit(&once, t) == TSR_OK);
    if (once.len <= 64 * 1024) {
        require(tsr_dtype_parse((char *)once.p, once.len, &again) == TSR_OK);
        require(again->item_bytes == t->item_bytes && again->nfields == t->nfields);
        require(tsr_dtype_emit(&twice, again) == TSR_OK);
        require(once.len == twice.len && !memcmp(once.p, twice.p, once.len));
        tsr_dtype_free(again);
    }
    int rc = tsr_dtype_emit_descr(&descr, t);
    require(rc == TSR_OK || rc == TSR_EUNSUPPORTED);
    check_item(t);
    tsr_buf_free(&once);
    tsr_buf_free(&twice);
    tsr_buf_free(&descr);
    tsr_dtype_free(t);
    return 0;
}
