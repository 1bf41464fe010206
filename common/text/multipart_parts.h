/* Inner to multipart.c and multipart_lenient.c. */
#ifndef TEXT_MULTIPART_PARTS_H
#define TEXT_MULTIPART_PARTS_H

#include "text/multipart.h"

err_t multipart_next_lenient(multipart_t *m, multipart_part_t *ret_part);

#endif
