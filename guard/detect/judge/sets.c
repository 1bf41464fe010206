#include <dirent.h>
#include <stdio.h>

#include "sets.h"

enum { PATH_BYTES = 512, LINE_BYTES = 1 << 20 };

const char *set_class_name(set_class_t kind)
{
    static const char *const NAMES[] = {"benign", "sqli", "xss", "cmdi", "path", "other"};
    return kind < SET_CLASSES ? NAMES[kind] : "?";
}

void sets_add(sets_t *sets, slice_t text, set_class_t kind, const char *origin)
{
    if (sets->count == sets->cap) {
        sets->cap = sets->cap ? 2 * sets->cap : 4096;
        sets->list = realloc(sets->list, sets->cap * sizeof(*sets->list));
        CHECK(sets->list);
    }
    uint8_t *copy = malloc(text.len + 1);
    CHECK(copy);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    sets->list[sets->count++] = (set_value_t){{copy, text.len}, kind, origin};
}

void sets_free(sets_t *sets)
{
    for (size_t i = 0; i < sets->count; i++) {
        free((void *)(uintptr_t)sets->list[i].text.ptr);
    }
    free(sets->list);
    *sets = (sets_t){0};
}

static int hex_digit(int c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* What values point into lives as long as the program: reachable at its end, so no leak. */
typedef struct kept {
    struct kept *next;
    uint8_t bytes[];
} kept_t;

static kept_t *all_kept;

static uint8_t *keep(size_t bytes)
{
    kept_t *k = malloc(sizeof *k + bytes);
    CHECK(k);
    k->next = all_kept;
    all_kept = k;
    return k->bytes;
}

slice_t url_plain(slice_t text)
{
    uint8_t *out = keep(text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%' && i + 2 < text.len && hex_digit(text.ptr[i + 1]) >= 0 &&
            hex_digit(text.ptr[i + 2]) >= 0) {
            c = (uint8_t)(16 * hex_digit(text.ptr[i + 1]) + hex_digit(text.ptr[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        out[n++] = c;
    }
    return slice_make(out, n);
}

bool sets_add_lines(sets_t *sets, const char *path, set_class_t kind, bool comments, bool url)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        return false;
    }
    char *line = malloc(LINE_BYTES);
    CHECK(line);
    const char *origin = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t name_len = strlen(origin) + 1;
    origin = memcpy(keep(name_len), origin, name_len);
    while (fgets(line, LINE_BYTES, f)) {
        slice_t s = {(const uint8_t *)line, strlen(line)};
        while (s.len && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r')) {
            s.len--;
        }
        if (s.len == 0 || (comments && s.ptr[0] == '#')) {
            continue;
        }
        sets_add(sets, url ? url_plain(s) : s, kind, origin);
    }
    free(line);
    (void)fclose(f);
    return true;
}

/* ---- httpparams: payload,length,attack_type,label with "" for a quote inside quotes ---- */

static set_class_t params_class(slice_t type)
{
    return slice_eq(type, SLICE("norm"))             ? SET_BENIGN
           : slice_eq(type, SLICE("sqli"))           ? SET_SQLI
           : slice_eq(type, SLICE("xss"))            ? SET_XSS
           : slice_eq(type, SLICE("cmdi"))           ? SET_CMDI
           : slice_eq(type, SLICE("path-traversal")) ? SET_PATH
                                                     : SET_OTHER;
}

static void add_params(sets_t *sets, const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        return;
    }
    uint8_t *field = malloc(LINE_BYTES);
    CHECK(field);
    static uint8_t value[LINE_BYTES];
    size_t n = 0, column = 0, value_len = 0, rows = 0;
    bool quoted = false;
    for (int c = fgetc(f); c != EOF; c = fgetc(f)) {
        if (quoted && c == '"') {
            int next = fgetc(f);
            if (next == '"') {
                field[n++] = '"';
                continue;
            }
            quoted = false;
            c = next;
        } else if (!quoted && c == '"' && n == 0) {
            quoted = true;
            continue;
        }
        if (quoted || (c != ',' && c != '\n' && c != '\r')) {
            CHECK(n < LINE_BYTES - 1);
            field[n++] = (uint8_t)c;
            continue;
        }
        if (c == '\r') {
            continue;
        }
        if (column == 0) {
            memcpy(value, field, n);
            value_len = n;
        } else if (column == 2 && rows > 0) {
            sets_add(sets, slice_make(value, value_len), params_class(slice_make(field, n)),
                     "httpparams");
        }
        column = c == '\n' ? 0 : column + 1;
        rows += c == '\n';
        n = 0;
    }
    free(field);
    (void)fclose(f);
}

/* ---- gotestwaf: the list under `payload:` ---- */

static slice_t unquoted(slice_t item)
{
    uint8_t *out = keep(item.len + 1);
    size_t n = 0;
    if (item.len > 1 && item.ptr[0] == '\'') {
        for (size_t i = 1; i + 1 < item.len; i++) {
            out[n++] = item.ptr[i];
            i += item.ptr[i] == '\'' && item.ptr[i + 1] == '\'';
        }
        return slice_make(out, n);
    }
    if (item.len < 2 || item.ptr[0] != '"') {
        return item;
    }
    for (size_t i = 1; i + 1 < item.len; i++) {
        uint8_t c = item.ptr[i];
        if (c == '\\' && i + 2 < item.len) {
            c = item.ptr[++i];
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c == '0' ? 0 : c;
        }
        out[n++] = c;
    }
    return slice_make(out, n);
}

static void add_yaml(sets_t *sets, const char *path, set_class_t kind)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        return;
    }
    char *line = malloc(LINE_BYTES);
    char *item = malloc(LINE_BYTES);
    CHECK(line && item);
    size_t n = 0;
    bool in = false;
    while (fgets(line, LINE_BYTES, f)) {
        size_t len = strcspn(line, "\r\n");
        bool starts = len > 4 && memcmp(line, "  - ", 4) == 0;
        bool goes_on = len > 4 && memcmp(line, "    ", 4) == 0;
        if (n && !goes_on) {
            slice_t v = unquoted(slice_make(item, n));
            sets_add(sets, v, kind, "gotestwaf");
            n = 0;
        }
        if (!starts && !goes_on) {
            in = len > 7 && memcmp(line, "payload:", 8) == 0;
        } else if (in && starts) {
            memcpy(item, line + 4, len - 4);
            n = len - 4;
        } else if (in && n) { /* a folded scalar: the backslash at the end joins */
            size_t skip = strspn(line, " ");
            n -= item[n - 1] == '\\';
            CHECK(n + len < LINE_BYTES);
            memcpy(item + n, line + skip, len - skip);
            n += len - skip;
        }
    }
    free(line);
    free(item);
    (void)fclose(f);
}

