/* The walk. */
#include "load/shopper.h"

#include "base/clock.h"
#include "base/id.h"
#include "load/page.h"

enum { PAGE_ARENA_BYTES = 8 * 1024 * 1024 };

static const char *const STEP_NAMES[LOAD_STEPS] = {
    [LOAD_HOME] = "home",
    [LOAD_SEARCH] = "search",
    [LOAD_TOUR] = "tour",
    [LOAD_DEPARTURE] = "departure",
    [LOAD_HOLD] = "hold",
    [LOAD_TRAVELLERS] = "travellers",
    [LOAD_TRAVELLERS_SEND] = "travellers-send",
    [LOAD_CONFIRM] = "confirm",
    [LOAD_CONSENT] = "consent",
    [LOAD_PROVIDER] = "provider",
    [LOAD_ACT] = "act",
    [LOAD_RETURN] = "return",
    [LOAD_BOOKING] = "booking",
    [LOAD_CANCEL] = "cancel",
    [LOAD_PAY] = "pay",
};

const char *load_step_name(load_step_t step)
{
    return (unsigned)step < LOAD_STEPS ? STEP_NAMES[step] : "unknown";
}

err_t load_house_init(load_house_t *h, unsigned port, const char *var, int timeout_ms)
{
    *h = (load_house_t){.timeout_ms = timeout_ms};
    if (var) {
        int n = snprintf(h->socket, sizeof h->socket, "%s/run/shop.http.sock", var);
        ENSURE(n > 0 && (size_t)n < sizeof h->socket, ERR_LIMIT);
    }
    snprintf(h->origin, sizeof h->origin, "http://shop.localhost:%u", port);
    h->shop = (http_peer_t){var ? h->socket : NULL, port, "shop.localhost"};
    h->psp = (http_peer_t){NULL, port + 10, "psp.localhost"}; /* HOUSE_PSP_OFFSET */
    return OK;
}

void shopper_init(shopper_t *s, const load_house_t *house, uint32_t source, bool keep)
{
    *s = (shopper_t){.house = house, .source = source, .keep = keep};
    http_init(&s->shop, &house->shop, source, house->timeout_ms);
    http_init(&s->psp, &house->psp, source, house->timeout_ms);
    arena_init(&s->arenas[0], PAGE_ARENA_BYTES);
    arena_init(&s->arenas[1], PAGE_ARENA_BYTES);
}

void shopper_deinit(shopper_t *s)
{
    http_deinit(&s->shop);
    http_deinit(&s->psp);
    arena_deinit(&s->arenas[0]);
    arena_deinit(&s->arenas[1]);
    for (size_t i = 0; i < LOAD_STEPS; i++) {
        tally_times_free(&s->times[i]);
    }
}

void shopper_from(shopper_t *s, uint32_t source)
{
    s->source = s->shop.source = s->psp.source = source;
}

void shopper_fresh(shopper_t *s)
{
    memset(s->cookies, 0, sizeof s->cookies);
    arena_reset(&s->arenas[0]);
    arena_reset(&s->arenas[1]);
    s->page = (http_answer_t){0};
    s->url[0] = s->booking[0] = 0;
    s->walk_us = 0;
    if (!s->keep) {
        http_close(&s->shop);
        http_close(&s->psp);
    }
}

bool shopper_unsure(const shopper_t *s)
{
    return s->fault == LOAD_UNANSWERED || (s->fault == LOAD_STATUS && s->status >= 500);
}

/* ---- cookies ---- */

static size_t cookie_name_len(slice_t pair)
{
    size_t eq = slice_find_byte(pair, '=');
    return eq == SIZE_MAX ? pair.len : eq;
}

/* One Set-Cookie line; paths and the like are the whole site's here. Max-Age=0 and an empty value
 * end a cookie. */
