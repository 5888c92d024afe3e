/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/image/test_png.c - pictures are decoded again with libpng and their pixels checked. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "base/status.h"
#include "image/colormap.h"
#include "sys/file.h"

static char folder[] = "/tmp/tessera-png-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/x.png", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when a temporary file was left */
}

/* The file as RGBA; *format as stored. */
static uint8_t *decode(int *w, int *h, png_uint_32 *format)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    *format = image.format;
    *w = (int)image.width;
    *h = (int)image.height;
    image.format = PNG_FORMAT_RGBA;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    return pixels;
}

static void gray_runs_from_black_to_white_over_the_range_of_the_values(void **state)
{
    (void)state;
    static const double plane[] = {-1, 0, 1, INFINITY, -INFINITY, 0.5};
    static const uint8_t want[] = {0, 119, 255, 255, 0, 185}; /* lightness 0 50 100 100 0 75 */
    tsr_picture how = {.size = sizeof how, .colormap = "gray"};
    int w, h;
    png_uint_32 format;
    assert_int_equal(tsr_png_write(path, plane, 2, 3, &how), TSR_OK);
    uint8_t *p = decode(&w, &h, &format);
    assert_int_equal(w, 3);
    assert_int_equal(h, 2);
    assert_int_equal(format & PNG_FORMAT_FLAG_ALPHA, 0);
    for (int i = 0; i < 6; i++) {
        assert_in_range(p[4 * i], want[i] > 1 ? want[i] - 1 : 0, want[i] + 1);
        assert_int_equal(p[4 * i], p[4 * i + 1]);
        assert_int_equal(p[4 * i], p[4 * i + 2]);
    }
    assert_int_equal(p[0], 0);
    assert_int_equal(p[8], 255);
    free(p);
}

static void every_value_becomes_a_square_of_zoom_pixels(void **state)
{
    (void)state;
    static const double plane[] = {0, 1, 2, 3};
    tsr_picture how = {.size = sizeof how, .zoom = 3};
    uint8_t colors[3 * TSR_COLORS];
    int w, h;
    png_uint_32 format;
    assert_int_equal(tsr_colormap_fill("viridis", colors), TSR_OK);
    assert_int_equal(tsr_png_write(path, plane, 2, 2, &how), TSR_OK);
    uint8_t *p = decode(&w, &h, &format);
    assert_int_equal(w, 6);
    assert_int_equal(h, 6);
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 6; x++) {
            const uint8_t *want = colors + 3 * (341 * (2 * (y / 3) + x / 3));
            assert_memory_equal(p + 4 * (6 * y + x), want, 3);
        }
    free(p);
}

static void nan_is_transparent_and_nothing_else_is(void **state)
{
    (void)state;
    static const double plane[] = {1, NAN, 3};
    int w, h;
    png_uint_32 format;
    assert_int_equal(tsr_png_write(path, plane, 1, 3, NULL), TSR_OK);
    uint8_t *p = decode(&w, &h, &format);
    assert_int_not_equal(format & PNG_FORMAT_FLAG_ALPHA, 0);
    assert_int_equal(p[3], 255);
    assert_int_equal(p[7], 0);
    assert_int_equal(p[11], 255);
    free(p);
}

/* The place on the gray map of value v under how. */
static int gray_of(double v, tsr_picture how)
{
    int w, h, gray;
    png_uint_32 format;
    how.size = sizeof how;
    how.colormap = "gray";
    assert_int_equal(tsr_png_write(path, &v, 1, 1, &how), TSR_OK);
    uint8_t *p = decode(&w, &h, &format);
    gray = p[0];
    free(p);
    return gray;
}

static void range_gamma_and_log_move_values_as_documented(void **state)
{
    (void)state;
    tsr_picture linear = {.vmin = 0, .vmax = 100};
    tsr_picture root = {.vmin = 0, .vmax = 100, .gamma = 0.5};
    tsr_picture logs = {.vmin = 0, .vmax = 99, .log = true};
    tsr_picture wide = {.vmin = 0, .vmax = 1};
    assert_int_equal(gray_of(-5, linear), 0);
    assert_int_equal(gray_of(500, linear), 255);
    assert_in_range(gray_of(25, root), gray_of(50, linear) - 1, gray_of(50, linear) + 1);
    assert_in_range(gray_of(9, logs), gray_of(50, linear) - 1, gray_of(50, linear) + 1);
    assert_int_equal(gray_of(1, wide), 255);
    assert_int_equal(gray_of(7, (tsr_picture){0}), 0); /* no range at all */
}

