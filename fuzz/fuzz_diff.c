/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_diff.c - the same bytes to Tessera and to c-blosc2: both refuse them, or both give
 * the same data, or a rule of diff_rules.c says why not.
 *
 *   0     1
 *   | kind| bytes (kinds 0..2: a chunk, a frame, an array) or what to build and change (3..5)
 *
 * The peer runs in a program beside this one (peer_blosc2.c).  The rules that were used are
 * counted and printed at the end. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build_array.h"
#include "diff.h"

extern char **environ;

/* The peer's program while it runs, and the memory shared with it. */
struct link {
    struct exchange *x;
    int shared, to, from;
    pid_t pid;
    unsigned asked;
};

/* The program lies beside this one.  Its fresh memory holds no zeros, so that what the peer
 * never wrote is seen. */
static void start(struct link *l)
{
    char path[4096];
    int to[2], from[2];
    posix_spawn_file_actions_t fa;
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 20);
    check(len > 0);
    path[len] = 0;
    strcpy(strrchr(path, '/'), "/peer_blosc2");
    check(pipe(to) == 0 && pipe(from) == 0 && posix_spawn_file_actions_init(&fa) == 0);
    check(posix_spawn_file_actions_adddup2(&fa, to[0], 0) == 0);
    check(posix_spawn_file_actions_adddup2(&fa, from[1], 1) == 0);
    check(posix_spawn_file_actions_adddup2(&fa, l->shared, PEER_SHARED_FD) == 0);
    check(posix_spawn_file_actions_addclose(&fa, to[1]) == 0);
    check(posix_spawn(&l->pid, path, &fa, NULL, (char *[]){path, NULL}, environ) == 0);
    posix_spawn_file_actions_destroy(&fa);
    close(to[0]);
    close(from[1]);
    l->to = to[1];
    l->from = from[0];
    l->asked = 0;
}

/* libFuzzer's timer interrupts what waits. */
static void stop(struct link *l)
{
    pid_t pid;
    close(l->to);
    close(l->from);
    do pid = waitpid(l->pid, NULL, 0);
    while (pid < 0 && errno == EINTR);
    check(pid == l->pid);
    l->pid = 0;
}

static bool ask(const struct link *l)
{
    char done = 0;
    ssize_t n;
    do n = write(l->to, &done, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1) return false;
    do n = read(l->from, &done, 1);
    while (n < 0 && errno == EINTR);
    return n == 1;
}

static struct link *peer(void)
{
    static struct link l;
    if (!l.x) {
        setenv("MALLOC_PERTURB_", "90", 1);
        signal(SIGPIPE, SIG_IGN);
        FILE *file = need(tmpfile());
        l.shared = fileno(file);
        check(ftruncate(l.shared, sizeof *l.x) == 0);
        l.x = mmap(NULL, sizeof *l.x, PROT_READ | PROT_WRITE, MAP_SHARED, l.shared, 0);
        check(l.x != MAP_FAILED);
    }
    if (!l.pid) start(&l);
    return &l;
}

/* False: the peer died of it. */
static bool ask_peer(const struct bytes *in, struct facts *out)
{
    enum { LEAKS = 1000 }; /* what a peer that survives so many bytes may have left behind */
    struct link *l = peer();
    l->x->kind = in->kind;
    l->x->len = (uint32_t)in->len;
    l->x->facts.n = 0;
    memcpy(l->x->bytes, in->p, in->len);
    bool alive = ask(l);
    *out = l->x->facts;
    if (!alive || ++l->asked == LEAKS) stop(l);
    return alive;
}

/* ---- ours ---- */

static bool chunk_is_uninit(const uint8_t *p, size_t len)
{
    struct tsr_chunk c;
    return tsr_chunk_parse(&c, p, len, len, tsr_limit(PEER_DECODED)) == TSR_OK &&
           c.special == TSR_SPECIAL_UNINIT;
}

static void ask_chunk(const struct bytes *in, struct answers *a)
{
    static uint8_t dst[PEER_DECODED];
    tsr_options o = options();
    tsr_chunk_facts facts = {.size = sizeof facts};
    int rc = tsr_chunk_info(in->p, in->len, &facts);
    size_t n = rc < 0 ? 0 : (size_t)facts.nbytes;
    if (rc == TSR_OK && n > sizeof dst) rc = TSR_ELIMIT;
    if (rc == TSR_OK) rc = tsr_decompress(in->p, in->len, &o, dst, n);
    struct fact *v = say(a, FACT_CHUNK, 0, rc);
    v->any = chunk_is_uninit(in->p, in->len);
    v->n = (int64_t)n;
    v->digest = rc < 0 ? 0 : digest(DIGEST_START, dst, n);
}

/* Uninitialised chunks hold anything (3.2). */
static bool is_uninit(const tsr_schunk *s, int64_t i)
{
    void *p = NULL;
    size_t len = 0;
    bool uninit = tsr_schunk_get_chunk(s, i, &p, &len) == TSR_OK && chunk_is_uninit(p, len);
    tsr_free(p);
    return uninit;
}

static void ask_metas(const tsr_schunk *s, tsr_meta_kind kind, struct answers *a)
{
    for (int i = 0; i < tsr_schunk_meta_count(s, kind); i++) {
        const char *name = tsr_schunk_meta_name(s, kind, i);
        void *p = NULL;
        size_t len = 0;
        int rc = tsr_schunk_meta_get(s, kind, name, &p, &len);
        struct fact *v = say(a, kind == TSR_META ? FACT_META : FACT_VLMETA, i, rc);
        v->n = (int64_t)len;
        v->digest = digest(digest(DIGEST_START, name, strlen(name)), p, len);
        tsr_free(p);
    }
}

