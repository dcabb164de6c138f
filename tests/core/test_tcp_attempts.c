/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several attempts at one connection, which interleave on the wire (RFC 9293 3.5 figure 8,
 * 3.10.7.3): whatever a conforming end may say of another attempt than the tracked one passes, and
 * moves nothing; once both ends have said more than SYNs in one, the windows decide again.
 */
#include <criterion/criterion.h>

#include "tcp_table.h"

/* clang-format off */

/* L gives up after its SYN and draws a RST from itself with the answer; then it opens once more. */
#define GIVEN_UP                                                                                   \
    ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.10.1"),                      \
    ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),                   \
    ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),                     \
    ROW(L, S, 200000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.10.1")

/* 3.10.7.3: an ACK that is not acceptable in SYN-SENT is answered by a RST with its number. */
Test(tcp_attempts, rst_out_of_syn_sent)
{
    static const struct tcp_row rows[] = {
        GIVEN_UP,
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, HALF_OPEN_ACK, SYN_S, SYN_R, "9293 3.10.4"),
        ROW(R, SA, 200000, 200001, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, SYN_R,
            "9293 3.10.7.3: answers the FIN of before, sent before the SYN-ACK came"),
        ROW(L, A, 200001, 200001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "the same, overtaken"),
        ROW(R, A, 200001, 200001, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 3.2"),
        ROW(L, R, 1, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2: both proven"),
        ROW(R, A, 300000, 200001, 10, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "9293 3.4"),
        ROW(L, A, 200001, 300000, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB, "5961 5.2"),
    };

    RUN(rows);
}

/* A first connection knows of no other attempt until something of one has passed. */
Test(tcp_attempts, first_attempt_is_strict)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, RA, 0, 2, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, SYN_S, SYN_R, "9293 3.10.7.3"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, R, 2000, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, SYN_R, "5961 3.2"),
        ROW(L, A, 2000, 1, 5, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, SYN_R, "9293 3.4"),
        ROW(L, A, 1, 9, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, SYN_R, "9293 3.10.7.4"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, R, 1001, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "5961 3.2"),
        ROW(L, R, 1004, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, R, 1004, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "5961 3.2"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "answered"),
    };

    RUN(rows);
}

/* What the SYN-ACK of the next attempt has overtaken does not say that the one before lives on. */
Test(tcp_attempts, overtaken_by_the_answer_to_the_next_attempt)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, R, 601, 0, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "9293 3.10.5"),
        ROW(L, PA, 1, 1, 600, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, S, 70000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "9293 3.5.1"),
        ROW(R, PA, 1, 601, 9, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(R, SA, 80000, 70001, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, A, 1, 601, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "overtaken"),
        ROW(L, A, 70001, 80001, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, A, 10, 601, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "alive after all"),
        ROW(L, A, 70001, 80001, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "9293 3.4"),
    };

    RUN(rows);
}

/* An answer to another SYN draws a RST, which may come after the right answer. */
Test(tcp_attempts, rst_that_answers_another_syn_ack)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 5000, 9001, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5 figure 8"),
        ROW(L, R, 9001, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, PA, 1, 1, 9, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, R, 9003, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
    };

    RUN(rows);
}

/* Nobody listens, and the RST is doubled; the copy comes to the next attempt. */
Test(tcp_attempts, late_copy_of_connection_refused)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, RA, 0, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),
        ROW(L, S, 200000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.10.1"),
        ROW(R, RA, 0, 1, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, SYN_S, SYN_R, "9293 3.10.7.3"),
        ROW(R, RA, 0, 200001, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1"),
    };

    RUN(rows);
}

/*
 * A RST overtakes its sender's last text before it passes here, and not behind: its receiver takes
 * it, and then a SYN. The answer to that tells that both are in another attempt, of which more comes.
 */
