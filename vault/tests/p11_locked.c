/* A PKCS#11 token whose PIN is locked, for the test of what is said then: SoftHSM never locks one.
 * P11_LOCKED=login: the lock shows at the log-in only. */
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DOOR __attribute__((visibility("default")))

static bool at_login(void)
{
    const char *how = getenv("P11_LOCKED");
    return how && strcmp(how, "login") == 0;
}

static CK_RV fine(void *reserved)
{
    (void)reserved;
    return CKR_OK;
}

static CK_RV slots(unsigned char present, CK_SLOT_ID *list, unsigned long *n)
{
    (void)present;
    if (list) {
        list[0] = 7;
    }
    *n = 1;
    return CKR_OK;
}

static CK_RV token(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot;
    memset(info, 0, sizeof *info);
    memset(info->label, ' ', sizeof info->label);
    memcpy(info->label, "sekisho", 7);
    info->flags = at_login() ? 0 : CKF_USER_PIN_LOCKED;
    return CKR_OK;
}

static CK_RV session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify,
                     CK_SESSION_HANDLE *ret)
{
    (void)slot;
    (void)flags;
    (void)app;
    (void)notify;
    *ret = 1;
    return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE user, unsigned char *pin, unsigned long len)
{
    (void)s;
    (void)user;
    (void)pin;
    (void)len;
    return CKR_PIN_LOCKED;
}

DOOR CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret);
DOOR CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret)
{
    static CK_FUNCTION_LIST list;
    list.C_Initialize = fine;
    list.C_GetSlotList = slots;
    list.C_GetTokenInfo = token;
    list.C_OpenSession = session;
    list.C_Login = login;
    *ret = &list;
    return CKR_OK;
}
