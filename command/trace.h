/* `sekisho trace booking|request|customer ID [--json]`: the whole story, from the record. */
#ifndef COMMAND_TRACE_H
#define COMMAND_TRACE_H

#include "house.h"

int trace_command(house_t *h, int argc, char **argv);

#endif
