#include "card_families.h"

#include "base/test.h"
#include "text/b64.h"
#include "text/card.h"
#include "text/utf8.h"

static uint64_t pick(uint64_t *seed, uint64_t below)
{
    return (test_random(seed) >> 16) % below;
}

#define PICK(seed, array) ((array)[pick((seed), BASE_COUNT(array))])

static void digits(uint64_t *seed, buf_t *b, size_t n)
{
    while (n--) {
        buf_u8(b, (uint8_t)('0' + pick(seed, 10)));
    }
}

static void letters(uint64_t *seed, buf_t *b, const char *of, size_t n)
{
    while (n--) {
        buf_u8(b, (uint8_t)of[pick(seed, strlen(of))]);
    }
}

/* '9' in a pattern is any digit, 'N' one from 1 to 9; all else stands for itself. */
static void pattern(uint64_t *seed, buf_t *b, const char *p)
{
    for (; *p; p++) {
        if (*p == '9') {
            digits(seed, b, 1);
        } else {
            buf_u8(b, *p == 'N' ? (uint8_t)('1' + pick(seed, 9)) : (uint8_t)*p);
        }
    }
}

size_t family_card(uint64_t *seed, char out[20])
{
    static const struct {
        uint32_t low, high;
        uint8_t prefix, lengths[4];
    } BRANDS[] = {
        {4, 4, 1, {16, 16, 13, 19}},       {51, 55, 2, {16, 16, 16, 16}},
        {2221, 2720, 4, {16, 16, 16, 16}}, {34, 34, 2, {15, 15, 15, 15}},
        {37, 37, 2, {15, 15, 15, 15}},     {3528, 3589, 4, {16, 17, 18, 19}},
        {300, 305, 3, {14, 14, 16, 19}},   {36, 36, 2, {14, 14, 16, 19}},
        {38, 39, 2, {14, 14, 16, 19}},     {6011, 6011, 4, {16, 16, 16, 19}},
        {644, 659, 3, {16, 16, 17, 18}},   {620, 629, 3, {16, 17, 18, 19}},
        {6759, 6759, 4, {16, 16, 18, 19}}, {5018, 5018, 4, {16, 16, 13, 19}},
    };
    size_t brand = pick(seed, BASE_COUNT(BRANDS));
    size_t n = PICK(seed, BRANDS[brand].lengths);
    uint32_t low = BRANDS[brand].low;
    uint64_t prefix = low + pick(seed, BRANDS[brand].high - low + 1);
    buf_t b = buf_on(out, 20);
    buf_dec_pad(&b, prefix, BRANDS[brand].prefix);
    digits(seed, &b, n - BRANDS[brand].prefix - 1);
    unsigned sum = 0;
    for (size_t i = 0; i < n - 1; i++) {
        unsigned d = (unsigned)(out[i] - '0') * ((n - i) % 2 ? 1 : 2);
        sum += d > 9 ? d - 9 : d;
    }
    out[n - 1] = (char)('0' + (10 - sum % 10) % 10);
    return n;
}

/* Sizes of the groups; returns how many. */
static size_t grouping(uint64_t *seed, size_t n, size_t *sizes, const char **ret_form)
{
    size_t count = 0, left = n, most = 4;
    uint64_t kind = pick(seed, 20);
    if (kind < 8) {
        *ret_form = "as printed";
        static const size_t AMEX[] = {4, 6, 5}, DINERS[] = {4, 6, 4};
        if (n == 14 || n == 15) {
            memcpy(sizes, n == 15 ? AMEX : DINERS, sizeof AMEX);
            return 3;
        }
    } else if (kind < 11) {
        *ret_form = "solid";
        most = n;
    } else if (kind < 14) {
        *ret_form = "single digits";
        most = 1;
    } else if (kind < 16) {
        *ret_form = "even groups";
        most = 2 + pick(seed, 5);
    } else {
        *ret_form = "any groups";
        most = 0;
    }
    uint64_t widest = 2 + pick(seed, 6);
    while (left) {
        size_t size = most ? most : 1 + pick(seed, widest);
        sizes[count] = size < left ? size : left;
        left -= sizes[count++];
    }
    return count;
}

