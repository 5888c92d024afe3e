/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/remote/tool.c - a store, line by line: tool URL [one|tree|update] [option=number]...
 *
 * Reads one command per line of standard input, with words parted by blanks ('-': the empty key),
 * and answers each with one line: "ok ..." or "fail STATUS text".  The test on the other side
 * changes its server between two lines.
 *
 *   read KEY OFF LEN [OFF LEN]...   ok SHA-256 of all bytes
 *   get KEY OFF|last LEN            ok found|absent GOT SIZE STAMP SHA-256
 *   reread KEY OFF LEN STAMP        as read, of the object with this stamp
 *   threads N KEY SIZE              N threads read 50 ranges each; ok when byte i is always i*i/7
 *   fork KEY OFF LEN                the same read in a child process
 *   set ARRAY NAME, set - NAME      sets an attribute of an array of the store, of its root group
 *   stat KEY, put KEY TEXT, putif KEY STAMP TEXT, remove KEY, list PREFIX|-, counts */
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/http.h"
#include "store/kinds.h"
#include <tessera/tessera.h>

static struct tsr_store *st;
static const char *place; /* its URL */

static const char *key_of(const char *word)
{
    return strcmp(word, "-") ? word : "";
}

static void hex(const void *p, size_t len)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    SHA256(p, len, sum);
    for (size_t i = 0; i < sizeof sum; i++) printf("%02x", sum[i]);
}

static int read_ranges(char **word, int n, uint64_t stamp, bool say)
{
    struct tsr_range r[64];
    size_t total = 0, count = 0;
    for (int i = 2; i + 1 < n && count < 64; i += 2, count++) {
        r[count] = (struct tsr_range){.key = key_of(word[1]),
                                      .off = strtoull(word[i], NULL, 10),
                                      .len = strtoull(word[i + 1], NULL, 10),
                                      .stamp = stamp};
        total += r[count].len;
    }
    uint8_t *buf = calloc(total + 1, 1), *at = buf;
    for (size_t i = 0; i < count; at += r[i++].len) r[i].dst = at;
    int rc = tsr_store_readv(st, r, count);
    if (rc == TSR_OK && say) {
        printf("ok ");
        hex(buf, total);
    }
    free(buf);
    return rc;
}

static int get(char **word)
{
    struct tsr_get g = {.key = key_of(word[1]), .len = strtoull(word[3], NULL, 10)};
    g.off = strcmp(word[2], "last") ? strtoull(word[2], NULL, 10) : TSR_LAST;
    g.dst = calloc(g.len + 1, 1);
    int rc = tsr_store_getv(st, &g, 1);
    if (rc == TSR_OK) {
        printf("ok %s %zu %llu %llu ", g.found ? "found" : "absent", g.got,
               (unsigned long long)g.size, (unsigned long long)g.stamp);
        hex(g.dst, g.got);
    }
    free(g.dst);
    return rc;
}

struct reader {
    const char *key;
    uint64_t size, seed;
    int rc;
    char text[TSR_ERROR_MAX];
};

static void *read_many(void *arg)
{
    struct reader *r = arg;
    for (int i = 0; i < 50 && r->rc == TSR_OK; i++) {
        uint8_t buf[3000];
        r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t len = 1 + (r->seed >> 40) % sizeof buf, off = (r->seed >> 20) % (r->size - len);
        r->rc = tsr_store_read(st, r->key, off, buf, len);
        for (uint64_t k = 0; k < len && r->rc == TSR_OK; k++)
            if (buf[k] != (uint8_t)((off + k) * (off + k) / 7))
                r->rc = tsr_fail(TSR_EIO, "byte %llu is wrong", (unsigned long long)(off + k));
        if (r->rc < 0) tsr_error_save(r->text);
    }
    return NULL;
}

static int threads(char **word)
{
    enum { MOST = 32 };
    struct reader r[MOST];
    pthread_t id[MOST];
    int n = atoi(word[1]), rc = TSR_OK;
    for (int i = 0; i < n && i < MOST; i++) {
        r[i] = (struct reader){key_of(word[2]), strtoull(word[3], NULL, 10), (uint64_t)i, 0, ""};
        pthread_create(&id[i], NULL, read_many, &r[i]);
    }
    for (int i = 0; i < n && i < MOST; i++) {
        pthread_join(id[i], NULL);
        if (r[i].rc == TSR_OK) continue;
        tsr_error_restore(r[i].text);
        rc = r[i].rc;
    }
    if (rc == TSR_OK) printf("ok");
    return rc;
}

static int in_child(char **word, int n)
{
    int status;
    pid_t child = fork();
    if (child == 0) _exit(read_ranges(word, n, 0, false) == TSR_OK ? 0 : 1);
    waitpid(child, &status, 0);
    return status == 0 ? read_ranges(word, n, 0, true) : tsr_fail(TSR_EIO, "the child failed");
}

