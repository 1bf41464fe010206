/* The words of the shop that several files share: limits, flags, numbers that stand in its tables.
 * States with their rules have files of their own (status.h, booking_state.h). */
#ifndef SHOP_MODEL_H
#define SHOP_MODEL_H

#include "base/id.h"

enum {
    SHOP_PAX_MAX = 8,          /* people in one booking */
    SHOP_CODE_LETTERS = 8,     /* of a booking number, without "SKS-" and the hyphen */
    SHOP_CODE_TEXT = 13,       /* "SKS-BCDF-GHJK" */
    SHOP_TOKEN_LETTERS = 32,   /* a form's double-submit token */
    SHOP_PAGE_ROWS = 9,        /* tours on a page of results */
    SHOP_OWN_MAX = 16,         /* bookings that one session remembers as its own */
    SHOP_DB_WAIT_MS = 2000,    /* for a free connection */
    SHOP_SESSION_MIN_S = 180,  /* no payment session shorter than this is begun */
    SHOP_SESSION_MAX_S = 1800, /* the provider's session; the hold outlives it */
    SHOP_SESSION_GRACE_S = 60, /* ends so long before the hold */
};

/* departure.flags */
enum {
    SHOP_FLAG_DECIDED = 1,     /* runs whatever the number */
    SHOP_FLAG_WAITLIST = 2,    /* when full, a waiting list is kept */
    SHOP_FLAG_CLOSED = 4,      /* booking was ended by hand */
    SHOP_FLAG_CALLED_OFF = 16, /* it does not run; always with CLOSED */
    SHOP_FLAG_ROOMS = 8,       /* each person needs a bed in one of its rooms */
};

/* hold.state */
typedef enum hold_state { HOLD_HELD = 1, HOLD_TAKEN = 2, HOLD_RELEASED = 3 } hold_state_t;

/* pay_order.kind, pay_order.done */
typedef enum pay_order_kind { PAY_ORDER_REFUND = 1, PAY_ORDER_CANCEL = 2 } pay_order_kind_t;
enum { PAY_ORDER_OPEN = 0, PAY_ORDER_DONE = 1, PAY_ORDER_GIVEN_UP = 2 };

#endif
