/* The rows of vault.ini. */
#include "conf.h"

#include "passwords.h"
#include "register.h"

/* clang-format off */
#define BUDGET_ROW_OF(at_, key_, member_, what_) \
    {.section = "budget", .key = key_ "_" #member_, .type = CONF_INT, \
     .offset = offsetof(vault_conf_t, limits[at_].member_), .size = sizeof(int64_t), \
     .min = 0, .max = BUDGET_MAX, .fallback = "0", .comment = what_}
#define BUDGET_ROW(purpose_, key_, member_, what_) BUDGET_ROW_OF(VAULT_FOR_##purpose_, key_, member_, what_)
#define BUDGET_ROWS(purpose_, key_) \
    BUDGET_ROW(purpose_, key_, actor_minute, "different people one actor may see in a minute; 0 = the profile's default"), \
    BUDGET_ROW(purpose_, key_, actor_day, "the same in 24 hours"), \
    BUDGET_ROW(purpose_, key_, room_minute, "different people a room may see for all its actors in a minute"), \
    BUDGET_ROW(purpose_, key_, room_day, "the same in 24 hours")
/* clang-format on */

/* In the order of master_kind_t. */
static const char *const SOURCES[] = {"file", "passphrase", "credential", "token", NULL};

/* The minimum is what the house requires: a house may only ask for more. */
static const conf_field_t FIELDS[] = {
    CONF_INT_ROW(vault_conf_t, passes, "passwords", "passes", 2, 16, "2",
                 "Argon2id passes over the memory"),
    CONF_INT_ROW(vault_conf_t, memory_kib, "passwords", "memory_kib", 19456, 1048576, "19456",
                 "Argon2id memory of one hashing, KiB; two hashings run at a time"),
    CONF_INT_ROW(vault_conf_t, queue, "passwords", "queue", 2, PASSWORDS_QUEUE_MAX, "32",
                 "log-ins that may wait or be hashed; more are refused"),
    BUDGET_ROW_OF(BUDGET_ALL, "all", room_minute,
                  "different people a room may see for all purposes together (but incident) in a "
                  "minute; 0 = the profile's default"),
    BUDGET_ROW_OF(BUDGET_ALL, "all", room_day, "the same in 24 hours"),
    BUDGET_ROWS(SHOW_TO_OWNER, "show_to_owner"),
    BUDGET_ROWS(MAIL, "mail"),
    BUDGET_ROWS(PAPER, "paper"),
    BUDGET_ROWS(DESK, "desk"),
    BUDGET_ROWS(INCIDENT, "incident"),
    CONF_INT_ROW(vault_conf_t, honey, "honey", "customers", 0, REGISTER_HONEY_MAX, "24",
                 "customers who do not exist, so that who asks for one gives himself away"),
    CONF_CHOICE_ROW(vault_conf_t, source, "master", "source", SOURCES, "file",
                    "how the next master key is kept: file, passphrase, credential, token (the one "
                    "that is there says itself how); `sekisho vault rotate` makes the next"),
    CONF_INT_ROW(vault_conf_t, master_passes, "master", "passes", 3, 16, "3",
                 "Argon2id passes for a passphrase"),
    CONF_INT_ROW(vault_conf_t, master_memory_mib, "master", "memory_mib", 64, 2048, "128",
                 "Argon2id memory for a passphrase, MiB"),
    CONF_TEXT_ROW(vault_conf_t, module, "master", "module", "",
                  "token: file of the PKCS#11 module"),
    CONF_TEXT_ROW(vault_conf_t, token, "master", "token", "sekisho", "label of the token"),
    CONF_TEXT_ROW(vault_conf_t, token_key, "master", "token_key", "sekisho-vault",
                  "label of the AES-256 key in it"),
};

/* All that the vault calls is in the common list: files, unix sockets, threads, locked memory. */
const daemon_spec_t VAULT_SPEC = {
    .room = ROOM_VAULT,
    .conf = {FIELDS, BASE_COUNT(FIELDS)},
};

master_source_t vault_conf_source(const vault_conf_t *conf, const daemon_t *d,
                                  const master_secret_t *typed)
{
    return (master_source_t){
        .kind = (master_kind_t)conf->source,
        .typed = typed,
        .credentials = getenv("CREDENTIALS_DIRECTORY"),
        .token = {.module = conf->module,
                  .label = conf->token,
                  .key = conf->token_key,
                  .uid = d->separated ? d->uid : (uid_t)-1,
                  .gid = d->gid},
        .passes = (uint32_t)conf->master_passes,
        .memory_kib = (uint32_t)conf->master_memory_mib * 1024,
    };
}

void vault_conf_limits(const vault_conf_t *conf, const daemon_t *d,
                       budget_limits_t ret_limits[BUDGET_PURPOSES])
{
    for (unsigned i = BUDGET_ALL; i < BUDGET_PURPOSES; i++) {
        const budget_limits_t *set = &conf->limits[i];
        budget_limits_t l = budget_default(i, daemon_is_test(d));
        l.actor_minute = set->actor_minute ? set->actor_minute : l.actor_minute;
        l.actor_day = set->actor_day ? set->actor_day : l.actor_day;
        l.room_minute = set->room_minute ? set->room_minute : l.room_minute;
        l.room_day = set->room_day ? set->room_day : l.room_day;
        ret_limits[i] = l;
    }
}
