#include "tx.h"

void engine_tx_mode(engine_tx_t *tx, engine_mode_t mode)
{
    tx->settings.mode = mode;
}
