#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/log.h"
#include "text/utf8.h"

enum { LOG_TEXT_MAX = 1024 };

static const char *room_literal = "-";
static log_level_t threshold = LOG_INFO;

void log_room(const char *room)
{
    room_literal = room;
}

void log_threshold(log_level_t level)
{
    __atomic_store_n(&threshold, level, __ATOMIC_RELAXED);
}

static const char *level_name(log_level_t level)
{
    static const char *const NAMES[] = {"debug", "info", "warn", "error"};
    return (unsigned)level < BASE_COUNT(NAMES) ? NAMES[level] : "error";
}

/* A JSON string on one line: controls, quotes and DEL are escaped, malformed UTF-8 is replaced. */
static void put_string(buf_t *out, slice_t text)
{
    static const char HEX[] = "0123456789abcdef";
    buf_u8(out, '"');
    while (text.len) {
        uint32_t c = utf8_take(&text);
        if (c == '"' || c == '\\') {
            buf_u8(out, '\\');
            buf_u8(out, (uint8_t)c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_cstr(out, "\\u00");
            buf_u8(out, (uint8_t)HEX[c >> 4]);
            buf_u8(out, (uint8_t)HEX[c & 15]);
        } else {
            buf_utf8(out, c == UTF8_BAD ? UTF8_REPLACEMENT : c);
        }
    }
    buf_u8(out, '"');
}

static void put_time(buf_t *out, int64_t wall_us)
{
    struct tm tm;
    time_t seconds = (time_t)(wall_us / CLOCK_SECOND_US);
    CHECK(gmtime_r(&seconds, &tm) != NULL);
    char text[40];
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &tm);
    buf_put(out, slice_make(text, len));
    buf_dec_pad(out, (uint64_t)(wall_us % CLOCK_SECOND_US), 6);
    buf_u8(out, 'Z');
}

void log_format(buf_t *out, log_level_t level, id128_t id, const char *event, slice_t text)
{
    buf_cstr(out, "{\"id\":\"");
    if (id_is_zero(id)) {
        buf_u8(out, '-');
    } else {
        buf_id(out, id);
    }
    buf_cstr(out, "\",\"time\":\"");
    put_time(out, clock_wall_us());
    buf_cstr(out, "\",\"level\":\"");
    buf_cstr(out, level_name(level));
    buf_cstr(out, "\",\"room\":");
    put_string(out, slice_cstr_in(room_literal));
    buf_cstr(out, ",\"event\":");
    put_string(out, slice_cstr_in(event));
    if (text.len) {
        buf_cstr(out, ",\"text\":");
        put_string(out, text);
    }
    buf_cstr(out, "}\n");
}

/* One write of less than PIPE_BUF: whole, or (a full pipe, a closed stderr) lost; a log is no place
 * to wait. */
static void emit(log_level_t level, id128_t id, const char *event, slice_t text)
{
    uint8_t line[LOG_LINE_MAX];
    buf_t out = BUF_ON_ARRAY(line);
    log_format(&out, level, id, event, text);
    while (out.full && text.len) { /* escapes may grow a text six times */
        text.len /= 2;
        buf_reset(&out);
        log_format(&out, level, id, event, text);
    }
    ssize_t written = write(STDERR_FILENO, out.ptr, out.len);
    (void)written;
}

void log_event(log_level_t level, id128_t id, const char *event, const char *fmt, ...)
{
    if (level < __atomic_load_n(&threshold, __ATOMIC_RELAXED)) {
        return;
    }
    char text[LOG_TEXT_MAX];
    int len = 0;
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        len = vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
    }
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    emit(level, id, event, slice_make(text, kept));
}

void log_err(log_level_t level, id128_t id, const char *event, err_t e)
{
    if (e.sys) {
        log_event(level, id, event, "%s (%u): %s; %s:%u, errno %d", err_name(e.code), e.code,
                  err_text(e.code), e.where ? e.where : "-", e.line, e.sys);
        return;
    }
    log_event(level, id, event, "%s (%u): %s; %s:%u", err_name(e.code), e.code, err_text(e.code),
              e.where ? e.where : "-", e.line);
}
