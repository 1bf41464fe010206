/* The list of logs that are witnessed: lines "log <vkey> [url]" of C2SP tlog-policy, one log an
 * origin; empty lines and lines that begin with # are skipped. Pure. */
#ifndef WITNESS_LOGS_H
#define WITNESS_LOGS_H

#include "wnote.h"

enum { LOGS_MAX = 64, LOGS_FAULT = 160 };

typedef struct logs {
    size_t n;
    wkey_t keys[LOGS_MAX];
} logs_t;

/* CONFIG with ret_fault filled (names the line). */
err_t logs_parse(slice_t text, logs_t *ret_logs, char ret_fault[LOGS_FAULT]);

#endif