static void script_digit(uint64_t *seed, buf_t *b, unsigned script, unsigned value)
{
    static const uint32_t ZEROS[] = {'0',    '0',    '0',    0xFF10,  0xFF10, 0x0660,
                                     0x06F0, 0x0966, 0x0E50, 0x1D7CE, 0x17E0, 0x1810};
    if (script == BASE_COUNT(ZEROS)) {
        script = (unsigned)pick(seed, 2) * 3; /* mixed ASCII and full-width */
    }
    buf_utf8(b, ZEROS[script] + value);
}

static const char *const SEPS[] = {
    " ",      "-",      ".",      "/",      "_",      ",",      "\n",     "\t",     "\r\n",
    "\u3000", "\u00a0", "\u200b", "\u2009", "\u2003", "\u202f", "\u2060", "\ufeff", "ー",
    "‐",      "\u2011", "–",      "—",      "−",      "－",     "ｰ",      "．",     "／",
    "＿",     "，",     "、",     "・",     "･",      "·",      "•",      "~",      "〜"};

static void separator(uint64_t *seed, buf_t *b, const char *sep)
{
    size_t times = pick(seed, 6) ? 1 : 1 + pick(seed, 3);
    while (times--) {
        buf_cstr(b, sep);
    }
}

void family_disguise(uint64_t *seed, buf_t *out, const char **ret_form)
{
    static const char *const AROUND[][2] = {{"", ""},
                                            {"カード番号は", "です"},
                                            {"カード", "で払います"},
                                            {"card:", ""},
                                            {"card", ""},
                                            {"Card No. ", ""},
                                            {"no", ""},
                                            {"visa", " thanks"},
                                            {"VISA ", " exp 12/27"},
                                            {"番号：", "、期限"},
                                            {"my card is ", "\nThank you"},
                                            {"「", "」"},
                                            {"(", ")"},
                                            {"\"", "\""},
                                            {"#", ""},
                                            {"cc=", "&x=1"},
                                            {"card number: ", " 12/27 123"},
                                            {"ｶｰﾄﾞ", ""},
                                            {"Tel 03-1234-5678 card ", ""},
                                            {"090-1234-5678 ", ""},
                                            {"5/3出発 ", " 2名"},
                                            {"", " 2026-11-22"}};
    char number[20];
    size_t n = family_card(seed, number), sizes[20], at = 0;
    size_t groups = grouping(seed, n, sizes, ret_form);
    size_t around = pick(seed, BASE_COUNT(AROUND));
    unsigned script = (unsigned)pick(seed, 13);
    const char *sep = PICK(seed, SEPS);
    bool mixed = pick(seed, 4) == 0;
    buf_cstr(out, AROUND[around][0]);
    for (size_t g = 0; g < groups; g++) {
        if (g) {
            separator(seed, out, mixed ? PICK(seed, SEPS) : sep);
        }
        for (size_t i = 0; i < sizes[g]; i++, at++) {
            script_digit(seed, out, script, (unsigned)(number[at] - '0'));
        }
    }
    buf_cstr(out, AROUND[around][1]);
}

static void phone(uint64_t *seed, buf_t *b)
{
    static const char *const NUMBERS[] = {"090 9999 9999", "080 9999 9999", "070 9999 9999",
                                          "03 N999 9999",  "06 N999 9999",  "0120 999 999",
                                          "0NN 999 9999",  "0NNN 99 9999",  "050 9999 9999"};
    static const char *const FORMS[] = {"-", "", " ", ".", "－", "‐", "()", "+", "++", "00", "010"};
    uint8_t mem[32];
    buf_t p = BUF_ON_ARRAY(mem);
    pattern(seed, &p, PICK(seed, NUMBERS));
    const char *form = PICK(seed, FORMS);
    slice_t rest = buf_slice(&p), part;
    bool abroad = form[0] == '+' || form[0] == '0';
    if (abroad) {
        buf_cstr(b, form[0] == '+' ? "+81" : form[1] == '0' ? "0081-" : "010-81-");
        buf_cstr(b, strcmp(form, "+") == 0 ? "-" : "");
        rest = slice_from(rest, 1);
    }
    for (size_t i = 0; slice_split(&rest, ' ', &part); i++) {
        if (i && !abroad) {
            buf_cstr(b, form[0] != '(' ? form : i == 1 ? "(" : ")");
        } else if (i && strcmp(form, "++") != 0) {
            buf_cstr(b, "-");
        }
        buf_put(b, part);
    }
}

