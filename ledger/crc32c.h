/* CRC-32C (Castagnoli, RFC 3720 B.4): finds torn and rotten frames of the log. It is no protection
 * against a person; that is the tree's work. */
#ifndef LEDGER_CRC32C_H
#define LEDGER_CRC32C_H

#include "base/slice.h"

/* crc of what came before, 0 at the start; parts may be fed one by one. */
uint32_t crc32c(uint32_t crc, slice_t bytes);
/* The portable form, for the test that compares both. */
uint32_t crc32c_table(uint32_t crc, slice_t bytes);

#endif
