/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/diff.h - the verdict on two answers about the same bytes, for fuzz_diff. */
#ifndef TSR_FUZZ_DIFF_H
#define TSR_FUZZ_DIFF_H

#include "chunk/chunk.h"
#include "fuzz.h"
#include "peer.h"

struct bytes {
    enum peer_kind kind;
    const uint8_t *p;
    size_t len;
    bool sound; /* by the specification: refusing them is a mistake */
};

/* Our facts, and the text of the first refusal. */
struct answers {
    struct facts facts;
    bool refused;
    char text[512];
};

static inline struct fact *say(struct answers *a, int what, int index, int status)
{
    if (status < 0 && !a->refused) {
        a->refused = true;
        snprintf(a->text, sizeof a->text, "%s", tsr_error());
    }
    return add_fact(&a->facts, what, index, status);
}

struct verdict {
    const struct bytes *in;
    const struct answers *ours;
    const struct facts *theirs;
    bool alive, we, they;            /* the peer lives; who refused something */
    const struct fact *mine, *other; /* the first two that differ, NULL: none */
};

/* The number of the rule that allows the difference, -1: none does. */
int diff_rule(const struct verdict *v);
/* NULL behind the last. */
const char *diff_rule_name(int i, const char **section);

struct part {
    struct tsr_chunk c;
    const uint8_t *p;
    const struct bytes *in; /* what it is part of */
};
typedef bool chunk_test(const struct part *t);

/* Does the chunk that is answered differently pass the test, or the index, or a vlmetalayer, or,
 * of an array, any chunk? */
bool diff_chunk_passes(const struct verdict *v, chunk_test *test);
/* Does the frame's index chunk? */
bool diff_index_passes(const struct bytes *in, chunk_test *test);

/* Both refuse, both give the same, or a rule says why not; counts which it was.  alive: the peer did
 * not die of the bytes. */
bool diff_allowed(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                  bool alive);
void diff_print(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                bool alive);

#endif
