/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/bench.h - engines, the data they are given, and the workloads they are measured with.
 *
 * A workload is defined once and runs against every engine through struct engine.  The peer's
 * engine lives in a module of its own, since its library exports the names of the codec
 * libraries that Tessera uses too: loaded apart, each keeps its own.  What is no race of two
 * engines is a study: pairs.c, size.c, memory.c. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limit.h"
#include "measure.h"
#include "probe.h"

enum { NDIM = 3, MAX_ROUNDS = 61, VL_BLOCKS = 64 };

/* What kind of numbers, see data.c. */
enum content { SMOOTH_F4, CURVE_F4, IMAGE_U2, TABLE_F8, STARS_U1, LABELS_U1, RECORDS, ZEROS };

/* An array, a super-chunk (ndim 1) or a chunk (shape[0] items), the same for all engines.
 * blocks 0: chosen by each engine's own rule. */
struct layout {
    enum content content;
    const char *dtype;
    int64_t item_bytes;
    int ndim;
    int64_t shape[NDIM], chunks[NDIM], blocks[NDIM];
    const char *codec, *filters; /* see parse_parts; filters NULL: none */
    int clevel;
    bool sparse;      /* on disk a folder with a file per chunk */
    double tolerance; /* how far items may be off; 0: not at all */
};

/* "trunc_prec/10,shuffle": names with their meta; "zstd/dict": a codec with a dictionary. */
struct part {
    char name[24];
    bool has_meta, dict;
    int meta;
};
enum { MAX_PARTS = 4 };
int parse_parts(const char *text, struct part out[MAX_PARTS]);

/* Functions give 0 (or a handle), or a negative number (or NULL) after which error() tells why.
 * path NULL: in memory. */
struct engine {
    const char *name;
    const char *(*version)(void);
    const char *(*error)(void);
    int (*start)(int threads);       /* before anything else */
    int (*set_threads)(int threads); /* of calls from now on; NULL: cannot */
    int (*no_cache)(void);           /* keeps no blocks from now on; NULL: it never does */

    /* arrays: save makes one of the data and closes it, load makes one and keeps it */
    int (*save)(const struct layout *l, const char *path, const void *data, size_t bytes);
    void *(*load)(const struct layout *l, const void *data, size_t bytes);
    void *(*create)(const struct layout *l, const char *path); /* zeros */
    void *(*open)(const char *path);
    int (*read)(void *a, const int64_t *start, const int64_t *count, void *dst, size_t bytes);
    int (*write)(void *a, const int64_t *start, const int64_t *count, const void *src,
                 size_t bytes);
    int (*resize)(void *a, const int64_t *shape);
    int (*flush)(void *a);
    int (*close)(void *a);
    int (*copy)(void *a, const struct layout *l, const char *path);   /* as l says, closed */
    int (*concat)(void *a, const struct layout *l, const char *path); /* a twice along axis 0 */

    /* super-chunks */
    void *(*row_create)(const struct layout *l, const char *path);
    void *(*row_open)(const char *path);
    int (*row_append)(void *s, const void *src, size_t bytes, int64_t item_bytes);
    int (*row_get)(void *s, int64_t start, int64_t n, void *dst);
    int (*row_flush)(void *s);
    int (*row_close)(void *s);
    /* chunks of blocks of any length: n equal ones of `bytes` each; one of them alone */
    int (*vl_append)(void *s, const void *src, size_t bytes, int64_t n);
    int (*vl_get)(void *s, int64_t chunk, int64_t block, void *dst, size_t bytes);

    /* chunks */
    void *(*codec_new)(const struct layout *l);
    int64_t (*compress)(void *c, const void *src, size_t n, void *dst, size_t cap);
    int (*decompress)(void *c, const void *src, size_t len, void *dst, size_t n);
    void (*codec_free)(void *c);
};

extern const struct engine engine_tessera;
/* The module's only symbol. */
typedef const struct engine *engine_peer_fn(void);

/* ---- data.c ---- */

size_t layout_bytes(const struct layout *l);
/* The whole content of a layout, in C order. */
void fill(const struct layout *l, void *dst);
/* Whether items are what they should be, or near enough. */
bool alike(const struct layout *l, const void *want, const void *got, size_t bytes);
uint64_t rnd(uint64_t *seed);
/* Copies a box between an array in C order and a contiguous buffer. */
void box_get(const struct layout *l, const void *array, const int64_t *start, const int64_t *count,
             void *box);
void box_put(const struct layout *l, void *array, const int64_t *start, const int64_t *count,
             const void *box);

/* ---- side.c, kinds.c, kinds_row.c, kinds_copy.c, workloads.c ---- */

/* How the boxes of a workload lie. */
enum pattern { WHOLE, PLANES, RANDOM, SLIDE };

struct workload;

