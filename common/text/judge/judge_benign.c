/* Set 2: the long numbers that a travel agency's forms really receive. Weights follow what such a
 * site sees; nothing is filtered: a value that happens to look like a card stays in. */
#include "judge.h"

static void memo(rng_t *r, slice_t arg, buf_t *out);

static const kind_t ROWS[] = {
    /* telephones */
    {"mobile phone", 70, .wide = 12,
     .forms = FORMS("{mobile}", "{mobile}", "{mobile}", "携帯 {mobile}", "TEL:{mobile}",
                    "my phone is {mobile}", "緊急連絡先{mobile}（妻）", "{kanji} {mobile}")},
    {"fixed phone", 55, .wide = 12,
     .forms = FORMS("{fixed}", "{fixed}", "電話番号：{fixed}", "TEL {fixed}", "自宅 {fixed}",
                    "{fixed}（内線{#4}）", "{fixed} 内線 ###", "{hotel} {fixed}")},
    {"toll-free phone", 20, .wide = 8,
     .forms = FORMS("{tollfree}", "TEL {tollfree}", "{tollfree}（9:00-18:00）",
                    "{tollfree} (10:00〜17:30)")},
    {"+81 phone", 40,
     .forms = FORMS("{world}", "{world}", "{world}", "Tel: {world}", "call me at {world}",
                    "WhatsApp {world}")},
    {"two phones side by side", 50, .wide = 8,
     .forms =
         FORMS("{phone:A-M-L} {phone:A-M-L}", "{phone:AML} {phone:AML}", "{phone:AML}/{phone:AML}",
               "{phone:AML},{phone:AML}", "{phone:AML}、{phone:AML}", "{phone:A-M-L}/{phone:A-M-L}",
               "{phone}\n{phone}", "{phone:A M L} {phone:A M L}", "{world} {world}",
               "{world} / {world}", "{phone:AML}・{phone:AML}", "{mobile:AML}　{fixed:AML}",
               "{mobile:AML}(夫){mobile:AML}(妻)", "{mobile:AML}または{fixed:AML}",
               "{phone:AML} {phone:AML} {phone:AML}")},
    {"phone and fax lines", 40, .wide = 8,
     .forms = FORMS("TEL {fixed:A-M-L} FAX {fixed:A-M-L}", "TEL:{fixed:A-M-L}\nFAX:{fixed:A-M-L}",
                    "電話{fixed:A-M-L}／FAX{fixed:A-M-L}", "T {fixed:AML} F {fixed:AML}",
                    "Tel {world}, Fax {world}", "自宅：{fixed}　携帯：{mobile}　会社：{fixed}",
                    "TEL&FAX {fixed:A-M-L} 携帯 {mobile:A-M-L}", "TEL {fixed} / FAX {fixed}")},
    /* bookings, papers, miles */
    {"booking numbers", 60,
     .forms =
         FORMS("{sks}", "予約番号 {sks}", "{sks} と {sks}", "PNR {pnr}", "{pnr}", "{#10}",
               "予約番号{#8}", "Booking.com {#4}.{#3}.{#3} PIN {#4}", "Booking {#10} PIN: {#4}",
               "Expedia 7[123]{#12}", "RY{#9}", "JTB {#5}-{#5}-{#4}", "{#4}-{#6}-{#5}",
               "じゃらん {pnr}{#2}", "Agoda {#9}", "Airbnb HM^^^#^^^#^", "JR予約番号 {#5}",
               "えきねっと予約番号{#5} 電話下4桁{#4}", "ツアーコード ^^{#4}-{#3} 申込番号 {#7}")},
    {"order numbers of shops", 8,
     .forms =
         FORMS("Amazon 250-{#7}-{#7}", "注文番号 503-{#7}-{#7}", "249-{#7}-{#7}",
               "{#6}-{day:Ymd}-{#10}", "楽天 2{#5}-{day:Ymd}-00{#8}", "Yahoo shop-name-1{#7}")},
    {"passport number", 45, .wide = 5,
     .forms = FORMS("{docdigits}", "{docdigits}", "パスポート番号 {docdigits}",
                    "旅券番号：{docdigits}", "Passport {#9}", "E{#8}", "M{#8}",
                    "{docdigits} {docdigits}", "MZ{#7}, TR{#7}", "{docdigits} {ROMAN}")},
    {"passport, birth, expiry", 25, .wide = 5,
     .forms =
         FORMS("{docdigits} {valid:Y/m/d}", "{docdigits} {born:Y-m-d} {valid:Y-m-d}",
               "{ROMAN} {docdigits} {born:Ymd} {valid:Ymd}", "{#9} {valid:Y-m-d}",
               "{#9},{born:d/m/Y},{valid:d/m/Y}", "{ROMAN},{born:Y/m/d},{docdigits},{valid:Y/m/d}",
               "旅券 {docdigits} 発行日{day:Y年M月D日} 有効期限{valid:Y年M月D日}",
               "{docdigits}\t{born:Y/m/d}\t{valid:Y/m/d}\t{mobile:A-M-L}")},
    {"mileage numbers", 55, .wide = 5,
     .forms = FORMS("{#10}", "ANA {#10}", "AMC {#4} {#3} {#3}", "ANA{#10}", "AMCお客様番号:{#10}",
                    "JAL {#9}", "JMB {#7}", "JMB{#9}", "JAL {#3}-{#3}-{#3}", "{#9}", "{#7}",
                    "ANA {#10} / JAL {#9}", "{#10} {#10}", "AMC {#10}\nAMC {#10}",
                    "{kanji} {#10}、{kanji} {#10}", "SkyMiles 9{#9}", "MileagePlus ^^{#6}",
                    "Marriott Bonvoy {#9}", "Hilton {#10}", "JMB{#9} ANA{#10}",
                    "マイレージ{#10}を登録してください")},
    {"airline tickets", 30,
     .forms = FORMS("{ticket}", "{ticket:ddd-dddddddddd}", "{ticket:ddd dddddddddd}",
                    "航空券番号 {ticket}", "e-ticket {ticket:ddd-dddddddddd}",
                    "ETKT {ticket:ddd dddd dddddd}", "{ticket}\n{ticket}",
                    "{ticket:ddd-dddddddddd} {ticket:ddd-dddddddddd}",
                    "TKT {ticket:ddd-dddddddddd} PNR {pnr}")},
    {"flights and times", 20, .wide = 5,
     .forms = FORMS("JL{#3} {day:m/d} {hm}-{hm}", "NH{small} {day:Y-m-d} {hm} {hm}",
                    "JAL{#3}便 {hm}発 {hm}着 JAL{#3}便 {hm}発",
                    "{day:M/D} {hm}-{hm} {day:M/D} {hm}-{hm}",
                    "NH{#3} {hm}/{hm} NH{#3} {hm}/{hm} NH{#3} {hm}/{hm}",
                    "SU{#4} {day:dby} {hm} {hm} 2PC 23KG")},
    /* machine ids */
    {"UUIDs", 32,
     .forms = FORMS("{uuid4}", "{uuid7}", "\\{{uuid4}\\}", "urn:uuid:{uuid4}", "{~32}", "{`32}",
                    "{`8}-{`4}-4{`3}-8{`3}-{`12}", "{uuid4},{uuid4}", "id={uuid7}",
                    "{uuid4}\n{uuid7}", "{~8}{~4}4{~3}[89ab]{~15}")},
    {"hex hashes", 20,
     .forms = FORMS("{~32}", "{~40}", "{~64}", "sha256:{~64}", "{`40}", "{~56}", "commit {~40}",
                    "{~12}", "\"{~32}\"")},
    {"base64 blobs", 20,
     .forms =
         FORMS("{blob}", "{blob}", "{blob:16}", "{blob:32}", "data:image/png;base64,{blob:300}",
               "eyJhbGciOiJSUzI1NiJ9.{claims}.{blob:64}", "{claims}", "Bearer {blob:32}")},
    {"provider ids, 25 of base 36", 35,
     .forms = FORMS("{*25}", "{*25}", "session {*25}", "https://komoju.com/sessions/{*25}",
                    "{*25},{*25}", "決済番号 {*25}", "payment={*25}&session={*25}")},
    {"provider notification body", 12,
     .forms = FORMS(
         "\\{\"id\":\"{*25}\",\"type\":\"payment.captured\",\"resource\":\"event\",\"data\":\\{"
         "\"id\":\"{*25}\","
         "\"resource\":\"payment\",\"status\":\"captured\",\"amount\":{yen:plain},\"tax\":0,"
         "\"customer\":null,"
         "\"payment_deadline\":\"{day:Y-m-d}T14:59:59Z\",\"payment_details\":\\{\"type\":\"credit_"
         "card\",\"email\":"
         "\"a@{domain}\",\"brand\":\"visa\",\"last_four_digits\":\"{#4}\",\"month\":{small},"
         "\"year\":20{yy}\\},"
         "\"payment_method_fee\":0,\"total\":{yen:plain},\"currency\":\"JPY\",\"captured_at\":"
         "\"{day:Y-m-d}T{hms}Z\",\"external_order_num\":\"{token:32}\",\"metadata\":\\{\\},"
         "\"created_at\":"
         "\"{day:Y-m-d}T{hms}Z\",\"amount_refunded\":0,\"locale\":\"ja\",\"session\":\"{*25}\","
         "\"refunds\":\\[\\]\\},"
         "\"created_at\":\"{day:Y-m-d}T{hms}Z\",\"reason\":null\\}",
         "\\{\"id\":\"evt_1{$23}\",\"object\":\"event\",\"created\":{epoch},\"data\":\\{\"object\":"
         "\\{\"id\":"
         "\"cs_test_a1{$56}\",\"amount_total\":{yen:plain},\"payment_intent\":\"pi_3{$23}\","
         "\"expires_at\":{epoch},"
         "\"client_reference_id\":\"{token:32}\"\\}\\},\"livemode\":false\\}")},
    {"Stripe-like ids", 25,
     .forms = FORMS("pi_3N{$22}", "cs_test_a1{$56}", "cs_live_b1{$56}", "ch_3N{$22}", "cus_{$14}",
                    "evt_1N{$22}", "re_3N{$22}", "pm_1N{$22}", "pi_3N{$22}_secret_{$25}",
                    "cs_test_{$58}")},
    {"other providers' ids", 12,
     .forms = FORMS("00000{#9}", "B{#8}ST01{#3}01101{#13}", "SBPS {day:Ymd}{hms:x}",
                    "{day:ymd}{hms:x}{#16}", "{day:ymd}{#10}{#12}", "S{day:Ymd}{hms:x}-{#3}",
                    "PAYID-M{`20}", "#^{#6}^^{#6}^")},
    {"social and web addresses", 8,
     .forms =
         FORMS("https://x.com/sekisho/status/1[789]{#17}",
               "https://www.facebook.com/1000{#11}/posts/{#15}",
               "https://www.instagram.com/p/{$11}/", "https://www.google.com/maps/@{gps:7},17z",
               "https://www.example.com/tour/{#8}?d={day:Ymd}&t={epoch}",
               "https://youtu.be/{$11}?t={#3}")},
    /* dates and times */
    {"ISO dates and time stamps", 30,
     .forms = FORMS("{day:Y-m-d}", "{day:Y-m-d}T{hms}Z", "{day:Y-m-d}T{hms}.{#3}Z",
                    "{day:Y-m-d}T{hms}.{#6}+09:00", "{day:Ymd}T{hms:x}Z", "{day:Ymd}{hms:x}",
                    "{day:Ymd}{hms:x}{#3}", "{day:Y/m/d} {hms}", "{day:Y-m-d} {hms},{#3}",
                    "{day:Y年M月D日}{hm}", "{day:d/b/Y}:{hms} +0900", "{day:Ymd}-{hms:x}-{#4}",
                    "{day:Y-m-d}T{hms}{#9}")},
    {"epoch s, ms, us, ns", 20,
     .forms = FORMS("{epoch}", "{epoch}{#3}", "{epoch}{#3}", "{epoch}{#6}", "{epoch}{#9}",
                    "{epoch}.{#6}", "ts={epoch}{#3}", "{epoch}{#3},{epoch}{#3}", "{epoch} {epoch}",
                    "_ga=GA1.1.{#9}.{epoch}")},
    {"dates side by side", 45, .wide = 8,
     .forms =
         FORMS("{day:Y-m-d} {day:Y-m-d}", "{day:Ymd} {day:Ymd}", "{day:Ymd}-{day:Ymd}",
               "{day:Y/m/d}～{day:Y/m/d}", "{day:Y/m/d}-{day:Y/m/d}", "{day:d/m/Y} {day:d/m/Y}",
               "{day:d/m/Y} - {day:d/m/Y}", "{day:d.m.Y}-{day:d.m.Y}", "{day:m/d/Y} {day:m/d/Y}",
               "{day:Y.m.d} {day:Y.m.d} {day:Y.m.d}", "{day:Y年M月D日}〜{day:M月D日}",
               "{day:ymd} {day:ymd} {day:ymd}",
               "{day:M/D}、{day:M/D}、{day:M/D}、{day:M/D}、{day:M/D}", "{day:D-b-Y} {day:D-b-Y}",
               "{day:E年M月D日}から{day:E年M月D日}まで", "{day:d-m-Y} {day:d-m-Y}",
               "{day:Y-m-d}/{day:Y-m-d}", "{day:Y-m-d} {hm} {day:Y-m-d} {hm}")},
    {"birth dates", 30, .wide = 10,
     .forms = FORMS("{born:Y-m-d}", "{born:Y/m/d}", "{born:Ymd}", "{born:E年M月D日}",
                    "{born:Y年M月D日}生", "{born:d/m/Y}", "{born:Ymd} {born:Ymd}",
                    "{born:Y/m/d} {born:Y/m/d} {born:Y/m/d}", "{born:Ymd},{born:Ymd},{born:Ymd}",
                    "{kanji} {born:Y/m/d}\n{kanji} {born:Y/m/d}",
                    "{ROMAN} {born:dby}/{ROMAN} {born:dby}", "{born:d/m/Y} {born:d/m/Y}",
                    "{born:d.m.Y}, {born:d.m.Y}")},
    /* addresses and places */
    {"postal code and address", 50, .wide = 30,
     .forms =
         FORMS("{postal} {town}{block}{rooms}", "{postal}\n{town}{block}",
               "{postal}{town}{block}{rooms}", "{town}{block}{rooms}",
               "{zip} {town} {block} {phone:A-M-L}", "住所：{postal} {town}{block} 電話：{phone}")},
    {"long addresses", 20, .wide = 15,
     .forms = FORMS("{postal} {town}{block}{rooms}\n{kanji}様方\nTEL {fixed}\n携帯 {mobile}",
                    "{small}-{small}-{small} Marunouchi, Chiyoda-ku, Tokyo {zip}, Japan, {world}",
                    "!{#3} {#4} NE {small}th Street, Bellevue WA 980##-{#4}, +1 425 555 01##",
                    "{#4}-{#2} Yonge St Apt {#3}, Toronto ON M4W 1A8, +1-416-555-01##",
                    "台北市信義區信義路五段!號{small}樓之# 110{#2} +886 9{#2} {#3} {#3}",
                    "서울특별시 중구 세종대로 !## 0453# 010-{#4}-{#4}",
                    "{postal} {town}{block}{rooms} {day:Y/m/d} {mobile} {fixed}")},
    {"GPS coordinates", 15,
     .forms = FORMS("{gps:4}", "{gps:5}", "{gps:6}", "{gps:6}", "{gps:7}", "{gps:7}", "({gps:6})",
                    "集合場所 {gps:6}", "https://maps.google.com/?q={gps:6}",
                    "35°##'##.#\"N 139°##'##.#\"E")},
    {"lists of IP addresses", 10,
     .forms = FORMS("{ip}", "{ip}, {ip}", "{ip} {ip} {ip}", "{ip}\n{ip}\n{ip}", "{ip}:{#5}")},
    /* offices and banks */
    {"My Number", 20, .wide = 8,
     .forms = FORMS("{mynumber}", "{mynumber:dddd dddd dddd}", "{mynumber:dddd-dddd-dddd}",
                    "マイナンバー {mynumber}", "{mynumber} {mynumber}",
                    "{mynumber:dddd dddd dddd}\n{mynumber:dddd dddd dddd}",
                    "{kanji} {mynumber} {born:Y/m/d}")},
    {"bank account", 30, .wide = 10,
     .forms =
         FORMS("{#3} {#7}", "{#3}-{#7}", "店番{#3} 口座番号{#7}", "000[159]-{#3}-{#7}",
               "000[159] {#3} {#7}", "000[159]{#10}", "みずほ銀行(0001) {#3} 普通 {#7}",
               "三井住友銀行 支店{#3} 普通{#7}", "ゆうちょ 1{#3}0-{#8}", "記号1{#3}0 番号{#7}1",
               "1{#3}0-{#7}1", "支店番号：{#3}\n口座番号：{#7}", "0036-2{#2}-{#7}")},
    {"IBAN", 1,
     .forms = FORMS("DE## [123456]##0 0### #### #### ##", "GB## ^^^^ #### #### #### ##",
                    "DE##[123456]##0{#14}", "FR## {#4} {#4} {#4} {#4} {#4} {#3}")},
    {"corporate number", 12,
     .forms = FORMS("{corporate}", "法人番号 {corporate}", "{corporate:d-dddd-dd-dddddd}",
                    "法人番号：{corporate:d dddd dddd dddd}", "法人番号{corporate} 株式会社")},
    {"invoice registration", 15,
     .forms = FORMS("T{corporate}", "登録番号T{corporate}", "T-{corporate}",
                    "インボイス T{corporate:dddd-dddd-ddddd}", "登録番号：T{corporate}",
                    "T {corporate}")},
    {"ISBN-13 and JAN-13", 10,
     .forms = FORMS("ISBN {gtin}", "{gtin}", "ISBN{gtin}", "JAN {gtin:jan}", "{gtin:jan}")},
    {"insurance numbers", 15, .wide = 8,
     .forms = FORMS("{#8}", "保険者番号 {#8} 記号 {#4} 番号 {#4}", "記号{#8} 番号{#5} 枝番0#",
                    "保険証券番号 {#10}", "証券番号 ^{#9}", "{#4}-{#6}", "被保険者番号 {#10}",
                    "海外旅行保険 {#3}-{#8}-{#2}", "保険者番号{#8} 被保険者番号{#8}")},
    {"parcel numbers", 25, .wide = 5,
     .forms = FORMS("{parcel}", "{parcel:dddd-dddd-dddd}", "ヤマト {parcel:dddd-dddd-dddd}",
                    "佐川 {parcel}", "お問い合わせ番号 {parcel:dddd dddd dddd}", "EJ{#9}JP",
                    "{parcel}\n{parcel}", "{parcel:dddd-dddd-dddd}、{parcel:dddd-dddd-dddd}",
                    "{parcel:dddd-dddd-dddd} {day:M/D}発送", "1Z{`6}{#10}",
                    "{parcel} {parcel} {parcel}")},
    /* money */
    {"prices", 32, .wide = 8,
     .forms =
         FORMS("{yen}円", "￥{yen}", "大人{yen}円、子供{yen}円", "¥{yen}-", "{yen:plain}",
               "合計 {yen}円（税込）", "{yen}円×2名={yen}円", "JPY {yen:plain} / USD {#3}.{#2}",
               "予算は{yen}〜{yen}円", "{yen:plain}円 {yen:plain}円")},
    {"tables of prices", 32,
     .forms =
         FORMS("{yen}\t{yen}\t{yen}", "{yen} {yen} {yen}", "{yen:plain}\t{yen:plain}\t{yen:plain}",
               "{yen:plain},{yen:plain},{yen:plain},{yen:plain}",
               "{yen:plain} {yen:plain} {yen:plain} {yen:plain}",
               "{day:m/d} {yen}\n{day:m/d} {yen}\n{day:m/d} {yen}", "A {yen} B {yen} C {yen}",
               "{yen}/{yen}/{yen}", "{yen}円\n{yen}円\n{yen}円", "1名 {yen} 2名 {yen} 3名 {yen}",
               "{yen:plain}\n{yen:plain}\n{yen:plain}\n{yen:plain}",
               "大人\t2\t{yen}\t{yen}\n子供\t1\t{yen}\t{yen}\n合計\t\t\t{yen}",
               "{day:Y/m/d},{yen:plain},{yen:plain},{small}")},
    /* lines of passports and whole notes */
    {"passport MRZ", 15,
     .forms = FORMS("P<JPNYAMADA<<TARO<<<<<<<<<<<<<<<<<<<<<<<<<<<\nT[RZ]{#7}#JPN{born:ymd}#M{valid:"
                    "ymd}#<<<<<<<<<<<<<<0#",
                    "T[RZ]{#7}#JPN{born:ymd}#F{valid:ymd}#<<<<<<<<<<<<<<##",
                    "{#9}#USA{born:ymd}#M{valid:ymd}#<<<<<<<<<<<<<<##",
                    "M{#8}#KOR{born:ymd}#F{valid:ymd}#{#7}V{#6}##",
                    "E{#8}#CHN{born:ymd}#M{valid:ymd}#<<<<<<<<<<<<<<##")},
    {"notes of several of these", 60, .make = memo},
};

