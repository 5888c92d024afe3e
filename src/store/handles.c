/* SPDX-License-Identifier: BSD-3-Clause */
/* store/handles.c - open files of hot objects.
 *
 * A table that is small enough to be looked through: sixty-four stamps are compared in the time of
 * a system call's entry.  Files are shut outside the lock. */
#include "store/handles.h"

#include <string.h>

#include <tessera/tessera.h>

#include "base/mem.h"
#include "sys/tree.h"

static void shut(int fd)
{
    tsr_tree_shut(&(struct tsr_file){.fd = fd});
}

void tsr_handles_init(struct tsr_handles *h)
{
    memset(h, 0, sizeof *h);
    tsr_mutex_init(&h->lock);
}

void tsr_handles_done(struct tsr_handles *h)
{
    for (int i = 0; i < TSR_HANDLES; i++) {
        if (h->slots[i].key) shut(h->slots[i].fd);
        tsr_free(h->slots[i].key);
    }
    tsr_mutex_done(&h->lock);
}

/* The lock is held. */
static struct tsr_handle *find(struct tsr_handles *h, const char *key, uint64_t stamp)
{
    for (struct tsr_handle *s = h->slots; s < h->slots + TSR_HANDLES; s++)
        if (s->key && s->stamp == stamp && strcmp(s->key, key) == 0) return s;
    return NULL;
}

struct tsr_handle *tsr_handles_find(struct tsr_handles *h, const char *key, uint64_t stamp)
{
    tsr_mutex_lock(&h->lock);
    struct tsr_handle *s = find(h, key, stamp);
    if (s) {
        s->readers++;
        s->used = ++h->clock;
    }
    tsr_mutex_unlock(&h->lock);
    return s;
}

void tsr_handles_leave(struct tsr_handles *h, struct tsr_handle *one)
{
    tsr_mutex_lock(&h->lock);
    one->readers--;
    tsr_mutex_unlock(&h->lock);
}

/* A free slot, or the idle one that was not used for longest; NULL: all are being read. */
static struct tsr_handle *victim(struct tsr_handles *h)
{
    struct tsr_handle *best = NULL;
    for (struct tsr_handle *s = h->slots; s < h->slots + TSR_HANDLES; s++) {
        if (!s->key) return s;
        if (s->readers == 0 && (!best || s->used < best->used)) best = s;
    }
    return best;
}

void tsr_handles_keep(struct tsr_handles *h, const char *key, uint64_t stamp, int fd)
{
    char *name = tsr_strdup(key), *old = name;
    if (name) {
        tsr_mutex_lock(&h->lock);
        struct tsr_handle *s = find(h, key, stamp) ? NULL : victim(h);
        if (s) {
            int idle = s->key ? s->fd : -1;
            old = s->key;
            *s = (struct tsr_handle){.key = name, .stamp = stamp, .used = ++h->clock, .fd = fd};
            fd = idle;
        }
        tsr_mutex_unlock(&h->lock);
    }
    tsr_free(old);
    if (fd >= 0) shut(fd);
}

void tsr_handles_drop(struct tsr_handles *h, const char *key)
{
    int fds[TSR_HANDLES], n = 0;
    char *keys[TSR_HANDLES];
    tsr_mutex_lock(&h->lock);
    for (struct tsr_handle *s = h->slots; s < h->slots + TSR_HANDLES; s++) {
        if (!s->key || s->readers || strcmp(s->key, key) != 0) continue;
        fds[n] = s->fd;
        keys[n++] = s->key;
        s->key = NULL;
    }
    tsr_mutex_unlock(&h->lock);
    for (int i = 0; i < n; i++) {
        shut(fds[i]);
        tsr_free(keys[i]);
    }
}
