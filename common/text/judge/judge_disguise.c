/* Set 1: card numbers as people and evaders write them. Brand, digits, grouping, separator, setting
 * and encoding are drawn independently; each is counted by itself. */
#include "judge.h"

/* Issuer ranges: ISO/IEC 7812-1 and what the networks publish. The check digit is added. */
static const kind_t BRANDS[] = {
    {"Visa 16", 26, FORMS("4{#14}")},
    {"Visa 13", 1, FORMS("4{#11}")},
    {"Visa 19", 2, FORMS("4{#17}")},
    {"Mastercard 51-55", 16, FORMS("5[12345]{#13}")},
    {"Mastercard 2221-2720", 8,
     FORMS("222[123456789]{#11}", "22[3456789]{#12}", "2[3456]{#13}", "27[01]{#12}", "2720{#11}")},
    {"Amex", 12, FORMS("34{#12}", "37{#12}")},
    {"JCB 3528-3589", 16, FORMS("352[89]{#11}", "35[345678]{#12}")},
    {"Diners 14", 5, FORMS("30[012345]{#10}", "3095{#9}", "36{#11}", "3[89]{#11}")},
    {"Discover 16", 4, FORMS("6011{#11}", "64[456789]{#12}", "65{#13}")},
    {"UnionPay 16", 4, FORMS("622[2345678]{#11}", "62[456]{#12}", "628[2345678]{#11}")},
    {"UnionPay 17-19", 3, FORMS("62[0256]{#13}", "622[2345678]{#13}", "62[0256]{#15}")},
    {"published test numbers", 3,
     FORMS("411111111111111", "424242424242424", "555555555555444", "510510510510510",
           "37828224631000", "37144963539843", "353011133330000", "356600202036050",
           "3056930902590", "3852000002323", "601111111111111", "222300312200322")},
};

static const kind_t GROUPS[] = {
    {"plain", 34, FORMS("")},
    {"the brand's groups", 44, FORMS("")},
    {"other even groups", 12, FORMS("2", "3", "5", "6", "8")},
    {"every digit alone", 4, FORMS("1")},
    {"random groups of 2-7", 6, FORMS("")},
};
enum { GROUPS_PLAIN, GROUPS_BRAND, GROUPS_EVEN, GROUPS_SINGLE, GROUPS_RANDOM };

/* One separator is taken for the whole number, but for the last row (one a gap). */
static const kind_t GAPS[] = {
    {"(none)", 0, FORMS("")},
    {"space", 22, FORMS(" ")},
    {"2-3 spaces", 4, FORMS("  ", "   ")},
    {"tab", 3, FORMS("\t")},
    {"no-break space", 3, FORMS("\u00a0", "\u202f")},
    {"ideographic space", 8, FORMS("\u3000")},
    {"thin and other spaces", 3,
     FORMS("\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
           "\u205f", "\u1680")},
    {"zero-width", 4, FORMS("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")},
    {"hyphen", 22, FORMS("-")},
    {"dashes", 6,
     FORMS("\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\u2500", "\u2043",
           "\ufe63", "\ufe58", "\u30a0")},
    {"long-vowel mark", 4, FORMS("ー", "\uff70")},
    {"full-width hyphen", 4, FORMS("－")},
    {"wave dashes", 1, FORMS("〜", "～", "\\~")},
    {"dot", 4, FORMS(".", "．", "。", "｡")},
    {"slash", 3, FORMS("/", "／", " / ")},
    {"underscore", 3, FORMS("_", "＿")},
    {"comma", 4, FORMS(",", "、", "，", "､", ", ")},
    {"middle dot", 3, FORMS("・", "･", "\u00b7", "\u2022", "\u2219", "\u22c5")},
    {"newline", 4, FORMS("\n", "\r\n", "\u2028", "\n\n")},
    {"hyphen in spaces", 3, FORMS(" - ", " – ", "　－　")},
    {"a new one each gap", 5, FORMS(" ", "-", "　", "ー", "－", ".", "\u200b", "・", "_", "  ")},
};
enum { GAPS_NONE = 0, GAPS_ZERO_WIDTH = 7, GAPS_MIXED = BASE_COUNT(GAPS) - 1 };

/* Zero of each script of decimal digits (Unicode general category Nd). */
static const kind_t DIGITS[] = {
    {"ASCII", 56, FORMS("0")},
    {"full-width", 20, FORMS("０")},
    {"Arabic-Indic", 4, FORMS("\u0660", "\u06f0")},
    {"Devanagari", 3, FORMS("\u0966")},
    {"other scripts", 5,
     FORMS("\u09e6", "\u0a66", "\u0ae6", "\u0be6", "\u0c66", "\u0ce6", "\u0d66", "\u0e50", "\u0ed0",
           "\u0f20", "\u1040", "\u17e0", "\u1810", "\ua620")},
    {"mathematical", 3,
     FORMS("\U0001d7ce", "\U0001d7d8", "\U0001d7e2", "\U0001d7ec", "\U0001d7f6")},
    {"ASCII and full-width mixed", 5, FORMS("0", "０")},
    {"all mixed", 4, FORMS("0", "０", "\u0660", "\u06f0", "\u0966", "\u0e50", "\U0001d7d8")},
};
enum { DIGITS_MIXED = 6 }; /* from here on a new script a digit */

