/* SPDX-License-Identifier: BSD-3-Clause */
/* unload LIBRARY - loads the shared library, lets its threads work, and unloads it beside them. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tessera/tessera.h>

enum { BYTES = 4 << 20 };

static int use(void *lib, const char *data)
{
    __typeof__(tsr_compress) *compress;
    __typeof__(tsr_context_set_threads) *set_threads;
    size_t cap = BYTES + 1024, len = 0;
    char *chunk = malloc(cap);
    *(void **)&compress = dlsym(lib, "tsr_compress");
    *(void **)&set_threads = dlsym(lib, "tsr_context_set_threads");
    int rc = compress && set_threads && chunk ? 0 : -1;
    if (rc == 0) rc = set_threads(NULL, 4, NULL);
    if (rc == 0) rc = compress(NULL, data, BYTES, NULL, chunk, cap, &len);
    free(chunk);
    return rc;
}

static int load_and_use(const char *path, const char *data)
{
    void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!lib || use(lib, data) < 0) {
        fprintf(stderr, "unload: %s\n", lib ? "a call failed" : dlerror());
        return -1;
    }
    dlclose(lib);
    usleep(200); /* for its threads to find that they are gone */
    return 0;
}

int main(int argc, char **argv)
{
    char *data = malloc(BYTES);
    int rc = data && argc == 2 ? 0 : -1;
    for (int i = 0; rc == 0 && i < BYTES; i++) data[i] = (char)(i / 7 % 100);
    for (int i = 0; rc == 0 && i < 5; i++) rc = load_and_use(argv[1], data);
    free(data);
    return rc ? 1 : 0;
}
