/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/disk.c - a disk in memory, made from a log of changes and made real again. */
#include "disk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint64_t random_of(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static void must(bool good, const char *what)
{
    if (good) return;
    perror(what);
    abort();
}

/* ---- logs ---- */

void changes_add(struct changes *c, struct change one)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->v = realloc(c->v, c->cap * sizeof *c->v);
        must(c->v, "crash: log");
    }
    c->v[c->n++] = one;
}

void changes_free(struct changes *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->v[i].p);
        free(c->v[i].path);
        free(c->v[i].to);
    }
    free(c->v);
    *c = (struct changes){0};
}

void changes_print(const struct changes *c, size_t k)
{
    static const char *const words[] = {"create",
                                        "folder",
                                        "write",
                                        "cut",
                                        "sync",
                                        "sync",
                                        "rename",
                                        "exchange",
                                        "link",
                                        "remove",
                                        "-- flushed state",
                                        "-- taken up at state",
                                        "-"};
    for (size_t i = 0; i < k && i < c->n; i++) {
        const struct change *e = &c->v[i];
        printf("  %4zu  %s", i, words[e->kind]);
        if (e->node >= 0) printf(" file %d", e->node);
        if (e->kind == WRITE) printf(" %llu + %zu", (unsigned long long)e->off, e->len);
        if (e->kind == CUT || e->kind >= FLUSHED) printf(" %llu", (unsigned long long)e->off);
        printf(" %s%s%s\n", e->path ? e->path : "", e->to ? " -> " : "", e->to ? e->to : "");
    }
}

bool change_flips(const struct change *c)
{
    if (c->kind == WRITE) return c->off > 0 && c->off < SECTOR;
    if (c->kind != RENAME) return c->kind == EXCHANGE;
    size_t len = strlen(c->to);
    return len < 6 || strcmp(c->to + len - 6, ".chunk") != 0; /* one that no index names yet */
}

static void *copy(const void *p, size_t len)
{
    void *to = malloc(len + 1);
    must(to, "crash: copy");
    if (len) memcpy(to, p, len);
    return to;
}

static char *copy_text(const char *s)
{
    return s ? copy(s, strlen(s) + 1) : NULL;
}

static void add_copy(struct changes *to, const struct change *from, size_t len)
{
    struct change c = *from;
    c.len = len;
    if (c.p) c.p = copy(from->p, len);
    c.path = copy_text(from->path);
    c.to = copy_text(from->to);
    changes_add(to, c);
}

void changes_copy(struct changes *to, const struct changes *from, size_t k, size_t part)
{
    *to = (struct changes){.nodes = from->nodes};
    for (size_t i = 0; i < k; i++) add_copy(to, &from->v[i], from->v[i].len);
    if (part) add_copy(to, &from->v[k], part);
}

void disk_init(struct disk *d, int nodes)
{
    *d = (struct disk){.files = calloc((size_t)nodes + 1, sizeof *d->files), .nodes = nodes};
    must(d->files, "crash: disk");
}

void disk_free(struct disk *d)
{
    for (int i = 0; i < d->nodes; i++) free(d->files[i].p);
    free(d->files);
    free(d->names);
}

/* ---- changes ---- */

static struct disk_name *find(struct disk *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++)
        if (!strcmp(d->names[i].path, path)) return &d->names[i];
    return NULL;
}

static void add_name(struct disk *d, const char *path, int node)
{
    if (d->n == d->cap) {
        d->cap = d->cap ? 2 * d->cap : 16;
        d->names = realloc(d->names, d->cap * sizeof *d->names);
        must(d->names, "crash: names");
    }
    snprintf(d->names[d->n].path, PATH_ROOM, "%s", path);
    d->names[d->n++].node = node;
}

static void remove_name(struct disk *d, const char *path)
{
    struct disk_name *e = find(d, path);
    if (e) *e = d->names[--d->n];
}

static void grow(struct disk_file *f, size_t len)
{
    if (len <= f->len) return;
    if (len > f->cap) {
        f->cap = 2 * len;
        f->p = realloc(f->p, f->cap);
        must(f->p, "crash: file");
    }
    memset(f->p + f->len, 0, len - f->len);
    f->len = len;
}

static void write_bytes(struct disk_file *f, uint64_t off, const uint8_t *p, size_t len)
{
    if (len == 0) return;
    grow(f, (size_t)off + len);
    memcpy(f->p + off, p, len);
}

/* The folder's contents go along. */
static void rename_name(struct disk *d, const char *from, const char *to)
{
    size_t len = strlen(from);
    if (!find(d, from)) return;
    remove_name(d, to);
    for (size_t i = 0; i < d->n; i++) {
        char *path = d->names[i].path, rest[PATH_ROOM];
        if (strncmp(path, from, len) || (path[len] && path[len] != '/')) continue;
        snprintf(rest, sizeof rest, "%s", path + len);
        must(snprintf(path, PATH_ROOM, "%s%s", to, rest) < PATH_ROOM, "crash: long path");
    }
}

