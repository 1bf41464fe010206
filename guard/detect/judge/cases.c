#include <stdio.h>

#include "cases.h"

void cases_read(const char *folder, const char *file, cases_t *ret_cases)
{
    char path[4096];
    CHECK((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) < sizeof(path));
    FILE *f = fopen(path, "rb");
    CHECK(f && fseek(f, 0, SEEK_END) == 0);
    long size = ftell(f);
    CHECK(size > 0 && fseek(f, 0, SEEK_SET) == 0);
    cases_t c = {.text = malloc((size_t)size),
                 .list = malloc(((size_t)size / 2 + 1) * sizeof(*c.list))};
    CHECK(c.text && c.list && fread(c.text, 1, (size_t)size, f) == (size_t)size);
    (void)fclose(f);
    slice_t all = slice_make(c.text, (size_t)size), line, place;
    while (slice_split(&all, '\n', &line)) {
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        slice_t value = line;
        CHECK(slice_split(&value, '\t', &place) && value.len);
        c.list[c.count++] = (attack_case_t){place, value};
    }
    *ret_cases = c;
}

void cases_free(cases_t *cases)
{
    free(cases->list);
    free(cases->text);
    *cases = (cases_t){0};
}
