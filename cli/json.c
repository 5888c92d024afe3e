/* SPDX-License-Identifier: BSD-3-Clause */
/* json.c - what is reported as JSON.
 *
 * A structured dtype is a Python literal, lists and tuples of strings and integers; with its
 * brackets and quotes exchanged it is JSON, and json-c then decides whether it really is. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

struct json_object *cli_json_parse(const char *text)
{
    return json_tokener_parse(text);
}

struct json_object *cli_json_ints(const int64_t *v, int n)
{
    struct json_object *o = json_object_new_array();
    for (int i = 0; i < n; i++) json_object_array_add(o, json_object_new_int64(v[i]));
    return o;
}

struct json_object *cli_json_packed(const void *buf, size_t len)
{
    char *text;
    if (tsr_msgpack_to_json(buf, len, &text) == TSR_OK) {
        struct json_object *o = json_tokener_parse(text);
        tsr_free(text);
        return o;
    }
    char *hex = malloc(2 * len + 1);
    if (!hex) return NULL;
    for (size_t i = 0; i < len; i++) sprintf(hex + 2 * i, "%02x", ((const uint8_t *)buf)[i]);
    hex[2 * len] = 0;
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "hex", json_object_new_string(hex));
    free(hex);
    return o;
}

/* One character of a Python literal as JSON; quote: the one that is open, or 0. */
static char *translate(char *out, const char **p, char *quote)
{
    char c = *(*p)++;
    if (*quote && c == '\\') {
        char e = *(*p)++;
        if (e == 'x') return out + sprintf(out, "\\u00");
        if (e != '\'') *out++ = '\\';
        *out++ = e;
    } else if (c == '\'' || c == '"') {
        if (*quote && c != *quote) { /* the other kind of quote inside a string */
            if (c == '"') *out++ = '\\';
            *out++ = c;
        } else {
            *quote = *quote ? 0 : c;
            *out++ = '"';
        }
    } else if (!*quote && c == ',' && (**p == ')' || (**p == ' ' && (*p)[1] == ')'))) {
        /* the comma of a tuple of one */
    } else {
        *out++ = *quote ? c : c == '(' ? '[' : c == ')' ? ']' : c == 'T' ? 't' : c == 'F' ? 'f' : c;
    }
    return out;
}

struct json_object *cli_json_dtype(const char *dtype)
{
    if (*dtype != '[' && *dtype != '{') return json_object_new_string(dtype);
    char *text = malloc(6 * strlen(dtype) + 1), *out = text, quote = 0;
    if (!text) return NULL;
    for (const char *p = dtype; *p;) out = translate(out, &p, &quote);
    *out = 0;
    struct json_object *o = json_tokener_parse(text);
    free(text);
    return o ? o : json_object_new_string(dtype);
}

struct json_object *cli_json_item(const char *dtype, const void *item)
{
    char text[512], *p = text;
    double v;
    if (tsr_item_to_text(dtype, item, text, sizeof text) < 0) return NULL;
    if (!strcmp(text, "True") || !strcmp(text, "False"))
        return json_object_new_boolean(*text == 'T');
    if (cli_parse_number(text, &v) && v - v == 0) return json_tokener_parse(text);
    size_t len = strlen(text);
    if (len >= 2 && *text == '\'' && text[len - 1] == '\'') {
        text[len - 1] = 0;
        p++;
    }
    return json_object_new_string(p);
}

void cli_json_add(struct json_object *o, const char *key, struct json_object *v)
{
    json_object_object_add(o, key, v);
}

static const char *plain(struct json_object *o)
{
    return json_object_to_json_string_ext(o,
                                          JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Bytes of the character of UTF-8 that text begins with; 0: it begins with none. */
static int character(const unsigned char *p)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = *p < 0x80 ? 1 : *p < 0xc0 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf8 ? 4 : 0;
    uint32_t c = n > 1 ? *p & (0x7fu >> n) : *p;
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    return n && c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

/* JSON is UTF-8; a name need not be: what is none of it becomes U+FFFD. */
static void print_json(struct json_object *o)
{
    for (const char *p = plain(o); *p;) {
        int n = character((const unsigned char *)p);
        if (n) fwrite(p, 1, (size_t)n, stdout);
        else fputs("\xef\xbf\xbd", stdout);
        p += n ? n : 1;
    }
}

/* The outermost level one line each, the rest compact: lines a person can read and grep. */
void cli_json_print(struct json_object *o)
{
    const char *comma = "";
    if (json_object_is_type(o, json_type_array)) {
        printf("[");
        for (size_t i = 0; i < json_object_array_length(o); i++, comma = ",") {
            printf("%s\n  ", comma);
            print_json(json_object_array_get_idx(o, i));
        }
        printf("\n]\n");
    } else {
        printf("{");
        json_object_object_foreach(o, key, value)
        {
            struct json_object *name = json_object_new_string(key);
            printf("%s\n  ", comma);
            print_json(name);
            printf(": ");
            print_json(value);
            json_object_put(name);
            comma = ",";
        }
        printf("\n}\n");
    }
    json_object_put(o);
}
