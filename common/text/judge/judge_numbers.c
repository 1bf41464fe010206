/* Words of the forms: telephone numbers, and the numbers that carry check digits of their own
 * schemes. Sources stand beside each. */
#include "judge.h"

/* --- Telephones: Japan's numbering plan (総務省), E.164 for +81 --- */

typedef struct phone {
    char area[8], mid[8], line[8]; /* with the leading 0 */
} phone_t;

/* A area with 0, a area without, M middle, L last four; all else stands for itself. */
static const char *const HOME_STYLES[] = {
    "A-M-L",  "A-M-L",   "A-M-L",   "A-M-L",    "AML",   "AML",     "AML",     "A M L", "A(M)L",
    "(A)M-L", "(A) M-L", "A（M）L", "（A）M-L", "A.M.L", "A－M－L", "AーMーL", "A‐M‐L", "A−M−L",
    "A–M–L",  "A・M・L", "A M-L",   "A-ML",     "A/M/L", "A_M_L",   "A　M　L", NULL,
};
static const char *const WORLD_STYLES[] = {
    "+81-a-M-L", "+81aML",     "+81 a M L",    "+81 a-M-L", "+81 (0)a-M-L", "+81(0)aML",
    "81-a-M-L",  "0081 a M L", "010-81-a-M-L", "+81.a.M.L", "+81 (a) M L",  "tel:+81-a-M-L",
    "+81 aML",   "81aML",      "＋８１-a-M-L", NULL,
};

static void phone_put(const phone_t *phone, slice_t style, buf_t *out)
{
    for (size_t i = 0; i < style.len; i++) {
        switch (style.ptr[i]) {
        case 'A':
            buf_cstr(out, phone->area);
            break;
        case 'a':
            buf_cstr(out, phone->area + 1);
            break;
        case 'M':
            buf_cstr(out, phone->mid);
            break;
        case 'L':
            buf_cstr(out, phone->line);
            break;
        default:
            buf_u8(out, style.ptr[i]);
        }
    }
}

static void part(rng_t *r, const char *form, char out[8])
{
    buf_t b = buf_on(out, 7);
    form_put(r, form, &b);
    CHECK(!b.full);
    out[b.len] = 0;
}

static phone_t phone_of(rng_t *r, const char *area, const char *mid, const char *line)
{
    phone_t phone;
    part(r, area, phone.area);
    part(r, mid, phone.mid);
    part(r, line, phone.line);
    return phone;
}

static phone_t mobile_of(rng_t *r)
{
    return phone_of(r, "0[7889999]0", "!###", "####");
}

static phone_t fixed_of(rng_t *r)
{
    static const struct {
        const char *area, *mid;
    } AREAS[] = {
        {"03", "[3456]###"},  {"03", "[3456]###"},  {"03", "[3456]###"},    {"06", "[4567]###"},
        {"06", "[4567]###"},  {"04", "[27]###"},    {"011", "[2345678]##"}, {"011", "[2345678]##"},
        {"022", "[237]##"},   {"025", "[23]##"},    {"043", "[23]##"},      {"045", "[23456789]##"},
        {"048", "[678]##"},   {"052", "[25679]##"}, {"054", "[2]##"},       {"075", "[23456789]##"},
        {"076", "[2]##"},     {"078", "[23]##"},    {"082", "[25]##"},      {"092", "[4578]##"},
        {"096", "[3]##"},     {"098", "[89]##"},    {"0123", "[234]#"},     {"0138", "[235]#"},
        {"0154", "[234]#"},   {"0166", "[2356]#"},  {"0263", "[2345]#"},    {"0467", "[2346]#"},
        {"0557", "[34568]#"}, {"0742", "[2346]#"},  {"0980", "[4578]#"},    {"01654", "#"},
    };
    size_t i = rng_below(r, BASE_COUNT(AREAS));
    return phone_of(r, AREAS[i].area, AREAS[i].mid, "####");
}

static void phone_in(rng_t *r, phone_t phone, slice_t style, bool abroad, buf_t *out)
{
    if (!style.len) {
        style = slice_cstr_in(form_pick(r, abroad ? WORLD_STYLES : HOME_STYLES));
    }
    phone_put(&phone, style, out);
}
static void w_mobile(rng_t *r, slice_t arg, buf_t *out)
{
    phone_in(r, mobile_of(r), arg, false, out);
}
static void w_fixed(rng_t *r, slice_t arg, buf_t *out)
{
    phone_in(r, fixed_of(r), arg, false, out);
}
static void w_phone(rng_t *r, slice_t arg, buf_t *out)
{
    phone_in(r, rng_percent(r, 65) ? mobile_of(r) : fixed_of(r), arg, false, out);
}
static void w_world(rng_t *r, slice_t arg, buf_t *out)
{
    phone_in(r, rng_percent(r, 70) ? mobile_of(r) : fixed_of(r), arg, true, out);
}

