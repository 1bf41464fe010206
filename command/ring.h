/* sekisho guard ring: the recent requests of the tuning ring, each in the form that `sekisho guard
 * explain` reads. The vault opens the keys, which is on record. */
#ifndef COMMAND_RING_H
#define COMMAND_RING_H

#include "house.h"

int ring_command(house_t *h, int argc, char **argv);

#endif
