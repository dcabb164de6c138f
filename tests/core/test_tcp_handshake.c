/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening: RFC 9293 3.5 and 3.10.7.1 to 3.10.7.3, RFC 7413, and what is lost or repeated on the
 * way. */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */
Test(tcp_handshake, three_way)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5 figure 6 line 5"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6.3"),
    };

    RUN(rows);
}

Test(tcp_handshake, the_higher_end_of_the_key_may_open)
{
    static const struct tcp_row rows[] = {
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_S, "9293 3.5"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, SYN_R, ESTAB, "9293 3.5"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };

    RUN(rows);
}

Test(tcp_handshake, simultaneous_open)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7 line 2"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7 line 3"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_R, ESTAB,
            "9293 3.5 figure 7 line 5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB,
            "9293 3.5 figure 7 line 6"),
        ROW(L, A, 1, 1, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, A, 1, 11, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };

    RUN(rows);
}

Test(tcp_handshake, simultaneous_open_ended_by_plain_acks)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7 line 2"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7 line 3"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_R, ESTAB, "9293 3.10.7.3"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/* Figure 8: the SYN-ACK answers an old duplicate; the true initiator resets it and goes on. */
Test(tcp_handshake, old_duplicate_syn)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, -900, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 8 line 3"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5 figure 8 line 2"),
        ROW(R, SA, 0, -899, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5 figure 8 line 4"),
        ROW(L, R, -899, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.5 figure 8 line 5"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5 figure 8 line 6"),
        ROW(R, SA, 500, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5 figure 8 line 7"),
        ROW(L, A, 1, 501, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5 figure 8 line 8"),
    };

    RUN(rows);
}

Test(tcp_handshake, second_attempt_answered)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.4.1: another ISN"),
        ROW(R, SA, 0, 70001, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, A, 70001, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_handshake, first_attempt_answered_after_the_second)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.4.1: another ISN"),
        ROW(R, SA, 0, 30, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, SYN_S, SYN_R,
            "9293 3.10.7.3: of neither"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/* Figure 8 without the RST of line 5: the later SYN is answered after the earlier one. */
Test(tcp_handshake, both_attempts_answered)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.4.1: another ISN"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(R, SA, 900, 70001, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        ROW(L, A, 70001, 901, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/* A RST that was not seen has sent the passive end back to LISTEN: what it answers next tells. */
Test(tcp_handshake, passive_end_that_listens_again)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, SYN_R,
            "9293 3.10.7.4 fourth: alone it shows nothing"),
        ROW(R, SA, 900, 30, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, ESTAB, SYN_R,
            "9293 3.10.7.3: of neither"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.8.1"),
        ROW(R, SA, 900, 70001, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.4 second"),
        ROW(L, A, 70001, 901, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
        ROW(L, PA, 70001, 901, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
    };
    static const struct tcp_row open_already[] = {
        HANDSHAKE,
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(R, SA, 900, 70001, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, ESTAB, ESTAB,
            "5961 4.2: on a live connection neither SYN nor SYN-ACK is believed"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
    };

    RUN(rows);
    RUN(open_already);
}

Test(tcp_handshake, syn_retransmitted)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R, "9293 3.8.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R,
            "9293 3.8.1: SYN-ACK lost"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.8.1"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/* The SYN-ACK was lost before the tap: the second one is the first that is seen. */
Test(tcp_handshake, syn_ack_lost_before_the_tap)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R, "9293 3.8.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_handshake, last_ack_of_the_handshake_lost)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE, /* the ACK passed, and was lost on the way to R */
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4: repeated ACK"),
        ROW(R, PA, 1, 1, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB, "9293 3.4"),
    };

    RUN(rows);
}

Test(tcp_handshake, old_syn_after_the_handshake_is_challenged)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
    };

    RUN(rows);
}

Test(tcp_handshake, refused)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, RA, 0, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),
    };

    RUN(rows);
}

/* In SYN-SENT a RST counts if its ACK acknowledges the SYN, and only then (RFC 9293 3.10.7.3). */
Test(tcp_handshake, rst_in_syn_sent)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, R, 0, 0, 0, 0, PLAIN, PASS, RST_INEXACT, SYN_S, SYN_R,
            "9293 3.10.7.3: no ACK (abort in SYN-RECEIVED)"),
        ROW(R, RA, 0, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, SYN_S, SYN_R,
            "9293 3.10.7.3: ack = ISS"),
        ROW(R, RA, 0, 2, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, SYN_S, SYN_R,
            "9293 3.10.7.3: ack > SND.NXT"),
        ROW(R, RA, 0, 90000, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, SYN_S, SYN_R, "5961 3.2: blind"),
        ROW(R, RA, 77, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.3: right"),
    };

    RUN(rows);
}

/* With data in the SYN, any acknowledgement up to the end of it is right (RFC 7413 4.1). */
Test(tcp_handshake, rst_to_a_syn_with_data)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 50, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.1"),
        ROW(R, RA, 0, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, SYN_S, SYN_R, "9293 3.10.7.3"),
        ROW(R, RA, 0, 52, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, SYN_S, SYN_R, "9293 3.10.7.3"),
        ROW(R, RA, 0, 51, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED,
            "9293 3.10.7.1: SEG.SEQ + SEG.LEN"),
    };

    RUN(rows);
}

Test(tcp_handshake, fast_open_data_acknowledged)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.2"),
        ROW(R, SA, 0, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "7413 4.2: data accepted"),
        ROW(R, PA, 1, 101, 300, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "7413 4.2: answers at once"),
        ROW(L, A, 101, 301, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_handshake, fast_open_data_not_acknowledged)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.2"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "7413 4.2: cookie not taken"),
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB,
            "7413 4.2: sent again"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* A SYN with data that is lost is repeated without (RFC 7413 4.1.3: a middlebox may dislike it). */
