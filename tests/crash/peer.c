/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/crash/peer.c - a process that is asked line by line. */
#define _GNU_SOURCE
#include "peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIFE = 1000 }; /* answers until another is started: it does not give all memory back */

static struct {
    const char *command;
    pid_t pid;
    FILE *to, *from;
    int answers;
} peer;

void peer_use(const char *command)
{
    peer.command = command && *command ? command : NULL;
}

bool peer_is_there(void)
{
    return peer.command != NULL;
}

static void start(void)
{
    int in[2], out[2];
    if (pipe(in) < 0 || pipe(out) < 0) abort();
    peer.pid = fork();
    if (peer.pid < 0) abort();
    if (peer.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[0]), close(in[1]), close(out[0]), close(out[1]);
        execl("/bin/sh", "sh", "-c", peer.command, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    peer.to = fdopen(in[1], "w");
    peer.from = fdopen(out[0], "r");
    peer.answers = 0;
    if (!peer.to || !peer.from) abort();
}

void peer_stop(void)
{
    if (!peer.pid) return;
    fclose(peer.to);
    fclose(peer.from);
    waitpid(peer.pid, NULL, 0);
    peer.pid = 0;
}

void peer_digest(const char *path, char *out, size_t cap)
{
    if (peer.answers >= LIFE) peer_stop();
    if (!peer.pid) start();
    peer.answers++;
    fprintf(peer.to, "%s\n", path);
    if (fflush(peer.to) == 0 && fgets(out, (int)cap, peer.from)) {
        out[strcspn(out, "\n")] = 0;
        return;
    }
    snprintf(out, cap, "died");
    peer_stop();
}
