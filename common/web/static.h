/* A folder's files for running behind nothing (tests, development): nginx serves them otherwise.
 * Only known endings, only plain names, never a link out of the folder. */
#ifndef WEB_STATIC_H
#define WEB_STATIC_H

#include "web/web.h"

typedef struct web_static {
    int dir_fd;       /* O_DIRECTORY of the folder */
    int32_t public_s; /* Cache-Control: public, max-age */
} web_static_t;

/* Answers with the file of that relative path ("css/site.css"), with an ETag; 304 when the visitor
 * has it. NOT_FOUND for anything else; LIMIT above WEB_BODY_BYTES. */
err_t web_static_serve(const web_static_t *dir, slice_t path, web_req_t *req, web_res_t *res);
/* "text/css; charset=utf-8" for "x.css"; empty when the ending is not on the list. */
slice_t web_static_type(slice_t path);

#endif
