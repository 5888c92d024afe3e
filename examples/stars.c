/* SPDX-License-Identifier: BSD-3-Clause */
/* examples/stars.c - the stars around the Sun as a 3-D array of counts.
 *
 *   stars CATALOGUE FILE.b2nd [SIZE]
 *
 * Reads KStars' stars.dat and counts stars in SIZE^3 cells (default 500) over +-1000 parsec.
 * Nearly all of that is empty: only chunks with stars in them are written.  Columns, from 0:
 * RA hhmmss.ss at 0, declination +ddmmss.s at 10, parallax in mas at 38, seven wide. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tessera/tessera.h>

enum { CHUNK = 250, BLOCK = 25, STARS = 200000 };
static const double reach = 1000, rad = 0.017453292519943295;

struct star {
    int64_t chunk[3], at[3]; /* origin of the chunk, and the cell inside it */
};

/* False: no star, none with a known distance, or too far. */
static bool star_parse(const char *line, int64_t size, int64_t chunk, struct star *s)
{
    int h, m, deg, min;
    double sec, arcsec, mas;
    char sign;
    if (strlen(line) < 45 || sscanf(line + 38, "%7lf", &mas) != 1 || mas < 1) return false;
    if (sscanf(line, "%2d%2d%5lf %c%2d%2d%4lf", &h, &m, &sec, &sign, &deg, &min, &arcsec) != 7)
        return false;
    double ra = (h + m / 60.0 + sec / 3600) * 15 * rad, r = 1000 / mas;
    double dec = (deg + min / 60.0 + arcsec / 3600) * (sign == '-' ? -rad : rad);
    double xyz[3] = {r * cos(dec) * cos(ra), r * cos(dec) * sin(ra), r * sin(dec)};
    for (int d = 0; d < 3; d++) {
        int64_t cell = (int64_t)floor((xyz[d] + reach) / (2 * reach) * (double)size);
        if (cell < 0 || cell >= size) return false;
        s->at[d] = cell % chunk;
        s->chunk[d] = cell - s->at[d];
    }
    return true;
}

static int by_chunk(const void *a, const void *b)
{
    const struct star *s = a, *t = b;
    for (int d = 0; d < 3; d++)
        if (s->chunk[d] != t->chunk[d]) return s->chunk[d] < t->chunk[d] ? -1 : 1;
    return 0;
}

/* Counts the n stars of one chunk and writes it. */
static int chunk_write(tsr_array *a, const struct star *s, size_t n, uint8_t *cells)
{
    const tsr_spec *spec = tsr_array_spec(a);
    int64_t count[3];
    for (int d = 0; d < 3; d++) {
        int64_t left = spec->shape[d] - s->chunk[d];
        count[d] = left < spec->chunks[d] ? left : spec->chunks[d];
    }
    size_t len = (size_t)(count[0] * count[1] * count[2]);
    memset(cells, 0, len);
    for (size_t i = 0; i < n; i++) {
        uint8_t *cell = cells + (s[i].at[0] * count[1] + s[i].at[1]) * count[2] + s[i].at[2];
        if (*cell < UINT8_MAX) ++*cell;
    }
    tsr_slice where = {.start = s->chunk, .count = count};
    return tsr_array_write(a, &where, cells, len);
}

static size_t catalogue_read(const char *path, int64_t size, int64_t chunk, struct star *stars)
{
    char line[256];
    size_t n = 0;
    FILE *f = fopen(path, "r");
    while (f && n < STARS && fgets(line, sizeof line, f))
        if (star_parse(line, size, chunk, &stars[n])) n++;
    if (f) fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    int64_t size = argc > 3 ? atoll(argv[3]) : 500;
    if (argc < 3 || size < 1 || size > 20000) {
        fprintf(stderr, "usage: stars CATALOGUE FILE.b2nd [SIZE up to 20000]\n");
        return 2;
    }
    int64_t chunk = size < CHUNK ? size : CHUNK, block = size < BLOCK ? size : BLOCK;
    tsr_spec spec = {.size = sizeof spec, .dtype = "|u1", .ndim = 3};
    spec.shape = (int64_t[]){size, size, size};
    spec.chunks = (int64_t[]){chunk, chunk, chunk};
    spec.blocks = (int64_t[]){block, block, block};
    spec.steps = &(tsr_step){"zstd", "clevel=1"};
    spec.nsteps = 1;

    tsr_array *a = NULL;
    struct star *stars = calloc(STARS, sizeof *stars);
    uint8_t *cells = malloc((size_t)(chunk * chunk * chunk));
    size_t n = stars && cells ? catalogue_read(argv[1], size, chunk, stars) : 0, written = 0;
    if (n == 0) fprintf(stderr, "stars: %s: no stars read\n", argv[1]);
    int rc = n ? tsr_array_create(argv[2], &spec, NULL, &a) : TSR_ENOTFOUND;
    if (n) qsort(stars, n, sizeof *stars, by_chunk);
    for (size_t i = 0, m; i < n && rc == 0; i += m, written++) {
        for (m = 1; i + m < n && by_chunk(&stars[i], &stars[i + m]) == 0;) m++;
        rc = chunk_write(a, &stars[i], m, cells);
    }
    int closed = tsr_array_close(a);
    if (n && (rc < 0 || closed < 0)) fprintf(stderr, "stars: %s\n", tsr_error());
    if (rc == 0 && closed == 0) printf("%zu stars in %zu chunks\n", n, written);
    free(cells);
    free(stars);
    return rc < 0 || closed < 0;
}
