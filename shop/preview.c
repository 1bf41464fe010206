/* Development only: renders every page and mail of the shop with sample rows made from the demo
 * catalogue into a folder, in both languages, so that they can be looked at without a running
 * house. Not linked into shopd; holds no secret and opens no socket. shop_preview CATALOGUE.json
 * OUTPUT-FOLDER (with folders ja and en) */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "preview.h"
#include "text/time.h"

enum { BYTES = 512 * 1024 };

static int out_dir;

/* --- pages --- */

static uint8_t page_bytes[BYTES];
static buf_t out;

static buf_t *begin(void)
{
    out = BUF_ON_ARRAY(page_bytes);
    return &out;
}

static void save(const char *name, const char *ending)
{
    char file[120];
    (void)snprintf(file, sizeof file, "%s/%s.%s", preview_lang == I18N_JA ? "ja" : "en", name,
                   ending);
    int fd = openat(out_dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    slice_t text = buf_slice(&out);
    if (fd < 0 || out.full || write(fd, text.ptr, text.len) != (ssize_t)text.len) {
        perror(file);
        exit(1);
    }
    close(fd);
}

static void lists(void)
{
    static struct tpl_option places[PREVIEW_MAX], cities[PREVIEW_MAX], prices[2];
    static struct tpl_tour_card cards[PREVIEW_MAX];
    static struct tpl_notice_item notices[PREVIEW_MAX];
    struct tpl_option sorts[] = {{SLICE("date"), preview_msg(SHOP_MSG_SORT_DATE), true},
                                 {SLICE("price"), preview_msg(SHOP_MSG_SORT_PRICE), false}};
    size_t n_places = preview_options_of("places", places),
           n_cities = preview_options_of("cities", cities);
    size_t n_notices = preview_notices_of(notices),
           n = json_array_size(json_object_get(preview_cat, "tours"));
    prices[0] = (struct tpl_option){
        SLICE("50000"), preview_lang == I18N_JA ? SLICE("50,000円まで") : SLICE("up to ¥50,000"),
        false};
    for (size_t i = 0; i < n; i++) {
        cards[i] = preview_card_of(preview_tour_at(i), i);
    }
    tpl_home(begin(), preview_lang,
             &(struct tpl_home_args){preview_page_of(SLICE_EMPTY, "home"), places, n_places, cities,
                                     n_cities, prices, 1, SLICE("2026-11-22"), cards, 9, notices,
                                     4});
    save("home", "html");
    struct tpl_tours_pages pages[] = {{1, SLICE("/tours?page=1"), true},
                                      {2, SLICE("/tours?page=2"), false}};
    struct tpl_tours_args all = {preview_page_of(SLICE("tours"), "tours"),
                                 SLICE_EMPTY,
                                 places,
                                 n_places,
                                 cities,
                                 n_cities,
                                 prices,
                                 1,
                                 sorts,
                                 2,
                                 SLICE_EMPTY,
                                 SLICE_EMPTY,
                                 SLICE("2026-11-22"),
                                 SLICE_EMPTY,
                                 (int64_t)n,
                                 cards,
                                 n,
                                 pages,
                                 2,
                                 SLICE_EMPTY,
                                 SLICE("/tours?page=2")};
    tpl_tours(begin(), preview_lang, &all);
    save("tours", "html");
    struct tpl_tours_args none = all;
    none.tours_count = none.pages_count = 0;
    none.total = 0;
    none.q = SLICE("\"><b>x");
    tpl_tours(begin(), preview_lang, &none);
    save("tours-none", "html");
    tpl_notices(begin(), preview_lang,
                &(struct tpl_notices_args){preview_page_of(SLICE("notices"), "notices"), notices,
                                           n_notices});
    save("notices", "html");
    static struct tpl_para text[PREVIEW_MAX];
    const json_t *v = json_array_get(json_object_get(preview_cat, "notices"), 0),
                 *r = json_object_get(v, "revisions");
    struct tpl_notice_revisions revisions[2];
    for (size_t i = 0; i < 2; i++) {
        revisions[i] = (struct tpl_notice_revisions){
            preview_today - preview_num(json_array_get(r, i), "days_ago"),
            preview_str(json_array_get(r, i), NULL)};
    }
    tpl_notice(begin(), preview_lang,
               &(struct tpl_notice_args){preview_page_of(SLICE("notices"), "notice"), notices[0],
                                         text, preview_paras(preview_in_lang(v, "body"), text),
                                         revisions, 2});
    save("notice", "html");
}

static void tours(void)
{
    static struct tpl_para body[PREVIEW_MAX], points[PREVIEW_MAX];
    static struct tpl_itinerary_day days[PREVIEW_MAX];
    static struct tpl_departure deps[PREVIEW_MAX];
    static struct tpl_fee fees[8];
    const json_t *t, *v;
    size_t i, k;
    json_array_foreach(json_object_get(preview_cat, "tours"), i, t)
    {
        struct tpl_tour_card c = preview_card_of(t, i);
        json_array_foreach(json_object_get(t, "itinerary"), k, v)
        {
            const char *m = json_string_value(json_object_get(v, "meals"));
            days[k] = (struct tpl_itinerary_day){preview_num(v, "day"), preview_str(v, NULL),
                                                 m[0] == 'B', m[2] == 'L', m[4] == 'D'};
        }
        const json_t *s = json_array_get(json_object_get(t, "series"), 0);
        struct tpl_tour_meetings meeting = {c.cities, preview_str(s, "meeting")};
        tpl_tour(begin(), preview_lang,
                 &(struct tpl_tour_args){preview_page_of(SLICE("tours"), "tours"),
                                         c.title,
                                         c.lead,
                                         c.place,
                                         SLICE("/tours?place=x"),
                                         c.cities,
                                         c.picture,
                                         c.alt,
                                         c.days,
                                         c.nights,
                                         c.price,
                                         body,
                                         preview_paras(preview_in_lang(t, "body"), body),
                                         points,
                                         preview_paras(preview_in_lang(t, "points"), points),
                                         days,
                                         k,
                                         preview_str(t, "includes"),
                                         preview_str(t, "excludes"),
                                         preview_str(t, "hotel"),
                                         preview_str(t, "guide"),
                                         &meeting,
                                         1,
                                         preview_num(s, "min"),
                                         deps,
                                         preview_departures_of(t, deps),
                                         fees,
                                         preview_fees_of(fees, 0)});
        char name[100];
        (void)snprintf(name, sizeof name, "tour-%.*s", SLICE_FMT(preview_str(t, "slug")));
        save(name, "html");
    }
}

static void departure(const char *name, size_t tour, size_t which, bool wrong)
{
    static struct tpl_option adults[PREVIEW_MAX], children[PREVIEW_MAX];
    static struct tpl_departure deps[PREVIEW_MAX];
    static struct tpl_fee fees[8];
    static struct tpl_room rooms[PREVIEW_MAX];
    const json_t *t = preview_tour_at(tour), *s = json_array_get(json_object_get(t, "series"), 0);
    preview_departures_of(t, deps);
    struct tpl_form_error e = {SLICE("adults"), SLICE_EMPTY, preview_msg(SHOP_MSG_FORM_SEATS_GONE)};
    tpl_departure(begin(), preview_lang,
                  &(struct tpl_departure_args){preview_page_of(SLICE("tours"), name),
                                               preview_str(t, "title"),
                                               SLICE("/tours/x"),
                                               preview_str(t, "picture"),
                                               preview_str(t, "alt"),
                                               preview_num(t, "days"),
                                               preview_num(t, "nights"),
                                               deps[which],
                                               SLICE("/departures/x/hold"),
                                               SLICE("token"),
                                               preview_num(s, "min"),
                                               deps[which].day - 14,
                                               deps[which].day - 7,
                                               preview_str(s, "meeting"),
                                               preview_office_of(0),
                                               adults,
                                               preview_numbers_of(adults, 1, 8),
                                               children,
                                               preview_numbers_of(children, 0, 6),
                                               rooms,
                                               preview_rooms_of(s, rooms),
                                               45,
                                               fees,
                                               preview_fees_of(fees, deps[which].day),
                                               &e,
                                               wrong,
                                               SLICE("csrf")});
    save(name, "html");
}

static void booking_flow(void)
{
    static struct tpl_fee fees[8];
    static struct tpl_traveller people[3];
    static struct tpl_section sections[PREVIEW_MAX];
    const json_t *t = preview_tour_at(6), *s = json_array_get(json_object_get(t, "series"), 0);
    struct tpl_booking b = preview_booking_of(6, SHOP_MSG_BOOKING_READY, "ready");
    struct tpl_field empty = {SLICE_EMPTY, SLICE_EMPTY},
                     bad = {SLICE("花子"), preview_lang == I18N_JA
                                               ? SLICE("カタカナで入力してください。")
                                               : SLICE("Please use katakana.")};
    struct tpl_traveller_form forms[3] = {
        {.n = 1, .adult = true}, {.n = 2, .adult = true, .kana = bad}, {.n = 3}};
    struct tpl_form_error errors[] = {
        {SLICE("kana"), preview_msg(SHOP_MSG_FORM_KANA), bad.error},
        {SLICE("t2_kana"), preview_msg(SHOP_MSG_FORM_KANA), bad.error}};
    struct tpl_travellers_args form = {.page = preview_page_of(SLICE_EMPTY, "travellers"),
                                       .b = b,
                                       .action = SLICE("/x"),
                                       .cancel_action = SLICE("/x"),
                                       .name = empty,
                                       .kana = empty,
                                       .email = empty,
                                       .phone = empty,
                                       .postal = empty,
                                       .address = empty,
                                       .same = true,
                                       .travellers = forms,
                                       .travellers_count = 3,
                                       .csrf = SLICE("c")};
    forms[1].kana = empty;
    tpl_travellers(begin(), preview_lang, &form);
    save("travellers", "html");
    forms[1].kana = form.kana = bad;
    forms[2].birth.error = preview_msg(SHOP_MSG_FORM_CHILD_AGE);
    form.errors = errors;
    form.errors_count = 2;
    tpl_travellers(begin(), preview_lang, &form);
    save("travellers-errors", "html");
    struct tpl_confirm_args c = {.page = preview_page_of(SLICE_EMPTY, "confirm"),
                                 .b = b,
                                 .action = SLICE("/x"),
                                 .token = SLICE("t"),
                                 .back_href = SLICE("/x"),
                                 .cancel_action = SLICE("/x"),
                                 .rep = preview_person_of(),
                                 .travellers = people,
                                 .travellers_count = preview_travellers_of(people),
                                 .office = preview_office_of(0),
                                 .meeting = preview_str(s, "meeting"),
                                 .includes = preview_str(t, "includes"),
                                 .excludes = preview_str(t, "excludes"),
                                 .hotel = preview_str(t, "hotel"),
                                 .guide = preview_str(t, "guide"),
                                 .min_people = preview_num(s, "min"),
                                 .decide = preview_today + 7,
                                 .fees = fees,
                                 .fees_count = preview_fees_of(fees, b.day),
                                 .terms = preview_document_of(0, sections),
                                 .provider = SLICE("KOMOJU"),
                                 .csrf = SLICE("c")};
    tpl_confirm(begin(), preview_lang, &c);
    save("confirm", "html");
    struct tpl_pay_args pay = {preview_page_of(SLICE_EMPTY, "pay"),
                               b,
                               SLICE("/x"),
                               SLICE("t"),
                               SLICE("/x"),
                               SHOP_MSG_PAY_DECLINED,
                               true,
                               SLICE("KOMOJU"),
                               preview_office_of(0),
                               SLICE("c")};
    tpl_pay(begin(), preview_lang, &pay);
    save("pay", "html");
    struct tpl_page stopped = preview_page_of(SLICE_EMPTY, "stopped");
    stopped.payments_stopped = true;
    tpl_payments_stopped(begin(), preview_lang, &(struct tpl_payments_stopped_args){stopped, b});
    save("stopped", "html");
    static const char *const states[] = {"confirmed", "processing", "declined",
                                         "abandoned", "expired",    "refunded"};
    for (size_t i = 0; i < BASE_COUNT(states); i++) {
        char name[40];
        (void)snprintf(name, sizeof name, "return-%s", states[i]);
        tpl_payment_return(begin(), preview_lang,
                           &(struct tpl_payment_return_args){
                               preview_page_of(SLICE_EMPTY, name), slice_cstr_in(states[i]),
                               b.number, SLICE("/x"), SLICE("/x"), b.hold_until});
        save(name, "html");
    }
    struct tpl_booking_payments events[] = {
        {preview_now_us - 60000000, SHOP_MSG_PAYMENT_STARTED, 0},
        {preview_now_us, SHOP_MSG_PAYMENT_CAPTURED, b.total}};
    struct tpl_booking_args done = {
        .page = preview_page_of(SLICE_EMPTY, "booking"),
        .b = preview_booking_of(6, SHOP_MSG_BOOKING_CONFIRMED, "confirmed"),
        .rep = preview_person_of(),
        .travellers = people,
        .travellers_count = 3,
        .payments = events,
        .payments_count = 2,
        .office = preview_office_of(0),
        .meeting = preview_str(s, "meeting"),
        .fees = fees,
        .fees_count = 6,
        .fresh = true,
        .csrf = SLICE("c")};
    tpl_booking(begin(), preview_lang, &done);
    save("booking", "html");
    done.b = preview_booking_of(6, SHOP_MSG_BOOKING_READY, "ready");
    done.can_pay = done.can_cancel = done.hidden = true;
    done.next_href = done.cancel_action = SLICE("/x");
    done.payments_count = 0;
    done.page = preview_page_of(SLICE_EMPTY, "booking-ready");
    tpl_booking(begin(), preview_lang, &done);
    save("booking-ready", "html");
}

static void account(void)
{
    struct tpl_field empty = {SLICE_EMPTY, SLICE_EMPTY};
    struct tpl_form_error e = {SLICE("number"), SLICE_EMPTY,
                               preview_msg(SHOP_MSG_FORM_LOOKUP_WRONG)};
    tpl_lookup(begin(), preview_lang,
               &(struct tpl_lookup_args){preview_page_of(SLICE("lookup"), "lookup"), empty, empty,
                                         &e, 1, SLICE("c")});
    save("lookup", "html");
    tpl_login(begin(), preview_lang,
              &(struct tpl_login_args){preview_page_of(SLICE("my"), "login"), empty, SLICE("/my"),
                                       NULL, 0, SLICE("c")});
    save("login", "html");
    tpl_register(begin(), preview_lang,
                 &(struct tpl_register_args){preview_page_of(SLICE("my"), "register"), empty, empty,
                                             empty, empty, SLICE_EMPTY, NULL, 0, SLICE("c")});
    save("register", "html");
    struct tpl_booking mine[] = {
        preview_booking_of(6, SHOP_MSG_BOOKING_CONFIRMED, "confirmed"),
        preview_booking_of(2, SHOP_MSG_BOOKING_AWAITING, "awaiting"),
        preview_booking_of(0, SHOP_MSG_BOOKING_EXPIRED, "expired"),
        preview_booking_of(8, SHOP_MSG_BOOKING_REFUNDED_LATE, "refunded_late")};
    struct tpl_page page = preview_page_of(SLICE("my"), "my");
    page.logged_in = true;
    tpl_my(begin(), preview_lang, &(struct tpl_my_args){page, mine, 4, SLICE("c")});
    save("my", "html");
}

static void others(void)
{
    static struct tpl_section sections[PREVIEW_MAX];
    static struct tpl_fee fees[8];
    static const char *const names[] = {"conditions", "terms", "privacy"};
    struct tpl_document_others siblings[] = {
        {SLICE("/terms"), preview_msg(SHOP_MSG_NAV_TERMS)},
        {SLICE("/privacy"), preview_msg(SHOP_MSG_NAV_PRIVACY)}};
    tpl_offices(begin(), preview_lang,
                &(struct tpl_offices_args){preview_page_of(SLICE("offices"), "offices")});
    save("offices", "html");
    tpl_company(begin(), preview_lang,
                &(struct tpl_company_args){preview_page_of(SLICE_EMPTY, "company")});
    save("company", "html");
    for (size_t i = 0; i < 3; i++) {
        tpl_document(begin(), preview_lang,
                     &(struct tpl_document_args){preview_page_of(SLICE_EMPTY, names[i]),
                                                 preview_document_of(i, sections), fees,
                                                 i ? 0 : preview_fees_of(fees, 0), siblings, 2});
        save(names[i], "html");
    }
    struct tpl_health_rooms rooms[] = {
        {SLICE("shopd"), SHOP_MSG_ROOM_SHOP, true, SLICE_EMPTY},
        {SLICE("vaultd"), SHOP_MSG_ROOM_VAULT, true, SLICE_EMPTY},
        {SLICE("ledgerd"), SHOP_MSG_ROOM_LEDGER, false,
         preview_lang == I18N_JA ? SLICE("接続できません") : SLICE("no connection")},
        {SLICE("payd"), SHOP_MSG_ROOM_PAY, true, SLICE_EMPTY}};
    tpl_health(begin(), preview_lang,
               &(struct tpl_health_args){preview_page_of(SLICE_EMPTY, "health"), false, true, false,
                                         false, rooms, 4, preview_now_us});
    save("health", "html");
    tpl_error(
        begin(), preview_lang,
        &(struct tpl_error_args){
            preview_page_of(SLICE_EMPTY, "error"), 404,
            preview_lang == I18N_JA ? SLICE("ページが見つかりません") : SLICE("Page not found"),
            preview_lang == I18N_JA
                ? SLICE("お探しのページは、移動したか、掲載を終えた可能性があります。")
                : SLICE("It may have moved or been taken down."),
            SLICE("bcdfghjklmnpqrstbcdfghjklmnpqrst")});
    save("error", "html");
    tpl_card_refused(begin(), preview_lang,
                     &(struct tpl_card_refused_args){preview_page_of(SLICE_EMPTY, "card"),
                                                     SLICE("bcdfghjklmnpqrstbcdfghjklmnpqrst")});
    save("card", "html");
}

static void mails(void)
{
    static struct tpl_fee fees[8];
    struct tpl_page page = preview_page_of(SLICE_EMPTY, "");
    struct tpl_booking b = preview_booking_of(6, SHOP_MSG_BOOKING_CONFIRMED, "confirmed");
    slice_t name = SLICE("関所 花子"), url = SLICE("http://shop.localhost:8080/bookings/x"),
            meeting = preview_str(json_array_get(json_object_get(preview_tour_at(6), "series"), 0),
                                  "meeting");
    tpl_mail_confirmed(begin(), preview_lang,
                       &(struct tpl_mail_confirmed_args){
                           page.agency, page.offices, 2, page.offices[0], name, b, meeting, fees,
                           preview_fees_of(fees, b.day), url, preview_now_us});
    save("mail-confirmed", "txt");
    b.hold_until = preview_now_us;
    tpl_mail_payment_failed(
        begin(), preview_lang,
        &(struct tpl_mail_payment_failed_args){page.agency, page.offices, 2, name, b, url});
    save("mail-payment-failed", "txt");
    tpl_mail_expired(begin(), preview_lang,
                     &(struct tpl_mail_expired_args){page.agency, page.offices, 2, name, b, url});
    save("mail-expired", "txt");
    tpl_mail_decided(
        begin(), preview_lang,
        &(struct tpl_mail_decided_args){page.agency, page.offices, 2, name, b, true, 0, 15, url});
    save("mail-runs", "txt");
    tpl_mail_decided(begin(), preview_lang,
                     &(struct tpl_mail_decided_args){page.agency, page.offices, 2, name, b, false,
                                                     b.total, 15, url});
    save("mail-called-off", "txt");
    tpl_mail_refund_late(
        begin(), preview_lang,
        &(struct tpl_mail_refund_late_args){page.agency, page.offices, 2, name, b, b.total, url});
    save("mail-refund-late", "txt");
    tpl_mail_refund_double(begin(), preview_lang,
                           &(struct tpl_mail_refund_double_args){page.agency, page.offices, 2,
                                                                 SLICE_EMPTY, b, b.total, url});
    save("mail-refund-double", "txt");
    tpl_mail_registered(
        begin(), preview_lang,
        &(struct tpl_mail_registered_args){page.agency, page.offices, 2, name, url});
    save("mail-registered", "txt");
}

int main(int argc, char **argv)
{
    json_error_t fault;
    preview_cat = argc == 3 ? json_load_file(argv[1], 0, &fault) : NULL;
    out_dir = argc == 3 ? open(argv[2], O_DIRECTORY | O_CLOEXEC) : -1;
    if (!preview_cat || out_dir < 0) {
        (void)fprintf(
            stderr, "usage: shop_preview CATALOGUE.json OUTPUT-FOLDER (with folders ja and en)\n");
        return 2;
    }
    arena_init(&preview_arena, 16 * 1024 * 1024);
    preview_now_us = clock_wall_us();
    preview_today = tokyo_date(preview_now_us);
    for (preview_lang = I18N_JA; preview_lang <= I18N_EN; preview_lang++) {
        lists();
        tours();
        departure("departure", 6, 0, false);
        departure("departure-rooms", 10, 3, false);
        departure("departure-errors", 6, 4, true);
        departure("departure-full", 6, 3, false);
        booking_flow();
        account();
        others();
        mails();
    }
    arena_deinit(&preview_arena);
    json_decref(preview_cat);
    return 0;
}
