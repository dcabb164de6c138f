/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/timeout.h"

#include <criterion/criterion.h>
#include <string.h>

/* The values that operators read in the documents; the RFC's are lower bounds. */
static const struct {
    const char *name;
    uint32_t by_default;
    uint32_t rfc; /* at least */
} rows[WEIR_TIMEOUT_COUNT] = {
    [WEIR_TIMEOUT_TCP_SYN_SENT] = {"tcp_syn_sent", 120, 240},          /* RFC 5382 5 REQ-5 */
    [WEIR_TIMEOUT_TCP_SYN_RECEIVED] = {"tcp_syn_received", 60, 240},   /* RFC 5382 5 REQ-5 */
    [WEIR_TIMEOUT_TCP_ADOPTED] = {"tcp_adopted", 300, 240},            /* RFC 5382 5 REQ-5 */
    [WEIR_TIMEOUT_TCP_ESTABLISHED] = {"tcp_established", 86400, 7440}, /* RFC 5382 5 REQ-5 */
    [WEIR_TIMEOUT_TCP_HALF_CLOSED] = {"tcp_half_closed", 900, 7440},   /* RFC 7857 2.1 */
    [WEIR_TIMEOUT_TCP_CLOSING] = {"tcp_closing", 60, 240},             /* RFC 7857 2.1 */
    [WEIR_TIMEOUT_TCP_TIME_WAIT] = {"tcp_time_wait", 30, 240},         /* RFC 9293 3.6: 2 MSL */
    [WEIR_TIMEOUT_TCP_CLOSED] = {"tcp_closed", 10, 240},               /* RFC 7857 2.2 */
    [WEIR_TIMEOUT_UDP_UNREPLIED] = {"udp_unreplied", 30, 120},         /* RFC 4787 4.3 REQ-5 */
    [WEIR_TIMEOUT_UDP_STREAM] = {"udp_stream", 120, 300},              /* RFC 4787 4.3 REQ-5 */
    [WEIR_TIMEOUT_ICMP] = {"icmp", 30, 60},                            /* RFC 5508 3.2 REQ-2 */
    [WEIR_TIMEOUT_SCTP_OPENING] = {"sctp_opening", 60, 240},
    [WEIR_TIMEOUT_SCTP_ESTABLISHED] = {"sctp_established", 900, 7440},
    [WEIR_TIMEOUT_SCTP_CLOSING] = {"sctp_closing", 30, 240},
    [WEIR_TIMEOUT_OTHER] = {"other", 300, 300},
};

Test(timeout, default_profile_is_as_documented)
{
    struct weir_timeouts timeouts;

    weir_timeouts_profile(&timeouts, WEIR_PROFILE_DEFAULT);
    for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++)
        cr_expect_eq(timeouts.sec[i], rows[i].by_default, "%s", rows[i].name);
}

Test(timeout, rfc_profile_is_at_least_what_the_rfcs_ask)
{
    struct weir_timeouts timeouts;

    weir_timeouts_profile(&timeouts, WEIR_PROFILE_RFC);
    for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++)
        cr_expect_geq(timeouts.sec[i], rows[i].rfc, "%s", rows[i].name);
}

/* A record keeps 40 bits of microseconds: a longer timeout could not be told from a shorter one. */
Test(timeout, both_profiles_are_within_the_bounds_and_the_bounds_within_the_clock)
{
    for (unsigned int profile = WEIR_PROFILE_DEFAULT; profile <= WEIR_PROFILE_RFC; profile++) {
        struct weir_timeouts timeouts;

        weir_timeouts_profile(&timeouts, (enum weir_timeout_profile)profile);
        for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++) {
            cr_expect_geq(timeouts.sec[i], WEIR_TIMEOUT_MIN_SEC, "%s", rows[i].name);
            cr_expect_leq(timeouts.sec[i], WEIR_TIMEOUT_MAX_SEC, "%s", rows[i].name);
        }
    }
    cr_expect_lt((uint64_t)WEIR_TIMEOUT_MAX_SEC * 1000000,
                 ((uint64_t)1 << 40) - ((uint64_t)1 << 36));
}

Test(timeout, names_are_those_of_the_configuration)
{
    for (unsigned int i = 0; i < WEIR_TIMEOUT_COUNT; i++) {
        cr_expect_str_eq(weir_timeout_name(i), rows[i].name);
        cr_expect_gt(strlen(weir_timeout_text(i)), 10, "%s", rows[i].name);
    }
    cr_expect_str_eq(weir_timeout_name(WEIR_TIMEOUT_COUNT), "?");
    cr_expect_str_eq(weir_timeout_text(WEIR_TIMEOUT_COUNT), "");
}
