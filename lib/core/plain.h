/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain segment: data or an acknowledgement in order on an established connection, of which
 * both ends are known, with nothing about it that would need a reason. Nearly every segment is one.
 * It is recognised by one comparison of many conditions, and entered in the record without a branch
 * on what is a coin toss from packet to packet. Whatever is not recognised goes the full way
 * (tcp_track.c), which would do to a plain segment exactly the same: test_plain.c holds both
 * against each other.
 *
 * plain_wide.h does the same with vectors, where the processor has them.
 */
#ifndef WEIR_CORE_PLAIN_H
#define WEIR_CORE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/account.h"
#include "core/packet.h"
#include "core/tcp_state.h"
#include "core/tcp_window.h"

/* What stands before the key, from last_low on, as one word: clock, pair, both windows. */
#define WEIR_PLAIN_CLOCK_BITS 40U

#define WEIR_PLAIN_BEHIND 0x80000000U

/*
 * Where a packet leaves the short way. Said to be rarer than __builtin_expect does, which reckons
 * with one time in ten: GCC then gives the registers to those that stay on it.
 */
#define WEIR_PLAIN_UNLESS(condition) __builtin_expect_with_probability((condition) != 0, 0, 0.999)

/* Where in a peer the word of tally and flags is. */
#define WEIR_PLAIN_TALLY (offsetof(struct weir_peer, ts) + sizeof(uint32_t))

static_assert(sizeof(struct weir_peer) == WEIR_PLAIN_TALLY + 4, "tally and flags are one word");
static_assert(WEIR_PEER_DATA == WEIR_PEER_ACK << 1, "a letter is a shift");
static_assert(offsetof(struct weir_segment, flags) == offsetof(struct weir_segment, win) + 2 &&
                  offsetof(struct weir_segment, opts) == offsetof(struct weir_segment, win) + 3,
              "window, flags and options are one word");

static_assert(offsetof(struct weir_flow, key) - offsetof(struct weir_flow, last_low) == 8,
              "clock, pair and windows are one word");

static inline uint64_t weir_plain_word(const struct weir_flow *flow)
{
    uint64_t word;

    memcpy(&word, &flow->last_low, sizeof(word));
    return word;
}

/*
 * An end's tally and flags, flags uppermost; a segment's window, flags and options. As words, so
 * that many conditions are one comparison, and so that no octet is stored and loaded again as part
 * of something longer, which a processor does not forward.
 */
static inline uint32_t weir_plain_peer_word(const struct weir_peer *peer)
{
    uint32_t word;

    memcpy(&word, (const uint8_t *)peer + WEIR_PLAIN_TALLY, sizeof(word));
    return word;
}

static inline uint32_t weir_plain_segment_word(const struct weir_segment *seg)
{
    uint32_t word;

    memcpy(&word, &seg->win, sizeof(word));
    return word;
}

#define WEIR_PLAIN_FLAGS(flags)         ((uint32_t)(flags) << 24)
#define WEIR_PLAIN_SEGMENT(flags, opts) ((uint32_t)(flags) << 16 | (uint32_t)(opts) << 24)

/*
 * Does what a segment says of itself make it anything but plain? SACK blocks do not: they only
 * widen a bound that is not reached (inequality IV).
 */
static inline uint32_t weir_plain_odd_segment(const struct weir_segment *seg)
{
    const uint32_t kind =
        WEIR_PLAIN_SEGMENT(WEIR_TCP_SYN | WEIR_TCP_RST | WEIR_TCP_FIN | WEIR_TCP_ACK, WEIR_SEG_CUT);
    const uint32_t plain = WEIR_PLAIN_SEGMENT(WEIR_TCP_ACK, 0);

    return (weir_plain_segment_word(seg) & kind) ^ plain;
}

/*
 * What makes a segment anything but plain, as far as both ends tell; 0 when nothing does. Written
 * without branches: each condition is nearly always false, but there are many of them. What must
 * not lie behind something else gives a difference whose uppermost bit says so; a difference of
 * just half the number space counts as behind, whichever way it is taken.
 */
static inline uint32_t weir_plain_oddities(const struct weir_peer *x, const struct weir_peer *y,
                                           const struct weir_segment *seg, uint32_t slack,
                                           uint32_t offered)
{
    const uint32_t seen = WEIR_PLAIN_FLAGS(WEIR_PEER_SEEN);
    const uint32_t closing = WEIR_PLAIN_FLAGS(WEIR_PEER_FIN | WEIR_PEER_UNSURE);
    const uint32_t chall = WEIR_PLAIN_FLAGS(WEIR_PEER_CHALL);
    uint32_t letter = WEIR_PLAIN_FLAGS(WEIR_PEER_ACK) << (seg->len != 0); /* or WEIR_PEER_DATA */
    uint32_t word_x = weir_plain_peer_word(x);
    uint32_t word_y = weir_plain_peer_word(y);
    uint32_t unacked = y->end - seg->ack;
    uint32_t behind = (y->edge - (seg->seq + seg->len)) | /* I */
                      unacked |                           /* III */
                      (slack - unacked) |                 /* IV */
                      (seg->ack - x->ack) | (slack - offered);

    return weir_plain_odd_segment(seg) | (~word_x & (seen | letter)) |
           (word_x & (closing | chall)) | ((word_y & (seen | closing)) ^ seen) |
           (seg->seq ^ x->end) | /* in order: II, and data brings something new */
           (behind & WEIR_PLAIN_BEHIND);
}

