#include "http.h"

enum {
    BODY_CHECKPOINT = 128 * 1024, /* 63 hashes and a note of many signatures */
    BODY_KEY = 256 * 1024,        /* a leaf in base64 besides */
    PUBLIC = WEB_NO_SESSION | WEB_CSRF_EXEMPT,
    /* What comes is base64 and sizes, and the log's own words: no field for a person's data. */
    PROTOCOL = PUBLIC | WEB_RAW_BODY | WEB_CARD_CHECK_OWN,
};

typedef void watch_fn(watch_t *w, slice_t body, watch_answer_t *ret_answer);

static err_t put_answer(web_req_t *req, web_res_t *res, watch_fn *fn, watch_t *w)
{
    watch_answer_t *a = ARENA_NEW(req->arena, watch_answer_t);
    ENSURE(a, ERR_MEMORY);
    fn(w, req->body, a);
    web_bytes(res, a->status,
              a->is_size ? SLICE("text/x.tlog.size") : SLICE("text/plain; charset=utf-8"),
              slice_make(a->body, a->len));
    return OK;
}

static err_t add_checkpoint(void *room, web_req_t *req, web_res_t *res)
{
    return put_answer(req, res, watch_add_checkpoint, room);
}

static err_t add_key(void *room, web_req_t *req, web_res_t *res)
{
    return put_answer(req, res, watch_add_key, room);
}

static err_t vkey(void *room, web_req_t *req, web_res_t *res)
{
    (void)req;
    watch_put_vkey(room, web_text(res, 200));
    return OK;
}

static err_t latest(void *room, web_req_t *req, web_res_t *res)
{
    slice_t note;
    TRY(watch_latest(room, web_req_param(req, "log"), req->arena, &note));
    web_bytes(res, 200, SLICE("text/plain; charset=utf-8"), note);
    return OK;
}

/* clang-format off */
const web_route_t WITNESS_ROUTES[] = {
    {WEB_POST, "/add-checkpoint", "add-checkpoint", add_checkpoint, WEB_CSP_DATA, PROTOCOL, 0, 0, BODY_CHECKPOINT},
    {WEB_POST, "/add-key", "add-key", add_key, WEB_CSP_DATA, PROTOCOL, 0, 0, BODY_KEY},
    {WEB_GET, "/witness.vkey", "vkey", vkey, WEB_CSP_DATA, WEB_NO_SESSION, 0, 0, 0},
    {WEB_GET, "/:log/checkpoint", "latest", latest, WEB_CSP_DATA, WEB_NO_SESSION, 0, 0, 0},
};
/* clang-format on */
const size_t WITNESS_ROUTE_COUNT = BASE_COUNT(WITNESS_ROUTES);