static void apply(struct disk *d, const struct change *c)
{
    static const char aside[] = ".aside";
    struct disk_name *e;
    switch (c->kind) {
    case CREATE: add_name(d, c->path, c->node); return;
    case FOLDER: add_name(d, c->path, -1); return;
    case WRITE: write_bytes(&d->files[c->node], c->off, c->p, c->len); return;
    case CUT:
        grow(&d->files[c->node], (size_t)c->off);
        d->files[c->node].len = (size_t)c->off;
        return;
    case RENAME: rename_name(d, c->path, c->to); return;
    case EXCHANGE:
        rename_name(d, c->to, aside);
        rename_name(d, c->path, c->to);
        rename_name(d, aside, c->path);
        return;
    case LINK:
        if ((e = find(d, c->path))) add_name(d, c->to, e->node);
        return;
    case REMOVE: remove_name(d, c->path); return;
    case SYNC:
    case SYNC_FOLDER:
    case FLUSHED:
    case TAKEN_UP: return;
    }
}

/* ---- kill ---- */

size_t kill_part(const struct change *c, size_t wish)
{
    if (c->kind != WRITE) return 0;
    /* the kernel copies what lies within one page in one go */
    if (c->off > 0 && c->off < SECTOR) return wish < c->len ? 0 : c->len;
    return wish < c->len ? wish : c->len;
}

void disk_kill(struct disk *d, const struct changes *log, size_t k, size_t part)
{
    disk_init(d, log->nodes);
    for (size_t i = 0; i < k; i++) apply(d, &log->v[i]);
    if (part) write_bytes(&d->files[log->v[k].node], log->v[k].off, log->v[k].p, part);
}

/* ---- power ---- */

static bool is_parent(const char *folder, const char *path)
{
    size_t n = strlen(folder);
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    return n == len && !strncmp(folder, path, n);
}

static bool changes_names(const struct change *c)
{
    return c->kind == CREATE || c->kind == FOLDER || c->kind == RENAME || c->kind == EXCHANGE ||
           c->kind == LINK || c->kind == REMOVE;
}

/* Was the folder of change i synced between i and k? */
static bool name_is_synced(const struct changes *log, size_t i, size_t k)
{
    for (size_t j = i + 1; j < k; j++)
        if (log->v[j].kind == SYNC_FOLDER && is_parent(log->v[j].path, log->v[i].path)) return true;
    return false;
}

/* Which changes have reached the device for certain. */
static bool *find_synced(const struct changes *log, size_t k)
{
    bool *synced = calloc(k + 1, sizeof *synced),
         *node = calloc((size_t)log->nodes + 1, sizeof *node);
    must(synced && node, "crash: synced");
    for (size_t i = k; i-- > 0;) {
        const struct change *c = &log->v[i];
        if (c->kind == SYNC) node[c->node] = true;
        else if (changes_names(c)) synced[i] = name_is_synced(log, i, k);
        else if (c->kind == WRITE || c->kind == CUT) synced[i] = node[c->node];
    }
    free(node);
    return synced;
}

/* Some sectors of a write; what it would have added to the file may read as zeros. */
static void write_torn(struct disk_file *f, const struct change *c, uint64_t *seed)
{
    uint64_t end = c->off + c->len, next;
    if (random_of(seed) & 1) grow(f, (size_t)end);
    for (uint64_t at = c->off; at < end; at = next) {
        next = (at / SECTOR + 1) * SECTOR;
        if (next > end) next = end;
        if (random_of(seed) & 1) write_bytes(f, at, c->p + (at - c->off), (size_t)(next - at));
    }
}

static void apply_perhaps(struct disk *d, const struct change *c, unsigned keep, uint64_t *seed)
{
    unsigned fate = (unsigned)(random_of(seed) % 8);
    if (fate < keep) apply(d, c);
    else if (c->kind == WRITE && fate % 2) write_torn(&d->files[c->node], c, seed);
}

void disk_power(struct disk *d, const struct changes *log, size_t k, uint64_t seed)
{
    bool *synced = find_synced(log, k);
    unsigned keep = (unsigned)(random_of(&seed) % 9); /* of eight: none .. all */
    size_t names_end = (size_t)(random_of(&seed) % (k + 1));
    disk_init(d, log->nodes);
    for (size_t i = 0; i < k; i++) {
        const struct change *c = &log->v[i];
        if (synced[i]) apply(d, c);
        else if (!changes_names(c)) apply_perhaps(d, c, keep, &seed);
        else if (i < names_end) apply(d, c);
    }
    free(synced);
}

static void add_synced(struct changes *out, const char *path, int node, const struct disk *d)
{
    char folder[PATH_ROOM];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
    enum change_kind kind = node < 0 ? FOLDER : CREATE;
    changes_add(out, (struct change){.kind = kind, .node = node, .path = copy_text(path)});
    changes_add(out, (struct change){.kind = SYNC_FOLDER, .node = -1, .path = copy_text(folder)});
    if (node < 0) return;
    struct disk_file f = d->files[node];
    changes_add(out,
                (struct change){.kind = WRITE, .node = node, .len = f.len, .p = copy(f.p, f.len)});
    changes_add(out, (struct change){.kind = SYNC, .node = node});
}

