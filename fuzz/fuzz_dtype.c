/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_dtype.c - dtype strings: what parses is emitted, and parses again to the same text;
 * an item of it prints. */
#include "base/status.h"
#include "fuzz.h"
#include "text/dtype.h"

static void check_item(const struct tsr_dtype *t)
{
    struct tsr_buf text = {0};
    if (t->item_bytes > 1 << 16) return;
    void *item = calloc(1, (size_t)t->item_bytes);
    check(item && tsr_dtype_to_text(&text, t, item) == TSR_OK && text.len < 1 << 18);
    tsr_buf_free(&text);
    free(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsr_dtype *t, *again;
    struct tsr_buf once = {0}, twice = {0}, descr = {0};
    if (tsr_dtype_parse((const char *)data, size, &t) < 0) return 0;
    check(tsr_dtype_emit(&once, t) == TSR_OK);
    if (once.len <= 64 * 1024) {
        check(tsr_dtype_parse((char *)once.p, once.len, &again) == TSR_OK);
        check(again->item_bytes == t->item_bytes && again->nfields == t->nfields);
        check(tsr_dtype_emit(&twice, again) == TSR_OK);
        check(once.len == twice.len && !memcmp(once.p, twice.p, once.len));
        tsr_dtype_free(again);
    }
    int rc = tsr_dtype_emit_descr(&descr, t);
    check(rc == TSR_OK || rc == TSR_EUNSUPPORTED);
    check_item(t);
    tsr_buf_free(&once);
    tsr_buf_free(&twice);
    tsr_buf_free(&descr);
    tsr_dtype_free(t);
    return 0;
}
