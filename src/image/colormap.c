/* SPDX-License-Identifier: BSD-3-Clause */
/* image/colormap.c - colour maps from a few control colours each.
 *
 * The controls stand at equal distances and are joined in CIELAB (CIE 15, white D65), a space
 * in which equal steps look about equal: a monotone cubic per channel, so that lightness never
 * turns back between two controls of a sequential map.  A map is one line of the table. */
#include "image/colormap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

enum { STOPS = 9 };

struct colormap {
    const char *name;
    int n;
    uint32_t stop[STOPS]; /* 0xRRGGBB */
};

static const struct colormap maps[] = {
    {"viridis", 6, {0x440154, 0x414487, 0x2A788E, 0x22A884, 0x7AD151, 0xFDE725}},
    {"magma", 7, {0x000004, 0x241353, 0x6B1D81, 0xB5367A, 0xEE605E, 0xFDAC78, 0xFCFDC4}},
    {"inferno", 7, {0x020106, 0x320F62, 0x75186E, 0xBC3754, 0xEE6A24, 0xFBB61A, 0xFBFDA6}},
    {"hot", 5, {0x000000, 0x8A0A00, 0xF25C05, 0xFFC83C, 0xFFFFFF}},
    {"gray", 2, {0x000000, 0xFFFFFF}},
    {"turbo",
     9,
     {0x30123B, 0x4662D7, 0x36AAF9, 0x1AE4B6, 0x72FE5E, 0xC8EF34, 0xFABA39, 0xF05B12, 0x7A0403}},
    {"coolwarm", 5, {0x3046B8, 0x8DB0FE, 0xE2E0DE, 0xF49A7B, 0xB00826}},
    {"ice", 5, {0x03030D, 0x203A7A, 0x2F86B5, 0x86CFDB, 0xF5FDFF}},
};
enum { MAPS = sizeof maps / sizeof *maps };

const char *tsr_colormap_at(int i)
{
    return i >= 0 && i < MAPS ? maps[i].name : NULL;
}

static double to_linear(double c)
{
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static uint8_t to_byte(double c)
{
    c = c <= 0.0031308 ? 12.92 * c : 1.055 * pow(c, 1 / 2.4) - 0.055;
    return (uint8_t)lrint(255 * fmin(fmax(c, 0), 1));
}

/* Cube root, with the straight piece near black that CIELAB has below (6/29)^3. */
static double to_cube_root(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : t * 841 / 108 + 4.0 / 29;
}

static double from_cube_root(double f)
{
    return f > 6.0 / 29 ? f * f * f : (f - 4.0 / 29) * 108 / 841;
}

static void to_lab(uint32_t rgb, double lab[3])
{
    double r = to_linear((rgb >> 16) / 255.0), g = to_linear((rgb >> 8 & 255) / 255.0),
           b = to_linear((rgb & 255) / 255.0);
    double x = to_cube_root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    double y = to_cube_root(0.2126729 * r + 0.7151522 * g + 0.0721750 * b);
    double z = to_cube_root((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / 1.08883);
    lab[0] = 116 * y - 16;
    lab[1] = 500 * (x - y);
    lab[2] = 200 * (y - z);
}

static void to_rgb(const double lab[3], uint8_t rgb[3])
{
    double fy = (lab[0] + 16) / 116;
    double x = 0.95047 * from_cube_root(fy + lab[1] / 500), y = from_cube_root(fy),
           z = 1.08883 * from_cube_root(fy - lab[2] / 200);
    rgb[0] = to_byte(3.2404542 * x - 1.5371385 * y - 0.4985314 * z);
    rgb[1] = to_byte(-0.9692660 * x + 1.8760108 * y + 0.0415560 * z);
    rgb[2] = to_byte(0.0556434 * x - 0.2040259 * y + 1.0572252 * z);
}

/* Slope at a control between steps a and b: their harmonic mean where both go one way, which
 * keeps the cubic monotone (Fritsch and Butland), else flat. */
static double slope(double a, double b)
{
    return a * b <= 0 ? 0 : 2 * a * b / (a + b);
}

/* Channel c of a map between controls k and k+1, at t from 0 to 1. */
static double between(double lab[STOPS][3], int n, int k, int c, double t)
{
    double p = lab[k][c], q = lab[k + 1][c], step = q - p;
    double before = k ? slope(p - lab[k - 1][c], step) : step;
    double after = k + 2 < n ? slope(step, lab[k + 2][c] - q) : step;
    double u = 1 - t;
    return p * u * u * (1 + 2 * t) + q * t * t * (3 - 2 * t) + before * t * u * u -
           after * t * t * u;
}

static void fill(const struct colormap *m, uint8_t rgb[3 * TSR_COLORS])
{
    double lab[STOPS][3];
    for (int k = 0; k < m->n; k++) to_lab(m->stop[k], lab[k]);
    for (int i = 0; i < TSR_COLORS; i++) {
        double at = (double)i * (m->n - 1) / (TSR_COLORS - 1), mix[3];
        int k = at < m->n - 1 ? (int)at : m->n - 2;
        for (int c = 0; c < 3; c++) mix[c] = between(lab, m->n, k, c, at - k);
        to_rgb(mix, rgb + 3 * i);
    }
}

static int unknown(const char *name)
{
    char list[256] = "";
    size_t len = 0;
    for (int i = 0; i < MAPS && len < sizeof list; i++)
        len += (size_t)snprintf(list + len, sizeof list - len, " %s", maps[i].name);
    return tsr_fail(TSR_EARG, "colour map '%.64s': found none of that name among%s", name, list);
}

int tsr_colormap_fill(const char *name, uint8_t rgb[3 * TSR_COLORS])
{
    for (int i = 0; i < MAPS; i++) {
        if (name && strcmp(name, maps[i].name) != 0) continue;
        fill(maps + i, rgb);
        return TSR_OK;
    }
    return unknown(name);
}
