/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN and SYN-ACK: the first of a connection, repeated, crossing, of another attempt, of a
 * connection before (RFC 9293 3.5, 3.6.1, 3.10.7.2 to 3.10.7.4; RFC 5961 4, RFC 6191); and what
 * they tell of windows and scales.
 */
#include "core/tcp_finding.h"
#include "core/tcp_track.h"
#include "core/tcp_window.h"

/* How far below the end a SYN is rather the old one come late than one with a random number. */
#define SYN_NEAR 0xfffU

/* Would an endpoint in TIME-WAIT take this SYN (RFC 9293 3.6.1 by sequence, RFC 6191 2 by time)? */
static bool time_wait_takes(const struct weir_peer *x, const struct weir_segment *seg)
{
    if ((seg->opts & WEIR_SEG_TS) && (x->flags & WEIR_PEER_TS) && weir_seq_after(seg->tsval, x->ts))
        return true;
    return weir_seq_reaches(seg->seq, x->end);
}

/*
 * Is this the SYN of the connection that is over, come late? Its number lies just below the end, if
 * little was sent. Whoever reuses the pair begins beyond it (RFC 6528 3), or anywhere at random.
 */
static bool syn_of_old(const struct weir_peer *x, const struct weir_segment *seg)
{
    return (x->flags & (WEIR_PEER_SEEN | WEIR_PEER_UNSURE)) == WEIR_PEER_SEEN &&
           x->end - 1 - seg->seq <= SYN_NEAR;
}

/* What a SYN offers; WEIR_WSCALE_UNKNOWN: nothing. */
static unsigned int scale_offered(const struct weir_segment *seg)
{
    return (seg->opts & WEIR_SEG_WS) ? seg->wscale : WEIR_WSCALE_UNKNOWN;
}

/*
 * Whether a SYN counted that changed nothing when it passed, its receiver's answer will tell: a
 * SYN-ACK of it opens the connection. Until then it stands where y's time stamp stood, of which a
 * connection that is over or not yet open has no need: 28 bits of its number, mixed (D. E. Knuth,
 * The Art of Computer Programming, 6.4), since numbers nearby are the likely ones, and the scale it
 * offered. 0 means none.
 */
#define SYN_MIX        0x9e3779b1U
#define SYN_SCALE_MASK 0xfU

static void syn_remember(struct weir_peer *y, uint32_t seq, unsigned int scale)
{
    y->flags &= (uint8_t)~WEIR_PEER_TS;
    y->ts = ((seq * SYN_MIX) & ~SYN_SCALE_MASK) | scale;
}

/* Is it the SYN with this number that is remembered of the other end of x? */
static bool syn_is_remembered(const struct weir_peer *x, uint32_t seq)
{
    return !(x->flags & WEIR_PEER_TS) && x->ts != 0 &&
           ((x->ts ^ seq * SYN_MIX) & ~SYN_SCALE_MASK) == 0;
}

/* Is this SYN or SYN-ACK the one x has already sent? It may come without the text it had before. */
static bool syn_repeated(const struct weir_peer *x, const struct weir_peer *y,
                         const struct weir_segment *seg)
{
    /* As long as x has sent nothing but its SYN, its first number is known: see commit_first_syn.
     */
    uint32_t first = (y->flags & WEIR_PEER_SEEN) ? y->ack - 1 : x->ack;
    uint32_t end = weir_segment_end(seg);

    return end == x->end || (seg->seq == first && !weir_seq_after(end, x->end));
}

/* Could it be the SYN-ACK of an end that has sent more since? */
static bool syn_overtaken(const struct weir_peer *x, const struct weir_segment *seg)
{
    return x->end - 1 - seg->seq <= WEIR_SYN_REACH &&
           !weir_seq_after(weir_segment_end(seg), x->end);
}

/* Nothing but SYNs has passed, in either direction. */
static bool handshaking(const struct weir_peer *x, const struct weir_peer *y)
{
    return !((x->flags | y->flags) & WEIR_PEER_PROVEN);
}

/* Of a connection of which only x passes here, x has sent its FIN: when it ends cannot be seen. */
static bool only_seen_over(const struct weir_peer *x, const struct weir_peer *y)
{
    bool unseen = !(y->flags & WEIR_PEER_SEEN) ||
                  (y->flags & (WEIR_PEER_UNSURE | WEIR_PEER_PROVEN)) == WEIR_PEER_UNSURE;

    return (x->flags & WEIR_PEER_FIN) && unseen;
}