static err_t cookie_take(shopper_t *s, slice_t line)
{
    slice_t pair = slice_trim(slice_sub(line, 0, slice_find_byte(line, ';')));
    size_t name = cookie_name_len(pair);
    bool ends = pair.len <= name + 1;
    ENSURE(name > 0 && pair.len < SHOPPER_COOKIE_BYTES, ERR_LIMIT);
    char *place = NULL;
    for (size_t i = 0; i < SHOPPER_COOKIES; i++) {
        slice_t old = slice_cstr_in(s->cookies[i]);
        if (old.len &&
            slice_eq(slice_sub(old, 0, cookie_name_len(old)), slice_sub(pair, 0, name))) {
            place = s->cookies[i];
            break;
        }
        place = place || old.len ? place : s->cookies[i];
    }
    ENSURE(place, ERR_LIMIT);
    snprintf(place, SHOPPER_COOKIE_BYTES, "%.*s", ends ? 0 : (int)pair.len, (const char *)pair.ptr);
    return OK;
}

static err_t cookies_put(shopper_t *s, arena_t *a, slice_t *ret_line)
{
    buf_t b;
    TRY(arena_buf(a, sizeof s->cookies, &b));
    for (size_t i = 0; i < SHOPPER_COOKIES; i++) {
        if (s->cookies[i][0]) {
            buf_cstr(&b, b.len ? "; " : "");
            buf_cstr(&b, s->cookies[i]);
        }
    }
    *ret_line = buf_slice(&b);
    return OK;
}

/* ---- one request ---- */

static arena_t *page_arena(shopper_t *s)
{
    return &s->arenas[s->now];
}

static void note(shopper_t *s, load_fault_t fault, const char *word)
{
    char name[TALLY_NAME];
    s->fault = fault;
    if (word) {
        snprintf(name, sizeof name, "%s %s", load_step_name(s->step), word);
    } else {
        snprintf(name, sizeof name, "%s %d", load_step_name(s->step), s->status);
    }
    tally_count(&s->tally, slice_cstr_in(name), 1);
}

/* A page without what it must have. */
static err_t lacking(shopper_t *s, load_step_t step, err_t e)
{
    if (err_failed(e)) {
        s->step = step;
        note(s, LOAD_PAGE, "page");
    }
    return e;
}

static err_t url_keep(shopper_t *s, slice_t url)
{
    ENSURE(url.len > 0 && url.len < sizeof s->url, ERR_LIMIT);
    memmove(s->url, url.ptr, url.len);
    s->url[url.len] = 0;
    return OK;
}

/* The answer becomes the page; `ok` is the status that the step leads to. */
static err_t taken(shopper_t *s, const http_answer_t *answer, int ok)
{
    slice_t line;
    s->now = 1 - s->now;
    s->page = *answer;
    s->status = answer->status;
    for (size_t i = 0; (line = http_header(answer->head, SLICE("set-cookie"), i)).len; i++) {
        TRY(lacking(s, s->step, cookie_take(s, line)));
    }
    if (answer->status != ok) {
        note(s, LOAD_STATUS, NULL);
        return FAIL(ERR_UPSTREAM);
    }
    note(s, LOAD_FINE, NULL);
    return OK;
}

static err_t ask(shopper_t *s, http_conn_t *conn, load_step_t step, const http_request_t *wish,
                 int ok)
{
    http_request_t r = *wish;
    http_answer_t answer;
    arena_t *next = &s->arenas[1 - s->now];
    arena_reset(next);
    s->step = step;
    s->status = 0;
    if (conn == &s->shop) {
        TRY(cookies_put(s, page_arena(s), &r.cookies));
    }
    int64_t from_us = clock_wait_us();
    err_t e = http_ask(conn, &r, next, &answer);
    s->took_us = clock_wait_us() - from_us;
    s->walk_us += conn == &s->shop ? s->took_us : 0;
    if (err_failed(e)) {
        bool sent = !err_is(e, ERR_UNAVAILABLE);
        note(s, sent ? LOAD_UNANSWERED : LOAD_UNREACHED, sent ? "unanswered" : "unreached");
        return e;
    }
    tally_time(&s->times[step], s->took_us);
    return taken(s, &answer, ok);
}

static err_t get(shopper_t *s, load_step_t step, slice_t target)
{
    http_request_t r = {.method = "GET", .target = target};
    TRY(ask(s, &s->shop, step, &r, 200));
    return url_keep(s, target);
}

/* A form; its answer leads somewhere (303), which s->url then holds. */
static err_t send_form(shopper_t *s, http_conn_t *conn, load_step_t step, slice_t action,
                       slice_t body)
{
    http_request_t r = {.method = "POST", .target = action, .body = body};
    if (conn == &s->shop) {
        r.referer = slice_cstr_in(s->house->origin);
    }
    TRY(ask(s, conn, step, &r, 303));
    return lacking(s, step, url_keep(s, http_header(s->page.head, SLICE("location"), 0)));
}

