/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/report.c - the table on stdout, and the same for machines as JSON.
 *
 * The JSON is one object: a few facts, then a list of objects per section ("rows", "pool", ...),
 * then the summary. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { NAMES = 8192 };

static FILE *json;
static const char *section; /* the list of the JSON that is open */
static double logs;
static int compared, rounds, left_out;

/* Names of rows, and how many. */
static struct names {
    int n;
    char text[NAMES];
} slow, under;

int report_open(const char *path)
{
    if (!path) return 0;
    json = fopen(path, "w");
    if (!json) perror(path);
    return json ? 0 : -1;
}

void report_head(const struct setup *p)
{
    const char *mine = p->engines[0]->version();
    const char *peer = p->engines[1] ? p->engines[1]->version() : NULL;
    printf("tessera %s%s%s, %d threads; nothing is synced to the device\n", mine,
           peer ? " beside c-blosc2 " : "", peer ? peer : "", p->threads);
    if (json)
        fprintf(json, "{\"tessera\": \"%s\", \"peer\": \"%s\", \"threads\": %d", mine,
                peer ? peer : "", p->threads);
}

void report_memcpy(double one, double two)
{
    printf("memcpy of 64 MiB: %.1f GB/s with 1 thread, %.1f GB/s with 2\n", one / 1e9, two / 1e9);
    if (json) fprintf(json, ",\n \"memcpy_1\": %.4g, \"memcpy_2\": %.4g", one, two);
}

void report_json(const char *name, const char *format, ...)
{
    va_list args;
    if (!json) return;
    bool begins = !section || strcmp(section, name) != 0;
    if (begins && section) fprintf(json, "\n ]");
    if (begins) fprintf(json, ",\n \"%s\": [", name);
    fprintf(json, "%s\n  {", begins ? "" : ",");
    section = name;
    va_start(args, format);
    vfprintf(json, format, args);
    va_end(args);
    fprintf(json, "}");
}

const char *show_time(double s, char buf[16])
{
    if (s < 1e-3) snprintf(buf, 16, "%.2f us", s * 1e6);
    else if (s < 1) snprintf(buf, 16, "%.2f ms", s * 1e3);
    else snprintf(buf, 16, "%.2f s", s);
    return buf;
}

/* "a / b" in MB; unknown ones are left out. */
static const char *show_pair(double a, double b, bool both, char buf[32])
{
    if (a < 0 || (both && b < 0)) snprintf(buf, 32, "-");
    else if (a == 0 && b == 0) snprintf(buf, 32, "-");
    else if (both) snprintf(buf, 32, "%.1f /%6.1f", a / 1e6, b / 1e6);
    else snprintf(buf, 32, "%.1f", a / 1e6);
    return buf;
}

/* ---- rows ---- */

/* Does Tessera call a library for it that the peer calls too?  It has decoders of its own for LZ4,
 * and all of BloscLZ. */
static bool calls_library(const struct workload *w)
{
    bool encodes = w->kind->limit == LIMIT_ENCODE;
    struct part codec[MAX_PARTS];
    parse_parts(w->layout.codec, codec);
    return strcmp(codec[0].name, "zstd") == 0 || (encodes && strncmp(codec[0].name, "lz4", 3) == 0);
}

/* A library that takes nearly all of the time leaves nothing to win. */
static double target_of(const struct workload *w, const struct result *r)
{
    double target = w->target > 0 ? w->target : 1;
    bool bound = strstr(w->group, "compress") && r->limited && calls_library(w) &&
                 r->limit.cpu > 0.9 * r->median[0].cpu;
    return bound && target <= 1 ? 0.95 : target;
}

static const char *samples_text(const struct result *r, int i, char *buf, size_t cap)
{
    size_t at = 0;
    buf[0] = 0;
    for (int k = 0; k < r->rounds && at < cap; k++)
        at += (size_t)snprintf(buf + at, cap - at, "%s%.5g", k ? ", " : "", r->sample[i][k].wall);
    return buf;
}