static int put(char **word, bool conditional)
{
    char *text = word[conditional ? 3 : 2];
    struct tsr_piece p[2] = {{text, strlen(text) / 2}, {text + strlen(text) / 2, 0}};
    p[1].len = strlen(p[1].p);
    struct tsr_object o = {.key = key_of(word[1]), .p = p, .n = 2};
    int rc = conditional ? tsr_store_put_if(st, &o, true, strtoull(word[2], NULL, 10))
                         : tsr_store_put(st, o.key, p, 2, true);
    if (rc == TSR_OK) printf("ok");
    return rc;
}

static int print_key(void *user, const char *key)
{
    (void)user;
    printf(" %s", key);
    return 0;
}

static int stat_key(const char *key)
{
    uint64_t size;
    int rc = tsr_store_stat(st, key, &size);
    if (rc == TSR_OK) printf("ok %llu", (unsigned long long)size);
    return rc;
}

static int list(const char *prefix)
{
    printf("ok"); /* a failure follows the keys so far */
    return tsr_store_list(st, prefix, print_key, NULL);
}

static int set_attribute(const char *array, const char *name)
{
    tsr_options o = {.size = sizeof o, .mode = "r+"};
    tsr_group *g;
    tsr_array *a;
    char url[1000];
    snprintf(url, sizeof url, "%s#%s", place, array);
    int rc = *array ? tsr_array_open(url, &o, &a) : tsr_group_open(place, &o, &g);
    if (rc < 0) return rc;
    if (*array) {
        rc = tsr_array_attr_set(a, name, "1");
        if (rc == TSR_OK) rc = tsr_array_flush(a);
        tsr_array_drop(a);
    } else {
        rc = tsr_group_attr_set(g, name, "1");
        tsr_group_close(g);
    }
    if (rc == TSR_OK) printf("ok");
    return rc;
}

static int obey(char **word, int n)
{
    const char *verb = word[0];
    if (!strcmp(verb, "read")) return read_ranges(word, n, 0, true);
    if (!strcmp(verb, "reread"))
        return read_ranges(word, n - 1, strtoull(word[n - 1], NULL, 10), true);
    if (!strcmp(verb, "get")) return get(word);
    if (!strcmp(verb, "threads")) return threads(word);
    if (!strcmp(verb, "fork")) return in_child(word, n);
    if (!strcmp(verb, "stat")) return stat_key(key_of(word[1]));
    if (!strcmp(verb, "put")) return put(word, false);
    if (!strcmp(verb, "putif")) return put(word, true);
    if (!strcmp(verb, "set")) return set_attribute(key_of(word[1]), word[2]);
    if (!strcmp(verb, "list")) return list(key_of(word[1]));
    if (!strcmp(verb, "remove")) {
        int rc = tsr_store_remove(st, key_of(word[1]));
        if (rc == TSR_OK) printf("ok");
        return rc;
    }
    struct tsr_traffic t = tsr_store_traffic(st);
    printf("ok %lld %lld", t.bytes, t.requests);
    return TSR_OK;
}

static int open_store(const char *url, const char *how, const struct tsr_http_options *o)
{
    struct tsr_tree_options tree = {.flags = strcmp(how, "update") ? 0 : TSR_TREE_UPDATE};
    if (strncmp(url, "http", 4) == 0 && strcmp(how, "update")) return tsr_store_http(url, o, &st);
    if (strcmp(how, "one") == 0) return tsr_store_open(url, false, &st);
    return tsr_store_open_tree(url, &tree, &st);
}

int main(int argc, char **argv)
{
    struct tsr_http_options o = {0};
    static char line[1 << 16];
    for (int i = 3; i < argc; i++) {
        sscanf(argv[i], "in_flight=%d", &o.in_flight);
        sscanf(argv[i], "tries=%d", &o.tries);
        sscanf(argv[i], "stall=%d", &o.stall_s);
        sscanf(argv[i], "pause=%d", &o.pause_ms);
        sscanf(argv[i], "patience=%d", &o.patience_s);
    }
    place = argv[1];
    int rc = open_store(argv[1], argc > 2 ? argv[2] : "one", &o);
    printf(rc == TSR_OK ? "ok\n" : "fail %d %s\n", rc, tsr_error());
    fflush(stdout);
    while (rc == TSR_OK && fgets(line, sizeof line, stdin)) {
        char *word[140];
        int n = 0;
        for (char *w = strtok(line, " \n"); w && n < 139; w = strtok(NULL, " \n")) word[n++] = w;
        if (n == 0) continue;
        int got = obey(word, n);
        if (got != TSR_OK) printf("fail %d %s", got, tsr_error());
        printf("\n");
        fflush(stdout);
    }
    tsr_store_close(st);
    return 0;
}
