/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The windows of a connection, as a middlebox must see them.
 *
 * Source: G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001. For a segment from
 * end x to end y the four inequalities are
 *
 *     I    seq + len  <=  highest right edge that y has offered (and one octet as a probe)
 *     II   seq + len  >=  highest octet sent by x, less the largest window y has offered
 *     III  ack        <=  highest octet sent by y
 *     IV   ack        >=  highest octet sent by y, less the largest window x has offered
 *
 * with the windows scaled (RFC 7323 2.2; never on a SYN), and the highest SACK block standing in
 * for the acknowledgement in IV (RFC 2018). The lower bounds use twice the largest window rounded
 * up to a power of two, at least 64 KiB: they only tell old from absurd, what is merely old moves
 * nothing anyway.
 */
#ifndef WEIR_CORE_TCP_WINDOW_H
#define WEIR_CORE_TCP_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/flow.h"
#include "core/reason.h"
#include "core/segment.h"

#define WEIR_SLACK_SHIFT 16U        /* smallest lower-bound slack: 64 KiB */
#define WEIR_WINDOW_MAX  (1U << 30) /* largest window there can be (RFC 7323 2.3) */
#define WEIR_WSCALE_MAX  14U

/* Sequence comparison modulo 2^32 (RFC 9293 3.4): a after b, a at or after b. */
static inline bool weir_seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static inline bool weir_seq_reaches(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

/* One beyond the last sequence number of the segment; SYN and FIN take one each (RFC 9293 3.4). */
static inline uint32_t weir_segment_end(const struct weir_segment *seg)
{
    return seg->seq + seg->len + (seg->flags & WEIR_TCP_FIN) + ((seg->flags & WEIR_TCP_SYN) >> 1);
}

static inline unsigned int weir_window_scale(const struct weir_flow *flow, unsigned int dir)
{
    return flow->win[dir] & 0xfU;
}

static inline void weir_window_set_scale(struct weir_flow *flow, unsigned int dir,
                                         unsigned int scale)
{
    flow->win[dir] = (uint8_t)((flow->win[dir] & 0xf0U) | scale);
}

/* The window a segment offers, in octets. An unknown scale counts as the largest. */
static inline uint32_t weir_window_offered(const struct weir_flow *flow, unsigned int dir,
                                           const struct weir_segment *seg)
{
    unsigned int scale = weir_window_scale(flow, dir);

    scale = scale > WEIR_WSCALE_MAX ? WEIR_WSCALE_MAX : scale;
    return (uint32_t)seg->win << ((seg->flags & WEIR_TCP_SYN) ? 0 : scale);
}

/* Largest window that end dir has offered, rounded up: the slack of the lower bounds. */
static inline uint32_t weir_window_slack(const struct weir_flow *flow, unsigned int dir)
{
    return 1U << (WEIR_SLACK_SHIFT + (flow->win[dir] >> 4));
}

static inline void weir_window_widen(struct weir_flow *flow, unsigned int dir, uint32_t offered)
{
    while (__builtin_expect(offered > weir_window_slack(flow, dir), 0))
        flow->win[dir] = (uint8_t)(flow->win[dir] + 0x10U);
}

/*
 * How far below what the other end has sent a late ACK of end dir may lie: the other end takes
 * those down to its largest window below what has been acknowledged (RFC 5961 5.2), and its end is
 * at most a window above that. A copy of what end dir was sent lies as far below at most, where the
 * window was as good as unused when it was made, and it comes behind the window after it.
 */
static inline uint32_t weir_window_late(const struct weir_flow *flow, unsigned int dir)
{
    uint32_t slack = weir_window_slack(flow, dir);

    return slack < 1U << 30 ? 2 * slack : slack;
}

/* x's segment ends where y takes nothing any more: a copy come late, if it is within II. */
static inline bool weir_window_stale(const struct weir_flow *flow, unsigned int dir, uint32_t end)
{
    return !weir_seq_reaches(end, flow->peer[dir].end - weir_window_slack(flow, !dir));
}

/* The four inequalities for a segment that carries an ACK, both ends known; NONE if all hold. */
static inline enum weir_reason weir_window_check(const struct weir_flow *flow, unsigned int dir,
                                                 const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    uint32_t end = weir_segment_end(seg);
    uint32_t newest_ack = seg->ack;
    /* One octet of probe beyond the edge, and a FIN behind it: an empty segment stands after both.
     */
    uint32_t beyond = seg->len ? seg->flags & WEIR_TCP_FIN : 1;

    if ((seg->opts & WEIR_SEG_SACK) && weir_seq_after(seg->sack_high, seg->ack) &&
        weir_seq_reaches(y->end, seg->sack_high))
        newest_ack = seg->sack_high;
    if (weir_seq_after(end - beyond, y->edge + 1))
        return WEIR_REASON_SEQ_ABOVE;
    if (!weir_seq_reaches(end, x->end - weir_window_late(flow, !dir)))
        return WEIR_REASON_SEQ_BELOW;
    if (weir_seq_after(seg->ack, y->end))
        return WEIR_REASON_ACK_ABOVE;
    if (!weir_seq_reaches(newest_ack, y->end - weir_window_late(flow, dir)))
        return WEIR_REASON_ACK_BELOW;
    return WEIR_REASON_NONE;
}

#endif