static set_class_t yaml_class(const char *name)
{
    static const struct {
        const char *part;
        set_class_t kind;
    } ROWS[] = {{"false-pos", SET_BENIGN}, {"sql-injection", SET_SQLI},
                {"sqli", SET_SQLI},        {"nosql", SET_OTHER},
                {"xss", SET_XSS},          {"rce", SET_CMDI},
                {"shell", SET_CMDI},       {"path-traversal", SET_PATH},
                {"lfi", SET_PATH}};
    if (strstr(name, "nosql") || strstr(name, "rawrequests") || strstr(name, "multipart")) {
        return SET_OTHER;
    }
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        if (strstr(name, ROWS[i].part)) {
            return ROWS[i].kind;
        }
    }
    return SET_OTHER;
}

/* ---- the folder ---- */

static void add_folder(sets_t *sets, const char *folder, bool yaml)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        return;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (yaml && strstr(e->d_name, ".yml")) {
            add_yaml(sets, path, yaml_class(e->d_name));
        } else if (!yaml && strstr(e->d_name, ".txt")) {
            set_class_t kind = e->d_name[0] == 's'   ? SET_SQLI
                               : e->d_name[0] == 'x' ? SET_XSS
                               : e->d_name[0] == 'f' ? SET_BENIGN
                                                     : SET_OTHER;
            sets_add_lines(sets, path, kind, true, true);
        }
    }
    (void)closedir(dir);
}

bool sets_add_payloads(sets_t *sets, const char *folder)
{
    char path[PATH_BYTES];
    size_t before = sets->count;
    (void)snprintf(path, sizeof(path), "%s/httpparams/payload_half.csv", folder);
    add_params(sets, path);
    (void)snprintf(path, sizeof(path), "%s/libinjection", folder);
    add_folder(sets, path, false);
    (void)snprintf(path, sizeof(path), "%s/gotestwaf", folder);
    add_folder(sets, path, true);
    return sets->count > before;
}
