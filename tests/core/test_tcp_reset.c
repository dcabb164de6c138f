/* SPDX-License-Identifier: BSD-3-Clause */
/* Reset and challenge: RFC 9293 3.5.2, 3.10.5, 3.10.7; RFC 5961; RFC 1337. */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */
#define SENT_100                                                                                   \
    HANDSHAKE,                                                                                     \
    ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),                    \
    ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1")

Test(tcp_reset, exact)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "5961 3.2: SEG.SEQ = RCV.NXT"),
        ROW(R, R, 1, 0, 0, 0, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
    };

    RUN(rows);
}

Test(tcp_reset, exact_from_the_responder_with_ack)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, RA, 1, 101, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "5961 3.2"),
    };

    RUN(rows);
}

/* In the window but not exact: passes, changes nothing, and the challenge ACK is known as one. */
Test(tcp_reset, inexact_draws_a_challenge_ack)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, R, 102, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "5961 3.2: one above"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 3.2"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "5961 3.2: only one was expected"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "5961 3.2: the true sender answers exactly"),
    };

    RUN(rows);
}

Test(tcp_reset, window_boundary)
{
    static const struct tcp_row rows[] = {
        SENT_100, /* R takes 101 to 1100 */
        ROW(L, R, 1104, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2: beyond"),
        ROW(L, R, 1101, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB,
            "5961 3.2: the window may since have moved"),
        ROW(L, R, 1103, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB,
            "9293 3.8.6.1: after a probe and a FIN"),
        ROW(L, R, 100, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB,
            "5961 3.2: below RCV.NXT as far as known"),
        ROW(L, R, 101 - 65536, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB,
            "5961 3.2: as old as can be in flight"),
        ROW(L, R, 101 - 65537, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB,
            "5961 3.2: older"),
        ROW(L, R, 0x80000000U, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB,
            "5961 3.2: blind"),
    };

    RUN(rows);
}

/* Toward SYN-RECEIVED the window of the SYN-ACK counts. */
Test(tcp_reset, window_boundary_toward_syn_received)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, R, 1004, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, SYN_R, "5961 3.2"),
        ROW(L, R, 1001, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, SYN_R, "5961 3.2"),
        ROW(L, R, 0x60000000, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, SYN_R, "5961 3.2"),
    };

    RUN(rows);
}

/* Each end's window begins where its peer's SYN ends, whoever of them was first. */
Test(tcp_reset, window_boundary_during_a_simultaneous_open)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7"),
        ROW(R, S, 0, 0, 0, 50, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7"),
        ROW(L, R, 54, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, SYN_R, SYN_R,
            "9293 3.10.5: may have given up its attempt and aborts another, see tcp_attempts"),
        ROW(L, R, 51, 0, 0, 0, PLAIN, PASS, RST_INEXACT, SYN_R, SYN_R, "5961 3.2"),
        ROW(R, R, 1004, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, SYN_R, SYN_R, "9293 3.10.5: the same"),
        ROW(R, R, 1001, 0, 0, 0, PLAIN, PASS, RST_INEXACT, SYN_R, SYN_R, "5961 3.2"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "5961 3.2"),
    };

    RUN(rows);
}

/* A SYN-ACK repeated says more than the first one did: the data of the SYN has been taken. */
Test(tcp_reset, repeated_syn_ack_acknowledges_more)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.2"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "7413 4.2"),
        ROW(R, SA, 0, 101, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "7413 4.2"),
        ROW(L, R, 1104, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, SYN_R, "5961 3.2"),
        ROW(L, R, 1101, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, SYN_R, "5961 3.2: edge moved"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, SYN_R, "5961 3.2: taken"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "5961 3.2"),
    };

    RUN(rows);
}

/* How old a RST may be goes by the window of its receiver, not of its sender. */
Test(tcp_reset, slack_is_the_receivers)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 65535, WS(4), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(R, SA, 0, 1, 0, 65535, WS(0), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, A, 1, 1, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 65535 << 4"),
        ROW(R, A, 1, 1, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 65535"),
        ROW(L, R, 1 - 65537, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
        ROW(L, R, 1 - 65536, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "5961 3.2"),
        ROW(R, A, 1, 1, 0, 65535, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 3.2"),
        ROW(R, R, 1 - 1048577, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
        ROW(R, R, 1 - 1048576, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "5961 3.2"),
    };

    RUN(rows);
}

/* Data has passed and may be lost behind the tap: both numbers may be the receiver's next. */
Test(tcp_reset, exact_at_the_sent_and_at_the_acknowledged_end)
{
    static const struct tcp_row sent[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, R, 50, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "5961 3.2: neither"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5: SND.NXT"),
    };
    static const struct tcp_row acknowledged[] = {
        HANDSHAKE,
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "9293 3.10.7.1: SEG.ACK of R's last segment"),
    };

    RUN(sent);
    RUN(acknowledged);
}

/* Data on the SYN-ACK may not have been taken: then the next number is below it. */
Test(tcp_reset, exact_without_the_data_of_the_handshake)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 40, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3 fourth"),
        ROW(R, R, 2, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, SYN_R, "5961 3.2"),
        ROW(R, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "5961 3.2"),
    };

    RUN(rows);
}

