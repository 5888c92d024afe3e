/* SPDX-License-Identifier: BSD-3-Clause */
/* cli.h - what the verbs share.
 *
 * A verb is one file that ends in one const struct cli_verb, and one line in verbs.c.  It
 * returns an exit code: 0, cli_fail (a library call failed) or cli_usage (the call is wrong).
 * Data goes to stdout, messages and progress to stderr. */
#ifndef TESSERA_CLI_H
#define TESSERA_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tessera/tessera.h>

struct json_object;

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_MISSING = 3, CLI_CORRUPT = 4 };
enum { CLI_OPTIONS = 32 };

/* ---- verbs and their options ---- */

struct cli_option {
    const char *name;
    char letter;     /* 0: none */
    const char *arg; /* what its value is called; NULL: it takes none */
    const char *help;
};

struct cli_args;

struct cli_verb {
    const char *name, *usage, *summary;
    const char *const *examples;      /* command, what it does, ..., NULL */
    const struct cli_option *options; /* ends with name NULL */
    int min_args, max_args;           /* positional ones */
    int (*run)(struct cli_args *a);
    bool hidden;
};

struct cli_args {
    const struct cli_verb *verb;
    int npos;
    const char **pos;
    const char *value[CLI_OPTIONS]; /* like verb->options; NULL: not given, "" for a flag */
    const char **given;             /* [2 * ngiven]: name and value of each option, in order */
    int ngiven;
    tsr_context *context;
};

extern const struct cli_verb *const cli_verbs[]; /* ends with NULL */
extern const struct cli_option cli_globals[];    /* of every verb: threads, help, version */
const struct cli_verb *cli_verb_named(const char *name);

/* Tells the verb's context what the options say about servers, and that Ctrl-C ends waiting for
 * them.  0 or an exit code, the message being out (remote.c). */
int cli_set_remote(const struct cli_args *a);
bool cli_is_remote(const char *url);

/* Sorts argv into a: options may stand anywhere, long ones may be shortened, "--" ends them.
 * 0 or CLI_USAGE with a message; *global is set for --help ('h') and --version ('V'). */
int cli_parse(struct cli_args *a, int argc, char **argv, char *global);
const char *cli_value(const struct cli_args *a, const char *name); /* NULL: not given */
bool cli_has(const struct cli_args *a, const char *name);
/* The values of an option that may be given more than once, in turn; *n begins with 0.  NULL: no
 * more. */
const char *cli_each(const struct cli_args *a, const char *name, int *n);
void cli_help(const struct cli_verb *v, FILE *f);

/* Options that several verbs have, and the end of a list. */
#define CLI_END             \
    {                       \
        NULL, 0, NULL, NULL \
    }
#define CLI_JSON                      \
    {                                 \
        "json", 0, NULL, "print JSON" \
    }
#define CLI_FORCE                                   \
    {                                               \
        "force", 'f', NULL, "replace what is there" \
    }
#define CLI_SPARSE                                                    \
    {                                                                 \
        "sparse", 0, NULL, "make a folder with a file for each chunk" \
    }
#define CLI_LOCKING                                                                   \
    {                                                                                 \
        "locking", 0, NULL, "share the file with other programs, by c-blosc2's locks" \
    }
/* of verbs that change a file: cli_target_options */
#define CLI_TARGET \
    {"format", 0, "NAME", "format of the array (default: told by its content)"}, CLI_LOCKING
#define CLI_SLICE                                                                \
    {                                                                            \
        "slice", 's', "SLICE", "the part to take, as NumPy writes it: 10:20,:,3" \
    }
#define CLI_INPUT                                                               \
    {"format", 0, "NAME", "format of the file (default: told by its content)"}, \
        {"offset", 0, "BYTES", "where in the file it begins"},                  \
        {"dtype", 0, "DTYPE", "of a raw file: the type of its items"},          \
    {                                                                           \
        "shape", 0, "SHAPE", "of a raw file: its shape"                         \
    }
