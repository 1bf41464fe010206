/* `sekisho up`: starts every process in order, keeps them running, stops them in reverse. */
#ifndef COMMAND_SUPERVISE_H
#define COMMAND_SUPERVISE_H

#include "house.h"

int supervise_up(house_t *h, int argc, char **argv);
int supervise_down(house_t *h, int argc, char **argv);
int supervise_clock(house_t *h, int argc, char **argv);
int supervise_kill(house_t *h, int argc, char **argv);

#endif
