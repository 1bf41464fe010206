/* Holds plain bytes only while one message is served, in an arena and an answer buffer that are
 * wiped after it. Keys are keys.c's. */
#include "server.h"

#include <sodium.h>
#include <unistd.h>

#include "base/clock.h"
#include "evidence.h"
#include "io/log.h"
#include "orders.h"
#include "reveal.h"
#include "roles.h"
#include "strangers.h"
#include "text/fold.h"
#include "watch.h"

enum { MAKING_MAX = 256, MESSAGE_ARENA = 64 * 1024 };

struct vault_server {
    wire_server_t *wire;
    keys_t *keys;
    keystore_t *subjects, *months;
    ledger_client_t *ledger;
    reveal_t *reveal;
    passwords_t *passwords;
    register_book_t *book;
    budget_t *budget;
    rotate_t *rotate;
    orders_t *orders;
    watch_t *watch;
    evidence_t *evidence;
    arena_t arena; /* of the message being served */
    struct making {
        wire_conn_t to;
        id128_t subject;
    } making[MAKING_MAX]; /* added to the key file, answered after the commit */
    size_t making_count;
    struct {
        uint64_t subjects, seals, payloads, blinds, denied;
    } counts;
    strangers_t strangers;
    buf_t out; /* the answer being made, on answer[] */
    uint8_t answer[WIRE_MAX_BYTES];
};

/* Keys of a person. */

static err_t subject_key(vault_server_t *v, id128_t subject, keys_wrapped_t *ret_key)
{
    err_t e = keystore_find(v->subjects, subject, 0, ret_key);
    ENSURE(!err_is(e, ERR_EXPIRED), ERR_NOT_FOUND); /* erased: to others the same as never there */
    return e;
}

static err_t reply_subject(vault_server_t *v, wire_conn_t to, id128_t subject)
{
    keys_wrapped_t key;
    id128_t pseudonym;
    TRY(subject_key(v, subject, &key));
    TRY(keys_pseudonym(v->keys, &key, &pseudonym));
    uint8_t mem[WIRE_HEAD_BYTES + 2 * ID_BYTES];
    buf_t out = BUF_ON_ARRAY(mem);
    wire_begin(&out, VAULT_SUBJECT);
    buf_put(&out, id_slice(&subject));
    buf_put(&out, id_slice(&pseudonym));
    wire_reply(v->wire, to, buf_slice(&out));
    return OK;
}

/* One commit for all that came in this turn of the loop. */
static void commit_made(vault_server_t *v)
{
    if (v->making_count == 0) {
        return;
    }
    err_t committed = keystore_commit(v->subjects);
    if (err_failed(committed)) {
        log_err(LOG_ERROR, id_zero(), "vault.commit", committed);
    }
    for (size_t i = 0; i < v->making_count; i++) {
        const struct making *m = &v->making[i];
        err_t e = err_failed(committed) ? committed : reply_subject(v, m->to, m->subject);
        if (err_failed(e)) {
            wire_reply_error(v->wire, m->to, e, NULL);
        }
        v->counts.subjects += !err_failed(e);
    }
    v->making_count = 0;
}

static err_t on_subject_new(vault_server_t *v, wire_conn_t from, cursor_t *body)
{
    TRY(decode_nothing(body));
    if (v->making_count == MAKING_MAX) {
        commit_made(v);
    }
    struct making m = {.to = from};
    random_bytes(m.subject.b, ID_BYTES);
    TRY(keystore_add(v->subjects, m.subject, 0));
    v->making[v->making_count++] = m;
    return OK;
}

static err_t on_pseudonym(vault_server_t *v, wire_conn_t from, cursor_t *body)
{
    id128_t subject;
    TRY(decode_subject(body, &subject));
    return reply_subject(v, from, subject);
}

/* Sealing. */

static err_t seal_items(vault_server_t *v, const decode_items_t *items, buf_t *out)
{
    keys_wrapped_t key = {0};
    wire_begin(out, VAULT_SEALED);
    buf_u16(out, (uint16_t)items->n);
    for (size_t i = 0; i < items->n; i++) {
        const vault_item_t *item = &items->items[i];
        if (i == 0 || !id_eq(key.at.subject, item->subject)) {
            TRY(subject_key(v, item->subject, &key));
        }
        envelope_place_t place = {.subject = item->subject,
                                  .table = item->table,
                                  .column = item->column,
                                  .row = item->row};
        buf_u16(out, (uint16_t)(item->bytes.len + ENVELOPE_OVERHEAD));
        TRY(keys_seal(v->keys, &key, place, item->bytes, out));
    }
    return buf_check(out);
}

