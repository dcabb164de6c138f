/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How records begin: with a SYN, with its answer, mid-stream, with a RST; and how the record of a
 * connection that is over begins once more (RFC 9293 3.6.1).
 */
#include <string.h>

#include "core/tcp_finding.h"
#include "core/tcp_track.h"
#include "core/tcp_window.h"

struct weir_birth weir_tcp_birth(const struct weir_segment *seg, enum weir_midstream midstream)
{
    unsigned int kind = seg->flags & (WEIR_TCP_SYN | WEIR_TCP_ACK | WEIR_TCP_RST);

    if (kind == WEIR_TCP_SYN)
        return (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_NEW, WEIR_ORIG};
    if (midstream == WEIR_MIDSTREAM_STRICT)
        return (struct weir_birth){WEIR_REASON_NOT_SYN, 0, WEIR_ORIG};
    if (kind & WEIR_TCP_RST)
        return (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_DEAD, WEIR_ORIG};
    if (kind & WEIR_TCP_SYN)
        return (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_HALF, WEIR_RESP};
    return (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_MID, WEIR_ORIG};
}

/* Adopted on the word of its first segment: what x sends and acknowledges is all that is known. */
static void begin_midstream(struct weir_flow *flow, unsigned int dir,
                            const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    x->end = seg->seq;
    x->ack = seg->ack;
    x->edge = seg->ack;
    y->end = seg->ack;
    y->ack = seg->seq;
    y->edge = seg->seq + WEIR_WINDOW_MAX;
    x->flags |= WEIR_PEER_UNSURE;
    y->flags |= WEIR_PEER_UNSURE;
    for (unsigned int i = 0; i < 2; i++)
        flow->win[i] = (WEIR_WSCALE_MAX << 4) | WEIR_WSCALE_UNKNOWN;
}

void weir_tcp_begin(struct weir_flow *flow, struct weir_birth birth, const struct weir_segment *seg)
{
    struct weir_peer *orig = &flow->peer[WEIR_ORIG];

    flow->pair = birth.seed;
    if (birth.seed == WEIR_PAIR_MID)
        begin_midstream(flow, birth.dir, seg);
    if (birth.seed == WEIR_PAIR_HALF) { /* the SYN that this answers, as far as it can be known */
        orig->end = seg->ack;
        orig->ack = seg->ack - 1;
        orig->edge = UINT16_MAX;
        orig->flags |= WEIR_PEER_SEEN | WEIR_PEER_UNSURE;
        flow->win[WEIR_ORIG] = (WEIR_WSCALE_MAX << 4) | WEIR_WSCALE_UNKNOWN;
    }
}

/* Clear what is known of both ends. The originator becomes end opener. */
static void forget_peers(struct weir_flow *flow, unsigned int opener)
{
    uint8_t extra[2] = {flow->peer[WEIR_ORIG].flags & WEIR_PEER_EXTRA,
                        flow->peer[WEIR_RESP].flags & WEIR_PEER_EXTRA};

    memset(flow->peer, 0, sizeof(flow->peer));
    memset(flow->win, 0, sizeof(flow->win));
    flow->peer[WEIR_ORIG].flags = (uint8_t)(extra[WEIR_ORIG] | WEIR_PEER_CHALL);
    flow->peer[WEIR_RESP].flags =
        (uint8_t)((extra[WEIR_RESP] ^ (opener ? WEIR_PEER_EXTRA : 0)) | WEIR_PEER_CHALL);
}

void weir_tcp_reopen(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg)
{
    bool unanswered = !(flow->peer[!dir].flags & WEIR_PEER_SEEN) && !weir_flow_over(flow);
    /* It may be the old one come late, or one that has passed before as a challenge: see below. */
    bool known = (flow->peer[dir].flags & (WEIR_PEER_SEEN | WEIR_PEER_UNSURE)) == WEIR_PEER_SEEN;
    bool late = !unanswered && ((known && flow->peer[dir].end - 1 - seg->seq <= WEIR_SYN_REACH) ||
                                (flow->peer[!dir].flags & WEIR_PEER_CHALL));
    uint32_t earlier = unanswered ? flow->peer[dir].end : weir_segment_end(seg);
    unsigned int scale = unanswered ? weir_window_scale(flow, dir) : WEIR_WSCALE_UNKNOWN;

    if (seg->flags & WEIR_TCP_ACK) {
        scale = weir_tcp_remembered_scale(&flow->peer[dir], seg);
        forget_peers(flow, !dir);
        weir_tcp_begin(flow, (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_HALF, WEIR_RESP}, seg);
        if (scale != WEIR_WSCALE_UNKNOWN)
            flow->win[WEIR_ORIG] = (uint8_t)scale;
        return;
    }
    forget_peers(flow, dir);
    weir_tcp_begin(flow, (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_NEW, WEIR_ORIG}, seg);
    if (unanswered || late) {
        flow->peer[WEIR_RESP].end = earlier;
        flow->peer[WEIR_RESP].flags |= WEIR_PEER_UNSURE;
        /* The earlier one's scale, in a place that is free until the responder has spoken. */
        weir_window_set_scale(flow, WEIR_RESP, scale);
    }
}