Test(tcp_attempts, rst_that_overtook_text)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, RA, 501, 1, 0, 0, PLAIN, PASS, RST_INEXACT, ESTAB, ESTAB, "5961 3.2"),
        ROW(L, PA, 1, 1, 500, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, S, 200000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, A, 1, 501, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "sent before the RST came"),
        ROW(L, A, 200001, 300001, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "9293 3.4"),
        ROW(R, SA, 300000, 200001, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, A, 200001, 300001, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, R, 200501, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "9293 3.10.5"),
        ROW(R, A, 1, 501, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "forged: R goes on"),
        ROW(L, A, 200001, 300001, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "9293 3.4"),
    };

    RUN(rows);
}

/* The same with a FIN: its record counts as over, and what the SYN that passed before it began goes on. */
Test(tcp_attempts, rst_that_overtook_fin)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.6"),
        ROW(R, R, 2, 0, 0, 0, PLAIN, PASS, RST_INEXACT, FIN_W2, CLOSE_W, "5961 3.2"),
        ROW(R, S, 200000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, FIN_W2, CLOSE_W, "9293 3.5"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "sent before the RST came"),
        ROW(R, A, 200001, 300001, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, TIME_W, CLOSED, "9293 3.4"),
        ROW(L, SA, 300000, 200001, 0, 1000, PLAIN, PASS, AFTER_CLOSE, TIME_W, CLOSED, "9293 3.5"),
        ROW(R, A, 200001, 300001, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, TIME_W, CLOSED, "9293 3.5"),
        ROW(L, PA, 300001, 200001, 5, 1000, PLAIN, PASS, OTHER_ATTEMPT, TIME_W, CLOSED, "9293 3.8"),
    };

    RUN(rows);
}

/* A SYN that did not count when it passed, as one that may be old, is answered: its scale counts. */
Test(tcp_attempts, scale_of_a_syn_that_was_remembered)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),
        ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6"),
        ROW(L, S, 0, 0, 0, 1000, WS(1), PASS, SYN_TIME_WAIT, TIME_W, CLOSED, "9293 3.6.1"),
        ROW(R, SA, 300000, 1, 0, 1000, WS(2), OPEN, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, A, 1, 300001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, PA, 300001, 1, 9, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
        ROW(R, FA, 302002, 1, 1, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2: 2000"),
        ROW(L, FA, 4002, 300001, 1, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2: 4000"),
    };

    RUN(rows);
}

/* It offered none, so what the SYN-ACK offers does not count either. */
Test(tcp_attempts, no_scale_of_a_syn_that_was_remembered)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, RA, 1, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.5"),
        ROW(R, S, 200000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_R, SYN_S, "9293 3.5"),
        ROW(R, S, 400000, 0, 0, 1000, WS(7), OPEN, NONE, SYN_R, SYN_S, "given up"),
        ROW(L, SA, 90000, 200001, 0, 1000, WS(2), PASS, NONE, SYN_R, ESTAB, "9293 3.5: the earlier"),
        ROW(R, A, 200001, 90001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, PA, 90001, 200001, 9, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, FA, 91002, 200001, 1, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2: 1000"),
    };

    RUN(rows);
}

/*
 * R opens anew while the connection before is tracked, which its RST then ends; L opens at the same
 * time. What scale R offered has not passed, so that its window may be any.
 */
Test(tcp_attempts, scale_of_a_syn_that_was_a_challenge)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, S, 200000, 0, 0, 1000, WS(7), PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(R, R, 1, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "5961 3.2"),
        ROW(L, SA, 300000, 200001, 0, 1000, WS(2), PASS, AFTER_CLOSE, CLOSED, CLOSED, "9293 3.5"),
        ROW(L, S, 300000, 0, 0, 1000, WS(2), OPEN, NONE, SYN_S, SYN_R, "9293 3.5 figure 7"),
        ROW(R, A, 200001, 300001, 0, 16, PLAIN, PASS, HALF_OPEN_ACK, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, PA, 300001, 200001, 500, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(R, A, 200001, 300501, 0, 16, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 16 times 128"),
        ROW(L, PA, 300501, 200001, 500, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
    };

    RUN(rows);
}

/* Both open; L has given its attempt up. R's SYN-ACK overtakes its SYN, and L's ACK its SYN-ACK.
 */
Test(tcp_attempts, crossing_open_that_shows_late)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.10.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, A, 200001, 1, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, SYN_R, "van Rooij I"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, A, 200001, 1, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, SA, 200000, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.2"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "5961 5.2"),
    };

    RUN(rows);
}

