/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel/x86/run_impl.h - is every byte the same?  Four vectors per test, the last four
 * overlapping those before; SHORT is the table for what is shorter. */

KERNEL static bool is_run(const uint8_t *p, size_t len)
{
    if (len < 4 * V) return SHORT.is_run(p, len);
    vec x = splat(*p);
    for (size_t i = 0; i < len; i += 4 * V) {
        const uint8_t *q = p + tsr_minz(i, len - 4 * V);
        if (!all_equal(x, load(q), load(q + V), load(q + 2 * V), load(q + 3 * V))) return false;
    }
    return true;
}
