/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/fuzz_sparse_struct.c - a sparse frame (blosc2.md 9) built in a folder has the chunks it was
 * built of; with some fields of its files changed, or a file missing, it is whatever the bytes
 * say, and what is written into it then comes back.
 *
 *   FOLDER/chunks.b2frame   header | index chunk | gap | trailer
 *   FOLDER/%08X.chunk       one chunk each */
#include <dirent.h>
#include <unistd.h>

#include "build_frame.h"

enum { LIMIT_READS = 100, ROOM = 1 << 16 };

static char folder[64];

static void remove_files(void)
{
    DIR *d = need(opendir(folder));
    struct dirent *e;
    char path[400];
    while ((e = readdir(d))) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) check(unlink(path) == 0);
    }
    closedir(d);
}

static void remove_folder(void)
{
    remove_files();
    rmdir(folder);
}

/* The folder of this process, emptied. */
static void begin(void)
{
    if (folder[0]) {
        remove_files();
        return;
    }
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/fuzz_XXXXXX" : "/tmp/fuzz_XXXXXX");
    check(mkdtemp(folder) != NULL);
    atexit(remove_folder);
}

static void save(const char *name, const struct image *im)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = need(fopen(path, "wb"));
    check(fwrite(im->b.p, 1, im->b.len, f) == im->b.len && fclose(f) == 0);
}

/* Chunk i under the number it got; one of them may be changed, or left out. */
static void save_chunk(struct input *in, const struct plan *p, int i, uint32_t times)
{
    struct image im = {0};
    char name[32];
    struct tsr_cparams c = p->params;
    if (!put_one(&im, in, &c, p, i)) {
        tsr_cparams_init(&c, p->type_size);
        check(put_one(&im, in, &c, p, i));
    }
    if (times && pick(in, 8) == 0) mutate(&im, in, times);
    snprintf(name, sizeof name, "%08X.chunk", i * 5 % 32);
    if (!times || pick(in, 16)) save(name, &im);
    image_free(&im);
}

static void save_frame(struct input *in, const struct plan *p, uint32_t times)
{
    struct image im = {0};
    int64_t entries[PLAN_CHUNKS];
    put_header(&im, p);
    set_big(&im, 26, 1, 1);
    put_metas(&im, p->meta, p->nmetas, false);
    size_t head = im.b.len;
    for (int i = 0; i < p->nchunks; i++) {
        entries[i] = i * 5 % 32;
        if (p->special[i]) entries[i] = (int64_t)((uint64_t)(0x80 | p->special[i]) << 56);
        else save_chunk(in, p, i, times);
    }
    if (p->nchunks) put_index(&im, in, entries, p->nchunks);
    if (p->nchunks) put_gap(&im, in);
    put_trailer(&im, p);
    set_big(&im, 11, head, 4);
    set_big(&im, 16, im.b.len, 8);
    set_big(&im, 39, 100000, 8);
    mutate(&im, in, times);
    save("chunks.b2frame", &im);
    image_free(&im);
}

/* Reads all; p: what must be there, NULL: anything may. */
static void read_all(const tsr_schunk *s, const struct plan *p)
{
    static uint8_t dst[ROOM];
    int64_t n = tsr_schunk_nchunks(s), bytes;
    check(!p || n == p->nchunks);
    for (int64_t i = 0; i < n && i < LIMIT_READS; i++) {
        int rc = tsr_schunk_chunk_bytes(s, i, &bytes);
        if (rc == TSR_OK && bytes <= ROOM) rc = tsr_schunk_read_chunk(s, i, dst, (size_t)bytes);
        if (!p) continue;
        check_ok(rc);
        check((size_t)bytes == p->data[i].n);
        check(loses(&p->params) || memcmp(dst, p->data[i].p, p->data[i].n) == 0);
    }
}

/* A chunk put at the end, where that can be, is there in the frame that is opened anew. */
static void write_and_find(const tsr_options *o)
{
    static uint8_t src[ROOM], dst[ROOM];
    tsr_options update = *o;
    tsr_schunk *s;
    int64_t bytes = 0;
    update.mode = "r+";
    if (tsr_schunk_open(folder, &update, &s) < 0) return;
    int64_t n = tsr_schunk_nchunks(s);
    bool known = n > 0 && n < 1000 && tsr_schunk_chunk_bytes(s, n - 1, &bytes) == TSR_OK;
    memset(src, 7, sizeof src);
    src[0] = 1;
    if (!known || bytes > ROOM || tsr_schunk_update_chunk(s, n - 1, src, (size_t)bytes) < 0 ||
        tsr_schunk_flush(s) < 0) {
        tsr_schunk_drop(s);
        return;
    }
    check_ok(tsr_schunk_close(s));
    check_ok(tsr_schunk_open(folder, o, &s));
    check_ok(tsr_schunk_read_chunk(s, n - 1, dst, (size_t)bytes));
    const tsr_schunk_spec *spec = tsr_schunk_spec_of(s);
    check(is_lossy(spec->steps, spec->nsteps) || memcmp(dst, src, (size_t)bytes) == 0);
    check_ok(tsr_schunk_close(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct plan p = {.type_size = pick_item(&in)};
    tsr_options o = options();
    tsr_schunk *s;
    uint32_t times = pick(&in, 5);
    begin();
    pick_params(&in, &p.params, p.type_size);
    p.chunk_bytes = (1 + (int64_t)pick(&in, 200)) * p.type_size;
    p.variable = pick(&in, 4) == 0;
    p.vl = pick(&in, 4) == 0;
    pick_metas(&in, &p);
    pick_chunks(&in, &p, (int)pick(&in, PLAN_CHUNKS), p.chunk_bytes);
    save_frame(&in, &p, times);
    int rc = tsr_schunk_open(folder, &o, &s);
    if (times == 0) check_ok(rc);
    if (rc == TSR_OK) {
        read_all(s, times ? NULL : &p);
        check_ok(tsr_schunk_close(s));
        write_and_find(&o);
    }
    plan_free(&p);
    return 0;
}
