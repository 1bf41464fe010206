/* SBPS (SB Payment Service) link type: A01-1 request form, A02-1 result notification, and the XML
 * API for what comes after (research notes, booking 3.4). */
#ifndef PAY_SBPS_H
#define PAY_SBPS_H

#include "adapter.h"

/* Fills the functions and names; base_url, page_origin, numbers and keys are the caller's. */
void sbps_init(adapter_t *adapter);

/* Loads the C library's tables of Shift_JIS (CP932), once, before a sandbox forbids it.
 * UNAVAILABLE: it has none. */
err_t sbps_charset_open(void);

#endif