/* Both open; L has given its attempt up meanwhile and answers that of R with a new number. */
Test(tcp_attempts, crossing_open_against_an_abandoned_one)
{
    static const struct tcp_row challenged[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.10.1"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.10.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(L, SA, 200000, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.2"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB,
            "9293 3.10.7.4 first: not acceptable in SYN-RECEIVED for the abandoned one"),
    };
    static const struct tcp_row closed[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.10.1"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.10.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, SYN_R, "9293 3.10.7.3"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.10.4"),
        ROW(L, SA, 200000, 1, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, CLOSE_W, FIN_W1, "9293 3.5"),
        ROW(L, A, 200001, 1, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, CLOSE_W, FIN_W1,
            "9293 3.10.7.4 first"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4"),
        ROW(L, A, 200001, 1, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, CLOSE_W, FIN_W2, "both proven"),
    };
    static const struct tcp_row aborted[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.10.1"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_R, SYN_R, "9293 3.10.1"),
        ROW(R, R, 200001, 0, 0, 0, PLAIN, PASS, OTHER_ATTEMPT, SYN_R, SYN_R,
            "9293 3.10.5: closed, listened, took the SYN and aborts; its SYN-ACK was lost"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, SYN_R, ESTAB, "9293 3.5 figure 7"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB, "9293 3.5 figure 7"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "9293 3.5 figure 7"),
        ROW(R, A, 1, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "9293 3.5 figure 7"),
        ROW(R, R, 200001, 0, 0, 0, PLAIN, REFUSE, RST_OUTSIDE, ESTAB, ESTAB, "5961 3.2"),
    };

    RUN(challenged);
    RUN(closed);
    RUN(aborted);
}

/* The answer to a SYN that was tracked before a RST, and lost itself: the FIN after it tells. */
Test(tcp_attempts, fin_of_an_end_whose_syn_was_of_before)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, RA, 9, 1, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.10.7.1; it gets lost"),
        ROW(R, S, 0, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_R, SYN_S, "9293 3.10.1"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.10.4"),
        ROW(L, SA, 0, 1, 0, 1000, PLAIN, PASS, SYN_ACK_OTHER, CLOSE_W, FIN_W1, "9293 3.5 figure 7"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4"),
        ROW(L, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, LAST_A, TIME_W, "9293 3.10.4"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSED, TIME_W, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* Both have closed, and it has yet to be heard that R has taken the FIN of L, which opens anew. */
Test(tcp_attempts, syn_while_time_wait_is_not_confirmed)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6 figure 13"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13"),
        ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W2, "9293 3.10.7.4"),
        ROW(L, S, 200000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, CLOSING, FIN_W2, "5961 4.2"),
        ROW(R, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, TIME_W, "9293 3.10.7.4"),
        ROW(R, SA, 9000, 200001, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.6.1"),
        ROW(L, A, 200001, 9001, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };
    static const struct tcp_row repeated_number[] = {
        HANDSHAKE,
        ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6 figure 13"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSING, FIN_W1, "9293 3.6 figure 13"),
        ROW(L, S, 2, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, CLOSING, FIN_W1, "5961 4.2"),
        ROW(R, SA, 9000, 2, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, CLOSING, FIN_W1,
            "acknowledges no more than the FIN"),
    };

    RUN(rows);
    RUN(repeated_number);
}

/*
 * Both ends have forgotten a connection, and neither RST has passed: the record stays, nobody who
 * forges both directions can end it; but the ends are not kept from each other.
 */
Test(tcp_attempts, forgotten_by_both_ends)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(R, PA, 1, 1, 5, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, S, 200000, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, A, 200001, 1, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "not answered yet"),
        ROW(R, SA, 300000, 200001, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2"),
        ROW(L, A, 200001, 300001, 0, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, PA, 300001, 200001, 9, 1000, PLAIN, PASS, OTHER_ATTEMPT, ESTAB, ESTAB, "9293 3.8"),
        ROW(R, A, 6, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, ESTAB, ESTAB, "it was alive: forged"),
        ROW(L, A, 200001, 300001, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "9293 3.4"),
    };

    RUN(rows);
}

