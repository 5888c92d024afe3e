/* SPDX-License-Identifier: BSD-3-Clause */
/* print.c - an array on the terminal, as NumPy's str() lays it out.
 *
 * Above 1000 items only 3 at both ends of every axis are shown, and only those are read.  The
 * innermost axis fills lines of 75 columns; outer ones stand in brackets with blank lines
 * between them. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { EDGE = 3, SHOW_ALL = 1000, COLUMNS = 75, SHOWN_MAX = 4 << 20 };

struct page {
    const struct cli_source *source;
    const struct cli_selection *sel;
    int ndim;
    int axis[TSR_MAX_NDIM];     /* of the selection, for each printed axis */
    int64_t full[TSR_MAX_NDIM]; /* its items */
    int64_t seen[TSR_MAX_NDIM]; /* those that are shown */
    int64_t items;              /* product of seen */
    uint8_t *raw;
    char **text;
    FILE *f;
};

/* ---- reading ---- */

/* Copies a box that was read to its place among the shown items, as bytes or as text. */
static void place(const struct page *p, const int64_t *at, const int64_t *count, const void *box)
{
    bool loose = cli_is_loose(p->source);
    int64_t i[TSR_MAX_NDIM] = {0};
    size_t size = loose ? sizeof *p->text : (size_t)p->source->item_bytes;
    uint8_t *dst = loose ? (uint8_t *)p->text : p->raw;
    for (const uint8_t *src = box;; src += size) {
        int64_t to = 0;
        for (int d = 0; d < p->ndim; d++) to = to * p->seen[d] + at[d] + i[d];
        memcpy(dst + (size_t)to * size, src, size);
        int d = p->ndim - 1;
        for (; d >= 0 && ++i[d] == count[d]; d--) i[d] = 0;
        if (d < 0) return;
    }
}

static int read_box(struct page *p, const struct cli_selection *s, const int64_t *at,
                    const int64_t *count)
{
    size_t len = (size_t)s->items * (size_t)p->source->item_bytes;
    uint8_t *box = malloc(len);
    if (!box) return TSR_ENOMEM;
    int rc = cli_source_read(p->source, s, box, len);
    if (rc == TSR_OK) place(p, at, count, box);
    free(box);
    return rc;
}

static int read_loose_box(struct page *p, const struct cli_selection *s, const int64_t *at,
                          const int64_t *count)
{
    char **box = calloc((size_t)s->items, sizeof *box);
    if (!box) return TSR_ENOMEM;
    int rc = cli_loose_read(p->source, s, box);
    if (rc == TSR_OK) place(p, at, count, box);
    for (int64_t i = 0; rc < 0 && i < s->items; i++) free(box[i]);
    free(box);
    return rc;
}

/* Reads one corner: bit d of `high` picks the far end of axis d. */
static int read_corner(struct page *p, unsigned high)
{
    struct cli_selection s = *p->sel;
    int64_t at[TSR_MAX_NDIM], count[TSR_MAX_NDIM];
    s.items = 1;
    for (int d = 0; d < p->ndim; d++) {
        int a = p->axis[d];
        bool cut = p->seen[d] < p->full[d], far = high >> d & 1;
        if (!cut && far) return TSR_OK;
        count[d] = cut ? EDGE : p->full[d];
        at[d] = far ? EDGE : 0;
        if (far) s.start[a] += (p->full[d] - EDGE) * s.step[a];
        s.count[a] = count[d];
        s.items *= count[d];
    }
    return cli_is_loose(p->source) ? read_loose_box(p, &s, at, count) : read_box(p, &s, at, count);
}

static int read_shown(struct page *p)
{
    unsigned corners = 1;
    p->text = calloc((size_t)p->items, sizeof *p->text);
    if (!p->text) return TSR_ENOMEM;
    if (!cli_is_loose(p->source)) {
        p->raw = malloc((size_t)p->items * (size_t)p->source->item_bytes);
        if (!p->raw) return TSR_ENOMEM;
    }
    for (int d = 0; d < p->ndim; d++)
        if (p->seen[d] < p->full[d]) corners = 1u << (d + 1);
    int rc = TSR_OK;
    for (unsigned c = 0; rc == TSR_OK && c < corners; c++) rc = read_corner(p, c);
    return rc;
}

/* ---- items as text ---- */

static char kind_of(const char *dtype)
{
    return strchr("<>|=", *dtype) ? dtype[1] : *dtype;
}

static char *item_text(const char *dtype, const void *item)
{
    int n = tsr_item_to_text(dtype, item, NULL, 0);
    char *text = n < 0 ? NULL : malloc((size_t)n + 1);
    if (text) tsr_item_to_text(dtype, item, text, (size_t)n + 1);
    return text;
}

