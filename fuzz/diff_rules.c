/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/diff_rules.c - where Tessera and c-blosc2 may differ, and why: the section of blosc2.md,
 * [Q] where the quirk is the peer's.
 *
 * Three kinds: the peer takes what we refuse (named by the text of our refusal), the peer refuses
 * what we read, and both read but not the same. */
#include "chunk/layout.h"
#include "diff.h"

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
    {"zfp:", "C, 14.14, 14.15: streams that end too soon, shapes and items of no stream"},
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
    {"block of 0 dimensions", "10.1, 14.26: metalayer b2nd is broken, the peer skips tags"},
    {"metalayer", "7.1, 10.1, 14.18, 14.26 to 14.28"},
};

struct rule {
    const char *name, *section;
    bool (*allows)(const struct verdict *v);
};

/* ---- what is odd of a chunk ---- */

static int32_t blocksize(const struct part *t)
{
    return (int32_t)tsr_load_LE32(t->p + AT_BLOCKSIZE);
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

/* The peer fills a special chunk block by block, each with whole values. */
static bool has_no_blocksize(const struct part *t)
{
    int32_t value = t->c.special == TSR_SPECIAL_VALUE ? t->c.value_bytes : 1;
    if (blocksize(t) <= 0 || blocksize(t) > TSR_BLOCK_MAX) return t->c.special;
    return t->c.special && blocksize(t) % value;
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

static bool has_delta_blocks(const struct part *t)
{
    return t->c.nblocks > 1 && memchr(t->c.filters, FILTER_DELTA, sizeof t->c.filters);
}

/* Bitshuffle of Blosc 1 leaves tails, which the peer forgets. */
static bool has_old_bitshuffle(const struct part *t)
{
    return t->c.version == VERSION_BLOSC1 &&
           memchr(t->c.filters, FILTER_BITSHUFFLE, sizeof t->c.filters);
}

enum { BYTEDELTA_BUGGY = 34, ZFP_FIRST = 33, ZFP_LAST = 35 };

/* A byte that is in no stream; the peer leaves there what it finds. */
static bool has_buggy_tail(const struct part *t)
{
    bool tail = false;
    for (int i = 0; i < TSR_CHUNK_FILTERS; i++) {
        int32_t meta = t->c.filters_meta[i], n = meta ? meta : t->c.typesize;
        bool buggy = t->c.filters[i] == BYTEDELTA_BUGGY;
        tail |= buggy && (t->c.vlblocks || t->c.block_bytes % n || t->c.leftover % n);
    }
    return tail;
}

static bool has_library(const struct part *t)
{
    return t->c.codec && (t->c.codec_id == CODEC_ZSTD || t->c.codec_id == CODEC_ZLIB);
}

/* Bytes of a block of the array, -1: it is none. */
static int64_t array_block(const struct bytes *in)
{
    tsr_options o = options();
    tsr_array *a;
    if (in->kind != PEER_ARRAY) return -1;
    if (tsr_array_from_frame(in->p, in->len, TSR_BORROW, &o, &a) < 0) return -1;
    const tsr_spec *s = tsr_array_spec(a);
    int64_t block = s->item_bytes;
    for (int d = 0; d < s->ndim; d++) block *= s->blocks[d];
    check_ok(tsr_array_close(a));
    return block;
}

static bool has_other_blocks(const struct part *t)
{
    return t->c.special && blocksize(t) != array_block(t->in);
}

/* ---- the rules ---- */

static bool peer_died(const struct verdict *v)
{
    return !v->alive;
}

static bool odd_blocks(const struct verdict *v)
{
    return (v->they || v->data) && diff_chunk_passes(v, has_odd_blocks);
}

static bool empty_dict(const struct verdict *v)
{
    return v->they && diff_chunk_passes(v, has_empty_dict);
}

static bool delta_in_vl(const struct verdict *v)
{
    return diff_chunk_passes(v, has_delta_in_vl);
}

static bool no_blocksize(const struct verdict *v)
{
    return v->they && diff_chunk_passes(v, has_no_blocksize);
}

static bool plain_special(const struct verdict *v)
{
    return v->they && diff_chunk_passes(v, has_plain_special);
}

/* The peer masks the blocks of an array's chunks, special ones too, and counts them by the
 * chunk's header, or by the frame's for those that are in the index only. */
static bool other_blocks(const struct verdict *v)
{
    if (!v->they || v->in->kind != PEER_ARRAY) return false;
    return array_block(v->in) != (int32_t)tsr_load_BE32(v->in->p + 53) ||
           diff_chunk_passes(v, has_other_blocks);
}

/* What a broken stream is, and gives, is up to the library and its version. */
static bool broken_stream(const struct verdict *v)
{
    return !v->in->sound && (v->data || v->they) && diff_chunk_passes(v, has_library);
}

static bool has_zfp(const struct part *t)
{
    return t->c.codec && t->c.codec_id >= ZFP_FIRST && t->c.codec_id <= ZFP_LAST;
}

static bool broken_zfp(const struct verdict *v)
{
    return !v->in->sound && v->they && diff_chunk_passes(v, has_zfp);
}

/* It misreads an index of that kind too, and then finds no chunks. */
static bool two_deltas(const struct verdict *v)
{
    return !v->in->sound && diff_chunk_passes(v, has_two_deltas);
}

/* The peer reads single entries of the index, and of arrays what is inside of them. */
static bool delta_in_parts(const struct verdict *v)
{
    if (v->in->kind == PEER_CHUNK || !(v->they || v->data)) return false;
    if (diff_index_passes(v->in, has_delta_blocks)) return true;
    return v->in->kind == PEER_ARRAY && diff_chunk_passes(v, has_delta_blocks);
}

static bool old_bitshuffle(const struct verdict *v)
{
    return v->data && diff_chunk_passes(v, has_old_bitshuffle);
}

static bool buggy_tail(const struct verdict *v)
{
    return v->data && diff_chunk_passes(v, has_buggy_tail);
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
    uint32_t item = tsr_load_BE32(v->in->p + 48), block = tsr_load_BE32(v->in->p + 53);
    uint32_t chunk = tsr_load_BE32(v->in->p + 58);
    uint64_t nbytes = tsr_load_BE64(v->in->p + 30);
    return item && (block % item || chunk % item || nbytes % item);
}

/* The peer reads entries as items of the index, of which it expects that they have 8 bytes. */
static bool has_other_items(const struct part *t)
{
    return t->c.typesize != 8;
}

static bool index_items(const struct verdict *v)
{
    bool framed = v->in->kind != PEER_CHUNK;
    return framed && (v->they || v->data) && diff_index_passes(v->in, has_other_items);
}

/* The peer wants a side without items to have both chunks and blocks of 0 items, or neither, and
 * multiplies the sides before that one. */
static bool empty_sides(const struct verdict *v)
{
    tsr_options o = options();
    tsr_array *a;
    bool odd = false, empty = false, huge = false;
    int64_t n = 1;
    if (!v->they || v->in->kind != PEER_ARRAY) return false;
    if (tsr_array_from_frame(v->in->p, v->in->len, TSR_BORROW, &o, &a) < 0) return false;
    const tsr_spec *s = tsr_array_spec(a);
    for (int d = 0; d < s->ndim; d++) {
        empty |= s->shape[d] == 0;
        odd |= s->shape[d] == 0 && !s->chunks[d] != !s->blocks[d];
        huge |= !tsr_mul(n, tsr_max64(s->shape[d], 1), &n);
    }
    huge |= !tsr_mul(n, s->item_bytes, &n);
    check_ok(tsr_array_close(a));
    return empty && (odd || huge);
}

/* The peer takes the trailer of a frame without data to follow the header. */
static bool empty_with_gap(const struct verdict *v)
{
    if (!v->they || v->in->kind == PEER_CHUNK || v->in->len < 97 + 35) return false;
    uint32_t header = tsr_load_BE32(v->in->p + 11);
    uint32_t trailer = tsr_load_BE32(v->in->p + v->in->len - 22);
    return tsr_load_BE64(v->in->p + 30) == 0 && (uint64_t)header + trailer != v->in->len;
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
    {"special chunk, or header, of other blocks than the array", "3.2, 7.1: ignored", other_blocks},
    {"index chunk of another type size than 8", "7.2: any chunk will do", index_items},
    {"special chunk that is stored plain too", "3: special comes first", plain_special},
    {"zstd or zlib with flipped bits", "4.3: their libraries differ", broken_stream},
    {"zfp with flipped bits", "C.2: no whole words, read as if zeros followed", broken_zfp},
    {"delta twice", "5.4 [Q]: never written", two_deltas},
    {"delta and reading less than a chunk", "3.6 [Q]", delta_in_parts},
    {"bitshuffle of Blosc 1", "5.3 [Q]", old_bitshuffle},
    {"tails of filter 34", "5.8: undefined", buggy_tail},
    {"block_size or chunk_size is no multiple of type_size", "3.2, 7.2", broken_items},
    {"empty side with chunks and no blocks, or beside a huge one", "10.2: any where shape is 0",
     empty_sides},
    {"broken behind the items of an array", "3.6: what is not wanted", behind_items},
    {"gap in a frame without data", "7.4", empty_with_gap},
    {"filter slots of the header", "7.1: ignored", other_slots},
    {"index pages that were not asked for", "7.2, 14.20", later_pages},
    {"unknown codec or filter as default", "7.1", unknown_defaults},
    {"bytes after the frame", "7: only files may have them", bytes_behind},
};

enum { STRICT = sizeof strict / sizeof *strict, RULES = sizeof rules / sizeof *rules };

int diff_rule(const struct verdict *v)
{
    for (int i = 0; v->we && !v->they && !v->in->sound && i < STRICT; i++)
        if (strstr(v->text, strict[i].text)) return i;
    for (int i = 0; i < RULES; i++)
        if (rules[i].allows(v)) return STRICT + i;
    return -1;
}

const char *diff_rule_name(int i, const char **section)
{
    if (i >= STRICT + RULES) return NULL;
    *section = i < STRICT ? strict[i].section : rules[i - STRICT].section;
    return i < STRICT ? strict[i].text : rules[i - STRICT].name;
}
