/* SPDX-License-Identifier: BSD-3-Clause */
/* stored.c - how many bytes what lies at a place takes, for messages.
 *
 * Of a file its size.  Of anything else on this machine (a sparse frame, a node of a hierarchy or
 * of an archive, a group) what its arrays say.  Behind a network it would take a request for each
 * object, and is not asked for. */
#include <sys/stat.h>

#include "cli.h"

struct sum {
    const tsr_group *g;
    const tsr_options *o;
    int64_t bytes;
};

/* Takes a.  A status. */
static int array_bytes(tsr_array *a, int64_t *bytes)
{
    int rc = tsr_array_cbytes(a, bytes);
    tsr_array_drop(a);
    return rc == TSR_OK && *bytes < 0 ? TSR_EUNSUPPORTED : rc;
}

static int add_node(void *user, const tsr_node_info *node)
{
    struct sum *s = user;
    tsr_array *a;
    int64_t bytes = 0;
    if (node->status < 0 || node->kind != TSR_KIND_ARRAY) return node->status;
    int rc = tsr_group_open_array(s->g, node->path, s->o, &a);
    if (rc == TSR_OK) rc = array_bytes(a, &bytes);
    s->bytes += bytes;
    return rc;
}

static int of_group(const char *url, const tsr_options *o, int64_t *bytes)
{
    tsr_group *g;
    int rc = tsr_group_open(url, o, &g);
    if (rc < 0) return rc;
    struct sum s = {g, o, 0};
    rc = tsr_group_list(g, 0, add_node, &s);
    tsr_group_close(g);
    *bytes = s.bytes;
    return rc;
}

static int of_array(const char *url, const tsr_options *o, int64_t *bytes)
{
    tsr_array *a;
    int rc = tsr_array_open(url, o, &a);
    return rc < 0 ? rc : array_bytes(a, bytes);
}

static int of_schunk(const char *url, const tsr_options *o, int64_t *bytes)
{
    tsr_stats st = {.size = sizeof st};
    tsr_schunk *s;
    int rc = tsr_schunk_open(url, o, &s);
    if (rc < 0) return rc;
    rc = tsr_schunk_stats(s, &st);
    tsr_schunk_drop(s);
    *bytes = st.cbytes;
    return rc;
}

int64_t cli_stored_bytes(const struct cli_args *a, const char *url)
{
    tsr_options o = {.size = sizeof o, .mode = "r", .context = a->context};
    tsr_place_info info = {.size = sizeof info};
    struct stat s;
    int64_t bytes = -1;
    if (stat(url, &s) == 0 && S_ISREG(s.st_mode)) return (int64_t)s.st_size;
    int rc = cli_is_remote(url) ? TSR_EUNSUPPORTED : tsr_probe(url, &o, &info);
    if (rc < 0) return -1;
    switch (info.kind) {
    case TSR_KIND_ARRAY: rc = of_array(url, &o, &bytes); break;
    case TSR_KIND_SCHUNK: rc = of_schunk(url, &o, &bytes); break;
    case TSR_KIND_GROUP: rc = of_group(url, &o, &bytes); break;
    default: return -1;
    }
    return rc < 0 ? -1 : bytes;
}

const char *cli_stored_text(int64_t bytes, char text[CLI_STORED_TEXT])
{
    char size[CLI_SIZE_TEXT];
    *text = 0;
    if (bytes >= 0) snprintf(text, CLI_STORED_TEXT, " (%s)", cli_size_text((double)bytes, size));
    return text;
}
