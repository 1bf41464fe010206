#include "strangers.h"

#include "base/clock.h"
#include "io/log.h"

/* The command is one process a call, a test's clients are many. */
static const room_set_t ONE_PROCESS = ROOM_BIT(ROOM_SHOP) | ROOM_BIT(ROOM_OFFICE);
#define HOUR_US (3600 * CLOCK_SECOND_US)

void strangers_tell(strangers_t *s, ledger_client_t *ledger, room_id_t room, pid_t process)
{
    int64_t now_us = clock_mono_us();
    if (!(ONE_PROCESS & ROOM_BIT(room)) ||
        (s->told_us[room] && now_us - s->told_us[room] < HOUR_US)) {
        return;
    }
    uint8_t mem[128];
    buf_t facts = BUF_ON_ARRAY(mem);
    s->told_us[room] = now_us;
    log_event(LOG_WARN, id_zero(), "vault.strangers", "two processes ask as room %s",
              room_name(room));
    ledger_fact(&facts, "what", SLICE("vault_two_processes"));
    ledger_fact(&facts, "room", slice_cstr_in(room_name(room)));
    ledger_fact_i64(&facts, "process", process);
    ledger_note(ledger, &(ledger_record_t){.type = LEDGER_ALARM, .facts = buf_slice(&facts)});
}
