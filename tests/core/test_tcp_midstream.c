/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections first seen after they began, and such of which one direction only is ever seen. */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */

/* Restart in mid-transfer: L has sent up to 50000, R has acknowledged 30000 of it. */
Test(tcp_midstream, adopted_from_data_then_ack)
{
    static const struct tcp_row rows[] = {
        ROW(L, PA, 49001, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, A, 1, 30001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: behind what is in flight"),
        ROW(L, PA, 50001, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, A, 1, 51001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, FA, 51001, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 51002, 0, 30000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 51002, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
    };

    RUN(rows);
}

/* The first that is seen is a retransmission: more than it ends with has long been sent. */
Test(tcp_midstream, retransmission_first)
{
    static const struct tcp_row rows[] = {
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.8.1: 1 to 1000 again"),
        ROW(R, A, 1, 20001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: it closed the hole"),
        ROW(L, PA, 20001, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: goes on there"),
        ROW(R, A, 1, 21001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, A, 1, 21002, 0, 30000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "van Rooij III: known by now"),
    };

    RUN(rows);
}

/* An end that is not known to its last octet may be acknowledged further than it was seen. */
Test(tcp_midstream, unsure_until_all_is_acknowledged)
{
    static const struct tcp_row behind[] = {
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(R, A, 1, 1, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1: a hole before it"),
        ROW(R, A, 1, 20001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };
    static const struct tcp_row selective[] = {
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(R, A, 1, 1001, 0, 30000, SACK(20001), PASS, NONE, ESTAB, ESTAB, "2018 3: more sent"),
        ROW(R, A, 1, 20001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };
    static const struct tcp_row all[] = {
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(R, A, 1, 1001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4: all of it"),
        ROW(R, A, 1, 1002, 0, 30000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB, "van Rooij III"),
    };

    RUN(behind);
    RUN(selective);
    RUN(all);
}

/* Seen first from the receiver's side: an ACK, then the data behind it. */
Test(tcp_midstream, adopted_from_an_ack)
{
    static const struct tcp_row rows[] = {
        ROW(R, A, 1, 30001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, PA, 45001, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: within any scale"),
        ROW(R, A, 1, 46001, 0, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, PA, 1, 46001, 500, 30000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, A, 46001, 501, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* The scale is unknown, so that the largest is allowed for (RFC 7323 2.3). */
Test(tcp_midstream, unknown_scale_permits_the_largest)
{
    static const struct tcp_row rows[] = {
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
        ROW(L, PA, 1 + (1000 << 14) - 99 + 2, 1, 100, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "7323 2.3"),
        ROW(L, PA, 1 + (1000 << 14) - 100, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "7323 2.3: 1000 << 14"),
    };

    RUN(rows);
}

Test(tcp_midstream, adopted_while_closing)
{
    static const struct tcp_row from_fin[] = {
        ROW(L, FA, 500, 700, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 700, 501, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 700, 501, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 501, 701, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
    };

    RUN(from_fin);
}

/* L's FIN passed before: its ACK is taken for one of data, R's FIN shows the half that is left. */
Test(tcp_midstream, adopted_between_the_fins)
{
    static const struct tcp_row rows[] = {
        ROW(R, A, 700, 501, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.6: of a FIN never seen"),
        ROW(R, FA, 700, 501, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),
        ROW(L, A, 501, 701, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.6"),
    };

    RUN(rows);
}

Test(tcp_midstream, first_seen_from_the_syn_ack_on)
{
    static const struct tcp_row rows[] = {
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R,
            "9293 3.5: R answers, so L opened"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, PA, 1, 1, 500, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, A, 1, 501, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* L's offer was in the SYN that nobody saw: its scale is unknown, if R's SYN-ACK has the option. */
Test(tcp_midstream, scale_of_an_unseen_syn)
{
    static const struct tcp_row offered[] = {
        ROW(R, SA, 0, 1, 0, 1000, WS(2), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 1000 << up to 14"),
        ROW(R, PA, 1 + 60000, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
        ROW(L, PA, 1, 61001, 4002, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "7323 2.2: R's is 1000 << 2"),
        ROW(L, PA, 1, 61001, 4000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
    };
    static const struct tcp_row not_offered[] = {
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "7323 2.2: nobody scales"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
        ROW(R, PA, 1, 1, 1002, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2: 1000"),
        ROW(R, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
    };

    RUN(offered);
    RUN(not_offered);
}

Test(tcp_midstream, first_seen_with_its_reset)
{
    static const struct tcp_row rows[] = {
        ROW(L, RA, 500, 700, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.4 second"),
        ROW(R, R, 700, 0, 0, 0, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(R, PA, 700, 500, 10, 1000, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(L, R, 500, 0, 0, 0, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(L, S, 9000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5"),
    };

    RUN(rows);
}

/* As soon as both ends have been heard and all is acknowledged, blind segments find no way in. */
Test(tcp_midstream, converges_within_an_exchange)
{
    static const struct tcp_row rows[] = {
        ROW(L, PA, 100, 200, 50, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, PA, 200, 150, 50, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, A, 150, 250, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, A, 250, 150, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, A, 250, 151, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB, "5961 5.2"),
        ROW(L, A, 150, 251, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB, "5961 5.2"),
        ROW(L, R, 0x60000000, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
    };

    RUN(rows);
}

/* Time stamps count from their first echo on, handshake or not (RFC 7323 5.3). */
Test(tcp_midstream, time_stamps)
{
    static const struct tcp_row rows[] = {
        ROW(L, PA, 1, 1, 10, 1000, TS(100, 500), PASS, NONE, ESTAB, ESTAB, "7323 4.3"),
        ROW(R, A, 1, 11, 0, 1000, TS(510, 100), PASS, NONE, ESTAB, ESTAB, "7323 4.3: echoes 100"),
        ROW(L, PA, 11, 1, 10, 1000, TS(99, 510), PASS, PAWS, ESTAB, ESTAB, "7323 5.3 R1"),
        ROW(L, PA, 11, 1, 10, 1000, TS(100, 510), PASS, NONE, ESTAB, ESTAB, "7323 5.3 R1"),
    };

    RUN(rows);
}

/* One direction only (asymmetric routing): the end that is seen is followed to the last. */
Test(tcp_midstream, one_way_from_the_syn_on)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.3: the SYN-ACK took another way"),
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, A, 101, 801, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: acknowledges the unseen"),
        ROW(L, FA, 101, 801, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
    };

    RUN_MODE(rows, ONE_WAY);
}

/* The handshake's ACK was lost before the tap: the FIN is the first to come after the SYN. */
Test(tcp_midstream, one_way_fin_after_the_syn)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, FPA, 1, 1, 10, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.10.4"),
        ROW(L, A, 12, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W,
            "9293 3.10.7.4: of a FIN never seen"),
    };

    RUN_MODE(rows, ONE_WAY);
}

/* When a connection is over cannot be seen, but who has sent its FIN may open the next. */
Test(tcp_midstream, one_way_opens_again_after_its_fin)
{
    static const struct tcp_row opens[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, S, 70, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2: alive"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(L, S, 1, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, FIN_W1, CLOSE_W, "6528 3: an old one"),
        ROW(L, S, 70, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.6.1"),
        ROW(L, A, 71, 900, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };
    static const struct tcp_row answers[] = {
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.8"),
        ROW(R, FA, 1, 101, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),
        ROW(R, SA, 70, 501, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.6.1"),
        ROW(R, A, 71, 601, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.8"),
    };

    RUN_MODE(opens, ONE_WAY);
    RUN_MODE(answers, ONE_WAY);
}

/* The end that is seen is still checked: against what it said itself. */
Test(tcp_midstream, one_way_is_still_checked)
{
    static const struct tcp_row rows[] = {
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, PA, 101 + 0x50000000, 1, 100, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "7323 2.3: beyond any window"),
        ROW(L, PA, 101 - 0x50000000, 1, 100, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "7323 2.3: as far back, modulo 2^32"),
        ROW(L, FA, 101, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(L, PA, 102, 1, 10, 1000, PLAIN, REFUSE, AFTER_FIN, FIN_W1, CLOSE_W, "9293 3.10.4"),
        ROW(L, R, 102, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };

    RUN_MODE(rows, ONE_WAY);
}

/* What it acknowledges lies within what it has offered, and one octet of a probe. */
Test(tcp_midstream, one_way_acknowledges_within_its_own_window)
{
    static const struct tcp_row beyond[] = {
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, A, 1, 1 + (1000 << 14) + 2, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "van Rooij III"),
        ROW(L, A, 1, 1 + (1000 << 14) + 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.8.6.1"),
    };

    RUN_MODE(beyond, ONE_WAY);
}

Test(tcp_midstream, one_way_seen_from_the_responder)
{
    static const struct tcp_row rows[] = {
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, PA, 1, 301, 500, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R,
            "9293 3.10.7.4: its ACK of unseen data"),
        ROW(R, FA, 501, 301, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),
    };

    RUN_MODE(rows, ONE_WAY);
}
/* clang-format on */
