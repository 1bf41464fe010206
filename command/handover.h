/* sekisho handover DIR: one sheet and one bundle for an outside forensic firm. What is in it, and
 * how it is checked without us: HANDOVER.md. */
#ifndef COMMAND_HANDOVER_H
#define COMMAND_HANDOVER_H

#include "house.h"

int handover_command(house_t *h, int argc, char **argv);

#endif
