/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "core/reason.h"

Test(reason, none_is_a_plain_forward)
{
    cr_assert_eq(WEIR_REASON_NONE, 0);
    cr_assert_str_eq(weir_reason_name(WEIR_REASON_NONE), "none");
    cr_assert_str_eq(weir_reason_text(WEIR_REASON_NONE), "");
    cr_assert_eq(weir_reason_class(WEIR_REASON_NONE), WEIR_REASON_CLASS_PASS);
}

Test(reason, beyond_the_list_is_answered_and_not_read)
{
    cr_assert_str_eq(weir_reason_name(WEIR_REASON_COUNT), "?");
    cr_assert_str_eq(weir_reason_text(WEIR_REASON_COUNT), "");
    cr_assert_str_eq(weir_reason_name(~0U), "?");
    cr_assert_str_eq(weir_verdict_name(WEIR_VERDICT_COUNT), "?");
}

/* Records and metrics carry the names, so other programs split and match them. */
Test(reason, names_are_unique_lower_case_words_with_hyphens)
{
    for (unsigned int i = 0; i < WEIR_REASON_COUNT; i++) {
        const char *name = weir_reason_name(i);

        cr_assert_gt(strlen(name), 2, "reason %u", i);
        for (const char *at = name; *at != '\0'; at++)
            cr_assert(islower(*at) || isdigit(*at) || *at == '-', "%s", name);
        for (unsigned int j = 0; j < i; j++)
            cr_assert_str_neq(name, weir_reason_name(j));
    }
}

Test(reason, every_reason_has_an_explanation_and_a_class)
{
    for (unsigned int i = 1; i < WEIR_REASON_COUNT; i++) {
        cr_assert_gt(strlen(weir_reason_text(i)), 10, "%s", weir_reason_name(i));
        cr_assert_leq(weir_reason_class(i), WEIR_REASON_CLASS_REFUSE);
    }
}

/* A packet's reason is one octet in struct weir_packet. */
Test(reason, all_reasons_fit_one_octet)
{
    cr_assert_lt(WEIR_REASON_COUNT, 256);
}

Test(reason, verdicts_have_the_names_that_the_trace_shows)
{
    static const char *const names[] = {"forward", "drop", "answer", "hand-over", "consume"};

    for (unsigned int i = 0; i < WEIR_VERDICT_COUNT; i++)
        cr_assert_str_eq(weir_verdict_name(i), names[i]);
}
