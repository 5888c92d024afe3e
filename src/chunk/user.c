/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/user.c - the program's own codecs and filters as records like those of the tables.
 *
 * A record's functions are shared by all of them: tsr_call.step leads back to the record and so to
 * the program's functions, which are never trusted to have kept to the room they were given when
 * they say how much they used. */
#include "chunk/user.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"

enum { NAME_MAX_LEN = 31, ABOUT_MAX_LEN = 127, ID_MIN = 32, ID_MAX = 255, FORMAT_PLUGIN = 6 };

static const struct tsr_param meta_params[] = {{"meta", -128, 255, 0}, {0}};

/* The link comes first: the set frees the whole by it. */
struct user_codec {
    struct tsr_codec_link link;
    struct tsr_codec codec;
    tsr_user_codec user;
    char name[NAME_MAX_LEN + 1], about[ABOUT_MAX_LEN + 1];
};

struct user_filter {
    struct tsr_codec_link link;
    struct tsr_filter filter;
    tsr_user_filter user;
    char name[NAME_MAX_LEN + 1], about[ABOUT_MAX_LEN + 1];
};

static const struct user_codec *codec_of(const struct tsr_call *c)
{
    return (const struct user_codec *)((const char *)c->step - offsetof(struct user_codec, codec));
}

static const struct user_filter *filter_of(const struct tsr_call *c)
{
    return (const struct user_filter *)((const char *)c->step -
                                        offsetof(struct user_filter, filter));
}

static tsr_block_info info_of(const struct tsr_call *c)
{
    return (tsr_block_info){.size = sizeof(tsr_block_info),
                            .item_bytes = c->block->item_bytes,
                            .typesize = c->block->typesize,
                            .ndim = c->block->ndim,
                            .shape = c->block->shape,
                            .meta = c->meta,
                            .clevel = c->level};
}

/* The program's answer as a status: its own where it is one, else `other`. */
static int status_of(int rc, int other, const char *name, const char *what)
{
    if (rc == 0) return TSR_OK;
    int status = rc < 0 && rc >= TSR_ECANCELLED ? rc : other;
    return tsr_fail((tsr_status)status, "%s: its %s answered %d", name, what, rc);
}

static int codec_encode(const struct tsr_call *c, const uint8_t *src, size_t n, uint8_t *dst,
                        size_t cap, size_t *out)
{
    const struct user_codec *u = codec_of(c);
    tsr_block_info info = info_of(c);
    *out = 0;
    int rc = u->user.encode(u->user.user, &info, src, n, dst, cap, out);
    if (rc != 0) return status_of(rc, TSR_EARG, u->name, "encode");
    if (*out <= cap) return TSR_OK;
    return tsr_fail(TSR_EARG, "%s: its encode wrote %zu bytes, the room was %zu", u->name, *out,
                    cap);
}

static int codec_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst,
                        size_t n)
{
    const struct user_codec *u = codec_of(c);
    tsr_block_info info = info_of(c);
    int rc = u->user.decode(u->user.user, &info, src, len, dst, n);
    return status_of(rc, TSR_ECORRUPT, u->name, "decode");
}

static int filter_encode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    const struct user_filter *u = filter_of(c);
    tsr_block_info info = info_of(c);
    int rc = u->user.encode(u->user.user, &info, src, dst, len);
    return status_of(rc, TSR_EARG, u->name, "encode");
}

static int filter_decode(const struct tsr_call *c, const uint8_t *src, size_t len, uint8_t *dst)
{
    const struct user_filter *u = filter_of(c);
    tsr_block_info info = info_of(c);
    int rc = u->user.decode(u->user.user, &info, src, dst, len);
    return status_of(rc, TSR_ECORRUPT, u->name, "decode");
}

/* ---- adding ---- */

/* Names are steps on command lines, before a ':' and between commas. */
static int check_name(const char *name, int id)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len > NAME_MAX_LEN || strspn(name, letters) != len)
        return tsr_fail(TSR_EARG, "name '%s': expected 1 to 31 of a-z, 0-9 and _",
                        name ? name : "");
    if (id < ID_MIN || id > ID_MAX)
        return tsr_fail(TSR_EARG, "%s: id %d: expected 32 to 255", name, id);
    return TSR_OK;
}

static void copy_text(char *to, size_t room, const char *text)
{
    size_t len = text ? tsr_minz(strlen(text), room - 1) : 0;
    if (len) memcpy(to, text, len);
    to[len] = 0;
}

/* Adds the link that u begins with, or frees it. */
static int add(struct tsr_codec_set *s, struct tsr_codec_link *l)
{
    int rc = tsr_codec_set_add(s, l);
    if (rc < 0) tsr_free(l);
    return rc;
}

int tsr_user_codec_add(struct tsr_codec_set *s, const tsr_user_codec *codec)
{
    tsr_user_codec given = {0};
    if (codec) memcpy(&given, codec, tsr_minz(codec->size, sizeof given));
    if (!given.size) return tsr_fail(TSR_EARG, "tsr_user_codec.size is 0, expected its size");
    int rc = check_name(given.name, given.blosc2_id);
    if (rc < 0) return rc;
    if (!given.decode) return tsr_fail(TSR_EARG, "codec %s: it has no decode", given.name);
    struct user_codec *u = tsr_alloc_zero(1, sizeof *u);
    if (!u) return TSR_ENOMEM;
    copy_text(u->name, sizeof u->name, given.name);
    copy_text(u->about, sizeof u->about, given.about);
    u->user = given;
    u->codec = (struct tsr_codec){.name = u->name,
                                  .about = u->about,
                                  .blosc2_id = given.blosc2_id,
                                  .blosc2_format = FORMAT_PLUGIN,
                                  .params = meta_params,
                                  .lossy = given.lossy,
                                  .whole = given.whole,
                                  .encode = given.encode ? codec_encode : NULL,
                                  .decode = codec_decode};
    u->link.codec = &u->codec;
    return add(s, &u->link);
}

int tsr_user_filter_add(struct tsr_codec_set *s, const tsr_user_filter *filter)
{
    tsr_user_filter given = {0};
    if (filter) memcpy(&given, filter, tsr_minz(filter->size, sizeof given));
    if (!given.size) return tsr_fail(TSR_EARG, "tsr_user_filter.size is 0, expected its size");
    int rc = check_name(given.name, given.blosc2_id);
    if (rc < 0) return rc;
    if (!given.encode && !given.decode)
        return tsr_fail(TSR_EARG, "filter %s: it has neither encode nor decode", given.name);
    struct user_filter *u = tsr_alloc_zero(1, sizeof *u);
    if (!u) return TSR_ENOMEM;
    copy_text(u->name, sizeof u->name, given.name);
    copy_text(u->about, sizeof u->about, given.about);
    u->user = given;
    u->filter = (struct tsr_filter){.name = u->name,
                                    .about = u->about,
                                    .blosc2_id = given.blosc2_id,
                                    .params = meta_params,
                                    .encode_only = !given.decode,
                                    .lossy = given.lossy,
                                    .items = given.items,
                                    .encode = given.encode ? filter_encode : NULL,
                                    .decode = given.decode ? filter_decode : NULL};
    u->link.filter = &u->filter;
    return add(s, &u->link);
}
