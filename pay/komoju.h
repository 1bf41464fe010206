/* KOMOJU's public session and webhook formats (research notes, booking 3.3). */
#ifndef PAY_KOMOJU_H
#define PAY_KOMOJU_H

#include "adapter.h"

/* Fills the functions and names; base_url, resolve and keys are the caller's. */
void komoju_init(adapter_t *adapter);

#endif
