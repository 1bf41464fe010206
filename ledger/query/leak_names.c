/* The words of leaks. */
#include "ledger/api_leak.h"

const char *leak_why_name(leak_why_t why)
{
    static const char *const NAMES[] = {"delivered",      "no_outcome",   "not_delivered",
                                        "answer_unknown", "answer_error", "same_request",
                                        "same_object",    "host",         "refused"};
    return why < BASE_COUNT(NAMES) ? NAMES[why] : "unknown";
}

const char *leak_class_name(leak_class_t class_)
{
    static const char *const NAMES[] = {"certain", "possible", "inferable", "refused"};
    return (unsigned)class_ < LEAK_CLASSES ? NAMES[class_] : "unknown";
}

static const struct {
    const char *name;
    bool all;
} HOSTS[LEAK_HOSTS] = {
    [LEAK_HOST_MACHINE] = {"host", true},  [LEAK_HOST_VAULT] = {"vault", true},
    [LEAK_HOST_SHOP] = {"shop", true},     [LEAK_HOST_OFFICE] = {"office", true},
    [LEAK_HOST_LEDGER] = {"ledger", true}, [LEAK_HOST_GUARD] = {"guard", false},
    [LEAK_HOST_PAY] = {"pay", false},
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
    return host >= LEAK_HOSTS || HOSTS[host].all;
}
