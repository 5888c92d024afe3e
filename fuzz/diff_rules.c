/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/diff_rules.c - where Tessera and c-blosc2 may differ, and why: the section of blosc2.md,
 * [Q] where the quirk is the peer's.
 *
 * Three kinds: the peer takes what we refuse (named by the text of our refusal), the peer refuses
 * what we read, and both read but not the same. */
#include "chunk/chunk.h"
#include "chunk/layout.h"
#include "diff.h"

struct verdict {
    const struct bytes *in;
    const struct answers *ours;
    const struct facts *theirs;
    bool alive, we, they;            /* the peer lives; who refused something */
    const struct fact *mine, *other; /* the first two that differ, NULL: none */
};

/* We refuse it, the peer does not; the text of the refusal holds this. */
struct strict {
    const char *text, *section;
};
static const struct strict strict[] = {
    {"flags2 at byte 30: found", "2.6: reserved bits are rejected"},
    {"expected no lazy chunk", "2.5, 3.9: lazy chunks are never stored"},
    {"no VL blocks in a", "3.8, 14.8"},
    {"version at byte 0: found 0", "2.3"},
    {"is newer than 6", "2.3"},
    {"32 for a chunk of zeros or NaN", "3.2"},
    {"4 or 8 for NaN", "3.2"},
    {"a multiple of the type size", "3.2"},
    {"a divisor of nbytes", "3.2, 14.6"},
    {"chunk header: cbytes", "14.1: the chunk's own length counts, not the buffer's"},
    {"nbytes and the header in a stored chunk", "3.1, 14.5"},
    {"the header alone in an empty chunk", "3: nothing follows"},
    {"do not fit into cbytes", "14.4"},
    {"chunk: start of block", "14.9"},
    {"VL block", "3.8, 14.9"},
    {"stream size", "14.10"},
    {"found a record of", "3.10: instrumented chunks hold records"},
    {"expected bit 0", "3.4, 14.10: other tokens are reserved"},
    {"a run of value", "3.4, 14.10"},
    {"run's token is missing", "3.4, 14.10"},
    {"offset 0", "14.12: LZ4 matches before the start of the output"},
    {"lz:", "4.3, 14.12: blosclz, ndlz"},
    {"lz4:", "4.3, 14.12"},
    {"zlib:", "4.3, 14.12: streams that give more than is wanted"},
    {"zstd:", "4.3, 14.12"},
    {"dictionary", "14.13"},
    {"nbytes at byte 4: found", "7.2, 14.22: chunks of another size than the frame says"},
    {"at byte 8: found", "10.2, 14.27: blocks of another size than the array's"},
    {"the limit is", "14.7: the caller's limit, which the peer has not"},
    {"is not built in", "4.1, 5.1: this build lacks it"},
    {"frame header:", "7.1, 14.16, 14.18: the peer skips tags"},
    {"frame trailer:", "7.3, 14.17 to 14.19: the peer skips tags"},
    {"frame: index chunk", "7.2, 14.20"},
    {"of the index", "7.2, 14.21"},
    {"chunk header:", "2, 14.1 to 14.8, 14.14"},
    {"metalayer", "7.1, 10.1, 14.18, 14.26 to 14.28"},
};

struct rule {
    const char *name, *section;
    bool (*allows)(const struct verdict *v);
};

/* ---- the chunk in question ---- */

struct part {
    struct tsr_chunk c;
    const uint8_t *p;
    const struct bytes *in; /* what it is part of */
};
typedef bool chunk_test(const struct part *t);

static bool test_bytes(const struct bytes *in, const uint8_t *p, size_t len, chunk_test *test)
{
    struct part t = {.p = p, .in = in};
    return tsr_chunk_parse(&t.c, p, len, len, tsr_limit(INT32_MAX)) == TSR_OK && test(&t);
}

static int32_t blocksize(const struct part *t)
{
    return (int32_t)tsr_load_LE32(t->p + AT_BLOCKSIZE);
}

/* The number of the first chunk of a frame about which the answers differ, -1: none. */
static int64_t first_chunk(const struct verdict *v)
{
    const struct facts *a = &v->ours->facts, *b = v->theirs;
    if (v->mine && v->mine->what == FACT_CHUNK) return v->mine->index;
    for (uint32_t i = 0; i < a->n && i < b->n; i++)
        if (a->v[i].what == FACT_CHUNK && a->v[i].refused != b->v[i].refused) return a->v[i].index;
    return -1;
}

