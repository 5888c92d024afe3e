/* SPDX-License-Identifier: BSD-3-Clause */
/* ops/journal.c - the folder of a conversion on its way. */
#include "ops/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "array/array.h"
#include "store/key.h"
#include "sys/tree.h"

static const char name_of_journal[] = "journal";
enum { JOURNAL_MOST = 64 << 20 };

/* ---- names ---- */

static int path_of(const char *url, char **path)
{
    char *whole, *inside;
    int rc = tsr_url_split(url, &whole, &inside);
    if (rc < 0) return rc;
    const char *local = tsr_store_path(whole);
    *path = tsr_strdup(local ? local : "");
    tsr_free(whole);
    tsr_free(inside);
    if (!*path) return TSR_ENOMEM;
    for (size_t n = strlen(*path); n > 1 && (*path)[n - 1] == '/';) (*path)[--n] = 0;
    return TSR_OK;
}

static int join(char **out, const char *a, const char *b, const char *c)
{
    struct tsr_buf s = {0};
    int rc = tsr_buf_addf(&s, "%s%s%s", a, b, c);
    if (rc == TSR_OK) rc = tsr_buf_add(&s, "", 1);
    if (rc == TSR_OK) *out = (char *)s.p;
    else tsr_buf_free(&s);
    return rc;
}

/* dst as it was given, a URL, so that what is escaped in it stays so. */
static int name_parts(struct tsr_journal *j, const char *dst, const char *tmp)
{
    size_t len = strlen(dst);
    while (len > 1 && dst[len - 1] == '/') len--;
    size_t base = len;
    while (base && dst[base - 1] != '/' && dst[base - 1] != ':') base--;
    char *plain, *folder = NULL;
    if (!(plain = tsr_alloc(len + 1))) return TSR_ENOMEM;
    memcpy(plain, dst, len);
    plain[len] = 0;
    int rc = join(&folder, plain, ".partial/", "");
    if (rc == TSR_OK) rc = join(&j->target, folder, plain + base, "");
    if (rc == TSR_OK && tmp) {
        char *in_tmp = NULL;
        rc = join(&in_tmp, tmp, "/", plain + base);
        if (rc == TSR_OK) rc = join(&j->between, in_tmp, ".between.b2nd", "");
        tsr_free(in_tmp);
    } else if (rc == TSR_OK) {
        rc = join(&j->between, folder, "between.b2nd", "");
    }
    tsr_free(plain);
    tsr_free(folder);
    return rc;
}

static int partial_path(const char *dst, char **partial)
{
    char *path = NULL;
    int rc = path_of(dst, &path);
    if (rc == TSR_OK) rc = join(partial, path, ".partial", "");
    tsr_free(path);
    return rc;
}

int tsr_journal_there(const char *dst, bool *there)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    char *partial = NULL;
    int rc = partial_path(dst, &partial);
    if (rc == TSR_OK) rc = tsr_path_stat(partial, &kind, NULL);
    *there = rc == TSR_OK && kind != TSR_PATH_NONE;
    tsr_free(partial);
    return rc;
}

/* ---- removing ---- */

struct removal {
    struct tsr_tree *tree;
    const char *below;
};

/* One that was made, and in which nothing came to be: the others go with their last file. */
static int remove_empty(const struct tsr_tree *tree, const char *path)
{
    struct tsr_folder f;
    char *whole = NULL;
    int rc = join(&whole, tree->path, "/", path);
    if (rc == TSR_OK) rc = tsr_folder_open(whole, false, &f);
    if (rc == TSR_OK) {
        rc = tsr_folder_delete(&f);
        tsr_folder_close(&f);
    }
    tsr_free(whole);
    return rc;
}

