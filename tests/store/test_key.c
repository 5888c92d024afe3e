/* SPDX-License-Identifier: BSD-3-Clause */
/* tests/store/test_key.c - what is a key, and what is none. */
#include "../scratch.h"

#include "store/key.h"

static void keys_are_names_between_single_slashes(void **state)
{
    (void)state;
    static const char *const good[] = {"a",     "a/b/c/0.1", ".zarray",    "a/...",
                                       "c/0/0", " ",         "a/\xC3\xA4", "-"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) OK(tsr_key_check("u", good[i]));
    FAILS(TSR_EARG, "u: the key '' has an empty name", tsr_key_check("u", ""));
    static const char *const bad[] = {"/a", "a/", "a//b", "..", ".", "a/../b", "./a", "a/.", "/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(TSR_EARG, bad[i], tsr_key_check("u", bad[i]));
}

static void long_keys_and_zero_bytes_are_refused(void **state)
{
    (void)state;
    char key[1100];
    memset(key, 'x', sizeof key);
    assert_null(tsr_key_fault(key, 255));
    assert_non_null(strstr(tsr_key_fault(key, 256), "more than 255"));
    for (int i = 200; i < 1100; i += 200) key[i] = '/';
    assert_null(tsr_key_fault(key, 1024));
    assert_non_null(strstr(tsr_key_fault(key, 1025), "1024"));
    assert_non_null(strstr(tsr_key_fault("a\0b", 3), "byte 0"));
}

static void paths_are_made_keys(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"a/b", "a/b"},
                                           {"/a//b/", "a/b"},
                                           {"", ""},
                                           {"///", ""},
                                           {"/a\\b//c/", "a\\b/c"}};
    char *key;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        OK(tsr_key_normalise(pairs[i][0], &key));
        assert_string_equal(key, pairs[i][1]);
        free(key);
    }
    FAILS(TSR_EARG, "'.' or '..'", tsr_key_normalise("a/../b", &key));
    FAILS(TSR_EARG, "'.' or '..'", tsr_key_normalise("/./", &key));
}

static void names_of_unfinished_files_are_known(void **state)
{
    (void)state;
    assert_true(tsr_key_is_temporary("0.0.0123456789abcdef.partial"));
    assert_true(tsr_key_is_temporary(".0.1.1f.3.tmp"));
    assert_false(tsr_key_is_temporary("x.tmp"));
    assert_false(tsr_key_is_temporary(".zarray"));
    assert_false(tsr_key_is_temporary("partial"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_names_between_single_slashes),
        cmocka_unit_test(long_keys_and_zero_bytes_are_refused),
        cmocka_unit_test(paths_are_made_keys),
        cmocka_unit_test(names_of_unfinished_files_are_known),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
