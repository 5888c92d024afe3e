/* SPDX-License-Identifier: BSD-3-Clause */
/* hash.c - tessera hash: digests of arrays as sha256sum prints those of files, and their check.
 *
 * A list is lines of "digest  name", by which --check finds the arrays again. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct hashing {
    struct cli_args *args;
    tsr_options o; /* of sources */
    tsr_spec raw;
    int64_t shape[TSR_MAX_NDIM];
    struct json_object *list; /* NULL: without --json */
    int64_t listed, differ, failed, malformed;
    int code; /* of the first failure */
};

static int hash_source(struct hashing *h, struct cli_source *s, char digest[TSR_HASH_TEXT])
{
    struct cli_progress bar;
    tsr_options o = {.size = sizeof o, .progress = cli_progress_show, .user = &bar};
    bool attrs = cli_has(h->args, "attrs");
    int rc;
    if (s->array == NULL && attrs)
        return cli_usage(h->args, "--attrs: a super-chunk has no attributes");
    if (s->array == NULL && s->schunk == NULL)
        return cli_error(h->args, "a bare chunk: convert it first");
    cli_progress_start(&bar);
    rc = s->array ? tsr_hash(s->array, attrs ? TSR_HASH_ATTRS : 0, &o, digest)
                  : tsr_schunk_hash(s->schunk, &o, digest);
    cli_progress_end(&bar);
    return rc < 0 ? cli_fail(h->args, rc) : CLI_OK;
}

/* 0 or an exit code, the message being out. */
static int hash_one(struct hashing *h, const char *url, char digest[TSR_HASH_TEXT])
{
    struct cli_source s;
    int rc = cli_source_open(h->args, url, &h->o, &s);
    if (rc) return rc;
    rc = hash_source(h, &s, digest);
    cli_source_close(&s);
    return rc;
}

static void note(struct hashing *h, int rc)
{
    h->failed++;
    if (!h->code) h->code = rc;
}

static struct json_object *add_entry(struct hashing *h, const char *url, const char *digest)
{
    struct json_object *o = json_object_new_object();
    cli_json_add(o, "url", json_object_new_string(url));
    cli_json_add(o, "hash", digest ? json_object_new_string(digest) : NULL);
    json_object_array_add(h->list, o);
    return o;
}

/* ---- printing ---- */

static int print_hashes(struct hashing *h)
{
    struct cli_args *a = h->args;
    char digest[TSR_HASH_TEXT];
    for (int i = 0; i < a->npos && h->code != 130; i++) {
        int rc = hash_one(h, a->pos[i], digest);
        if (rc) note(h, rc);
        if (h->list) add_entry(h, a->pos[i], rc ? NULL : digest);
        else if (!rc) printf("%s  %s\n", digest, a->pos[i]);
    }
    return h->code;
}

/* ---- checking ---- */

static bool is_digest(const char *text)
{
    return strspn(text, "0123456789abcdef") == TSR_HASH_TEXT - 1;
}

static void check_line(struct hashing *h, char *line)
{
    char digest[TSR_HASH_TEXT];
    size_t len = strcspn(line, "\r\n");
    line[len] = 0;
    if (len == 0 || *line == '#') return;
    if (len < TSR_HASH_TEXT + 2 || !is_digest(line) || strncmp(line + TSR_HASH_TEXT - 1, "  ", 2)) {
        h->malformed++;
        return;
    }
    const char *url = line + TSR_HASH_TEXT + 1, *verdict = "FAILED open or read";
    line[TSR_HASH_TEXT - 1] = 0;
    h->listed++;
    int rc = hash_one(h, url, digest);
    bool same = !rc && !strcmp(digest, line);
    if (rc) note(h, rc);
    else verdict = same ? "OK" : "FAILED";
    h->differ += !rc && !same;
    if (h->list) {
        struct json_object *o = add_entry(h, url, rc ? NULL : digest);
        cli_json_add(o, "expected", json_object_new_string(line));
        cli_json_add(o, "ok", json_object_new_boolean(same));
    } else if (!same || !cli_has(h->args, "quiet")) {
        printf("%s: %s\n", url, verdict);
    }
}

static int check_list(struct hashing *h, const char *path)
{
    FILE *f = strcmp(path, "-") != 0 ? fopen(path, "r") : stdin;
    char *line = NULL;
    size_t cap = 0;
    if (!f) return cli_errno(h->args, path);
    while (h->code != 130 && getline(&line, &cap, f) > 0) check_line(h, line);
    bool bad = ferror(f);
    free(line);
    if (f != stdin) fclose(f);
    return bad ? cli_errno(h->args, path) : CLI_OK;
}

static int check_lists(struct hashing *h)
{
    struct cli_args *a = h->args;
    for (int i = 0; i < a->npos; i++) {
        int64_t before = h->listed;
        int rc = check_list(h, a->pos[i]);
        if (rc) note(h, rc);
        else if (h->listed == before)
            note(h, cli_error(a, "%s: no line of 32 digits, two spaces and a name", a->pos[i]));
    }
    if (h->malformed)
        cli_error(a, "%lld lines are not a digest and a name", (long long)h->malformed);
    if (h->differ) cli_error(a, "%lld of %lld differ", (long long)h->differ, (long long)h->listed);
    return h->differ ? CLI_CORRUPT : h->code;
}

static int run(struct cli_args *a)
{
    struct hashing h = {.args = a};
    bool check = cli_has(a, "check");
    if (cli_has(a, "quiet") && !check) return cli_usage(a, "--quiet goes with --check");
    int rc = cli_input_options(a, "r", &h.o, &h.raw, h.shape);
    if (rc) return rc;
    if (cli_has(a, "json")) h.list = json_object_new_array();
    rc = check ? check_lists(&h) : print_hashes(&h);
    if (h.list) cli_json_print(h.list);
    return rc;
}

const struct cli_verb cli_verb_hash = {
    .name = "hash",
    .usage = "ARRAY...",
    .summary = "a digest of the items, however they are stored",
    .examples =
        (const char *const[]){"tessera hash cube.b2nd cube.npy",
                              "the same digest twice where both hold the same array",
                              "tessera hash *.b2nd > SUMS; tessera hash --check SUMS",
                              "are the arrays still what they were? Exit code 4 if not", NULL},
    .options =
        (const struct cli_option[]){{"attrs", 0, NULL, "take the attributes in too"},
                                    {"check", 'c', NULL,
                                     "ARRAY is a list that this verb printed: compare"},
                                    {"quiet", 'q', NULL, "with --check: name only what differs"},
                                    CLI_JSON,
                                    CLI_INPUT,
                                    CLI_END},
    .min_args = 1,
    .max_args = INT32_MAX,
    .run = run,
};
