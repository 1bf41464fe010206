/* The words of leaks. */
#include "ledger/api_leak.h"

const char *leak_why_name(leak_why_t why)
{
    static const char *const NAMES[] = {
        "delivered",    "no_outcome",  "not_delivered", "answer_unknown", "answer_error",
        "same_request", "same_object", "host",          "refused",        "given_to_host"};
    return why < BASE_COUNT(NAMES) ? NAMES[why] : "unknown";
}

const char *leak_class_name(leak_class_t class_)
{
    static const char *const NAMES[] = {"certain", "possible", "inferable", "refused"};
    return (unsigned)class_ < LEAK_CLASSES ? NAMES[class_] : "unknown";
}

/* Everything stored; what the vault gives it; what passes. */
typedef enum reach { REACH_ALL, REACH_GIVEN, REACH_PASSING } reach_t;

static const struct {
    const char *name; /* of one that asks the vault: the room's, as the vault's records name it */
    reach_t reach;
} HOSTS[LEAK_HOSTS] = {
    [LEAK_HOST_MACHINE] = {"host", REACH_ALL},  [LEAK_HOST_VAULT] = {"vault", REACH_ALL},
    [LEAK_HOST_SHOP] = {"shop", REACH_GIVEN},   [LEAK_HOST_OFFICE] = {"office", REACH_GIVEN},
    [LEAK_HOST_LEDGER] = {"ledger", REACH_ALL}, [LEAK_HOST_GUARD] = {"guard", REACH_PASSING},
    [LEAK_HOST_PAY] = {"pay", REACH_PASSING},
};

const char *leak_host_name(leak_host_t host)
{
    return host < LEAK_HOSTS ? HOSTS[host].name : "unknown";
}

bool leak_host_parse(const char *name, leak_host_t *ret_host)
{
    for (unsigned i = 0; i < LEAK_HOSTS; i++) {
        if (strcmp(name, HOSTS[i].name) == 0) {
            *ret_host = (leak_host_t)i;
            return true;
        }
    }
    return false;
}

bool leak_host_opens_all(leak_host_t host)
{
    return host >= LEAK_HOSTS || HOSTS[host].reach == REACH_ALL;
}

bool leak_host_asks(leak_host_t host)
{
    return host < LEAK_HOSTS && HOSTS[host].reach == REACH_GIVEN;
}
