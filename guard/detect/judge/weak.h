/* A deliberately weak page on SQLite: the value is pasted into a query, as careless code does. It
 * tells whether a value does harm there. Tests only; the one place of the house where SQL is no
 * literal. */
#ifndef GUARD_DETECT_JUDGE_WEAK_H
#define GUARD_DETECT_JUDGE_WEAK_H

#include "base/slice.h"

typedef struct weak weak_t;

enum { WEAK_PLACES = 14 };

weak_t *weak_open(void); /* in memory, with its tables; aborts on failure */
void weak_close(weak_t *weak);
/* Pastes the value into place n (0 .. WEAK_PLACES-1). True when it did what no value may: a row
 * that is not public, more rows than the value names, a changed table, a second statement. */
bool weak_harmed(weak_t *weak, unsigned place, slice_t value);
const char *weak_place(unsigned place);

#endif
