#include "smuggle.h"

#include <sys/socket.h>
#include <unistd.h>

/* ---- a strict reading of what it heard (RFC 9112) ---- */

static bool is_token(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && !(c && strchr("!#$%&'*+-.^_`|~", c))) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_plain(slice_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Cuts a line that ends with CRLF. */
bool smuggle_line_take(slice_t *rest, slice_t *ret_line)
{
    size_t end = slice_find(*rest, SLICE("\r\n"));
    if (end == SIZE_MAX) {
        return false;
    }
    *ret_line = slice_sub(*rest, 0, end);
    *rest = slice_from(*rest, end + 2);
    return is_plain(*ret_line);
}

/* One header line; counts what decides the length. */
const char *smuggle_field_check(slice_t line, unsigned *hosts, unsigned *lengths, uint64_t *body)
{
    size_t colon = slice_find_byte(line, ':');
    slice_t name = slice_sub(line, 0, colon), value = slice_trim(slice_from(line, colon + 1));
    if (colon == SIZE_MAX || !is_token(name)) {
        return "a header line without a name";
    }
    if (slice_find_byte(name, '_') != SIZE_MAX || slice_find_byte(name, '.') != SIZE_MAX) {
        return "a name that nginx drops";
    }
    if (slice_eq_nocase(name, SLICE("transfer-encoding")) ||
        slice_eq_nocase(name, SLICE("upgrade")) || slice_eq_nocase(name, SLICE("te"))) {
        return "a hop-by-hop line";
    }
    *hosts += slice_eq_nocase(name, SLICE("host"));
    if (slice_eq_nocase(name, SLICE("content-length"))) {
        (*lengths)++;
        if (err_failed(slice_parse_u64(value, SMUGGLE_HEARD_MAX, body))) {
            return "a length that is no number";
        }
    }
    return NULL;
}

/* The number of requests in what was heard; fails the test when it can be read in two ways. */
size_t smuggle_requests_read(const char *name, slice_t rest, size_t *ret_ends)
{
    size_t n = 0;
    *ret_ends = 0;
    while (rest.len) {
        slice_t line, word;
        unsigned hosts = 0, lengths = 0;
        uint64_t body = 0;
        if (!smuggle_line_take(&rest, &line)) {
            fail_msg("%s: no request line in: %.*s", name, SLICE_FMT(rest));
        }
        slice_t request = line;
        if (!slice_split(&request, ' ', &word) || !is_token(word) ||
            !slice_split(&request, ' ', &word) || word.len == 0 ||
            !slice_starts(request, SLICE("HTTP/1.")) || request.len != 8) {
            fail_msg("%s: not a request line: %.*s", name, SLICE_FMT(line));
        }
        *ret_ends += slice_eq(word, SLICE("/end"));
        if (slice_find(word, SLICE("evil")) != SIZE_MAX) {
            fail_msg("%s: the hidden request arrived", name);
        }
        while (smuggle_line_take(&rest, &line) && line.len) {
            const char *why = smuggle_field_check(line, &hosts, &lengths, &body);
            if (why) {
                fail_msg("%s: %s: %.*s", name, why, SLICE_FMT(line));
            }
        }
        if (line.len || hosts != 1 || lengths > 1 || body > rest.len) {
            fail_msg("%s: %u hosts, %u lengths, body %u of %zu", name, hosts, lengths,
                     (unsigned)body, rest.len);
        }
        rest = slice_from(rest, (size_t)body);
        n++;
    }
    return n;
}

/* ---- cases ---- */

#define HOST "Host: shop.localhost\r\n"
#define POST "POST /x HTTP/1.1\r\n" HOST
#define EVIL "GET /evil HTTP/1.1\r\n" HOST "\r\n"
#define CHUNK "5\r\nhello\r\n0\r\n\r\n"
#define ANY SMUGGLE_ANY
#define TEXT(lit)                                                                                  \
    {                                                                                              \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                    \
    }

const smuggle_case_t SMUGGLE_CASES[] = {
    /* two lengths that disagree */
    {"CL.TE", TEXT(POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" EVIL),
     400, 0},
    {"TE.CL", TEXT(POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" EVIL), 400,
     0},
    {"CL.TE in other letters",
     TEXT(POST "content-length: 6\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n" EVIL), 400, 0},
    {"CL.CL, different", TEXT(POST "Content-Length: 1\r\nContent-Length: 60\r\n\r\na" EVIL), 400,
     0},
    {"CL.CL, the same", TEXT(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na" EVIL), 400, 0},
    {"CL as a list", TEXT(POST "Content-Length: 1, 1\r\n\r\na" EVIL), 400, 0},
    {"CL with a plus", TEXT(POST "Content-Length: +1\r\n\r\na" EVIL), 400, 0},
    {"CL negative", TEXT(POST "Content-Length: -1\r\n\r\n" EVIL), 400, 0},
    {"CL hexadecimal", TEXT(POST "Content-Length: 0x1\r\n\r\na" EVIL), 400, 0},
    {"CL of two words", TEXT(POST "Content-Length: 1 1\r\n\r\na" EVIL), 400, 0},
    {"CL empty", TEXT(POST "Content-Length:\r\n\r\n"), 400, 0},
    {"CL too large for a number", TEXT(POST "Content-Length: 99999999999999999999\r\n\r\n" EVIL),
     400, 0},
    {"CL with a space before the colon", TEXT(POST "Content-Length : 1\r\n\r\na" EVIL), 400, 0},
    {"CL with a vertical tab", TEXT(POST "Content-Length:\v1\r\n\r\na" EVIL), 400, 0},
    {"CL by an underscore", TEXT(POST "Content_Length: 60\r\nContent-Length: 5\r\n\r\nhello"), 200,
     1},
    /* codings that one reader sees and another does not */
    {"TE.TE, unknown second",
     TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" CHUNK EVIL), 400, 0},
    {"TE.TE, twice",
     TEXT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNK EVIL), 400,
     0},
    {"TE unknown", TEXT(POST "Transfer-Encoding: xchunked\r\n\r\n" CHUNK EVIL), 501, 0},
    {"TE in a list", TEXT(POST "Transfer-Encoding: chunked, identity\r\n\r\n" CHUNK EVIL), 501, 0},
    {"TE in quotes", TEXT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n" CHUNK EVIL), 501, 0},
    {"TE behind a tab", TEXT(POST "Transfer-Encoding:\tchunked\r\n\r\n" CHUNK EVIL), 501, 0},
    {"TE before a tab", TEXT(POST "Transfer-Encoding: chunked\t\r\n\r\n" CHUNK EVIL), 501, 0},
    {"TE behind a vertical tab", TEXT(POST "Transfer-Encoding: \vchunked\r\n\r\n" CHUNK EVIL), 501,
     0},
    {"TE with a space before the colon",
     TEXT(POST "Transfer-Encoding : chunked\r\n\r\n" CHUNK EVIL), 400, 0},
    {"TE with a control sign in its name",
     TEXT(POST "Transfer-Encoding\v: chunked\r\n\r\n" CHUNK EVIL), 400, 0},
    {"TE behind a bare CR", TEXT(POST "A: b\rTransfer-Encoding: chunked\r\n\r\n" CHUNK EVIL), 400,
     0},
    {"TE behind a bare LF", TEXT(POST "A: b\nTransfer-Encoding: chunked\r\n\r\n" CHUNK), 200, 1},
    {"TE in a folded line", TEXT(POST "A: b\r\n Transfer-Encoding: chunked\r\n\r\n" CHUNK EVIL),
     400, 0},
    {"TE folded itself", TEXT(POST "Transfer-Encoding:\r\n chunked\r\n\r\n" CHUNK EVIL), ANY, 0},
    {"TE by an underscore",
     TEXT(POST "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), 200, 1},
    {"TE in capitals", TEXT(POST "Transfer-Encoding: CHUNKED\r\n\r\n" CHUNK), 200, 1},
    {"TE in 1.0", TEXT("POST /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n" CHUNK EVIL),
     400, 0},
    /* chunks */
    {"chunk with an extension",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"), 200, 1},
    {"chunk extension with a bare LF",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n"), ANY, ANY},
    {"chunk size hexadecimal",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"), 400, 0},
    {"chunk size negative", TEXT(POST "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"),
     400, 0},
    {"chunk size too large",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" EVIL), 400, 0},
    {"chunk size behind a space",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n"), ANY, ANY},
    {"chunk shorter than said",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n" EVIL), 400, 0},
    {"trailers",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nHost: evil\r\nContent-Length: "
               "9\r\n\r\n"),
     200, 1},
    {"a request in a chunk",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n37\r\n" EVIL "aaaaaaaaaaa\r\n0\r\n\r\n"), ANY,
     ANY},
    {"a request in a body", TEXT(POST "Content-Length: 44\r\n\r\n" EVIL), 200, 1},
    {"a GET with a body", TEXT("GET /x HTTP/1.1\r\n" HOST "Content-Length: 44\r\n\r\n" EVIL), 200,
     1},
    /* names */
    {"two hosts", TEXT("GET /x HTTP/1.1\r\n" HOST "Host: evil.example\r\n\r\n"), 400, 0},
    {"one host twice", TEXT("GET /x HTTP/1.1\r\n" HOST HOST "\r\n"), 400, 0},
    {"no host", TEXT("GET /x HTTP/1.1\r\n\r\n"), 400, 0},
    {"a folded host", TEXT("GET /x HTTP/1.1\r\nHost: shop.localhost\r\n evil\r\n\r\n"), 400, 0},
    {"host with a space before the colon", TEXT("GET /x HTTP/1.1\r\nHost : evil\r\n" HOST "\r\n"),
     400, 0},
    {"host with a slash", TEXT("GET /x HTTP/1.1\r\nHost: shop.localhost/evil\r\n\r\n"), 400, 0},
    {"target names another host", TEXT("GET http://other.localhost/x HTTP/1.1\r\n" HOST "\r\n"),
     421, 0},
    {"host by an underscore",
     TEXT("GET /x HTTP/1.1\r\n" HOST "Ho_st: evil\r\nX_Forwarded_Host: evil\r\n\r\n"), 200, 1},
    /* lines */
    {"NUL in a header", TEXT("GET /x HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n"), 400, 0},
    {"NUL in the target", TEXT("GET /x\0y HTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"CR in the request line", TEXT("GET /x\r HTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"tabs in the request line", TEXT("GET\t/x\tHTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"a space in the target", TEXT("GET /x /evil HTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"a small method", TEXT("get /x HTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"blank lines first", TEXT("\r\n\r\nGET /x HTTP/1.1\r\n" HOST "\r\n"), 200, 1},
    {"a header without a name", TEXT("GET /x HTTP/1.1\r\n" HOST ": b\r\n\r\n"), 400, 0},
    {"a header without a colon", TEXT("GET /x HTTP/1.1\r\n" HOST "Content-Length\r\n\r\n"), ANY,
     ANY},
    {"a name with a sign", TEXT("GET /x HTTP/1.1\r\n" HOST "A@b: c\r\nC(d): e\r\n\r\n"), 200, 1},
    {"version 2 in text", TEXT("GET /x HTTP/2.0\r\n" HOST "\r\n"), 505, 0},
    {"upgrade to h2c",
     TEXT("GET /x HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
          "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"),
     200, 1},
    {"connection names a header",
     TEXT("GET /x HTTP/1.1\r\n" HOST "Connection: keep-alive, X-Sekisho-Id\r\n\r\n"), 200, 1},
    /* more lengths */
    {"CL with zeros before it", TEXT(POST "Content-Length: 005\r\n\r\nhello"), 200, 1},
    {"CL with a form feed", TEXT(POST "Content-Length: 5\f\r\n\r\nhello" EVIL), 400, 0},
    {"CL with a sign of Unicode", TEXT(POST "Content-Length: \xef\xbc\x95\r\n\r\nhello" EVIL), 400,
     0},
    {"CL zero, and a request behind", TEXT(POST "Content-Length: 0\r\n\r\n"), 200, 1},
    {"CL.0: a request where an origin may leave it",
     TEXT("GET /x HTTP/1.1\r\n" HOST "Content-Type: text/css\r\nContent-Length: 44\r\n\r\n" EVIL),
     200, 1},
    {"CL.0 by HEAD", TEXT("HEAD /x HTTP/1.1\r\n" HOST "Content-Length: 44\r\n\r\n" EVIL), ANY, 1},
    {"CL.0 by OPTIONS", TEXT("OPTIONS /x HTTP/1.1\r\n" HOST "Content-Length: 44\r\n\r\n" EVIL), 200,
     1},
    {"a body that is waited for",
     TEXT(POST "Expect: 100-continue\r\nContent-Length: 44\r\n\r\n" EVIL), 200, 1},
    {"a wish that is unknown", TEXT(POST "Expect: 200-ok\r\nContent-Length: 44\r\n\r\n" EVIL), 200,
     1},
    /* more chunks */
    {"chunk of capitals",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\nA\r\nhellohello\r\n0\r\n\r\n"), 200, 1},
    {"chunk with zeros before it",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n005\r\nhello\r\n000\r\n\r\n"), 200, 1},
    {"chunk with an underscore",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n" EVIL), 400, 0},
    {"chunk with a plus",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n" EVIL), 400, 0},
    {"chunk without a line end behind it",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n" EVIL), 400, 0},
    {"chunk of bare line feeds", TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"),
     ANY, ANY},
    {"chunk extension in quotes",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5;a=\"\r\nhello\r\n0\r\n\r\n"), 200, 1},
    {"chunk extension that is a request",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5;GET /evil HTTP/1.1\r\nhello\r\n0\r\n\r\n"), 200,
     1},
    {"trailers that name lengths",
     TEXT(POST "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: "
               "chunked\r\nContent-Length: 44\r\n\r\n"),
     200, 1},
    {"chunks without an end", TEXT(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), ANY,
     0},
    /* more lines: signs that Python's text functions take for line ends or spaces */
    {"vertical tab in a value",
     TEXT("GET /x HTTP/1.1\r\n" HOST "A: b\vTransfer-Encoding: c\r\n\r\n"), ANY, ANY},
    {"form feed in a value", TEXT("GET /x HTTP/1.1\r\n" HOST "A: b\fContent-Length: 5\r\n\r\n"),
     ANY, ANY},
    {"separators in a value",
     TEXT("GET /x HTTP/1.1\r\n" HOST "A: b\x1c"
          "Content-Length: 5\x1d\x1e\r\n\r\n"),
     ANY, ANY},
    {"NEL in a value",
     TEXT("GET /x HTTP/1.1\r\n" HOST "A: b\x85"
          "Content-Length: 5\r\n\r\n"),
     200, 1},
    {"line separator in a value",
     TEXT("GET /x HTTP/1.1\r\n" HOST "A: b\xe2\x80\xa8"
          "Content-Length: 5\r\n\r\n"),
     200, 1},
    {"NEL in the target", TEXT("GET /x\x85/e HTTP/1.1\r\n" HOST "\r\n"), ANY, ANY},
    {"no-break space in the target", TEXT("GET /x\xa0/e HTTP/1.1\r\n" HOST "\r\n"), ANY, ANY},
    {"form feed in the target", TEXT("GET /x\f/e HTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"a fold first", TEXT("GET /x HTTP/1.1\r\n Content-Length: 44\r\n" HOST "\r\n" EVIL), 400, 0},
    {"a name with a space", TEXT("GET /x HTTP/1.1\r\n" HOST "Content Length: 44\r\n\r\n" EVIL), 400,
     0},
    {"a line of a mailbox", TEXT("GET /x HTTP/1.1\r\nFrom nobody\r\n" HOST "\r\n"), 400, 0},
    {"line feeds alone", TEXT("GET /x HTTP/1.1\nHost: shop.localhost\n\n"), 200, 1},
    {"carriage returns alone", TEXT("GET /x HTTP/1.1\rHost: shop.localhost\r\r"), ANY, 0},
    {"version 0.9", TEXT("GET /x\r\n"), ANY, ANY},
    {"version 0.9 with a port of the name", TEXT("GET http://shop.localhost/x\r\n"), ANY, ANY},
    {"version 1.10", TEXT("GET /x HTTP/1.10\r\n" HOST "\r\n"), 200, 1},
    {"version in small letters", TEXT("GET /x http/1.1\r\n" HOST "\r\n"), 400, 0},
    {"a space behind the version", TEXT("GET /x HTTP/1.1 \r\n" HOST "\r\n"), 200, 1},
    {"target names the same host", TEXT("GET http://shop.localhost/x HTTP/1.1\r\n" HOST "\r\n"),
     200, 1},
    {"target names a stranger", TEXT("GET http://evil.example/x HTTP/1.1\r\n" HOST "\r\n"), 200, 1},
    {"target with user information",
     TEXT("GET http://shop.localhost@evil.example/x HTTP/1.1\r\n" HOST "\r\n"), ANY, ANY},
    {"target of another scheme", TEXT("GET file:///etc/passwd HTTP/1.1\r\n" HOST "\r\n"), ANY, ANY},
    {"a tunnel", TEXT("CONNECT evil.example:443 HTTP/1.1\r\n" HOST "\r\n"), 400, 0},
    {"trace", TEXT("TRACE /x HTTP/1.1\r\n" HOST "\r\n"), 405, 0},
    {"host with a dot behind", TEXT("GET /x HTTP/1.1\r\nHost: shop.localhost.\r\n\r\n"), 421, 0},
    {"host of IPv6", TEXT("GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), 421, 0},
    {"host of half an IPv6", TEXT("GET /x HTTP/1.1\r\nHost: [::1\r\n\r\n"), ANY, 0},
    {"host with a space", TEXT("GET /x HTTP/1.1\r\nHost: shop.localhost evil\r\n\r\n"), 400, 0},
    {"three requests at once",
     TEXT("GET /x HTTP/1.1\r\n" HOST "\r\nGET /x HTTP/1.1\r\n" HOST "\r\n"), 200, 2},
};

const size_t SMUGGLE_COUNT = BASE_COUNT(SMUGGLE_CASES);

int smuggle_say(const front_t *f, const smuggle_case_t *c)
{
    int fd = front_dial(f);
    front_say(fd, c->sent);
    answer_t a = front_hear(fd, false);
    front_say(fd, SLICE("GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    int status = a.status;
    answer_free(&a);
    uint8_t rest[4096];
    while (recv(fd, rest, sizeof rest, 0) > 0) {
    }
    close(fd);
    return status;
}
