/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet tables: a connection written down as rows, each a segment and all that must come of it.
 *
 * L and R are the two ends; numbers are relative to their initial sequence numbers, so that a SYN
 * has 0 and the first octet 1. Time stamps are relative too. A table runs once plainly, and then
 * again with its numbers shifted so that each one that occurs in it falls on 0 and on 2^31:
 * whatever a row shows is thereby shown at every wrap of the sequence space as well. Each run is
 * made twice, with either end as the lower one of the key.
 *
 * What holds for every row is checked for every row: a refused segment leaves the record as it was
 * to the last octet; one that is no evidence leaves states and windows; the action agrees with the
 * class of the reason; and, wherever the windows of both ends are known, segments far outside of
 * them, of every kind and in both directions, move nothing.
 */
#ifndef WEIR_TESTS_TCP_TABLE_H
#define WEIR_TESTS_TCP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/tcp_track.h"

enum tcp_side { L, R };

/* Short names of states, so that a row fits its line. */
enum tcp_short {
    CLOSED = WEIR_TCP_CLOSED,
    LISTEN = WEIR_TCP_LISTEN,
    SYN_S = WEIR_TCP_SYN_SENT,
    SYN_R = WEIR_TCP_SYN_RECEIVED,
    ESTAB = WEIR_TCP_ESTABLISHED,
    FIN_W1 = WEIR_TCP_FIN_WAIT_1,
    FIN_W2 = WEIR_TCP_FIN_WAIT_2,
    CLOSE_W = WEIR_TCP_CLOSE_WAIT,
    CLOSING = WEIR_TCP_CLOSING,
    LAST_A = WEIR_TCP_LAST_ACK,
    TIME_W = WEIR_TCP_TIME_WAIT,
    NOFLOW = WEIR_TCP_STATES, /* no record before or after this row */
};

struct tcp_options {
    uint8_t present; /* WEIR_SEG_*, and TCP_TSECR_ZERO */
    uint8_t wscale;
    uint32_t tsval; /* relative to the sender's clock */
    uint32_t tsecr; /* relative to the receiver's clock */
    uint32_t sack;  /* highest right edge, relative as an acknowledgement */
};

#define TCP_TSECR_ZERO 0x80U

/* clang-format off */
#define PLAIN        {0, 0, 0, 0, 0}
#define WS(shift)    {WEIR_SEG_WS, shift, 0, 0, 0}
#define TS(val, ecr) {WEIR_SEG_TS, 0, val, ecr, 0}
#define TS0(val)     {WEIR_SEG_TS | TCP_TSECR_ZERO, 0, val, 0, 0}
#define SACK(high)   {WEIR_SEG_SACK, 0, 0, 0, high}
/* clang-format on */

struct tcp_row {
    enum tcp_side from;
    const char *flags; /* letters of S A F R P U */
    uint32_t seq;
    uint32_t ack; /* without A it is sent as zero */
    uint32_t len;
    uint16_t win;
    struct tcp_options opt;
    enum weir_tcp_action action;
    enum weir_reason reason;
    unsigned int left, right; /* both states afterwards */
    const char *why;
    int line;
};

/*
 * A row: sender, flags, seq, ack, payload, window, options; action, reason, state of L, state of R;
 * the RFC and its section that say so.
 */
/* clang-format off */
#define ROW(from, flags, seq, ack, len, win, opt, action, reason, left, right, why)                \
    {from, #flags, (uint32_t)(seq), (uint32_t)(ack), len, win, opt,                                \
     WEIR_TCP_ACT_##action, WEIR_REASON_##reason, left, right, why, __LINE__}
/* clang-format on */

/* Three-way handshake without options, both windows 1000, no data (RFC 9293 3.5 figure 6). */
#define HANDSHAKE                                                                                  \
    ROW(L, S, 0, 0, 0, 1000, PLAIN, PASS, NONE, SYN_S, SYN_R, "9293 3.5 figure 6 line 2"),         \
        ROW(R, SA, 0, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, SYN_R, "9293 3.5 figure 6 line 3"),    \
        ROW(L, A, 1, 1, 0, 1000, PLAIN, PASS, NONE, ESTAB, ESTAB, "9293 3.5 figure 6 line 4")

void tcp_table_run(const struct tcp_row *rows, size_t count, enum weir_midstream midstream);

#define RUN(rows) tcp_table_run(rows, sizeof(rows) / sizeof((rows)[0]), WEIR_MIDSTREAM_LOOSE)
#define RUN_MODE(rows, mode)                                                                       \
    tcp_table_run(rows, sizeof(rows) / sizeof((rows)[0]), WEIR_MIDSTREAM_##mode)

#endif
