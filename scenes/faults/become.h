/* A tool that plays a room which was taken over gives up root for that room's user first. */
#ifndef FAULTS_BECOME_H
#define FAULTS_BECOME_H

#include "io/room.h"

/* For good. True also when we are not root: one user for all, then we are all rooms. */
bool become(room_id_t room);

#endif
