/* Shared by the files of this folder. */
#ifndef GUARD_FTW_INT_H
#define GUARD_FTW_INT_H

#include <stdio.h>
#include <string.h>

#include "ftw.h"

/* {{ "x" | repeat 64 }} and {{ repeat 64 "x" }} become 64 x; with a payload, {{.Payload}} becomes
 * that (which is no template itself). Other braces are text. SYNTAX for a pipeline that is not
 * known. */
err_t ftw_template(arena_t *arena, slice_t text, const slice_t *payload, slice_t *ret_text);
/* Base64 with white space between, as long YAML texts have it. */
err_t ftw_base64(slice_t text, buf_t *out);

#endif
