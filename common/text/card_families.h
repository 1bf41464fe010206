/* Made-up texts to measure the card detector with: card numbers in disguise, and benign long
 * numbers of the kinds that travellers write. For tests only. Every value follows from the seed. */
#ifndef TEXT_CARD_FAMILIES_H
#define TEXT_CARD_FAMILIES_H

#include "base/buf.h"

/* A valid number of a random brand and length, 13 to 19 digits as ASCII. */
size_t family_card(uint64_t *seed, char out[20]);
/* A card number in some script, grouping, separators and surroundings; ret_form names the grouping.
 */
void family_disguise(uint64_t *seed, buf_t *out, const char **ret_form);

enum { FAMILY_COUNT = 26 };
const char *family_name(size_t family);
void family_benign(size_t family, uint64_t *seed, buf_t *out);

#endif
