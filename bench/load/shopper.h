/* A customer without scripts: walks the booking site page by page, with a cookie jar of her own,
 * and sends only forms that a page showed her. Each call is one thing that a person does; the page
 * it leads to is kept for the next. One thread a shopper. Source of the way: scenes/lib/booking.mjs
 * does the same in a browser. */
#ifndef BENCH_LOAD_SHOPPER_H
#define BENCH_LOAD_SHOPPER_H

#include "load/http.h"
#include "load/tally.h"

enum {
    SHOPPER_COOKIES = 4,
    SHOPPER_COOKIE_BYTES = 256,
    SHOPPER_ID = 33,    /* a booking's or departure's id and NUL */
    SHOPPER_STATE = 24, /* "refunded_late" and NUL */
    SHOPPER_URL = 512
};

/* The house that is walked. shop: through the guard, or straight at the shop's socket. */
typedef struct load_house {
    http_peer_t shop, psp;
    char origin[64]; /* "http://shop.localhost:8080" */
    char socket[200];
    int timeout_ms; /* of each answer */
} load_house_t;

/* var: the house's folder when the shop's own socket is to be used, else NULL. */
err_t load_house_init(load_house_t *h, unsigned port, const char *var, int timeout_ms);

/* What is done; names in reports are in load_step_name. */
typedef enum load_step {
    LOAD_HOME,
    LOAD_SEARCH,
    LOAD_TOUR,
    LOAD_DEPARTURE,
    LOAD_HOLD,
    LOAD_TRAVELLERS,
    LOAD_TRAVELLERS_SEND,
    LOAD_CONFIRM,
    LOAD_CONSENT,
    LOAD_PROVIDER,
    LOAD_ACT,
    LOAD_RETURN,
    LOAD_BOOKING,
    LOAD_CANCEL,
    LOAD_PAY, /* the page that offers another try, and its form */
    LOAD_STEPS
} load_step_t;

const char *load_step_name(load_step_t step);

/* How the last step ended. */
typedef enum load_fault {
    LOAD_FINE,
    LOAD_UNREACHED,  /* nobody listened: nothing happened */
    LOAD_UNANSWERED, /* sent, and no whole answer: what happened is unknown */
    LOAD_STATUS,     /* another status or address than the step leads to */
    LOAD_PAGE        /* the page lacks the link, form or mark that it must have */
} load_fault_t;

/* A form that was filled in and not sent yet, with the cookies of its visitor. */
typedef struct shopper_form {
    char cookies[SHOPPER_COOKIES][SHOPPER_COOKIE_BYTES];
    char action[128], body[512];
} shopper_form_t;

typedef struct shopper {
    const load_house_t *house;
    http_conn_t shop, psp;
    uint32_t source; /* the address she comes from, host order; 0 = 127.0.0.1 */
    bool keep;       /* visitors after her use the same connection (else each has one of its own) */
    char cookies[SHOPPER_COOKIES][SHOPPER_COOKIE_BYTES]; /* "name=value" */
    arena_t arenas[2];                                   /* the page she looks at; the next one */
    unsigned now;
    http_answer_t page;
    char url[SHOPPER_URL];    /* path of the page, or the address to which the last answer leads */
    char booking[SHOPPER_ID]; /* of the hold; empty before */
    /* the last step */
    load_step_t step;
    load_fault_t fault;
    int status;               /* 0 = no answer */
    int64_t took_us, walk_us; /* of this answer; of all of the shop's since shopper_fresh */
    /* all steps */
    tally_times_t times[LOAD_STEPS];
    tally_t tally; /* "<step> <status>", "<step> unreached", "<step> unanswered", "<step> page" */
} shopper_t;

void shopper_init(shopper_t *s, const load_house_t *house, uint32_t source, bool keep);
void shopper_deinit(shopper_t *s);
/* The address that the next connections come from, host order; 0 = 127.0.0.1. */
void shopper_from(shopper_t *s, uint32_t source);
/* Another person: no cookies, no booking, nothing known. */
void shopper_fresh(shopper_t *s);

/* Each: OK, or a failure whose nature stands in fault and status: UNAVAILABLE, CLOSED, TIMEOUT from
 * the connection, UPSTREAM for an answer that is not the step's, NOT_FOUND for a page without what
 * it must have. */
err_t shopper_home(shopper_t *s);
/* By the form of the home page; place and city are option codes, empty = any. */
err_t shopper_search(shopper_t *s, slice_t place, slice_t city);
/* A tour of the list, by its slug, or the first for the empty slice. */
err_t shopper_tour(shopper_t *s, slice_t slug);
/* A departure of the tour's page that can be booked: by its id, or the nth of them (from 0; past
 * the last: the last). */
err_t shopper_departure(shopper_t *s, slice_t id, size_t nth);
/* Straight to a departure's page, as from a bookmark. */
err_t shopper_departure_open(shopper_t *s, slice_t id);
/* The form of the departure's page, filled in. FULL: the page says that the seats are gone (409).
 * After OK s->booking is hers. */
err_t shopper_hold(shopper_t *s, unsigned adults, unsigned children);
/* The same in two parts: what the page gave, kept, and sent later or (after an answer that did not
 * come) once more. The visitor of the form is then the shopper. */
err_t shopper_hold_form(shopper_t *s, unsigned adults, unsigned children, shopper_form_t *ret_form);
err_t shopper_hold_send(shopper_t *s, const shopper_form_t *form);
/* Follows to the travellers' page, fills it in with people that nobody else has, sends it, lands on
 * the last page. */
err_t shopper_travellers(shopper_t *s, unsigned adults, unsigned children);
/* Agrees; s->url is then the provider's page. EXPIRED: too little time is left (409). */
err_t shopper_consent(shopper_t *s);
/* Opens the provider's page and plays a scenario by its button ("success", "decline", "abandon",
 * ...); lands on the page to which the provider sends her back, if it does. */
err_t shopper_pay(shopper_t *s, slice_t scenario);
/* The booking's page; its word for the state ("confirmed"). */
err_t shopper_state(shopper_t *s, char ret_state[SHOPPER_STATE]);
/* Gives the seats back by the form of the booking's page. CONFLICT when the page has no such form
 * any more. */
err_t shopper_cancel(shopper_t *s);
/* From the booking's page to another try to pay; s->url is then the provider's page. CONFLICT when
 * it is not offered. */
err_t shopper_pay_again(shopper_t *s);

/* Whether what the last step did at the house is unknown: no answer, or one that says so (5xx). */
bool shopper_unsure(const shopper_t *s);

#endif
