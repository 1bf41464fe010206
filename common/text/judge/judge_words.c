/* Words of the forms: names, dates, places, money, machine text. Those with check digits and
 * notations of their own stand in judge_numbers.c. */
#include "judge.h"

#include "base/id.h"
#include "text/b64.h"

typedef struct day {
    unsigned year, month, day;
} day_t;

static day_t day_between(rng_t *r, unsigned first_year, unsigned last_year)
{
    static const unsigned LENGTH[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = rng_between(r, first_year, last_year), month = rng_below(r, 12);
    return (day_t){year, month + 1, rng_between(r, 1, LENGTH[month])};
}

/* Y year, y its last two digits, E Japanese era, m d with zero, M D without, b English month. */
static void day_put(day_t day, slice_t arg, buf_t *out)
{
    static const char *const MONTH[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (size_t i = 0; i < arg.len; i++) {
        switch (arg.ptr[i]) {
        case 'Y':
            buf_dec(out, day.year);
            break;
        case 'y':
            buf_dec_pad(out, day.year % 100, 2);
            break;
        case 'E':
            buf_cstr(out, day.year > 2019 ? "令和" : day.year > 1989 ? "平成" : "昭和");
            buf_dec(out, day.year - (day.year > 2019 ? 2018 : day.year > 1989 ? 1988 : 1925));
            break;
        case 'm':
            buf_dec_pad(out, day.month, 2);
            break;
        case 'M':
            buf_dec(out, day.month);
            break;
        case 'b':
            buf_cstr(out, MONTH[day.month - 1]);
            break;
        case 'd':
            buf_dec_pad(out, day.day, 2);
            break;
        case 'D':
            buf_dec(out, day.day);
            break;
        default:
            buf_u8(out, arg.ptr[i]);
        }
    }
}

static void w_day(rng_t *r, slice_t arg, buf_t *out)
{
    day_put(day_between(r, 2024, 2028), arg, out);
}
static void w_born(rng_t *r, slice_t arg, buf_t *out)
{
    day_put(day_between(r, 1935, 2022), arg, out);
}
static void w_valid(rng_t *r, slice_t arg, buf_t *out)
{
    day_put(day_between(r, 2026, 2036), arg, out);
}
static void w_hm(rng_t *r, slice_t arg, buf_t *out)
{
    buf_dec_pad(out, rng_below(r, 24), 2);
    buf_u8(out, ':');
    buf_dec_pad(out, rng_below(r, 12) * 5, 2);
}
static void w_hms(rng_t *r, slice_t arg, buf_t *out)
{
    buf_dec_pad(out, rng_below(r, 24), 2);
    buf_put(out, arg.len ? SLICE_EMPTY : SLICE(":"));
    buf_dec_pad(out, rng_below(r, 60), 2);
    buf_put(out, arg.len ? SLICE_EMPTY : SLICE(":"));
    buf_dec_pad(out, rng_below(r, 60), 2);
}
/* Seconds since 1970 in 2024 to 2028, then {#3} for ms and so on. */
static void w_epoch(rng_t *r, slice_t arg, buf_t *out)
{
    buf_dec(out, (int64_t)1704067200 + rng_below(r, 157000000));
}
static void w_mm(rng_t *r, slice_t arg, buf_t *out)
{
    buf_dec_pad(out, rng_between(r, 1, 12), 2);
}
static void w_small(rng_t *r, slice_t arg, buf_t *out)
{
    buf_dec(out, rng_between(r, 1, 30));
}

/* Amounts as shops set them: mostly whole thousands, or ending in 800 or 980. */
static void w_yen(rng_t *r, slice_t arg, buf_t *out)
{
    unsigned thousands = rng_percent(r, 85) ? rng_between(r, 3, 699) : rng_between(r, 700, 2999);
    unsigned rest = rng_percent(r, 60)   ? 0
                    : rng_percent(r, 50) ? rng_below(r, 10) * 100
                    : rng_percent(r, 50) ? 980
                                         : rng_below(r, 1000);
    if (arg.len) { /* {yen:plain} */
        buf_dec(out, thousands * 1000 + rest);
        return;
    }
    if (thousands > 999) {
        buf_dec(out, thousands / 1000);
        buf_u8(out, ',');
        buf_dec_pad(out, thousands % 1000, 3);
    } else {
        buf_dec(out, thousands);
    }
    buf_u8(out, ',');
    buf_dec_pad(out, rest, 3);
}

static void w_sks(rng_t *r, slice_t arg, buf_t *out)
{
    r->pieces++;
    buf_cstr(out, "SKS");
    for (unsigned i = 0; i < 8; i++) {
        buf_put(out, i % 4 ? SLICE_EMPTY : SLICE("-"));
        buf_u8(out, (uint8_t)(ID_ALPHABET[rng_below(r, 16)] - 'a' + 'A'));
    }
}
static void w_id(rng_t *r, slice_t arg, buf_t *out)
{
    r->pieces++;
    buf_id(out, id_new());
}
static void w_token(rng_t *r, slice_t arg, buf_t *out) /* {token} of 16 to 64, {token:32} */
{
    uint64_t count = rng_between(r, 16, 64);
    CHECK(!arg.len || !err_failed(slice_parse_u64(arg, 64, &count)));
    r->pieces++;
    uint8_t *at = buf_room(out, count);
    CHECK(at);
    random_letters((char *)at, count);
}
/* A form's token under a fresh mask: mask, then token xor mask, 32 letters each. */
static void w_masked(rng_t *r, slice_t arg, buf_t *out)
{
    uint8_t token[16], mask[16];
    random_bytes(token, sizeof token);
    random_bytes(mask, sizeof mask);
    for (size_t i = 0; i < 2 * sizeof mask; i++) {
        uint8_t byte = i < sizeof mask ? mask[i] : token[i - sizeof mask] ^ mask[i - sizeof mask];
        buf_u8(out, (uint8_t)ID_ALPHABET[byte >> 4]);
        buf_u8(out, (uint8_t)ID_ALPHABET[byte & 15]);
    }
    r->pieces++;
}

/* {blob:N}: base64 of N random bytes; {blob} of 12 to 300. */
static void w_blob(rng_t *r, slice_t arg, buf_t *out)
{
    uint8_t bytes[512];
    uint64_t count = rng_between(r, 12, 300);
    CHECK(!arg.len || !err_failed(slice_parse_u64(arg, sizeof bytes, &count)));
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)rng_below(r, 256);
    }
    slice_t blob = slice_make(bytes, count);
    rng_percent(r, 70) ? b64_put(out, blob) : b64url_put(out, blob);
}

