/* SPDX-License-Identifier: BSD-3-Clause */
/* bench/report.c - the table on stdout, and the same for machines as JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static FILE *json;
static int rows, behind;
static double logs;
static int compared;
static char slow[2048];

int report_open(const char *path)
{
    if (!path) return 0;
    json = fopen(path, "w");
    if (!json) perror(path);
    return json ? 0 : -1;
}

void report_head(const char *tessera, const char *peer, int threads)
{
    printf("tessera %s%s%s, %d threads; nothing is synced to the device\n", tessera,
           peer ? " beside c-blosc2 " : "", peer ? peer : "", threads);
    if (json)
        fprintf(json, "{\"tessera\": \"%s\", \"peer\": \"%s\", \"threads\": %d,\n", tessera,
                peer ? peer : "", threads);
}

void report_limits(double one, double two)
{
    printf("memcpy of 64 MiB: %.1f GB/s with 1 thread, %.1f GB/s with 2\n\n", one / 1e9, two / 1e9);
    printf("%-10s %-38s %10s %10s %6s %6s %7s %15s %13s\n", "group", "workload", "tessera", "peer",
           "ratio", "cpu", "GB/s", "stored MB", "peak MB");
    if (json) fprintf(json, " \"memcpy_1\": %.4g, \"memcpy_2\": %.4g,\n \"rows\": [", one, two);
}

static const char *show_time(double s, char buf[16])
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

static void json_samples(const struct result *r, int i)
{
    fprintf(json, "[");
    for (int k = 0; k < r->rounds; k++)
        fprintf(json, "%s%.5g", k ? ", " : "", r->sample[i][k].wall);
    fprintf(json, "]");
}

static void json_row(const struct workload *w, const struct result *r)
{
    fprintf(json, "%s\n  {\"group\": \"%s\", \"name\": \"%s\", \"failed\": %s", rows ? "," : "",
            w->group, w->name, r->failed ? "true" : "false");
    if (!r->failed) {
        fprintf(json,
                ", \"seconds\": %.5g, \"cpu\": %.5g, \"best\": %.5g, \"op_bytes\": %.0f, "
                "\"stored\": %lld"
                ", \"peak\": %.0f, \"samples\": ",
                r->median[0].wall, r->median[0].cpu, r->best[0], r->op_bytes,
                (long long)r->stored[0], r->peak[0]);
        json_samples(r, 0);
    }
    if (!r->failed && r->peer) {
        fprintf(json,
                ",\n   \"ratio\": %.4g, \"cpu_ratio\": %.4g, \"peer_seconds\": %.5g, \"peer_cpu\": "
                "%.5g, "
                "\"peer_best\": %.5g"
                ", \"peer_stored\": %lld, \"peer_peak\": %.0f, \"peer_samples\": ",
                r->ratio.wall, r->ratio.cpu, r->median[1].wall, r->median[1].cpu, r->best[1],
                (long long)r->stored[1], r->peak[1]);
        json_samples(r, 1);
    }
    fprintf(json, "}");
}

static void note_ratio(const struct workload *w, const struct result *r)
{
    logs += log(r->ratio.wall);
    compared++;
    if (r->ratio.wall >= 1) return;
    size_t at = strlen(slow);
    snprintf(slow + at, sizeof slow - at, "  %s %s: %.2f (cpu %.2f)\n", w->group, w->name,
             r->ratio.wall, r->ratio.cpu);
    behind++;
}

void report_row(const struct workload *w, const struct result *r)
{
    char a[16], b[16] = "-", ratio[16] = "-", cpu[16] = "-", stored[32], peak[32];
    if (json) json_row(w, r);
    rows++;
    if (r->failed) {
        printf("%-10s %-38s FAILED: %s\n", w->group, w->name, r->why);
        return;
    }
    if (r->peer) {
        show_time(r->median[1].wall, b);
        snprintf(ratio, sizeof ratio, "%.2f", r->ratio.wall);
        snprintf(cpu, sizeof cpu, "%.2f", r->ratio.cpu);
        note_ratio(w, r);
    }
    printf("%-10s %-38s %10s %10s %6s %6s %7.2f %15s %13s\n", w->group, w->name,
           show_time(r->median[0].wall, a), b, ratio, cpu, r->op_bytes / r->median[0].wall / 1e9,
           show_pair((double)r->stored[0], (double)r->stored[1], r->peer, stored),
           show_pair(r->peak[0], r->peak[1], r->peer, peak));
    fflush(stdout);
}

void report_end(void)
{
    double mean = compared ? exp(logs / compared) : 0;
    if (compared)
        printf("\n%d rows compared, geometric mean of the ratios %.2f, %d below 1.0\n%s", compared,
               mean, behind, slow);
    if (json) {
        fprintf(json, "\n ],\n \"geometric_mean\": %.4g, \"below_1\": %d}\n", mean, behind);
        fclose(json);
    }
}
