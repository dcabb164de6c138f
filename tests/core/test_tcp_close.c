/* SPDX-License-Identifier: BSD-3-Clause */
/* Closing: RFC 9293 3.6 and 3.10.4, and what is lost, repeated or reordered on the way. */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */

/* L closes and R acknowledges: both wait for R's application. */
#define HALF_CLOSED                                                                                \
    HANDSHAKE,                                                                                     \
    ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6 figure 12 line 2"),    \
    ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6 figure 12 line 3")

#define CLOSED_NORMALLY                                                                            \
    HALF_CLOSED,                                                                                   \
    ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6 figure 12 line 4"),     \
    ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6 figure 12 line 5")

#define BOTH_FINS                                                                                  \
    HANDSHAKE,                                                                                     \
    ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6 figure 13 line 2"),    \
    ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13 line 2")

Test(tcp_close, normal_close)
{
    static const struct tcp_row rows[] = {
        CLOSED_NORMALLY,
    };

    RUN(rows);
}

Test(tcp_close, responder_closes_first)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6 figure 12"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.6 figure 12"),
        ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.6 figure 12"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSED, TIME_W, "9293 3.6 figure 12"),
    };

    RUN(rows);
}

/* ACK of the FIN and the FIN in one segment: ordinary, but never required (3.10.7.4 eighth). */
Test(tcp_close, three_segments)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
    };

    RUN(rows);
}

Test(tcp_close, simultaneous_close)
{
    static const struct tcp_row rows[] = {
        BOTH_FINS,
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W2,
            "9293 3.6 figure 13 line 3: R's ACK is to come"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, TIME_W, "9293 3.6 figure 13 line 3"),
    };

    RUN(rows);
}

Test(tcp_close, simultaneous_close_with_fins_repeated)
{
    static const struct tcp_row rows[] = {
        BOTH_FINS,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W1, CLOSING,
            "9293 3.8.1: R's FIN not taken in"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, TIME_W, CLOSING,
            "9293 3.10.7.4 eighth"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, TIME_W, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_close, half_close_lets_the_other_end_go_on)
{
    static const struct tcp_row rows[] = {
        HALF_CLOSED,
        ROW(R, PA, 1, 2, 500, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6 case 1"),
        ROW(L, A, 2, 501, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6 case 1"),
        ROW(R, PA, 501, 2, 1000, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6 case 1"),
        ROW(R, FPA, 1501, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6 case 2"),
        ROW(L, A, 2, 1502, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
    };

    RUN(rows);
}

/* Data that R sent before L's FIN reached it says so: it acknowledges no FIN. */
Test(tcp_close, data_crossing_the_fin)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, FIN_W1, ESTAB,
            "9293 3.10.7.4: FIN not taken in"),
        ROW(R, PA, 101, 2, 100, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4 eighth"),
    };

    RUN(rows);
}

/* The crossing FIN, DESIGN's case: LAST-ACK was presumed nowhere, FIN-WAIT-1 is the truth. */
Test(tcp_close, fin_that_does_not_acknowledge_the_peers)
{
    static const struct tcp_row rows[] = {
        BOTH_FINS,
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, CLOSING, FIN_W1, "9293 3.8.1"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W2, "9293 3.6 figure 13"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, TIME_W, "9293 3.6 figure 13"),
    };

    RUN(rows);
}

Test(tcp_close, fin_retransmitted_until_acknowledged)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W1, CLOSE_W, "9293 3.8.1"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W2, CLOSE_W,
            "9293 3.8.1: the ACK is on its way"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4 first"),
    };

    RUN(rows);
}

/* The FIN is repeated together with the data before it, in segments cut otherwise. */
Test(tcp_close, fin_retransmitted_with_more_data_before_it)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, FPA, 101, 1, 50, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.8.1"),
        ROW(L, FPA, 1, 1, 150, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W1, CLOSE_W,
            "9293 3.8.1: all in one"),
        ROW(L, FA, 151, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, FIN_W1, CLOSE_W,
            "9293 3.8.1: bare"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, FIN_W1, ESTAB,
            "9293 3.10.7.4: only the first data"),
        ROW(R, A, 1, 152, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_close, last_ack_lost_before_the_tap)
{
    static const struct tcp_row rows[] = {
        HALF_CLOSED,
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, TIME_W, LAST_A, "9293 3.8.1"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED,
            "9293 3.10.7.4 eighth: TIME-WAIT"),
    };

    RUN(rows);
}

Test(tcp_close, last_ack_lost_after_the_tap)
{
    static const struct tcp_row rows[] = {
        CLOSED_NORMALLY,
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, RETRANSMISSION, TIME_W, CLOSED,
            "9293 3.8.1: was LAST-ACK"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.10.7.4 eighth"),
    };

    RUN(rows);
}

