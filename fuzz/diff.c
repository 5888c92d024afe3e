/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/diff.c - compares two answers about the same bytes, counts how it went and prints that at
 * the end of the run. */
#include "diff.h"

enum { RULES = 128 };

/* How it went, and how much data was the same. */
static struct {
    unsigned asked, same, sound, refused, excused, sound_excused, rule[RULES];
    uint64_t bytes;
} count;

static void print_count(void)
{
    const char *name, *section;
    fprintf(stderr,
            "compared: %u: %u the same (%u as we write them; %llu bytes of data), %u refused by "
            "both, %u differ by a rule (%u as we write them)\n",
            count.asked, count.same, count.sound, (unsigned long long)count.bytes, count.refused,
            count.excused, count.sound_excused);
    for (int i = 0; i < RULES && (name = diff_rule_name(i, &section)); i++)
        if (count.rule[i]) fprintf(stderr, "rule: %7u x %s (%s)\n", count.rule[i], name, section);
}

static bool any_refused(const struct facts *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->v[i].refused) return true;
    return false;
}

static void find_first(struct verdict *v)
{
    const struct facts *a = &v->ours->facts, *b = v->theirs;
    for (uint32_t i = 0; i < a->n && i < b->n; i++) {
        const struct fact *x = &a->v[i], *y = &b->v[i];
        bool same = x->what == y->what && x->index == y->index && x->n == y->n &&
                    (x->any || x->digest == y->digest);
        if (x->refused || y->refused || same) continue;
        v->mine = x;
        v->other = y;
        return;
    }
    if (!v->we && !v->they && a->n != b->n) v->mine = v->other = &a->v[0];
}

static void count_same(const struct verdict *v)
{
    if (v->we) count.refused++;
    if (v->we) return;
    count.same++;
    count.sound += v->in->sound;
    for (uint32_t i = 0; i < v->theirs->n; i++) {
        int what = v->theirs->v[i].what;
        if (what == FACT_CHUNK || what == FACT_DATA) count.bytes += (uint64_t)v->theirs->v[i].n;
    }
}

bool diff_allowed(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                  bool alive)
{
    static bool first = true;
    struct verdict v = {.in = in, .ours = ours, .theirs = theirs, .alive = alive};
    if (first) atexit(print_count);
    first = false;
    v.we = ours->refused;
    v.they = !alive || any_refused(theirs);
    find_first(&v);
    count.asked++;
    if (v.we == v.they && !v.mine) {
        count_same(&v);
        return true;
    }
    int rule = diff_rule(&v);
    if (rule < 0) return false;
    check(rule < RULES);
    count.excused++;
    count.sound_excused += in->sound;
    count.rule[rule]++;
    return true;
}

static void print_fact(const char *who, const struct fact *f)
{
    static const char *const names[] = {"chunk", "frame", "meta", "vlmeta", "array", "data"};
    fprintf(stderr, "%s: %s %d: status %d, %lld bytes, digest %016llx\n", who, names[f->what],
            f->index, f->status, (long long)f->n, (unsigned long long)f->digest);
}

/* The bytes as they were asked about, for whoever looks into it. */
static void save(const struct bytes *in)
{
    const char *path = getenv("FUZZ_DIFF_BYTES");
    FILE *f = path ? fopen(path, "wb") : NULL;
    if (f && fwrite(in->p, 1, in->len, f) != in->len) perror(path);
    if (f) fclose(f);
}

void diff_print(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                bool alive)
{
    save(in);
    fprintf(stderr, "kind %d, %zu bytes\n", in->kind, in->len);
    if (!alive) fprintf(stderr, "the peer died\n");
    if (ours->refused) fprintf(stderr, "ours: %s\n", ours->text);
    for (uint32_t i = 0; i < ours->facts.n || i < theirs->n; i++) {
        if (i < ours->facts.n) print_fact("ours", &ours->facts.v[i]);
        if (i < theirs->n) print_fact("peer", &theirs->v[i]);
    }
}
