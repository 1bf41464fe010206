/* Does a piece of text call or assign what scripts of attackers do? Inside guard/detect only. */
#ifndef GUARD_DETECT_JS_HINT_H
#define GUARD_DETECT_JS_HINT_H

#include "base/slice.h"

/* A call of alert, eval, fetch, ... or a use of document.cookie, location, ... from `from` on.
 * Returns the offset, or SIZE_MAX. */
size_t js_call(slice_t text, size_t from);
/* The same for values that are a script from their first letter on. */
bool js_whole(slice_t text);
/* A quote that ends a script's string, and code behind it. Returns the offset of the quote. */
size_t js_breakout(slice_t text);
/* Code rather than prose behind javascript: */
bool js_like(slice_t text);

#endif