Test(tcp_close, fin_with_data)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FPA, 1, 1, 300, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W,
            "9293 3.4: FIN after the data"),
        ROW(R, A, 1, 301, 0, 1000, PLAIN, PASS, NONE, FIN_W1, ESTAB,
            "9293 3.10.7.4: the data, not the FIN"),
        ROW(R, A, 1, 302, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

Test(tcp_close, data_after_fin_is_refused)
{
    static const struct tcp_row rows[] = {
        HALF_CLOSED,
        ROW(L, PA, 2, 2, 10, 1000, PLAIN, REFUSE, ACK_ABOVE, FIN_W2, CLOSE_W,
            "9293 3.10.7.4 fifth"),
        ROW(L, PA, 2, 1, 10, 1000, PLAIN, REFUSE, AFTER_FIN, FIN_W2, CLOSE_W, "9293 3.10.4"),
        ROW(L, PA, 2, 1, 1, 1000, PLAIN, REFUSE, AFTER_FIN, FIN_W2, CLOSE_W,
            "9293 3.10.4: one octet"),
        ROW(L, FA, 2, 1, 0, 1000, PLAIN, REFUSE, AFTER_FIN, FIN_W2, CLOSE_W,
            "9293 3.10.4: a second FIN"),
        ROW(L, PA, 1, 1, 1, 1000, PLAIN, PASS, KEEP_ALIVE, FIN_W2, CLOSE_W,
            "9293 3.8.4: an octet in the FIN's place"),
    };

    RUN(rows);
}

Test(tcp_close, fin_below_what_was_sent_is_refused)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, REFUSE, AFTER_FIN, ESTAB, ESTAB,
            "9293 3.10.4: below the data"),
        ROW(L, FA, 99, 1, 0, 1000, PLAIN, REFUSE, AFTER_FIN, ESTAB, ESTAB,
            "9293 3.10.4: one below the end"),
        ROW(L, FA, 101, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.10.4: at the end"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, REFUSE, AFTER_FIN, FIN_W1, CLOSE_W,
            "9293 3.10.4: another FIN"),
    };

    RUN(rows);
}

/* R was in FIN-WAIT-1 when L's FIN came; its ACK overtook its own FIN on the way to the tap. */
Test(tcp_close, fin_overtaken_by_the_ack_of_the_peers_fin)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6 figure 13"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W,
            "9293 3.6 figure 13: overtakes"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, TIME_W, CLOSING,
            "9293 3.6 figure 13: late"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, TIME_W, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/* The same without a FIN of L: a window update overtakes R's FIN. */
Test(tcp_close, fin_overtaken_by_a_plain_ack)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, A, 2, 1, 0, 2000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6: sent after the FIN"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, CLOSE_W, FIN_W1,
            "9293 3.4: overtaken"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}

/* An older ACK behind a newer one is no evidence of anything. */
Test(tcp_close, overtaken_ack_takes_nothing_back)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, FA, 101, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 102, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, FIN_W2, CLOSE_W,
            "9293 3.4: overtaken"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, FIN_W2, CLOSE_W,
            "9293 3.4: overtaken"),
    };

    RUN(rows);
}

Test(tcp_close, overtaken_data_still_counts_as_sent)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(R, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W,
            "9293 3.4: overtaken, new data"),
        ROW(R, A, 101, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, FIN_W2, CLOSE_W, "9293 3.4"),
        ROW(L, A, 2, 101, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* Nothing of a connection in TIME-WAIT moves it, whatever arrives once more. */
Test(tcp_close, time_wait_answers_and_stays)
{
    static const struct tcp_row rows[] = {
        CLOSED_NORMALLY,
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, TIME_W, CLOSED, "9293 3.4: old ACK"),
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, TIME_W, CLOSED, "9293 3.4: old FIN"),
        ROW(R, PA, 2, 2, 10, 1000, PLAIN, REFUSE, AFTER_FIN, TIME_W, CLOSED, "9293 3.10.4"),
    };

    RUN(rows);
}

/* R may close at once on top of data that L's last ACK confirms in one go (3.10.7.4 fifth). */
Test(tcp_close, fin_and_data_acknowledged_together)
{
    static const struct tcp_row rows[] = {
        HALF_CLOSED,
        ROW(R, FPA, 1, 2, 700, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 701, 0, 1000, PLAIN, PASS, NONE, FIN_W2, LAST_A, "9293 3.10.7.4: data only"),
        ROW(L, A, 2, 702, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.10.7.4 fifth"),
    };

    RUN(rows);
}
/* clang-format on */
