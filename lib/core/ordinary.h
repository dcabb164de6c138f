/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ordinary segment: in order and within the windows, neither SYN nor RST, of a connection both
 * ends of which have been heard, with nothing about either that would need a second look. It may be
 * the last of the handshake, the first of its kind, a FIN or what acknowledges one: all that a
 * short connection sends but its SYNs. Its kind is a coin toss from packet to packet, so that it is
 * told and entered with as few branches as can be. Whatever is not recognised goes the full way
 * (tcp_track.c), which would do to an ordinary segment exactly the same (test_ordinary.c).
 *
 * Every plain segment (plain.h) is ordinary too; that way is shorter still.
 */
#ifndef WEIR_CORE_ORDINARY_H
#define WEIR_CORE_ORDINARY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plain.h"

/* What an ordinary segment does to its flow's states, and which letter it may add. */
struct weir_ordinary {
    uint32_t fin;    /* 1 if it has a FIN */
    uint32_t letter; /* WEIR_PEER_ACK or WEIR_PEER_DATA */
    struct weir_tcp_step step;
};

/* By what it tells: ACK, ACK_FIN, FIN, FIN_FIN stand in this order. */
static inline struct weir_ordinary weir_ordinary_tells(const struct weir_flow *flow,
                                                       unsigned int dir, uint32_t word_y,
                                                       uint32_t unacked,
                                                       const struct weir_segment *seg)
{
    uint32_t fin = seg->flags & WEIR_TCP_FIN;
    uint32_t acks_fin = (word_y / WEIR_PLAIN_FLAGS(WEIR_PEER_FIN)) & (unacked == 0);

    return (struct weir_ordinary){
        fin, WEIR_PEER_ACK << (seg->len != 0),
        weir_tcp_step(&weir_tcp_pairs, flow->pair, dir, WEIR_TCP_EV_ACK + acks_fin + 2 * fin)};
}

/* What makes a segment anything but ordinary, as far as it and both ends' flags tell. */
static inline uint32_t weir_ordinary_odd(uint32_t word_x, uint32_t word_y, uint32_t length,
                                         const struct weir_segment *seg)
{
    const uint32_t kind =
        WEIR_PLAIN_SEGMENT(WEIR_TCP_SYN | WEIR_TCP_RST | WEIR_TCP_ACK, WEIR_SEG_CUT);
    const uint32_t known = WEIR_PLAIN_FLAGS(WEIR_PEER_SEEN | WEIR_PEER_UNSURE | WEIR_PEER_CHALL);
    const uint32_t seen = WEIR_PLAIN_FLAGS(WEIR_PEER_SEEN);
    uint32_t closed = -(word_x / WEIR_PLAIN_FLAGS(WEIR_PEER_FIN) & 1); /* all ones if x has */

    return ((weir_plain_segment_word(seg) & kind) ^ WEIR_PLAIN_SEGMENT(WEIR_TCP_ACK, 0)) |
           ((word_x & known) ^ seen) | ((word_y & known) ^ seen) | (closed & length);
}

/*
 * Track a segment if it is ordinary, all but clock and tally; false, and nothing changed, if not.
 * letters gets whether it is the first of its kind from its sender, so that the history may grow.
 */
