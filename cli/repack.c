/* SPDX-License-Identifier: BSD-3-Clause */
/* repack.c - tessera repack: a file without its holes. */
#include "cli.h"

static int run(struct cli_args *a)
{
    const char *out = cli_value(a, "output");
    bool force = cli_has(a, "force");
    char before[CLI_STORED_TEXT], after[CLI_STORED_TEXT];
    int64_t bytes = cli_stored_bytes(a, a->pos[0]);
    struct cli_progress bar;
    tsr_options o = {.size = sizeof o,
                     .mode = force || !out ? "w" : "x",
                     .context = a->context,
                     .progress = cli_progress_show,
                     .user = &bar};
    if (out) {
        int rc = cli_check_differ(a, a->pos[0], out);
        if (rc) return rc;
        if (!cli_may_write(a, out)) return CLI_FAILED;
    }
    cli_progress_start(&bar);
    int rc = tsr_repack(a->pos[0], out, cli_has(a, "checksum") ? TSR_CHECKSUM : 0, &o);
    cli_progress_end(&bar);
    if (rc < 0) return cli_fail(a, rc);
    const char *to = out ? out : a->pos[0];
    fprintf(stderr, "%s%s -> %s%s\n", a->pos[0], cli_stored_text(bytes, before), to,
            cli_stored_text(cli_stored_bytes(a, to), after));
    return CLI_OK;
}

const struct cli_verb cli_verb_repack = {
    .name = "repack",
    .usage = "FILE",
    .summary = "drop the holes of a Blosc2 file",
    .examples = (const char *const[]){"tessera repack cube.b2nd",
                                      "its place is taken by a copy without holes", NULL},
    .options = (const struct cli_option[]){{"output", 'o', "FILE",
                                            "where the copy goes (default: in place of FILE)"},
                                           {"checksum", 0, NULL,
                                            "add checksums, which tessera verify compares"},
                                           CLI_FORCE,
                                           CLI_END},
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