/* A stack that resets after its FIN without counting it: the peer is known to allow for it. */
Test(tcp_reset, grace_of_one_below_a_fin)
{
    static const struct tcp_row close_wait[] = {
        SENT_100,
        ROW(L, FA, 101, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 102, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(L, R, 100, 0, 0, 0, PLAIN, PASS, RST_INEXACT, FIN_W2, CLOSE_W, "5961 3.2: two below"),
        ROW(L, R, 103, 0, 0, 0, PLAIN, PASS, RST_INEXACT, FIN_W2, CLOSE_W, "5961 3.2: one above"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "5961 3.2 with the FIN not counted"),
    };
    static const struct tcp_row last_ack[] = {
        SENT_100,
        ROW(L, FA, 101, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 102, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "5961 3.2 with the FIN not counted"),
    };
    static const struct tcp_row closing[] = {
        SENT_100,
        ROW(L, FA, 101, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 101, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13"),
        ROW(R, A, 2, 102, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSING, "9293 3.6 figure 13"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "5961 3.2 with the FIN not counted"),
    };
    static const struct tcp_row no_fin[] = {
        SENT_100,
        ROW(L, R, 100, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB,
            "5961 3.2: no FIN, no grace"),
    };

    RUN(close_wait);
    RUN(last_ack);
    RUN(closing);
    RUN(no_fin);
}

Test(tcp_reset, toward_time_wait_is_refused)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
        ROW(R, R, 2, 0, 0, 0, PLAIN, REFUSE, RST_TIME_WAIT, TIME_W, CLOSED, "1337 3: exact"),
        ROW(R, RA, 2, 2, 0, 0, PLAIN, REFUSE, RST_TIME_WAIT, TIME_W, CLOSED, "1337 3: with ACK"),
        ROW(R, R, 0x40000000, 0, 0, 0, PLAIN, REFUSE, RST_TIME_WAIT, TIME_W, CLOSED, "1337 3: any"),
        ROW(L, R, 2, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1: toward CLOSED"),
    };

    RUN(rows);
}

/* Abort of either end in every state that has a connection (RFC 9293 3.10.5). */
Test(tcp_reset, abort_in_established)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, RA, 1, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };

    RUN(rows);
}

Test(tcp_reset, abort_in_syn_sent_and_syn_received)
{
    static const struct tcp_row syn_sent[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "9293 3.10.7.4: toward SYN-RECEIVED"),
    };
    static const struct tcp_row syn_received[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };
    static const struct tcp_row simultaneous[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };

    RUN(syn_sent);
    RUN(syn_received);
    RUN(simultaneous);
}

Test(tcp_reset, abort_in_fin_wait_1_and_close_wait)
{
    static const struct tcp_row fin_wait_1[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(L, RA, 2, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };
    static const struct tcp_row close_wait[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, RA, 1, 2, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };

    RUN(fin_wait_1);
    RUN(close_wait);
}

/* Data for an application that has gone draws a RST (RFC 9293 3.6.1 SHLD-3). */
Test(tcp_reset, abort_in_fin_wait_2)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(R, PA, 1, 2, 10, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(L, R, 2, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.6.1 SHLD-3"),
    };

    RUN(rows);
}

Test(tcp_reset, abort_in_closing)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13"),
        ROW(L, RA, 2, 2, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };

    RUN(rows);
}

/* In LAST-ACK the peer presumed in TIME-WAIT has not to take a RST (RFC 1337 3). */
Test(tcp_reset, abort_in_last_ack)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, R, 2, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "9293 3.10.7.4 second: toward LAST-ACK"),
    };

    RUN(rows);
}

Test(tcp_reset, syn_in_a_synchronised_state)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, S, 101, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB,
            "5961 4.2: in the window"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, S, 0x70000000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB,
            "5961 4.2: irrespective of the number"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "5961 4.2: a restarted L answers the challenge"),
        ROW(L, S, 0x70000000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5.1"),
    };

    RUN(rows);
}

Test(tcp_reset, syn_ack_in_a_synchronised_state)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, SA, 7000, 101, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, A, 101, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
        ROW(R, PA, 1, 101, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

Test(tcp_reset, syn_from_the_end_that_answered)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, S, 5, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, A, 101, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
    };

    RUN(rows);
}

Test(tcp_reset, ack_beyond_what_was_sent)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, A, 1, 102, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "5961 5.2: SEG.ACK > SND.MAX"),
        ROW(R, PA, 1, 0x40000000, 10, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "5961 5.2: blind data"),
        ROW(R, FA, 1, 102, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB, "5961 5.2: blind FIN"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "5961 5.2: SEG.ACK = SND.MAX"),
    };

    RUN(rows);
}

/* What is still under way of a connection that a RST has ended passes: its answer is a RST. */
Test(tcp_reset, segments_crossing_the_rst)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, RA, 101, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
        ROW(R, PA, 1, 101, 10, 1000, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(R, PA, 90000, 1, 10, 1000, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.10.7.1"),
    };

    RUN(rows);
}

/* Figure 10: the end that crashed answers the other's data with a RST. */
Test(tcp_reset, active_side_discovers_a_half_open_connection)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, PA, 1, 101, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.5.1 figure 10 line 2"),
        ROW(L, R, 101, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.5.1 figure 10 line 3"),
    };

    RUN(rows);
}

/* Figure 11: an old duplicate SYN to a listening end is answered and reset. */
Test(tcp_reset, old_duplicate_syn_to_two_passive_ends)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5.1 figure 11 line 2"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5.1 figure 11 line 3"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.5.1 figure 11 line 4"),
        ROW(L, S, 800, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5.1: R listens again"),
    };

    RUN(rows);
}
/* clang-format on */