static double lightness(const uint8_t *c)
{
    double y = 0;
    static const double weight[] = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 3; i++) {
        double v = c[i] / 255.0;
        y += weight[i] * (v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return y > 0.008856 ? 116 * cbrt(y) - 16 : 903.3 * y;
}

static void sequential_maps_only_get_lighter_and_do_it_evenly(void **state)
{
    (void)state;
    static const char *const names[] = {"viridis", "magma", "inferno", "hot", "gray", "ice"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        uint8_t c[3 * TSR_COLORS];
        assert_int_equal(tsr_colormap_fill(names[k], c), TSR_OK);
        double whole = lightness(c + 3 * (TSR_COLORS - 1)) - lightness(c);
        assert_true(whole > 60);
        for (int i = 64; i < TSR_COLORS; i += 64) {
            double step = lightness(c + 3 * i) - lightness(c + 3 * (i - 64));
            if (step < whole / 64 || step > whole / 6)
                fail_msg("%s at %d: step %.2f of %.2f", names[k], i, step, whole);
        }
    }
}

static void every_map_of_the_table_can_be_used_and_others_are_named_in_the_error(void **state)
{
    (void)state;
    uint8_t c[3 * TSR_COLORS];
    int n = 0;
    for (; tsr_colormap_at(n); n++)
        assert_int_equal(tsr_colormap_fill(tsr_colormap_at(n), c), TSR_OK);
    assert_true(n >= 7);
    assert_int_equal(tsr_colormap_fill("jet", c), TSR_EARG);
    assert_non_null(strstr(tsr_error(), "viridis magma"));
    assert_null(tsr_colormap_at(-1));
}

static void wrong_calls_are_refused_and_leave_no_file(void **state)
{
    (void)state;
    double v = 1;
    tsr_picture how = {.size = sizeof how, .zoom = -1};
    unlink(path);
    assert_int_equal(tsr_png_write(path, &v, 1, 1, &how), TSR_EARG);
    how = (tsr_picture){.size = sizeof how, .gamma = -1};
    assert_int_equal(tsr_png_write(path, &v, 1, 1, &how), TSR_EARG);
    how = (tsr_picture){.size = sizeof how, .colormap = "jet"};
    assert_int_equal(tsr_png_write(path, &v, 1, 1, &how), TSR_EARG);
    assert_int_equal(tsr_png_write(path, &v, 0, 1, NULL), TSR_EARG);
    assert_int_equal(tsr_png_write("/nowhere/at/all.png", &v, 1, 1, NULL), TSR_ENOTFOUND);
    enum tsr_path_kind kind;
    assert_int_equal(tsr_path_stat(path, &kind, NULL), TSR_OK);
    assert_int_equal(kind, TSR_PATH_NONE);
}

static void links_stay_and_devices_are_not_replaced(void **state)
{
    (void)state;
    struct stat s;
    double v = 1;
    assert_int_equal(tsr_png_write("/dev/null", &v, 1, 1, NULL), TSR_EEXISTS);
    assert_true(stat("/dev/null", &s) == 0 && S_ISCHR(s.st_mode));
    assert_int_equal(tsr_png_write("png_target.png", &v, 1, 1, NULL), TSR_OK);
    assert_int_equal(symlink("png_target.png", "png_link.png"), 0);
    assert_int_equal(tsr_png_write("png_link.png", &v, 1, 1,
                                   &(tsr_picture){.size = sizeof(tsr_picture), .zoom = 9}),
                     TSR_OK);
    assert_true(lstat("png_link.png", &s) == 0 && S_ISLNK(s.st_mode));
    unlink("png_link.png");
    unlink("png_target.png");
}

static void a_name_that_cannot_be_taken_leaves_no_temporary_file(void **state)
{
    (void)state;
    double v[4] = {0};
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder is not replaced by a file */
    assert_true(tsr_png_write(path, v, 2, 2, NULL) < 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gray_runs_from_black_to_white_over_the_range_of_the_values),
        cmocka_unit_test(every_value_becomes_a_square_of_zoom_pixels),
        cmocka_unit_test(nan_is_transparent_and_nothing_else_is),
        cmocka_unit_test(range_gamma_and_log_move_values_as_documented),
        cmocka_unit_test(sequential_maps_only_get_lighter_and_do_it_evenly),
        cmocka_unit_test(every_map_of_the_table_can_be_used_and_others_are_named_in_the_error),
        cmocka_unit_test(wrong_calls_are_refused_and_leave_no_file),
        cmocka_unit_test(links_stay_and_devices_are_not_replaced),
        cmocka_unit_test(a_name_that_cannot_be_taken_leaves_no_temporary_file),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