static int remove_below(void *user, const char *name, bool folder)
{
    const struct removal *r = user;
    char *path = NULL;
    int rc = join(&path, r->below, r->below[0] ? "/" : "", name);
    struct removal deeper = {r->tree, path};
    if (rc == TSR_OK && folder) {
        rc = tsr_tree_list(r->tree, path, remove_below, &deeper);
        if (rc == TSR_OK) rc = remove_empty(r->tree, path);
    } else if (rc == TSR_OK) rc = tsr_tree_remove(r->tree, path);
    tsr_free(path);
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

/* A folder with all that is in it. */
static int remove_folder(const char *path)
{
    struct tsr_tree tree;
    struct tsr_folder f;
    int rc = tsr_tree_open(path, TSR_TREE_MAY_WRITE, &tree);
    if (rc < 0) return rc;
    rc = tsr_tree_list(&tree, "", remove_below, &(struct removal){&tree, ""});
    tsr_tree_close(&tree);
    if (rc == TSR_OK) rc = tsr_folder_open(path, false, &f);
    if (rc < 0) return rc;
    rc = tsr_folder_delete(&f);
    tsr_folder_close(&f);
    return rc;
}

/* Whatever there is. */
static int remove_path(const char *path)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    int rc = tsr_path_stat(path, &kind, NULL);
    if (rc < 0 || kind == TSR_PATH_NONE) return rc;
    return kind == TSR_PATH_FOLDER ? remove_folder(path) : tsr_file_remove(path);
}

static int remove_url(const char *url)
{
    char *path = NULL;
    int rc = path_of(url, &path);
    if (rc == TSR_OK) rc = remove_path(path);
    tsr_free(path);
    return rc;
}

int tsr_journal_clear(const struct tsr_journal *j)
{
    return remove_url(j->target);
}

/* What a kill left of a folder before it had a name.  Files go with the folder that they are in. */
static int remove_rest(void *user, const char *name)
{
    const struct tsr_journal *j = user;
    enum tsr_path_kind kind = TSR_PATH_NONE;
    uint64_t size;
    char *path = NULL;
    int rc = tsr_folder_stat(&j->folder, name, &kind, &size);
    if (rc < 0 || kind != TSR_PATH_FOLDER) return rc;
    if (!tsr_key_is_temporary(name))
        return tsr_fail(TSR_EEXISTS, "%s/%s: is not of the conversion: move it away",
                        j->folder.path, name);
    rc = join(&path, j->folder.path, "/", name);
    if (rc == TSR_OK) rc = remove_folder(path);
    tsr_free(path);
    return rc;
}

/* What the target replaced, where the file system could not exchange the two (sys/folder.h). */
static int aside_of(const struct tsr_journal *j, char **path)
{
    char *url = NULL;
    int rc = join(&url, j->target, TSR_FOLDER_ASIDE, "");
    if (rc == TSR_OK) rc = path_of(url, path);
    tsr_free(url);
    return rc;
}

/* The journal goes last: until then the folder can be told from one that is not ours. */
static int remove_all(struct tsr_journal *j)
{
    char *aside = NULL;
    int rc = aside_of(j, &aside);
    int one = remove_url(j->target), two = remove_url(j->between);
    if (rc == TSR_OK) rc = remove_path(aside);
    tsr_free(aside);
    if (rc == TSR_OK) rc = one < 0 ? one : two;
    if (rc == TSR_OK) rc = tsr_folder_list(&j->folder, remove_rest, j);
    if (rc == TSR_OK) rc = tsr_folder_delete(&j->folder);
    return rc;
}

/* ---- what a kill left in a folder of chunks ---- */

static int sweep_below(void *user, const char *name, bool folder)
{
    const struct removal *r = user;
    char *path = NULL;
    if (!folder && !tsr_key_is_temporary(name)) return TSR_OK;
    int rc = join(&path, r->below, r->below[0] ? "/" : "", name);
    struct removal deeper = {r->tree, path};
    if (rc == TSR_OK && folder) rc = tsr_tree_list(r->tree, path, sweep_below, &deeper);
    else if (rc == TSR_OK) rc = tsr_tree_remove(r->tree, path);
    tsr_free(path);
    return rc == TSR_ENOTFOUND ? TSR_OK : rc;
}

