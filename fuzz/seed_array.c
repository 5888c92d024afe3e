/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz/seed_array.c - writes the kept corpora of fuzz_b2nd and fuzz_npy: seed_array FOLDER
 * NPY_FOLDER.  Small arrays of all dimensions, dtypes, codecs and kinds of chunks. */
#include <stdio.h>
#include <stdlib.h>

#include <tessera/tessera.h>

static void check(int rc)
{
    if (rc == TSR_OK) return;
    fprintf(stderr, "%s\n", tsr_error());
    exit(1);
}

static void write_some(tsr_array *a, int kind)
{
    tsr_stats st = {.size = sizeof st};
    check(tsr_array_stats(a, &st));
    unsigned char *p = calloc(1, (size_t)st.nbytes + 1);
    for (int64_t i = 0; i < st.nbytes && p && kind; i++)
        p[i] = (unsigned char)(kind == 1 ? i / 5 : i * 2654435761u >> 13);
    if (!p) exit(1);
    check(tsr_array_write(a, NULL, p, (size_t)st.nbytes));
    free(p);
}

static void seed(const char *folder, const char *suffix, const tsr_spec *s, int kind)
{
    char path[1024];
    tsr_array *a;
    snprintf(path, sizeof path, "%s/%dd_%s_%s_%d%s", folder, s->ndim, s->dtype + 1,
             s->nsteps ? s->steps[s->nsteps - 1].name : "default", kind, suffix);
    tsr_options o = {.size = sizeof o, .format = suffix[0] ? "b2nd" : "npy"};
    check(tsr_array_create(path, s, &o, &a));
    if (kind) write_some(a, kind);
    if (kind == 2 && suffix[0]) check(tsr_array_attr_set(a, "name", "[1, \"two\", null]"));
    check(tsr_array_close(a));
}

int main(int argc, char **argv)
{
    static const char *const dtypes[] = {"|u1", "<i2", "<f4", ">f8", "|S3"};
    static const char *const codecs[] = {"blosclz", "lz4", "zlib", "zstd", "lz4hc"};
    int64_t shape[6] = {7, 5, 4, 3, 2, 2}, chunks[6] = {4, 3, 2, 3, 1, 2},
            blocks[6] = {2, 3, 1, 2, 1, 1};
    if (argc != 3) return 2;
    for (int i = 0; i < 15; i++) {
        tsr_step steps[2] = {{i % 2 ? "shuffle" : "bitshuffle", NULL}, {codecs[i % 5], NULL}};
        tsr_spec s = {.size = sizeof s,
                      .dtype = dtypes[(i + i / 5) % 5],
                      .ndim = i % 5,
                      .shape = shape,
                      .chunks = chunks,
                      .blocks = blocks,
                      .steps = steps,
                      .nsteps = 2};
        if (i == 11) s.uninit = true;
        seed(argv[1], ".b2nd", &s, i % 3);
        s.nsteps = 0;
        if (i < 5) seed(argv[2], "", &s, 1);
    }
    return 0;
}
