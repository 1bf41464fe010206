/* First run: system users, folders, shared keys, the brake board. Every step can be repeated; what
 * exists is kept. */
#ifndef COMMAND_SETUP_H
#define COMMAND_SETUP_H

#include "house.h"

err_t setup_house(house_t *h);
/* The rooms' system users alone: a restore needs them before it can give files to them. */
err_t setup_users_make(const house_t *h);

/* The rooms' system users alone, for a package's installation and for unit tests that stand in for
 * rooms: `sekisho users`. Returns the exit code: 1 with a message when not root or useradd failed.
 */
int setup_users(house_t *h, int argc, char **argv);

/* The machine's key for closing levers; two people's keys for opening (in the demo they lie in
 * var/offline/). */
#define SETUP_MACHINE_KEY "brake_machine"
#define SETUP_CISO_KEY "brake-ciso.key"
#define SETUP_DIRECTOR_KEY "brake-director.key"

#endif
