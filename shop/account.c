/* Rows of `account`. */
#include "account.h"
#include "outbox.h"

enum { FIELDS = 4, CLIENT_TIMES = 10 };

static vault_item_t item(id128_t account, slice_t column, slice_t bytes)
{
    return (vault_item_t){.subject = account,
                          .table = SLICE("account"),
                          .column = column,
                          .row = account,
                          .bytes = bytes};
}

static err_t bounded(const account_way_t *w, throttle_t *tries, const uint8_t *blind)
{
    if (w->client.len > 0) {
        TRY(throttle_try(tries, w->client, CLIENT_TIMES, w->now_us));
    }
    return throttle_try(tries, slice_make(blind, VAULT_BLIND_BYTES), 1, w->now_us);
}

static err_t find(db_t *db, arena_t *a, const uint8_t *blind, id128_t *ret_account,
                  id128_t *ret_pseudonym)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT id, pseudonym FROM account WHERE email_index = ?1 "
                         "AND has_password = 1"),
                     DB_ARGS(db_blob(slice_make(blind, VAULT_BLIND_BYTES))), &r));
    *ret_account = db_col_id(&r, 0);
    *ret_pseudonym = db_col_id(&r, 1);
    return OK;
}

typedef struct fresh {
    const account_way_t *way;
    const account_form_t *form;
    id128_t id, pseudonym;
    uint8_t blind[VAULT_BLIND_BYTES];
    slice_t sealed[FIELDS];
} fresh_t;

static err_t insert_job(job_t *job, db_t *db)
{
    const fresh_t *f = job->ctx;
    TRY(db_run(
        db,
        SQL("INSERT INTO account (id, pseudonym, email_index, lang, email, name, kana, phone, "
            "has_password, created_us, request) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?9, ?10)"),
        DB_ARGS(db_id(&f->id), db_id(&f->pseudonym), db_blob(slice_make(f->blind, sizeof f->blind)),
                db_i64(f->form->lang), db_blob(f->sealed[0]), db_blob(f->sealed[1]),
                db_blob(f->sealed[2]), db_blob(f->sealed[3]), db_i64(f->way->now_us),
                db_id(&f->way->request)),
        NULL));
    ledger_record_t *rec =
        record_add(&job->records, LEDGER_ACCOUNT_CREATED, f->way->request, f->pseudonym);
    rec->subject = rec->actor = f->pseudonym;
    return outbox_queue_account(job, db, f->id, f->pseudonym, f->form->lang, f->way->request,
                                f->way->now_us);
}

err_t account_register(const account_way_t *w, throttle_t *tries, const account_form_t *form,
                       id128_t *ret_account)
{
    fresh_t f = {.way = w, .form = form};
    id128_t other, pseudonym;
    TRY(vault_blind(w->vault, VAULT_BLIND_EMAIL, form->email, f.blind));
    TRY(bounded(w, tries, f.blind));
    err_t e = find(w->db, w->arena, f.blind, &other, &pseudonym);
    ENSURE(err_failed(e), ERR_EXISTS);
    if (!err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    TRY(vault_subject_new(w->vault, &f.id, &f.pseudonym));
    vault_item_t items[FIELDS] = {
        item(f.id, SLICE("email"), form->email), item(f.id, SLICE("name"), form->name),
        item(f.id, SLICE("kana"), form->kana), item(f.id, SLICE("phone"), form->phone)};
    TRY(vault_seal(w->vault, w->arena, items, FIELDS, f.sealed));
    TRY(vault_password_set(w->vault, w->request, f.id, form->password));
    TRY(writer_run(w->writer, w->arena, insert_job, &f)); /* EXISTS: somebody was faster */
    *ret_account = f.id;
    return OK;
}

static void note_login(const account_way_t *w, bool right, id128_t pseudonym)
{
    record_set_t set;
    record_set_init(&set);
    ledger_record_t *rec =
        record_add(&set, right ? LEDGER_LOGIN_OK : LEDGER_LOGIN_FAILED, w->request, pseudonym);
    rec->subject = rec->actor = pseudonym;
    record_set_note_rest(w->way, &set);
}

err_t account_login(const account_way_t *w, throttle_t *tries, slice_t email, slice_t password,
                    id128_t *ret_account)
{
    uint8_t blind[VAULT_BLIND_BYTES];
    id128_t account = id_zero(), pseudonym = id_zero();
    bool right = false;
    TRY(vault_blind(w->vault, VAULT_BLIND_EMAIL, email, blind));
    TRY(bounded(w, tries, blind));
    err_t e = find(w->db, w->arena, blind, &account, &pseudonym);
    bool known = !err_failed(e);
    if (!known && !err_is(e, ERR_NOT_FOUND)) {
        return e;
    }
    if (!known) {
        account = id_new(); /* nobody's: the vault works as long as for somebody's */
    }
    TRY(vault_password_check(w->vault, w->request, account, password, &right));
    right = right && known;
    note_login(w, right, pseudonym);
    ENSURE(right, ERR_AUTH);
    throttle_forgive(tries, slice_make(blind, sizeof blind), w->now_us);
    *ret_account = account;
    return OK;
}

err_t account_bookings(db_t *db, arena_t *a, id128_t account, id128_t **ret_ids, size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT id FROM booking WHERE account = ?1 ORDER BY created_us DESC LIMIT 50"),
                 DB_ARGS(db_id(&account)), &r));
    id128_t *ids = ARENA_ARRAY(a, id128_t, r.count + 1);
    ENSURE(ids, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        ids[n++] = db_col_id(&r, 0);
    }
    *ret_ids = ids;
    *ret_n = n;
    return OK;
}

err_t account_reveal_recipient(db_t *db, vault_client_t *vault, arena_t *a,
                               const vault_context_t *ctx, id128_t account, slice_t *ret_name,
                               slice_t *ret_email, id128_t *ret_pseudonym)
{
    db_rows_t r;
    slice_t plain[2];
    TRY(db_query_one(db, a, SQL("SELECT name, email, pseudonym FROM account WHERE id = ?1"),
                     DB_ARGS(db_id(&account)), &r));
    vault_item_t items[2] = {item(account, SLICE("name"), db_col_blob(&r, 0)),
                             item(account, SLICE("email"), db_col_blob(&r, 1))};
    TRY(vault_reveal(vault, a, ctx, items, 2, plain));
    *ret_name = plain[0];
    *ret_email = plain[1];
    *ret_pseudonym = db_col_id(&r, 2);
    return OK;
}

err_t account_reveal_contact(db_t *db, vault_client_t *vault, arena_t *a,
                             const vault_context_t *ctx, id128_t account,
                             account_contact_t *ret_contact)
{
    db_rows_t r;
    slice_t plain[FIELDS];
    TRY(db_query_one(db, a, SQL("SELECT name, kana, email, phone FROM account WHERE id = ?1"),
                     DB_ARGS(db_id(&account)), &r));
    vault_item_t items[FIELDS] = {item(account, SLICE("name"), db_col_blob(&r, 0)),
                                  item(account, SLICE("kana"), db_col_blob(&r, 1)),
                                  item(account, SLICE("email"), db_col_blob(&r, 2)),
                                  item(account, SLICE("phone"), db_col_blob(&r, 3))};
    TRY(vault_reveal(vault, a, ctx, items, FIELDS, plain));
    *ret_contact = (account_contact_t){plain[0], plain[1], plain[2], plain[3]};
    return OK;
}
