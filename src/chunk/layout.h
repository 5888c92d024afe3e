/* SPDX-License-Identifier: BSD-3-Clause */
/* chunk/layout.h - where things lie in a chunk header, and its flags (blosc2.md section 2).
 *
 *   0        1          2      3         4       8          12
 *   | version| versionlz| flags| typesize| nbytes| blocksize| cbytes |           16: basic
 *   16       22       23         24            30      31
 *   | filters| udcodec| codecmeta| filters_meta| flags2| blosc2_flags|           32: extended
 */
#ifndef TSR_CHUNK_LAYOUT_H
#define TSR_CHUNK_LAYOUT_H

enum {
    AT_VERSION = 0,
    AT_VERSIONLZ = 1,
    AT_FLAGS = 2,
    AT_TYPESIZE = 3,
    AT_NBYTES = 4,
    AT_BLOCKSIZE = 8,
    AT_CBYTES = 12,
    AT_FILTERS = 16,
    AT_UDCODEC = 22,
    AT_CODEC_META = 23,
    AT_FILTERS_META = 24,
    AT_FLAGS2 = 30,
    AT_BLOSC2_FLAGS = 31
};
enum { BASIC_HEADER = 16 };
enum { VERSION_BLOSC1 = 2, VERSION_ALPHA = 3, VERSION_REGULAR = 5, VERSION_LAST = 6 };
enum {
    FLAG_SHUFFLE = 0x01,
    FLAG_MEMCPYED = 0x02,
    FLAG_BITSHUFFLE = 0x04,
    FLAG_DELTA = 0x08,
    FLAG_NO_SPLIT = 0x10,
    FLAG_EXTENDED = 0x05
};
enum { FLAGS2_VLBLOCKS = 0x01 };
enum { BLOSC2_DICT = 0x01, BLOSC2_LAZY = 0x08, BLOSC2_SPECIAL = 0x70, BLOSC2_INSTRUMENTED = 0x80 };
enum { FORMAT_PLUGIN = 6 };
enum { CODEC_BLOSCLZ = 0, CODEC_LZ4 = 1, CODEC_LZ4HC = 2, CODEC_ZLIB = 4, CODEC_ZSTD = 5 };
enum { FILTER_SHUFFLE = 1, FILTER_BITSHUFFLE = 2, FILTER_DELTA = 3, FILTER_BYTEDELTA = 35 };
enum { SPLIT_ALWAYS = 1, SPLIT_NEVER = 2, SPLIT_AUTO = 3, SPLIT_FORWARD = 4 };
enum { TOKEN_RUN = 0x01 };
enum { DICT_MAX = 32768 };

#endif