static void date(uint64_t *seed, buf_t *b)
{
    uint64_t y = 1940 + pick(seed, 95), m = 1 + pick(seed, 12), d = 1 + pick(seed, 28);
    uint64_t form = pick(seed, 6);
    const char *sep = form == 1 || form == 3 ? "/" : form == 4 ? "." : form == 5 ? "" : "-";
    bool year_last = form == 2 || form == 3;
    buf_dec_pad(b, year_last ? d : y, year_last ? 2 : 4);
    buf_cstr(b, sep);
    buf_dec_pad(b, m, 2);
    buf_cstr(b, sep);
    buf_dec_pad(b, year_last ? y : d, year_last ? 4 : 2);
}

static void between(uint64_t *seed, buf_t *b)
{
    static const char *const BETWEEN[] = {" ",  ", ", "/",  " / ", "\n",
                                          "、", "・", "　", " - ", " または "};
    buf_cstr(b, PICK(seed, BETWEEN));
}

static void amounts(uint64_t *seed, buf_t *b)
{
    static const char *const BETWEEN[] = {" ", "/", " / ", ", ", "、", "\n", "～", "・", "-", "\t"};
    static const char *const FORMS[] = {"", "", "円", "¥"};
    const char *sep = PICK(seed, BETWEEN), *form = PICK(seed, FORMS);
    bool plain = pick(seed, 3) == 0;
    for (uint64_t i = 0, n = 2 + pick(seed, 6); i < n; i++) {
        uint64_t yen = (10 + pick(seed, 900)) * 100 - (plain ? 0 : pick(seed, 2) * 20);
        buf_cstr(b, i ? sep : "");
        buf_cstr(b, form[0] == '\xc2' ? form : "");
        if (plain || yen < 1000) {
            buf_dec(b, (int64_t)yen);
        } else {
            buf_dec(b, (int64_t)yen / 1000);
            buf_u8(b, ',');
            buf_dec_pad(b, yen % 1000, 3);
        }
        buf_cstr(b, form[0] == '\xe5' ? form : "");
    }
}

static void hex(uint64_t *seed, buf_t *b, size_t n)
{
    letters(seed, b, "0123456789abcdef", n);
}

static void uuid(uint64_t *seed, buf_t *b)
{
    static const size_t PARTS[] = {8, 4, 4, 4, 12};
    for (size_t i = 0; i < 5; i++) {
        buf_cstr(b, i ? "-" : "");
        hex(seed, b, PARTS[i]);
    }
}

/* 13 digits with an EAN check digit. */
static void ean(uint64_t *seed, buf_t *b, const char *prefix)
{
    size_t at = b->len;
    buf_cstr(b, prefix);
    digits(seed, b, 12 - strlen(prefix));
    unsigned sum = 0;
    for (size_t i = 0; i < 12 && !b->full; i++) {
        sum += (unsigned)(b->ptr[at + i] - '0') * (i % 2 ? 3 : 1);
    }
    buf_u8(b, (uint8_t)('0' + (10 - sum % 10) % 10));
}

static const char BASE36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* A long run of digits inside an id. */
static void glued(uint64_t *seed, buf_t *b)
{
    bool is_hex = pick(seed, 2);
    const char *of = is_hex ? "abcdef" : BASE36 + 10;
    letters(seed, b, is_hex ? "0123456789abcdef" : BASE36, pick(seed, 8));
    letters(seed, b, of, 1);
    digits(seed, b, 13 + pick(seed, 7));
    letters(seed, b, of, 1);
    letters(seed, b, is_hex ? "0123456789abcdef" : BASE36, pick(seed, 8));
}

static const char *const NAMES[FAMILY_COUNT] = {"telephone",
                                                "two telephones",
                                                "booking number",
                                                "booking and telephone",
                                                "passport",
                                                "ANA mileage",
                                                "JAL mileage",
                                                "UUID",
                                                "date",
                                                "date and time",
                                                "two dates",
                                                "RFC 3339",
                                                "time stamp",
                                                "postal and telephone",
                                                "provider id",
                                                "prefixed id",
                                                "SHA-256",
                                                "JAN",
                                                "ISBN",
                                                "My Number",
                                                "bank account",
                                                "amounts",
                                                "digits in an id",
                                                "very long digits",
                                                "address of a machine",
                                                "place"};

const char *family_name(size_t family)
{
    return NAMES[family];
}

