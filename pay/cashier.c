#include "cashier.h"

#include <sodium.h>

#include "base/clock.h"

enum {
    PAGE_LIFE_MIN_S = 60,
    PAGE_LIFE_MAX_S = 86400,      /* KOMOJU's bound of expires_in_seconds */
    AMOUNT_MAX_MINOR = 100000000, /* a hundred million yen: no tour costs that */
    REFUND_ALARM_LOOKS = 8,       /* about a quarter of an hour */
};

/* ---- return tokens ---- */

static id128_t token_mac(const cashier_t *c, id128_t attempt)
{
    id128_t mac;
    crypto_generichash(mac.b, ID_BYTES, attempt.b, ID_BYTES, c->token_key.b, SECRET_BYTES);
    return mac;
}

void cashier_token_put(const cashier_t *c, buf_t *out, id128_t attempt)
{
    buf_id(out, attempt);
    buf_id(out, token_mac(c, attempt));
}

err_t cashier_token_read(const cashier_t *c, slice_t token, id128_t *ret_attempt)
{
    id128_t attempt, mac;
    ENSURE(token.len == 2 * ID_TEXT, ERR_DENIED);
    ENSURE(!err_failed(id_decode(slice_sub(token, 0, ID_TEXT), &attempt)), ERR_DENIED);
    ENSURE(!err_failed(id_decode(slice_from(token, ID_TEXT), &mac)), ERR_DENIED);
    id128_t want = token_mac(c, attempt);
    ENSURE(slice_eq_ct(id_slice(&mac), id_slice(&want)), ERR_DENIED);
    *ret_attempt = attempt;
    return OK;
}

/* ---- the brake ---- */

const char *cashier_closed_why(cashier_t *c, bool strict)
{
    brake_state_t s = strict ? brake_now_strict(c->brake) : brake_now(c->brake);
    if (brake_is_open(&s, BRAKE_PAYMENTS)) {
        return __atomic_load_n(&c->reconciling, __ATOMIC_RELAXED) ? "reconcile" : "";
    }
    return s.trouble == BRAKE_FINE ? "brake" : "board";
}

static err_t refused_by_brake(cashier_t *c, const pay_order_t *o, const char *why)
{
    uint8_t mem[64];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "why", slice_cstr_in(why));
    ledger_note(c->ledger, &(ledger_record_t){.type = LEDGER_PAY_REFUSED,
                                              .request = o->request,
                                              .object = o->booking,
                                              .facts = buf_slice(&facts)});
    return FAIL(ERR_STOPPED);
}

/* ---- what the provider says ---- */

/* The one way from the provider's words into the book. What does not fit is not believed: money
 * that does not fit puts the attempt in doubt. */
static err_t believe(cashier_t *c, const attempt_t *t, id128_t request, const adapter_news_t *n,
                     const char *source, pay_state_t *ret_state)
{
    const char *why = attempt_misfit(t, n);
    if (why) {
        ENSURE(pay_fact_is_money(n->fact), ERR_UPSTREAM);
        *ret_state = t->view.state;
        return book_doubt(c->book, t->view.attempt, request, n, why);
    }
    return book_learn(c->book, t->view.attempt, request, n, source, ret_state);
}

/* ---- creating ---- */

static err_t order_check(const pay_order_t *o)
{
    ENSURE(!id_is_zero(o->booking) && !id_is_zero(o->request), ERR_RANGE);
    ENSURE(o->amount_minor > 0 && o->amount_minor <= AMOUNT_MAX_MINOR, ERR_RANGE);
    ENSURE(memcmp(o->currency, "JPY", 3) == 0 && o->lang <= 1, ERR_RANGE);
    ENSURE(o->description.len > 0 && o->description.len <= PAY_TEXT_MAX, ERR_RANGE);
    ENSURE(o->client_token.len >= 16 && o->client_token.len <= PAY_TOKEN_MAX, ERR_RANGE);
    ENSURE(o->expires_us > clock_wall_us() + PAGE_LIFE_MIN_S * CLOCK_SECOND_US, ERR_EXPIRED);
    return OK;
}

/* One live attempt a booking: an older page is cancelled at the provider before a new one is made.
 * A declined one may still have a live page (the provider lets the customer try again there). */