/* The middle part of a JSON web token. */
static void w_claims(rng_t *r, slice_t arg, buf_t *out)
{
    uint8_t memory[512];
    buf_t json = BUF_ON_ARRAY(memory);
    form_put(r,
             "\\{\"iss\":\"https://"
             "accounts.example.com\",\"sub\":\"{#21}\",\"iat\":{epoch},\"exp\":{epoch}\\}",
             &json);
    b64url_put(out, buf_slice(&json));
}

static const kind_t ROWS[] = {
    {"day", .make = w_day},
    {"born", .make = w_born},
    {"valid", .make = w_valid},
    {"hm", .make = w_hm},
    {"hms", .make = w_hms},
    {"epoch", .make = w_epoch},
    {"mm", .make = w_mm},
    {"yy", .forms = FORMS("26", "27", "28", "29", "30", "31")},
    {"exp", .forms = FORMS("{mm}/{yy}")},
    {"cvc", .forms = FORMS("###", "###", "####")},
    {"small", .make = w_small},
    {"yen", .make = w_yen},
    {"sks", .make = w_sks},
    {"id", .make = w_id},
    {"token", .make = w_token},
    {"masked", .make = w_masked},
    {"blob", .make = w_blob},
    {"claims", .make = w_claims},
    {"kanji", .forms = FORMS("山田太郎", "佐藤花子", "鈴木一郎", "高橋 美咲", "田中　健",
                             "伊藤さくら", "渡辺三郎", "中村 七海", "小林五月", "加藤 千尋")},
    {"Roman", .forms = FORMS("Taro Yamada", "Hanako Sato", "John Smith", "Maria Garcia", "Wei Chen",
                             "Ji-woo Kim", "Emma Brown")},
    {"ROMAN", .forms = FORMS("TARO YAMADA", "HANAKO SATO", "JOHN SMITH", "ICHIRO SUZUKI",
                             "MISAKI TAKAHASHI", "WEI CHEN")},
    {"place", .forms = FORMS("札幌", "函館", "京都", "沖縄", "金沢", "Sapporo", "Kyoto", "ハワイ",
                             "台北", "ソウル")},
    {"hotel", .forms = FORMS("グランドホテル", "温泉旅館 松風", "Hotel Aurora", "リゾートイン")},
    {"domain", .forms = FORMS("example.com", "example.jp", "mail.example.co.jp")},
    {"pnr", .forms = FORMS("^^^^^^", "^^#^^#", "^#^^^^", "##^^^^", "^^^##^")},
    {"uuid4", .forms = FORMS("{~8}-{~4}-4{~3}-[89ab]{~3}-{~12}")},
    {"uuid7", .forms = FORMS("019[0123456789a]{~4}-{~4}-7{~3}-[89ab]{~3}-{~12}",
                             "0190{~4}-{~4}-7{~3}-[89ab]{~3}-{~12}")},
    {"ip", .forms = FORMS("192.168.{small}.{small}", "10.{small}.{small}.1##", "203.0.113.{small}",
                          "1{#2}.{small}.1{#2}.2[01234]#", "2001:db8:{~4}:{~4}::{~4}")},
};

const kinds_t WORDS = KINDS("words", ROWS);

const kind_t *word_find(slice_t name)
{
    const kinds_t *const tables[] = {&WORDS, &NUMBER_WORDS};
    for (size_t t = 0; t < BASE_COUNT(tables); t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            if (slice_eq(name, slice_cstr_in(tables[t]->rows[i].name))) {
                return &tables[t]->rows[i];
            }
        }
    }
    fprintf(stderr, "no such word: {%.*s}\n", SLICE_FMT(name));
    abort();
}