static void numbers(size_t family, uint64_t *seed, buf_t *b)
{
    static const char *const BOOKINGS[] = {"99999999",          "9999999999",     "999999999999",
                                           "SKS-20261122-9999", "N999-9999-9999", "RSV9999999",
                                           "999-9999999",       "No.999999",      "2026-99999999"};
    static const char *const PASSPORTS[] = {"TR9999999", "TK9999999", "MZ9999999 TZ9999999",
                                            "999999999"};
    static const char *const ANA[] = {"9999999999", "9999-999-999", "ANA 9999 999 999",
                                      "AMC9999999999"};
    static const char *const JAL[] = {"9999999", "999999999", "JAL 999 999 999", "JMB999999999"};
    static const char *const MINE[] = {"999999999999", "9999 9999 9999", "9999-9999-9999"};
    static const char *const BANKS[] = {"9999999",           "9999-999-9999999", "9999 999 9999999",
                                        "999-9999999",       "1N999-99999991",   "普通 9999999",
                                        "0N99-999-1-9999999"};
    switch (family) {
    case 2:
        pattern(seed, b, PICK(seed, BOOKINGS));
        break;
    case 4:
        pattern(seed, b, PICK(seed, PASSPORTS));
        break;
    case 5:
        pattern(seed, b, PICK(seed, ANA));
        break;
    case 6:
        pattern(seed, b, PICK(seed, JAL));
        break;
    case 19:
        pattern(seed, b, PICK(seed, MINE));
        break;
    default:
        pattern(seed, b, PICK(seed, BANKS));
        break;
    }
}

static void clocks(size_t family, uint64_t *seed, buf_t *b)
{
    static const char *const TIMES[] = {"10:09", "1030", "23:59:59.999999", "10.30", "2359"};
    static const char *const STAMPS[] = {"17999999999",   "1799999999999",   "1799999999.999999",
                                         "2026112210999", "20261122-109999", "1799999999999999"};
    static const char *const ISO[] = {"2026-11-22T10:99:03Z", "2026-11-22T10:02:03.999999+09:00",
                                      "20261122T109999Z"};
    if (family == 11 || family == 12) {
        pattern(seed, b, family == 11 ? PICK(seed, ISO) : PICK(seed, STAMPS));
        return;
    }
    date(seed, b);
    if (family == 9) {
        buf_u8(b, ' ');
        pattern(seed, b, PICK(seed, TIMES));
    } else if (family == 10) {
        buf_cstr(b, pick(seed, 2) ? " - " : "～");
        date(seed, b);
    }
}

static void machines(size_t family, uint64_t *seed, buf_t *b)
{
    if (family == 24) {
        for (size_t i = 0; i < 8; i++) {
            buf_cstr(b, i == 0 ? "" : i == 4 ? " " : ".");
            buf_dec(b, (int64_t)pick(seed, 256));
        }
    } else {
        buf_dec(b, 24 + (int64_t)pick(seed, 20));
        pattern(seed, b, ".999999, 1");
        buf_dec(b, 23 + (int64_t)pick(seed, 20));
        pattern(seed, b, ".999999");
    }
}

void family_benign(size_t family, uint64_t *seed, buf_t *b)
{
    switch (family) {
    case 0:
        phone(seed, b);
        break;
    case 1:
        phone(seed, b);
        between(seed, b);
        phone(seed, b);
        break;
    case 3:
        pattern(seed, b, pick(seed, 2) ? "99999999" : "9999999");
        between(seed, b);
        phone(seed, b);
        break;
    case 7:
        uuid(seed, b);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
        clocks(family, seed, b);
        break;
    case 13:
        pattern(seed, b, pick(seed, 2) ? "〒999-9999" : "999-9999");
        between(seed, b);
        phone(seed, b);
        break;
    case 14:
        letters(seed, b, BASE36, 25);
        break;
    case 15:
        buf_cstr(b, pick(seed, 2) ? "pi_" : "evt_");
        letters(seed, b, BASE36, 24);
        break;
    case 16:
        hex(seed, b, 64);
        break;
    case 17:
        ean(seed, b, pick(seed, 2) ? "49" : "45");
        break;
    case 18:
        ean(seed, b, "978");
        break;
    case 21:
        amounts(seed, b);
        break;
    case 22:
        glued(seed, b);
        break;
    case 23:
        digits(seed, b, 20 + pick(seed, 20));
        break;
    case 24:
    case 25:
        machines(family, seed, b);
        break;
    default:
        numbers(family, seed, b);
        break;
    }
}