static const kind_t SETTING_ROWS[] = {
    {"bare", 26, FORMS("{card}")},
    {"in white space", 3, FORMS("  {card}", "{card}\n", "\t{card} ", "　{card}　")},
    {"Japanese sentence", 16,
     FORMS("カード番号は{card}です", "カード番号は{card}です。よろしくお願いします。",
           "{kanji}です。クレジットカード（{card}）で払います。", "支払いは{card}でお願いします",
           "こちらのカード「{card}」に請求してください", "番号{card}、期限{exp}、名義{ROMAN}",
           "先日の件、カードを変更します→{card}", "クレカ：{card}　有効期限：{exp}",
           "窓側の席を希望します。JCBカード {card} 有効期限{exp}です。",
           "申し訳ありませんが決済ができません。{card}を使って下さい")},
    {"English sentence", 12,
     FORMS("my card is {card} exp {exp}", "Please charge {card}, thank you.",
           "Hello, I could not pay online. Card {card} ({exp}, CVC {cvc}). Regards, {Roman}",
           "Use my Visa {card} for the deposit", "card number: {card}; name: {ROMAN}",
           "The number is {card}. Two adults.", "pay with \"{card}\" please",
           "I want to pay by credit card ({card})")},
    {"glued to a label", 12,
     FORMS("card:{card}", "visa{card}", "No.{card}", "VISA{card}", "CardNo{card}exp", "\\#{card}",
           "番号{card}", "カード{card}です", "カード：{card}", "【{card}】", "({card})", "<{card}>",
           "「{card}」", "PAN={card}", "cc={card};", "{card}様", "\"{card}\"", "\\*{card}\\*",
           "MC{card}", "JCB-{card}")},
    {"with expiry and code", 10,
     FORMS("{card} {exp} {cvc}", "{card}　{exp}　{cvc}", "{card},{exp},{cvc}", "{card}/{exp}/{cvc}",
           "{card}|{mm}|20{yy}|{cvc}", "{card} {mm}{yy} {cvc}", "{card} exp {exp} cvv {cvc}",
           "{card}\n{exp}\n{cvc}", "{card} {mm}/20{yy}", "{card}-{mm}{yy}",
           "{card} 有効期限{mm}月{yy}年 セキュリティコード{cvc}")},
    {"expiry in the same separator", 3,
     FORMS("{card}{gap}{mm}{gap}{yy}{gap}{cvc}", "{card}{gap}{mm}{yy}{gap}{cvc}")},
    {"other numbers before", 6,
     FORMS("{mobile:A-M-L} {card}", "{mobile:AML}\n{card}", "2名 {card}", "1. {card}", "1) {card}",
           "{day:Y-m-d} {card}", "{day:Y/m/d} {hm} {card}", "{exp} {card}",
           "電話 {mobile:A-M-L} カード {card}", "{yen}円 {card}", "カード1:{card}",
           "{postal} {card}", "{mobile:AML},{card}", "{ROMAN} {day:Ymd} {card}")},
    {"several fields in one text", 7,
     FORMS("名前:{kanji}\n電話:{mobile:A-M-L}\nカード:{card}\n期限:{exp}\nコード:{cvc}",
           "name={ROMAN}&tel={mobile:AML}&card={card}&exp={exp}&cvc={cvc}",
           "{kanji} {mobile:A-M-L} {card} {exp} {cvc}",
           "{ROMAN}\t{mobile:AML}\t{card}\t{exp}\t{cvc}",
           "{day:Y-m-d}, {kanji}, 2名, {yen}円, {card}, {exp}",
           "ご予約 {sks}\n出発日 {day:Y年M月D日}\n人数 2\nカード番号 {card}\n有効期限 {exp}\n名義 "
           "{ROMAN}\n連絡先 {mobile:A-M-L}",
           "パスポート TR{#7} {valid:Y-m-d}\nカード {card}\nTEL {fixed:A-M-L}")},
    {"two cards", 2,
     FORMS("{card} {card}", "{card}\n{card}", "1枚目 {card} 2枚目 {card}", "{card}/{card}")},
    {"JSON or CSV or markup", 2,
     FORMS("\\{\"card\":\"{card}\",\"exp\":\"{exp}\"\\}", "\"{ROMAN}\",\"{card}\",\"{exp}\"",
           "<td>{card}</td><td>{exp}</td>", "<input value='{card}'>", "card: {card}\nexp: {exp}\n",
           "https://example.com/pay?card={card}&exp={mm}{yy}")},
    {"track data", 1, FORMS("%B{card}\\^{ROMAN}\\^{yy}{mm}101{#10}?", ";{card}={yy}{mm}101{#10}?")},
};

static const kinds_t BRAND_KINDS = KINDS("brand", BRANDS);
static const kinds_t DIGIT_KINDS = KINDS("digits", DIGITS);
static const kinds_t GROUP_KINDS = KINDS("grouping", GROUPS);
static const kinds_t GAP_KINDS = KINDS("separator", GAPS);
static const kinds_t SETTING_KINDS = KINDS("setting", SETTING_ROWS);