/* Time stamps: false if an old one makes the segment stale (RFC 7323 5.3), else noted. */
static inline bool weir_plain_stamps(struct weir_peer *x, struct weir_peer *y,
                                     const struct weir_segment *seg)
{
    if ((x->flags & WEIR_PEER_TS) && weir_seq_after(x->ts, seg->tsval))
        return false;
    if (seg->tsecr != 0 && (!(y->flags & WEIR_PEER_TS) || weir_seq_after(seg->tsecr, y->ts))) {
        y->ts = seg->tsecr;
        y->flags |= WEIR_PEER_TS;
    }
    return true;
}

/* Track a segment if it is plain, all but clock and tally; false, and nothing changed, if not. */
static inline bool weir_plain_segment(struct weir_flow *flow, unsigned int dir,
                                      const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[1 - (int)dir];
    uint32_t win = flow->win[dir];
    uint32_t scale = win & 0xfU;
    uint32_t slack = 1U << (WEIR_SLACK_SHIFT + (win >> 4));
    uint32_t offered = (uint32_t)seg->win << (scale < WEIR_WSCALE_MAX ? scale : WEIR_WSCALE_MAX);
    uint32_t edge = seg->ack + offered;

    if (WEIR_PLAIN_UNLESS(weir_plain_oddities(x, y, seg, slack, offered)))
        return false;
    if ((seg->opts & WEIR_SEG_TS) && WEIR_PLAIN_UNLESS(!weir_plain_stamps(x, y, seg)))
        return false;
    x->end = seg->seq + seg->len;
    x->ack = seg->ack;
    x->edge = weir_seq_after(edge, x->edge) ? edge : x->edge;
    return true;
}

/*
 * Track, time and count a packet of the flow if it is plain and the flow's last packet is at most
 * patience_us old and not younger than this one. False, and nothing changed, if not.
 */
static inline bool weir_plain_track(struct weir_flow *flow, struct weir_flow_cold *cold,
                                    struct weir_annex *annex, unsigned int dir,
                                    const struct weir_packet *packet, uint64_t time_us,
                                    uint64_t patience_us)
{
    const unsigned int above = 64 - WEIR_PLAIN_CLOCK_BITS;
    uint64_t word = weir_plain_word(flow);

    if (WEIR_PLAIN_UNLESS(((time_us - word) << above > patience_us << above) |
                          (flow->pair != WEIR_PAIR_MID)))
        return false;
    if (!weir_plain_segment(flow, dir, &packet->seg))
        return false;
    word ^= (word ^ time_us) << above >> above;
    memcpy(&flow->last_low, &word, sizeof(word));
    weir_account_packet(flow, cold, annex, dir, packet->ip_len);
    return true;
}

/* A SYN and nothing else, in one piece. */
static inline bool weir_plain_is_syn(const struct weir_segment *seg)
{
    const uint32_t kind =
        WEIR_PLAIN_SEGMENT(WEIR_TCP_SYN | WEIR_TCP_RST | WEIR_TCP_FIN | WEIR_TCP_ACK, WEIR_SEG_CUT);

    return (weir_plain_segment_word(seg) & kind) == WEIR_PLAIN_SEGMENT(WEIR_TCP_SYN, 0);
}

/*
 * The SYN that begins a record which is zeroed but for its key: what weir_tcp_begin and
 * weir_tcp_track would make of it. As long as the other end is unheard, ack holds the initial
 * number and edge the window.
 */
static inline void weir_plain_syn(struct weir_flow *flow, const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[WEIR_ORIG];

    flow->pair = weir_tcp_step(&weir_tcp_pairs, WEIR_PAIR_NEW, WEIR_ORIG, WEIR_TCP_EV_SYN).next;
    x->end = weir_segment_end(seg);
    x->ack = seg->seq;
    x->edge = seg->win;
    x->flags |= WEIR_PEER_SEEN;
    flow->win[WEIR_ORIG] = (uint8_t)((seg->opts & WEIR_SEG_WS) ? seg->wscale : WEIR_WSCALE_UNKNOWN);
}

#endif
