/* Configuration: var/etc/<room>.ini, read by a table. Unknown section or key, a value out of range
 * and a key given twice are errors that name file, line and key. */
#ifndef IO_CONF_H
#define IO_CONF_H

#include "io/fd.h"

typedef enum conf_type {
    CONF_TEXT,  /* char[N] member, NUL-terminated, UTF-8 */
    CONF_INT,   /* int64_t member, min..max */
    CONF_BOOL,  /* bool member: yes / no */
    CONF_CHOICE /* int member: index in choices */
} conf_type_t;

typedef struct conf_field {
    const char *section, *key;
    conf_type_t type;
    size_t offset, size;        /* of the member in the room's conf struct */
    int64_t min, max;           /* CONF_INT */
    const char *const *choices; /* CONF_CHOICE; NULL-terminated */
    const char *fallback;       /* the default, as text */
    const char *comment;        /* what it means, for the generated file; unit included */
} conf_field_t;

/* clang-format off */
#define CONF_MEMBER(type_, member_) .offset = offsetof(type_, member_), .size = sizeof(((type_ *)0)->member_)
#define CONF_TEXT_ROW(type_, member_, section_, key_, fallback_, comment_) \
    {.section = (section_), .key = (key_), .type = CONF_TEXT, CONF_MEMBER(type_, member_), .fallback = (fallback_), .comment = (comment_)}
#define CONF_INT_ROW(type_, member_, section_, key_, min_, max_, fallback_, comment_) \
    {.section = (section_), .key = (key_), .type = CONF_INT, CONF_MEMBER(type_, member_), .min = (min_), .max = (max_), .fallback = (fallback_), .comment = (comment_)}
#define CONF_BOOL_ROW(type_, member_, section_, key_, fallback_, comment_) \
    {.section = (section_), .key = (key_), .type = CONF_BOOL, CONF_MEMBER(type_, member_), .fallback = (fallback_), .comment = (comment_)}
#define CONF_CHOICE_ROW(type_, member_, section_, key_, choices_, fallback_, comment_) \
    {.section = (section_), .key = (key_), .type = CONF_CHOICE, CONF_MEMBER(type_, member_), .choices = (choices_), .fallback = (fallback_), .comment = (comment_)}
/* clang-format on */

typedef struct conf_table {
    const conf_field_t *fields; /* rows of one section stand together */
    size_t count;
} conf_table_t;

/* Where and why reading failed, for the one line the daemon prints. */
typedef struct conf_fault {
    int line; /* 0 = the file as a whole */
    char text[160];
} conf_fault_t;

/* Fills conf with the defaults, then with what the text says. CONFIG with *ret_fault filled. */
err_t conf_read_text(const conf_table_t *table, const char *text, void *ret_conf,
                     conf_fault_t *ret_fault);
err_t conf_read_file(const conf_table_t *table, path_t path, void *ret_conf,
                     conf_fault_t *ret_fault);
/* The commented default file. */
void conf_print_default(const conf_table_t *table, const char *room, buf_t *out);
/* Writes it when the file is missing; an existing file is left alone. */
err_t conf_write_default(const conf_table_t *table, const char *room, path_t path);

#endif
