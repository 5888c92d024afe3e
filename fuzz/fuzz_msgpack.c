/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_msgpack.c - MessagePack: what parses is emitted, parses again, and is then the same;
 * what becomes JSON parses as JSON. */
#include "base/status.h"
#include "fuzz.h"
#include "text/doc.h"

static void check_json(const struct tsr_node *root)
{
    struct tsr_doc *d;
    struct tsr_node again;
    struct tsr_buf json = {0};
    check(tsr_doc_new(&d) == TSR_OK);
    if (tsr_json_emit(&json, root) == TSR_OK)
        check(tsr_json_parse(d, (char *)json.p, json.len, &again) == TSR_OK);
    tsr_buf_free(&json);
    tsr_doc_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsr_doc *d;
    struct tsr_node root, again;
    struct tsr_buf once = {0}, twice = {0};
    check(tsr_doc_new(&d) == TSR_OK);
    if (tsr_msgpack_parse(d, data, size, &root) == TSR_OK) {
        check(tsr_msgpack_emit(&once, &root) == TSR_OK);
        check(tsr_msgpack_parse(d, once.p, once.len, &again) == TSR_OK);
        check(tsr_msgpack_emit(&twice, &again) == TSR_OK);
        check(once.len == twice.len && !memcmp(once.p, twice.p, once.len));
        check_json(&root);
    }
    tsr_buf_free(&once);
    tsr_buf_free(&twice);
    tsr_doc_free(d);
    return 0;
}