static err_t older_attempts_end(cashier_t *c, arena_t *a, const pay_order_t *o)
{
    attempt_t *all = ARENA_ARRAY(a, attempt_t, BOOK_ATTEMPTS_MAX);
    size_t n;
    ENSURE(all, ERR_MEMORY);
    TRY(book_live_of(c->book, a, o->booking, all, BOOK_ATTEMPTS_MAX, &n));
    for (size_t i = 0; i < n; i++) {
        pay_state_t s = all[i].view.state;
        ENSURE(s != PAY_CAPTURED && s != PAY_AUTHORIZED && !all[i].doubt.len, ERR_CONFLICT);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(cashier_cancel(c, a, &all[i], o->request, "replaced"));
    }
    return OK;
}

/* The answer is about another sum or order than we asked for: nobody is sent to that page. */
static err_t page_check(const adapter_order_t *order, slice_t letters, const adapter_news_t *n)
{
    ENSURE(n->session.len && n->url.len, ERR_UPSTREAM);
    ENSURE(slice_eq(n->order, letters), ERR_UPSTREAM);
    ENSURE(n->page_minor == order->amount_minor, ERR_UPSTREAM);
    ENSURE(memcmp(n->currency, order->currency, sizeof n->currency) == 0, ERR_UPSTREAM);
    return OK;
}

static err_t page_make(cashier_t *c, arena_t *a, const attempt_t *t, adapter_news_t *ret_news)
{
    char letters[ID_TEXT];
    buf_t url;
    TRY(arena_buf(a, 512, &url));
    buf_cstr(&url, c->return_base);
    buf_cstr(&url, "/pay/return/");
    cashier_token_put(c, &url, t->view.attempt);
    TRY(buf_check(&url));
    int64_t lives_s = (t->expires_us - clock_wall_us()) / CLOCK_SECOND_US;
    ENSURE(lives_s > 0, ERR_EXPIRED);
    adapter_order_t order = {.attempt = t->view.attempt,
                             .booking = t->view.booking,
                             .amount_minor = t->view.amount_minor,
                             .lang = t->lang,
                             .lives_s = lives_s > PAGE_LIFE_MAX_S ? PAGE_LIFE_MAX_S : lives_s,
                             .description = t->description,
                             .return_url = buf_slice(&url)};
    memcpy(order.currency, t->view.currency, sizeof order.currency);
    TRY(c->adapter->create(c->adapter, a, &order, ret_news));
    id_encode(t->view.attempt, letters);
    return page_check(&order, slice_make(letters, sizeof letters), ret_news);
}

/* Writes down how the creation went and hands the failure on. */
static err_t creation_failed(cashier_t *c, const attempt_t *t, id128_t request, err_t why)
{
    bool unclear = err_is(why, ERR_TIMEOUT);
    adapter_news_t news = {.fact = unclear ? PAY_FACT_NO_ANSWER : PAY_FACT_CANCELLED};
    TRY(book_learn(c->book, t->view.attempt, request, &news, "create", NULL));
    return why;
}

/* Somebody ended the attempt while the provider was making its page: the page goes as well. */
static err_t page_unwanted(cashier_t *c, arena_t *a, slice_t session)
{
    adapter_news_t news;
    err_ignore(c->adapter->cancel(c->adapter, a, session, &news)); /* nobody knows its address */
    return FAIL(ERR_CONFLICT);
}

static err_t page_for(cashier_t *c, arena_t *a, attempt_t *t, id128_t request, slice_t *ret_url)
{
    adapter_news_t news = {0};
    pay_state_t state;
    err_t e = page_make(c, a, t, &news);
    if (err_failed(e)) {
        return creation_failed(c, t, request, e);
    }
    adapter_news_t made = {.fact = PAY_FACT_PAGE_MADE, .session = news.session, .url = news.url};
    TRY(book_learn(c->book, t->view.attempt, request, &made, "create", &state));
    if (state == PAY_ABANDONED || state == PAY_EXPIRED) {
        return page_unwanted(c, a, news.session);
    }
    t->session = news.session;
    *ret_url = news.url;
    return OK;
}

/* The same form sent again: the page that the first one made; or, when that never got its page, the
 * same order to the provider once more (idempotent there by our attempt's id). */
