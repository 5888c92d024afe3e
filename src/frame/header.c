/* SPDX-License-Identifier: BSD-3-Clause */
/* frame/header.c - the fixed part of a frame's header (blosc2.md 7.1).
 *
 *   0  9E A8 "b2frame\0"                  47 D2 type_size:i32
 *  10  D2 header_len:i32                  52 D2 block_size:i32
 *  15  CF frame_len:u64                   57 D2 chunk_size:i32
 *  24  A4 flags type codec|clevel split   62 D1 threads:i16  65 D1 threads:i16
 *  29  D3 nbytes:i64                      68 C2|C3 vlmeta
 *  38  D3 cbytes:i64                      69 D8 slots filters[6] codec meta metas[6] flags2 0
 *
 * All big endian.  It is msgpack of one fixed shape, so fields are at fixed offsets and the
 * tags between them are only compared. */
#include "frame/priv.h"

static const uint8_t magic[] = {0x9E, 0xA8, 'b', '2', 'f', 'r', 'a', 'm', 'e', 0};

static const struct tag {
    uint8_t off, value;
} tags[] = {{10, 0xD2}, {15, 0xCF}, {24, 0xA4}, {29, 0xD3}, {38, 0xD3}, {47, 0xD2}, {52, 0xD2},
            {57, 0xD2}, {62, 0xD1}, {65, 0xD1}, {69, 0xD8}, {87, 0x93}, {88, 0xCD}, {91, 0xDE}};

bool tsr_frame_begins(const uint8_t *head, size_t len)
{
    return len >= sizeof magic && memcmp(head, magic, sizeof magic) == 0;
}

static int check_tags(const uint8_t *p)
{
    if (!tsr_frame_begins(p, sizeof magic))
        return tsr_fail(TSR_ECORRUPT, "frame header: no frame magic at byte 0");
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (p[tags[i].off] != tags[i].value)
            return tsr_fail(TSR_ECORRUPT,
                            "frame header: tag at byte %d: found 0x%02x, expected "
                            "0x%02x",
                            tags[i].off, p[tags[i].off], tags[i].value);
    if (p[68] != 0xC2 && p[68] != 0xC3)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: vlmeta flag at byte 68: found 0x%02x, "
                        "expected 0xc2 or 0xc3",
                        p[68]);
    return TSR_OK;
}

static void load(struct frame_header *h, const uint8_t *p)
{
    *h = (struct frame_header){
        .header_len = (int32_t)tsr_load_BE32(p + 11),
        .frame_len = tsr_load_BE64(p + 16),
        .flags = p[25],
        .frame_type = p[26],
        .codec_flags = p[27],
        .split = p[28],
        .nbytes = (int64_t)tsr_load_BE64(p + 30),
        .cbytes = (int64_t)tsr_load_BE64(p + 39),
        .type_size = (int32_t)tsr_load_BE32(p + 48),
        .block_size = (int32_t)tsr_load_BE32(p + 53),
        .chunk_size = (int32_t)tsr_load_BE32(p + 58),
        .threads_c = (int16_t)tsr_load_BE16(p + 63),
        .threads_d = (int16_t)tsr_load_BE16(p + 66),
        .vlmeta = p[68] == 0xC3,
        .slots = p[70],
        .codec = p[77],
        .codec_meta = p[78],
        .flags2 = p[85],
        .last = p[86],
    };
    memcpy(h->filters, p + 71, 6);
    memcpy(h->filters_meta, p + 79, 6);
}

static int check_kind(const struct frame_header *h, const struct frame_home *home)
{
    int version = h->flags & 15;
    if (version > 3)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "frame header: version at byte 25: found %d, at most 3 "
                        "is known",
                        version);
    if ((h->flags >> 4 & 3) != 1)
        return tsr_fail(TSR_EUNSUPPORTED,
                        "frame header: offset width at byte 25: found code %d, "
                        "only 1 (64 bits) is known",
                        h->flags >> 4 & 3);
    if (h->frame_type != home->frame_type)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: frame_type at byte 26: found %d, expected %d "
                        "in a %s frame",
                        h->frame_type, home->frame_type, home->name);
    return TSR_OK;
}

