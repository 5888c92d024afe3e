/* SPDX-License-Identifier: BSD-3-Clause */
/* target.c - the file that a verb changes: all of the change lands, or nothing of it. */
#include "cli.h"

tsr_options cli_target_options(const struct cli_args *a)
{
    return (tsr_options){.size = sizeof(tsr_options),
                         .mode = "r+",
                         .format = cli_value(a, "format"),
                         .context = a->context,
                         .locking = cli_has(a, "locking")};
}

int cli_target_close(const struct cli_args *a, tsr_array *array, tsr_schunk *s, int code)
{
    if (code) {
        tsr_array_drop(array);
        tsr_schunk_drop(s);
        return code;
    }
    int rc = array ? tsr_array_close(array) : tsr_schunk_close(s);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}