static bool pad_left(char **text, int64_t n, size_t width)
{
    for (int64_t i = 0; i < n; i++)
        if (strlen(text[i]) > width) width = strlen(text[i]);
    for (int64_t i = 0; i < n; i++) {
        char *wide = malloc(width + 1);
        if (!wide) return false;
        snprintf(wide, width + 1, "%*s", (int)width, text[i]);
        free(text[i]);
        text[i] = wide;
    }
    return true;
}

static int format_items(struct page *p)
{
    const struct cli_source *s = p->source;
    char kind = kind_of(s->dtype);
    if (cli_is_loose(s)) return TSR_OK; /* they were read as text */
    if (kind == 'f' && s->item_bytes <= 8 && p->ndim)
        return cli_format_floats(s->dtype, p->raw, s->item_bytes, p->items, p->text) ? TSR_OK
                                                                                     : TSR_ENOMEM;
    if (kind == 'c' && s->item_bytes <= 16 && p->ndim)
        return cli_format_complex(s->dtype, p->raw, s->item_bytes, p->items, p->text) ? TSR_OK
                                                                                      : TSR_ENOMEM;
    for (int64_t i = 0; i < p->items; i++) {
        p->text[i] = item_text(s->dtype, p->raw + i * s->item_bytes);
        if (!p->text[i]) return TSR_ENOMEM;
    }
    bool padded = p->ndim && strchr("biuMmc", kind) != NULL;
    return !padded || pad_left(p->text, p->items, kind == 'b' ? 5 : 0) ? TSR_OK : TSR_ENOMEM;
}

/* ---- layout ---- */

struct line {
    int column, indent, width;
    int blanks; /* at the end of the last word: held back, dropped where the line breaks */
};

static void put_word(struct page *p, struct line *l, const char *word)
{
    int len = (int)strlen(word), bare = len;
    while (bare > 1 && word[bare - 1] == ' ') bare--;
    if (l->column > l->indent) {
        bool wraps = l->column + 1 + len > l->width;
        fprintf(p->f, "%*s", wraps ? 0 : l->blanks + 1, "");
        if (wraps) fprintf(p->f, "\n%*s", l->indent, "");
        l->column = wraps ? l->indent : l->column + 1;
    }
    fwrite(word, 1, (size_t)bare, p->f);
    l->column += len;
    l->blanks = len - bare;
}

static void put_row(struct page *p, int64_t first)
{
    int d = p->ndim - 1;
    struct line l = {p->ndim, p->ndim, COLUMNS - p->ndim, 0};
    for (int64_t i = 0; i < p->seen[d]; i++) {
        if (i == EDGE && p->seen[d] < p->full[d]) put_word(p, &l, "...");
        put_word(p, &l, p->text[first + i]);
    }
    fprintf(p->f, "%*s", l.blanks, "");
}

static void put_axis(struct page *p, int d, int64_t first)
{
    int64_t inner = 1;
    fputc('[', p->f);
    for (int k = d + 1; k < p->ndim; k++) inner *= p->seen[k];
    if (d == p->ndim - 1) put_row(p, first);
    for (int64_t i = 0; d < p->ndim - 1 && i < p->seen[d]; i++) {
        for (int k = 0; i > 0 && k < p->ndim - 1 - d; k++) fputc('\n', p->f);
        if (i > 0) fprintf(p->f, "%*s", d + 1, "");
        if (i == EDGE && p->seen[d] < p->full[d]) {
            fputs("...", p->f);
            for (int k = 0; k < p->ndim - 1 - d; k++) fputc('\n', p->f);
            fprintf(p->f, "%*s", d + 1, "");
        }
        put_axis(p, d + 1, first + i * inner);
    }
    fputc(']', p->f);
}

int cli_print_items(const struct cli_args *a, const struct cli_source *s,
                    const struct cli_selection *sel, FILE *f)
{
    struct page p = {.source = s, .sel = sel, .items = 1, .f = f};
    for (int d = 0; d < sel->ndim; d++) {
        if (sel->drop[d]) continue;
        bool cut = sel->items > SHOW_ALL && sel->count[d] > 2 * EDGE;
        p.axis[p.ndim] = d;
        p.full[p.ndim] = sel->count[d];
        p.seen[p.ndim] = cut ? 2 * EDGE : sel->count[d];
        p.items *= p.seen[p.ndim++];
        if (p.items > SHOWN_MAX) return cli_error(a, "too many axes to print; cut some with -s");
    }
    if (p.items == 0) {
        fputs("[]\n", f);
        return CLI_OK;
    }
    int rc = read_shown(&p);
    if (rc == TSR_OK) rc = format_items(&p);
    if (rc == TSR_OK) {
        if (p.ndim) put_axis(&p, 0, 0);
        else fputs(*p.text, f);
        fputc('\n', f);
    }
    for (int64_t i = 0; p.text && i < p.items; i++) free(p.text[i]);
    free(p.text);
    free(p.raw);
    return rc < 0 ? cli_fail(a, rc) : CLI_OK;
}
