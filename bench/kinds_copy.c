/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/kinds_copy.c - arrays made of arrays: a contiguous file copied to a folder of chunks, and
 * put twice in a row.  Nothing about the encoding changes, so chunks can be taken as they are. */
#include <stdlib.h>

#include "bench.h"

static int copy_prepare(struct side *s)
{
    if (s->e->save(&s->w->layout, s->path, s->data, s->data_bytes) < 0) return -1;
    s->handle = s->e->open(s->path);
    return s->handle ? 0 : -1;
}

static void no_copy(struct side *s)
{
    remove_path(s->copy);
}

/* Both of one operation. */
static int copy_sample(struct side *s, int n)
{
    struct layout l = s->w->layout;
    (void)n;
    l.sparse = true;
    return s->e->copy(s->handle, &l, s->copy);
}

static int concat_sample(struct side *s, int n)
{
    struct layout l = s->w->layout;
    (void)n;
    l.shape[0] *= 2;
    return s->e->concat(s->handle, &l, s->copy);
}

/* What was made holds the content, here and `times` along axis 0. */
static bool made_check(struct side *s, int64_t times)
{
    const struct layout *l = &s->w->layout;
    int64_t at[NDIM] = {0};
    uint8_t *got = malloc(s->data_bytes);
    void *a = got ? s->e->open(s->copy) : NULL;
    bool same = a;
    for (; same && at[0] < times * l->shape[0]; at[0] += l->shape[0])
        same = s->e->read(a, at, l->shape, got, s->data_bytes) == 0 &&
               alike(l, s->data, got, s->data_bytes);
    s->stored = stored_bytes(s->copy);
    if (a) s->e->close(a);
    free(got);
    return same;
}

static bool copy_check(struct side *s)
{
    return copy_sample(s, 1) == 0 && made_check(s, 1);
}

static bool concat_check(struct side *s)
{
    return concat_sample(s, 1) == 0 && made_check(s, 2);
}

static void copy_finish(struct side *s)
{
    if (s->handle) s->e->close(s->handle);
    remove_path(s->copy);
}

const struct kind kind_copy = {copy_prepare, copy_sample, copy_check, copy_finish, 0,
                               NULL,         no_copy};
const struct kind kind_concat = {copy_prepare, concat_sample, concat_check, copy_finish, 0,
                                 NULL,         no_copy};
