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

/* Our facts, and the texts of refusals. */
struct answers {
    struct facts facts;
    char text[PEER_FACTS][256];
};

static inline struct fact *say(struct answers *a, int what, int index, int status)
{
    struct fact *f = add_fact(&a->facts, what, index, status);
    char *text = a->text[f - a->facts.v];
    snprintf(text, sizeof *a->text, "%s", status < 0 ? tsr_error() : "");
    return f;
}

/* Two facts that differ: one was refused, or the data is another. */
struct verdict {
    const struct bytes *in;
    const struct answers *ours;
    const struct facts *theirs;
    bool alive, we, they, data; /* the peer lives; who refused; both did not */
    const struct fact *fact;    /* ours */
    const char *text;           /* of our refusal */
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

/* Of each fact: both refuse it, both give the same, or a rule says why not; counts which it was.
 * alive: the peer did not die of the bytes. */
bool diff_allowed(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                  bool alive);
void diff_print(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                bool alive);

#endif