static err_t post(shopper_t *s, http_conn_t *conn, load_step_t step, const page_form_t *form)
{
    slice_t body;
    TRY(page_form_body(page_arena(s), form, &body));
    return send_form(s, conn, step, form->action, body);
}

static slice_t here(const shopper_t *s)
{
    return slice_cstr_in(s->url);
}

/* ---- looking for a tour ---- */

err_t shopper_home(shopper_t *s)
{
    return get(s, LOAD_HOME, SLICE("/"));
}

err_t shopper_search(shopper_t *s, slice_t place, slice_t city)
{
    page_form_t f;
    slice_t query, target;
    arena_t *a = page_arena(s);
    TRY(lacking(s, LOAD_SEARCH, page_form(a, s->page.body, SLICE("/tours"), &f)));
    TRY(lacking(s, LOAD_SEARCH, page_fill(&f, SLICE("place"), place)));
    TRY(lacking(s, LOAD_SEARCH, page_fill(&f, SLICE("city"), city)));
    TRY(page_form_body(a, &f, &query));
    TRY(arena_printf(a, &target, "%.*s?%.*s", SLICE_FMT(f.action), SLICE_FMT(query)));
    return get(s, LOAD_SEARCH, target);
}

err_t shopper_tour(shopper_t *s, slice_t slug)
{
    slice_t href, start;
    size_t n = 0;
    arena_t *a = page_arena(s);
    TRY(arena_printf(a, &start, "/tours/%.*s", SLICE_FMT(slug)));
    TRY(page_links(a, s->page.body, SLICE_EMPTY, start, &href, 1, &n));
    TRY(lacking(s, LOAD_TOUR, n ? OK : FAIL(ERR_NOT_FOUND)));
    return get(s, LOAD_TOUR, href);
}

err_t shopper_departure(shopper_t *s, slice_t id, size_t nth)
{
    slice_t hrefs[200], start;
    size_t n = 0;
    arena_t *a = page_arena(s);
    TRY(arena_printf(a, &start, "/departures/%.*s", SLICE_FMT(id)));
    TRY(page_links(a, s->page.body, SLICE("button"), start, hrefs, BASE_COUNT(hrefs), &n));
    TRY(lacking(s, LOAD_DEPARTURE, n ? OK : FAIL(ERR_NOT_FOUND)));
    return get(s, LOAD_DEPARTURE, hrefs[nth < n ? nth : n - 1]);
}

err_t shopper_departure_open(shopper_t *s, slice_t id)
{
    slice_t target;
    TRY(arena_printf(page_arena(s), &target, "/departures/%.*s", SLICE_FMT(id)));
    return get(s, LOAD_DEPARTURE, target);
}

/* ---- booking ---- */

static err_t number_fill(shopper_t *s, page_form_t *f, const char *name, unsigned n)
{
    slice_t text;
    TRY(arena_printf(page_arena(s), &text, "%u", n));
    return page_fill(f, slice_cstr_in(name), text);
}

/* "/bookings/<id>/travellers" */
static err_t booking_of(slice_t url, char ret_id[SHOPPER_ID])
{
    id128_t id;
    slice_t rest = slice_from(url, 10);
    ENSURE(slice_starts(url, SLICE("/bookings/")), ERR_SYNTAX);
    TRY(id_decode(slice_sub(rest, 0, ID_TEXT), &id));
    memcpy(ret_id, rest.ptr, ID_TEXT);
    ret_id[ID_TEXT] = 0;
    return OK;
}

static err_t kept(char *out, size_t cap, slice_t text)
{
    ENSURE(text.len < cap, ERR_LIMIT);
    snprintf(out, cap, "%.*s", SLICE_FMT(text));
    return OK;
}

