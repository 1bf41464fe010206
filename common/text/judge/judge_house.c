/* Set 3: what the house itself writes into addresses, cookies and log lines. None may ever look
 * like a card number. Ids and tokens come from the kernel, so these values differ in every run. */
#include "judge.h"

static const kind_t ROWS[] = {
    {"id", 30, FORMS("{id}")},
    {"token of 16 to 64 letters", 30,
     FORMS("{token}", "{token}", "{token:16}", "{token:32}", "{token:64}")},
    {"masked token of 64", 12, FORMS("{masked}")},
    {"booking number", 14, FORMS("{sks}")},
    {"address", 10,
     FORMS("http://shop.localhost:8080/booking/{sks}?t={token:32}&r={id}",
           "/departure/{id}/hold?pax=2&date={day:Y-m-d}&csrf={masked}",
           "/pay/return/{token:48}?session_id={*25}&b={sks}&id={id}",
           "http://mail.localhost:8080/message/{id}/{id}?k={token}",
           "/my/bookings/{sks}/papers/{id}.pdf?v={epoch}&t={token:64}")},
    {"cookie", 3, FORMS("session={token:32}; csrf={masked}; lang=ja; seen={id}")},
    {"list", 3,
     FORMS("{id}{id}{id}{id}", "{sks} {sks} {sks} {sks}", "{id},{id},{id}",
           "{sks}{sks}{sks}{token:64}", "{id}\n{sks}\n{token}\n{id}")},
    {"log line", 3,
     FORMS("\\{\"id\":\"{id}\",\"t\":\"{day:Y-m-d}T{hms}.{#6}Z\",\"booking\":\"{sks}\",\"attempt\":"
           "\"{id}\"\\}",
           "id={id} parent={id} us={epoch}{#6} bytes={#5} booking={sks}")},
};

const kinds_t HOUSE = KINDS("house", ROWS);
