/* Notices, offices, documents, the company: public. */
#include "handlers.h"
#include "notice.h"
#include "page.h"

enum { NOTICES_MAX = 100 };

err_t handle_notices(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    struct tpl_notices_args p = {0};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_fill(shop, req, "notices", &p.page));
    TRY(notice_list(lease.db, req->arena, page_lang(req), NOTICES_MAX, &p.notices,
                    &p.notices_count));
    tpl_notices(web_html(res, 200), page_lang(req), &p);
    return OK;
}

err_t handle_notice(void *room, web_req_t *req, web_res_t *res)
{
    shop_t *shop = room;
    struct tpl_notice_args p = {0};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(page_fill(shop, req, "notices", &p.page));
    TRY(notice_one(lease.db, req->arena, page_lang(req), web_req_param(req, "id"), &p));
    tpl_notice(web_html(res, 200), page_lang(req), &p);
    return OK;
}

err_t handle_offices(void *room, web_req_t *req, web_res_t *res)
{
    struct tpl_offices_args p = {0};
    TRY(page_fill(room, req, "offices", &p.page));
    tpl_offices(web_html(res, 200), page_lang(req), &p);
    return OK;
}

err_t handle_company(void *room, web_req_t *req, web_res_t *res)
{
    struct tpl_company_args p = {0};
    TRY(page_fill(room, req, "", &p.page));
    tpl_company(web_html(res, 200), page_lang(req), &p);
    return OK;
}

/* Kinds of documents that have a page, in the order in which they name each other. */
static const char *const KINDS[] = {"conditions", "terms", "privacy"};

static err_t siblings(db_t *db, web_req_t *req, slice_t kind, struct tpl_document_args *p)
{
    struct tpl_document_others *rows =
        ARENA_ARRAY(req->arena, struct tpl_document_others, BASE_COUNT(KINDS));
    ENSURE(rows, ERR_MEMORY);
    for (size_t i = 0; i < BASE_COUNT(KINDS); i++) {
        document_t doc;
        bool heading;
        slice_t other = slice_cstr_in(KINDS[i]);
        if (slice_eq(other, kind) ||
            err_failed(document_current(db, req->arena, other, page_lang(req), &doc))) {
            continue; /* a house need not have all of them */
        }
        struct tpl_document_others *row = &rows[p->others_count++];
        (void)document_block(&doc.text, &heading, &row->title);
        TRY(arena_printf(req->arena, &row->href, "/%s", KINDS[i]));
    }
    p->others = rows;
    return OK;
}

static err_t show_document(shop_t *shop, web_req_t *req, web_res_t *res, slice_t kind)
{
    document_t doc;
    struct tpl_document_args p = {0};
    DB_LEASE_SCOPED db_lease_t lease = {0};
    TRY(db_lease(shop->db, SHOP_DB_WAIT_MS, &lease));
    TRY(document_current(lease.db, req->arena, kind, page_lang(req), &doc));
    TRY(page_fill(shop, req, "", &p.page));
    TRY(page_document(req->arena, &doc, &p.doc));
    TRY(siblings(lease.db, req, kind, &p));
    if (slice_eq(kind, SLICE("conditions"))) {
        page_fees_of_t of = {.contract = tokyo_date(req->now_us)};
        TRY(page_fees(lease.db, req->arena, page_lang(req), &of, &p.fees, &p.fees_count));
    }
    tpl_document(web_html(res, 200), page_lang(req), &p);
    return OK;
}

err_t handle_terms(void *room, web_req_t *req, web_res_t *res)
{
    return show_document(room, req, res, SLICE("terms"));
}

err_t handle_privacy(void *room, web_req_t *req, web_res_t *res)
{
    return show_document(room, req, res, SLICE("privacy"));
}

err_t handle_conditions(void *room, web_req_t *req, web_res_t *res)
{
    return show_document(room, req, res, SLICE("conditions"));
}
