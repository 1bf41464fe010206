/* Composing (RFC 5322, RFC 2045, RFC 2047) and sending. */
#include <curl/curl.h>

#include "smtp.h"
#include "text/b64.h"
#include "text/fold.h"
#include "text/time.h"
#include "text/utf8.h"

static void crlf(buf_t *b)
{
    buf_cstr(b, "\r\n");
}

/* A line with an encoded word holds at most 76 characters (RFC 2047 2): 36 bytes of text, cut
 * between characters. */
static void put_encoded(buf_t *b, slice_t text)
{
    for (bool first = true; first || text.len > 0; first = false) {
        slice_t part = utf8_truncate(text, 36);
        buf_cstr(b, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        b64_put(b, part);
        buf_cstr(b, "?=");
        text = slice_from(text, part.len);
        if (part.len == 0) {
            break;
        }
    }
}

/* RFC 5322 3.3, in Tokyo time. */
static void put_date(buf_t *b, int64_t wall_us)
{
    static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    date_t day = tokyo_date(wall_us);
    date_ymd_t ymd = date_to_ymd(day);
    unsigned minute = tokyo_minute(wall_us);
    int64_t second = wall_us / 1000000 % 60;
    buf_cstr(b, DAYS[date_weekday(day)]);
    buf_cstr(b, ", ");
    buf_dec(b, ymd.day);
    buf_u8(b, ' ');
    buf_cstr(b, MONTHS[ymd.month - 1]);
    buf_u8(b, ' ');
    buf_dec(b, ymd.year);
    buf_u8(b, ' ');
    buf_dec_pad(b, minute / 60, 2);
    buf_u8(b, ':');
    buf_dec_pad(b, minute % 60, 2);
    buf_u8(b, ':');
    buf_dec_pad(b, (uint64_t)(second < 0 ? 0 : second), 2);
    buf_cstr(b, " +0900");
}

static err_t put_body(arena_t *a, buf_t *b, slice_t text)
{
    buf_t lines;
    TRY(arena_buf(a, text.len * 2 + 2, &lines));
    for (size_t i = 0; i < text.len; i++) { /* line ends as mail wants them */
        if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r')) {
            buf_u8(&lines, '\r');
        }
        buf_u8(&lines, text.ptr[i]);
    }
    TRY(buf_check(&lines));
    for (size_t at = 0; at < lines.len; at += 57) {
        b64_put(b, slice_sub(buf_slice(&lines), at, 57));
        crlf(b);
    }
    return OK;
}

static slice_t domain_of(slice_t address)
{
    size_t at = slice_find_byte(address, '@');
    return at == SIZE_MAX ? SLICE("localhost") : slice_from(address, at + 1);
}

err_t smtp_compose(arena_t *a, const smtp_server_t *server, const smtp_letter_t *letter,
                   slice_t *ret_message)
{
    buf_t b;
    slice_t from = slice_cstr_in(server->from);
    ENSURE(text_email_ok(letter->to) && text_email_ok(from), ERR_SYNTAX);
    TRY(arena_buf(a, SMTP_LETTER_BYTES, &b));
    buf_cstr(&b, "From: ");
    put_encoded(&b, letter->sender_name);
    buf_cstr(&b, " <");
    buf_put(&b, from);
    buf_cstr(&b, ">\r\nTo: <");
    buf_put(&b, letter->to);
    buf_cstr(&b, ">\r\nSubject: ");
    put_encoded(&b, letter->subject);
    buf_cstr(&b, "\r\nDate: ");
    put_date(&b, letter->date_us);
    buf_cstr(&b, "\r\nMessage-ID: <");
    buf_id(&b, letter->id);
    buf_u8(&b, '@');
    buf_put(&b, domain_of(from));
    buf_cstr(&b, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\n");
    TRY(put_body(a, &b, letter->text));
    TRY(buf_check(&b));
    *ret_message = buf_slice(&b);
    return OK;
}

static size_t read_message(char *out, size_t size, size_t count, void *user)
{
    slice_t *rest = user;
    size_t n = size * count;
    n = n < rest->len ? n : rest->len;
    memcpy(out, rest->ptr, n);
    *rest = slice_from(*rest, n);
    return n;
}

static err_t outcome(CURL *curl, CURLcode code, bool *ret_final)
{
    long reply = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    *ret_final = code != CURLE_OK && reply >= 500 && reply < 600;
    if (code == CURLE_OK) {
        return OK;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return FAIL(ERR_TIMEOUT);
    }
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST
               ? FAIL(ERR_UNAVAILABLE)
               : FAIL(ERR_UPSTREAM);
}

err_t smtp_send(arena_t *a, const smtp_server_t *server, const smtp_letter_t *letter,
                bool *ret_final)
{
    slice_t message, url, from, to;
    *ret_final = true; /* an address that is none stays none */
    TRY(smtp_compose(a, server, letter, &message));
    *ret_final = false;
    TRY(arena_printf(a, &url, "smtp://%s:%d/sekisho", server->host, (int)server->port));
    TRY(arena_printf(a, &from, "<%s>", server->from));
    TRY(arena_printf(a, &to, "<%.*s>", SLICE_FMT(letter->to)));
    CURL *curl = curl_easy_init();
    struct curl_slist *rcpt = curl_slist_append(NULL, (const char *)to.ptr);
    err_t e = FAIL(ERR_MEMORY);
    if (curl && rcpt) {
        curl_easy_setopt(curl, CURLOPT_URL, (const char *)url.ptr);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SMTP_WAIT_S);
        curl_easy_setopt(curl, CURLOPT_USE_SSL,
                         (long)(server->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
        curl_easy_setopt(curl, CURLOPT_MAIL_FROM, (const char *)from.ptr);
        curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpt);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
        curl_easy_setopt(curl, CURLOPT_READDATA, &message);
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        e = outcome(curl, curl_easy_perform(curl), ret_final);
    }
    curl_slist_free_all(rcpt);
    curl_easy_cleanup(curl);
    return e;
}