static int check_lengths(const struct frame_header *h, uint64_t avail,
                         const struct frame_home *home)
{
    long long area = (long long)(h->frame_len - (uint64_t)h->header_len);
    if (h->header_len < FRAME_HEADER_MIN)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: header_len at byte 11: found %d, expected at "
                        "least %d",
                        h->header_len, FRAME_HEADER_MIN);
    if (h->frame_len > avail)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: frame_len at byte 16: found %llu, only %llu "
                        "bytes are there",
                        (unsigned long long)h->frame_len, (unsigned long long)avail);
    if (h->frame_len < (uint64_t)h->header_len + FRAME_TRAILER_MIN)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: frame_len at byte 16: found %llu, expected "
                        "at least header_len %d and %d",
                        (unsigned long long)h->frame_len, h->header_len, FRAME_TRAILER_MIN);
    if (h->nbytes < 0)
        return tsr_fail(TSR_ECORRUPT, "frame header: nbytes at byte 30: found %lld",
                        (long long)h->nbytes);
    /* with nbytes 0 c-blosc2 leaves a stale cbytes behind, and nobody looks at it */
    bool locates = h->nbytes > 0 && home->frame_type == 0;
    if (h->cbytes < 0 || (locates && h->cbytes > area))
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: cbytes at byte 39: found %lld, expected 0 to "
                        "%lld",
                        (long long)h->cbytes, area);
    return TSR_OK;
}

static int check_sizes(const struct frame_header *h)
{
    if (h->type_size <= 0)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: type_size at byte 48: found %d, expected "
                        "more than 0",
                        h->type_size);
    if (h->block_size < 0)
        return tsr_fail(TSR_ECORRUPT, "frame header: block_size at byte 53: found %d",
                        h->block_size);
    if (h->chunk_size < (h->nbytes > 0 ? 0 : -1) || h->chunk_size > TSR_CHUNK_MAX_NBYTES)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: chunk_size at byte 58: found %d with nbytes "
                        "%lld",
                        h->chunk_size, (long long)h->nbytes);
    if (h->chunk_size > 0 && tsr_ceil_div(h->nbytes, h->chunk_size) > FRAME_MAX_CHUNKS)
        return tsr_fail(TSR_ECORRUPT,
                        "frame header: nbytes at byte 30: found %lld, more than %d "
                        "chunks of %d bytes",
                        (long long)h->nbytes, FRAME_MAX_CHUNKS, h->chunk_size);
    return TSR_OK;
}

int tsr_header_parse(struct frame_header *h, const uint8_t *p, uint64_t avail,
                     const struct frame_home *home)
{
    int rc = check_tags(p);
    if (rc < 0) return rc;
    load(h, p);
    if ((rc = check_kind(h, home)) < 0) return rc;
    if ((rc = check_lengths(h, avail, home)) < 0) return rc;
    return check_sizes(h);
}

void tsr_header_store(const struct frame_header *h, uint8_t p[FRAME_FIXED])
{
    memcpy(p, magic, sizeof magic);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (tags[i].off < FRAME_FIXED) p[tags[i].off] = tags[i].value;
    tsr_store_BE32(p + 11, (uint32_t)h->header_len);
    tsr_store_BE64(p + 16, h->frame_len);
    p[25] = h->flags;
    p[26] = h->frame_type;
    p[27] = h->codec_flags;
    p[28] = h->split;
    tsr_store_BE64(p + 30, (uint64_t)h->nbytes);
    tsr_store_BE64(p + 39, (uint64_t)h->cbytes);
    tsr_store_BE32(p + 48, (uint32_t)h->type_size);
    tsr_store_BE32(p + 53, (uint32_t)h->block_size);
    tsr_store_BE32(p + 58, (uint32_t)h->chunk_size);
    tsr_store_BE16(p + 63, (uint16_t)h->threads_c);
    tsr_store_BE16(p + 66, (uint16_t)h->threads_d);
    p[68] = h->vlmeta ? 0xC3 : 0xC2;
    p[70] = h->slots;
    memcpy(p + 71, h->filters, 6);
    p[77] = h->codec;
    p[78] = h->codec_meta;
    memcpy(p + 79, h->filters_meta, 6);
    p[85] = h->flags2;
    p[86] = h->last;
}