/* Where a frame's index chunk is, and so are its kind and flags. */
static bool index_passes(const struct bytes *in, chunk_test *test)
{
    if (in->len < 47) return false;
    uint64_t at = tsr_load_BE64(in->p + 39) + tsr_load_BE32(in->p + 11);
    return at < in->len && test_bytes(in, in->p + at, in->len - at, test);
}

/* Are the answers about a vlmetalayer's value, and does one of the values pass?  A value is found
 * by its C6 and a length that is the chunk's own. */
static bool vlmeta_passes(const struct verdict *v, chunk_test *test)
{
    const struct facts *a = &v->ours->facts, *b = v->theirs;
    bool about = v->mine && v->mine->what == FACT_VLMETA;
    for (uint32_t i = 0; i < a->n && i < b->n; i++)
        about |= a->v[i].what == FACT_VLMETA && a->v[i].refused != b->v[i].refused;
    for (size_t at = 0; about && at + 5 + TSR_CHUNK_HEADER <= v->in->len; at++) {
        const uint8_t *p = v->in->p + at;
        size_t len = tsr_load_BE32(p + 1);
        if (*p != 0xC6 || len > v->in->len - at - 5) continue;
        if (tsr_load_LE32(p + 5 + AT_CBYTES) != len) continue;
        if (test_bytes(v->in, p + 5, len, test)) return true;
    }
    return false;
}

/* Does the chunk that is answered differently pass the test, or the index, or a vlmetalayer, or,
 * of an array, any chunk? */
static bool chunk_passes(const struct verdict *v, chunk_test *test)
{
    tsr_options o = options();
    tsr_schunk *s;
    bool yes = false;
    if (v->in->kind == PEER_CHUNK) return test_bytes(v->in, v->in->p, v->in->len, test);
    if (index_passes(v->in, test) || vlmeta_passes(v, test)) return true;
    if (tsr_schunk_from_frame(v->in->p, v->in->len, TSR_BORROW, &o, &s) < 0) return false;
    int64_t only = v->in->kind == PEER_FRAME ? first_chunk(v) : -1;
    for (int64_t i = 0; i < tsr_schunk_nchunks(s) && i < 1000 && !yes; i++) {
        void *p = NULL;
        size_t len = 0;
        if (v->in->kind == PEER_FRAME && i != only) continue;
        if (tsr_schunk_get_chunk(s, i, &p, &len) == TSR_OK) yes = test_bytes(v->in, p, len, test);
        tsr_free(p);
    }
    check_ok(tsr_schunk_close(s));
    return yes;
}

static bool has_odd_blocks(const struct part *t)
{
    bool one = t->c.nbytes > 0 && blocksize(t) > t->c.nbytes; /* and that is cut to nbytes */
    return (one ? t->c.nbytes : blocksize(t)) % t->c.typesize != 0;
}

static bool has_empty_dict(const struct part *t)
{
    return (t->c.memcpyed || t->c.special) && t->c.blosc2_flags & BLOSC2_DICT;
}

static bool has_delta_in_vl(const struct part *t)
{
    return t->c.vlblocks && memchr(t->c.filters, FILTER_DELTA, sizeof t->c.filters);
}

static bool has_no_blocksize(const struct part *t)
{
    return t->c.special && (blocksize(t) <= 0 || blocksize(t) > TSR_BLOCK_MAX);
}

static bool has_plain_special(const struct part *t)
{
    return t->c.special && t->c.memcpyed;
}

static bool has_two_deltas(const struct part *t)
{
    int n = 0;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) n += t->c.filters[i] == FILTER_DELTA;
    return n > 1;
}

/* Bitshuffle of Blosc 1 leaves tails, which the peer forgets. */
static bool has_old_bitshuffle(const struct part *t)
{
    return t->c.version == VERSION_BLOSC1 &&
           memchr(t->c.filters, FILTER_BITSHUFFLE, sizeof t->c.filters);
}

enum { BYTEDELTA_BUGGY = 34 };

/* A byte that is in no stream; the peer leaves there what it finds. */
static bool has_buggy_tail(const struct part *t)
{
    bool tail = false;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int32_t meta = t->c.filters_meta[i], n = meta ? meta : t->c.typesize;
        bool buggy = t->c.filters[i] == BYTEDELTA_BUGGY;
        tail |= buggy && (t->c.block_bytes % n || t->c.leftover % n);
    }
    return tail;
}

