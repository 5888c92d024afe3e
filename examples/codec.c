/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/codec.c - a codec of one's own, for times that go up by nearly the same each time.
 *
 * Of each time it keeps how much its step differs from the one before, as a number of as many
 * bytes as it needs, seven bits in each.  Files made with it open wherever it is registered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tessera/tessera.h>

enum { N = 100000, STEPS_ID = 200 }; /* 160..255 are free for programs */

static int steps_encode(void *user, const tsr_block_info *b, const void *src, size_t n, void *dst,
                        size_t cap, size_t *len)
{
    uint8_t *out = dst;
    uint64_t last = 0, step = 0, t;
    (void)user;
    if (b->typesize != 8 || n % 8) return TSR_EUNSUPPORTED;
    *len = 0; /* unless it fits */
    for (size_t i = 0, at = 0; i < n; i += 8) {
        memcpy(&t, (const uint8_t *)src + i, 8);
        uint64_t more = t - last - step, sign = 0 - (more >> 63);
        for (more = more << 1 ^ sign;; more >>= 7) { /* the sign goes last, so that -1 is short */
            if (at == cap) return 0;
            out[at++] = (uint8_t)(more < 128 ? more : more | 128);
            if (more < 128) break;
        }
        step = t - last;
        last = t;
        if (i + 8 == n) *len = at;
    }
    return 0;
}

static int steps_decode(void *user, const tsr_block_info *b, const void *src, size_t len, void *dst,
                        size_t n)
{
    const uint8_t *in = src;
    uint64_t last = 0, step = 0;
    size_t at = 0;
    (void)user;
    if (b->typesize != 8 || n % 8) return TSR_ECORRUPT;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t more = 0;
        for (int shift = 0;; shift += 7) {
            if (at == len || shift > 63) return TSR_ECORRUPT; /* files may hold anything */
            more |= (uint64_t)(in[at] & 127) << shift;
            if (in[at++] < 128) break;
        }
        step += more >> 1 ^ (0 - (more & 1));
        last += step;
        memcpy((uint8_t *)dst + i, &last, 8);
    }
    return at == len ? 0 : TSR_ECORRUPT;
}

static const tsr_user_codec steps = {.size = sizeof(tsr_user_codec),
                                     .name = "steps",
                                     .about = "times at nearly even steps",
                                     .blosc2_id = STEPS_ID,
                                     .encode = steps_encode,
                                     .decode = steps_decode,
                                     .whole = true};

/* Writes the times and reads them back. */
static int store(const char *url, const int64_t *times, const tsr_step *step)
{
    const int64_t shape[1] = {N};
    tsr_spec spec = {.size = sizeof spec, .dtype = "<i8", .ndim = 1, .shape = shape};
    tsr_stats stats = {.size = sizeof stats};
    int64_t *back = malloc(N * sizeof *back);
    tsr_array *a = NULL;
    spec.steps = step;
    spec.nsteps = step ? 1 : 0;
    int rc = back ? tsr_array_create(url, &spec, NULL, &a) : TSR_ENOMEM;
    if (rc == 0) rc = tsr_array_write(a, NULL, times, N * sizeof *times);
    if (rc == 0) rc = tsr_array_flush(a);
    if (rc == 0) rc = tsr_array_read(a, NULL, back, N * sizeof *back);
    if (rc == 0) rc = tsr_array_stats(a, &stats);
    if (rc == 0 && memcmp(times, back, N * sizeof *back) == 0)
        printf("%s: %lld bytes in %lld\n", step ? step->name : "default", (long long)stats.nbytes,
               (long long)stats.cbytes);
    tsr_array_close(a);
    free(back);
    return rc;
}

/* A context that does not know the codec says what it lacks. */
static int read_without(const char *url)
{
    tsr_context *other = NULL;
    tsr_array *a = NULL;
    int64_t one;
    tsr_slice first = {.count = (int64_t[]){1}};
    int rc = tsr_context_new(NULL, &other);
    tsr_options o = {.size = sizeof o, .context = other};
    if (rc == 0) rc = tsr_array_open(url, &o, &a);
    if (rc == 0 && tsr_array_read(a, &first, &one, sizeof one) == TSR_EUNSUPPORTED)
        printf("without it: %s\n", tsr_error());
    tsr_array_close(a);
    tsr_context_free(other);
    return rc;
}

int main(void)
{
    static int64_t times[N];
    const tsr_step step = {.name = "steps"};
    uint32_t noise = 1;
    for (int64_t i = 0; i < N; i++) { /* nanoseconds, every millisecond, a little late */
        noise = noise * 1664525 + 1013904223;
        times[i] = 1792540800000000000 + i * 1000000 + (noise >> 27);
    }
    int rc = tsr_codec_register(NULL, &steps);
    if (rc == 0) rc = store("times.b2nd", times, &step);
    if (rc == 0) rc = store("default.b2nd", times, NULL);
    if (rc == 0) rc = read_without("times.b2nd");
    if (rc < 0) fprintf(stderr, "codec: %s\n", tsr_error());
    return rc < 0;
}