/* Both have sent their FIN: y may be in TIME-WAIT by now, and x have given up. */
static bool closing(const struct weir_peer *x, const struct weir_peer *y)
{
    return x->flags & y->flags & WEIR_PEER_FIN;
}

/* Adopted on the word of one end, which may have been anybody's, or an old one come late. */
static bool one_heard(const struct weir_peer *x, const struct weir_peer *y)
{
    return !(x->flags & y->flags & WEIR_PEER_SEEN);
}

static bool in_time_wait(const struct weir_flow *flow, unsigned int dir)
{
    return weir_flow_state(flow, dir) == WEIR_TCP_TIME_WAIT;
}

/* Does this SYN-ACK of x answer a SYN that was remembered, and could x be free to? */
static bool syn_answered(const struct weir_flow *flow, unsigned int dir,
                         const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];

    if (!syn_is_remembered(x, seg->ack - 1))
        return false;
    return weir_flow_over(flow) || handshaking(x, y) || one_heard(x, y) ||
           in_time_wait(flow, dir) || (closing(x, y) && weir_seq_reaches(seg->ack - 1, y->end));
}

unsigned int weir_tcp_remembered_scale(const struct weir_peer *x, const struct weir_segment *seg)
{
    unsigned int scale = x->ts & SYN_SCALE_MASK;

    if (!syn_is_remembered(x, seg->ack - 1))
        return WEIR_WSCALE_UNKNOWN;
    return scale == WEIR_WSCALE_UNKNOWN ? 0 : scale;
}

bool weir_tcp_refuses_remembered(const struct weir_flow *flow, unsigned int dir,
                                 const struct weir_segment *seg)
{
    return (seg->flags & WEIR_TCP_ACK) && seg->seq == 0 &&
           one_heard(&flow->peer[dir], &flow->peer[!dir]) && syn_answered(flow, dir, seg);
}

bool weir_tcp_syn_remembered(const struct weir_flow *flow, unsigned int dir,
                             const struct weir_segment *seg)
{
    return !(seg->flags & WEIR_TCP_ACK) && syn_is_remembered(&flow->peer[!dir], seg->seq);
}

/* x has answered y's SYN, and its own, sent before that, comes only now: a simultaneous open. */
static bool syn_crossed(const struct weir_flow *flow, unsigned int dir)
{
    return weir_flow_state(flow, dir) == WEIR_TCP_SYN_RECEIVED &&
           weir_flow_state(flow, !dir) == WEIR_TCP_ESTABLISHED;
}

struct weir_finding weir_tcp_classify_syn(struct weir_flow *flow, unsigned int dir,
                                          const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (flow->pair == WEIR_PAIR_NEW)
        return weir_found(WEIR_TCP_EV_SYN, WEIR_REASON_NONE);
    if (weir_flow_over(flow)) {
        if (!weir_flow_dead(flow) && !time_wait_takes(x, seg) &&
            (in_time_wait(flow, !dir) || syn_of_old(x, seg))) {
            syn_remember(y, seg->seq, scale_offered(seg));
            return weir_found_stray(WEIR_REASON_SYN_TIME_WAIT);
        }
        return weir_found(WEIR_TCP_EV_SYN, WEIR_REASON_NONE);
    }
    if ((x->flags & WEIR_PEER_SEEN) && !(x->flags & WEIR_PEER_PROVEN)) {
        if (syn_repeated(x, y, seg)) {
            if (syn_crossed(flow, dir))
                weir_expect_attempts(x, y);
            return weir_found(WEIR_TCP_EV_SYN, WEIR_REASON_RETRANSMISSION);
        }
        if (!(y->flags & WEIR_PEER_SEEN)) /* never answered: x has given up and tries anew */
            return weir_found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
    }
    if (!(x->flags & WEIR_PEER_SEEN) && !(y->flags & WEIR_PEER_PROVEN)) { /* simultaneous open */
        weir_expect_attempts(x, y);
        return weir_found(WEIR_TCP_EV_SYN, WEIR_REASON_NONE);
    }
    if (only_seen_over(x, y) && time_wait_takes(x, seg))
        return weir_found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
    weir_expect_challenge(x, y);
    if (!(x->flags & WEIR_PEER_PROVEN))
        weir_expect_attempts(x, y);
    /* y may have gone back to LISTEN, 3.10.7.4 second and fourth; or it was never heard, unless it
     * has acknowledged this very SYN; or x is no more in LAST-ACK. */
    if (handshaking(x, y) || (one_heard(x, y) && weir_segment_end(seg) != x->end) ||
        (closing(x, y) && time_wait_takes(x, seg)))
        syn_remember(y, seg->seq, scale_offered(seg));
    return weir_found_stray(WEIR_REASON_SYN_CHALLENGE);
}