static bool has_library(const struct part *t)
{
    return t->c.codec && (t->c.codec_id == CODEC_ZSTD || t->c.codec_id == CODEC_ZLIB);
}

/* The peer masks the blocks of an array's chunks, special ones too, and counts them by the
 * chunk's header. */
static bool has_other_blocks(const struct part *t)
{
    tsr_options o = options();
    tsr_array *a;
    if (!t->c.special || tsr_array_from_frame(t->in->p, t->in->len, TSR_BORROW, &o, &a) < 0)
        return false;
    const tsr_spec *s = tsr_array_spec(a);
    int64_t block = s->item_bytes;
    for (int d = 0; d < s->ndim; d++) block *= s->blocks[d];
    check_ok(tsr_array_close(a));
    return blocksize(t) != block;
}

/* ---- the rules ---- */

static bool peer_died(const struct verdict *v)
{
    return !v->alive;
}

static bool odd_blocks(const struct verdict *v)
{
    return v->they && chunk_passes(v, has_odd_blocks);
}

static bool empty_dict(const struct verdict *v)
{
    return v->they && chunk_passes(v, has_empty_dict);
}

static bool delta_in_vl(const struct verdict *v)
{
    return chunk_passes(v, has_delta_in_vl);
}

static bool no_blocksize(const struct verdict *v)
{
    return v->they && chunk_passes(v, has_no_blocksize);
}

static bool plain_special(const struct verdict *v)
{
    return v->they && chunk_passes(v, has_plain_special);
}

static bool other_blocks(const struct verdict *v)
{
    return v->they && v->in->kind == PEER_ARRAY && chunk_passes(v, has_other_blocks);
}

/* What a broken stream is, and gives, is up to the library and its version. */
static bool broken_stream(const struct verdict *v)
{
    return !v->in->sound && (v->mine || v->they) && chunk_passes(v, has_library);
}

/* It misreads an index of that kind too, and then finds no chunks. */
static bool two_deltas(const struct verdict *v)
{
    return !v->in->sound && chunk_passes(v, has_two_deltas);
}

static bool old_bitshuffle(const struct verdict *v)
{
    return v->mine && chunk_passes(v, has_old_bitshuffle);
}

static bool buggy_tail(const struct verdict *v)
{
    return v->mine && chunk_passes(v, has_buggy_tail);
}

/* We decode blocks of an array as far as items are wanted, the peer to their end: is a chunk broken
 * somewhere? */
static bool behind_items(const struct verdict *v)
{
    static uint8_t dst[PEER_DECODED];
    tsr_options o = options();
    tsr_schunk *s;
    bool broken = false;
    if (v->in->sound || !v->they || v->in->kind != PEER_ARRAY) return false;
    if (tsr_schunk_from_frame(v->in->p, v->in->len, TSR_BORROW, &o, &s) < 0) return false;
    for (int64_t i = 0; i < tsr_schunk_nchunks(s) && i < 1000 && !broken; i++) {
        int64_t n = 0;
        broken = tsr_schunk_chunk_bytes(s, i, &n) < 0 ||
                 (n <= PEER_DECODED && tsr_schunk_read_chunk(s, i, dst, (size_t)n) < 0);
    }
    check_ok(tsr_schunk_close(s));
    return broken;
}

/* The peer makes its special chunks of whole items only. */
static bool broken_items(const struct verdict *v)
{
    if (!v->they || v->in->kind == PEER_CHUNK || v->in->len < 62) return false;
    uint32_t item = tsr_load_BE32(v->in->p + 48), chunk = tsr_load_BE32(v->in->p + 58);
    uint64_t nbytes = tsr_load_BE64(v->in->p + 30);
    return item && (chunk % item || nbytes % item);
}

/* The peer reads entries as items of the index, of which it expects that they have 8 bytes. */
static bool has_other_items(const struct part *t)
{
    return t->c.typesize != 8;
}

static bool index_items(const struct verdict *v)
{
    bool framed = v->in->kind != PEER_CHUNK;
    return framed && (v->they || v->mine) && index_passes(v->in, has_other_items);
}