int tsr_journal_sweep(const struct tsr_journal *j)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    struct tsr_tree tree;
    char *path = NULL;
    int rc = path_of(j->target, &path);
    if (rc == TSR_OK) rc = tsr_path_stat(path, &kind, NULL);
    if (rc == TSR_OK && kind == TSR_PATH_FOLDER) {
        rc = tsr_tree_open(path, TSR_TREE_MAY_WRITE, &tree);
        if (rc == TSR_OK) {
            rc = tsr_tree_list(&tree, "", sweep_below, &(struct removal){&tree, ""});
            tsr_tree_close(&tree);
        }
    }
    tsr_free(path);
    return rc;
}

/* ---- lines ---- */

static int append(struct tsr_journal *j, const char *line)
{
    struct tsr_piece p = {(void *)(uintptr_t)line, strlen(line)};
    int rc = tsr_file_write(&j->file, j->end, &p, 1);
    if (rc == TSR_OK && j->durable) rc = tsr_file_sync(&j->file);
    if (rc == TSR_OK) j->end += p.len;
    return rc;
}

static int read_journal(struct tsr_journal *j, const struct tsr_buf *facts)
{
    struct tsr_buf text = {0};
    uint64_t size;
    int rc = tsr_file_size(&j->file, &size);
    if (rc == TSR_OK && size > JOURNAL_MOST)
        rc = tsr_fail(TSR_ECORRUPT, "%s: is no journal of a conversion", j->file.path);
    if (rc == TSR_OK) rc = tsr_buf_reserve(&text, (size_t)size);
    if (rc == TSR_OK) rc = tsr_file_read(&j->file, 0, text.p, (size_t)size);
    if (rc == TSR_OK) rc = tsr_journal_take(j, (const char *)text.p, (size_t)size, facts);
    tsr_buf_free(&text);
    return rc;
}

/* ---- begin and end ---- */

/* Unless the work is kept, all of it goes. */
static void leave(struct tsr_journal *j, bool keep)
{
    char text[TSR_ERROR_MAX];
    tsr_error_save(text); /* of what went wrong before */
    if (!keep) remove_all(j);
    tsr_file_close(&j->file);
    tsr_folder_close(&j->folder);
    tsr_free(j->target);
    tsr_free(j->between);
    tsr_free(j->dst);
    *j = (struct tsr_journal){.folder.fd = -1, .file.fd = -1};
    tsr_error_restore(text);
}

static int open_left(struct tsr_journal *j, const char *partial)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    uint64_t size;
    int rc = tsr_folder_open(partial, true, &j->folder);
    if (rc == TSR_OK) rc = tsr_folder_stat(&j->folder, name_of_journal, &kind, &size);
    if (rc == TSR_OK && kind != TSR_PATH_FILE)
        rc = tsr_fail(TSR_EEXISTS, "%s: is there, and was not left by a conversion", partial);
    if (rc == TSR_OK) rc = tsr_folder_file(&j->folder, name_of_journal, TSR_FILE_UPDATE, &j->file);
    return rc;
}

static int start_new(struct tsr_journal *j, const char *partial, const struct tsr_buf *facts)
{
    char *old = NULL;
    int rc = tsr_folder_temp(partial, &j->folder);
    if (rc < 0) return rc;
    rc = tsr_folder_file(&j->folder, name_of_journal, TSR_FILE_NEW, &j->file);
    if (rc == TSR_OK) rc = append(j, TSR_JOURNAL_FIRST);
    struct tsr_piece p = {facts->p, facts->len};
    if (rc == TSR_OK) rc = tsr_file_write(&j->file, j->end, &p, 1);
    j->end += facts->len;
    if (rc == TSR_OK) rc = append(j, "begin\n");
    if (rc == TSR_OK) rc = tsr_folder_rename(&j->folder, partial, false, &old);
    if (rc < 0) tsr_folder_delete(&j->folder);
    j->pass = 1;
    return rc;
}

