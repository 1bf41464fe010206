#include <ini.h>

#include <inttypes.h>
#include <stdarg.h>

#include "io/conf.h"
#include "text/utf8.h"

enum { CONF_FIELDS_MAX = 128, CONF_FILE_MAX = 64 * 1024, CONF_LINE_MAX = 190 /* inih's buffer */ };

typedef struct conf_reader {
    const conf_table_t *table;
    uint8_t *conf;
    conf_fault_t *fault;
    slice_t rest; /* of the text */
    int line;     /* that inih is at */
    bool seen[CONF_FIELDS_MAX];
} conf_reader_t;

static bool say(conf_fault_t *fault, const char *fmt, ...) BASE_PRINTF(2, 3);
static bool say(conf_fault_t *fault, const char *fmt, ...)
{
    if (fault->text[0] == 0) { /* the first fault is the one to mend */
        va_list args;
        va_start(args, fmt);
        vsnprintf(fault->text, sizeof fault->text, fmt, args);
        va_end(args);
    }
    return false;
}

static bool set_text(const conf_field_t *f, slice_t value, uint8_t *at, conf_fault_t *fault)
{
    if (value.len >= f->size) {
        return say(fault, "%s: longer than %zu bytes", f->key, f->size - 1);
    }
    if (!utf8_is_text(value, false)) {
        return say(fault, "%s: not plain UTF-8 text", f->key);
    }
    memset(at, 0, f->size);
    if (value.len) {
        memcpy(at, value.ptr, value.len);
    }
    return true;
}

static bool set_int(const conf_field_t *f, slice_t value, uint8_t *at, conf_fault_t *fault)
{
    int64_t n;
    CHECK(f->size == sizeof n);
    if (err_failed(slice_parse_i64(value, f->min, f->max, &n))) {
        return say(fault, "%s: not a whole number from %" PRId64 " to %" PRId64, f->key, f->min,
                   f->max);
    }
    memcpy(at, &n, sizeof n);
    return true;
}

static bool set_bool(const conf_field_t *f, slice_t value, uint8_t *at, conf_fault_t *fault)
{
    bool yes = slice_eq(value, SLICE("yes"));
    CHECK(f->size == sizeof yes);
    if (!yes && !slice_eq(value, SLICE("no"))) {
        return say(fault, "%s: neither yes nor no", f->key);
    }
    memcpy(at, &yes, sizeof yes);
    return true;
}

static bool set_choice(const conf_field_t *f, slice_t value, uint8_t *at, conf_fault_t *fault)
{
    CHECK(f->size == sizeof(int));
    for (int i = 0; f->choices[i]; i++) {
        if (slice_eq(value, slice_cstr_in(f->choices[i]))) {
            memcpy(at, &i, sizeof i);
            return true;
        }
    }
    return say(fault, "%s: not one of the choices", f->key);
}

static bool set_field(const conf_field_t *f, const char *value, uint8_t *conf, conf_fault_t *fault)
{
    slice_t v = slice_cstr_in(value);
    uint8_t *at = conf + f->offset;
    switch (f->type) {
    case CONF_TEXT:
        return set_text(f, v, at, fault);
    case CONF_INT:
        return set_int(f, v, at, fault);
    case CONF_BOOL:
        return set_bool(f, v, at, fault);
    case CONF_CHOICE:
        return set_choice(f, v, at, fault);
    default:
        CHECK(false); /* conf_type_t has no other */
    }
    return false;
}

static bool take_pair(conf_reader_t *r, const char *section, const char *key, const char *value)
{
    for (size_t i = 0; i < r->table->count; i++) {
        const conf_field_t *f = &r->table->fields[i];
        if (strcmp(f->section, section) != 0 || strcmp(f->key, key) != 0) {
            continue;
        }
        if (r->seen[i]) {
            return say(r->fault, "[%s] %s: given twice", section, key);
        }
        r->seen[i] = true;
        return set_field(f, value, r->conf, r->fault);
    }
    return say(r->fault, "[%s] %s: no such key", section, key);
}

/* inih's handler: 0 = this line is wrong. */
static int on_pair(void *user, const char *section, const char *key, const char *value)
{
    conf_reader_t *r = user;
    bool fine = take_pair(r, section, key, value);
    if (!fine && r->fault->line == 0) {
        r->fault->line = r->line;
    }
    return fine;
}

/* inih's reader, fgets's way: so that the handler knows its line. */
static char *next_line(char *out, int cap, void *stream)
{
    conf_reader_t *r = stream;
    slice_t line;
    if (!slice_split(&r->rest, '\n', &line)) {
        return NULL;
    }
    CHECK(line.len < (size_t)cap); /* lines_fit */
    if (line.len) {
        memcpy(out, line.ptr, line.len);
    }
    out[line.len] = 0;
    r->line++;
    return out;
}

