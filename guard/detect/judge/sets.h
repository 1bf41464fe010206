/* The data sets of the judge: values with a class. Tests only: allocates, reads files. */
#ifndef GUARD_DETECT_JUDGE_SETS_H
#define GUARD_DETECT_JUDGE_SETS_H

#include "base/slice.h"

typedef enum set_class {
    SET_BENIGN,
    SET_SQLI,
    SET_XSS,
    SET_CMDI,
    SET_PATH,
    SET_OTHER, /* attacks that are no matter of these detectors: not counted */
    SET_CLASSES
} set_class_t;

typedef struct set_value {
    slice_t text;
    set_class_t kind;
    const char *origin;
} set_value_t;

typedef struct sets {
    set_value_t *list;
    size_t count, cap;
} sets_t;

void sets_add(sets_t *sets, slice_t text, set_class_t kind, const char *origin);
/* One value a line; '#' starts a comment line where comments is true; url: percent and plus are
 * decoded. False when the file is absent. */
bool sets_add_lines(sets_t *sets, const char *path, set_class_t kind, bool comments, bool url);
/* The data sets below folder (payloads/README.md). False when it is absent. */
bool sets_add_payloads(sets_t *sets, const char *folder);
void sets_free(sets_t *sets);
slice_t url_plain(slice_t text); /* percent and plus decoded; never freed */
const char *set_class_name(set_class_t kind);

#endif