static err_t seen_again(cashier_t *c, arena_t *a, const pay_order_t *o, attempt_t *t,
                        slice_t *ret_url)
{
    pay_state_t s = t->view.state;
    ENSURE(t->view.amount_minor == o->amount_minor &&
               memcmp(t->view.currency, o->currency, sizeof o->currency) == 0,
           ERR_CONFLICT);
    ENSURE(pay_state_open(s) && !t->doubt.len && t->expires_us > clock_wall_us(), ERR_CONFLICT);
    if (t->session.len && t->url.len) {
        *ret_url = t->url;
        return OK;
    }
    return page_for(c, a, t, o->request, ret_url);
}

static err_t page_of_order(cashier_t *c, arena_t *a, const pay_order_t *o, attempt_t *t,
                           slice_t *ret_url)
{
    err_t seen = book_by_token(c->book, a, o->booking, o->client_token, t);
    if (!err_failed(seen)) {
        return seen_again(c, a, o, t, ret_url);
    }
    ENSURE(err_is(seen, ERR_NOT_FOUND), seen.code);
    TRY(older_attempts_end(c, a, o));
    TRY(book_create(c->book, a, o, t));
    return page_for(c, a, t, o->request, ret_url);
}

err_t cashier_create(cashier_t *c, arena_t *a, const pay_order_t *o, id128_t *ret_attempt,
                     slice_t *ret_url)
{
    attempt_t t;
    slice_t url;
    TRY(order_check(o));
    const char *why = cashier_closed_why(c, true);
    if (why[0]) {
        return refused_by_brake(c, o, why);
    }
    TURN_SCOPED turn_t turn = {0};
    TRY(turns_take(&c->turns, o->booking, TURNS_WAIT_MS, &turn));
    TRY(page_of_order(c, a, o, &t, &url));
    why = cashier_closed_why(c, true); /* pressed while the provider was thinking */
    if (why[0]) {
        /* the brake's own round tries again */
        err_ignore(cashier_cancel(c, a, &t, o->request, "brake"));
        return refused_by_brake(c, o, why);
    }
    TRY(arena_copy(a, url, ret_url));
    *ret_attempt = t.view.attempt;
    return OK;
}

/* ---- cancelling ---- */

/* What is true of the session after an attempt to cancel it. */
static err_t cancel_there(cashier_t *c, arena_t *a, slice_t session, adapter_news_t *ret_news)
{
    err_t e = c->adapter->cancel(c->adapter, a, session, ret_news);
    if (err_is(e, ERR_UPSTREAM)) { /* refused: it may be paid, expired or cancelled already */
        e = c->adapter->query(c->adapter, a, session, ret_news);
    }
    if (err_is(e, ERR_NOT_FOUND)) { /* the provider knows no such page: nobody can pay on it */
        *ret_news = (adapter_news_t){.knows = true, .fact = PAY_FACT_CANCELLED};
        return OK;
    }
    TRY(e);
    ENSURE(ret_news->knows, ERR_TIMEOUT);
    return OK;
}

err_t cashier_cancel(cashier_t *c, arena_t *a, const attempt_t *t, id128_t request,
                     const char *source)
{
    /* without a page: nobody was ever shown one, so nothing is to be cancelled there */
    adapter_news_t news = {.knows = true, .fact = PAY_FACT_CANCELLED};
    pay_state_t state;
    if (t->session.len) {
        TRY(cancel_there(c, a, t->session, &news));
    }
    TRY(believe(c, t, request, &news, source, &state));
    bool taken = news.fact == PAY_FACT_CAPTURED || news.fact == PAY_FACT_AUTHORIZED;
    ENSURE(!taken && state != PAY_CAPTURED && state != PAY_AUTHORIZED, ERR_CONFLICT);
    return OK;
}

err_t cashier_cancel_order(cashier_t *c, arena_t *a, id128_t attempt, id128_t request)
{
    attempt_t t;
    TRY(book_get(c->book, a, attempt, &t));
    TURN_SCOPED turn_t turn = {0};
    TRY(turns_take(&c->turns, t.view.booking, TURNS_WAIT_MS, &turn));
    TRY(book_get(c->book, a, attempt, &t)); /* as it is in our turn */
    pay_state_t s = t.view.state;
    ENSURE(s != PAY_CAPTURED && !t.doubt.len, ERR_CONFLICT);
    if (s == PAY_ABANDONED || s == PAY_EXPIRED || s == PAY_REFUNDED) {
        return OK;
    }
    return cashier_cancel(c, a, &t, request, "shop");
}

/* ---- paying back ---- */

