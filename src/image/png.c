/* SPDX-License-Identifier: BSD-3-Clause */
/* image/png.c - planes of numbers as PNG files, through libpng.
 *
 * A value becomes a place on the colour map: (v - vmin) / (vmax - vmin), or the same of
 * log(1 + v - vmin), to the power of gamma.  One row of pixels is kept at a time.  The file is
 * written under a temporary name beside the target and renamed when it is whole.
 *
 * libpng reports errors by longjmp; between setjmp and the end of write_image no function of
 * ours that owns anything is on the stack. */
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "image/colormap.h"
#include "sys/file.h"

enum { ZOOM_MAX = 4096 };

struct picture {
    const double *plane;
    int64_t rows, cols, zoom;
    double vmin, scale, gamma; /* scale: what v - vmin, or its log, is multiplied with */
    bool log, alpha;
    uint8_t colors[3 * TSR_COLORS];
    uint8_t *row; /* one row of pixels */
    struct tsr_file file;
    uint64_t off; /* bytes written */
};

/* ---- values to pixels ---- */

static void measure(struct picture *p, double *vmin, double *vmax)
{
    bool any = false;
    double low = 0, high = 0;
    for (int64_t i = 0; i < p->rows * p->cols; i++) {
        double v = p->plane[i];
        if (isnan(v)) p->alpha = true;
        if (!isfinite(v)) continue;
        low = any ? fmin(low, v) : v;
        high = any ? fmax(high, v) : v;
        any = true;
    }
    if (*vmin < *vmax) return;
    *vmin = low;
    *vmax = high;
}

static int color_of(const struct picture *p, double v)
{
    double t = v - p->vmin;
    if (!(t > 0) || p->scale == 0) return 0;
    t = (p->log ? log1p(t) : t) * p->scale;
    if (p->gamma != 1) t = pow(t, p->gamma);
    return t < 1 ? (int)(t * (TSR_COLORS - 1) + 0.5) : TSR_COLORS - 1;
}

static void fill_row(struct picture *p, int64_t r)
{
    const double *v = p->plane + r * p->cols;
    uint8_t *out = p->row;
    for (int64_t c = 0; c < p->cols; c++) {
        uint8_t pixel[4] = {0};
        int bytes = p->alpha ? 4 : 3;
        if (!isnan(v[c])) {
            memcpy(pixel, p->colors + 3 * color_of(p, v[c]), 3);
            pixel[3] = 255;
        }
        for (int64_t z = 0; z < p->zoom; z++, out += bytes) memcpy(out, pixel, (size_t)bytes);
    }
}

/* ---- libpng ---- */

static void on_error(png_structp png, png_const_charp what)
{
    struct picture *p = png_get_error_ptr(png);
    if (p->file.path) tsr_fail(TSR_EIO, "%s: libpng: %s", p->file.path, what);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp what)
{
    (void)png;
    (void)what;
}

/* A failed write has its own text, which on_error must not replace. */
static void on_write(png_structp png, png_bytep data, size_t len)
{
    struct picture *p = png_get_io_ptr(png);
    struct tsr_piece piece = {data, len};
    if (tsr_file_write(&p->file, p->off, &piece, 1) < 0) png_longjmp(png, 1);
    p->off += len;
}

static int write_image(struct picture *p, png_structp png, png_infop info)
{
    int64_t w = p->cols * p->zoom, h = p->rows * p->zoom;
    if (setjmp(png_jmpbuf(png))) return TSR_EIO; /* text set by on_error or on_write */
    png_set_write_fn(png, p, on_write, NULL);
    png_set_user_limits(png, INT32_MAX, INT32_MAX);
    png_set_compression_buffer_size(png, 256 * 1024); /* few, large writes */
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, 8,
                 p->alpha ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int64_t r = 0; r < p->rows; r++) {
        fill_row(p, r);
        for (int64_t z = 0; z < p->zoom; z++) png_write_row(png, p->row);
    }
    png_write_end(png, info);
    return TSR_OK;
}

static int encode(struct picture *p)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, p, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int rc = info ? write_image(p, png, info) : tsr_fail(TSR_ENOMEM, "out of memory: libpng");
    png_destroy_write_struct(&png, &info);
    return rc;
}

/* ---- */

static int check(const struct picture *p)
{
    if (p->rows < 1 || p->cols < 1)
        return tsr_fail(TSR_EARG, "picture of %lld x %lld values, expected at least 1 x 1",
                        (long long)p->rows, (long long)p->cols);
    if (p->zoom < 1 || p->zoom > ZOOM_MAX)
        return tsr_fail(TSR_EARG, "zoom: found %lld, expected 1 to %d", (long long)p->zoom,
                        ZOOM_MAX);
    if (!(p->gamma > 0) || !isfinite(p->gamma))
        return tsr_fail(TSR_EARG, "gamma: found %g, expected a number above 0", p->gamma);
    if (p->rows > INT32_MAX / p->zoom || p->cols > INT32_MAX / p->zoom)
        return tsr_fail(TSR_ELIMIT,
                        "picture of %lld x %lld values at zoom %lld: a PNG has at most "
                        "2147483647 pixels on a side",
                        (long long)p->rows, (long long)p->cols, (long long)p->zoom);
    return TSR_OK;
}

static int save(struct picture *p, const char *path)
{
    size_t bytes = (size_t)(p->cols * p->zoom) * (p->alpha ? 4 : 3);
    char *target = NULL;
    int rc = tsr_file_target(path, true, &target);
    if (rc == TSR_OK) rc = tsr_file_temp(target, &p->file);
    if (rc < 0) {
        tsr_free(target);
        return rc;
    }
    p->row = tsr_alloc(bytes);
    rc = p->row ? encode(p) : TSR_ENOMEM;
    if (rc == TSR_OK) rc = tsr_file_rename(&p->file, target, true);
    if (rc < 0) {
        char why[TSR_ERROR_MAX];
        tsr_error_save(why);
        tsr_file_remove(p->file.path);
        tsr_error_restore(why);
    }
    tsr_file_close(&p->file);
    tsr_free(p->row);
    tsr_free(target);
    return rc;
}

int tsr_png_write(const char *path, const double *plane, int64_t rows, int64_t cols,
                  const tsr_picture *how)
{
    tsr_picture o = {0};
    if (how) memcpy(&o, how, tsr_minz(how->size, sizeof o));
    struct picture *p = tsr_alloc_zero(1, sizeof *p);
    if (!p) return TSR_ENOMEM;
    *p = (struct picture){.plane = plane,
                          .rows = rows,
                          .cols = cols,
                          .zoom = o.zoom ? o.zoom : 1,
                          .gamma = o.gamma != 0 ? o.gamma : 1,
                          .log = o.log,
                          .file.fd = -1};
    int rc = check(p);
    if (rc == TSR_OK) rc = tsr_colormap_fill(o.colormap, p->colors);
    if (rc == TSR_OK) {
        measure(p, &o.vmin, &o.vmax);
        double width = o.log ? log1p(o.vmax - o.vmin) : o.vmax - o.vmin;
        p->vmin = o.vmin;
        p->scale = width > 0 ? 1 / width : 0;
        rc = save(p, path);
    }
    tsr_free(p);
    return rc;
}