static bool lines_fit(const char *text, conf_fault_t *fault)
{
    slice_t rest = slice_cstr_in(text), line;
    for (int number = 1; slice_split(&rest, '\n', &line); number++) {
        if (line.len > CONF_LINE_MAX) {
            fault->line = number;
            return say(fault, "line longer than %d bytes", CONF_LINE_MAX);
        }
    }
    return true;
}

static void set_defaults(const conf_table_t *table, uint8_t *conf)
{
    CHECK(table->count <= CONF_FIELDS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        conf_fault_t fault = {0};
        CHECK(set_field(&table->fields[i], table->fields[i].fallback, conf, &fault));
    }
}

err_t conf_read_text(const conf_table_t *table, const char *text, void *ret_conf,
                     conf_fault_t *ret_fault)
{
    *ret_fault = (conf_fault_t){0};
    set_defaults(table, ret_conf);
    ENSURE(lines_fit(text, ret_fault), ERR_CONFIG);
    conf_reader_t r = {
        .table = table, .conf = ret_conf, .fault = ret_fault, .rest = slice_cstr_in(text)};
    int line = ini_parse_stream(next_line, &r, on_pair, &r);
    if (line != 0 && line != ret_fault->line) { /* a line that never became a pair came first */
        *ret_fault = (conf_fault_t){.line = line > 0 ? line : 0};
        say(ret_fault, "neither [section], key = value, nor a comment");
    }
    ENSURE(line == 0, ERR_CONFIG);
    return OK;
}

err_t conf_read_file(const conf_table_t *table, path_t path, void *ret_conf,
                     conf_fault_t *ret_fault)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    slice_t bytes;
    const char *text;
    arena_init(&a, 3 * CONF_FILE_MAX);
    *ret_fault = (conf_fault_t){0};
    err_t e = file_read(&a, path, CONF_FILE_MAX, &bytes);
    if (!err_failed(e)) {
        e = arena_cstr(&a, bytes, &text);
    }
    if (err_failed(e)) {
        say(ret_fault, "cannot be read: %s", err_text(e.code));
        return e;
    }
    return conf_read_text(table, text, ret_conf, ret_fault);
}

static void print_hint(const conf_field_t *f, buf_t *out)
{
    if (f->type == CONF_INT) {
        buf_cstr(out, " (");
        buf_dec(out, f->min);
        buf_cstr(out, " to ");
        buf_dec(out, f->max);
        buf_cstr(out, ")");
    } else if (f->type == CONF_BOOL) {
        buf_cstr(out, " (yes or no)");
    } else if (f->type == CONF_CHOICE) {
        for (int i = 0; f->choices[i]; i++) {
            buf_cstr(out, i ? ", " : " (");
            buf_cstr(out, f->choices[i]);
        }
        buf_cstr(out, ")");
    }
}

void conf_print_default(const conf_table_t *table, const char *room, buf_t *out)
{
    const char *section = "";
    buf_cstr(out, "; ");
    buf_cstr(out, room);
    buf_cstr(out, ": made at first run with the default of every key. A line that starts with ';' "
                  "is a\n; comment; in a value, everything after \" ;\" is one too. Unknown keys "
                  "are errors.\n");
    for (size_t i = 0; i < table->count; i++) {
        const conf_field_t *f = &table->fields[i];
        if (strcmp(section, f->section) != 0) {
            section = f->section;
            buf_cstr(out, "\n[");
            buf_cstr(out, section);
            buf_cstr(out, "]\n");
        }
        buf_cstr(out, "; ");
        buf_cstr(out, f->comment);
        print_hint(f, out);
        buf_cstr(out, "\n");
        buf_cstr(out, f->key);
        buf_cstr(out, " = ");
        buf_cstr(out, f->fallback);
        buf_cstr(out, "\n");
    }
}

err_t conf_write_default(const conf_table_t *table, const char *room, path_t path)
{
    arena_t a BASE_CLEANUP(arena_deinit);
    buf_t out;
    arena_init(&a, 2 * CONF_FILE_MAX);
    TRY(arena_buf(&a, CONF_FILE_MAX, &out));
    conf_print_default(table, room, &out);
    TRY(buf_check(&out));
    err_t e = file_create(path, buf_slice(&out), 0644, (uid_t)-1, (gid_t)-1);
    return err_is(e, ERR_EXISTS) ? OK : e;
}