err_t shopper_hold_form(shopper_t *s, unsigned adults, unsigned children, shopper_form_t *ret_form)
{
    page_form_t f;
    slice_t body;
    TRY(lacking(s, LOAD_HOLD, page_form(page_arena(s), s->page.body, SLICE("/hold"), &f)));
    TRY(lacking(s, LOAD_HOLD, number_fill(s, &f, "adults", adults)));
    TRY(lacking(s, LOAD_HOLD, number_fill(s, &f, "children", children)));
    TRY(page_form_body(page_arena(s), &f, &body));
    memcpy(ret_form->cookies, s->cookies, sizeof s->cookies);
    TRY(kept(ret_form->action, sizeof ret_form->action, f.action));
    return kept(ret_form->body, sizeof ret_form->body, body);
}

err_t shopper_hold_send(shopper_t *s, const shopper_form_t *form)
{
    memcpy(s->cookies, form->cookies, sizeof s->cookies);
    err_t e =
        send_form(s, &s->shop, LOAD_HOLD, slice_cstr_in(form->action), slice_cstr_in(form->body));
    if (err_failed(e)) {
        return s->status == 409 ? FAIL(ERR_FULL) : e;
    }
    return lacking(s, LOAD_HOLD, booking_of(here(s), s->booking));
}

err_t shopper_hold(shopper_t *s, unsigned adults, unsigned children)
{
    shopper_form_t form;
    TRY(shopper_hold_form(s, adults, children, &form));
    return shopper_hold_send(s, &form);
}

/* Letters only: a digit more in a name would be no name, and long digits look like cards. */
static void letters(char *out, size_t n)
{
    random_letters(out, n);
    out[n] = 0;
}

static err_t fill_text(page_form_t *f, const char *name, const char *value)
{
    return page_fill(f, slice_cstr_in(name), slice_cstr_in(value));
}

static err_t fill_birth(page_form_t *f, arena_t *a, unsigned n, const char *year)
{
    static const char *const PARTS[] = {"year", "month", "day"};
    const char *const values[] = {year, "4", "12"};
    for (size_t i = 0; i < BASE_COUNT(PARTS); i++) {
        slice_t name;
        TRY(arena_printf(a, &name, "t%u_%s", n, PARTS[i]));
        TRY(page_fill(f, name, slice_cstr_in(values[i])));
    }
    return OK;
}

static err_t fill_companion(page_form_t *f, arena_t *a, unsigned n, bool child)
{
    slice_t name;
    TRY(arena_printf(a, &name, "t%u_name", n));
    TRY(page_fill(f, name, child ? SLICE("関所 次郎") : SLICE("関所 太郎")));
    TRY(arena_printf(a, &name, "t%u_kana", n));
    TRY(page_fill(f, name, child ? SLICE("セキショ ジロウ") : SLICE("セキショ タロウ")));
    return fill_birth(f, a, n, child ? "2019" : "1984");
}

static err_t fill_people(page_form_t *f, arena_t *a, unsigned adults, unsigned children)
{
    slice_t email;
    char who[13];
    letters(who, sizeof who - 1);
    TRY(arena_printf(a, &email, "load.%s@example.com", who));
    TRY(fill_text(f, "name", "関所 花子"));
    TRY(fill_text(f, "kana", "セキショ ハナコ"));
    TRY(page_fill(f, SLICE("email"), email));
    TRY(fill_text(f, "phone", "090-1234-5678"));
    TRY(fill_text(f, "postal", "060-0001"));
    TRY(fill_text(f, "address", "北海道札幌市中央区北一条西二丁目"));
    TRY(fill_text(f, "same", "1"));
    TRY(fill_birth(f, a, 1, "1988"));
    for (unsigned n = 2; n <= adults + children; n++) {
        TRY(fill_companion(f, a, n, n > adults));
    }
    return OK;
}

err_t shopper_travellers(shopper_t *s, unsigned adults, unsigned children)
{
    page_form_t f;
    slice_t target;
    TRY(arena_printf(page_arena(s), &target, "/bookings/%s/travellers", s->booking));
    TRY(get(s, LOAD_TRAVELLERS, target));
    arena_t *a = page_arena(s);
    TRY(lacking(s, LOAD_TRAVELLERS_SEND, page_form(a, s->page.body, SLICE("/travellers"), &f)));
    TRY(lacking(s, LOAD_TRAVELLERS_SEND, fill_people(&f, a, adults, children)));
    TRY(post(s, &s->shop, LOAD_TRAVELLERS_SEND, &f));
    TRY(arena_printf(page_arena(s), &target, "%s", s->url));
    return get(s, LOAD_CONFIRM, target);
}

