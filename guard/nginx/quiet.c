/* nginx's own log lines. As nginx writes them they hold the request line, the address, header lines
 * and file names: whatever a person or an attacker typed. Here they become the house's lines (one
 * JSON line, id first), and of nginx's text only what stands before the first quotation mark and
 * before the request's context: nginx's own words, never the request's (law 5). Digits that look
 * like a card number are cut even there (a Content-Length can be one). */
#include "guard.h"

#include "io/log.h"
#include "text/card.h"

enum { LINES_A_SECOND = 20, TEXT_MAX = 300 };

/* The function that http connections log with; only its data is a context with a request. */
static ngx_log_handler_pt http_handler;

void guard_quiet_learn(ngx_http_request_t *r)
{
    http_handler = r->connection->log->handler;
}

static id128_t id_of(ngx_log_t *log)
{
    ngx_http_log_ctx_t *at =
        http_handler && log->handler == http_handler ? log->data : (ngx_http_log_ctx_t *)NULL;
    guard_ctx_t *ctx = at && at->request ? guard_ctx_find(at->request) : NULL;
    return ctx ? ctx->id : id_zero();
}

/* "2026/01/02 03:04:05 [error] 12#12: *3 words": what follows the process and connection numbers.
 */
static slice_t words_of(slice_t line)
{
    line = slice_from(line, slice_find_byte(line, ']'));
    size_t at = slice_find(line, SLICE(": "));
    line = at == SIZE_MAX ? SLICE_EMPTY : slice_from(line, at + 2);
    if (slice_starts(line, SLICE("*"))) {
        size_t space = slice_find_byte(line, ' ');
        line = space == SIZE_MAX ? SLICE_EMPTY : slice_from(line, space + 1);
    }
    return line;
}

/* The beginning that cannot hold anything of a request. */
static slice_t safe_of(slice_t words)
{
    static const char *const ENDS[] = {"\"", "'", ", client: ", ", server: ", "\n", "\r"};
    slice_t safe = slice_sub(words, 0, TEXT_MAX);
    for (size_t i = 0; i < BASE_COUNT(ENDS); i++) {
        safe = slice_sub(safe, 0, slice_find(safe, slice_cstr_in(ENDS[i])));
    }
    for (size_t i = 0; i < safe.len; i++) {
        if (safe.ptr[i] < 0x20 || safe.ptr[i] > 0x7e) {
            return slice_sub(safe, 0, i);
        }
    }
    return slice_trim(safe);
}

/* Text with the network addresses (personal data) taken out of it. */
static void put_without_addresses(buf_t *out, slice_t text)
{
    slice_t word;
    while (slice_split(&text, ' ', &word)) {
        size_t marks = 0, others = 0;
        for (size_t i = 0; i < word.len; i++) {
            bool hex = word.ptr[i] && strchr("0123456789abcdefABCDEF[]", word.ptr[i]);
            bool mark = word.ptr[i] == '.' || word.ptr[i] == ':';
            marks += mark;
            others += !mark && !hex;
        }
        buf_put(out, marks >= 2 && others == 0 ? SLICE("-") : word);
        buf_u8(out, ' ');
    }
}

/* At most LINES_A_SECOND lines a second: an attacker must not fill the disk by errors. The next
 * line tells how many were held back. */
static bool may_speak(unsigned *ret_held)
{
    static time_t second;
    static unsigned said, held;
    if (ngx_time() != second) {
        second = ngx_time();
        said = 0;
    }
    if (said == LINES_A_SECOND) {
        held++;
        return false;
    }
    said++;
    *ret_held = held;
    held = 0;
    return true;
}

static void writer(ngx_log_t *log, ngx_uint_t level, u_char *line, size_t len)
{
    uint8_t mem[2][TEXT_MAX + 1];
    buf_t text = BUF_ON_ARRAY(mem[0]), plain = BUF_ON_ARRAY(mem[1]);
    unsigned held = 0;
    log_level_t ours = level <= NGX_LOG_ERR    ? LOG_ERROR
                       : level == NGX_LOG_WARN ? LOG_WARN
                                               : LOG_INFO;
    bool grave = level <= NGX_LOG_CRIT;
    if (!may_speak(&held) && !grave) {
        return;
    }
    put_without_addresses(&plain, safe_of(words_of(slice_make(line, len))));
    card_cut(slice_trim(buf_slice(&plain)), &text);
    if (held) {
        log_event(LOG_WARN, id_zero(), "nginx.held_back", "%u lines", held);
    }
    log_event(ours, id_of(log), "nginx", "%.*s", SLICE_FMT(buf_slice(&text)));
}

void guard_quiet_start(ngx_cycle_t *cycle)
{
    log_room("guard");
    for (ngx_log_t *log = &cycle->new_log; log; log = log->next) {
        log->writer = writer;
    }
}
