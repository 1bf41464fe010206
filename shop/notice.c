/* Rows of `notice` and `notice_revision`. */
#include "notice.h"
#include "document.h"

static err_t item_from(arena_t *a, const db_rows_t *r, i18n_lang_t lang,
                       struct tpl_notice_item *ret_item)
{
    slice_t id = db_col_text(r, 0);
    *ret_item =
        (struct tpl_notice_item){.title = db_col_text(r, lang == I18N_JA ? 4 : 5),
                                 .day = db_col_i64(r, 2),
                                 .revised = db_col_i64(r, 3),
                                 .important = slice_eq(db_col_text(r, 1), SLICE("important"))};
    return arena_printf(a, &ret_item->href, "/notices/%.*s", SLICE_FMT(id));
}

err_t notice_list(db_t *db, arena_t *a, i18n_lang_t lang, int64_t max,
                  const struct tpl_notice_item **ret_rows, size_t *ret_n)
{
    db_rows_t r;
    TRY(db_query(db, a,
                 SQL("SELECT id, kind, day, revised_day, title_ja, title_en FROM notice "
                     "ORDER BY CASE WHEN revised_day > day THEN revised_day ELSE day END DESC, id "
                     "LIMIT ?1"),
                 DB_ARGS(db_i64(max)), &r));
    struct tpl_notice_item *rows = ARENA_ARRAY(a, struct tpl_notice_item, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    size_t n = 0;
    while (db_next(&r)) {
        TRY(item_from(a, &r, lang, &rows[n++]));
    }
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

enum { PARAS_MAX = 60 };

static err_t paras_of(arena_t *a, slice_t body, struct tpl_notice_args *p)
{
    struct tpl_para *paras = ARENA_ARRAY(a, struct tpl_para, PARAS_MAX);
    ENSURE(paras, ERR_MEMORY);
    bool heading;
    slice_t block;
    while (p->paras_count < PARAS_MAX && document_block(&body, &heading, &block)) {
        paras[p->paras_count++].text = block;
    }
    p->paras = paras;
    return OK;
}

err_t notice_one(db_t *db, arena_t *a, i18n_lang_t lang, slice_t id, struct tpl_notice_args *p)
{
    db_rows_t r;
    TRY(db_query_one(db, a,
                     SQL("SELECT id, kind, day, revised_day, title_ja, title_en, body_ja, body_en "
                         "FROM notice WHERE id = ?1"),
                     DB_ARGS(db_text(id)), &r));
    TRY(item_from(a, &r, lang, &p->n));
    TRY(paras_of(a, db_col_text(&r, lang == I18N_JA ? 6 : 7), p));
    TRY(db_query(db, a,
                 SQL("SELECT day, ja, en FROM notice_revision WHERE notice = ?1 ORDER BY day DESC"),
                 DB_ARGS(db_text(id)), &r));
    struct tpl_notice_revisions *rows = ARENA_ARRAY(a, struct tpl_notice_revisions, r.count + 1);
    ENSURE(rows, ERR_MEMORY);
    while (db_next(&r)) {
        rows[p->revisions_count++] = (struct tpl_notice_revisions){
            db_col_i64(&r, 0), db_col_text(&r, lang == I18N_JA ? 1 : 2)};
    }
    p->revisions = rows;
    return OK;
}
