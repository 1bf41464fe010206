#include "roles.h"

#include "vault/api_evidence.h"

#define SHOP (ROOM_BIT(ROOM_SHOP) | ROOM_BIT(ROOM_TEST))
#define OFFICE ROOM_BIT(ROOM_OFFICE)
#define PAY ROOM_BIT(ROOM_PAY)
#define COMMAND ROOM_BIT(ROOM_COMMAND)

/* clang-format off */
static const struct role {
    unsigned kind;
    room_set_t rooms;
} ROLES[] = {
    {VAULT_SUBJECT_NEW,    SHOP},
    {VAULT_PSEUDONYM,      SHOP | OFFICE | PAY | COMMAND},
    {VAULT_SEAL,           SHOP},
    {VAULT_REVEAL,         SHOP | OFFICE},
    {VAULT_BLIND,          SHOP},
    {VAULT_PASSWORD_SET,   SHOP},
    {VAULT_PASSWORD_CHECK, SHOP},
    {VAULT_PAYLOAD_SEAL,   SHOP},
    {VAULT_ERASE,          COMMAND},
    {VAULT_HOLD_ADD,       COMMAND},
    {VAULT_HOLD_RELEASE,   COMMAND},
    {VAULT_HOLDS,          COMMAND},
    {VAULT_HONEY,          SHOP},
    {VAULT_HONEY_WANTED,   SHOP},
    {VAULT_MASTER,         COMMAND},
    {VAULT_ROTATE,         COMMAND},
    {VAULT_DISCARD,        COMMAND},
    {VAULT_EVIDENCE_OPEN,  COMMAND | ROOM_BIT(ROOM_TEST)},
    {VAULT_EVIDENCE_ERASE, COMMAND | ROOM_BIT(ROOM_TEST)},
};
/* clang-format on */

err_t roles_check(room_id_t room, unsigned kind)
{
    for (size_t i = 0; i < BASE_COUNT(ROLES); i++) {
        if (ROLES[i].kind == kind) {
            ENSURE(room != ROOM_NONE && (ROLES[i].rooms & ROOM_BIT(room)), ERR_DENIED);
            return OK;
        }
    }
    return FAIL(ERR_SYNTAX);
}

/* clang-format off */
static const room_set_t PURPOSES[] = {
    [VAULT_FOR_SHOW_TO_OWNER] = SHOP,
    [VAULT_FOR_MAIL]          = SHOP,
    [VAULT_FOR_PAPER]         = SHOP,
    [VAULT_FOR_DESK]          = SHOP,
    [VAULT_FOR_INCIDENT]      = OFFICE | ROOM_BIT(ROOM_TEST),
};
/* clang-format on */

err_t roles_purpose(room_id_t room, vault_purpose_t purpose)
{
    ENSURE((unsigned)purpose < BASE_COUNT(PURPOSES) && (PURPOSES[purpose] & ROOM_BIT(room)),
           ERR_DENIED);
    return OK;
}
