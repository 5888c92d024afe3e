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

/* Nothing of the first n facts differs. */
static void count_same(const struct bytes *in, const struct facts *f, uint32_t n)
{
    bool refused = n == 0 || any_refused(f);
    for (uint32_t i = 0; i < n; i++) {
        bool data = f->v[i].what == FACT_CHUNK || f->v[i].what == FACT_DATA;
        if (data && !f->v[i].refused) count.bytes += (uint64_t)f->v[i].n;
    }
    count.refused += refused;
    count.same += !refused;
    count.sound += !refused && in->sound;
}

/* What the i-th facts are; false where they are not the same.  A list may end early. */
static bool find_same(struct verdict *v, uint32_t i)
{
    static const struct fact none = {.what = -1};
    const struct facts *a = &v->ours->facts, *b = v->theirs;
    const struct fact *x = i < a->n ? &a->v[i] : &none, *y = i < b->n ? &b->v[i] : &none;
    v->fact = i < a->n ? x : &a->v[0];
    v->text = i < a->n ? v->ours->text[i] : "";
    v->we = x->refused && !y->refused;
    v->they = !v->alive || (y->refused && !x->refused);
    v->data = !v->we && !v->they && !x->refused;
    if (!v->alive) return false;
    bool same = x->n == y->n && (x->any || x->digest == y->digest);
    return x->what == y->what && x->index == y->index && !v->we && !v->they && (!v->data || same);
}

/* How many facts there are to compare: behind a refusal to open are none, and where the other only
 * looks when asked, that it refuses something is the same. */
static uint32_t count_facts(const struct facts *a, const struct facts *b)
{
    if (a->n && b->n && !a->v[0].refused && !b->v[0].refused) return a->n > b->n ? a->n : b->n;
    return any_refused(a) && any_refused(b) ? 0 : 1;
}

bool diff_allowed(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                  bool alive)
{
    static bool first = true;
    bool rules[RULES] = {false}, same = true;
    struct verdict v = {.in = in, .ours = ours, .theirs = theirs, .alive = alive};
    if (first) atexit(print_count);
    first = false;
    uint32_t n = alive ? count_facts(&ours->facts, theirs) : 1;
    for (uint32_t i = 0; i < n; i++) {
        if (find_same(&v, i)) continue;
        int rule = diff_rule(&v);
        if (rule < 0) return false;
        check(rule < RULES);
        same = false;
        rules[rule] = true;
    }
    count.asked++;
    if (same) count_same(in, theirs, n);
    count.excused += !same;
    count.sound_excused += !same && in->sound;
    for (int i = 0; i < RULES; i++) count.rule[i] += rules[i];
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
    for (uint32_t i = 0; i < ours->facts.n || i < theirs->n; i++) {
        if (i < ours->facts.n) print_fact("ours", &ours->facts.v[i]);
        if (i < ours->facts.n && ours->facts.v[i].refused)
            fprintf(stderr, "ours: %s\n", ours->text[i]);
        if (i < theirs->n) print_fact("peer", &theirs->v[i]);
    }
}
