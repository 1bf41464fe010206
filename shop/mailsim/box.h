/* The letters caught, in memory: the newest few hundred. Forgotten when the process ends. */
#ifndef MAILSIM_BOX_H
#define MAILSIM_BOX_H

#include <pthread.h>

#include "base/arena.h"

enum { BOX_LETTERS = 500, BOX_LETTER_MAX = 512 * 1024, BOX_ADDRESS_MAX = 254 };

typedef struct box_letter {
    uint64_t number; /* from 1; 0 = empty place */
    int64_t time_us;
    char rcpt[BOX_ADDRESS_MAX + 1]; /* envelope */
    uint8_t *raw;
    size_t len;
} box_letter_t;

typedef struct box {
    pthread_mutex_t lock;
    uint64_t last;
    bool refusing; /* test: answer 451 to every letter */
    box_letter_t letters[BOX_LETTERS];
} box_t;

void box_init(box_t *b);
err_t box_put(box_t *b, slice_t rcpt, slice_t raw);
/* A copy in the arena. NOT_FOUND. */
err_t box_get(box_t *b, arena_t *a, uint64_t number, box_letter_t *ret_letter);
/* The newest first. */
err_t box_list(box_t *b, arena_t *a, box_letter_t *ret, size_t cap, size_t *ret_n);

#endif
