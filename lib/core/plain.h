/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plain segment: data or an acknowledgement in order on an established connection, of which
 * both ends are known, with nothing about it that would need a reason. Nearly every segment is one.
 * It is recognised by one comparison of many conditions, and entered in the record without a branch
 * on what is a coin toss from packet to packet. Whatever is not recognised goes the full way
 * (tcp_track.c), which would do to a plain segment exactly the same: test_plain.c holds both
 * against each other.
 *
 * Measured on one core: 48 ns a packet the full way, 24 this way, everything in cache.
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

static_assert(offsetof(struct weir_flow, key) - offsetof(struct weir_flow, last_low) == 8,
              "clock, pair and windows are one word");

static inline uint64_t weir_plain_word(const struct weir_flow *flow)
{
    uint64_t word;

    memcpy(&word, &flow->last_low, sizeof(word));
    return word;
}

/*
 * What makes a segment anything but plain, as far as both ends tell; 0 when nothing does. Written
 * without branches: each condition is nearly always false, but there are many of them. What must
 * not lie behind something else gives a difference whose uppermost bit says so; a difference of
 * just half the number space counts as behind, whichever way it is taken.
 */
static inline uint32_t weir_plain_oddities(const struct weir_flow *flow, unsigned int dir,
                                           const struct weir_segment *seg, uint32_t offered)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    const unsigned int kind = WEIR_TCP_SYN | WEIR_TCP_RST | WEIR_TCP_FIN | WEIR_TCP_ACK;
    const unsigned int closing = WEIR_PEER_FIN | WEIR_PEER_UNSURE;
    unsigned int letter = seg->len ? WEIR_PEER_DATA : WEIR_PEER_ACK;
    uint32_t slack = weir_window_slack(flow, dir);
    uint32_t behind = (y->edge - (seg->seq + seg->len)) | /* I */
                      (y->end - seg->ack) |               /* III */
                      (seg->ack - (y->end - slack)) |     /* IV */
                      (seg->ack - x->ack) | (slack - offered);

    return ((seg->flags & kind) ^ WEIR_TCP_ACK) | (seg->opts & (WEIR_SEG_SACK | WEIR_SEG_CUT)) |
           ((x->flags & (WEIR_PEER_SEEN | letter | closing | WEIR_PEER_CHALL)) ^
            (WEIR_PEER_SEEN | letter)) |
           ((y->flags & (WEIR_PEER_SEEN | closing)) ^ WEIR_PEER_SEEN) |
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
    unsigned int scale = weir_window_scale(flow, dir);
    uint32_t offered = (uint32_t)seg->win << (scale < WEIR_WSCALE_MAX ? scale : WEIR_WSCALE_MAX);
    uint32_t edge = seg->ack + offered;

    if (__builtin_expect(weir_plain_oddities(flow, dir, seg, offered), 0))
        return false;
    if ((seg->opts & WEIR_SEG_TS) && !weir_plain_stamps(x, &flow->peer[!dir], seg))
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
    const uint64_t clock = ((uint64_t)1 << WEIR_PLAIN_CLOCK_BITS) - 1;
    uint64_t word = weir_plain_word(flow);
    uint64_t age = (time_us - word) & clock;

    if (__builtin_expect(
            (age > patience_us) | ((word >> WEIR_PLAIN_CLOCK_BITS & 0xff) != WEIR_PAIR_MID), 0))
        return false;
    if (!weir_plain_segment(flow, dir, &packet->seg))
        return false;
    word = (word & ~clock) | (time_us & clock);
    memcpy(&flow->last_low, &word, sizeof(word));
    weir_account_packet(flow, cold, annex, dir, packet->ip_len);
    return true;
}

#endif