/* What was to be replaced has its name again, if nothing else has. */
static int put_back(const struct tsr_journal *j)
{
    enum tsr_path_kind kind = TSR_PATH_NONE, there = TSR_PATH_NONE;
    struct tsr_folder f;
    char *aside = NULL, *old = NULL;
    int rc = aside_of(j, &aside);
    if (rc == TSR_OK) rc = tsr_path_stat(aside, &kind, NULL);
    if (rc == TSR_OK) rc = tsr_path_stat(j->dst, &there, NULL);
    if (rc == TSR_OK && kind == TSR_PATH_FOLDER && there == TSR_PATH_NONE) {
        rc = tsr_folder_open(aside, true, &f);
        if (rc == TSR_OK) rc = tsr_folder_rename(&f, j->dst, false, &old);
        tsr_folder_close(&f);
    }
    tsr_free(aside);
    return rc;
}

/* What is there is taken up, or taken away. */
static int take_left(struct tsr_journal *j, const char *partial, const struct tsr_buf *facts,
                     const tsr_options *o)
{
    int rc = open_left(j, partial);
    if (rc < 0) return rc;
    if (o->resume) {
        j->pass = 1;
        j->resumed = true;
        return read_journal(j, facts);
    }
    rc = read_journal(j, NULL);
    if (rc == TSR_OK) rc = put_back(j);
    if (rc == TSR_OK) rc = remove_all(j);
    tsr_file_close(&j->file);
    tsr_folder_close(&j->folder);
    return rc < 0 ? rc : start_new(j, partial, facts);
}

int tsr_journal_begin(const char *dst, const struct tsr_buf *facts, const tsr_options *o,
                      struct tsr_journal *j)
{
    char *partial = NULL;
    bool there = false;
    *j = (struct tsr_journal){.folder.fd = -1, .file.fd = -1, .durable = o->durable};
    j->replace = strcmp(o->mode, "w") == 0;
    int rc = name_parts(j, dst, o->tmp);
    if (rc == TSR_OK) rc = path_of(dst, &j->dst);
    if (rc == TSR_OK) rc = partial_path(dst, &partial);
    if (rc == TSR_OK) rc = tsr_journal_there(dst, &there);
    if (rc == TSR_OK && there && !o->resume && !j->replace)
        rc = tsr_fail(TSR_EEXISTS,
                      "%s: is left of a conversion that was interrupted: resume it, "
                      "replace it, or remove it",
                      partial);
    if (rc == TSR_OK) rc = there ? take_left(j, partial, facts, o) : start_new(j, partial, facts);
    tsr_free(partial);
    if (rc < 0) leave(j, true);
    return rc;
}

/* Is what work was begun from known? */
static int check_source(const struct tsr_journal *j, const char *src)
{
    bool begun = j->resumed && !j->complete && (j->pass > 1 || j->done);
    if (j->stamp || !begun) return TSR_OK;
    return tsr_fail(TSR_ECONFLICT,
                    "%s: of many objects far away it cannot be told whether they changed since the "
                    "copy was interrupted: begin anew, without resume",
                    src);
}

/* Nobody took the name meanwhile. */
static int check_free(const struct tsr_journal *j)
{
    enum tsr_path_kind kind;
    if (j->replace || j->complete) return TSR_OK;
    int rc = tsr_path_stat(j->dst, &kind, NULL);
    return rc < 0 || kind == TSR_PATH_NONE ? rc : tsr_fail(TSR_EEXISTS, "%s: exists", j->dst);
}

int tsr_journal_enter(struct tsr_journal *j, const char *src, uint64_t stamp, int64_t most)
{
    j->stamp = stamp;
    int rc = tsr_journal_within(j, most);
    if (rc == TSR_OK) rc = check_free(j);
    if (rc == TSR_OK) rc = check_source(j, src);
    if (rc < 0) leave(j, j->resumed);
    return rc;
}