const kinds_t BENIGN = KINDS("benign", ROWS);

/* Two to five of the others, as a customer writes them one after another. */
static void memo(rng_t *r, slice_t arg, buf_t *out)
{
    const char *between =
        form_pick(r, FORMS("\n", "\n", "\n", " ", "　", "、", " / ", ", ", "。", "\t"));
    unsigned parts = rng_between(r, 2, 5);
    for (unsigned i = 0; i < parts; i++) {
        buf_cstr(out, i ? between : "");
        kind_put(r, &ROWS[kind_pick(r, ROWS, BENIGN.count - 1)], out);
    }
}

/* As a Japanese keyboard left in full-width mode writes it. */
static void widen(rng_t *r, slice_t in, buf_t *out)
{
    const char *hyphen = form_pick(r, FORMS("－", "－", "ー", "‐", "−", "-"));
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c >= '0' && c <= '9') {
            utf8_write(0xff10U + (c - '0'), out);
        } else if (c == '-') {
            buf_cstr(out, hyphen);
        } else if (c == ' ') {
            buf_cstr(out, "　");
        } else {
            buf_u8(out, c);
        }
    }
}

size_t benign_put(rng_t *r, buf_t *out)
{
    static uint8_t memory[JUDGE_VALUE_MAX];
    size_t row = kind_pick(r, ROWS, BENIGN.count);
    buf_t value = BUF_ON_ARRAY(memory);
    kind_put(r, &ROWS[row], &value);
    CHECK(!value.full);
    rng_percent(r, ROWS[row].wide) ? widen(r, buf_slice(&value), out)
                                   : buf_put(out, buf_slice(&value));
    return row;
}