static inline bool weir_ordinary_segment(struct weir_flow *flow, unsigned int dir,
                                         const struct weir_segment *seg, bool *letters)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[1 - (int)dir];
    uint32_t word_x = weir_plain_peer_word(x);
    uint32_t word_y = weir_plain_peer_word(y);
    uint32_t win = flow->win[dir];
    uint32_t scale = win & 0xfU;
    uint32_t slack = 1U << (WEIR_SLACK_SHIFT + (win >> 4));
    uint32_t offered = (uint32_t)seg->win << (scale < WEIR_WSCALE_MAX ? scale : WEIR_WSCALE_MAX);
    uint32_t edge = seg->ack + offered;
    uint32_t unacked = y->end - seg->ack;
    struct weir_ordinary tells = weir_ordinary_tells(flow, dir, word_y, unacked, seg);
    uint32_t end = seg->seq + seg->len + tells.fin;
    uint32_t behind = (y->edge - end) |   /* I */
                      unacked |           /* III */
                      (slack - unacked) | /* IV */
                      (seg->ack - x->ack) | (slack - offered);
    uint32_t told = WEIR_PLAIN_FLAGS(tells.letter | tells.fin * WEIR_PEER_FIN);

    if (weir_ordinary_odd(word_x, word_y, end - seg->seq, seg) | (seg->seq ^ x->end) |
        (behind & WEIR_PLAIN_BEHIND) | (tells.step.action ^ WEIR_TCP_ACT_PASS) |
        (flow->pair == WEIR_PAIR_DEAD))
        return false;
    if ((seg->opts & WEIR_SEG_TS) && !weir_plain_stamps(x, y, seg))
        return false;
    *letters = (told & ~word_x) != 0;
    flow->pair = tells.step.next;
    x->end = end;
    x->ack = seg->ack;
    x->edge = weir_seq_after(edge, x->edge) ? edge : x->edge;
    word_x |= told;
    memcpy((uint8_t *)x + WEIR_PLAIN_TALLY, &word_x, sizeof(word_x));
    return true;
}

/*
 * The answer to a SYN that nothing but itself is known of: what is said of weir_ordinary_segment
 * holds. See weir_plain_syn for what the record has until then.
 */
static inline bool weir_ordinary_syn_ack(struct weir_flow *flow, unsigned int dir,
                                         const struct weir_segment *seg, bool *letters)
{
    const uint32_t known = WEIR_PLAIN_FLAGS((uint8_t)~WEIR_PEER_EXTRA);
    const uint32_t kind =
        WEIR_PLAIN_SEGMENT(WEIR_TCP_SYN | WEIR_TCP_RST | WEIR_TCP_FIN | WEIR_TCP_ACK, WEIR_SEG_CUT);
    struct weir_peer *x = &flow->peer[WEIR_RESP];
    struct weir_peer *y = &flow->peer[WEIR_ORIG];
    struct weir_tcp_step step =
        weir_tcp_step(&weir_tcp_pairs, flow->pair, WEIR_RESP, WEIR_TCP_EV_SYN_ACK);
    unsigned int offered = (seg->opts & WEIR_SEG_WS) ? seg->wscale : WEIR_WSCALE_UNKNOWN;

    if (((weir_plain_segment_word(seg) & kind) ^
         WEIR_PLAIN_SEGMENT(WEIR_TCP_SYN | WEIR_TCP_ACK, 0)) |
        (weir_plain_peer_word(x) & known) |
        ((weir_plain_peer_word(y) & known) ^ WEIR_PLAIN_FLAGS(WEIR_PEER_SEEN)) | x->ts | x->edge |
        (seg->ack ^ y->end) | (dir ^ WEIR_RESP) |
        (flow->pair ^
         weir_tcp_step(&weir_tcp_pairs, WEIR_PAIR_NEW, WEIR_ORIG, WEIR_TCP_EV_SYN).next))
        return false;
    *letters = true;
    flow->pair = step.next;
    if (offered == WEIR_WSCALE_UNKNOWN || (flow->win[WEIR_ORIG] & 0xfU) == WEIR_WSCALE_UNKNOWN) {
        offered = 0;
        flow->win[WEIR_ORIG] &= 0xf0U;
    }
    flow->win[WEIR_RESP] = (uint8_t)((flow->win[WEIR_RESP] & 0xf0U) | offered);
    x->end = weir_segment_end(seg);
    x->ack = seg->ack;
    x->edge = seg->ack + seg->win;
    y->ack = seg->seq + 1;
    y->edge += seg->seq + 1;
    x->flags |= WEIR_PEER_SEEN;
    if ((seg->opts & WEIR_SEG_TS) && seg->tsecr != 0) {
        y->ts = seg->tsecr;
        y->flags |= WEIR_PEER_TS;
    }
    return true;
}

#endif