static err_t on_seal(vault_server_t *v, wire_conn_t from, cursor_t *body)
{
    decode_items_t items;
    TRY(decode_seal(&v->arena, body, &items));
    TRY(seal_items(v, &items, &v->out));
    wire_reply(v->wire, from, buf_slice(&v->out));
    v->counts.seals += items.n;
    return OK;
}

static uint32_t month_now(void)
{
    time_t now = (time_t)(clock_wall_us() / CLOCK_SECOND_US);
    struct tm tm;
    CHECK(gmtime_r(&now, &tm));
    return (uint32_t)((tm.tm_year + 1900) * 12 + tm.tm_mon);
}

/* Made when the first payload of a month needs it. A person whose own key is gone gets no new ones.
 */
static err_t month_key(vault_server_t *v, id128_t subject, keys_wrapped_t *ret_key)
{
    TRY(subject_key(v, subject, ret_key));
    uint32_t month = month_now();
    err_t e = keystore_find(v->months, subject, month, ret_key);
    if (!err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    TRY(keystore_add(v->months, subject, month));
    TRY(keystore_commit(v->months));
    return keystore_find(v->months, subject, month, ret_key);
}

static err_t on_payload(vault_server_t *v, wire_conn_t from, cursor_t *body)
{
    decode_payload_t ask;
    TRY(decode_payload(body, &ask));
    keys_wrapped_t key;
    TRY(month_key(v, ask.subject, &key));
    envelope_place_t place = {
        .subject = ask.subject, .table = SLICE("record"), .column = SLICE("payload")};
    wire_begin(&v->out, VAULT_SEALED);
    buf_u16(&v->out, 1);
    buf_u16(&v->out, (uint16_t)(ask.plain.len + ENVELOPE_OVERHEAD));
    TRY(keys_seal(v->keys, &key, place, ask.plain, &v->out));
    wire_reply(v->wire, from, buf_slice(&v->out));
    v->counts.payloads++;
    return OK;
}

/* Blind indexes. */

static err_t fold(arena_t *a, vault_blind_kind_t kind, slice_t text, slice_t *ret_folded)
{
    slice_t folded = SLICE_EMPTY;
    switch (kind) {
    case VAULT_BLIND_EMAIL:
        TRY(text_email_fold(a, text, &folded));
        break;
    case VAULT_BLIND_PHONE:
        TRY(text_phone_fold(a, text, &folded));
        break;
    case VAULT_BLIND_KANA:
        TRY(text_kana_fold(a, text, &folded));
        break;
    }
    ENSURE(folded.len, ERR_SYNTAX);
    *ret_folded = folded;
    return OK;
}

static err_t blind_rows(vault_server_t *v, const decode_blind_t *ask, buf_t *out)
{
    wire_begin(out, VAULT_BLINDED);
    buf_u16(out, (uint16_t)ask->n);
    for (size_t i = 0; i < ask->n; i++) {
        slice_t folded;
        uint8_t index[KEYS_BLIND];
        BASE_CLEANUP(arena_deinit) arena_t a;
        arena_init(&a, MESSAGE_ARENA);
        TRY(fold(&a, ask->rows[i].kind, ask->rows[i].text, &folded));
        keys_blind(v->keys, ask->rows[i].kind, folded, index);
        buf_put(out, slice_make(index, sizeof index));
    }
    return OK;
}

static err_t on_blind(vault_server_t *v, wire_conn_t from, cursor_t *body)
{
    decode_blind_t ask;
    TRY(decode_blind(&v->arena, body, &ask));
    err_t e = blind_rows(v, &ask, &v->out);
    if (err_failed(e)) { /* the text's fault, not the message's: the connection stays */
        wire_reply_error(v->wire, from, e, NULL);
        return OK;
    }
    wire_reply(v->wire, from, buf_slice(&v->out));
    v->counts.blinds += ask.n;
    return OK;
}

/* Reveals. */

static reveal_asker_t asker_of(const vault_server_t *v, wire_conn_t from)
{
    return (reveal_asker_t){.conn = from,
                            .room = wire_peer(v->wire, from),
                            .process = wire_peer_process(v->wire, from)};
}

static err_t on_reveal(vault_server_t *v, wire_conn_t from, cursor_t *body)
{
    reveal_asker_t asker = asker_of(v, from);
    if (!wire_peer_alone(v->wire, from)) {
        strangers_tell(&v->strangers, v->ledger, asker.room, asker.process);
    }
    return reveal_submit(v->reveal, asker, body);
}

/* The loop. */

static err_t on_password(vault_server_t *v, wire_conn_t from, bool set, cursor_t *body)
{
    decode_password_t ask;
    TRY(decode_password(body, &ask));
    return passwords_submit(v->passwords, from, set, &ask);
}

static err_t serve(vault_server_t *v, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    switch (kind) {
    case VAULT_SUBJECT_NEW:
        return on_subject_new(v, from, body);
    case VAULT_PSEUDONYM:
        return on_pseudonym(v, from, body);
    case VAULT_SEAL:
        return on_seal(v, from, body);
    case VAULT_REVEAL:
        return on_reveal(v, from, body);
    case VAULT_BLIND:
        return on_blind(v, from, body);
    case VAULT_PASSWORD_SET:
        return on_password(v, from, true, body);
    case VAULT_PASSWORD_CHECK:
        return on_password(v, from, false, body);
    case VAULT_PAYLOAD_SEAL:
        return on_payload(v, from, body);
    case VAULT_ERASE:
    case VAULT_HOLD_ADD:
    case VAULT_HOLD_RELEASE:
    case VAULT_HOLDS:
    case VAULT_HONEY:
    case VAULT_HONEY_WANTED:
    case VAULT_MASTER:
    case VAULT_ROTATE:
    case VAULT_DISCARD:
        return orders_submit(v->orders, from, kind, body);
    case VAULT_EVIDENCE_OPEN:
    case VAULT_EVIDENCE_ERASE:
        return evidence_submit(v->evidence, from, kind, body);
    default:
        return FAIL(ERR_SYNTAX);
    }
}

static err_t on_message(void *ctx, wire_conn_t from, uint16_t kind, cursor_t *body)
{
    vault_server_t *v = ctx;
    room_id_t room = wire_peer(v->wire, from);
    err_t allowed = roles_check(room, kind);
    if (err_is(allowed, ERR_DENIED)) {
        v->counts.denied++;
        log_event(LOG_WARN, id_zero(), "vault.denied", "room %s, message kind %u", room_name(room),
                  kind);
        if (kind == VAULT_REVEAL) {
            reveal_note_denied(v->reveal, asker_of(v, from), *body, allowed);
        }
    }
    TRY(allowed);
    v->out = BUF_ON_ARRAY(v->answer);
    err_t e = serve(v, from, kind, body);
    sodium_memzero(v->answer, v->out.len);
    arena_reset(&v->arena);
    return e;
}

static void on_drained(void *ctx)
{
    commit_made(ctx);
}

static void answer_reveals(vault_server_t *v)
{
    for (reveal_job_t *job; (job = reveal_take(v->reveal));) {
        slice_t message;
        wire_conn_t to = reveal_to(job);
        bool delivered = wire_alive(v->wire, to);
        err_t e = reveal_answer(job, &message);
        if (err_failed(e)) {
            wire_reply_error(v->wire, to, e, NULL);
            if (err_is(e, ERR_NOT_RECORDED)) {
                watch_doubt(v->watch);
            }
        } else {
            wire_reply(v->wire, to, message);
        }
        reveal_end(v->reveal, job, delivered);
    }
}

static void answer_orders(vault_server_t *v)
{
    for (orders_job_t *job; (job = orders_take(v->orders));) {
        slice_t message;
        err_t e = orders_answer(job, &message);
        if (err_failed(e)) {
            wire_reply_error(v->wire, orders_asker(job), e, NULL);
        } else {
            wire_reply(v->wire, orders_asker(job), message);
        }
        orders_end(job);
    }
}

static void answer_password(vault_server_t *v, const passwords_done_t *done)
{
    uint8_t mem[WIRE_HEAD_BYTES + 1];
    buf_t out = BUF_ON_ARRAY(mem);
    if (err_failed(done->result)) {
        log_err(LOG_ERROR, id_zero(), "vault.password", done->result);
        wire_reply_error(v->wire, done->to, done->result, NULL);
    } else if (done->was_set) {
        wire_reply_done(v->wire, done->to);
    } else {
        wire_begin(&out, VAULT_VERDICT);
        buf_u8(&out, done->right);
        wire_reply(v->wire, done->to, buf_slice(&out));
    }
}

static void answer_evidence(vault_server_t *v)
{
    for (evidence_job_t *job; (job = evidence_take(v->evidence));) {
        slice_t message;
        err_t e = evidence_answer(v->evidence, job, &message);
        if (err_failed(e)) {
            wire_reply_error(v->wire, evidence_asker(job), e, NULL);
        } else {
            wire_reply(v->wire, evidence_asker(job), message);
        }
        evidence_end(job);
    }
}

static void on_tick(void *ctx)
{
    vault_server_t *v = ctx;
    evidence_tick(v->evidence);
}

static void on_wake(void *ctx)
{
    vault_server_t *v = ctx;
    rotate_turn(v->rotate);
    answer_reveals(v);
    answer_orders(v);
    answer_evidence(v);
    for (passwords_done_t done; passwords_take(v->passwords, &done);) {
        answer_password(v, &done);
    }
}

static void on_metrics(void *ctx, buf_t *out)
{
    vault_server_t *v = ctx;
    reveal_counts_t r = reveal_counts(v->reveal);
    passwords_counts_t p = passwords_counts(v->passwords);
    keystore_state_t s = keystore_state(v->subjects);
    keystore_state_t m = keystore_state(v->months);
    orders_counts_t o = orders_counts(v->orders);
    evidence_counts_t ev = evidence_counts(v->evidence);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"sekisho_vault_seals_total", v->counts.seals},
        {"sekisho_vault_payload_seals_total", v->counts.payloads},
        {"sekisho_vault_blinds_total", v->counts.blinds},
        {"sekisho_vault_subjects_made_total", v->counts.subjects},
        {"sekisho_vault_denied_total", v->counts.denied},
        {"sekisho_vault_reveals_total", r.reveals},
        {"sekisho_vault_reveal_fields_total", r.fields},
        {"sekisho_vault_reveal_refusals_total", r.refusals},
        {"sekisho_vault_over_budget_total", r.over_budget},
        {"sekisho_vault_honey_total", r.honey},
        {"sekisho_vault_intents_total", r.intents},
        {"sekisho_vault_intent_appends_total", r.appends},
        {"sekisho_vault_reveal_queue", r.queued},
        {"sekisho_vault_passwords_right_total", p.right},
        {"sekisho_vault_passwords_wrong_total", p.wrong},
        {"sekisho_vault_passwords_set_total", p.set},
        {"sekisho_vault_passwords_refused_total", p.refused},
        {"sekisho_vault_password_queue", p.queued},
        {"sekisho_vault_erasures_total", o.erased},
        {"sekisho_vault_erasures_refused_total", o.refused},
        {"sekisho_vault_evidence_opened_total", ev.opened},
        {"sekisho_vault_evidence_refused_total", ev.refused},
        {"sekisho_vault_evidence_keys_destroyed_total", ev.destroyed},
        {"sekisho_vault_evidence_keys_held_total", ev.held},
        {"sekisho_vault_keys{file=\"subjects\",state=\"live\"}", s.live},
        {"sekisho_vault_keys{file=\"subjects\",state=\"erased\"}", s.erased},
        {"sekisho_vault_keys{file=\"subjects\",state=\"damaged\"}", s.damaged},
        {"sekisho_vault_keys{file=\"months\",state=\"live\"}", m.live},
        {"sekisho_vault_keys{file=\"months\",state=\"erased\"}", m.erased},
        {"sekisho_vault_keys{file=\"months\",state=\"damaged\"}", m.damaged},
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        metrics_put(out, rows[i].name, (int64_t)rows[i].value);
    }
}

