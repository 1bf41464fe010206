#include "settle.h"

#include <stdlib.h>

static const struct {
    const char *name, *text;
} DIFFERENCES[SETTLE_DIFFERENCE_COUNT] = {
#define ROW(name, text) [SETTLE_##name] = {#name, text},
    SETTLE_DIFFERENCES(ROW)
#undef ROW
};

const char *settle_difference_name(unsigned d)
{
    return d < SETTLE_DIFFERENCE_COUNT ? DIFFERENCES[d].name : "?";
}

const char *settle_difference_text(unsigned d)
{
    return d < SETTLE_DIFFERENCE_COUNT ? DIFFERENCES[d].text : "?";
}

/* What the file says of one attempt, added up. */
typedef struct sums {
    const settle_line_t *capture; /* the first */
    int64_t refunded_minor, charged_back_minor;
} sums_t;

typedef struct work {
    const settle_file_t *file;
    const settle_ours_t *ours;
    size_t n_ours;
    size_t *by_payment, *by_order; /* indexes of ours, sorted */
    const settle_line_t **by_id;
    sums_t *sums; /* beside ours */
    settle_found_fn *found;
    void *ctx;
} work_t;

static int slice_order(slice_t a, slice_t b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int c = len ? memcmp(a.ptr, b.ptr, len) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static int payment_order(const void *x, const void *y, void *ctx)
{
    const work_t *w = ctx;
    return slice_order(w->ours[*(const size_t *)x].payment, w->ours[*(const size_t *)y].payment);
}

static int attempt_order(const void *x, const void *y, void *ctx)
{
    const work_t *w = ctx;
    return memcmp(w->ours[*(const size_t *)x].attempt.b, w->ours[*(const size_t *)y].attempt.b,
                  ID_BYTES);
}

static int line_order(const void *x, const void *y)
{
    return slice_order((*(const settle_line_t *const *)x)->id,
                       (*(const settle_line_t *const *)y)->id);
}

static err_t index_make(arena_t *a, work_t *w)
{
    size_t n = w->n_ours + 1;
    w->by_payment = ARENA_ARRAY(a, size_t, n);
    w->by_order = ARENA_ARRAY(a, size_t, n);
    w->sums = ARENA_ARRAY(a, sums_t, n);
    w->by_id = ARENA_ARRAY(a, const settle_line_t *, w->file->n + 1);
    ENSURE(w->by_payment && w->by_order && w->sums && w->by_id, ERR_MEMORY);
    for (size_t i = 0; i < w->n_ours; i++) {
        w->by_payment[i] = w->by_order[i] = i;
        w->sums[i] = (sums_t){0};
    }
    for (size_t i = 0; i < w->file->n; i++) {
        w->by_id[i] = &w->file->lines[i];
    }
    qsort_r(w->by_payment, w->n_ours, sizeof(size_t), payment_order, w);
    qsort_r(w->by_order, w->n_ours, sizeof(size_t), attempt_order, w);
    qsort(w->by_id, w->file->n, sizeof(const settle_line_t *), line_order);
    return OK;
}

/* SIZE_MAX: none. An attempt without a number is found by its order only. */
static size_t find_payment(const work_t *w, slice_t payment)
{
    size_t low = 0, high = w->n_ours;
    while (low < high && payment.len) {
        size_t mid = low + (high - low) / 2;
        int c = slice_order(w->ours[w->by_payment[mid]].payment, payment);
        if (c == 0) {
            return w->by_payment[mid];
        }
        low = c < 0 ? mid + 1 : low;
        high = c < 0 ? high : mid;
    }
    return SIZE_MAX;
}

static size_t find_order(const work_t *w, slice_t order)
{
    id128_t id;
    size_t low = 0, high = w->n_ours;
    if (err_failed(id_decode(order, &id))) {
        return SIZE_MAX;
    }
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = memcmp(w->ours[w->by_order[mid]].attempt.b, id.b, ID_BYTES);
        if (c == 0) {
            return w->by_order[mid];
        }
        low = c < 0 ? mid + 1 : low;
        high = c < 0 ? high : mid;
    }
    return SIZE_MAX;
}

static void tell(const work_t *w, settle_difference_t what, size_t at, const settle_line_t *line)
{
    w->found(w->ctx, what, at == SIZE_MAX ? NULL : &w->ours[at], line);
}

/* The attempt of a line: by the payment that we know, else by the order that the file carries. */
static size_t attempt_of(const work_t *w, const settle_line_t *l)
{
    size_t paid = find_payment(w, l->payment), ordered = find_order(w, l->order);
    if (paid != SIZE_MAX && l->order.len && ordered != paid) {
        tell(w, SETTLE_OTHER_ORDER, paid, l);
    } else if (paid == SIZE_MAX && ordered != SIZE_MAX && w->ours[ordered].payment.len) {
        bool second = l->kind == SETTLE_CAPTURE && w->sums[ordered].capture;
        tell(w, second ? SETTLE_TWO_PAYMENTS : SETTLE_OTHER_PAYMENT, ordered, l);
    }
    return paid != SIZE_MAX ? paid : ordered;
}

