/* Other programs, run and waited for: no shell, no descriptors but theirs. */
#ifndef COMMAND_RUN_H
#define COMMAND_RUN_H

#include "house.h"

enum { RUN_ARGS_MAX = 24 };

/* args[0] is the program's path; NULL-terminated. out_fd: its standard output, -1 = ours.
 * environment: NULL-terminated, or NULL for a plain PATH. *ret_code: exit code, 128 + n after
 * signal n. NOT_FOUND: no such program. */
err_t run_program(const char *const args[], const char *const environment[], int out_fd,
                  int *ret_code);

enum { RUN_BECOME_MAX = 64 };
/* Becomes another program of the house, with the arguments given and a last one (or NULL). Returns
 * an exit code, and only when that fails. */
int run_become(const char *program, int argc, char **argv, const char *last);

#endif