/* --- Numbers with check digits --- */

/* d in the style takes the next digit; no style = all digits as they are. */
static void styled(const char *digits, slice_t style, buf_t *out)
{
    if (!style.len) {
        buf_cstr(out, digits);
        return;
    }
    for (size_t i = 0; i < style.len; i++) {
        buf_u8(out, style.ptr[i] == 'd' ? (uint8_t)*digits++ : style.ptr[i]);
    }
}

typedef char digits_t[20];

static void digits_of(rng_t *r, const char *form, digits_t out)
{
    buf_t b = buf_on(out, sizeof(digits_t) - 2);
    form_put(r, form, &b);
    CHECK(!b.full);
    out[b.len] = 0;
}

static void append(char *digits, unsigned digit)
{
    size_t len = strlen(digits);
    digits[len] = (char)('0' + digit);
    digits[len + 1] = 0;
}

static const char *join(char *digits, const char *more)
{
    for (; *more; more++) {
        append(digits, (unsigned)(*more - '0'));
    }
    return digits;
}

static unsigned mod_of(const char *digits, unsigned modulus)
{
    unsigned rest = 0;
    for (; *digits; digits++) {
        rest = (rest * 10 + (unsigned)(*digits - '0')) % modulus;
    }
    return rest;
}

/* 個人番号: 番号法施行令第8条の規定による省令 (平成26年総務省令第85号) 5条, weights 2 to 7. */
static void w_mynumber(rng_t *r, slice_t arg, buf_t *out)
{
    digits_t d;
    digits_of(r, "{#11}", d);
    unsigned sum = 0;
    for (unsigned n = 1; n <= 11; n++) {
        sum += (unsigned)(d[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
    }
    append(d, sum % 11 <= 1 ? 0 : 11 - sum % 11);
    styled(d, arg, out);
}

/* 法人番号: check digit first (財務省令 平成26年第70号), then registry office 4 + kind 2 + 6 digits
 * (商業登記規則1条の2). More than half of all stand at Tokyo's offices. */
static void w_corporate(rng_t *r, slice_t arg, buf_t *out)
{
    digits_t base, whole = "";
    digits_of(r,
              rng_percent(r, 55) ? "01[01][0123456789]0[111235][012]#####"
                                 : "[012345]#0[0123]0[111235]0[0123]####",
              base);
    unsigned sum = 0;
    for (unsigned n = 1; n <= 12; n++) {
        sum += (unsigned)(base[12 - n] - '0') * (n % 2 ? 1 : 2);
    }
    append(whole, 9 - sum % 9);
    styled(join(whole, base), arg, out);
}

/* ISBN-13, JAN-13 (GS1 General Specifications 7.9): weights 1, 3. {gtin} = ISBN, {gtin:jan} = JAN.
 */
static void w_gtin(rng_t *r, slice_t arg, buf_t *out)
{
    digits_t d;
    digits_of(r, arg.len ? "4[59]{#10}" : rng_percent(r, 85) ? "9784{#8}" : "978[01]{#8}", d);
    unsigned sum = 0;
    for (unsigned i = 0; i < 12; i++) {
        sum += (unsigned)(d[i] - '0') * (i % 2 ? 3 : 1);
    }
    append(d, (10 - sum % 10) % 10);
    bool hyphens = !arg.len && rng_percent(r, 50);
    styled(d, hyphens ? SLICE("ddd-d-dd-dddddd-d") : SLICE_EMPTY, out);
}

/* Parcel numbers of Yamato, Sagawa and Japan Post: 11 digits and their remainder by 7. */
static void w_parcel(rng_t *r, slice_t arg, buf_t *out)
{
    digits_t d;
    digits_of(r, "[12334456]{#10}", d);
    append(d, mod_of(d, 7));
    styled(d, arg, out);
}

/* IATA ticket: airline's 3-digit accounting code, form and serial of 10; a 14th digit = remainder
 * of the serial by 7. A Japanese agency's mix: home carriers mostly. */
static void w_ticket(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const CODES[] = {
        "001", "006", "014", "016", "018", "043", "055", "057", "074", "075", "079", "080", "081",
        "086", "098", "105", "117", "125", "126", "157", "160", "173", "176", "180", "217", "220",
        "229", "232", "235", "257", "297", "421", "465", "479", "555", "607", "618", "695", "718",
        "724", "731", "738", "781", "784", "807", "826", "851", "876", "880", "988", "999", NULL,
    };
    digits_t d, serial;
    digits_of(r,
              rng_percent(r, 35)   ? "131"
              : rng_percent(r, 54) ? "205"
              : rng_percent(r, 92) ? form_pick(r, CODES)
                                   : "###",
              d);
    digits_of(r, "[12257788]{#9}", serial);
    styled(join(d, serial), arg, out);
    if (arg.len && rng_percent(r, 5)) {
        buf_u8(out, '-');
        buf_u8(out, (uint8_t)('0' + mod_of(serial, 7)));
    }
}

/* --- Places --- */

/* {gps:7}: latitude and longitude with so many decimals, near a city that people travel to. */
static void w_gps(rng_t *r, slice_t arg, buf_t *out)
{
    static const struct {
        unsigned lat, lon; /* hundred-thousandths of a degree */
    } CITIES[] = {
        {3568123, 13976712}, {3568123, 13976712}, {3544373, 13963803}, {4306869, 14135075},
        {3470248, 13549595}, {3501163, 13576803}, {2621242, 12767919}, {3359010, 13040171},
        {3523246, 13910693}, {4176879, 14072881}, {3656132, 13665620}, {2503297, 12156541},
        {3756653, 12697796}, {4885661, 235222},   {133967, 10385183},
    };
    size_t i = rng_below(r, BASE_COUNT(CITIES));
    unsigned decimals = (unsigned)(arg.ptr[0] - '0');
    static const char *const BETWEEN[] = {",", ",", ", ", ", ", ", ", " ", NULL};
    const char *between = form_pick(r, BETWEEN);
    for (unsigned axis = 0; axis < 2; axis++) {
        unsigned value = (axis ? CITIES[i].lon : CITIES[i].lat) + rng_below(r, 8000);
        char digits[24];
        buf_t b = BUF_ON_ARRAY(digits);
        buf_dec_pad(&b, value % 100000, 5);
        form_put(r, "{#10}", &b);
        buf_cstr(out, axis ? between : "");
        buf_dec(out, value / 100000);
        buf_u8(out, '.');
        buf_put(out, slice_sub(buf_slice(&b), 0, decimals));
    }
}

static const kind_t ROWS[] = {
    {"mobile", .make = w_mobile},
    {"fixed", .make = w_fixed},
    {"phone", .make = w_phone},
    {"world", .make = w_world},
    {"tollfree", .forms = FORMS("0120-###-###", "0120######", "0120-##-####", "0800-!##-####",
                                "0570-###-###", "0570-##-####", "050-[135]###-####", "0120 ### ###",
                                "0120（###）###", "フリーダイヤル 0120-###-###")},
    {"mynumber", .make = w_mynumber},
    {"corporate", .make = w_corporate},
    {"gtin", .make = w_gtin},
    {"parcel", .make = w_parcel},
    {"ticket", .make = w_ticket},
    {"gps", .make = w_gps},
    {"postal", .forms = FORMS("〒{zip}", "{zip}", "〒 {zip}", "〒[0123456789]######")},
    {"zip", .forms = FORMS("0[0456]#-00##", "1##-00##", "[23456789]##-####", "[1569]##-0###")},
    {"town",
     .forms = FORMS("東京都千代田区丸の内", "北海道札幌市中央区北", "大阪府大阪市北区梅田",
                    "神奈川県横浜市西区みなとみらい", "京都府京都市下京区",
                    "沖縄県那覇市おもろまち", "愛知県名古屋市中村区名駅", "福岡県福岡市博多区")},
    {"block", .forms = FORMS("!-!#-!", "!丁目!#番!号", "!-!-!#", "!#-!", "!-!#-!#", "###番地",
                             "!条西!#丁目!-!#", "!ー!#ー!", "!#!#-!")},
    {"rooms", .forms = FORMS("", "", " {small}F", " ###号室", " サンハイツ###", " コーポ山田 ###",
                             " マンション{small}-!##", " ###", "-!##", " タワー{small}階!###")},
    {"docdigits", .forms = FORMS("T[RSZH]{#7}", "TR{#7}", "TR{#7}", "M[ZXUR]{#7}", "TK{#7}")},
};

const kinds_t NUMBER_WORDS = KINDS("number words", ROWS);
