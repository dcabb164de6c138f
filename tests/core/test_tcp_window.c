/* SPDX-License-Identifier: BSD-3-Clause */
/* The four inequalities, scaling, probes and what stands at the very edge: RFC 9293 3.4, 3.8, RFC
 * 7323 2. */
#include "core/tcp_window.h"

#include <criterion/criterion.h>

#include "tcp_table.h"

#define SLACK 65536

Test(tcp_window, comparison_is_modulo_2_to_the_32)
{
    static const uint32_t bases[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        uint32_t base = bases[i];

        cr_assert(weir_seq_after(base + 1, base));
        cr_assert_not(weir_seq_after(base, base));
        cr_assert_not(weir_seq_after(base - 1, base));
        cr_assert(weir_seq_after(base + 0x7fffffff, base));
        cr_assert(weir_seq_reaches(base, base));
        cr_assert_not(weir_seq_reaches(base - 1, base));
        cr_assert(weir_seq_reaches(base + 0x7fffffff, base));
    }
}

Test(tcp_window, syn_and_fin_take_one_number_each)
{
    static const struct {
        uint8_t flags;
        uint32_t len, end;
    } rows[] = {
        {WEIR_TCP_ACK, 0, 10},
        {WEIR_TCP_ACK, 5, 15},
        {WEIR_TCP_SYN, 0, 11},
        {WEIR_TCP_SYN | WEIR_TCP_ACK, 5, 16},
        {WEIR_TCP_FIN | WEIR_TCP_ACK, 0, 11},
        {WEIR_TCP_FIN | WEIR_TCP_ACK, 5, 16},
        {WEIR_TCP_RST, 0, 10},
        {WEIR_TCP_PSH | WEIR_TCP_URG | WEIR_TCP_ACK, 1, 11},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_segment seg = {.seq = 10, .len = rows[i].len, .flags = rows[i].flags};

        cr_assert_eq(weir_segment_end(&seg), rows[i].end, "row %zu", i);
    }
}

Test(tcp_window, slack_is_the_largest_window_rounded_up)
{
    static const struct {
        uint32_t offered, slack;
    } rows[] = {
        {0, 1U << 16},      {65535, 1U << 16},  {65536, 1U << 16},        {65537, 1U << 17},
        {131072, 1U << 17}, {131073, 1U << 18}, {65535U << 14, 1U << 30},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct weir_flow flow = {.win = {3, 5}};

        weir_window_widen(&flow, 1, rows[i].offered);
        cr_assert_eq(weir_window_slack(&flow, 1), rows[i].slack, "row %zu", i);
        cr_assert_eq(weir_window_scale(&flow, 1), 5);
        cr_assert_eq(flow.win[0], 3);
        weir_window_widen(&flow, 1, 0);
        cr_assert_eq(weir_window_slack(&flow, 1), rows[i].slack, "it never becomes smaller");
    }
}

/* clang-format off */
#define SENT_100                                                                                   \
    HANDSHAKE,                                                                                     \
    ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),                    \
    ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1")

/* Inequality I: R has offered up to 101 + 1000; one octet more is a probe (RFC 9293 3.8.6.1). */
Test(tcp_window, seq_above)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, PA, 101, 1, 1002, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "van Rooij I: one too many"),
        ROW(L, PA, 1104, 1, 0, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "van Rooij I: empty, beyond"),
        ROW(L, FA, 102, 1, 1001, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "van Rooij I: a FIN adds one only"),
        ROW(L, PA, 101, 1, 1001, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "van Rooij I: the last octet that may be"),
    };
    static const struct tcp_row exactly[] = {
        SENT_100,
        ROW(L, PA, 101, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "van Rooij I: the window to its edge"),
        ROW(L, PA, 1101, 1, 2, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "van Rooij I: two beyond"),
        ROW(L, PA, 1101, 1, 1, 1000, PLAIN, PASS, WINDOW_PROBE, ESTAB, ESTAB, "9293 3.8.6.1"),
    };

    RUN(rows);
    RUN(exactly);
}

