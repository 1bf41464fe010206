/* Past the bounds: issuers and spellings that the issue does not name. Counted so that whoever
 * widens the detector sees what it finds today; nothing here is judged. */
#include "judge.h"

#include "text/b64.h"

static uint8_t pan_memory[64];

static slice_t pan(rng_t *r, const char *const *forms)
{
    static const char *const ANY[] = {"4{#14}", "5[12345]{#13}", "35[345678]{#12}", "37{#12}",
                                      NULL};
    buf_t b = BUF_ON_ARRAY(pan_memory);
    pan_put(r, forms ? forms : ANY, &b);
    CHECK(!b.full);
    return buf_slice(&b);
}

/* Each digit by a table of ten spellings, then what stands between the groups of four. */
static void spelled(rng_t *r, const char *const ten[10], const char *between, buf_t *out)
{
    slice_t digits = pan(r, NULL);
    for (size_t i = 0; i < digits.len; i++) {
        buf_cstr(out, i && i % 4 == 0 ? between : "");
        if (ten) {
            buf_cstr(out, ten[digits.ptr[i] - '0']);
        } else {
            buf_u8(out, digits.ptr[i]);
        }
    }
}

static void kanji(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"};
    spelled(r, TEN, rng_percent(r, 50) ? "" : " ", out);
}
static void circled(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"⓪", "①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨"};
    spelled(r, TEN, "", out);
}
static void superscript(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const UP[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    static const char *const LOW[] = {"₀", "₁", "₂", "₃", "₄", "₅", "₆", "₇", "₈", "₉"};
    spelled(r, rng_percent(r, 50) ? UP : LOW, "", out);
}
static void keycap(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {
        "0\ufe0f\u20e3", "1\ufe0f\u20e3", "2\ufe0f\u20e3", "3\ufe0f\u20e3", "4\ufe0f\u20e3",
        "5\ufe0f\u20e3", "6\ufe0f\u20e3", "7\ufe0f\u20e3", "8\ufe0f\u20e3", "9\ufe0f\u20e3"};
    spelled(r, TEN, rng_percent(r, 50) ? "" : " ", out);
}
static void letters(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"O", "l", "2", "3", "4", "5", "6", "7", "8", "9"};
    spelled(r, TEN, rng_percent(r, 50) ? "" : "-", out);
}
static void hex_escape(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"\\x30", "\\x31", "\\x32", "\\x33", "\\x34",
                                      "\\x35", "\\x36", "\\x37", "\\x38", "\\x39"};
    spelled(r, TEN, "", out);
}
static void open_entity(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"&#48", "&#49", "&#50", "&#51", "&#52",
                                      "&#53", "&#54", "&#55", "&#56", "&#57"};
    spelled(r, TEN, "", out);
}
static void quoted(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"=30", "=31", "=32", "=33", "=34",
                                      "=35", "=36", "=37", "=38", "=39"};
    spelled(r, TEN, "", out);
}
static void percent_u(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"%u0030", "%u0031", "%u0032", "%u0033", "%u0034",
                                      "%u0035", "%u0036", "%u0037", "%u0038", "%u0039"};
    spelled(r, TEN, "", out);
}
static void english(rng_t *r, slice_t arg, buf_t *out)
{
    static const char *const TEN[] = {"zero ", "one ", "two ",   "three ", "four ",
                                      "five ", "six ", "seven ", "eight ", "nine "};
    spelled(r, TEN, "", out);
}
static void tags(rng_t *r, slice_t arg, buf_t *out)
{
    spelled(r, NULL, rng_percent(r, 50) ? "<b></b>" : "<br>", out);
}
static void entities(rng_t *r, slice_t arg, buf_t *out)
{
    spelled(r, NULL, rng_percent(r, 50) ? "&nbsp;" : "&#8203;", out);
}
static void words_between(rng_t *r, slice_t arg, buf_t *out)
{
    spelled(r, NULL, form_pick(r, FORMS("の", " then ", " and ", "、次に")), out);
}
static void signs(rng_t *r, slice_t arg, buf_t *out)
{
    spelled(r, NULL,
            form_pick(r, FORMS(":", ";", "+", "*", "=", "|", "\\", "#", "'", "!", "&", "：", "｜")),
            out);
}
static void kanji_one(rng_t *r, slice_t arg, buf_t *out)
{
    spelled(r, NULL, "一", out);
}
static void labelled(rng_t *r, slice_t arg, buf_t *out)
{
    slice_t d = pan(r, FORMS("4{#14}"));
    for (unsigned i = 0; i < 4; i++) {
        buf_u8(out, (uint8_t)('1' + i));
        buf_cstr(out, "番目:");
        buf_put(out, slice_sub(d, i * 4, 4));
        buf_u8(out, ' ');
    }
}
static void backwards(rng_t *r, slice_t arg, buf_t *out)
{
    slice_t d = pan(r, NULL);
    for (size_t i = d.len; i-- > 0;) {
        buf_u8(out, d.ptr[i]);
    }
}
static void base64_inside(rng_t *r, slice_t arg, buf_t *out)
{
    buf_cstr(out, "カードは ");
    b64_put(out, pan(r, NULL));
    buf_cstr(out, " です");
}
static void base64_twice(rng_t *r, slice_t arg, buf_t *out)
{
    uint8_t memory[64];
    buf_t b = BUF_ON_ARRAY(memory);
    b64_put(&b, pan(r, NULL));
    b64_put(out, buf_slice(&b));
}
static void utf16_base64(rng_t *r, slice_t arg, buf_t *out)
{
    uint8_t memory[64];
    buf_t b = BUF_ON_ARRAY(memory);
    slice_t d = pan(r, NULL);
    for (size_t i = 0; i < d.len; i++) {
        buf_u16(&b, d.ptr[i]);
    }
    b64_put(out, buf_slice(&b));
}
static void hex_whole(rng_t *r, slice_t arg, buf_t *out)
{
    buf_hex(out, pan(r, NULL));
}
static void glued_expiry(rng_t *r, slice_t arg, buf_t *out)
{
    buf_put(out, pan(r, NULL));
    form_put(r, "{mm}{yy}{cvc}", out);
}
static void between_letters(rng_t *r, slice_t arg, buf_t *out)
{
    form_put(r, form_pick(r, FORMS("^^", "^", "^^^^")), out);
    buf_put(out, pan(r, NULL));
    form_put(r, form_pick(r, FORMS("^", "^^", "^^^^")), out);
}
static void glued_digits(rng_t *r, slice_t arg, buf_t *out)
{
    form_put(r, "{#3}", out);
    buf_put(out, pan(r, NULL));
    form_put(r, "{#3}", out);
}

