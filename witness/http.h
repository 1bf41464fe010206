/* The witness's HTTP: C2SP tlog-witness, a few routes on the house's HTTP floor. */
#ifndef WITNESS_HTTP_H
#define WITNESS_HTTP_H

#include "watch.h"
#include "web/web.h"

/* For web_config_t: room = the watch_t. */
extern const web_route_t WITNESS_ROUTES[];
extern const size_t WITNESS_ROUTE_COUNT;

#endif