#define CLI_LAYOUT                                                                     \
    {"chunks", 0, "SHAPE", "shape of a chunk (default: about 4 MiB)"},                 \
        {"blocks", 0, "SHAPE",                                                         \
         "shape of a block, inside a chunk (default: about 64 KiB; Zarr: the chunk)"}, \
        {"codec", 0, "NAME", "codec, NAME or NAME:PARAM=N (default: zstd)"},           \
        {"clevel", 0, "0..9", "compression level (default: 5; Zarr: zstd's own)"},     \
        {"filter", 0, "LIST",                                                          \
         "filters, NAME or NAME:PARAM=N, or none (default: shuffle; Zarr: none)"},     \
    {                                                                                  \
        "checksum", 0, NULL, "keep checksums, which tessera verify compares"           \
    }

/* ---- reports ---- */

int cli_exit_code(int status);
/* "tessera: <verb>: <tsr_error()>"; returns the exit code of status. */
int cli_fail(const struct cli_args *a, int status);
int cli_usage(const struct cli_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A failure of our own, exit code 1. */
int cli_error(const struct cli_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "<what>: <strerror(errno)>"; exit code 3 when it is not there, 130 when interrupted, else 1. */
int cli_errno(const struct cli_args *a, const char *what);

const char *cli_spool_folder(void); /* where cli_spool puts them */

enum { CLI_SAID = 4096 };
const char *cli_said(const char *said, char text[CLI_SAID]);

enum { CLI_SIZE_TEXT = 32 };
const char *cli_size_text(double bytes, char text[CLI_SIZE_TEXT]);   /* "35.2 MB" */
int64_t cli_stored_bytes(const struct cli_args *a, const char *url); /* -1: not known */
enum { CLI_STORED_TEXT = CLI_SIZE_TEXT + 8 };
const char *cli_stored_text(int64_t bytes, char text[CLI_STORED_TEXT]); /* " (35.2 MB)", -1: "" */
double cli_now(void);

/* SIGINT and SIGTERM between these two make waiting reads fail, and are noted; a second one
 * kills. */
void cli_catch_signals(void);
void cli_release_signals(void);
bool cli_interrupted(void);

/* A bar with rate and time left on stderr, when that is a terminal. */
struct cli_progress {
    double start, shown;
    int64_t first; /* what was done when it began; -1: not known yet */
    bool on, drawn;
};
void cli_progress_start(struct cli_progress *p);
int cli_progress_show(void *p, int64_t done, int64_t total); /* a tsr_progress */
void cli_progress_clear(struct cli_progress *p);             /* before a line of text */
void cli_progress_end(struct cli_progress *p);

/* What convert --plan prints. */
void cli_plan_print(const tsr_copy_plan *p, bool json);

/* What a tsr_verify_fn hears, printed as it comes or, with --json, gathered in list. */
struct cli_problems {
    const char *prefix;       /* of lines about the container itself */
    struct json_object *list; /* for the caller to put; NULL: without --json */
    int64_t failed, corrupt;
    int other; /* the last failure of another kind than corrupt */
    struct cli_progress bar;
};
/* Sets list, starts the bar and makes it o's progress. */
void cli_problems_start(const struct cli_args *a, struct cli_problems *p, tsr_options *o);
void cli_problem(void *problems, int64_t chunk, int ndim, const int64_t *coords, tsr_status status,
                 const char *what);

/* ---- JSON, through json-c ---- */

struct json_object *cli_json_parse(const char *text); /* NULL: null or no JSON */
struct json_object *cli_json_ints(const int64_t *v, int n);
struct json_object *cli_json_packed(const void *buf, size_t len); /* MessagePack, else hex */
struct json_object *cli_json_dtype(const char *dtype);
struct json_object *cli_json_item(const char *dtype, const void *item);
void cli_json_add(struct json_object *o, const char *key, struct json_object *v); /* takes v */
void cli_json_print(struct json_object *o);                                       /* takes o */

/* What tessera info says of Zarr arrays besides (zarr.c), and the same for people, with a function
 * that begins a line; false: o is none. */
int cli_zarr_info(struct json_object *o, const tsr_array *a, const char *url);
bool cli_zarr_print(struct json_object *o, void (*label)(const char *name));

/* ---- text to numbers ---- */

/* "100,200" or "(100, 200)": 1 to TSR_MAX_NDIM numbers >= 0; their count, or -1. */
int cli_parse_shape(const char *text, int64_t v[TSR_MAX_NDIM]);
bool cli_parse_int(const char *text, int64_t *out);   /* also with K M G T (1024 ...) */
bool cli_parse_number(const char *text, double *out); /* nothing but a number */

/* A slice of an array: what to read, and the shape of the answer (an integer index drops its
 * axis). */
struct cli_selection {
    int ndim;
    int64_t start[TSR_MAX_NDIM], count[TSR_MAX_NDIM], step[TSR_MAX_NDIM];
    bool drop[TSR_MAX_NDIM];
    int64_t items;
};
/* NULL or "": everything.  false: *why says what is wrong. */
bool cli_parse_slice(const char *text, int ndim, const int64_t *shape, struct cli_selection *out,
                     char why[128]);
int cli_selection_shape(const struct cli_selection *s, int64_t shape[TSR_MAX_NDIM]);

/* ---- sources: anything that holds items ---- */

struct cli_source {
    tsr_kind kind;
    tsr_array *array;
    tsr_schunk *schunk;
    void *bytes; /* of a chunk, as stored */
    size_t len;
    char *spooled; /* standard input as a file of ours */
    const char *format;
    char dtype_text[24]; /* of super-chunks and chunks */
    const char *dtype;
    int64_t item_bytes;
    int ndim;
    int64_t shape[TSR_MAX_NDIM];
    const tsr_options *options;
};

/* Options of a verb with CLI_INPUT; raw is used when --dtype and --shape are given.  mode as
 * in tsr_options.  0 or CLI_USAGE. */
int cli_input_options(const struct cli_args *a, const char *mode, tsr_options *o, tsr_spec *raw,
                      int64_t shape[TSR_MAX_NDIM]);
/* Opens url ("-": standard input) whatever it is but a group.  0 or an exit code, the message being
 * out.  find: of a group only kind and format are filled. */
int cli_source_find(const struct cli_args *a, const char *url, const tsr_options *o,
                    struct cli_source *out);
int cli_source_open(const struct cli_args *a, const char *url, const tsr_options *o,
                    struct cli_source *out);
int cli_source_read(const struct cli_source *s, const struct cli_selection *sel, void *dst,
                    size_t dst_bytes);
int cli_source_stats(const struct cli_source *s, tsr_stats *out);
void cli_source_close(struct cli_source *s);
/* Standard input copied into a temporary file, whose new name is returned; NULL: errno. */
char *cli_spool(void);
/* The file to open for url: itself, or for "-" *spooled, which cli_unspool removes and frees.
 * NULL: the message is out, *rc is the exit code. */
const char *cli_unpipe(const struct cli_args *a, const char *url, char **spooled, int *rc);
void cli_unspool(char *spooled);
/* Bytes of a file from offset on, at most most; NULL: errno, and 0 when it is longer. */
void *cli_read_file(const char *path, uint64_t offset, size_t most, size_t *len);

/* Cuts a selection into slabs that follow each other in C order, reads and hands out each.
 * Memory: about 64 MiB, or a row of chunks.  fn gets the slab as a selection of the source. */
typedef int (*cli_slab_fn)(void *user, const struct cli_selection *slab, const void *data,
                           size_t len);
int cli_slabs(const struct cli_source *s, const struct cli_selection *sel, cli_slab_fn fn,
              void *user);
/* The same without reading: data is NULL. */
int cli_slab_shapes(const struct cli_source *s, const struct cli_selection *sel, cli_slab_fn fn,
                    void *user);

/* ---- items of variable length: arrays whose item_bytes is 0 ---- */

struct json_object;
bool cli_is_loose(const struct cli_source *s);
/* Refuses them; array NULL: there are none.  0 or an exit code, the message being out. */
int cli_check_fixed(const struct cli_args *a, const tsr_array *array);
/* Those of a selection as text, each to be freed, also after a failure; text[sel->items] is
 * NULL before.  A status. */
int cli_loose_read(const struct cli_source *s, const struct cli_selection *sel, char **text);
struct json_object *cli_loose_fill(const char *dtype, const void *fill); /* as tsr_spec has it */

/* ---- targets: files that a verb changes ---- */

tsr_options cli_target_options(const struct cli_args *a); /* for a verb with CLI_TARGET */
/* Closes the array or super-chunk (the other is NULL).  With a code other than 0 what was done to
 * it is forgotten.  The exit code. */
int cli_target_close(const struct cli_args *a, tsr_array *array, tsr_schunk *s, int code);

/* ---- results ---- */

/* A file that appears under its name when it is complete; "-": standard output. */
struct cli_output {
    FILE *f;
    const char *path;
    char *hidden;
    int err; /* errno of the write that failed */
};
bool cli_may_write(const struct cli_args *a, const char *path); /* else the message is out */
/* Of an array to be created: path has a suffix that tells a format, or names something inside, or
 * --format is given; else
 * CLI_USAGE, the message being out. */
int cli_check_suffix(const struct cli_args *a, const char *path);
/* What is read must not be replaced meanwhile: CLI_USAGE when both are the same file. */
int cli_check_differ(const struct cli_args *a, const char *in, const char *out);
/* A name beside path, with its suffix, to write to first (freed by the caller); and its end:
 * renamed to path when the work is good, else removed. */
char *cli_hidden_name(const char *path);
int cli_publish(const struct cli_args *a, const char *hidden, const char *path, bool good);
int cli_output_open(const struct cli_args *a, const char *path, struct cli_output *out);
int cli_output_close(const struct cli_args *a, struct cli_output *out, bool keep);

/* A file for standard output that must be written by name: a name in a new folder of ours, and
 * its way out, after which both are gone. */
#define CLI_PIPE_PREFIX "/tmp/tessera-out-"
enum { CLI_PIPE_PATH = 64 };
int cli_pipe_begin(const struct cli_args *a, char path[CLI_PIPE_PATH]);
int cli_pipe_end(const struct cli_args *a, const char *path, bool send);

bool cli_is_filter(const char *name); /* else it is a codec, or unknown */

/* What to create, from --chunks --blocks --codec --clevel --filter; base (may be NULL) fills
 * in the steps that are not given.  0 or CLI_USAGE. */
enum { CLI_PARAMS = 80 };
struct cli_layout {
    tsr_spec spec;
    int64_t shape[TSR_MAX_NDIM], chunks[TSR_MAX_NDIM], blocks[TSR_MAX_NDIM];
    tsr_step steps[8];
    char names[256], codec[96], params[8][CLI_PARAMS];
};
int cli_layout(const struct cli_args *a, int ndim, const tsr_spec *base, struct cli_layout *out);

/* Prints items as NumPy does.  0 or an exit code. */
int cli_print_items(const struct cli_args *a, const struct cli_source *s,
                    const struct cli_selection *sel, FILE *f);
/* n numbers as NumPy aligns them in an array, text[i] is malloc'ed; false: no memory. */
bool cli_format_floats(const char *dtype, const void *items, int64_t item_bytes, int64_t n,
                       char **text);
bool cli_format_complex(const char *dtype, const void *items, int64_t item_bytes, int64_t n,
                        char **text);

#endif