/* The peer wants a side without items to have both chunks and blocks of 0 items, or neither. */
static bool empty_sides(const struct verdict *v)
{
    tsr_options o = options();
    tsr_array *a;
    bool odd = false;
    if (!v->they || v->in->kind != PEER_ARRAY) return false;
    if (tsr_array_from_frame(v->in->p, v->in->len, TSR_BORROW, &o, &a) < 0) return false;
    const tsr_spec *s = tsr_array_spec(a);
    for (int d = 0; d < s->ndim; d++) odd |= s->shape[d] == 0 && !s->chunks[d] != !s->blocks[d];
    check_ok(tsr_array_close(a));
    return odd;
}

static bool other_slots(const struct verdict *v)
{
    return v->they && v->in->kind != PEER_CHUNK && v->in->len > 70 && v->in->p[70] != 6;
}

/* The answers are about the first chunks; the peer decodes all of the index at once. */
static bool later_pages(const struct verdict *v)
{
    bool opened = v->ours->facts.n > 0 && !v->ours->facts.v[0].refused;
    return opened && v->theirs->n == 1 && v->theirs->v[0].refused && v->ours->facts.n >= 100;
}

static bool bytes_behind(const struct verdict *v)
{
    return v->they && v->in->kind != PEER_CHUNK && v->in->len >= 24 &&
           tsr_load_BE64(v->in->p + 16) < v->in->len;
}

/* Codec and filters of the header are defaults for chunks to come: no reason not to read. */
static bool unknown_defaults(const struct verdict *v)
{
    if (!v->they || v->in->kind == PEER_CHUNK || v->in->len < 78) return false;
    bool unknown = !tsr_codec_known_name(v->in->p[77]);
    for (int i = 71; i <= 76; i++) {
        int id = v->in->p[i];
        unknown |= id && !tsr_filter_known_name(id) && !tsr_filter_blosc2(NULL, id);
    }
    return unknown;
}

static const struct rule rules[] = {
    {"the peer dies", "14", peer_died},
    {"special chunk without a sensible blocksize", "3.2: ignored", no_blocksize},
    {"blocksize is no multiple of typesize", "2.7 [Q]", odd_blocks},
    {"dictionary flag without dictionary", "3.1 [Q]", empty_dict},
    {"delta in blocks of variable length", "3.8 [Q]", delta_in_vl},
    {"special chunk of other blocks than the array", "3.2: ignored", other_blocks},
    {"index chunk of another type size than 8", "7.2: any chunk will do", index_items},
    {"special chunk that is stored plain too", "3: special comes first", plain_special},
    {"zstd or zlib with flipped bits", "4.3: their libraries differ", broken_stream},
    {"delta twice", "5.4 [Q]: never written", two_deltas},
    {"bitshuffle of Blosc 1", "5.3 [Q]", old_bitshuffle},
    {"tails of filter 34", "5.8: undefined", buggy_tail},
    {"chunk_size is no multiple of type_size", "3.2, 7.2", broken_items},
    {"empty side with chunks and no blocks", "10.2: any where shape is 0", empty_sides},
    {"broken behind the items of an array", "3.6: what is not wanted", behind_items},
    {"filter slots of the header", "7.1: ignored", other_slots},
    {"index pages that were not asked for", "7.2, 14.20", later_pages},
    {"unknown codec or filter as default", "7.1", unknown_defaults},
    {"bytes after the frame", "7: only files may have them", bytes_behind},
};
enum { STRICT = sizeof strict / sizeof *strict, RULES = sizeof rules / sizeof *rules };

static unsigned used[STRICT + RULES];

static void print_used(void)
{
    for (int i = 0; i < STRICT + RULES; i++)
        if (used[i])
            fprintf(stderr, "rule: %7u x %s (%s)\n", used[i],
                    i < STRICT ? strict[i].text : rules[i - STRICT].name,
                    i < STRICT ? strict[i].section : rules[i - STRICT].section);
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

static int find_rule(const struct verdict *v)
{
    for (int i = 0; v->we && !v->they && !v->in->sound && i < STRICT; i++)
        if (strstr(v->ours->text, strict[i].text)) return i;
    for (int i = 0; i < RULES; i++)
        if (rules[i].allows(v)) return STRICT + i;
    return -1;
}

bool diff_allowed(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                  bool alive)
{
    static bool first = true;
    struct verdict v = {.in = in, .ours = ours, .theirs = theirs, .alive = alive};
    if (first) atexit(print_used);
    first = false;
    v.we = ours->refused;
    v.they = !alive || any_refused(theirs);
    find_first(&v);
    if (v.we == v.they && !v.mine) return true;
    int rule = find_rule(&v);
    if (rule >= 0) used[rule]++;
    return rule >= 0;
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
