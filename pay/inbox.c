/* Order of things, each before the next: size cap (web floor), MAC in constant time, the record,
 * the bytes stored, the answer. Nothing is decided while the provider waits. The bytes hold what a
 * customer may have typed at the provider, so they are sealed to the investigator's key; a card
 * number anywhere in them is cut before (law 5). */
#include "inbox.h"

#include <sodium.h>

#include "base/clock.h"
#include "io/log.h"
#include "link.h"
#include "text/card.h"
#include "text/json.h"

enum {
    WORK_ARENA = 512 * 1024,
    WORK_MOST = 1000,
    CARD_ARENA = 4 * 1024 * 1024,
    BAD_RECORD_US = 100000
};

const web_route_t INBOX_ROUTES[] = {
    {.methods = WEB_POST,
     .pattern = "/pay/notify/:provider",
     .name = "pay.notify",
     .handler = inbox_handle,
     .csp = WEB_CSP_DATA,
     .flags = WEB_NO_SESSION | WEB_CSRF_EXEMPT | WEB_RAW_BODY | WEB_CARD_CHECK_OWN,
     .max_body_bytes = INBOX_MAX_BYTES},
    {.methods = WEB_GET,
     .pattern = "/pay/go/:token",
     .name = "pay.go",
     .handler = link_handle,
     .csp = WEB_CSP_HANDOFF,
     .flags = WEB_NO_SESSION},
};
const size_t INBOX_ROUTE_COUNT = BASE_COUNT(INBOX_ROUTES);

err_t inbox_key_read(slice_t file, uint8_t ret_key[32])
{
    slice_t text = slice_trim(file);
    size_t len = 0;
    ENSURE(slice_starts(text, SLICE("x25519 ")), ERR_CORRUPT);
    text = slice_from(text, 7);
    ENSURE(sodium_hex2bin(ret_key, 32, (const char *)text.ptr, text.len, NULL, &len, NULL) == 0 &&
               len == 32,
           ERR_CORRUPT);
    return OK;
}

/* Law 5: does any name or text of the document hold a card number, however it is written? What
 * cannot be read as JSON is searched as it is. */
typedef struct card_search {
    arena_t *scratch;
    bool found;
} card_search_t;

static err_t card_leaf(void *user, slice_t path, json_token_t leaf)
{
    card_search_t *s = user;
    s->found = s->found || err_failed(card_scan_encoded(s->scratch, leaf.text, NULL));
    return OK;
}

static bool has_card(arena_t *scratch, slice_t raw)
{
    card_search_t s = {.scratch = scratch};
    err_t e = json_walk(raw, scratch, JSON_MAX_DEPTH, card_leaf, &s);
    return s.found || (err_failed(e) && err_failed(card_scan_encoded(scratch, raw, NULL)));
}

/* Sealed to the investigator. Verbatim, unless somebody wrote a card number into it. */
static err_t raw_seal(const inbox_t *inbox, arena_t *a, slice_t raw, slice_t *ret_sealed)
{
    BASE_CLEANUP(arena_deinit) arena_t scratch;
    buf_t plain = {0};
    arena_init(&scratch, CARD_ARENA);
    if (has_card(&scratch, raw)) {
        arena_reset(&scratch);
        TRY(arena_buf(a, raw.len + 64, &plain));
        card_cut_encoded(&scratch, raw, &plain);
        TRY(buf_check(&plain));
        raw = buf_slice(&plain);
    }
    uint8_t *at = arena_alloc(a, raw.len + crypto_box_SEALBYTES);
    ENSURE(at, ERR_MEMORY);
    ENSURE(crypto_box_seal(at, raw.ptr, raw.len, inbox->investigator) == 0, ERR_CRYPTO);
    *ret_sealed = slice_make(at, raw.len + crypto_box_SEALBYTES);
    return OK;
}

/* Who may knock without a key must not be able to fill the record: one record at most each tenth of
 * a second, its count says how many refusals it stands for. The last ones are written by the next
 * round of the inbox (inbox_work). */
static void bad_flush(inbox_t *inbox, id128_t request)
{
    uint8_t mem[64];
    buf_t facts = BUF_ON_ARRAY(mem);
    int64_t now_us = clock_wait_us(), last_us = atomic_load(&inbox->bad_us);
    if (now_us - last_us < BAD_RECORD_US ||
        !atomic_compare_exchange_strong(&inbox->bad_us, &last_us, now_us)) {
        return;
    }
    unsigned count = atomic_exchange(&inbox->bad_count, 0);
    if (count == 0) {
        return;
    }
    ledger_fact(&facts, "why", SLICE("signature"));
    ledger_note(inbox->cashier->ledger, &(ledger_record_t){.type = LEDGER_PAY_NOTICE_BAD,
                                                           .request = request,
                                                           .count = count,
                                                           .facts = buf_slice(&facts)});
}

static void bad_record(inbox_t *inbox, id128_t request)
{
    atomic_fetch_add(&inbox->bad_count, 1);
    bad_flush(inbox, request);
}