static void store_health(keystore_t *ks, const char *name, health_t *out)
{
    keystore_state_t s = keystore_state(ks);
    if (s.broken) {
        health_add(out, HEALTH_DOWN, name, "the key file could not be written: no key is made");
    } else if (s.damaged) {
        health_add(out, HEALTH_DEGRADED, name, "%llu damaged slots: restore them from a copy",
                   (unsigned long long)s.damaged);
    } else {
        health_add(out, HEALTH_OK, name, "%llu keys", (unsigned long long)s.live);
    }
}

static void on_health(void *ctx, health_t *out)
{
    vault_server_t *v = ctx;
    store_health(v->subjects, "keys", out);
    store_health(v->months, "month keys", out);
    if (evidence_counts(v->evidence).broken) {
        health_add(out, HEALTH_DEGRADED, "evidence",
                   "this month's evidence keys could not be made");
    }
    watch_state_t ledger = watch_state(v->watch);
    if (ledger.ok) {
        health_add(out, HEALTH_OK, "ledger", "reveals are recorded");
    } else {
        health_add(out, HEALTH_DEGRADED, "ledger", "reveals refused: %s", ledger.reason);
    }
    rotate_state_t master = rotate_state(v->rotate);
    if (master.trouble) {
        health_add(out, HEALTH_DEGRADED, "master key",
                   "the change stopped (%s); it goes on at the next start",
                   err_name((err_code_t)master.trouble));
    } else if (master.newest != master.oldest) {
        health_add(out, HEALTH_OK, "master key", "%u takes the place of %u", master.newest,
                   master.oldest);
    }
    if (orders_counts(v->orders).unfinished) {
        health_add(out, HEALTH_DEGRADED, "erasure", "an erasure waits for its record");
    }
}

