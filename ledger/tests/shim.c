/* LD_PRELOAD for tests: counts fdatasync and makes it fail on demand. LEDGER_SHIM names a file that
 * both sides map. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim.h"

static shim_t *shared;
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("LEDGER_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mem =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(shim_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    shared = mem == MAP_FAILED ? NULL : mem;
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    if (shared) {
        __atomic_add_fetch(&shared->calls, 1, __ATOMIC_SEQ_CST);
        int fail = __atomic_load_n(&shared->fail, __ATOMIC_SEQ_CST);
        if (fail) {
            errno = fail;
            return -1;
        }
    }
    return real_fdatasync(fd);
}
