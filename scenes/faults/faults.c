/* house-faults BOARD - makes an empty fault board (before the house starts).
 * house-faults BOARD off
 * house-faults BOARD on PATTERN CALLS ERROR SKIP TIMES [PATTERN ...] - from now on, calls on files
 *     whose path fits fail: CALLS is of w (writes), s (syncs), a (allocations); ERROR EIO or
 * ENOSPC; SKIP fitting calls go through first, TIMES fail then (0 = all). Prints {"seen","failed"}
 * of each rule that was in force. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/slice.h"
#include "shim.h"

enum { WORDS = 5 }; /* of a rule */

static shim_board_t *board_map(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(shim_board_t)) != 0) {
        return NULL;
    }
    void *at = mmap(NULL, sizeof(shim_board_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

static bool rule_take(shim_rule_t *r, char **word)
{
    memset(r, 0, sizeof *r);
    r->calls = (strchr(word[1], 'w') ? SHIM_WRITE : 0U) | (strchr(word[1], 's') ? SHIM_SYNC : 0U) |
               (strchr(word[1], 'a') ? SHIM_ALLOCATE : 0U);
    r->error = strcmp(word[2], "EIO") == 0 ? EIO : strcmp(word[2], "ENOSPC") == 0 ? ENOSPC : 0;
    int n = snprintf(r->pattern, sizeof r->pattern, "%s", word[0]);
    return n > 0 && n < SHIM_PATTERN && r->calls && r->error &&
           !err_failed(slice_parse_u64(slice_cstr_in(word[3]), UINT64_MAX, &r->skip)) &&
           !err_failed(slice_parse_u64(slice_cstr_in(word[4]), UINT64_MAX, &r->times));
}

static void off(shim_board_t *b)
{
    uint32_t n = atomic_exchange(&b->n, 0);
    for (uint32_t i = 0; i < n && i < SHIM_RULES; i++) {
        printf("{\"seen\":%llu,\"failed\":%llu}\n",
               (unsigned long long)atomic_load(&b->rules[i].seen),
               (unsigned long long)atomic_load(&b->rules[i].failed));
    }
}

int main(int argc, char **argv)
{
    shim_board_t *b = argc > 1 ? board_map(argv[1]) : NULL;
    bool on = argc > 2 && strcmp(argv[2], "on") == 0;
    bool fits = argc == 2 || (argc == 3 && strcmp(argv[2], "off") == 0) ||
                (on && argc > 3 && (argc - 3) % WORDS == 0 && (argc - 3) / WORDS <= SHIM_RULES);
    if (!b || !fits) {
        fputs("usage: house-faults BOARD [off | on PATTERN CALLS ERROR SKIP TIMES ...]\n", stderr);
        return 2;
    }
    off(b);
    uint32_t n = 0;
    for (int i = 3; on && i < argc; i += WORDS) {
        if (!rule_take(&b->rules[n++], &argv[i])) {
            fprintf(stderr, "house-faults: not understood: %s\n", argv[i]);
            return 2;
        }
    }
    atomic_store(&b->n, n);
    return 0;
}