const wire_events_t vault_events = {
    .on_message = on_message,
    .on_drained = on_drained,
    .on_wake = on_wake,
    .on_tick = on_tick,
    .on_metrics = on_metrics,
    .on_health = on_health,
};

/* Beginning and end. */

static void wake(void *ctx)
{
    vault_server_t *v = ctx;
    wire_server_wake(v->wire);
}

static err_t open_store(vault_server_t *v, arena_t *a, path_t data, keys_file_t file,
                        keystore_t **ret_store)
{
    keystore_conf_t conf = {.file = file, .keys = v->keys};
    slice_t name = file == KEYS_OF_SUBJECT ? SLICE("keys") : SLICE("month-keys");
    TRY(path_join(a, data, name, &conf.path));
    TRY(keystore_open(&conf, ret_store));
    keystore_state_t s = keystore_state(*ret_store);
    log_event(LOG_INFO, id_zero(), "vault.keys",
              "%s: %llu live, %llu erased, %llu damaged, %llu unfinished", conf.path.text,
              (unsigned long long)s.live, (unsigned long long)s.erased,
              (unsigned long long)s.damaged, (unsigned long long)s.rolled_back);
    return OK;
}

/* People are there, and nobody knows what was taken of them lately: after a restore, or because
 * somebody removed the file. A person should know. */