/* A record that one segment began, a stranger's or one come late, is not in the way of a new open. */
Test(tcp_attempts, open_after_a_stray_was_adopted)
{
#define OPENED_OVER(stray)                                                                         \
    stray,                                                                                         \
    ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, ESTAB, ESTAB, "5961 4.2: nobody knows"),  \
    ROW(R, SA, 0, 1, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.2: it was taken"),     \
    ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),                         \
    ROW(L, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.6"),                     \
    ROW(R, FA, 1, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, LAST_A, "9293 3.6"),                      \
    ROW(L, A, 2, 2, 0, 1000, PLAIN, PASS, NONE, TIME_W, CLOSED, "9293 3.6")
    static const struct tcp_row of_responder[] = {
        OPENED_OVER(ROW(R, A, 0x60000000, 0x30000000, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
                        "9293 3.4")),
    };
    static const struct tcp_row of_originator[] = {
        OPENED_OVER(ROW(L, PA, 0x60000000, 0x30000000, 500, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
                        "9293 3.4")),
    };
    static const struct tcp_row fin[] = {
        ROW(R, FA, 0x60000000, 0x30000000, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.4"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, CLOSE_W, FIN_W1, "5961 4.2"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, OPEN, NONE, ESTAB, SYN_R, "9293 3.10.7.2"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.6"),
    };

    static const struct tcp_row of_this_very_syn[] = {
        ROW(R, FA, 1, 1, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W1, "9293 3.10.4: weir anew"),
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, SYN_CHALLENGE, CLOSE_W, FIN_W1, "9293 3.8.1"),
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, CLOSE_W, FIN_W1, "9293 3.8.1"),
        ROW(L, A, 1, 2, 0, 1000, PLAIN, PASS, NONE, CLOSE_W, FIN_W2, "9293 3.10.7.4"),
        ROW(R, A, 2, 1, 0, 1000, PLAIN, PASS, CHALLENGE_ACK, CLOSE_W, FIN_W2, "5961 4.2"),
    };

    RUN(of_responder);
    RUN(of_this_very_syn);
    RUN(of_originator);
    RUN(fin);
}

/* Known from its SYN-ACK on: it takes no more than the window that it offered, so it acknowledges no more. */
Test(tcp_attempts, acknowledges_no_more_than_it_takes)
{
    static const struct tcp_row rows[] = {
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, A, 1, 1002, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.8.6.1: and a probe"),
        ROW(R, A, 1, 3000, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, SYN_R, "9293 3.8.6"),
    };
    static const struct tcp_row first_word[] = {
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(R, A, -9000000, 1003, 1, 1000, PLAIN, PASS, HALF_OPEN_ACK, ESTAB, SYN_R, "9293 3.8.6"),
        ROW(R, A, 1, 0x60000000, 1, 1000, PLAIN, PASS, HALF_OPEN_ACK, ESTAB, SYN_R, "9293 3.8.6"),
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
    };

    RUN(rows);
    RUN(first_word);
}

/* With one direction only, the end that is seen is enough. */
Test(tcp_attempts, one_way)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(L, S, 200000, 0, 0, 1000, PLAIN, OPEN, NONE, SYN_S, SYN_R, "9293 3.10.1"),
        ROW(L, A, 200001, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5"),
        ROW(L, PA, 200001, 1, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8"),
        ROW(L, PA, 0x60000000, 1, 10, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "9293 3.4"),
    };

    RUN_MODE(rows, ONE_WAY);
}
