/* The rules of this folder asked about one value in one place of a request; for the folder's tests
 * and judge. Rules: Debian's CRS at paranoia level 1, with before-crs.conf or without. */
#ifndef GUARD_RULES_ASK_H
#define GUARD_RULES_ASK_H

#include "../engine/rig.h"

typedef enum ask_place {
    ASK_QUERY,
    ASK_FORM,
    ASK_JSON,
    ASK_COOKIE,
    ASK_HEADER, /* of a name that nobody knows; as it is */
    ASK_AGENT,
    ASK_REFERER,
    ASK_FORWARDED,
    ASK_MULTIPART,
    ASK_PATH,
    ASK_PLACES,
    ASK_TURNS = ASK_AGENT /* those before it are the places that the published sets are for */
} ask_place_t;

const char *ask_place_name(ask_place_t place);
bool ask_rules_there(void);
/* Must load. `folder`: this one; NULL = CRS alone. */
void ask_load(rig_t *r, const char *folder);
/* A header holds no line break and no NUL; nothing here holds more than 200,000 bytes. */
bool ask_fits(ask_place_t place, slice_t value);
/* What does not fit passes. */
bool ask_blocked(rig_t *r, ask_place_t place, slice_t value);
/* Ids of the rules that have a severity: those that score. */
const char *ask_reasons(const rig_t *r);

#endif