/* Inequality II: the end of what is repeated lies no further back than twice the slack of R's window. */
Test(tcp_window, seq_below)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, PA, 101 - 2 * SLACK - 11, 1, 10, 1000, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB,
            "van Rooij II: one too old"),
        ROW(L, A, 101 - 2 * SLACK - 1, 1, 0, 1000, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB,
            "van Rooij II: empty"),
        ROW(L, PA, 101 - 2 * SLACK - 10, 1, 10, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij II: the oldest"),
        ROW(L, A, 101 - 2 * SLACK, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij II: the oldest, empty"),
        ROW(L, FA, 101 - SLACK - 2, 1, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij II: beyond the window, it tells nothing"),
        ROW(L, PA, 101 - SLACK - 10, 1, 10, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB,
            "van Rooij II: within the window"),
        ROW(L, A, 101 - SLACK, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "van Rooij II: within the window, empty"),
    };

    RUN(rows);
}

/* Inequality III: nobody acknowledges what has not been sent. */
Test(tcp_window, ack_above)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, A, 1, 102, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "van Rooij III, 5961 5.2"),
        ROW(L, A, 101, 2, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "van Rooij III: nothing was sent"),
        ROW(L, PA, 101, 1, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(R, A, 1, 112, 0, 1000, PLAIN, REFUSE, ACK_ABOVE, ESTAB, ESTAB,
            "van Rooij III: one beyond"),
        ROW(R, A, 1, 111, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "van Rooij III: all that was sent"),
    };

    RUN(rows);
}

/* Inequality IV: no acknowledgement is older than twice the slack of its sender's window. */
Test(tcp_window, ack_below)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, A, 1, 101 - 2 * SLACK - 1, 0, 1000, PLAIN, REFUSE, ACK_BELOW, ESTAB, ESTAB,
            "van Rooij IV, 5961 5.2"),
        ROW(R, PA, 1, 101 - 2 * SLACK - 1, 10, 1000, PLAIN, REFUSE, ACK_BELOW, ESTAB, ESTAB,
            "van Rooij IV: with data"),
        ROW(R, A, 1, 101 - 2 * SLACK, 0, 1000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij IV: the oldest"),
        ROW(R, PA, 1, 101 - 2 * SLACK, 10, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "van Rooij IV: new data with an old ACK"),
    };

    RUN(rows);
}

/* The inequalities are looked at in the paper's order: the first that fails is the one named. */
Test(tcp_window, the_first_that_fails_is_named)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, PA, 90000, 90000, 10, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "van Rooij I before III"),
        ROW(R, PA, -190000, 90000, 10, 1000, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB,
            "van Rooij II before III"),
        ROW(R, PA, -190000, -190000, 10, 1000, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB,
            "van Rooij II before IV"),
    };

    RUN(rows);
}