static void budget_alarm(vault_server_t *v)
{
    uint8_t mem[64];
    buf_t facts = BUF_ON_ARRAY(mem);
    if (keystore_state(v->subjects).live == 0) {
        return;
    }
    log_event(LOG_WARN, id_zero(), "vault.budget", "counting begins anew");
    ledger_fact(&facts, "what", SLICE("vault_budget_begun_anew"));
    ledger_note(v->ledger, &(ledger_record_t){.type = LEDGER_ALARM, .facts = buf_slice(&facts)});
}

static err_t open_budget(vault_server_t *v, arena_t *a, const vault_server_conf_t *conf)
{
    budget_conf_t budget = {0};
    bool fresh;
    TRY(path_join(a, conf->data, SLICE("budget"), &budget.path));
    memcpy(budget.limits, conf->limits, sizeof budget.limits);
    TRY(budget_open(&budget, &v->budget, &fresh));
    if (fresh) {
        budget_alarm(v);
    }
    return OK;
}

/* The ring fits the subjects' file: its header says which master key it is of. */
static err_t open_ring(vault_server_t *v, arena_t *a, path_t data, keys_master_t *masters, size_t n)
{
    path_t file;
    keys_header_t header;
    TRY(path_join(a, data, SLICE("keys"), &file));
    err_t e = keystore_peek(file, &header);
    bool fresh = err_is(e, ERR_NOT_FOUND);
    if (!fresh) {
        TRY(e);
    }
    return keys_open_ring(masters, n, fresh ? NULL : &header, &v->keys);
}

static err_t open_rotate(vault_server_t *v, const vault_server_conf_t *conf)
{
    rotate_conf_t rotate = {.keys = v->keys,
                            .subjects = v->subjects,
                            .months = v->months,
                            .reveal = v->reveal,
                            .ledger = v->ledger,
                            .secrets = conf->secrets,
                            .on_done = wake,
                            .ctx = v};
    return rotate_new(&rotate, &v->rotate);
}