void disk_changes(const struct disk *d, struct changes *out)
{
    *out = (struct changes){.nodes = d->nodes};
    for (size_t i = 0; i < d->n; i++) add_synced(out, d->names[i].path, d->names[i].node, d);
}

/* ---- comparing ---- */

/* Length of a part of a path without the numbers of ".name.PID.N.tmp". */
static size_t plain_len(const char *part, size_t len)
{
    size_t end = len;
    if (part[0] != '.' || len < 4 || memcmp(part + len - 4, ".tmp", 4) != 0) return len;
    for (int dots = 0; dots < 3 && end > 0; end--) dots += part[end - 1] == '.';
    return end;
}

static void plain_name(const char *path, char out[PATH_ROOM])
{
    size_t n = 0;
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/"), keep = plain_len(p, len);
        n += (size_t)snprintf(out + n, PATH_ROOM - n, "%.*s%s/", (int)keep, p,
                              keep < len ? ".tmp" : "");
        p += len + (p[len] == '/');
    }
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const uint8_t *b = p;
    uint64_t w;
    for (; n >= 8; n -= 8, b += 8) {
        memcpy(&w, b, 8);
        h = (h ^ w) * UINT64_C(0x9E3779B97F4A7C15);
        h ^= h >> 29;
    }
    for (; n; n--) h = (h ^ *b++) * UINT64_C(0x100000001B3);
    return h;
}

uint64_t disk_key(const struct disk *d)
{
    uint64_t sum = d->n; /* of the names in any order */
    for (size_t i = 0; i < d->n; i++) {
        char name[PATH_ROOM];
        plain_name(d->names[i].path, name);
        uint64_t h = mix(UINT64_C(14695981039346656037), name, strlen(name) + 1);
        const struct disk_file *f = d->names[i].node < 0 ? NULL : &d->files[d->names[i].node];
        if (f) h = mix(mix(h, &f->len, sizeof f->len), f->p, f->len);
        sum += h ^ h >> 31;
    }
    return sum;
}

/* ---- real folders ---- */

void folder_clear(const char *root)
{
    DIR *dir = opendir(root);
    char path[2 * PATH_ROOM];
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(path, sizeof path, "%s/%s", root, e->d_name);
        if (unlink(path) == 0) continue;
        folder_clear(path);
        rmdir(path);
    }
    if (dir) closedir(dir);
}

static void make_folders(const struct disk *d, const char *root)
{
    char path[2 * PATH_ROOM];
    for (size_t depth = 0, more = 1; more; depth++) {
        more = 0;
        for (size_t i = 0; i < d->n; i++) {
            size_t slashes = 0;
            for (const char *s = d->names[i].path; *s; s++) slashes += *s == '/';
            if (d->names[i].node >= 0 || slashes < depth) continue;
            more = 1;
            if (slashes > depth) continue;
            snprintf(path, sizeof path, "%s/%s", root, d->names[i].path);
            mkdir(path, 0777);
        }
    }
}

void disk_save(const struct disk *d, const char *root)
{
    char path[2 * PATH_ROOM];
    folder_clear(root);
    make_folders(d, root);
    for (size_t i = 0; i < d->n; i++) {
        if (d->names[i].node < 0) continue;
        const struct disk_file *f = &d->files[d->names[i].node];
        snprintf(path, sizeof path, "%s/%s", root, d->names[i].path);
        FILE *out = fopen(path, "wb");
        if (!out) continue; /* its folder is among what was lost */
        must(fwrite(f->p, 1, f->len, out) == f->len && fclose(out) == 0, path);
    }
}

static void load_file(struct disk *d, const char *full, const char *name)
{
    FILE *in = fopen(full, "rb");
    struct stat s;
    must(in && fstat(fileno(in), &s) == 0, full);
    d->files = realloc(d->files, (size_t)(d->nodes + 1) * sizeof *d->files);
    must(d->files, "crash: files");
    struct disk_file *f = &d->files[d->nodes];
    *f = (struct disk_file){0};
    grow(f, (size_t)s.st_size);
    must(fread(f->p, 1, f->len, in) == f->len, full);
    fclose(in);
    add_name(d, name, d->nodes++);
}

static void load_folder(struct disk *d, const char *root, const char *under)
{
    char full[3 * PATH_ROOM], name[PATH_ROOM];
    snprintf(full, sizeof full, "%s/%s", root, under);
    DIR *dir = opendir(full);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat s;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        snprintf(name, sizeof name, "%s%s%s", under, *under ? "/" : "", e->d_name);
        snprintf(full, sizeof full, "%s/%s", root, name);
        must(stat(full, &s) == 0, full);
        if (!S_ISDIR(s.st_mode)) {
            load_file(d, full, name);
            continue;
        }
        add_name(d, name, -1);
        load_folder(d, root, name);
    }
    if (dir) closedir(dir);
}

void disk_load(struct disk *d, const char *root)
{
    disk_init(d, 0);
    load_folder(d, root, "");
}
