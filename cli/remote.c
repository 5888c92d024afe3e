/* SPDX-License-Identifier: BSD-3-Clause */
/* remote.c - the options of every verb about servers, for the context that the verb works with. */
#include <string.h>
#include <strings.h>

#include "cli.h"

static int number(const struct cli_args *a, const char *name, int *out)
{
    const char *text = cli_value(a, name);
    int64_t n = 0;
    if (text && (!cli_parse_int(text, &n) || n < 1 || n > 100000))
        return cli_usage(a, "--%s %s: expected a number from 1 on", name, text);
    *out = (int)n;
    return CLI_OK;
}

/* Asked while the network is waited for. */
static int interrupted(void *user, int64_t done, int64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return cli_interrupted();
}

bool cli_is_remote(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0 ||
           strncasecmp(url, "s3://", 5) == 0;
}

int cli_set_remote(const struct cli_args *a)
{
    tsr_remote_options o = {.size = sizeof o,
                            .endpoint = cli_value(a, "endpoint"),
                            .region = cli_value(a, "region"),
                            .anonymous = cli_has(a, "anonymous"),
                            .progress = interrupted};
    bool any = false;
    int rc = number(a, "timeout", &o.timeout_s);
    if (rc == CLI_OK) rc = number(a, "tries", &o.tries);
    if (rc == CLI_OK) rc = number(a, "connections", &o.connections);
    for (int i = 0; i < a->npos; i++) any = any || cli_is_remote(a->pos[i]);
    if (rc || !any) return rc;
    int status = tsr_context_set_remote(a->context, &o);
    return status < 0 ? cli_fail(a, status) : CLI_OK;
}
