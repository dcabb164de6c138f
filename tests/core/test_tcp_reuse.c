/* SPDX-License-Identifier: BSD-3-Clause */
/* The same pair of addresses and ports once more: RFC 9293 3.6.1, RFC 6191, RFC 9293 3.5.1. */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */

/* L closes first and is in TIME-WAIT; R's last number is 1 (its FIN), so that its end is 2. */
#define TIME_WAIT_L                                                                                \
    HANDSHAKE,                                                                                     \
    ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),                     \
    ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),                      \
    ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6")

/* The same, R closing first: TIME-WAIT is R's, and L opens again toward it. */
#define TIME_WAIT_R                                                                                \
    HANDSHAKE,                                                                                     \
    ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),                     \
    ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.6"),                      \
    ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSED, TIME_W, "9293 3.6")

Test(tcp_reuse, time_wait_by_sequence_number)
{
    static const struct tcp_row rows[] = {
        TIME_WAIT_R,
        ROW(L, S, 1, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, CLOSED, TIME_W,
            "9293 3.6.1: not above the last"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSED, TIME_W, "9293 3.10.7.4 first: its ACK"),
        ROW(L, S, 3, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.6.1: above the last"),
        ROW(R, SA, 9000, 4, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.6.1"),
        ROW(L, A, 4, 9001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.6.1"),
    };

    RUN(rows);
}

Test(tcp_reuse, time_wait_by_sequence_number_exactly_at_the_end)
{
    static const struct tcp_row rows[] = {
        TIME_WAIT_R,
        ROW(L, S, 2, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R,
            "9293 3.6.1: above the last number used, which is the FIN's"),
        ROW(R, SA, 9000, 3, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.6.1"),
    };

    RUN(rows);
}

/* An endpoint whose TIME-WAIT is not the other's may open at once with any number. */
Test(tcp_reuse, the_end_in_time_wait_opens_again)
{
    static const struct tcp_row rows[] = {
        TIME_WAIT_L,
        ROW(L, S, -5000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R,
            "9293 3.6.1: its own TIME-WAIT is over"),
        ROW(R, SA, 700, -4999, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, A, -4999, 701, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };

    RUN(rows);
}

/* A late copy of the SYN opens nothing by itself, nor does a late copy of its answer. */
Test(tcp_reuse, old_syn_after_both_fins_is_a_stray)
{
    static const struct tcp_row by_originator[] = {
        TIME_WAIT_L,
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, AFTER_CLOSE, TIME_W, CLOSED, "9293 3.4.3"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, TIME_W, CLOSED, "9293 3.6.1"),
        ROW(R, SA, 0, 4, 0, 1000, PLAIN, PASS, AFTER_CLOSE, TIME_W, CLOSED,
            "9293 3.4.3: answers another SYN"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, TIME_W, CLOSED,
            "9293 3.10.7.4: the last ACK was lost, the connection goes on"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, TIME_W, CLOSED,
            "9293 3.10.7.4 eighth; or first, of the SYN-ACK"),
    };
    static const struct tcp_row by_responder[] = {
        TIME_WAIT_R,
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, CLOSED, TIME_W, "9293 3.6.1"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSED, TIME_W, "9293 3.10.7.4 first"),
        ROW(L, S, 3, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.6.1"),
    };

    RUN(by_originator);
    RUN(by_responder);
}

/* The same SYN answered is a new connection: a load generator that plays a capture in a loop. */
Test(tcp_reuse, old_syn_answered_opens_again)
{
#define REPLAYED                                                                                       ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),                             ROW(L, PA, 1, 1, 50, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),                           ROW(R, PA, 1, 51, 70, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8")
    static const struct tcp_row by_originator[] = {
        TIME_WAIT_L,
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, TIME_W, CLOSED, "9293 3.6.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        REPLAYED,
        ROW(L, FA, 51, 71, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 71, 52, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 52, 72, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, TIME_W, CLOSED, "9293 3.6.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        REPLAYED,
    };
    static const struct tcp_row by_responder[] = {
        TIME_WAIT_R,
        ROW(L, S, 0, 0, 0, 1000, WS(7), PASS, SYN_TIME_WAIT, CLOSED, TIME_W, "9293 3.6.1"),
        ROW(L, S, 0, 0, 0, 1000, WS(7), PASS, SYN_TIME_WAIT, CLOSED, TIME_W, "9293 3.8.1"),
        ROW(R, SA, 0, 1, 0, 1000, WS(7), OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        REPLAYED,
        ROW(R, PA, 71, 51, 64000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
    };
    static const struct tcp_row refused[] = {
        TIME_WAIT_R,
        ROW(L, S, -90000, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, CLOSED, TIME_W, "9293 3.6.1"),
        ROW(R, SA, 700, -89999, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R,
            "9293 3.6.1: its TIME-WAIT was over"),
        ROW(L, R, -89999, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
    };

    RUN(by_originator);
    RUN(by_responder);
    RUN(refused);
#undef REPLAYED
}

/* The other end's SYN, of old, answered: it is the originator from then on. */
Test(tcp_reuse, old_syn_of_the_other_end_answered_turns_the_flow)
{
    static const struct tcp_row rows[] = {
        TIME_WAIT_L,
        ROW(R, S, -90000, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, TIME_W, CLOSED, "9293 3.6.1"),
        ROW(L, SA, 5, -89999, 0, 1000, PLAIN, OPEN, NONE, SYN_R, ESTAB, "9293 3.10.7.2"),
        ROW(R, A, -89999, 6, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };

    RUN(rows);
}

/* An end that aborts in LAST-ACK: its RST is refused (RFC 1337), but its next connection is not. */
Test(tcp_reuse, the_end_left_in_last_ack_opens_again)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),
        ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.6"),
        ROW(L, RA, 2, 2, 0, 0, PLAIN, REFUSE, RST_TIME_WAIT, LAST_A, TIME_W, "1337 3"),
        ROW(L, S, 1, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, LAST_A, TIME_W, "9293 3.6.1: not above"),
        ROW(R, SA, 9000, 2, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, LAST_A, TIME_W,
            "9293 3.6.1: answers none that counts"),
        ROW(L, S, 70, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, LAST_A, TIME_W,
            "9293 3.6.1: the answer will tell"),
        ROW(R, SA, 9000, 71, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.6.1"),
        ROW(L, A, 71, 9001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };

    RUN(rows);
}

#define STAMPED_TIME_WAIT_R                                                                        \
    ROW(L, S, 0, 0, 0, 1000, TS0(100), PASS, NONE, SYN_S, SYN_R, "7323 3.2"),                      \
    ROW(R, SA, 0, 1, 0, 1000, TS(500, 100), PASS, NONE, ESTAB, SYN_R, "7323 3.2"),                 \
    ROW(L, A, 1, 1, 0, 1000, TS(101, 500), PASS, NONE, ESTAB, ESTAB, "7323 3.2"),                  \
    ROW(R, FA, 1, 1, 0, 1000, TS(510, 101), PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),              \
    ROW(L, FA, 1, 2, 0, 1000, TS(111, 510), PASS, NONE, LAST_A, TIME_W, "9293 3.6"),               \
    ROW(R, A, 2, 2, 0, 1000, TS(520, 111), PASS, NONE, CLOSED, TIME_W, "9293 3.6")

/* A newer time stamp is as good as a higher number (RFC 6191 2). */
Test(tcp_reuse, time_wait_by_time_stamp)
{
    static const struct tcp_row rows[] = {
        STAMPED_TIME_WAIT_R,
        ROW(L, S, -5000, 0, 0, 1000, TS0(111), PASS, SYN_TIME_WAIT, CLOSED, TIME_W,
            "6191 2: the same stamp, a lower number"),
        ROW(L, S, -5000, 0, 0, 1000, TS0(110), PASS, SYN_TIME_WAIT, CLOSED, TIME_W,
            "6191 2: older, lower"),
        ROW(L, S, -5000, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, CLOSED, TIME_W,
            "6191 2: none, lower"),
        ROW(R, SA, 0, -4999, 0, 1000, TS(530, 111), OPEN, NONE, ESTAB, SYN_R, "6191 2: answered"),
    };
    static const struct tcp_row newer[] = {
        STAMPED_TIME_WAIT_R,
        ROW(L, S, -5000, 0, 0, 1000, TS0(112), OPEN, NONE, SYN_S, SYN_R, "6191 2: newer"),
        ROW(R, SA, 0, -4999, 0, 1000, TS(600, 112), PASS, NONE, ESTAB, SYN_R, "6191 2"),
        ROW(L, A, -4999, 1, 0, 1000, TS(113, 600), PASS, NONE, ESTAB, ESTAB, "6191 2"),
    };

    RUN(rows);
    RUN(newer);
}

/* The same the other way: the end that answered opens toward the one in TIME-WAIT. */
Test(tcp_reuse, time_wait_of_the_originator_by_time_stamp)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, TS0(100), PASS, NONE, SYN_S, SYN_R, "7323 3.2"),
        ROW(R, SA, 0, 1, 0, 1000, TS(500, 100), PASS, NONE, ESTAB, SYN_R, "7323 3.2"),
        ROW(L, A, 1, 1, 0, 1000, TS(101, 500), PASS, NONE, ESTAB, ESTAB, "7323 3.2"),
        ROW(L, FA, 1, 1, 0, 1000, TS(110, 500), PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, TS(520, 110), PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 2, 0, 1000, TS(120, 520), PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
        ROW(R, S, -5000, 0, 0, 1000, TS0(520), PASS, SYN_TIME_WAIT, TIME_W, CLOSED,
            "6191 2: the same stamp, a lower number"),
        ROW(R, S, -5000, 0, 0, 1000, TS0(521), OPEN, NONE, SYN_R, SYN_S, "6191 2: newer"),
        ROW(L, SA, 0, -4999, 0, 1000, TS(130, 521), PASS, NONE, SYN_R, ESTAB, "6191 2"),
        ROW(R, A, -4999, 1, 0, 1000, TS(522, 130), PASS, NONE, ESTAB, ESTAB, "6191 2"),
    };

    RUN(rows);
}

Test(tcp_reuse, after_a_reset_by_either_end_with_any_number)
{
    static const struct tcp_row by_originator[] = {
        HANDSHAKE,
        ROW(L, RA, 1, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
        ROW(L, S, -70000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 5, -69999, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, A, -69999, 6, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };
    static const struct tcp_row refused[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, RA, 0, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R,
            "9293 3.5: the same number again"),
        ROW(R, RA, 0, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(L, S, 77, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5"),
    };

    RUN(by_originator);
    RUN(refused);
}

/* The end that answered opens the next one: the originator is the sender of the SYN. */
Test(tcp_reuse, the_other_end_opens)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, RA, 1, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
        ROW(R, S, 400, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_R, SYN_S, "9293 3.5"),
        ROW(L, SA, 800, 401, 0, 1000, PLAIN, PASS, NONE, SYN_R, ESTAB, "9293 3.5"),
        ROW(R, A, 401, 801, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, RA, 801, 401, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
        ROW(L, S, 900, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5: and back again"),
        ROW(R, SA, 1, 901, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
    };

    RUN(rows);
}

/* A load generator: the same four-tuple over and over, closing by FIN, numbers rising. */
Test(tcp_reuse, one_connection_after_another)
{
#define ONE(base, open)                                                                            \
    ROW(L, S, base, 0, 0, 1000, PLAIN, open, NONE, SYN_S, SYN_R, "9293 3.6.1"),                    \
    ROW(R, SA, base, base + 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),              \
    ROW(L, A, base + 1, base + 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),           \
    ROW(L, PA, base + 1, base + 1, 50, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),         \
    ROW(R, FPA, base + 1, base + 51, 500, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),   \
    ROW(L, FA, base + 51, base + 502, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.6"),     \
    ROW(R, A, base + 502, base + 52, 0, 1000, PLAIN, PASS, NONE, CLOSED, TIME_W, "9293 3.6")
    static const struct tcp_row rows[] = {
        ONE(0, PASS), ONE(60, OPEN), ONE(120, OPEN), ONE(180, OPEN), ONE(0x20000000, OPEN),
    };

    RUN(rows);
#undef ONE
}

/* On a live connection a SYN is never a new one: a restarted end is found out by the challenge. */
Test(tcp_reuse, live_connection_whose_other_end_forgot_it)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, S, 5000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB,
            "9293 3.5.1 figure 9 line 3"),
        ROW(R, A, 101, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB,
            "9293 3.5.1 figure 9 line 4"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.5.1 figure 9 line 5"),
        ROW(L, S, 5000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5.1 figure 9 line 7"),
        ROW(R, SA, 3, 5001, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5.1"),
        ROW(L, A, 5001, 4, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5.1"),
    };

    RUN(rows);
}

/* A half-closed connection is alive too (CLOSE-WAIT may last for hours). */
Test(tcp_reuse, half_closed_is_not_over)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(L, S, 5000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, FIN_W2, CLOSE_W, "5961 4.2"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, FIN_W2, CLOSE_W, "5961 4.2"),
    };

    RUN(rows);
}

/* The last ACK was lost, the TIME-WAIT of its sender is over and it opens again. */
Test(tcp_reuse, syn_while_the_last_ack_is_missing)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, S, 5000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, TIME_W, LAST_A,
            "5961 4.2: LAST-ACK challenges it"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, TIME_W, LAST_A, "5961 4.2"),
        ROW(L, R, 2, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.5.1"),
        ROW(L, S, 5000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.5.1"),
    };

    RUN(rows);
}

/* Both in TIME-WAIT after a simultaneous close: the number decides toward either. */
Test(tcp_reuse, after_a_simultaneous_close)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6 figure 13"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W2, "9293 3.6 figure 13"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, TIME_W, "9293 3.6 figure 13"),
        ROW(L, S, 1, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, TIME_W, TIME_W, "9293 3.6.1"),
        ROW(R, S, 1, 0, 0, 1000, PLAIN, PASS, SYN_TIME_WAIT, TIME_W, TIME_W, "9293 3.6.1"),
        ROW(R, S, 2, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_R, SYN_S, "9293 3.6.1"),
    };

    RUN(rows);
}
/* clang-format on */
