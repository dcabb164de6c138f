/* SPDX-License-Identifier: BSD-3-Clause */
/* Time stamps (RFC 7323 3 to 5) and selective acknowledgements (RFC 2018, RFC 2883). */
#include <criterion/criterion.h>

#include "tcp_table.h"

#define SLACK 65536

/* clang-format off */

/* Handshake with time stamps: L's clock at 100, R's at 500. */
#define STAMPED                                                                                    \
    ROW(L, S, 0, 0, 0, 1000, TS0(100), PASS, NONE, SYN_S, SYN_R, "7323 3.2"),                      \
    ROW(R, SA, 0, 1, 0, 1000, TS(500, 100), PASS, NONE, ESTAB, SYN_R, "7323 3.2"),                 \
    ROW(L, A, 1, 1, 0, 1000, TS(101, 500), PASS, NONE, ESTAB, ESTAB, "7323 3.2")

Test(tcp_options, time_stamps_in_order_pass)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(L, PA, 1, 1, 10, 1000, TS(110, 500), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(R, A, 1, 11, 0, 1000, TS(510, 110), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(L, PA, 11, 1, 10, 1000, TS(110, 510), PASS, NONE, ESTAB, ESTAB,
            "7323 5.3 R3: equal is not older"),
    };

    RUN(rows);
}

/* What R has echoed, it has: anything older it discards. */
Test(tcp_options, older_than_the_echo_changes_nothing)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(L, PA, 1, 1, 10, 1000, TS(110, 500), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(R, A, 1, 11, 0, 1000, TS(510, 110), PASS, NONE, ESTAB, ESTAB, "7323 4.3: echoes 110"),
        ROW(L, FA, 11, 1, 0, 1000, TS(109, 510), PASS, PAWS, ESTAB, ESTAB,
            "7323 5.3 R1: FIN of old"),
        ROW(L, PA, 11, 1, 10, 1000, TS(109, 510), PASS, PAWS, ESTAB, ESTAB, "7323 5.3 R1"),
        ROW(L, PA, 11, 1, 10, 1000, TS(110, 510), PASS, NONE, ESTAB, ESTAB,
            "7323 5.3 R1: the boundary"),
    };

    RUN(rows);
}

/* Sent and not yet echoed is no measure: it may be lost, and what is older may come first. */
Test(tcp_options, reordered_before_the_echo_is_no_matter)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(L, PA, 11, 1, 10, 1000, TS(120, 500), PASS, NONE, ESTAB, ESTAB, "7323 5.3: overtakes"),
        ROW(L, PA, 1, 1, 10, 1000, TS(110, 500), PASS, RETRANSMISSION, ESTAB, ESTAB,
            "7323 5.3: overtaken"),
    };

    RUN(rows);
}

/* An old echo does not turn the known stamp back. */
Test(tcp_options, echoes_out_of_order)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(L, PA, 1, 1, 10, 1000, TS(110, 500), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(L, PA, 11, 1, 10, 1000, TS(120, 500), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(R, PA, 1, 21, 10, 1000, TS(520, 120), PASS, NONE, ESTAB, ESTAB, "7323 4.3: echoes 120"),
        ROW(R, PA, 11, 21, 10, 1000, TS(521, 110), PASS, NONE, ESTAB, ESTAB,
            "7323 4.3: older echo"),
        ROW(L, PA, 21, 1, 10, 1000, TS(119, 500), PASS, PAWS, ESTAB, ESTAB,
            "7323 5.3 R1: 120 stands"),
        ROW(L, PA, 21, 1, 10, 1000, TS(120, 500), PASS, NONE, ESTAB, ESTAB, "7323 5.3 R1"),
    };

    RUN(rows);
}

/* Stamps compare modulo 2^32: half the circle ahead is newer, beyond is older (RFC 7323 5.2). */
Test(tcp_options, time_stamps_wrap)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(L, PA, 1, 1, 10, 1000, TS(100 + 0x7fffffffU, 500), PASS, NONE, ESTAB, ESTAB,
            "7323 5.2: newer"),
        ROW(R, A, 1, 11, 0, 1000, TS(510, 100 + 0x7fffffffU), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(L, PA, 11, 1, 10, 1000, TS(100 + 0xfffffffeU, 500), PASS, NONE, ESTAB, ESTAB,
            "7323 5.2: newer still"),
        ROW(R, A, 1, 21, 0, 1000, TS(510, 100 + 0xfffffffeU), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(L, PA, 21, 1, 10, 1000, TS(100 + 0xfffffffdU, 500), PASS, PAWS, ESTAB, ESTAB,
            "7323 5.2: one older"),
        ROW(L, PA, 21, 1, 10, 1000, TS(102, 500), PASS, NONE, ESTAB, ESTAB,
            "7323 5.2: wrapped, newer"),
    };

    RUN(rows);
}

