/* `sekisho ledger`: the verifier, and orders to preserve. */
#ifndef COMMAND_LEDGER_H
#define COMMAND_LEDGER_H

#include "house.h"

int ledger_command(house_t *h, int argc, char **argv);

#endif