/* The low nibble holds the ids 0 to 5; from 6 on only the byte of its own does. */
enum { CODEC_ELSEWHERE = 6 };

void tsr_header_facts(const struct frame_header *h, const struct tsr_codec_set *codecs,
                      struct tsr_frame_facts *out)
{
    int low = h->codec_flags & 15;
    int id = low == CODEC_ELSEWHERE ? h->codec : low;
    *out = (struct tsr_frame_facts){
        .chunk_bytes = h->chunk_size > 0 ? h->chunk_size : 0,
        .nbytes = h->nbytes,
        .cbytes = (int64_t)h->frame_len,
        .variable = h->chunk_size == 0,
        .vlblocks = (h->flags & HEADER_VLBLOCKS) != 0,
        .codec_id = id,
        .checksum = h->last == FRAME_MARK,
    };
    struct tsr_cparams *c = &out->cparams;
    c->codecs = codecs;
    c->codec = tsr_codec_blosc2(codecs, id);
    c->codec_id = id;
    c->codec_meta = h->codec_meta;
    c->clevel = h->codec_flags >> 4;
    c->split = (h->split & 3) + 1;
    c->item_bytes = h->type_size;
    c->block_bytes = h->block_size;
    c->use_dict = h->flags2 & 1;
    memcpy(c->filters, h->filters, 6);
    memcpy(c->filters_meta, h->filters_meta, 6);
    out->nchunks = out->chunk_bytes ? tsr_ceil_div(h->nbytes, out->chunk_bytes) : 0;
}

void tsr_header_kind(struct frame_header *h, const struct tsr_frame_facts *p)
{
    int kind = (p->variable ? HEADER_VARIABLE : 0) | (p->vlblocks ? HEADER_VLBLOCKS : 0);
    if ((h->flags & (HEADER_VARIABLE | HEADER_VLBLOCKS)) == kind) return;
    h->flags = (uint8_t)(kind | 0x10 | (kind ? 3 : 2)); /* 64-bit offsets; the version */
}

void tsr_header_init(struct frame_header *h, const struct tsr_frame_facts *p)
{
    *h = (struct frame_header){
        .flags = p->chunk_bytes ? 0x12 : 0x53, /* the latter as c-blosc2 has it (7.1) */
        .nbytes = p->nbytes,
        .chunk_size = (int32_t)p->chunk_bytes,
        .threads_c = 1,
        .threads_d = 1,
        .slots = 6,
        .last = p->checksum ? FRAME_MARK : 0,
    };
    tsr_header_cparams(h, &p->cparams);
}

void tsr_header_cparams(struct frame_header *h, const struct tsr_cparams *c)
{
    int id = c->codec_id;
    h->codec_flags = (uint8_t)((id < CODEC_ELSEWHERE ? id : CODEC_ELSEWHERE) | c->clevel << 4);
    h->split = (uint8_t)(c->split > 0 ? c->split - 1 : 3);
    h->type_size = c->item_bytes;
    h->block_size = c->block_bytes;
    h->codec = (uint8_t)id;
    h->codec_meta = (uint8_t)c->codec_meta;
    h->flags2 = c->use_dict;
    memcpy(h->filters, c->filters, 6);
    memcpy(h->filters_meta, c->filters_meta, 6);
}
