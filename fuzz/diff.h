/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/diff.h - the verdict on two answers about the same bytes, for fuzz_diff. */
#ifndef TSR_FUZZ_DIFF_H
#define TSR_FUZZ_DIFF_H

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

/* Both refuse, both give the same, or a rule says why not; counts the rules.  alive: the peer did
 * not die of the bytes. */
bool diff_allowed(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                  bool alive);
void diff_print(const struct bytes *in, const struct answers *ours, const struct facts *theirs,
                bool alive);

#endif