static err_t refund_record(cashier_t *c, const attempt_t *t, int64_t due_minor, const char *step)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    ledger_fact(&facts, "step", slice_cstr_in(step));
    ledger_fact_i64(&facts, "amount", due_minor);
    return ledger_append(c->ledger,
                         &(ledger_record_t){.type = LEDGER_PAY_REFUND,
                                            .request = t->refund_request,
                                            .object = t->view.attempt,
                                            .parent = t->view.booking,
                                            .facts = buf_slice(&facts)},
                         1, NULL);
}

/* The provider was asked just before, every time: a refund whose answer was lost is not made
 * twice: due_minor is what is to be back in all, whatever part of it went before. */
static err_t refund_step(cashier_t *c, arena_t *a, const attempt_t *t, int64_t due_minor,
                         const adapter_news_t *asked)
{
    adapter_news_t news = *asked;
    int64_t rest_minor = due_minor - asked->refunded_minor;
    if (rest_minor > 0) {
        ENSURE(asked->payment.len, ERR_NOT_FOUND);
        TRY(refund_record(c, t, rest_minor, "asked"));
        TRY(c->adapter->refund(c->adapter, a, asked->payment, rest_minor, &news));
    }
    ENSURE(news.refunded_minor >= due_minor, ERR_UPSTREAM);
    bool whole = news.refunded_minor >= t->captured_minor; /* a part changes no state */
    adapter_news_t done = {.fact = whole ? PAY_FACT_REFUNDED : PAY_FACT_CAPTURED,
                           .amount_minor = whole ? due_minor : t->view.amount_minor,
                           .refunded_minor = news.refunded_minor};
    memcpy(done.currency, t->view.currency, sizeof done.currency);
    TRY(book_learn(c->book, t->view.attempt, t->refund_request, &done, "refund", NULL));
    return refund_record(c, t, due_minor, "done");
}

/* A person's verdict "give it back": whatever the provider has taken, or nothing. */
static err_t return_step(cashier_t *c, arena_t *a, const attempt_t *t, const adapter_news_t *asked)
{
    bool took = asked->knows && pay_fact_is_money(asked->fact) && asked->amount_minor > 0;
    if (took) {
        return refund_step(c, a, t, asked->amount_minor, asked);
    }
    return book_returned(c->book, t->view.attempt);
}

/* Nothing is lost quietly: a refund that does not go through is shown to a person. */
static void refund_stuck(cashier_t *c, const attempt_t *t, err_t why)
{
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    if (t->looks != REFUND_ALARM_LOOKS) {
        return;
    }
    ledger_fact(&facts, "what", SLICE("refund_does_not_go_through"));
    ledger_fact(&facts, "error", slice_cstr_in(err_name(why.code)));
    ledger_note(c->ledger, &(ledger_record_t){.type = LEDGER_ALARM,
                                              .request = t->refund_request,
                                              .object = t->view.attempt,
                                              .parent = t->view.booking,
                                              .facts = buf_slice(&facts)});
}

/* ---- looking ---- */

/* No page was ever shown to anybody. After a grace, in which the same form sent again would still
 * get its page, such an attempt is over. */
static err_t look_without_page(cashier_t *c, const attempt_t *t)
{
    int64_t now_us = clock_wall_us(), grace_us = 30 * CLOCK_SECOND_US;
    bool late = now_us >= t->expires_us;
    if (!pay_state_open(t->view.state) || (!late && now_us < t->view.changed_us + grace_us)) {
        return OK;
    }
    adapter_news_t news = {.fact = late ? PAY_FACT_EXPIRED : PAY_FACT_CANCELLED};
    return book_learn(c->book, t->view.attempt, t->request, &news, "clock", NULL);
}

/* The provider knows no such session. While it could still live that is no news; after it, it is
 * over. */
static err_t look_unknown(cashier_t *c, const attempt_t *t)
{
    adapter_news_t news = {.fact = PAY_FACT_EXPIRED};
    if (!pay_state_open(t->view.state) || clock_wall_us() < t->expires_us) {
        return FAIL(ERR_NOT_FOUND);
    }
    return book_learn(c->book, t->view.attempt, t->request, &news, "query", NULL);
}