static void capture_take(work_t *w, size_t at, const settle_line_t *l)
{
    const settle_ours_t *o = &w->ours[at];
    sums_t *s = &w->sums[at];
    if (s->capture) {
        if (slice_eq(s->capture->payment, l->payment) && !slice_eq(s->capture->id, l->id)) {
            tell(w, SETTLE_CAPTURED_TWICE, at, l);
        } else if (!slice_eq(s->capture->payment, l->payment) && !o->payment.len) {
            tell(w, SETTLE_TWO_PAYMENTS, at, l);
        }
        return;
    }
    s->capture = l;
    bool paid = o->state == PAY_CAPTURED || o->state == PAY_REFUNDED;
    if (o->in_doubt) {
        tell(w, SETTLE_IN_DOUBT_HERE, at, l);
    } else if (!paid) {
        tell(w, SETTLE_NOT_PAID_HERE, at, l);
    }
    if (memcmp(l->currency, o->currency, sizeof o->currency) != 0) {
        tell(w, SETTLE_CURRENCY, at, l);
    } else if (l->amount_minor != (paid ? o->captured_minor : o->amount_minor)) {
        tell(w, SETTLE_AMOUNT, at, l);
    }
}

static void line_take(work_t *w, const settle_line_t *l)
{
    size_t at = attempt_of(w, l);
    int64_t sign = l->kind == SETTLE_CAPTURE ? 1 : -1;
    if (sign * l->amount_minor - l->fee_minor != l->net_minor) {
        tell(w, SETTLE_NET, at, l);
    }
    if (l->time_us < w->file->from_us || l->time_us >= w->file->until_us) {
        tell(w, SETTLE_PERIOD, at, l);
    }
    if (at == SIZE_MAX) {
        tell(w, SETTLE_UNKNOWN_ORDER, at, l);
    } else if (l->kind == SETTLE_CAPTURE) {
        capture_take(w, at, l);
    } else if (l->kind == SETTLE_REFUND) {
        w->sums[at].refunded_minor += l->amount_minor;
    } else {
        w->sums[at].charged_back_minor += l->amount_minor;
    }
}

/* What went back, both ways. */
static void backs_compare(const work_t *w, size_t at)
{
    const settle_ours_t *o = &w->ours[at];
    const sums_t *s = &w->sums[at];
    if (s->refunded_minor > o->captured_minor && o->captured_minor > 0) {
        tell(w, SETTLE_REFUND_ABOVE, at, s->capture);
    } else if (s->refunded_minor > 0 && o->refunded_minor == 0) {
        tell(w, SETTLE_REFUND_UNKNOWN_HERE, at, s->capture);
    } else if (s->refunded_minor == 0 && o->refunded_minor > 0) {
        tell(w, SETTLE_REFUND_MISSING_THERE, at, s->capture);
    } else if (s->refunded_minor != o->refunded_minor) {
        tell(w, SETTLE_REFUND_AMOUNT, at, s->capture);
    }
    if (s->charged_back_minor > 0 && !o->disputed) {
        tell(w, SETTLE_CHARGEBACK_UNKNOWN_HERE, at, s->capture);
    }
    if (s->charged_back_minor > 0 && (s->refunded_minor > 0 || o->refunded_minor > 0)) {
        tell(w, SETTLE_BACK_TWICE, at, s->capture);
    }
}

static void ours_compare(const work_t *w, size_t at)
{
    const settle_ours_t *o = &w->ours[at];
    const sums_t *s = &w->sums[at];
    bool due = o->captured_us >= w->file->from_us && o->captured_us < w->file->until_us;
    if (o->captured_us && due && !s->capture) {
        tell(w, SETTLE_MISSING_THERE, at, NULL);
    }
    backs_compare(w, at);
}

static void file_check(const work_t *w)
{
    const settle_file_t *f = w->file;
    int64_t net = 0;
    for (size_t i = 0; i < f->n; i++) {
        net += f->lines[i].net_minor; /* each bounded by its reader, so the sum does not overflow */
        if (i > 0 && slice_eq(w->by_id[i - 1]->id, w->by_id[i]->id)) {
            tell(w, SETTLE_LINE_TWICE, SIZE_MAX, w->by_id[i]);
        }
    }
    if (f->said_lines >= 0 && (f->said_lines != (int64_t)f->n || f->said_net_minor != net)) {
        tell(w, SETTLE_TOTAL, SIZE_MAX, NULL);
    }
    if (f->is_known) {
        tell(w, SETTLE_PERIOD, SIZE_MAX, NULL);
    }
}

err_t settle_compare(arena_t *a, const settle_file_t *file, const settle_ours_t *ours,
                     size_t n_ours, settle_found_fn *found, void *ctx)
{
    work_t w = {.file = file, .ours = ours, .n_ours = n_ours, .found = found, .ctx = ctx};
    TRY(index_make(a, &w));
    file_check(&w);
    for (size_t i = 0; i < file->n; i++) {
        line_take(&w, &file->lines[i]);
    }
    for (size_t i = 0; i < n_ours; i++) {
        ours_compare(&w, i);
    }
    return OK;
}