const kinds_t *const CARD_DIM[CARD_DIMS] = {
    [CARD_BRAND] = &BRAND_KINDS, [CARD_DIGITS] = &DIGIT_KINDS,    [CARD_GROUPS] = &GROUP_KINDS,
    [CARD_GAP] = &GAP_KINDS,     [CARD_SETTING] = &SETTING_KINDS, [CARD_COAT] = &COATS,
};

void pan_put(rng_t *r, const char *const *forms, buf_t *out)
{
    size_t start = out->len;
    form_put(r, form_pick(r, forms), out);
    unsigned sum = 0;
    bool twice = true; /* ISO/IEC 7812-1 annex B: from the right, the check digit not yet there */
    for (size_t i = out->len; i-- > start; twice = !twice) {
        unsigned digit = (unsigned)(out->ptr[i] - '0') * (twice ? 2 : 1);
        sum += digit / 10 + digit % 10;
    }
    buf_u8(out, (uint8_t)('0' + (10 - sum % 10) % 10));
}

/* Sizes of the groups that count digits fall into; returns how many. */
static size_t groups_of(rng_t *r, size_t way, size_t count, size_t ret_sizes[JUDGE_PAN_MAX])
{
    static const size_t AMEX[] = {4, 6, 5}, DINERS[] = {4, 6, 4}, LONG[] = {6, 13};
    const size_t *fixed = NULL;
    if (way == GROUPS_BRAND) {
        fixed = count == 15                         ? AMEX
                : count == 14                       ? DINERS
                : count == 19 && rng_percent(r, 30) ? LONG
                                                    : NULL;
    }
    size_t even = way == GROUPS_PLAIN ? count : 4, used = 0, left = count;
    if (way == GROUPS_EVEN || way == GROUPS_SINGLE) {
        even = (size_t)(form_pick(r, GROUPS[way].forms)[0] - '0');
    }
    while (left) {
        size_t size = fixed ? fixed[used] : way == GROUPS_RANDOM ? rng_between(r, 2, 7) : even;
        size = size < left ? size : left;
        ret_sizes[used++] = size;
        left -= size;
    }
    return used;
}

static uint32_t zero_of(rng_t *r, size_t script)
{
    slice_t zero = slice_cstr_in(form_pick(r, DIGITS[script].forms));
    return utf8_next(&zero);
}

/* The number in its script, groups and separator; sets what {gap} writes. */
static void spell(rng_t *r, slice_t pan, disguise_t *d, buf_t *out)
{
    size_t sizes[JUDGE_PAN_MAX];
    size_t groups = groups_of(r, d->row[CARD_GROUPS], pan.len, sizes), at = 0;
    if (groups == 1) {
        d->row[CARD_GAP] = GAPS_NONE;
    } else {
        r->gap = form_pick(r, GAPS[d->row[CARD_GAP]].forms);
    }
    uint32_t zero = zero_of(r, d->row[CARD_DIGITS]);
    for (size_t g = 0; g < groups; g++) {
        if (g) {
            form_put(r, r->gap, out);
        }
        if (d->row[CARD_GAP] == GAPS_MIXED) {
            r->gap = form_pick(r, GAPS[GAPS_MIXED].forms);
        }
        for (size_t i = 0; i < sizes[g]; i++) {
            if (d->row[CARD_DIGITS] >= DIGITS_MIXED) {
                zero = zero_of(r, d->row[CARD_DIGITS]);
            }
            utf8_write(zero + (uint32_t)(pan.ptr[at++] - '0'), out);
        }
    }
    /* What follows the number must be seen apart from it. */
    if (d->row[CARD_GAP] == GAPS_ZERO_WIDTH || strcmp(r->gap, "\u200b") == 0) {
        r->gap = " ";
    }
}

disguise_t disguise_put(rng_t *r, buf_t *out, slice_t *ret_card)
{
    static uint8_t card_memory[1024], value_memory[JUDGE_VALUE_MAX];
    uint8_t pan_memory[JUDGE_PAN_MAX];
    disguise_t d;
    for (size_t dim = 0; dim < CARD_DIMS; dim++) {
        d.row[dim] = kind_pick(r, CARD_DIM[dim]->rows, CARD_DIM[dim]->count);
    }
    buf_t pan = BUF_ON_ARRAY(pan_memory), card = BUF_ON_ARRAY(card_memory);
    buf_t value = BUF_ON_ARRAY(value_memory);
    pan_put(r, BRANDS[d.row[CARD_BRAND]].forms, &pan);
    spell(r, buf_slice(&pan), &d, &card);
    r->card = *ret_card = buf_slice(&card);
    kind_put(r, &SETTING_ROWS[d.row[CARD_SETTING]], &value);
    COATS.rows[d.row[CARD_COAT]].coat(r, buf_slice(&value), out);
    CHECK(!pan.full && !card.full && !value.full && !out->full);
    return d;
}
