/* SPDX-License-Identifier: BSD-3-Clause */
/* codecs.c - tessera codecs: the table of codecs and filters. */
#include <json-c/json.h>

#include "cli.h"

static int run(struct cli_args *a)
{
    tsr_codec_info c = {.size = sizeof c};
    struct json_object *list = json_object_new_array();
    bool as_json = cli_has(a, "json");
    if (!as_json) printf("%-15s %-7s %4s  %s\n", "name", "kind", "id", "about");
    for (int i = 0; tsr_codec_at(i, &c) == TSR_OK; i++) {
        const char *kind = c.filter ? "filter" : "codec";
        if (!as_json) printf("%-15s %-7s %4d  %s\n", c.name, kind, c.blosc2_id, c.about);
        struct json_object *o = json_object_new_object();
        cli_json_add(o, "name", json_object_new_string(c.name));
        cli_json_add(o, "kind", json_object_new_string(kind));
        cli_json_add(o, "blosc2_id", c.blosc2_id < 0 ? NULL : json_object_new_int(c.blosc2_id));
        cli_json_add(o, "params", json_object_new_int(c.params));
        cli_json_add(o, "lossy", json_object_new_boolean(c.lossy));
        cli_json_add(o, "shape", json_object_new_boolean(c.shape));
        cli_json_add(o, "about", json_object_new_string(c.about));
        json_object_array_add(list, o);
    }
    if (as_json) cli_json_print(list);
    else json_object_put(list);
    return CLI_OK;
}

const struct cli_verb cli_verb_codecs = {
    .name = "codecs",
    .usage = "",
    .summary = "list codecs and filters",
    .examples = (const char *const[]){"tessera codecs", "names for --codec and --filter", NULL},
    .options = (const struct cli_option[]){CLI_JSON, CLI_END},
    .run = run,
};
