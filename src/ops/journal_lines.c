/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/journal_lines.c - what the lines of a journal say: facts, and how far a conversion is. */
#include <stdio.h>

#include "array/array.h"
#include "ops/journal.h"

/* ---- of one that is there ---- */

/* The end of the line at p, or NULL when it is not whole. */
static const char *line_end(const char *p, const char *end)
{
    return memchr(p, '\n', (size_t)(end - p));
}

/* Are the facts of old, up to "begin", those of now?  *after: what follows. */
static int compare_facts(const struct tsr_journal *j, const char *old, const char *end,
                         const struct tsr_buf *facts, const char **after)
{
    const char *now = (const char *)facts->p, *now_end = now + facts->len;
    for (;;) {
        const char *a = line_end(old, end), *b = now < now_end ? line_end(now, now_end) : NULL;
        if (!a) return tsr_fail(TSR_ECORRUPT, "%s: ends in the middle", j->file.path);
        bool begins = a - old == 5 && memcmp(old, "begin", 5) == 0;
        *after = a + 1;
        if (begins && !b) return TSR_OK;
        if (begins || !b || a - old != b - now || memcmp(old, now, (size_t)(a - old)) != 0)
            return tsr_fail(TSR_ECONFLICT, "%s: goes on only as it began: '%.*s' then, '%.*s' now",
                            j->folder.path, (int)(a - old), old, b ? (int)(b - now) : 0,
                            b ? now : "");
        old = a + 1;
        now = b + 1;
    }
}

/* One line.  Others are what a line that could not be written whole left behind another. */
static int take_line(struct tsr_journal *j, const char *line)
{
    long long pass, done;
    unsigned long long id;
    if (strcmp(line, "complete") == 0) j->complete = true;
    else if (strcmp(line, "named") == 0) j->named = true;
    else if (sscanf(line, "naming %llx", &id) == 1) j->naming = id;
    else if (sscanf(line, "done %lld %lld", &pass, &done) == 2) {
        if (pass < 1 || pass > 2 || done < 0)
            return tsr_fail(TSR_ECORRUPT,
                            "%s: found '%s', expected pass 1 or 2 and a number of boxes",
                            j->file.path, line);
        j->pass = (int)pass, j->done = done;
    }
    return TSR_OK;
}

static int read_progress(struct tsr_journal *j, const char *text, const char *p, const char *end)
{
    int rc = TSR_OK;
    for (const char *e; rc == TSR_OK && (e = line_end(p, end)); p = e + 1) {
        char line[64];
        size_t len = tsr_minz((size_t)(e - p), sizeof line - 1);
        memcpy(line, p, len);
        line[len] = 0;
        rc = take_line(j, line);
        j->end = (uint64_t)(e + 1 - text);
    }
    return rc;
}

int tsr_journal_take(struct tsr_journal *j, const char *p, size_t size, const struct tsr_buf *facts)
{
    const size_t head = sizeof TSR_JOURNAL_FIRST - 1;
    const char *after = NULL, *end = p + size;
    if (size < head || memcmp(p, TSR_JOURNAL_FIRST, head) != 0)
        return tsr_fail(TSR_ECORRUPT, "%s: is no journal of a conversion", j->file.path);
    if (!facts) return TSR_OK;
    int rc = compare_facts(j, p + head, end, facts, &after);
    if (rc < 0) return rc;
    j->end = (uint64_t)(after - p);
    return read_progress(j, p, after, end);
}

int tsr_journal_within(const struct tsr_journal *j, int64_t most)
{
    if (j->done <= most) return TSR_OK;
    return tsr_fail(TSR_ECORRUPT, "%s: found 'done %d %lld', expected at most %lld", j->file.path,
                    j->pass, (long long)j->done, (long long)most);
}

/* ---- facts ---- */

int tsr_facts_ints(struct tsr_buf *out, const char *name, const int64_t *v, int n)
{
    int rc = tsr_buf_addf(out, "%s", name);
    for (int i = 0; i < n && rc == TSR_OK; i++)
        rc = tsr_buf_addf(out, "%c%lld", i ? ',' : ' ', (long long)v[i]);
    return rc < 0 ? rc : tsr_buf_addf(out, "\n");
}

static int add_steps(struct tsr_buf *out, const char *which, const tsr_spec *s)
{
    int rc = tsr_buf_addf(out, "%s steps", which);
    for (int i = 0; i < s->nsteps && rc == TSR_OK; i++)
        rc = tsr_buf_addf(out, " %s:%s", s->steps[i].name,
                          s->steps[i].params ? s->steps[i].params : "");
    return rc < 0 ? rc : tsr_buf_addf(out, "\n");
}

int tsr_facts_array(struct tsr_buf *out, const char *which, const tsr_array *a)
{
    const tsr_spec *s = tsr_array_spec(a);
    char name[32];
    int rc = tsr_buf_addf(out, "%s format %s\n%s dtype %s\n", which, tsr_array_format(a), which,
                          s->dtype);
    snprintf(name, sizeof name, "%s shape", which);
    if (rc == TSR_OK) rc = tsr_facts_ints(out, name, s->shape, s->ndim);
    snprintf(name, sizeof name, "%s chunks", which);
    if (rc == TSR_OK) rc = tsr_facts_ints(out, name, s->chunks, s->ndim);
    snprintf(name, sizeof name, "%s blocks", which);
    if (rc == TSR_OK) rc = tsr_facts_ints(out, name, s->blocks, s->ndim);
    return rc < 0 ? rc : add_steps(out, which, s);
}

int tsr_facts_coding(struct tsr_buf *out, const tsr_spec *s, const tsr_options *o)
{
    int rc = tsr_buf_addf(out, "target split %d checksum %d sparse %d\n", s->split, s->checksum,
                          o->sparse);
    if (rc == TSR_OK) rc = add_steps(out, "asked", s);
    if (rc == TSR_OK && s->codecs) rc = tsr_buf_addf(out, "target codecs %s\n", s->codecs);
    if (rc == TSR_OK && s->zarr) rc = tsr_buf_addf(out, "target zarr %s\n", s->zarr);
    return rc;
}
