/* Which rules a verb works with. */
#ifndef GUARD_TOOL_RULES_H
#define GUARD_TOOL_RULES_H

#include "tool.h"

enum { RULES_MAX = 64 };

/* The files named by --rules; without any, the Core Rule Set that Debian's package installs. */
bool rules_of_options(slice_t before, char *const *files, int n, tool_rules_t *ret_rules);

#endif