int tsr_journal_done(struct tsr_journal *j, int pass, int64_t boxes)
{
    char line[64];
    snprintf(line, sizeof line, "done %d %lld\n", pass, (long long)boxes);
    int rc = append(j, line);
    if (rc == TSR_OK) j->pass = pass, j->done = boxes;
    return rc;
}

static int name_file(const struct tsr_journal *j, const char *path)
{
    struct tsr_file f;
    char *target = NULL;
    int rc = tsr_file_target(j->dst, j->replace, &target);
    if (rc < 0) return rc;
    rc = tsr_file_open(path, TSR_FILE_UPDATE, &f);
    if (rc == TSR_OK) rc = tsr_file_rename(&f, target, j->replace);
    if (rc == TSR_OK && j->durable) rc = tsr_file_sync_folder(target);
    tsr_file_close(&f);
    tsr_free(target);
    return rc;
}

/* The folder that is replaced comes here in its place: the journal tells one from the other. */
static int name_folder(struct tsr_journal *j, const char *path)
{
    uint64_t id = tsr_path_id(path);
    struct tsr_folder f;
    char *old = NULL, line[64];
    if (j->naming && j->naming != id)
        return tsr_fail(TSR_ECONFLICT,
                        "%s: is not what was made here, nor is %s: move the former away", path,
                        j->dst);
    snprintf(line, sizeof line, "naming %llx\n", (unsigned long long)id);
    int rc = j->naming ? TSR_OK : append(j, line);
    if (rc < 0) return rc;
    j->naming = id;
    rc = tsr_folder_open(path, true, &f);
    if (rc == TSR_OK) rc = tsr_folder_rename(&f, j->dst, j->replace, &old);
    if (rc == TSR_OK && j->durable) rc = tsr_file_sync_folder(j->dst);
    tsr_folder_close(&f);
    tsr_free(old);
    return rc;
}

/* Nothing is left of a file that has its name already. */
static int give_name(struct tsr_journal *j, const char *path)
{
    enum tsr_path_kind kind = TSR_PATH_NONE;
    int rc = tsr_path_stat(path, &kind, NULL);
    if (rc == TSR_OK && kind == TSR_PATH_FOLDER) return name_folder(j, path);
    return rc == TSR_OK && kind == TSR_PATH_FILE && !j->naming ? name_file(j, path) : rc;
}

static int finish(struct tsr_journal *j)
{
    char *path = NULL;
    int rc = j->complete ? TSR_OK : append(j, "complete\n");
    j->complete = rc == TSR_OK;
    if (rc == TSR_OK) rc = path_of(j->target, &path);
    bool named = rc == TSR_OK && (j->named || (j->naming && tsr_path_id(j->dst) == j->naming));
    if (rc == TSR_OK && !named) rc = give_name(j, path);
    if (rc == TSR_OK && !j->named) rc = append(j, "named\n");
    j->named = rc == TSR_OK;
    if (rc == TSR_OK) rc = remove_all(j);
    tsr_free(path);
    return rc;
}

int tsr_journal_compare(struct tsr_journal *j, const char *src, struct tsr_store *st,
                        const char *node, int rc)
{
    char text[TSR_ERROR_MAX];
    uint64_t now;
    if (rc < 0 && rc != TSR_ECONFLICT) return rc;
    tsr_error_save(text);
    int looked = tsr_node_stamp(st, node, &now);
    j->moved = looked == TSR_OK && now != j->stamp;
    if (rc < 0) tsr_error_restore(text);
    if (rc < 0 || looked < 0) return rc < 0 ? rc : looked;
    return j->moved ? tsr_fail(TSR_ECONFLICT, "%s: changed while it was read", src) : TSR_OK;
}

/* Can what failed be gone on with?  Of a source without a stamp nobody may. */
static bool keeps(const struct tsr_journal *j)
{
    return j->complete || (!j->moved && j->stamp && (j->pass > 1 || j->done > 0));
}

int tsr_journal_end(struct tsr_journal *j, int rc)
{
    if (rc == TSR_OK) rc = finish(j);
    leave(j, rc == TSR_OK || keeps(j));
    return rc;
}
