/* For tests: a small room with a route of every sort. */
#ifndef WEB_TEST_ROOM_H
#define WEB_TEST_ROOM_H

#include <pthread.h>

#include "web/session.h"
#include "web/static.h"
#include "web/web.h"

enum { TEST_STAFF = 1, TEST_CHIEF = 2 };

typedef struct test_room {
    pthread_mutex_t lock;
    pthread_cond_t all_here;
    unsigned waiting, want; /* handlers blocked in /wait; all go on when `want` are there */
    unsigned handled;       /* POST bodies that reached a handler */
    bool custom_errors, broken_errors;
    web_static_t files;
    web_sessions_t *sessions;
    char last_route[64];
    int last_status;
} test_room_t;

extern const web_route_t TEST_ROUTES[];
extern const size_t TEST_ROUTES_N;

err_t test_room_error(void *room, web_req_t *req, const web_error_t *error, web_res_t *res);
void test_room_done(void *room, const web_done_t *done);
web_config_t test_room_config(test_room_t *room, int listen_fd);

#endif