/* The slack grows with the window: bounds of II and IV with a window of 200,000 rounded to 2^18. */
Test(tcp_window, large_windows_widen_the_lower_bounds)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 65535, WS(2), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(R, SA, 0, 1, 0, 65535, WS(2), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, A, 1, 1, 0, 50000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 200,000"),
        ROW(R, A, 1, 1, 0, 50000, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 200,000"),
        ROW(L, PA, 1, 1, 60000, 50000, PLAIN, PASS, NONE, ESTAB, ESTAB, "GRO"),
        ROW(L, A, 60001 - 524288 - 1, 1, 0, 50000, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB,
            "van Rooij II"),
        ROW(L, A, 60001 - 524288, 1, 0, 50000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij II"),
        ROW(L, A, 60001 - 262144, 1, 0, 50000, PLAIN, PASS, NONE, ESTAB, ESTAB, "van Rooij II"),
        ROW(R, A, 1, 60001 - 524288 - 1, 0, 50000, PLAIN, REFUSE, ACK_BELOW, ESTAB, ESTAB,
            "van Rooij IV"),
        ROW(R, A, 1, 60001 - 524288, 0, 50000, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij IV"),
    };

    RUN(rows);
}

/* The bound of II goes by the receiver's window, that of IV by the sender's. */
Test(tcp_window, each_lower_bound_has_its_own_window)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 65535, WS(4), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(R, SA, 0, 1, 0, 65535, WS(0), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, A, 1, 1, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: slack 2^20"),
        ROW(R, A, 1, 1, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: slack 2^16"),
        ROW(L, A, 1 - 2 * SLACK - 1, 1, 0, 10, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB, "van Rooij II"),
        ROW(R, A, 1, 1 - 2 * SLACK - 1, 0, 10, PLAIN, REFUSE, ACK_BELOW, ESTAB, ESTAB, "van Rooij IV"),
        ROW(R, A, 1 - 32 * SLACK - 1, 1, 0, 10, PLAIN, REFUSE, SEQ_BELOW, ESTAB, ESTAB,
            "van Rooij II"),
        ROW(L, A, 1, 1 - 32 * SLACK - 1, 0, 10, PLAIN, REFUSE, ACK_BELOW, ESTAB, ESTAB,
            "van Rooij IV"),
        ROW(R, A, 1 - 32 * SLACK, 1, 0, 10, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij II"),
        ROW(L, A, 1, 1 - 32 * SLACK, 0, 10, PLAIN, PASS, OLD_DUPLICATE, ESTAB, ESTAB,
            "van Rooij IV"),
    };

    RUN(rows);
}

/* A receiver may take its window back; what was sent into the old one is not the sender's fault. */
Test(tcp_window, shrinking_the_window_refuses_nothing)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(R, A, 1, 101, 0, 10, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6: shrunk from 1000"),
        ROW(L, PA, 101, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.8.6: sent before that"),
        ROW(L, PA, 1101, 1, 2, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "van Rooij I: the highest edge holds"),
        ROW(R, A, 1, 111, 0, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6"),
        ROW(L, PA, 111, 1, 990, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB, "9293 3.8.1"),
    };

    RUN(rows);
}

Test(tcp_window, zero_window_and_probe)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6"),
        ROW(R, A, 1, 1001, 0, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6.1: window zero"),
        ROW(L, A, 1000, 1, 0, 1000, PLAIN, PASS, KEEP_ALIVE, ESTAB, ESTAB,
            "9293 3.8.4: a probe without data"),
        ROW(R, A, 1, 1001, 0, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6.1: the answer"),
        ROW(L, PA, 1001, 1, 1, 1000, PLAIN, PASS, WINDOW_PROBE, ESTAB, ESTAB, "9293 3.8.6.1"),
        ROW(R, A, 1, 1001, 0, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6.1: not taken"),
        ROW(L, PA, 1001, 1, 1, 1000, PLAIN, PASS, WINDOW_PROBE, ESTAB, ESTAB,
            "9293 3.8.6.1: repeated"),
        ROW(L, PA, 1001, 1, 2, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "9293 3.8.6.1: one octet only"),
        ROW(R, A, 1, 1002, 0, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6.1: taken"),
        ROW(L, PA, 1002, 1, 1, 1000, PLAIN, PASS, WINDOW_PROBE, ESTAB, ESTAB,
            "9293 3.8.6.1: the next"),
        ROW(R, A, 1, 1002, 0, 500, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6: it opens"),
        ROW(L, PA, 1002, 1, 500, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6"),
    };

    RUN(rows);
}

/* A window that is zero does not keep an ACK, a FIN's acknowledgement or a RST out. */
Test(tcp_window, zero_window_takes_acks_and_rst)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 1, 1, 1000, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6"),
        ROW(R, PA, 1, 1001, 50, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.6"),
        ROW(L, A, 1001, 51, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: SEG.SEQ = RCV.NXT"),
        ROW(L, FA, 1001, 51, 0, 1000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W,
            "9293 3.4: the FIN as the probe's octet"),
        ROW(L, R, 1002, 0, 0, 0, PLAIN, PASS, NONE, CLOSED, CLOSED, "9293 3.4: MUST-66"),
    };

    RUN(rows);
}

Test(tcp_window, keep_alive_with_and_without_an_octet)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, A, 100, 1, 0, 1000, PLAIN, PASS, KEEP_ALIVE, ESTAB, ESTAB,
            "9293 3.8.4: SND.NXT - 1"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.4: the answer"),
        ROW(L, A, 100, 1, 1, 1000, PLAIN, PASS, KEEP_ALIVE, ESTAB, ESTAB,
            "9293 3.8.4: one garbage octet"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.4"),
        ROW(R, A, 0, 101, 0, 1000, PLAIN, PASS, KEEP_ALIVE, ESTAB, ESTAB,
            "9293 3.8.4: by the end that never sent"),
        ROW(L, A, 101, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.4"),
    };

    RUN(rows);
}

Test(tcp_window, partly_old_segment)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, PA, 51, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: trimmed by the receiver"),
        ROW(R, A, 1, 151, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.10.7.4: the new half counts"),
        ROW(L, PA, 1, 1, 150, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB,
            "9293 3.8.1: all old"),
    };

    RUN(rows);
}

Test(tcp_window, segments_out_of_order)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, PA, 101, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.4: the second first"),
        ROW(L, PA, 1, 1, 100, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB,
            "9293 3.4: the first fills the gap"),
        ROW(R, A, 1, 201, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

Test(tcp_window, urgent_data)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, UA, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.8.5: announced ahead of the data"),
        ROW(L, UPA, 1, 1, 1, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.5"),
        ROW(R, UA, 1, 2, 0, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.8.5"),
        ROW(L, UA, 2, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "9293 3.8.6.1: urgent toward a zero window"),
    };

    RUN(rows);
}

/* Receive offload makes one segment of many: longer than any MTU, and as good as they were. */
Test(tcp_window, offloaded_segment_of_60000_octets)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 64000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5"),
        ROW(R, SA, 0, 1, 0, 64000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5"),
        ROW(L, PA, 1, 1, 60000, 64000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, PA, 60001, 1, 60000, 64000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "van Rooij I"),
        ROW(R, A, 1, 60001, 0, 64000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
        ROW(L, FPA, 60001, 1, 60000, 64000, PLAIN, PASS, NONE, FIN_W1, CLOSE_W, "9293 3.10.7.4"),
        ROW(R, A, 1, 120002, 0, 64000, PLAIN, PASS, NONE, FIN_W2, CLOSE_W, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* Lost before the tap: what is missing is learnt from the numbers of what comes after it. */
Test(tcp_window, data_lost_before_the_tap)
{
    static const struct tcp_row rows[] = {
        SENT_100,
        ROW(L, PA, 501, 1, 100, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.4: a gap of 400"),
        ROW(R, A, 1, 101, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4: duplicate ACK"),
        ROW(L, PA, 101, 1, 400, 1000, PLAIN, PASS, RETRANSMISSION, ESTAB, ESTAB, "9293 3.8.1"),
        ROW(R, A, 1, 601, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.10.7.4"),
    };

    RUN(rows);
}

/* The SYN's own window is never scaled (RFC 7323 2.2): 60 octets, not 60 << 7. */
Test(tcp_window, window_of_a_syn_is_not_scaled)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 60, WS(7), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(R, SA, 0, 1, 0, 60, WS(7), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, PA, 1, 1, 62, 60, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, SYN_R,
            "7323 2.2: beyond R's SYN-ACK"),
        ROW(R, PA, 1, 1, 62, 60, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, SYN_R,
            "7323 2.2: beyond L's SYN"),
        ROW(R, PA, 1, 1, 60, 60, PLAIN, PASS, NONE, ESTAB, SYN_R,
            "7323 2.2: up to it; offers 60 << 7"),
        ROW(L, PA, 1, 61, 7682, 60, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, SYN_R, "7323 2.3"),
        ROW(L, PA, 1, 61, 7680, 60, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
    };

    RUN(rows);
}

Test(tcp_window, scaling_offered_by_both)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 100, WS(3), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(R, SA, 0, 1, 0, 100, WS(5), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, A, 1, 1, 0, 100, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3: 100 << 3"),
        ROW(R, PA, 1, 1, 802, 100, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.3"),
        ROW(R, PA, 1, 1, 800, 100, PLAIN, PASS, NONE, ESTAB, ESTAB,
            "7323 2.3: to L's edge; offers 100 << 5"),
        ROW(L, PA, 1, 801, 3202, 100, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.3"),
        ROW(L, PA, 1, 801, 3200, 100, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3: to R's edge"),
    };

    RUN(rows);
}

#define SHIFT_7(present) {present, 7, 0, 0, 0}

#define UNSCALED(orig, resp)                                                                       \
    ROW(L, S, 0, 0, 0, 100, SHIFT_7(orig), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),                  \
    ROW(R, SA, 0, 1, 0, 100, SHIFT_7(resp), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),                 \
    ROW(L, A, 1, 1, 0, 200, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 200, not scaled"),         \
    ROW(R, PA, 1, 1, 202, 300, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2"),                \
    ROW(R, PA, 1, 1, 200, 300, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: 300, not scaled"),      \
    ROW(L, PA, 1, 201, 302, 200, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2"),              \
    ROW(L, PA, 1, 201, 300, 200, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2")

Test(tcp_window, scaling_offered_by_one_or_none_is_not_used)
{
    static const struct tcp_row originator[] = {UNSCALED(WEIR_SEG_WS, 0)};
    static const struct tcp_row responder[] = {UNSCALED(0, WEIR_SEG_WS)};
    static const struct tcp_row none[] = {UNSCALED(0, 0)};

    RUN(originator);
    RUN(responder);
    RUN(none);
}

/* An offer of shift 0 is an offer: the peer's shift counts then. */
Test(tcp_window, scaling_by_zero_is_an_offer)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 100, WS(0), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(R, SA, 0, 1, 0, 100, WS(4), PASS, NONE, ESTAB, SYN_R, "7323 2.2"),
        ROW(L, A, 1, 1, 0, 100, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3: 100 << 0"),
        ROW(R, PA, 1, 1, 102, 100, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.3"),
        ROW(R, PA, 1, 1, 100, 100, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3: offers 100 << 4"),
        ROW(L, PA, 1, 101, 1602, 100, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.3"),
        ROW(L, PA, 1, 101, 1600, 100, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
    };

    RUN(rows);
}

/* The largest shift there is: 65535 << 14, a slack of 2^30 (RFC 7323 2.3). */
Test(tcp_window, scaling_by_14)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 100, WS(14), PASS, NONE, SYN_S, SYN_R, "7323 2.3"),
        ROW(R, SA, 0, 1, 0, 100, WS(14), PASS, NONE, ESTAB, SYN_R, "7323 2.3"),
        ROW(L, A, 1, 1, 0, 65535, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
        ROW(R, PA, (65535 << 14) - 99 + 2, 1, 100, 1, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB,
            "7323 2.3"),
        ROW(R, PA, (65535 << 14) - 99, 1, 100, 1, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3"),
        ROW(L, PA, 1, 1, 16384, 0, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.3: 1 << 14"),
    };

    RUN(rows);
}

/* The option on anything but a SYN means nothing (RFC 7323 2.1). */
Test(tcp_window, scale_option_counts_on_a_syn_only)
{
    static const struct tcp_row rows[] = {
        HANDSHAKE,
        ROW(L, A, 1, 1, 0, 100, WS(14), PASS, NONE, ESTAB, ESTAB, "7323 2.1"),
        ROW(R, PA, 1, 1, 1002, 1000, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.1"),
    };

    RUN(rows);
}

/* SYN repeated without options (an old habit after loss): the answer to it decides. */
Test(tcp_window, syn_repeated_without_the_scale_option)
{
    static const struct tcp_row rows[] = {
        ROW(L, S, 0, 0, 0, 100, WS(7), PASS, NONE, SYN_S, SYN_R, "7323 2.2"),
        ROW(L, S, 0, 0, 0, 100, PLAIN, PASS, RETRANSMISSION, SYN_S, SYN_R,
            "7323 2.2: options given up"),
        ROW(R, SA, 0, 1, 0, 100, PLAIN, PASS, NONE, ESTAB, SYN_R,
            "7323 2.2: none offered in return"),
        ROW(L, A, 1, 1, 0, 300, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2: not scaled"),
        ROW(R, PA, 1, 1, 302, 100, PLAIN, REFUSE, SEQ_ABOVE, ESTAB, ESTAB, "7323 2.2"),
        ROW(R, PA, 1, 1, 300, 100, PLAIN, PASS, NONE, ESTAB, ESTAB, "7323 2.2"),
    };

    RUN(rows);
}
/* clang-format on */
