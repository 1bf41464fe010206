/* What runs and how it is: exit code 0 all well, 1 something is not, 2 usage, 3 no house runs here.
 */
#ifndef COMMAND_STATUS_H
#define COMMAND_STATUS_H

#include "house.h"

int status_command(house_t *h, int argc, char **argv);

#endif
