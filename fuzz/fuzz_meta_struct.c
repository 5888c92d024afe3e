/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_meta_struct.c - metalayers of both kinds: a frame built by the specification has
 * them; after sets, removals and flushes there is what a plain list says; with some fields of
 * header or trailer changed they are whatever the bytes say. */
#include "build_frame.h"

/* What the frame should have. */
struct model {
    int n;
    char name[64][32];
    struct data v[64];
};

static int model_find(const struct model *m, const char *name)
{
    int i = 0;
    while (i < m->n && strcmp(m->name[i], name) != 0) i++;
    return i;
}

static void model_set(struct model *m, const char *name, struct data d)
{
    int i = model_find(m, name);
    if (i == m->n) snprintf(m->name[m->n++], sizeof m->name[0], "%s", name);
    else free(m->v[i].p);
    m->v[i] = d;
}

static void model_remove(struct model *m, const char *name)
{
    int i = model_find(m, name);
    check(i < m->n);
    free(m->v[i].p);
    m->n--;
    memmove(m->name[i], m->name[i + 1], (size_t)(m->n - i) * sizeof m->name[0]);
    memmove(&m->v[i], &m->v[i + 1], (size_t)(m->n - i) * sizeof m->v[0]);
}

static void check_model(const tsr_schunk *s, const struct model *m)
{
    check(tsr_schunk_meta_count(s, TSR_VLMETA) == m->n);
    for (int i = 0; i < m->n; i++) {
        void *p;
        size_t len;
        check_ok(tsr_schunk_meta_get(s, TSR_VLMETA, m->name[i], &p, &len));
        check(len == m->v[i].n && (len == 0 || memcmp(p, m->v[i].p, len) == 0));
        tsr_free(p);
    }
}

/* Reads whatever there is. */
static void read_metas(const tsr_schunk *s, tsr_meta_kind kind)
{
    for (int i = 0; i < tsr_schunk_meta_count(s, kind) && i < 50; i++) {
        const char *name = tsr_schunk_meta_name(s, kind, i);
        void *p = NULL;
        size_t len;
        if (tsr_schunk_meta_get(s, kind, name, &p, &len) == TSR_OK && kind == TSR_META)
            check(strlen(name) < 32);
        tsr_free(p);
    }
}

/* One change in the frame and the model; the 17th name is refused. */
static void change(tsr_schunk *s, struct model *m, struct input *in)
{
    char name[32] = "n0";
    name[1] = (char)('0' + pick(in, 20));
    uint32_t i = pick(in, 4);
    if (i == 0 && m->n > 0) snprintf(name, sizeof name, "%s", m->name[pick(in, (uint32_t)m->n)]);
    bool there = model_find(m, name) < m->n;
    if (pick(in, 3) == 0) {
        int rc = tsr_schunk_meta_remove(s, name);
        check(rc == (there ? TSR_OK : TSR_ENOTFOUND));
        if (there) model_remove(m, name);
        return;
    }
    struct data d = make_data(in, pick(in, 8) ? pick(in, 200) : pick(in, 20000));
    int rc = tsr_schunk_meta_set(s, TSR_VLMETA, name, d.p, d.n);
    if (rc == TSR_OK) model_set(m, name, d);
    else free(d.p);
    if (there || m->n < 16) check_ok(rc);
}

static void check_saved(tsr_schunk *s, const struct model *m)
{
    tsr_options o = options();
    tsr_schunk *t;
    void *p;
    size_t len;
    check_ok(tsr_schunk_to_frame(s, &p, &len));
    check_ok(tsr_schunk_from_frame(p, len, TSR_BORROW, &o, &t));
    check_model(t, m);
    check_ok(tsr_schunk_close(t));
    tsr_free(p);
}

static void live(const struct image *im, const struct plan *p, struct input *in)
{
    tsr_options o = options();
    struct model m = {0};
    tsr_schunk *s;
    check_ok(tsr_schunk_from_frame(im->b.p, im->b.len, 0, &o, &s));
    for (int i = 0; i < p->nvlmetas; i++) {
        struct data d = {need(malloc(p->vlmeta[i].v.b.len + 1)), p->vlmeta[i].v.b.len};
        if (d.n) memcpy(d.p, p->vlmeta[i].v.b.p, d.n);
        model_set(&m, p->vlmeta[i].name, d);
    }
    check_model(s, &m);
    for (uint32_t k = pick(in, 12); k > 0; k--) {
        change(s, &m, in);
        if (pick(in, 3) == 0) check_ok(tsr_schunk_flush(s));
        check_model(s, &m);
    }
    check_saved(s, &m);
    check_ok(tsr_schunk_close(s));
    while (m.n > 0) free(m.v[--m.n].p);
}

static void read_changed(const struct image *im)
{
    tsr_options o = options();
    tsr_schunk *s;
    uint8_t *exact = need(malloc(im->b.len));
    memcpy(exact, im->b.p, im->b.len);
    if (tsr_schunk_from_frame(exact, im->b.len, TSR_BORROW, &o, &s) == TSR_OK) {
        read_metas(s, TSR_META);
        read_metas(s, TSR_VLMETA);
        check_ok(tsr_schunk_close(s));
    }
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct plan p = {.type_size = 1};
    struct image im = {0};
    uint32_t times = pick(&in, 8);
    tsr_cparams_init(&p.params, 1);
    p.chunk_bytes = 40;
    pick_metas(&in, &p);
    pick_chunks(&in, &p, (int)pick(&in, 2), p.chunk_bytes);
    put_frame(&im, &in, &p, false);
    live(&im, &p, &in);
    mutate(&im, &in, times);
    read_changed(&im);
    image_free(&im);
    plan_free(&p);
    return 0;
}