static void json_row(const struct workload *w, const struct result *r)
{
    char mine[MAX_ROUNDS * 16], peer[MAX_ROUNDS * 16 + 512] = "", limit[128] = "";
    char samples[MAX_ROUNDS * 16];
    if (r->failed) {
        report_json("rows", "\"group\": \"%s\", \"name\": \"%s\", \"failed\": true", w->group,
                    w->name);
        return;
    }
    if (r->peer)
        snprintf(peer, sizeof peer,
                 ",\n   \"ratio\": %.4g, \"cpu_ratio\": %.4g, \"peer_seconds\": %.5g, "
                 "\"peer_cpu\": %.5g, \"peer_best\": %.5g, \"peer_stored\": %lld, "
                 "\"peer_peak\": %.0f, \"peer_samples\": [%s]",
                 r->ratio.wall, r->ratio.cpu, r->median[1].wall, r->median[1].cpu, r->best[1],
                 (long long)r->stored[1], r->peak[1], samples_text(r, 1, samples, sizeof samples));
    if (r->limited)
        snprintf(limit, sizeof limit, ",\n   \"limit\": %.5g, \"limit_cpu\": %.5g", r->limit.wall,
                 r->limit.cpu);
    report_json("rows",
                "\"group\": \"%s\", \"name\": \"%s\", \"failed\": false, \"target\": %g, "
                "\"seconds\": %.5g, \"cpu\": %.5g, \"best\": %.5g, \"op_bytes\": %.0f, "
                "\"left_out\": %d, \"disturbed\": %d, \"stored\": %lld, \"peak\": %.0f, "
                "\"samples\": [%s]%s%s",
                w->group, w->name, target_of(w, r), r->median[0].wall, r->median[0].cpu, r->best[0],
                r->op_bytes, r->left_out, r->disturbed, (long long)r->stored[0], r->peak[0],
                samples_text(r, 0, mine, sizeof mine), limit, peer);
}

static double codec_percent(const struct result *r)
{
    return 100 * r->limit.cpu / r->median[0].cpu;
}

static void note(struct names *to, const struct workload *w, const struct result *r)
{
    size_t at = strlen(to->text);
    char share[32] = "", noise[48] = "";
    if (r->limited) snprintf(share, sizeof share, ", codec %.0f%%", codec_percent(r));
    if (r->disturbed)
        snprintf(noise, sizeof noise, ", %d of %d rounds disturbed", r->disturbed, r->rounds);
    snprintf(to->text + at, sizeof to->text - at, "  %s %s: %.2f (cpu %.2f), target %.2f%s%s\n",
             w->group, w->name, r->ratio.wall, r->ratio.cpu, target_of(w, r), share, noise);
    to->n++;
}

static void note_ratio(const struct workload *w, const struct result *r)
{
    logs += log(r->ratio.wall);
    compared++;
    rounds += r->rounds;
    left_out += r->left_out;
    if (r->ratio.wall < 1) note(&slow, w, r);
    if (r->ratio.wall < target_of(w, r)) note(&under, w, r);
}

static void print_head(void)
{
    printf(
        "\nlimit: decoding by the codecs' own libraries, encoding by Tessera's codecs, alone, on\n"
        "as many threads; of it: limit / ours by the clock, codec: by processor time\n"
        "%-10s %-38s %10s %10s %6s %6s %6s %10s %5s %5s %7s %13s %13s\n",
        "group", "workload", "tessera", "peer", "ratio", "target", "cpu", "limit", "of it", "codec",
        "GB/s", "stored MB", "peak MB");
}

void report_row(const struct workload *w, const struct result *r)
{
    char a[16], b[16] = "-", c[16] = "-", ratio[16] = "-", cpu[16] = "-", of[16] = "-",
                share[16] = "-", stored[32], peak[32];
    if (!compared && !section) print_head();
    json_row(w, r);
    if (r->failed) {
        printf("%-10s %-38s FAILED: %s\n", w->group, w->name, r->why);
        return;
    }
    if (r->limited) {
        show_time(r->limit.wall, c);
        snprintf(of, sizeof of, "%.0f%%", 100 * r->limit.wall / r->median[0].wall);
        snprintf(share, sizeof share, "%.0f%%", codec_percent(r));
    }
    if (r->peer) {
        show_time(r->median[1].wall, b);
        snprintf(ratio, sizeof ratio, "%.2f", r->ratio.wall);
        snprintf(cpu, sizeof cpu, "%.2f", r->ratio.cpu);
        note_ratio(w, r);
    }
    printf("%-10s %-38s %10s %10s %6s %6.2f %6s %10s %5s %5s %7.2f %13s %13s\n", w->group, w->name,
           show_time(r->median[0].wall, a), b, ratio, target_of(w, r), cpu, c, of, share,
           r->op_bytes / r->median[0].wall / 1e9,
           show_pair((double)r->stored[0], (double)r->stored[1], r->peer, stored),
           show_pair(r->peak[0], r->peak[1], r->peer, peak));
    fflush(stdout);
}

/* ---- the end ---- */

void report_end(double seconds)
{
    double mean = compared ? exp(logs / compared) : 0;
    if (compared)
        printf("\n%d rows compared, geometric mean of the ratios %.2f\nbelow 1.0: %d\n%s"
               "under their target: %d\n%s"
               "rounds that others disturbed, done again: %d beside %d\n",
               compared, mean, slow.n, slow.text, under.n, under.text, left_out, rounds);
    printf("seconds: %.0f\n", seconds);
    if (!json) return;
    fprintf(json,
            "%s,\n \"geometric_mean\": %.4g, \"below_1\": %d, \"under_target\": %d, "
            "\"seconds_in_all\": %.1f}\n",
            section ? "\n ]" : "", mean, slow.n, under.n, seconds);
    fclose(json);
}
