/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cells of the endpoint tables that ordinary connections do not come to, and those where the model
 * checker takes more than one value for right, since what is in flight may be presumed to arrive.
 */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */

/* Its SYN is repeated while SYN-ACK and FIN of the other end are on their way. */
Test(tcp_cells, syn_repeated_in_close_wait)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.10.4 SYN-RECEIVED"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, CLOSE_W, FIN_W1, "9293 3.8.1"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4 eighth"),
    };

    RUN(rows);
}

/* Simultaneous open; a SYN, then a SYN-ACK is repeated after the other end has gone on. */
Test(tcp_cells, simultaneous_open_repeated_late)
{
    static const struct tcp_row syn[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7 line 2"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7 line 3"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.8.1"),
    };
    static const struct tcp_row syn_ack[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7 line 2"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.5 figure 7 line 3"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_R, ESTAB, "9293 3.10.7.3"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB, "9293 3.10.7.4 fifth"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.10.4"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, CLOSE_W, FIN_W1, "9293 3.8.1"),
    };

    RUN(syn);
    RUN(syn_ack);
}

/* What the other end has sent took another way: the answer to it shows what it was. */
Test(tcp_cells, answers_to_what_took_another_way)
{
    static const struct tcp_row syn[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 7 line 2"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, SYN_R, ESTAB, "9293 3.5 figure 7 line 5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5 figure 7 line 6"),
    };
    static const struct tcp_row fin[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, SYN_S, FIN_W1, "9293 3.10.7.3: not taken"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4 eighth"),
    };
    static const struct tcp_row fins[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, SYN_S, FIN_W1, "9293 3.10.7.3: not taken"),
        ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.10.4 CLOSE-WAIT"),
    };

    RUN(syn);
    RUN(fin);
    RUN(fins);
}

/* A SYN that was presumed lost had arrived: its sender is open, and closes, before the answer. */
#define CLOSED_UNANSWERED                                                                          \
    ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),                         \
    ROW(R, RA, 0, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),                    \
    ROW(R, S, 0, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_R, SYN_S, "9293 3.5: L has repeated its SYN"), \
    ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, SYN_S, "9293 3.10.4 SYN-RECEIVED"),       \
    ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W1, SYN_R, "9293 3.10.7.3")

Test(tcp_cells, fin_taken_in_syn_received)
{
    static const struct tcp_row taken[] = {
        CLOSED_UNANSWERED,
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4 eighth"),
    };
    static const struct tcp_row and_closed[] = {
        CLOSED_UNANSWERED,
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.10.4 CLOSE-WAIT"),
    };

    RUN(taken);
    RUN(and_closed);
}

/* The FIN of the peer was presumed to have arrived; what follows shows that it had not. */
Test(tcp_cells, fin_that_had_not_arrived)
{
    static const struct tcp_row closing[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13"),
        ROW(L, A, 2, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, FIN_W1, "9293 3.10.7.4 eighth"),
    };
    static const struct tcp_row time_wait[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W2, LAST_A, "9293 3.8.1"),
    };

    RUN(closing);
    RUN(time_wait);
}

/* The ACK of the FIN was lost before the tap: the FIN that is repeated carries it. */
Test(tcp_cells, fin_repeated_with_the_last_ack)
{
    static const struct tcp_row last_ack[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, TIME_W, CLOSED, "9293 3.10.7.4 fifth"),
    };
    static const struct tcp_row closed[] = {
        HANDSHAKE,
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),
        ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, CLOSED, TIME_W, "9293 3.10.7.4 fifth"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, CLOSED, TIME_W, "9293 3.8.1"),
    };

    RUN(last_ack);
    RUN(closed);
}

Test(tcp_cells, reset_in_fin_wait_2_by_the_other_end)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(R, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5 CLOSE-WAIT"),
    };

    RUN(rows);
}
/* clang-format on */
