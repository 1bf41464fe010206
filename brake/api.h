/* The brake board, reader's side (law 1): orders come down only through this file.
 *
 * The board is one preallocated file of two slots, written in place by turns, each with a
 * generation, the levers and Ed25519 signatures. Every reader maps it, compares the generation on
 * each use, verifies signatures itself when it changed, and keeps the highest generation it has
 * seen in a file of its own room, so that an older board is refused after a restart as well.
 * Missing, broken or older: payments closed, WAF strict, ordinary mail held; shop and staff log-in
 * stay open. Closing a lever takes one enrolled signature, opening one takes two people's. Format:
 * brake/FORMAT.md. */
#ifndef BRAKE_API_H
#define BRAKE_API_H

#include "base/id.h"
#include "base/slice.h"

/* name, bit, open in a house without a readable board?, label, text */
#define BRAKE_LEVERS(X)                                                                            \
    X(PAYMENTS, 0, false, "payments", "new card payments")                                         \
    X(SHOP, 1, true, "shop", "the shop")                                                           \
    X(WAF_RELAXED, 2, false, "waf_relaxed", "the firewall's ordinary mode (closed = strict)")      \
    X(STAFF_LOGIN, 3, true, "staff_login", "staff log-in")                                         \
    X(OUTBOUND_MAIL, 4, false, "outbound_mail", "ordinary mail")

typedef enum brake_lever {
#define BRAKE_LEVER_ENUM(name, bit, fallback, label, text) BRAKE_##name = (bit),
    BRAKE_LEVERS(BRAKE_LEVER_ENUM)
#undef BRAKE_LEVER_ENUM
        BRAKE_LEVER_COUNT = 5
} brake_lever_t;

enum { BRAKE_REASON_MAX = 240 };

typedef enum brake_trouble {
    BRAKE_FINE = 0,
    BRAKE_MISSING, /* no file, or not the file that was mapped and no new one */
    BRAKE_DAMAGED, /* neither slot verifies */
    BRAKE_OLDER,   /* generation below the highest seen */
} brake_trouble_t;

typedef struct brake_state {
    uint64_t generation; /* of the board obeyed; 0 when none */
    uint32_t open;       /* bit set = lever open */
    brake_trouble_t trouble;
    int64_t ordered_us;
    char reason[BRAKE_REASON_MAX + 1]; /* as given with the last order; UTF-8, staff only */
} brake_state_t;

typedef struct brake_reader brake_reader_t;

/* board_dir: var/brake. seen_path: a file in the room's own data folder
 * ("<var>/<room>/brake.seen"); NULL keeps it in memory only (short-lived commands). A missing board
 * is not an error here: it is a state. */
err_t brake_reader_new(const char *board_dir, const char *seen_path, brake_reader_t **ret_reader);
void brake_reader_free(brake_reader_t *r);

/* The state to obey. Cheap: a mapped generation is compared, and the path is statted every 200 ms;
 * signatures are checked only on change. Thread-safe. */
brake_state_t brake_now(brake_reader_t *r);
/* The same with the path statted now: before each payment attempt. */
brake_state_t brake_now_strict(brake_reader_t *r);
static inline bool brake_is_open(const brake_state_t *s, brake_lever_t lever)
{
    return (s->open >> lever) & 1U;
}
const char *brake_lever_name(unsigned lever);     /* "payments"; never NULL */
const char *brake_trouble_name(unsigned trouble); /* never NULL */

#endif
