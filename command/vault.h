/* sekisho vault rotate | state: the vault's master key. */
#ifndef COMMAND_VAULT_H
#define COMMAND_VAULT_H

#include "house.h"

int vault_command(house_t *h, int argc, char **argv);

#endif