static void ask_frame(const struct bytes *in, struct answers *a)
{
    static uint8_t dst[PEER_DECODED];
    tsr_options o = options();
    tsr_stats st = {.size = sizeof st};
    tsr_schunk *s;
    int rc = tsr_schunk_from_frame(in->p, in->len, TSR_BORROW, &o, &s);
    struct fact *v = say(a, FACT_FRAME, 0, rc);
    if (rc < 0) return;
    check_ok(tsr_schunk_stats(s, &st));
    v->n = st.nbytes;
    v->digest = digest_number(digest_number(DIGEST_START, tsr_schunk_nchunks(s)),
                              tsr_schunk_spec_of(s)->item_bytes);
    ask_metas(s, TSR_META, a);
    ask_metas(s, TSR_VLMETA, a);
    for (int64_t i = 0; i < tsr_schunk_nchunks(s) && i < 100; i++) {
        int64_t n = 0;
        rc = tsr_schunk_chunk_bytes(s, i, &n);
        if (rc == TSR_OK && n > PEER_DECODED) rc = TSR_ELIMIT;
        if (rc == TSR_OK) rc = tsr_schunk_read_chunk(s, i, dst, (size_t)n);
        v = say(a, FACT_CHUNK, (int)i, rc);
        v->any = is_uninit(s, i);
        v->n = n;
        v->digest = rc < 0 ? 0 : digest(DIGEST_START, dst, (size_t)n);
    }
    check_ok(tsr_schunk_close(s));
}

static bool some_uninit(const struct bytes *in)
{
    tsr_options o = options();
    tsr_schunk *s;
    bool some = false;
    if (tsr_schunk_from_frame(in->p, in->len, TSR_BORROW, &o, &s) < 0) return false;
    for (int64_t i = 0; i < tsr_schunk_nchunks(s) && i < 1000 && !some; i++) some = is_uninit(s, i);
    check_ok(tsr_schunk_close(s));
    return some;
}

static void ask_array(const struct bytes *in, struct answers *a)
{
    static uint8_t dst[PEER_DECODED];
    tsr_options o = options();
    tsr_stats st = {.size = sizeof st};
    tsr_array *t;
    int rc = tsr_array_from_frame(in->p, in->len, TSR_BORROW, &o, &t);
    struct fact *v = say(a, FACT_ARRAY, 0, rc);
    if (rc < 0) return;
    const tsr_spec *s = tsr_array_spec(t);
    v->n = s->ndim;
    v->digest = digest_number(DIGEST_START, s->item_bytes);
    for (int d = 0; d < s->ndim; d++) v->digest = digest_number(v->digest, s->shape[d]);
    check_ok(tsr_array_stats(t, &st));
    if (st.nbytes <= PEER_DECODED) {
        rc = tsr_array_read(t, NULL, dst, (size_t)st.nbytes);
        v = say(a, FACT_DATA, 0, rc);
        v->any = some_uninit(in);
        v->n = st.nbytes;
        v->digest = rc < 0 ? 0 : digest(DIGEST_START, dst, (size_t)st.nbytes);
    }
    check_ok(tsr_array_close(t));
}

static void compare(const struct bytes *in)
{
    static struct answers ours;
    static struct facts theirs;
    if (in->len > PEER_BYTES) return;
    memset(&ours, 0, sizeof ours);
    if (in->kind == PEER_CHUNK) ask_chunk(in, &ours);
    else if (in->kind == PEER_FRAME) ask_frame(in, &ours);
    else ask_array(in, &ours);
    bool alive = ask_peer(in, &theirs);
    if (diff_allowed(in, &ours, &theirs, alive)) return;
    if (alive && peer()->asked) stop(peer());
    alive = ask_peer(in, &theirs);
    if (diff_allowed(in, &ours, &theirs, alive)) return;
    diff_print(in, &ours, &theirs, alive);
    abort();
}

/* ---- what is asked about ---- */

static void build_chunk(struct input *in, struct image *im)
{
    struct tsr_cparams p;
    pick_params(in, &p, pick_item(in));
    struct data d = make_data(in, pick(in, 12000));
    if (d.n > 0 && pick(in, 4) == 0) (void)put_vl_chunk(im, in, &p, &d);
    else (void)put_chunk(im, &p, &d);
    free(d.p);
}

static void build_frame(struct input *in, struct image *im, bool odd)
{
    struct plan p = {.type_size = pick_item(in)};
    pick_params(in, &p.params, p.type_size);
    p.chunk_bytes = (1 + (int64_t)pick(in, 300)) * p.type_size;
    p.variable = pick(in, 4) == 0;
    p.vl = pick(in, 4) == 0;
    pick_metas(in, &p);
    pick_chunks(in, &p, (int)pick(in, PLAN_CHUNKS), p.chunk_bytes);
    put_frame(im, in, &p, odd);
    plan_free(&p);
}

static void build_array(struct input *in, struct image *im, bool odd)
{
    struct plan p = {0};
    struct shape s = {0};
    pick_array(in, &s, &p);
    put_frame(im, in, &p, odd);
    plan_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct image im = {0};
    uint32_t kind = pick(&in, 6);
    if (kind < 3) {
        compare(&(struct bytes){(enum peer_kind)kind, in.p, in.left, false});
        return 0;
    }
    uint32_t times = pick(&in, 4);
    bool odd = pick(&in, 4) == 0;
    if (kind == 3) build_chunk(&in, &im);
    else if (kind == 4) build_frame(&in, &im, odd);
    else build_array(&in, &im, odd);
    mutate(&im, &in, times);
    struct bytes built = {(enum peer_kind)(kind - 3), im.b.p, im.b.len, !odd && times == 0};
    if (im.b.len) compare(&built);
    image_free(&im);
    return 0;
}
