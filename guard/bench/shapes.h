/* The requests of the guard's benchmark: four shapes that match no rule, and mixed ones that do.
 * Every value is drawn afresh from the seed, so that nothing can be remembered from one request to
 * the next; sizes are those of the published measurements (a GET; 5 arguments with a browser's
 * headers, about 530 B; a form of 20 fields, 2 KB; a JSON document of 609 leaves, 10 KB). */
#ifndef BENCH_GUARD_SHAPES_H
#define BENCH_GUARD_SHAPES_H

#include "base/buf.h"

typedef enum shape {
    SHAPE_GET,
    SHAPE_GET5,
    SHAPE_FORM,
    SHAPE_JSON,
    SHAPE_GET_MATCH, /* the four again, with an attack in one of the values */
    SHAPE_GET5_MATCH,
    SHAPE_FORM_MATCH,
    SHAPE_JSON_MATCH,
    SHAPE_ATTACK, /* any of those */
    SHAPE_COUNT
} shape_t;

enum { SHAPE_BYTES = 64 * 1024 };

const char *shape_name(shape_t shape);
/* False for no shape's name. */
bool shape_find(const char *name, shape_t *ret_shape);
/* The whole request, keep-alive. *seed moves on. */
void shape_put(shape_t shape, uint64_t *seed, buf_t *out);

#endif