#define ISSUER(name, ...)                                                                          \
    static void name(rng_t *r, slice_t arg, buf_t *out)                                            \
    {                                                                                              \
        buf_put(out, pan(r, FORMS(__VA_ARGS__)));                                                  \
    }
ISSUER(maestro_long, "50{#14}", "5[678]{#14}", "63{#14}", "67{#14}", "67{#17}", "5[678]{#16}")
ISSUER(maestro_short, "50{#10}", "67{#11}", "5[678]{#12}")
ISSUER(jcb_long, "35[345678]{#13}", "35[345678]{#14}", "35[345678]{#15}")
ISSUER(discover_long, "6011{#13}", "6011{#15}", "65{#16}", "64[456789]{#15}")
ISSUER(diners_long, "36{#13}", "30[012345]{#12}", "3[89]{#13}", "36{#16}")
ISSUER(visa_18, "4{#16}")
ISSUER(unionpay_81, "81[01234567]{#12}")
ISSUER(unionpay_other, "62[134789]{#12}", "62[134789]{#15}")
ISSUER(mir, "220[01234]{#11}")
ISSUER(jcb_old, "2131{#10}", "1800{#10}")
ISSUER(uatp, "1{#13}")

static const kind_t CARD_ROWS[] = {
    {"Maestro 16-19", .make = maestro_long},
    {"Maestro 13-15", .make = maestro_short},
    {"JCB 17-19", .make = jcb_long},
    {"Discover 17-19", .make = discover_long},
    {"Diners 15-19", .make = diners_long},
    {"Visa 18", .make = visa_18},
    {"UnionPay 81", .make = unionpay_81},
    {"UnionPay, rest of 62", .make = unionpay_other},
    {"Mir 2200-2204", .make = mir},
    {"JCB of old (2131, 1800)", .make = jcb_old},
    {"UATP (1, 15 digits)", .make = uatp},
    {"kanji digits", .make = kanji},
    {"circled digits", .make = circled},
    {"super- and subscript", .make = superscript},
    {"keycap emoji", .make = keycap},
    {"O and l for 0 and 1", .make = letters},
    {"English words", .make = english},
    {"other signs between", .make = signs},
    {"words between", .make = words_between},
    {"kanji one between", .make = kanji_one},
    {"each group labelled", .make = labelled},
    {"tags between", .make = tags},
    {"named HTML entity between", .make = entities},
    {"HTML entity without ;", .make = open_entity},
    {"\\xNN", .make = hex_escape},
    {"%uNNNN", .make = percent_u},
    {"quoted-printable", .make = quoted},
    {"base64 within a sentence", .make = base64_inside},
    {"base64 twice", .make = base64_twice},
    {"base64 of UTF-16", .make = utf16_base64},
    {"hex of the value", .make = hex_whole},
    {"expiry and code glued on", .make = glued_expiry},
    {"within letters", .make = between_letters},
    {"within a longer run", .make = glued_digits},
    {"backwards", .make = backwards},
};

const kinds_t BEYOND_CARDS = KINDS("cards", CARD_ROWS);

static const kind_t BENIGN_ROWS[] = {
    {"16 random digits", .forms = FORMS("{#16}", "{#4}-{#4}-{#4}-{#4}")},
    {"14 random digits", .forms = FORMS("{#14}")},
    {"20-28 random digits", .forms = FORMS("{#20}", "{#24}", "{#28}")},
    {"nanaco, WAON, points",
     .forms = FORMS("7600{#12}", "6900{#12}", "6900 {#4} {#4} {#4}", "1000{#12}")},
    {"Visa-like, wrong length", .forms = FORMS("4{#13}", "4{#14}", "5[12345]{#12}", "37{#14}")},
    {"JAN alone", .forms = FORMS("{gtin:jan}")},
    {"corporate number alone", .forms = FORMS("{corporate}")},
    {"GPS with 7 decimals", .forms = FORMS("{gps:7}")},
    {"dates d/m/Y side by side", .forms = FORMS("{day:d/m/Y} {day:d/m/Y}")},
};

const kinds_t BEYOND_BENIGN = KINDS("numbers", BENIGN_ROWS);
