#include "become.h"

#include <grp.h>
#include <unistd.h>

bool become(room_id_t room)
{
    uid_t uid;
    gid_t gid;
    if (geteuid() != 0) {
        return true;
    }
    return !err_failed(room_ids(room, &uid, &gid)) && setgroups(0, NULL) == 0 &&
           setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
}