/* The last answer must lead to the provider. */
static err_t leads_to_provider(shopper_t *s)
{
    char start[80];
    snprintf(start, sizeof start, "http://%s:%u/sessions/", s->house->psp.name, s->house->psp.port);
    if (!slice_starts(here(s), slice_cstr_in(start))) {
        note(s, LOAD_STATUS, slice_ends(here(s), SLICE("down=1")) ? "provider-down" : "elsewhere");
        return FAIL(ERR_UPSTREAM);
    }
    return OK;
}

err_t shopper_consent(shopper_t *s)
{
    page_form_t f;
    TRY(lacking(s, LOAD_CONSENT, page_form(page_arena(s), s->page.body, SLICE("/confirm"), &f)));
    TRY(lacking(s, LOAD_CONSENT, page_fill(&f, SLICE("consent"), SLICE("1"))));
    err_t e = post(s, &s->shop, LOAD_CONSENT, &f);
    if (err_failed(e)) {
        return s->status == 409 ? FAIL(ERR_EXPIRED) : e;
    }
    return leads_to_provider(s);
}

/* Path of an absolute address at this origin; the empty slice for another's. */
static slice_t path_at(slice_t url, slice_t origin)
{
    return slice_starts(url, origin) ? slice_from(url, origin.len) : SLICE_EMPTY;
}

err_t shopper_pay(shopper_t *s, slice_t scenario)
{
    page_form_t f;
    slice_t target, back;
    char origin[64];
    snprintf(origin, sizeof origin, "http://%s:%u", s->house->psp.name, s->house->psp.port);
    TRY(arena_copy(page_arena(s), path_at(here(s), slice_cstr_in(origin)), &target));
    http_request_t r = {.method = "GET", .target = target};
    TRY(ask(s, &s->psp, LOAD_PROVIDER, &r, 200));
    TRY(lacking(s, LOAD_ACT, page_form(page_arena(s), s->page.body, SLICE("/act"), &f)));
    TRY(lacking(s, LOAD_ACT, page_fill(&f, SLICE("scenario"), scenario)));
    TRY(post(s, &s->psp, LOAD_ACT, &f));
    TRY(arena_copy(page_arena(s), path_at(here(s), slice_cstr_in(s->house->origin)), &back));
    return back.len ? get(s, LOAD_RETURN, back) : OK; /* else she is still at the provider's */
}

static err_t booking_open(shopper_t *s)
{
    slice_t target;
    TRY(arena_printf(page_arena(s), &target, "/bookings/%s", s->booking));
    return get(s, LOAD_BOOKING, target);
}

err_t shopper_state(shopper_t *s, char ret_state[SHOPPER_STATE])
{
    TRY(booking_open(s));
    slice_t word = page_word_after(s->page.body, SLICE("class=\"state state-"));
    TRY(lacking(s, LOAD_BOOKING,
                word.len > 0 && word.len < SHOPPER_STATE ? OK : FAIL(ERR_NOT_FOUND)));
    snprintf(ret_state, SHOPPER_STATE, "%.*s", SLICE_FMT(word));
    return OK;
}

err_t shopper_cancel(shopper_t *s)
{
    page_form_t f;
    TRY(booking_open(s));
    if (err_failed(page_form(page_arena(s), s->page.body, SLICE("/cancel"), &f))) {
        return FAIL(ERR_CONFLICT);
    }
    return post(s, &s->shop, LOAD_CANCEL, &f);
}

err_t shopper_pay_again(shopper_t *s)
{
    page_form_t f;
    slice_t href, start;
    size_t n = 0;
    TRY(booking_open(s));
    arena_t *a = page_arena(s);
    TRY(arena_printf(a, &start, "/bookings/%s/pay", s->booking));
    TRY(page_links(a, s->page.body, SLICE("button"), start, &href, 1, &n));
    ENSURE(n, ERR_CONFLICT);
    TRY(get(s, LOAD_PAY, href));
    TRY(lacking(s, LOAD_PAY, page_form(page_arena(s), s->page.body, SLICE("/pay"), &f)));
    TRY(post(s, &s->shop, LOAD_PAY, &f));
    return leads_to_provider(s);
}