Test(tcp_handshake, fast_open_repeated_without_data)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.1.3"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R, "7413 4.1.3"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB, "9293 3.8.1"),
    };

    RUN(rows);
}

Test(tcp_handshake, data_on_the_syn_ack)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 40, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3 fourth"),
        ROW(L, A, 1, 41, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.3"),
        ROW(R, PA, 41, 1, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

Test(tcp_handshake, data_on_the_ack_of_the_handshake)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4 fifth, seventh"),
    };

    RUN(rows);
}

Test(tcp_handshake, fin_on_the_ack_of_the_handshake)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W,
            "9293 3.10.7.4 fifth, eighth"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
    };

    RUN(rows);
}

/* CLOSE in SYN-RECEIVED (RFC 9293 3.10.4): the FIN goes out before the handshake's ACK came. */
Test(tcp_handshake, responder_closes_in_syn_received)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.10.4"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, FIN_W1,
            "9293 3.10.7.3: ACK of the SYN-ACK"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/*
 * An end that still holds an older connection answers a SYN with its own numbers (3.5.1 figure 9).
 * The RST that follows ends that connection and not the one being opened: L stays in SYN-SENT.
 */
Test(tcp_handshake, half_open_connection_discovered)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5.1 figure 9 line 3"),
        ROW(R, A, 300, 100, 0, 1000, PLAIN, PASS, HALF_OPEN_ACK, SYN_S, SYN_R,
            "9293 3.5.1 figure 9 line 4"),
        ROW(L, R, 100, 0, 0, 0, PLAIN, PASS, RST_INEXACT, SYN_S, SYN_R,
            "9293 3.5.1 figure 9 line 5"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R,
            "9293 3.5.1 figure 9 line 7"),
        ROW(R, SA, 4000, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5.1"),
        ROW(L, A, 1, 4001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5.1"),
    };

    RUN(rows);
}

/* The originator cannot have acknowledged anything while nobody has answered its SYN. */
Test(tcp_handshake, ack_before_the_answer_is_refused)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, REFUSE, HANDSHAKE, SYN_S, SYN_R, "9293 3.10.7.3"),
        ROW(L, PA, 1, 1, 10, 1000, PLAIN, REFUSE, HANDSHAKE, SYN_S, SYN_R, "9293 3.10.7.3"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, REFUSE, HANDSHAKE, SYN_S, SYN_R, "9293 3.10.7.3"),
    };

    RUN(rows);
}

/* Blind: an acknowledgement of anything but the SYN-ACK does not complete a handshake. */
Test(tcp_handshake, wrong_ack_does_not_complete_it)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, SYN_R, "9293 3.10.7.4 fifth"),
        ROW(L, A, 1, 0, 0, 1000, PLAIN, REFUSE, ACK_BELOW, ESTAB, SYN_R, "9293 3.10.7.4 fifth"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_handshake, aborted_by_the_originator_after_the_syn_ack)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.4 second"),
    };

    RUN(rows);
}

Test(tcp_handshake, strict_takes_only_a_syn)
{
    static const struct tcp_row rows[] = {
        ROW(L, A, 1, 1, 0, 1000, PLAIN, REFUSE, NOT_SYN, NOFLOW, NOFLOW, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, REFUSE, NOT_SYN, NOFLOW, NOFLOW, "9293 3.5"),
        ROW(R, RA, 0, 1, 0, 0, PLAIN, REFUSE, NOT_SYN, NOFLOW, NOFLOW, "9293 3.5"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, REFUSE, NOT_SYN, NOFLOW, NOFLOW, "9293 3.5"),
        HANDSHAKE,
    };

    RUN_MODE(rows, STRICT);
}

/* Only the SYN that was sent is a repetition: the number decides, with or without the data. */
Test(tcp_handshake, what_repeats_a_syn)
{
    static const struct tcp_row answered[] = {
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.2"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, S, 50, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, SYN_R, "5961 4.2: another"),
        ROW(L, S, 1, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, SYN_R, "5961 4.2: another"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.8.1: no data"),
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.8.1: whole"),
    };
    static const struct tcp_row unanswered[] = {
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "7413 4.2"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R, "9293 3.8.1: no data"),
        ROW(L, S, 0, 0, 100, 1000, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R, "9293 3.8.1: whole"),
        ROW(L, S, 50, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.4.1: another attempt"),
    };

    RUN(answered);
    RUN(unanswered);
}

Test(tcp_handshake, what_repeats_a_syn_ack)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB, "9293 3.4"),
        ROW(R, SA, 1, 1, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2: above"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 4.2"),
        ROW(R, SA, -70000, 1, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2: below"),
        ROW(R, SA, 0, 90000, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
    };

    RUN(rows);
}

/* R gave up a SYN of its own and answers L's with another number: that is where it begins. */
Test(tcp_handshake, syn_ack_with_another_number_than_the_syn_before)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7"),
        ROW(R, S, 500, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7"),
        ROW(R, SA, 9000, 2, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, SYN_R, SYN_R, "9293 3.10.7.3"),
        ROW(R, SA, 9000, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        ROW(R, PA, 9001, 1, 1002, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, SYN_R, "van Rooij I"),
        ROW(L, A, 1, 501, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, SYN_R,
            "9293 3.10.7.3: of the SYN that R gave up"),
        ROW(R, PA, 9001, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "van Rooij I: to it"),
        ROW(L, A, 1, 9001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
        ROW(R, PA, 10001, 1, 2, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "van Rooij I"),
        ROW(L, A, 1, 501, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB, "9293 3.4"),
    };

    RUN(rows);
}
/* clang-format on */
