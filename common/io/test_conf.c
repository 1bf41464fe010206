/* The table, the faults, the generated file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "io/conf.h"

typedef struct sample {
    char name[16];
    int64_t seats;
    bool strict;
    int mode;
} sample_t;

static const char *const MODES[] = {"watch", "block", NULL};
static const conf_field_t FIELDS[] = {
    CONF_TEXT_ROW(sample_t, name, "shop", "name", "関所", "the agency's name"),
    CONF_INT_ROW(sample_t, seats, "shop", "seats", 0, 100, "40", "seats of a departure"),
    CONF_BOOL_ROW(sample_t, strict, "guard", "strict", "yes", "refuse early"),
    CONF_CHOICE_ROW(sample_t, mode, "guard", "mode", MODES, "block", "what a match does"),
};
static const conf_table_t TABLE = {FIELDS, BASE_COUNT(FIELDS)};

static void test_cases(void **state)
{
    (void)state;
    static char long_line[300] = "[shop]\nname = ";
    memset(long_line + strlen(long_line), 'x', 250);
    const struct {
        const char *in;
        int line;         /* of the fault */
        const char *says; /* NULL = fine */
    } CASES[] = {
        {"", 0, NULL},
        {"; comment\n[shop]\nseats = 7 ; inline\nname=A B\n[guard]\nmode = watch\nstrict = no\n", 0,
         NULL},
        {"[shop]\nseats = 101\n", 2, "seats"},
        {"[shop]\nseats = -1\n", 2, "seats"},
        {"[shop]\nseats = 4x\n", 2, "seats"},
        {"[shop]\nseats =\n", 2, "seats"},
        {"[shop]\nname = 12345678901234567\n", 2, "longer than 15"},
        {"[shop]\nname = \xff\n", 2, "UTF-8"},
        {"[guard]\nstrict = true\n", 2, "yes nor no"},
        {"[guard]\nmode = off\n", 2, "choices"},
        {"[guard]\nmod = block\n", 2, "[guard] mod: no such key"},
        {"[shop]\nmode = block\n", 2, "[shop] mode: no such key"},
        {"seats = 1\n", 1, "no such key"},
        {"[shop]\nseats = 1\n\nseats = 2\n", 4, "given twice"},
        {"[shop]\nname = a\n  b\n", 3, "given twice"},
        {"[shop\nseats = 1\n", 1, "neither"},
        {"[shop]\nseats\n", 2, "neither"},
        {long_line, 2, "longer than 190"},
    };
    for (size_t i = 0; i < BASE_COUNT(CASES); i++) {
        sample_t s;
        conf_fault_t fault;
        err_t e = conf_read_text(&TABLE, CASES[i].in, &s, &fault);
        assert_string_equal(err_name(e.code), CASES[i].says ? "CONFIG" : "NONE");
        assert_int_equal(fault.line, CASES[i].line);
        if (CASES[i].says && !strstr(fault.text, CASES[i].says)) {
            fail_msg("case %zu says: %s", i, fault.text);
        }
    }
}

static void test_values(void **state)
{
    (void)state;
    sample_t s;
    conf_fault_t fault;
    err_t e = conf_read_text(&TABLE, "[shop]\nseats = 7\n[guard]\nmode = watch\n", &s, &fault);
    assert_false(err_failed(e));
    assert_string_equal(s.name, "関所");
    assert_int_equal(s.seats, 7);
    assert_true(s.strict);
    assert_int_equal(s.mode, 0);
}

static void test_default_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/sekisho-conf-XXXXXX", file[64];
    sample_t s = {0}, again = {0};
    conf_fault_t fault;
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/shop.ini", dir);
    assert_false(err_failed(conf_write_default(&TABLE, "shop", (path_t){file})));
    assert_false(err_failed(conf_read_file(&TABLE, (path_t){file}, &s, &fault)));
    assert_false(err_failed(conf_read_text(&TABLE, "", &again, &fault)));
    assert_memory_equal(&s, &again, sizeof s);
    assert_false(err_failed(file_replace((path_t){file}, SLICE("[shop]\nseats = 3\n"), 0644)));
    assert_false(err_failed(conf_write_default(&TABLE, "shop", (path_t){file}))); /* left alone */
    assert_false(err_failed(conf_read_file(&TABLE, (path_t){file}, &s, &fault)));
    assert_int_equal(s.seats, 3);
    assert_true(err_failed(conf_read_file(&TABLE, PATH("/nonexistent/x"), &s, &fault)));
    unlink(file);
    rmdir(dir);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_default_file),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