static err_t look_at_page(cashier_t *c, arena_t *a, const attempt_t *t)
{
    adapter_news_t news = {0};
    pay_state_t state = t->view.state;
    err_t e = c->adapter->query(c->adapter, a, t->session, &news);
    if (err_is(e, ERR_NOT_FOUND)) {
        return look_unknown(c, t);
    }
    TRY(e);
    if (t->return_ordered) {
        return return_step(c, a, t, &news);
    }
    if (news.knows) {
        TRY(believe(c, t, t->request, &news, "query", &state));
    }
    if (t->refund_due_minor > t->refunded_minor && state == PAY_CAPTURED) {
        return refund_step(c, a, t, t->refund_due_minor, &news);
    }
    return OK;
}

err_t cashier_look(cashier_t *c, arena_t *a, const attempt_t *t)
{
    err_t e = t->session.len ? look_at_page(c, a, t) : look_without_page(c, t);
    if (err_failed(e) && (t->refund_due_minor > 0 || t->return_ordered)) {
        refund_stuck(c, t, e);
    }
    TRY(book_looked(c->book, t->view.attempt));
    return e;
}

/* ---- notifications ---- */

static err_t attempt_of(cashier_t *c, arena_t *a, const adapter_news_t *n, attempt_t *ret_attempt)
{
    id128_t id;
    ENSURE(!err_failed(id_decode(n->order, &id)), ERR_NOT_FOUND);
    return book_get(c->book, a, id, ret_attempt);
}

/* A page that was made between backup and restore is paid: its attempt is taken over. */
static err_t attempt_adopt(cashier_t *c, arena_t *a, id128_t request, const adapter_news_t *n,
                           attempt_t *ret_attempt)
{
    book_restored_t r;
    id128_t id;
    TRY(book_restored(c->book, &r));
    ENSURE(!err_failed(id_decode(n->order, &id)) && book_may_adopt(&r, id), ERR_NOT_FOUND);
    ENSURE(n->booking.len && pay_fact_is_money(n->fact), ERR_NOT_FOUND);
    TRY(book_adopt(c->book, id, request, n));
    return book_get(c->book, a, id, ret_attempt);
}

/* Most of a list only says what the book has. */
static bool is_known(const attempt_t *t, const adapter_news_t *n)
{
    bool same = (t->view.state == PAY_CAPTURED && n->fact == PAY_FACT_CAPTURED) ||
                (t->view.state == PAY_REFUNDED && n->fact == PAY_FACT_REFUNDED);
    return same && !attempt_misfit(t, n) && slice_eq(t->payment, n->payment) &&
           t->refunded_minor == n->refunded_minor;
}

err_t cashier_reconcile(cashier_t *c, arena_t *a, const adapter_news_t *n)
{
    attempt_t t;
    id128_t id, request = id_new();
    pay_state_t state;
    bool money = n->knows && pay_fact_is_money(n->fact);
    if (!money || err_failed(id_decode(n->order, &id))) {
        return OK; /* nothing moved; or not of this house: the account may have other uses */
    }
    err_t e = attempt_of(c, a, n, &t);
    if (err_is(e, ERR_NOT_FOUND) && n->fact == PAY_FACT_REFUNDED) {
        return OK; /* taken and given back, both unknown here: nothing is left to do */
    }
    if (err_is(e, ERR_NOT_FOUND)) {
        e = attempt_adopt(c, a, request, n, &t);
    }
    if (err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_RANGE) || err_is(e, ERR_SYNTAX)) {
        return book_orphan(c->book, request, n);
    }
    TRY(e);
    return is_known(&t, n) ? OK : believe(c, &t, request, n, "reconcile", &state);
}

err_t cashier_apply(cashier_t *c, arena_t *a, const notice_t *notice)
{
    attempt_t t;
    const adapter_news_t *n = &notice->news;
    if (!n->knows) {
        return book_notice_end(c->book, notice->seq, "no money moved");
    }
    err_t e = attempt_of(c, a, n, &t);
    if (err_is(e, ERR_NOT_FOUND)) {
        e = attempt_adopt(c, a, notice->request, n, &t);
    }
    if (err_is(e, ERR_NOT_FOUND) || err_is(e, ERR_RANGE) || err_is(e, ERR_SYNTAX)) {
        return book_notice_quarantine(c->book, notice, NULL, "order");
    }
    TRY(e);
    const char *why = attempt_misfit(&t, n);
    if (why) {
        return book_notice_quarantine(c->book, notice, &t, why);
    }
    TRY(book_learn(c->book, t.view.attempt, notice->request, n, "notice", NULL));
    return book_notice_end(c->book, notice->seq, "");
}
