/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/side.c - a workload as it runs on one engine: its boxes, buffers and names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

size_t box_bytes(const struct workload *w)
{
    int64_t n = w->layout.item_bytes;
    for (int d = 0; d < w->layout.ndim; d++) n *= w->count[d];
    return w->pattern == WHOLE ? layout_bytes(&w->layout) : (size_t)n;
}

/* Where the boxes of one sample begin; the same for both sides. */
static void make_boxes(struct side *s)
{
    const struct workload *w = s->w;
    uint64_t seed = 11;
    for (int i = 0; i < w->ops && w->pattern != WHOLE; i++) {
        for (int d = 0; d < w->layout.ndim; d++) {
            int64_t room = w->layout.shape[d] - w->count[d] + 1, at = 0;
            if (w->pattern == RANDOM) at = (int64_t)(rnd(&seed) % (uint64_t)room);
            if (w->pattern == PLANES && d == w->axis) at = (int64_t)(rnd(&seed) % (uint64_t)room);
            if (w->pattern == SLIDE)
                at = d == 0 ? i * w->stride % room : (w->layout.shape[d] - w->count[d]) / 2;
            s->boxes[i][d] = at;
        }
    }
}

int side_init(struct side *s, const struct engine *e, const struct workload *w, const char *dir,
              uint8_t *data)
{
    *s = (struct side){.e = e, .w = w, .data = data, .data_bytes = layout_bytes(&w->layout)};
    s->buf_bytes = box_bytes(w);
    s->buf = malloc(s->buf_bytes + 1);
    s->boxes = calloc((size_t)w->ops, sizeof *s->boxes);
    snprintf(s->path, sizeof s->path, "%s/%s-%d.b2nd", dir, e->name, (int)getpid());
    snprintf(s->copy, sizeof s->copy, "%s.copy", s->path);
    if (!s->buf || !s->boxes) return -1;
    memset(s->buf, 1, s->buf_bytes);
    make_boxes(s);
    return w->kind->prepare(s);
}

void side_done(struct side *s)
{
    if (s->w) s->w->kind->finish(s);
    if (s->w) remove_path(s->path);
    free(s->buf);
    free(s->boxes);
}

void side_fresh(struct side *s)
{
    if (s->w->kind->fresh) s->w->kind->fresh(s);
}

int side_ops(const struct side *s)
{
    return s->e != &engine_tessera && s->w->peer_ops ? s->w->peer_ops : s->w->ops;
}