enum weir_syn_match weir_tcp_acknowledges_syn(const struct weir_peer *y, const struct weir_peer *x,
                                              uint32_t ack)
{
    if ((x->flags & WEIR_PEER_PROVEN) ||
        weir_tcp_known_from_answer(x)) /* y.ack is an acknowledgement */
        return ack == y->end ? WEIR_SYN_TRACKED : WEIR_SYN_NOT_MINE;
    /* Until x is seen, y.ack holds y's initial sequence number, and x an earlier attempt's end. */
    if (ack - (y->ack + 1) <= y->end - (y->ack + 1))
        return WEIR_SYN_TRACKED;
    if ((x->flags & WEIR_PEER_UNSURE) && ack == x->end)
        return WEIR_SYN_EARLIER;
    return WEIR_SYN_NOT_MINE;
}

/* Take the SYN of x for one that was never sent: undoes commit_first_syn for y. */
static void forget_syn(struct weir_peer *x, struct weir_peer *y)
{
    x->flags &= (uint8_t)~WEIR_PEER_SEEN;
    weir_expect_attempts(x, y);
    if (!(y->flags & WEIR_PEER_TS)) /* if one was remembered, it is the one that x is in now */
        y->ts = 0;
    x->edge = 0;
    y->edge -= y->ack;
}

struct weir_finding weir_tcp_classify_syn_ack(struct weir_flow *flow, unsigned int dir,
                                              const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (syn_answered(flow, dir, seg))
        return weir_found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
    if (weir_flow_over(flow)) {
        /* A SYN that did not count has been answered: see reopen, and both may be in what it began.
         */
        return weir_found_other(x, y, WEIR_REASON_AFTER_CLOSE);
    }
    if (!(x->flags & WEIR_PEER_SEEN) && !(y->flags & WEIR_PEER_PROVEN)) {
        switch (weir_tcp_acknowledges_syn(y, x, seg->ack)) {
        case WEIR_SYN_EARLIER:
            /* The later one may be answered yet; see weir_tcp_reopen for the scales. */
            syn_remember(x, y->ack, weir_window_scale(flow, !dir));
            weir_window_set_scale(flow, !dir, weir_window_scale(flow, dir));
            y->ack = seg->ack - 1;
            y->end = seg->ack;
            return weir_found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
        case WEIR_SYN_TRACKED:
            return weir_found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
        default:
            return weir_found_other(x, y, WEIR_REASON_SYN_ACK_OTHER);
        }
    }
    if (!(y->flags & WEIR_PEER_SEEN) && !(x->flags & WEIR_PEER_PROVEN) && syn_repeated(x, y, seg))
        return weir_found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE); /* y's SYN took another way */
    if (y->end - seg->ack <= WEIR_SYN_REACH) {
        if (weir_flow_state(flow, !dir) == WEIR_TCP_SYN_SENT && syn_overtaken(x, seg) &&
            weir_tcp_acknowledges_syn(y, x, seg->ack) == WEIR_SYN_TRACKED)
            return weir_found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
        if ((x->flags & (WEIR_PEER_SEEN | WEIR_PEER_PROVEN)) == WEIR_PEER_SEEN &&
            syn_repeated(x, y, seg))
            return weir_found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_RETRANSMISSION);
        if ((x->flags & WEIR_PEER_PROVEN) && syn_overtaken(x, seg))
            return weir_found_inert(WEIR_REASON_OLD_DUPLICATE);
    }
    if (only_seen_over(x, y) && time_wait_takes(x, seg))
        return weir_found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
    if (x->flags & WEIR_PEER_PROVEN) /* x may have taken a RST of y, and a SYN, that y challenges */
        return weir_found_other(x, y, WEIR_REASON_SYN_CHALLENGE);
    if (!(y->flags & WEIR_PEER_PROVEN) && seg->ack == y->end &&
        weir_flow_state(flow, !dir) == WEIR_TCP_SYN_RECEIVED) {
        forget_syn(x, y); /* x has given up its own attempt, and takes that of y */
        return weir_found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
    }
    return weir_found_other(x, y, WEIR_REASON_SYN_ACK_OTHER);
}