/* A workload as it runs on one engine. */
struct side {
    const struct engine *e;
    const struct workload *w;
    void *handle;        /* of what is open */
    uint8_t *data, *buf; /* the content; room for one result */
    size_t data_bytes, buf_bytes;
    uint8_t *packed; /* a compressed chunk */
    size_t packed_cap, packed_len;
    int64_t (*boxes)[NDIM];    /* starts, [w->ops] */
    int64_t stored;            /* bytes that the container takes */
    char path[512], copy[520]; /* where it lies; what is made of it */
};

/* Whether there is a limit for whole arrays and planes, and which. */
enum limit_kind { LIMIT_NONE, LIMIT_DECODE, LIMIT_ENCODE };

/* prepare: makes what is to be read and opens it; fresh: takes away what the sample before made,
 * off the clock, NULL: nothing; sample: w->ops operations (or fewer: n);
 * check: true when what sample brought about is right; finish: closes and removes.
 * limit_file: what lies in memory, as a file at s->copy for the limit; NULL: it is a file. */
struct kind {
    int (*prepare)(struct side *s);
    int (*sample)(struct side *s, int n);
    bool (*check)(struct side *s);
    void (*finish)(struct side *s);
    enum limit_kind limit;
    int (*limit_file)(struct side *s);
    void (*fresh)(struct side *s);
};

struct workload {
    const char *group, *name;
    const struct kind *kind;
    struct layout layout;
    bool disk;
    enum pattern pattern;
    int axis;
    int64_t count[NDIM]; /* of a box */
    int64_t stride;      /* SLIDE: items between windows along axis 0 */
    int ops;             /* operations in a sample */
    int peer_ops;        /* the peer's, where it cannot do as many in the time; 0: as many */
    bool each;           /* flushed after every operation, not once per sample */
    double op_bytes;     /* decoded bytes of an operation, for GB/s; 0: of a box */
    double target;       /* of the peer's time / Tessera's; 0: 1 */
};

extern const struct kind kind_read, kind_write, kind_save, kind_grow, kind_open, kind_append,
    kind_row_get, kind_copy, kind_concat, kind_vl_append, kind_vl_get, kind_compress,
    kind_decompress;

size_t box_bytes(const struct workload *w);
/* Prepares a workload for e, with its content in data[bytes]; side_done takes it back, after
 * failure too. */
int side_init(struct side *s, const struct engine *e, const struct workload *w, const char *dir,
              uint8_t *data);
void side_done(struct side *s);
/* Makes the side fit for its next sample. */
void side_fresh(struct side *s);
/* How many operations a sample has. */
int side_ops(const struct side *s);

/* For the checks. */
enum { CHECKED = 16 }; /* boxes compared before the clock starts */
extern const int64_t origin[NDIM];
/* Bytes of a file, or of all files in a folder. */
int64_t stored_bytes(const char *path);
void remove_path(const char *path);

/* The tables; NULL past the end.  The second is that of pairs.c; target: of the scaling. */
const struct workload *workload_at(int i);
const struct workload *pool_workload_at(int i);

/* ---- row.c, pairs.c, size.c, memory.c ---- */

/* What the program was asked to do. */
struct setup {
    const struct engine *engines[2]; /* Tessera; its peer, NULL: none */
    struct limit_module {
        void *(*make)(const struct limit_plan *plan);
        int (*run)(void *limit, struct limit_time *took);
        void (*free)(void *limit);
    } limit; /* make NULL: none */
    int threads;
    double seconds;   /* for the samples of a row */
    double *patience; /* seconds left in this run to wait for a quiet machine */
    const char *dir;
    char **words;
    int nwords;
    bool list; /* workloads are named, not run */
};

/* Whether one of the words is part of "group name"; asked once for all that there is. */
bool wanted(const struct setup *p, const char *group, const char *name);

struct result {
    bool failed, peer, limited;
    char why[256];
    int rounds, left_out, disturbed; /* disturbed: of the rounds, when patience was at its end */
    struct sample sample[2][MAX_ROUNDS]; /* Tessera, peer */
    struct sample median[2], ratio;      /* ratio: peer / Tessera */
    struct sample limit;                 /* median */
    double best[2];
    double peak[2]; /* bytes of memory over those before the first sample */
    int64_t stored[2];
    double op_bytes, lost; /* lost: seconds that others took */
};

/* A race of both engines; how many failed: 0 or 1. */
int row_run(const struct setup *p, const struct workload *w);

/* Studies: each runs what is wanted of it, and says how many failed. */
int study_pool(const struct setup *p);
int study_threads(const struct setup *p);
int study_size(const struct setup *p);
int study_memory(const struct setup *p);

/* ---- report.c ---- */

void report_head(const struct setup *p);
void report_memcpy(double one, double two);
void report_row(const struct workload *w, const struct result *r);
void report_end(double seconds);
/* "2.17 ms" */
const char *show_time(double s, char buf[16]);
/* JSON beside the table; path NULL: none. */
int report_open(const char *path);
/* One more object in the list `section` of the JSON: what stands between its braces. */
void report_json(const char *section, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
