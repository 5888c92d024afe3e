# SPDX-License-Identifier: BSD-3-Clause
# The C API, as far as the package uses it; what it means is said in tessera/tessera.h.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "stdbool.h" nogil:
    ctypedef bint cbool "bool"

cdef extern from "tessera/tessera.h" nogil:
    enum: TSR_MAX_NDIM

    ctypedef struct tsr_array
    ctypedef struct tsr_schunk
    ctypedef struct tsr_group
    ctypedef struct tsr_context

    ctypedef enum tsr_status:
        TSR_OK
        TSR_EARG
        TSR_ENOMEM
        TSR_EIO
        TSR_ENOTFOUND
        TSR_EEXISTS
        TSR_EDENIED
        TSR_ECORRUPT
        TSR_EUNSUPPORTED
        TSR_ELIMIT
        TSR_ECONFLICT
        TSR_ETEMP
        TSR_ECANCELLED

    const char *tsr_error()
    const char *tsr_version()
    const char *tsr_kernel_level()
    void tsr_free(void *p)

    # context
    ctypedef struct tsr_context_options:
        size_t size
        int threads
        size_t cache_bytes
    size_t TSR_NO_CACHE
    ctypedef struct tsr_cache_stats:
        size_t size
        int64_t budget_bytes
        int64_t held_bytes
        int64_t hits
        int64_t misses
    int tsr_context_new(const tsr_context_options *opts, tsr_context **out)
    int tsr_context_threads(const tsr_context *c)
    int tsr_context_set_threads(tsr_context *c, int threads, int *before)
    int tsr_context_set_cache(tsr_context *c, size_t cache_bytes, size_t *before)
    int tsr_context_cache_stats(const tsr_context *c, tsr_cache_stats *out)

    # options and specs
    ctypedef int (*tsr_progress)(void *user, int64_t done, int64_t total) noexcept
    ctypedef struct tsr_step:
        const char *name
        const char *params
    ctypedef struct tsr_meta_value:
        const char *name
        const void *p
        size_t len
    ctypedef struct tsr_spec:
        size_t size
        const char *dtype
        int64_t item_bytes
        int ndim
        const int64_t *shape
        const int64_t *chunks
        const int64_t *blocks
        const tsr_step *steps
        int nsteps
        int split
        const void *fill
        cbool uninit
        const tsr_meta_value *metas
        int nmetas
        cbool checksum
        const char *type
        const char *codecs
        const char *const *names
        const char *zarr
    ctypedef struct tsr_remote_options:
        size_t size
        const char *endpoint
        const char *region
        const char *key
        const char *secret
        const char *token
        cbool anonymous
        int timeout_s
        int tries
        int pause_ms
        int connections
        tsr_progress progress
        void *user
    ctypedef struct tsr_options:
        size_t size
        const char *mode
        const char *format
        tsr_context *context
        uint64_t offset
        uint64_t max_chunk_bytes
        cbool durable
        const tsr_spec *raw
        tsr_progress progress
        void *user
        cbool sparse
        cbool locking
        const char *mmap
        cbool no_consolidated
        uint64_t memory_bytes
        const char *tmp
        cbool resume
        const tsr_remote_options *remote

    # arrays
    int tsr_array_open(const char *url, const tsr_options *opts, tsr_array **out)
    int tsr_array_create(const char *url, const tsr_spec *spec, const tsr_options *opts,
                         tsr_array **out)
    int tsr_array_close(tsr_array *a)
    void tsr_array_drop(tsr_array *a)
    int tsr_array_flush(tsr_array *a)
    int tsr_array_sync(tsr_array *a)
    int tsr_array_refresh(tsr_array *a, cbool *changed)
    const tsr_spec *tsr_array_spec(const tsr_array *a)
    const char *tsr_array_format(const tsr_array *a)
    ctypedef struct tsr_slice:
        const int64_t *start
        const int64_t *count
        const int64_t *step
    int tsr_array_read(const tsr_array *a, const tsr_slice *s, void *dst, size_t dst_bytes)
    int tsr_array_write(tsr_array *a, const tsr_slice *s, const void *src, size_t src_bytes)
    int tsr_array_read_strided(const tsr_array *a, const tsr_slice *s, void *dst,
                               const int64_t *stride)
    int tsr_array_write_strided(tsr_array *a, const tsr_slice *s, const void *src,
                                const int64_t *stride)
    ctypedef struct tsr_axis:
        const int64_t *index
        int64_t start
        int64_t count
        int64_t step
        cbool drop
    int tsr_array_read_orthogonal(const tsr_array *a, const tsr_axis *axes, void *dst,
                                  const int64_t *stride)
    int tsr_array_write_orthogonal(tsr_array *a, const tsr_axis *axes, const void *src,
                                   const int64_t *stride)
    int tsr_array_read_points(const tsr_array *a, int64_t n, const int64_t *coords, void *dst,
                              int64_t stride)
    int tsr_array_write_points(tsr_array *a, int64_t n, const int64_t *coords, const void *src,
                               int64_t stride)
    ctypedef struct tsr_items:
        size_t size
        int64_t n
        const uint64_t *offsets
        const void *bytes
    int tsr_array_read_items(const tsr_array *a, const tsr_slice *s, tsr_items *out)
    int tsr_array_read_items_orthogonal(const tsr_array *a, const tsr_axis *axes, tsr_items *out)
    int tsr_array_read_items_points(const tsr_array *a, int64_t n, const int64_t *coords,
                                    tsr_items *out)
    int tsr_array_write_items(tsr_array *a, const tsr_slice *s, const tsr_items *items)
    int tsr_array_write_items_orthogonal(tsr_array *a, const tsr_axis *axes,
                                         const tsr_items *items)
    int tsr_array_write_items_points(tsr_array *a, int64_t n, const int64_t *coords,
                                     const tsr_items *items)
    void tsr_items_free(tsr_items *items)
    int tsr_array_slice(const tsr_array *a, const tsr_axis *axes, const char *url,
                        const tsr_spec *spec, const tsr_options *opts, tsr_array **out)
    int tsr_array_resize(tsr_array *a, const int64_t *shape)
    int tsr_array_append(tsr_array *a, int axis, const void *src, size_t src_bytes)
    int tsr_array_copy(const tsr_array *a, const char *url, const tsr_spec *spec,
                       const tsr_options *opts, tsr_array **out)
    int tsr_array_reshape(const tsr_array *a, const char *url, const tsr_spec *spec,
                          const tsr_options *opts, tsr_array **out)
    int tsr_array_concat(const tsr_array *const *a, int n, int axis, const char *url,
                         const tsr_options *opts, tsr_array **out)
    ctypedef struct tsr_stats:
        size_t size
        int64_t nbytes
        int64_t cbytes
        int64_t nchunks
        int64_t bytes_read
        int64_t requests
        int64_t blocks_decoded
        int64_t cache_hits
    int tsr_array_stats(const tsr_array *a, tsr_stats *out)
    int tsr_array_cbytes(const tsr_array *a, int64_t *out)
    enum: TSR_BORROW
    int tsr_array_to_frame(tsr_array *a, void **buf, size_t *len)
    int tsr_array_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                             tsr_array **out)

    # reductions
    ctypedef enum tsr_reduction:
        TSR_MAX
        TSR_MIN
        TSR_SUM
        TSR_MEAN
        TSR_PROD
        TSR_STD
        TSR_VAR
        TSR_ANY
        TSR_ALL
    ctypedef struct tsr_reduce_spec:
        size_t size
        tsr_reduction how
        const cbool *axes
        double ddof
        cbool wide
    int tsr_reduce(const tsr_array *a, const tsr_slice *s, const tsr_reduce_spec *how, void *out,
                   size_t out_bytes)
    int tsr_reduce_dtype(const char *dtype, const tsr_reduce_spec *how, char **out)

    # shapes for given ways of reading
    ctypedef struct tsr_access:
        tsr_slice slice
        double weight
        cbool fixed
    ctypedef struct tsr_read_cost:
        double bytes
        double requests
        double decoded
        double chunks
        double blocks
        double seconds
    ctypedef struct tsr_access_cost:
        tsr_read_cost mean
        tsr_read_cost here
        tsr_read_cost worst
    ctypedef struct tsr_plan:
        size_t size
        int flags
        const int64_t *chunks
        const int64_t *blocks
        int64_t nchunks
        int64_t nblocks
        int64_t chunk_bytes
        int64_t block_bytes
        double seconds
        const tsr_access_cost *access
    ctypedef struct tsr_advise_spec:
        size_t size
        const tsr_spec *array
        const char *format
        int naccess
        const tsr_access *access
        double ratio
        const char *medium
        double latency
        double bandwidth
        double decode_speed
        int in_flight
        int64_t chunk_least
        int64_t chunk_most
        int64_t block_least
        int64_t block_most
        int most
    ctypedef struct tsr_advice
    int tsr_advise(const tsr_array *a, const tsr_advise_spec *s, tsr_advice **out)
    void tsr_advice_free(tsr_advice *v)
    const tsr_plan *tsr_advice_plan(const tsr_advice *v, int i)
    const tsr_advise_spec *tsr_advice_spec(const tsr_advice *v)
    const char *tsr_advice_why(const tsr_advice *v)
    int tsr_advise_measure(const tsr_array *a, const tsr_slice *s, tsr_read_cost *out)

    # from one place and format to another
    int tsr_convert(const char *src, const tsr_options *src_opts, const char *dst,
                    const tsr_spec *spec, const tsr_options *opts)
    ctypedef struct tsr_copy_pass:
        size_t size
        const int64_t *box
        int64_t boxes
        int64_t chunks_read
        int64_t blocks_read
        int64_t bytes_read
        int64_t stored_read
        int64_t requests
        int64_t chunks_written
        int64_t bytes_written
        int64_t memory_bytes
    ctypedef struct tsr_copy_plan:
        size_t size
        int ndim
        int npasses
        cbool stored
        const tsr_copy_pass **copy_pass "pass"
        const int64_t *between
        const int64_t *between_blocks
        int64_t between_bytes
        int64_t memory_bytes
        int64_t budget_bytes
    int tsr_convert_plan(const char *src, const tsr_options *src_opts, const char *dst,
                         const tsr_spec *spec, const tsr_options *opts, tsr_copy_plan **out)

    # what is asked of whole arrays and containers
    ctypedef void (*tsr_verify_fn)(void *user, int64_t chunk, int ndim, const int64_t *coords,
                                   tsr_status status, const char *what) noexcept
    int tsr_verify(const char *url, const tsr_options *opts, tsr_verify_fn fn, void *user,
                   int64_t *problems)
    enum: TSR_HASH_ATTRS
    enum: TSR_HASH_TEXT
    int tsr_hash(const tsr_array *a, int flags, const tsr_options *opts, char *digest)
    int tsr_schunk_hash(const tsr_schunk *s, const tsr_options *opts, char *digest)
    enum: TSR_DIFF_NAN
    enum: TSR_DIFF_BITS
    enum: TSR_DIFF_ITEMS
    ctypedef struct tsr_diff_spec:
        size_t size
        double rtol
        double atol
        int flags
        int first
        int64_t memory_bytes
    ctypedef struct tsr_difference:
        size_t size
        const char *what
        const char *name
        const char *a
        const char *b
        int ndim
        const int64_t *at
        const int64_t *chunk_a
        const int64_t *chunk_b
    ctypedef void (*tsr_diff_fn)(void *user, const tsr_difference *d) noexcept
    ctypedef struct tsr_diff_result:
        size_t size
        int64_t metadata
        int64_t items
        int64_t different
        double most_abs
        double most_rel
        int64_t same_stored
    int tsr_diff(const tsr_array *a, const tsr_array *b, const tsr_diff_spec *spec,
                 const tsr_options *opts, tsr_diff_fn fn, void *user, tsr_diff_result *result)

    # attributes and metalayers
    int tsr_array_attrs(const tsr_array *a, char **json)
    int tsr_array_attr_set(tsr_array *a, const char *name, const char *json)
    int tsr_array_attr_remove(tsr_array *a, const char *name)
    ctypedef enum tsr_meta_kind:
        TSR_META
        TSR_VLMETA
    int tsr_array_meta_count(const tsr_array *a, tsr_meta_kind kind)
    const char *tsr_array_meta_name(const tsr_array *a, tsr_meta_kind kind, int i)
    int tsr_array_meta_get(const tsr_array *a, tsr_meta_kind kind, const char *name, void **buf,
                           size_t *len)
    int tsr_array_meta_set(tsr_array *a, tsr_meta_kind kind, const char *name, const void *buf,
                           size_t len)
    int tsr_array_meta_remove(tsr_array *a, const char *name)

    # what a chunk's header says
    ctypedef struct tsr_chunk_facts:
        size_t size
        int64_t nbytes
        int64_t cbytes
        int64_t block_bytes
        int64_t nblocks
        int version
        int typesize
        int flags
        int flags2
        int blosc2_flags
        cbool memcpyed
        cbool dict
        cbool vlblocks
        int special
        int codec_id
        const char *codec
        uint8_t filters[6]
        uint8_t filters_meta[6]
        uint8_t codec_meta

    # super-chunks
    ctypedef struct tsr_schunk_spec:
        size_t size
        int64_t item_bytes
        int64_t chunk_bytes
        int64_t block_bytes
        const tsr_step *steps
        int nsteps
        int split
        const tsr_meta_value *metas
        int nmetas
        cbool checksum
        cbool variable
    int tsr_schunk_open(const char *url, const tsr_options *opts, tsr_schunk **out)
    int tsr_schunk_create(const char *url, const tsr_schunk_spec *spec, const tsr_options *opts,
                          tsr_schunk **out)
    int tsr_schunk_close(tsr_schunk *s)
    void tsr_schunk_drop(tsr_schunk *s)
    int tsr_schunk_flush(tsr_schunk *s)
    int tsr_schunk_sync(tsr_schunk *s)
    int tsr_schunk_refresh(tsr_schunk *s, cbool *changed)
    const tsr_schunk_spec *tsr_schunk_spec_of(const tsr_schunk *s)
    const char *tsr_schunk_format(const tsr_schunk *s)
    int64_t tsr_schunk_nchunks(const tsr_schunk *s)
    int64_t tsr_schunk_nitems(const tsr_schunk *s)
    int tsr_schunk_stats(const tsr_schunk *s, tsr_stats *out)
    int tsr_schunk_get(const tsr_schunk *s, int64_t start, int64_t n, void *dst)
    int tsr_schunk_set(tsr_schunk *s, int64_t start, int64_t n, const void *src)
    int tsr_schunk_append(tsr_schunk *s, int64_t n, const void *src)
    int tsr_schunk_chunk_bytes(const tsr_schunk *s, int64_t i, int64_t *bytes)
    int tsr_schunk_read_chunk(const tsr_schunk *s, int64_t i, void *dst, size_t dst_bytes)
    int tsr_schunk_insert_chunk(tsr_schunk *s, int64_t i, const void *src, size_t src_bytes)
    int tsr_schunk_update_chunk(tsr_schunk *s, int64_t i, const void *src, size_t src_bytes)
    int tsr_schunk_delete_chunk(tsr_schunk *s, int64_t i)
    int tsr_schunk_make_variable(tsr_schunk *s)
    int tsr_schunk_reorder(tsr_schunk *s, const int64_t *order)
    int tsr_schunk_copy(tsr_schunk *s, const char *url, const tsr_schunk_spec *spec,
                        const tsr_options *opts, tsr_schunk **out)
    int tsr_schunk_get_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len)
    int tsr_schunk_lazy_chunk(const tsr_schunk *s, int64_t i, void **buf, size_t *len)
    int tsr_schunk_chunk_info(const tsr_schunk *s, int64_t i, tsr_chunk_facts *out)
    int tsr_schunk_settle(tsr_schunk *s)
    int tsr_schunk_update_special(tsr_schunk *s, int64_t i, int special, const void *value)
    int tsr_schunk_fill_special(tsr_schunk *s, int64_t nitems, int special, const void *value)
    ctypedef struct tsr_cparams_info:
        size_t size
        int64_t item_bytes
        int64_t block_bytes
        int codec_id
        const char *codec
        int clevel
        cbool dict
        int split
        uint8_t codec_meta
        uint8_t filters[6]
        uint8_t filters_meta[6]
    int tsr_schunk_cparams(const tsr_schunk *s, tsr_cparams_info *out)
    int tsr_array_cparams(const tsr_array *a, tsr_cparams_info *out)
    int tsr_schunk_lock(tsr_schunk *s)
    int tsr_schunk_unlock(tsr_schunk *s)
    int64_t tsr_schunk_change_tick(const tsr_schunk *s)
    int tsr_schunk_append_compressed(tsr_schunk *s, const void *chunk, size_t len)
    int tsr_schunk_insert_compressed(tsr_schunk *s, int64_t i, const void *chunk, size_t len)
    int tsr_schunk_update_compressed(tsr_schunk *s, int64_t i, const void *chunk, size_t len)
    int tsr_schunk_to_frame(tsr_schunk *s, void **buf, size_t *len)
    int tsr_schunk_take_frame(tsr_schunk *s, void **buf, size_t *len)
    int tsr_schunk_set_spec(tsr_schunk *s, const tsr_schunk_spec *spec)
    int tsr_schunk_from_frame(const void *buf, size_t len, int flags, const tsr_options *opts,
                              tsr_schunk **out)
    int tsr_schunk_meta_count(const tsr_schunk *s, tsr_meta_kind kind)
    const char *tsr_schunk_meta_name(const tsr_schunk *s, tsr_meta_kind kind, int i)
    int tsr_schunk_meta_get(const tsr_schunk *s, tsr_meta_kind kind, const char *name, void **buf,
                            size_t *len)
    int tsr_schunk_meta_set(tsr_schunk *s, tsr_meta_kind kind, const char *name, const void *buf,
                            size_t len)
    int tsr_schunk_meta_remove(tsr_schunk *s, const char *name)

    # one chunk in memory
    size_t tsr_compress_bound(size_t nbytes)
    int tsr_compress(const tsr_schunk_spec *spec, const void *src, size_t nbytes,
                     const tsr_options *opts, void *dst, size_t cap, size_t *cbytes)
    int tsr_decompress(const void *chunk, size_t len, const tsr_options *opts, void *dst,
                       size_t dst_bytes)
    int tsr_decompress_range(const void *chunk, size_t len, int64_t start, int64_t n,
                             const tsr_options *opts, void *dst)
    int tsr_chunk_info(const void *chunk, size_t len, tsr_chunk_facts *out)
    int tsr_array_get_chunk(const tsr_array *a, int64_t i, void **buf, size_t *len)
    int tsr_array_lazy_chunk(const tsr_array *a, int64_t i, void **buf, size_t *len)
    int tsr_array_decode_chunk(const tsr_array *a, int64_t i, void *dst, size_t dst_bytes)
    int tsr_array_chunk_info(const tsr_array *a, int64_t i, tsr_chunk_facts *out)
    int tsr_array_update_compressed(tsr_array *a, int64_t i, const void *chunk, size_t len)
    int tsr_array_lock(tsr_array *a)
    int tsr_array_unlock(tsr_array *a)
    int64_t tsr_array_change_tick(const tsr_array *a)

    # what is where
    ctypedef enum tsr_kind:
        TSR_KIND_ARRAY
        TSR_KIND_SCHUNK
        TSR_KIND_CHUNK
        TSR_KIND_GROUP
    ctypedef struct tsr_place_info:
        size_t size
        tsr_kind kind
        const char *format
    int tsr_probe(const char *url, const tsr_options *opts, tsr_place_info *out)

    # groups
    int tsr_group_open(const char *url, const tsr_options *opts, tsr_group **out)
    int tsr_group_create(const char *url, const tsr_options *opts, tsr_group **out)
    int tsr_group_close(tsr_group *g)
    int tsr_group_flush(tsr_group *g)
    const char *tsr_group_format(const tsr_group *g)
    const char *tsr_group_path(const tsr_group *g)
    cbool tsr_group_consolidated(const tsr_group *g)
    ctypedef struct tsr_node_info:
        size_t size
        const char *path
        tsr_kind kind
        const char *format
        tsr_status status
        const char *error
        int ndim
        const int64_t *shape
        const int64_t *chunks
        const char *dtype
        const char *type
    ctypedef int (*tsr_node_fn)(void *user, const tsr_node_info *node) noexcept
    int tsr_group_list(const tsr_group *g, int depth, tsr_node_fn fn, void *user)
    int tsr_group_find(const tsr_group *g, const char *path, tsr_node_fn fn, void *user)
    int tsr_group_open_group(const tsr_group *g, const char *path, tsr_group **out)
    int tsr_group_open_array(const tsr_group *g, const char *path, const tsr_options *opts,
                             tsr_array **out)
    int tsr_group_create_group(tsr_group *g, const char *path, const char *mode, tsr_group **out)
    int tsr_group_create_array(tsr_group *g, const char *path, const tsr_spec *spec,
                               const tsr_options *opts, tsr_array **out)
    int tsr_group_remove(tsr_group *g, const char *path)
    int tsr_group_attrs(const tsr_group *g, const char *path, char **json)
    int tsr_group_attr_set(tsr_group *g, const char *name, const char *json)
    int tsr_group_attr_remove(tsr_group *g, const char *name)
    int tsr_group_attrs_set(tsr_group *g, const char *json)
    int tsr_group_consolidate(tsr_group *g)
    int tsr_group_stats(const tsr_group *g, tsr_stats *out)

    # codecs
    ctypedef struct tsr_codec_info:
        size_t size
        const char *name
        const char *about
        cbool filter
        int blosc2_id
        int params
        cbool lossy
        cbool shape
    int tsr_codec_at(int i, tsr_codec_info *out)

    # codecs and filters of the program's own
    ctypedef struct tsr_block_info:
        size_t size
        int64_t item_bytes
        int typesize
        int ndim
        const int32_t *shape
        int meta
        int clevel
    ctypedef struct tsr_user_codec:
        size_t size
        const char *name
        const char *about
        int blosc2_id
        void *user
        int (*encode)(void *user, const tsr_block_info *b, const void *src, size_t n, void *dst,
                      size_t cap, size_t *len) noexcept
        int (*decode)(void *user, const tsr_block_info *b, const void *src, size_t len, void *dst,
                      size_t n) noexcept
        cbool lossy
        cbool whole
    ctypedef struct tsr_user_filter:
        size_t size
        const char *name
        const char *about
        int blosc2_id
        void *user
        int (*encode)(void *user, const tsr_block_info *b, const void *src, void *dst,
                      size_t n) noexcept
        int (*decode)(void *user, const tsr_block_info *b, const void *src, void *dst,
                      size_t n) noexcept
        cbool lossy
        cbool items
    int tsr_codec_register(tsr_context *c, const tsr_user_codec *codec)
    int tsr_filter_register(tsr_context *c, const tsr_user_filter *filter)