/* Both SYNs have passed: scaling counts only if both offered it (RFC 7323 2.2). */
static void scale_negotiate(struct weir_flow *flow)
{
    if (weir_window_scale(flow, 0) == WEIR_WSCALE_UNKNOWN ||
        weir_window_scale(flow, 1) == WEIR_WSCALE_UNKNOWN) {
        weir_window_set_scale(flow, 0, 0);
        weir_window_set_scale(flow, 1, 0);
    }
}

/*
 * The first SYN or SYN-ACK of x. As long as y has not been seen, x.ack holds x's initial sequence
 * number and x.edge the window of its SYN; when y's SYN passes they become what their names say.
 */
static void commit_first_syn(struct weir_flow *flow, unsigned int dir,
                             const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];
    bool answered = weir_tcp_known_from_answer(x);
    uint32_t next = (seg->flags & WEIR_TCP_ACK) ? seg->ack : answered ? y->end : y->ack + 1;
    bool adopted =
        (y->flags & WEIR_PEER_UNSURE) && weir_window_scale(flow, !dir) == WEIR_WSCALE_UNKNOWN;

    x->flags &= (uint8_t)~WEIR_PEER_UNSURE;
    x->end = weir_segment_end(seg);
    weir_window_set_scale(flow, dir, scale_offered(seg));
    if (!(y->flags & WEIR_PEER_SEEN)) {
        x->ack = seg->seq;
        x->edge = seg->win;
        return;
    }
    x->ack = next;
    x->edge = next + seg->win;
    if (answered) /* it may have been another SYN of x: only the size of the window is sure */
        y->edge -= y->ack;
    y->ack = seg->seq + 1;
    y->edge += seg->seq + 1;
    if (!adopted || !(seg->opts & WEIR_SEG_WS)) /* else y's offer was not seen and stays unknown */
        scale_negotiate(flow);
}

/* x answers a SYN of y that has not passed here: half a simultaneous open took another way. */
static void commit_answer(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    x->ack = seg->ack;
    x->edge = seg->ack + seg->win;
    y->end = seg->ack;
    y->ack = x->end;
    y->edge = (x->end + WEIR_WINDOW_MAX) | 1U; /* not 0: see known_from_answer */
    y->flags |= WEIR_PEER_UNSURE;
    weir_window_set_scale(flow, !dir, WEIR_WSCALE_UNKNOWN);
}

void weir_tcp_commit_syn(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];
    uint32_t end = weir_segment_end(seg);

    if (!(x->flags & WEIR_PEER_SEEN)) {
        commit_first_syn(flow, dir, seg);
    } else if ((seg->flags & WEIR_TCP_ACK) && !(y->flags & WEIR_PEER_SEEN)) {
        commit_answer(flow, dir, seg);
    } else {
        if (weir_seq_after(end, x->end))
            x->end = end;
        if ((seg->flags & WEIR_TCP_ACK) && weir_seq_after(seg->ack, x->ack))
            x->ack = seg->ack;
        if ((seg->flags & WEIR_TCP_ACK) && weir_seq_after(seg->ack + seg->win, x->edge))
            x->edge = seg->ack + seg->win;
        if (x->flags & WEIR_PEER_PROVEN) { /* hear_past_syn */
            weir_window_set_scale(flow, dir, scale_offered(seg));
            scale_negotiate(flow);
        }
    }
    x->flags |= WEIR_PEER_SEEN;
    if ((seg->opts & WEIR_SEG_TS) && (seg->flags & WEIR_TCP_ACK) && seg->tsecr != 0) {
        y->ts = seg->tsecr;
        y->flags |= WEIR_PEER_TS;
    }
}
