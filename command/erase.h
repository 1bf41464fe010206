/* sekisho erase SUBJECT | --booking NUMBER; sekisho hold list | add | release. */
#ifndef COMMAND_ERASE_H
#define COMMAND_ERASE_H

#include "house.h"

int erase_command(house_t *h, int argc, char **argv);
int hold_command(house_t *h, int argc, char **argv);

#endif
