#include "base/err.h"

typedef struct err_row {
    unsigned code;
    int http;
    const char *name, *text;
} err_row_t;

static const err_row_t ROWS[] = {
#define ERR_ROW(name, number, http, text) {(number), (http), #name, (text)},
#include "base/err_table.h"
#undef ERR_ROW
};

static const err_row_t *err_row(unsigned code)
{
    for (size_t i = 0; i < BASE_COUNT(ROWS); i++) {
        if (ROWS[i].code == code) {
            return &ROWS[i];
        }
    }
    return NULL;
}

const char *err_text(unsigned code)
{
    const err_row_t *row = err_row(code);
    return row ? row->text : "unknown error";
}

const char *err_name(unsigned code)
{
    const err_row_t *row = err_row(code);
    return row ? row->name : "UNKNOWN";
}

int err_http(unsigned code)
{
    const err_row_t *row = err_row(code);
    return row ? row->http : 500;
}

void base_check_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "{\"level\":\"fatal\",\"check\":\"%s\",\"file\":\"%s\",\"line\":%d}\n", cond,
            file, line);
    abort();
}