static err_t start(vault_server_t *v, arena_t *a, const vault_server_conf_t *conf,
                   keys_master_t *masters, size_t n_masters)
{
    TRY(open_ring(v, a, conf->data, masters, n_masters));
    TRY(open_store(v, a, conf->data, KEYS_OF_SUBJECT, &v->subjects));
    TRY(open_store(v, a, conf->data, KEYS_OF_MONTH, &v->months));
    TRY(ledger_client_new(conf->ledger_path, ROOM_VAULT, &v->ledger));
    TRY(watch_new(v->ledger, &v->watch));
    TRY(register_open(conf->register_url, &v->book));
    TRY(open_budget(v, a, conf));
    reveal_conf_t reveal = {.keys = v->keys,
                            .subjects = v->subjects,
                            .ledger = v->ledger,
                            .budget = v->budget,
                            .book = v->book,
                            .on_done = wake,
                            .ctx = v};
    TRY(reveal_new(&reveal, &v->reveal));
    TRY(evidence_new(&(evidence_conf_t){.keys = v->keys,
                                        .months = v->months,
                                        .ledger = v->ledger,
                                        .sheet_fd = conf->evidence_fd,
                                        .on_done = wake,
                                        .ctx = v},
                     &v->evidence));
    passwords_conf_t passwords = conf->passwords;
    passwords.ledger = v->ledger;
    passwords.on_done = wake;
    passwords.ctx = v;
    TRY(passwords_new(&passwords, &v->passwords));
    TRY(open_rotate(v, conf));
    orders_conf_t orders = {.keys = v->keys,
                            .subjects = v->subjects,
                            .months = v->months,
                            .book = v->book,
                            .passwords = v->passwords,
                            .reveal = v->reveal,
                            .rotate = v->rotate,
                            .honey = conf->honey,
                            .ledger = v->ledger,
                            .on_done = wake,
                            .ctx = v};
    return orders_new(&orders, &v->orders);
}

err_t vault_server_new(arena_t *a, const vault_server_conf_t *conf, keys_master_t *masters,
                       size_t n_masters, vault_server_t **ret_server)
{
    CHECK(sodium_init() >= 0);
    vault_server_t *v = sodium_malloc(sizeof *v);
    if (!v) {
        sodium_memzero(masters, n_masters * sizeof *masters);
        return FAIL(ERR_MEMORY);
    }
    memset(v, 0, sizeof *v);
    arena_init(&v->arena, MESSAGE_ARENA);
    err_t e = start(v, a, conf, masters, n_masters);
    sodium_memzero(masters, n_masters * sizeof *masters);
    if (err_failed(e)) {
        vault_server_free(v);
        return e;
    }
    *ret_server = v;
    return OK;
}

void vault_server_attach(vault_server_t *v, wire_server_t *wire)
{
    v->wire = wire;
    ledger_note(v->ledger, &(ledger_record_t){.type = LEDGER_ROOM_START});
}

void vault_server_stop(vault_server_t *v)
{
    orders_free(v->orders); /* uses the others */
    rotate_free(v->rotate);
    passwords_free(v->passwords);
    reveal_free(v->reveal);
    v->orders = NULL;
    v->rotate = NULL;
    evidence_free(v->evidence);
    v->passwords = NULL;
    v->reveal = NULL;
    v->evidence = NULL;
    ledger_note(v->ledger, &(ledger_record_t){.type = LEDGER_ROOM_STOP});
}

void vault_server_free(vault_server_t *v)
{
    if (!v) {
        return;
    }
    orders_free(v->orders);
    rotate_free(v->rotate);
    passwords_free(v->passwords);
    reveal_free(v->reveal);
    budget_close(v->budget);
    register_close(v->book);
    evidence_free(v->evidence);
    watch_free(v->watch);
    ledger_client_free(v->ledger);
    keystore_close(v->months);
    keystore_close(v->subjects);
    keys_free(v->keys);
    arena_deinit(&v->arena);
    sodium_free(v);
}

bool vault_server_has_keys(arena_t *a, path_t data)
{
    path_t keys;
    return err_failed(path_join(a, data, SLICE("keys"), &keys)) || access(keys.text, F_OK) == 0;
}
