/* `sekisho brake`: the levers, by hand, at the machine. */
#ifndef COMMAND_BRAKE_H
#define COMMAND_BRAKE_H

#include "house.h"

int brake_command(house_t *h, int argc, char **argv);

#endif
