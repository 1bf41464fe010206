/* Form fields as tables: what a form may hold, checked in one place before anyone uses a value.
 * Values are normalised first (full-width digits, letters and hyphens to ASCII where the kind wants
 * ASCII; half-width kana to full-width; outer spaces cut), so that Japanese keyboards just work.
 * Holds no HTML: a page shows value.text and web_problem_text() beside the field. */
#ifndef WEB_FIELD_H
#define WEB_FIELD_H

#include "web/web.h"

typedef enum web_kind {
    WEB_KIND_TEXT,      /* one line; min, max in characters */
    WEB_KIND_MULTILINE, /* CR LF becomes LF; min, max in characters */
    WEB_KIND_KANA,      /* full-width katakana (hiragana is turned), long mark, middle dot, space */
    WEB_KIND_ROMAN,     /* A-Z, space, hyphen, apostrophe; made upper case: passport names */
    WEB_KIND_EMAIL,     /* RFC 5321 shape, at most 254 bytes; domain made lower case */
    WEB_KIND_PHONE, /* digits, may start with +; hyphens, spaces, brackets dropped; 9-15 digits */
    WEB_KIND_POSTCODE, /* Japanese: 7 digits, hyphen dropped */
    WEB_KIND_DATE,     /* YYYY-MM-DD (also with / and 年月日); number = days since 1970-01-01 */
    WEB_KIND_INT,      /* number; min, max */
    WEB_KIND_CHOICE,   /* one of choices; number = its index */
    WEB_KIND_CHECKBOX, /* number = 1 when present; required = must be ticked */
    WEB_KIND_PASSWORD, /* not trimmed, not normalised; min, max in characters; never shown again */
    WEB_KIND_ID,       /* 32 letters */
} web_kind_t;

typedef enum web_problem {
    WEB_PROBLEM_NONE,
    WEB_PROBLEM_MISSING,
    WEB_PROBLEM_TOO_SHORT,
    WEB_PROBLEM_TOO_LONG,
    WEB_PROBLEM_TEXT, /* control characters and the like */
    WEB_PROBLEM_KANA,
    WEB_PROBLEM_ROMAN,
    WEB_PROBLEM_EMAIL,
    WEB_PROBLEM_PHONE,
    WEB_PROBLEM_POSTCODE,
    WEB_PROBLEM_DATE,
    WEB_PROBLEM_NUMBER,
    WEB_PROBLEM_RANGE,
    WEB_PROBLEM_CHOICE,
    WEB_PROBLEM_TICK, /* a box that must be ticked is not */
    WEB_PROBLEM_ID,
    WEB_PROBLEM_REPEATED, /* the field stands twice */
    WEB_PROBLEM_OTHER,    /* set by a room's own check: see there */
    WEB_PROBLEM_COUNT
} web_problem_t;

typedef struct web_field {
    const char *name; /* of the HTML field, behind the prefix */
    web_kind_t kind;
    int64_t min, max; /* per kind; DATE: days, both 0 = any */
    bool required;
    const char *const *choices;
    size_t n_choices;
} web_field_t;

typedef struct web_value {
    slice_t text;          /* normalised; what a form shows again */
    int64_t number;        /* INT, DATE, CHOICE, CHECKBOX */
    id128_t id;            /* ID */
    bool present;          /* something was entered */
    web_problem_t problem; /* WEB_PROBLEM_NONE = fine */
} web_value_t;

/* Reads fields[i] from the request's form fields named "<prefix><name>" into ret_values[i].
 * *ret_ok: no problem anywhere. Fails only for lack of arena. A PASSWORD's text is kept for the
 * handler; web_values_forget() empties it before a page is rendered. */
err_t web_fields_read(const web_field_t *fields, size_t n, web_req_t *req, slice_t prefix,
                      web_value_t *ret_values, bool *ret_ok);
/* The same from given pairs (query forms; tests). */
err_t web_fields_read_pairs(const web_field_t *fields, size_t n, web_pairs_t pairs, arena_t *arena,
                            slice_t prefix, web_value_t *ret_values, bool *ret_ok);
void web_values_forget(const web_field_t *fields, size_t n, web_value_t *values);
/* A short sentence to show beside the field; empty for NONE. */
slice_t web_problem_text(i18n_lang_t lang, web_problem_t problem);

#endif
