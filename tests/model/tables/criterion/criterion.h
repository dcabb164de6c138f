/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As much of Criterion as the packet tables use, in one process: a mutation run asks them some
 * thousand times, and Criterion's process for each test takes a hundred times as long as the test.
 */
#ifndef WEIR_MODEL_TABLES_CRITERION_H
#define WEIR_MODEL_TABLES_CRITERION_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Register a test; a failed assertion ends the process. */
void tables_add(const char *name, void (*run)(void));

#define Test(suite, name)                                                                          \
    static void suite##_##name(void);                                                              \
    __attribute__((constructor)) static void suite##_##name##_add(void)                            \
    {                                                                                              \
        tables_add(#suite ", " #name, suite##_##name);                                             \
    }                                                                                              \
    static void suite##_##name(void)

#define cr_assert(condition, ...)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(EXIT_FAILURE);                                                                   \
    } while (0)
#define cr_assert_not(condition, ...)     cr_assert(!(condition))
#define cr_assert_eq(a, b, ...)           cr_assert((a) == (b))
#define cr_assert_neq(a, b, ...)          cr_assert((a) != (b))
#define cr_assert_gt(a, b, ...)           cr_assert((a) > (b))
#define cr_assert_arr_eq(a, b, size, ...) cr_assert(memcmp(a, b, size) == 0)

#endif