/* TSecr 0 is "none" on a SYN and an error elsewhere: it echoes nothing (RFC 7323 3.2). */
Test(tcp_options, echo_of_zero_is_none)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, TS0(0x90000000U), PASS, NONE, SYN_S, SYN_R, "7323 3.2"),
        ROW(R, SA, 0, 1, 0, 1000, TS0(500), PASS, NONE, ESTAB, SYN_R, "7323 3.2"),
        ROW(L, A, 1, 1, 0, 1000, TS0(0x90000001U), PASS, NONE, ESTAB, ESTAB, "7323 3.2"),
        ROW(R, A, 1, 1, 0, 1000, TS0(510), PASS, NONE, ESTAB, ESTAB, "7323 3.2"),
        ROW(L, PA, 1, 1, 10, 1000, TS0(0x8fffffffU), PASS, NONE, ESTAB, ESTAB,
            "7323 5.3: nothing was echoed"),
        ROW(R, PA, 1, 1, 10, 1000, TS0(499), PASS, NONE, ESTAB, ESTAB,
            "7323 5.3: nothing was echoed"),
    };

    RUN(rows);
}

/* A segment without the option passes by (RFC 7323 3.2 wants it dropped; stacks take it). */
Test(tcp_options, segment_without_a_time_stamp)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(L, PA, 1, 1, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 3.2"),
        ROW(R, RA, 1, 11, 0, 0, TS0(1), PASS, NONE, CLOSED, CLOSED,
            "7323 5.2: RST is never subject to PAWS"),
    };

    RUN(rows);
}

/* The SYN-ACK's echo is the first that is known of L. */
Test(tcp_options, echo_of_the_syn_counts)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, TS0(100), PASS, NONE, SYN_S, SYN_R, "7323 3.2"),
        ROW(R, SA, 0, 1, 0, 1000, TS(500, 100), PASS, NONE, ESTAB, SYN_R, "7323 3.2"),
        ROW(L, A, 1, 1, 0, 1000, TS(99, 500), PASS, PAWS, ESTAB, SYN_R,
            "7323 5.3 R1: older than the SYN"),
        ROW(L, A, 1, 1, 0, 1000, TS(100, 500), PASS, NONE, ESTAB, ESTAB, "7323 5.3 R1"),
    };

    RUN(rows);
}

/* Blind: an echo far ahead of anything sent does not lock L's own segments out (RFC 7323 4.1). */
Test(tcp_options, refused_segment_echoes_nothing)
{
    static const struct tcp_row rows[] = {
        STAMPED,
        ROW(R, A, 90000, 1, 0, 1000, TS(510, 0x70000000), REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "7323 5.3"),
        ROW(L, PA, 1, 1, 10, 1000, TS(110, 500), PASS, NONE, ESTAB, ESTAB, "7323 5.3"),
    };

    RUN(rows);
}

/* Inequality IV by the highest block: the ACK may hang back behind a hole (RFC 2018 3). */
#define HOLE                                                                                       \
    ROW(L, S, 0, 0, 0, 65535, WS(4), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),                        \
    ROW(R, SA, 0, 1, 0, 65535, WS(0), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),                       \
    ROW(L, A, 1, 1, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),                        \
    ROW(L, PA, 1, 1, 60000, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "2018 3"),                     \
    ROW(R, A, 1, 60001, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "2018 3"),                      \
    ROW(L, PA, 60001, 1, 60000, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "2018 3")

Test(tcp_options, sack_stands_in_for_an_old_acknowledgement)
{
    static const struct tcp_row rows[] = {
        HOLE, /* all that L sent: 120001; the slack of R's window is 65536 */
        ROW(R, A, 1, 120001 - 2 * SLACK - 1, 0, 65535, PLAIN, REFUSE, ACK_BELOW, ESTAB, ESTAB,
            "van Rooij IV"),
        ROW(R, A, 1, 120001 - 2 * SLACK - 1, 0, 65535, SACK(120001 - 2 * SLACK - 1), REFUSE, ACK_BELOW,
            ESTAB, ESTAB, "2018 3: block as old"),
        ROW(R, A, 1, 120001 - 2 * SLACK - 1, 0, 65535, SACK(120001 - 2 * SLACK), PASS, OLD_DUPLICATE,
            ESTAB, ESTAB, "2018 3: boundary"),
        ROW(R, A, 1, 120001 - 2 * SLACK - 1, 0, 65535, SACK(120001), PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "2018 3: up to all that was sent"),
    };

    RUN(rows);
}

/* A block beyond what was sent is malformed and counts as none (RFC 2018 5). */
Test(tcp_options, sack_beyond_what_was_sent_is_ignored)
{
    static const struct tcp_row rows[] = {
        HOLE,
        ROW(R, A, 1, 120001 - 2 * SLACK - 1, 0, 65535, SACK(120002), REFUSE, ACK_BELOW, ESTAB, ESTAB,
            "2018 3: one beyond"),
        ROW(R, A, 1, 60001, 0, 65535, SACK(120002), PASS, NONE, ESTAB, ESTAB,
            "2018 3: the ACK itself is right"),
        ROW(R, A, 1, 120002, 0, 65535, SACK(120001), REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "van Rooij III: no block helps"),
        ROW(R, A, 1, 120001, 0, 65535, SACK(60001), PASS, NONE, ESTAB, ESTAB,
            "2883 4: a duplicate reported below the ACK"),
    };

    RUN(rows);
}

/* SACKed is not acknowledged: the FIN above a hole has not been taken in. */
Test(tcp_options, sack_does_not_acknowledge_the_fin)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, FPA, 101, 1, 100, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 1, 0, 1000, SACK(201), PASS, NONE, FIN_W1, ESTAB, "2018 4: the hole is at 1"),
        ROW(R, A, 1, 202, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}
/* clang-format on */
