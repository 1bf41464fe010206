#include "cashier_int.h"

#include <sodium.h>

#include "base/clock.h"

enum {
    PAGE_LIFE_MIN_S = 60,
    PAGE_LIFE_MAX_S = 86400,      /* KOMOJU's bound of expires_in_seconds */
    AMOUNT_MAX_MINOR = 100000000, /* a hundred million yen: no tour costs that */
};

const adapter_t *cashier_adapter(const cashier_t *c, slice_t name)
{
    for (size_t i = 0; i < c->n_adapters; i++) {
        if (slice_eq(name, slice_cstr_in(c->adapters[i].name))) {
            return &c->adapters[i];
        }
    }
    return NULL;
}

adapter_ref_t cashier_ref(const attempt_t *t)
{
    return (adapter_ref_t){.attempt = t->view.attempt,
                           .session = t->session,
                           .payment = t->payment,
                           .expires_us = t->expires_us};
}

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

err_t cashier_order(const cashier_t *c, arena_t *a, const attempt_t *t, adapter_order_t *ret_order)
{
    buf_t url;
    TRY(arena_buf(a, 512, &url));
    buf_cstr(&url, c->return_base);
    buf_cstr(&url, "/pay/return/");
    cashier_token_put(c, &url, t->view.attempt);
    TRY(buf_check(&url));
    int64_t lives_s = (t->expires_us - clock_wall_us()) / CLOCK_SECOND_US;
    adapter_order_t order = {.attempt = t->view.attempt,
                             .booking = t->view.booking,
                             .amount_minor = t->view.amount_minor,
                             .lang = t->lang,
                             .lives_s = lives_s > PAGE_LIFE_MAX_S ? PAGE_LIFE_MAX_S : lives_s,
                             .expires_us = t->expires_us,
                             .description = t->description,
                             .return_url = buf_slice(&url)};
    memcpy(order.currency, t->view.currency, sizeof order.currency);
    *ret_order = order;
    return OK;
}

static err_t page_make(cashier_t *c, arena_t *a, const adapter_t *provider, const attempt_t *t,
                       adapter_news_t *ret_news)
{
    char letters[ID_TEXT];
    adapter_order_t order;
    TRY(cashier_order(c, a, t, &order));
    ENSURE(order.lives_s > 0, ERR_EXPIRED);
    TRY(provider->create(provider, a, &order, ret_news));
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
static err_t page_unwanted(const adapter_t *provider, arena_t *a, const attempt_t *t,
                           slice_t session)
{
    adapter_news_t news;
    adapter_ref_t ref = cashier_ref(t);
    ref.session = session;
    if (provider->cancel) {
        err_ignore(provider->cancel(provider, a, &ref, &news)); /* nobody knows its address */
    }
    return FAIL(ERR_CONFLICT);
}

static err_t page_for(cashier_t *c, arena_t *a, attempt_t *t, id128_t request, slice_t *ret_url)
{
    adapter_news_t news = {0};
    pay_state_t state;
    const adapter_t *provider = cashier_adapter(c, t->provider);
    ENSURE(provider, ERR_UNAVAILABLE);
    err_t e = page_make(c, a, provider, t, &news);
    if (err_failed(e)) {
        return creation_failed(c, t, request, e);
    }
    adapter_news_t made = {.fact = PAY_FACT_PAGE_MADE, .session = news.session, .url = news.url};
    TRY(book_learn(c->book, t->view.attempt, request, &made, "create", &state));
    if (state == PAY_ABANDONED || state == PAY_EXPIRED) {
        return page_unwanted(provider, a, t, news.session);
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
    const adapter_t *provider = o->provider.len ? cashier_adapter(c, o->provider) : c->adapters;
    ENSURE(provider, ERR_NOT_FOUND);
    TRY(older_attempts_end(c, a, o));
    TRY(book_create(c->book, a, provider->name, o, t));
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

/* A provider without such a call cannot be told: our own door to the page is shut by the state, and
 * what is paid on it all the same is found like any late payment. */
static err_t cancel_call(const adapter_t *provider, arena_t *a, const adapter_ref_t *ref,
                         adapter_news_t *ret_news)
{
    if (provider->cancel) {
        return provider->cancel(provider, a, ref, ret_news);
    }
    TRY(provider->query(provider, a, ref, ret_news));
    if (!ret_news->knows) {
        *ret_news = (adapter_news_t){.knows = true, .fact = PAY_FACT_CANCELLED};
    }
    return OK;
}

/* What is true of the session after an attempt to cancel it. */
err_t cashier_cancel_there(cashier_t *c, arena_t *a, const attempt_t *t, adapter_news_t *ret_news)
{
    const adapter_t *provider = cashier_adapter(c, t->provider);
    adapter_ref_t ref = cashier_ref(t);
    ENSURE(provider, ERR_UNAVAILABLE);
    err_t e = cancel_call(provider, a, &ref, ret_news);
    if (err_is(e, ERR_UPSTREAM)) { /* refused: it may be paid, expired or cancelled already */
        e = provider->query(provider, a, &ref, ret_news);
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
        TRY(cashier_cancel_there(c, a, t, &news));
    }
    TRY(cashier_believe(c, a, t, request, &news, source, &state));
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

/* ---- the form to the provider ---- */

err_t cashier_form(cashier_t *c, arena_t *a, slice_t token, adapter_form_t *ret_form,
                   attempt_t *ret_attempt)
{
    id128_t id;
    adapter_order_t order;
    TRY(cashier_token_read(c, token, &id));
    TRY(book_get(c->book, a, id, ret_attempt));
    const adapter_t *provider = cashier_adapter(c, ret_attempt->provider);
    ENSURE(provider && provider->form, ERR_NOT_FOUND);
    ENSURE(!cashier_closed_why(c, true)[0], ERR_STOPPED);
    ENSURE(ret_attempt->view.state == PAY_REDIRECTED && !ret_attempt->doubt.len, ERR_EXPIRED);
    TRY(cashier_order(c, a, ret_attempt, &order));
    ENSURE(order.lives_s > 0, ERR_EXPIRED);
    return provider->form(provider, a, &order, ret_form);
}
