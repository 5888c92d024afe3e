/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/journal.h - a conversion that can go on after an interruption.
 *
 *   x.b2nd.partial/journal        what is converted into what, and how far it is
 *   x.b2nd.partial/x.b2nd         the target, which gets its name when it is complete
 *   x.b2nd.partial/between.b2nd   the array between two passes, if there are two (or in tmp)
 *   x.zarr.partial/x.zarr.old     what it replaced, where names cannot be exchanged in one step
 *
 *   tessera convert 1             the first line
 *   source x.npy                  facts, one per line: who goes on must have the same
 *   ...
 *   begin
 *   done 1 17                     17 boxes of pass 1 are in the file that it writes, flushed
 *   complete                      the target is, and may have its name already
 *   naming 1f2e3d                 tsr_path_id of the folder that is about to get it
 *   named                         what is still here is what it replaced
 *
 * The folder is locked while someone works on it.  Lines are appended after the flush of what they
 * tell; a last line that is not whole does not count. */
#ifndef TSR_OPS_JOURNAL_H
#define TSR_OPS_JOURNAL_H

#include <tessera/tessera.h>

#include "base/mem.h"
#include "store/store.h"
#include "sys/folder.h"

struct tsr_journal {
    struct tsr_folder folder;
    struct tsr_file file;
    uint64_t end;  /* of its lines */
    char *target;  /* URL of the target on its way */
    char *between; /* URL */
    char *dst;     /* path that the target is to have */
    int pass;      /* 1 or 2: in which it is */
    int64_t done;  /* boxes of it */
    bool resumed;  /* there was something to go on with */
    bool complete; /* and no more to do but to give the target its name */
    bool named;    /* it has, and what it replaced is to go */
    bool replace, durable;
    uint64_t naming; /* 0: nobody has begun to */
    uint64_t stamp;  /* of the source when the facts were taken; 0: not known */
    bool moved;      /* the source has another by now: what is done is of no use */
};

#define TSR_JOURNAL_FIRST "tessera convert 1\n"

/* Takes up what size bytes of a journal say; facts NULL: only looks whether they are one.
 * ECORRUPT; ECONFLICT: they are of other facts. */
int tsr_journal_take(struct tsr_journal *j, const char *p, size_t size,
                     const struct tsr_buf *facts);
/* ECORRUPT: of its pass more is done than most, which is all; -1: there is no such pass. */
int tsr_journal_within(const struct tsr_journal *j, int64_t most);

/* Lines of facts: a name and numbers; what an array is. */
int tsr_facts_ints(struct tsr_buf *out, const char *name, const int64_t *v, int n);
int tsr_facts_array(struct tsr_buf *out, const char *which, const tsr_array *a);
/* What is asked of the coding of what is written. */
int tsr_facts_coding(struct tsr_buf *out, const tsr_spec *s, const tsr_options *o);

/* Is there what an interrupted conversion to dst (a local URL) left? */
int tsr_journal_there(const char *dst, bool *there);

/* Begins the conversion to dst, which facts (lines) describe, or goes on with it.  EEXISTS: there
 * is one already, and neither resume nor o->mode "w" says what to do with it; ECONFLICT: someone
 * works on it, or it is of other facts. */
int tsr_journal_begin(const char *dst, const struct tsr_buf *facts, const tsr_options *o,
                      struct tsr_journal *j);
/* Of a target that is a folder: what a writer that was killed was about to rename goes. */
int tsr_journal_sweep(const struct tsr_journal *j);
/* What is left of a target of which nothing is done goes. */
int tsr_journal_clear(const struct tsr_journal *j);
/* So many boxes of a pass are flushed. */
int tsr_journal_done(struct tsr_journal *j, int pass, int64_t boxes);
/* May work begin, or go on, on what was read of src when it had this stamp?  ECORRUPT: as within;
 * EEXISTS: someone else took the name; ECONFLICT: whether src is still what the work was begun from
 * is not known.  Then it has ended, and what was there stays. */
int tsr_journal_enter(struct tsr_journal *j, const char *src, uint64_t stamp, int64_t most);
/* The copy of src, a node of st (NULL: all of it), came to rc.  ECONFLICT: src changed by then. */
int tsr_journal_compare(struct tsr_journal *j, const char *src, struct tsr_store *st,
                        const char *node, int rc);
/* Ends the work, which came to rc; the target is closed.  When all is there it gets its name; else
 * what is done stays if it can be gone on with. */
int tsr_journal_end(struct tsr_journal *j, int rc);

/* A number that is another, as a rule, when what a reads from has changed; 0: not known. */
int tsr_source_stamp(const tsr_array *a, uint64_t *stamp);
/* The same of a node of a folder and what is below it; of all else, whatever the node, of all. */
int tsr_node_stamp(struct tsr_store *st, const char *node, uint64_t *stamp);

#endif
