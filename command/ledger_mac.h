/* The start key of the records' MACs (ledger/FORMAT.md 7): made here, by root, once a chain. */
#ifndef COMMAND_LEDGER_MAC_H
#define COMMAND_LEDGER_MAC_H

#include "house.h"

/* When ledgerd has neither a chain nor a start key: one for it (`mac.start`, which it destroys when
 * it has begun), and the same into offline/, to be carried away. */
err_t ledger_mac_make(house_t *h, uid_t owner, gid_t group);

#endif