/* Rightly signed, but not of the form we know: kept under its own hash, for a person to look at. */
static err_t misread(arena_t *a, const uint8_t sha256[32], adapter_news_t *ret_news)
{
    buf_t name;
    TRY(arena_buf(a, ADAPTER_EVENT_MAX, &name));
    buf_cstr(&name, "sha256-");
    buf_hex(&name, slice_make(sha256, 24));
    *ret_news = (adapter_news_t){.kind = SLICE("unreadable"), .event = buf_slice(&name)};
    return buf_check(&name);
}

static err_t take(inbox_t *inbox, const adapter_t *adapter, web_req_t *req,
                  const char **ret_objection)
{
    book_t *book = inbox->cashier->book;
    notice_t notice = {.request = req->id, .provider = slice_cstr_in(adapter->name)};
    adapter_news_t *n = &notice.news;
    uint8_t sha256[crypto_hash_sha256_BYTES];
    slice_t sealed;
    bool seen;
    id128_t attempt = id_zero();
    crypto_hash_sha256(sha256, req->body.ptr, req->body.len);
    err_t read = adapter->parse(adapter, req->arena, req->body, n);
    ENSURE(!err_is(read, ERR_MEMORY), ERR_MEMORY); /* says nothing about the bytes */
    if (err_failed(read)) {
        TRY(misread(req->arena, sha256, n));
    }
    if (adapter->no_answer) {
        *ret_objection =
            err_failed(read) ? "format" : cashier_objects(inbox->cashier, req->arena, adapter, n);
    }
    TRY(book_notice_seen(book, notice.provider, n->event, &seen));
    ENSURE(!seen, ERR_EXISTS);
    /* an order that is not ours stays zero here and is quarantined later */
    err_ignore(id_decode(n->order, &attempt));
    TRY(raw_seal(inbox, req->arena, req->body, &sealed));
    return book_notice_store(book, &notice, attempt, sealed, sha256,
                             err_failed(read) ? NOTICE_QUARANTINED : NOTICE_NEW);
}

/* "OK," or "NG,reason" with status 200, where the provider wants to be told so. */
static void answer(const adapter_t *adapter, const char *objection, web_res_t *res)
{
    buf_t *out = web_text(res, 200);
    buf_cstr(out, objection ? adapter->no_answer : adapter->ok_answer);
    buf_cstr(out, objection ? objection : "");
}

err_t inbox_handle(void *room, web_req_t *req, web_res_t *res)
{
    inbox_t *inbox = room;
    const char *objection = NULL;
    const adapter_t *adapter = cashier_adapter(inbox->cashier, web_req_param(req, "provider"));
    ENSURE(adapter, ERR_NOT_FOUND);
    slice_t signature =
        adapter->signature_header ? web_req_header(req, adapter->signature_header) : SLICE_EMPTY;
    err_t e = adapter->verify(adapter, req->arena, signature, req->body);
    ENSURE(!err_is(e, ERR_MEMORY), ERR_MEMORY);
    if (err_failed(e)) {
        bad_record(inbox, req->id);
        ENSURE(adapter->no_answer, ERR_DENIED);
        answer(adapter, "signature", res);
        return OK;
    }
    e = take(inbox, adapter, req, &objection);
    if (err_failed(e) &&
        !err_is(e, ERR_EXISTS)) { /* EXISTS: a repetition, which was stored before */
        return e;
    }
    answer(adapter, objection, res);
    if (!err_failed(e) && inbox->on_stored) {
        inbox->on_stored(inbox->ctx);
    }
    return OK;
}

/* A failure that will pass: the notification waits. Any other would hold up all that came after it,
 * so that one is set aside for a person. */
static bool passes(err_t e)
{
    return err_is(e, ERR_NOT_RECORDED) || err_is(e, ERR_DB_BUSY) || err_is(e, ERR_UNAVAILABLE) ||
           err_is(e, ERR_TIMEOUT) || err_is(e, ERR_DB) || err_is(e, ERR_DISK_FULL) ||
           err_is(e, ERR_IO) || err_is(e, ERR_MEMORY) || err_is(e, ERR_EXISTS);
}

static err_t work_one(inbox_t *inbox, id128_t *ret_request)
{
    BASE_CLEANUP(arena_deinit) arena_t a;
    notice_t notice = {0};
    book_t *book = inbox->cashier->book;
    arena_init(&a, WORK_ARENA);
    err_t e = book_notice_next(book, &a, &notice);
    *ret_request = notice.request;
    if (err_failed(e) && !notice.seq) {
        return e;
    }
    if (!err_failed(e)) {
        e = cashier_apply(inbox->cashier, &a, &notice);
    }
    if (!err_failed(e) || passes(e)) {
        return e;
    }
    log_err(LOG_ERROR, notice.request, "notice.set_aside", e);
    return book_notice_quarantine(book, &notice, NULL, err_name(e.code));
}

size_t inbox_work(inbox_t *inbox)
{
    size_t done = 0;
    bad_flush(inbox, id_zero());
    while (done < WORK_MOST) {
        id128_t request;
        err_t e = work_one(inbox, &request);
        if (err_is(e, ERR_NOT_FOUND)) {
            return done;
        }
        if (err_failed(e)) {
            log_err(LOG_WARN, request, "notice.apply", e);
            return done;
        }
        done++;
    }
    return done;
}
