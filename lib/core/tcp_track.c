/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a segment to an event, by what is known of both ends; then the step and the commit.
 *
 * Throughout, x is the end that sent the segment and y the one that it goes to.
 */
#include "core/tcp_track.h"

#include <string.h>

#include "core/tcp_window.h"

/* A SYN may carry data (RFC 7413): how far its number may lie below the end it gave. */
#define SYN_REACH 0xffffU
/* How far below the end a SYN is rather the old one come late than one with a random number. */
#define SYN_NEAR 0xfffU

/* What classification found: the event and, where it is not a plain one, the reason. */
struct finding {
    uint8_t event;
    uint8_t reason;
};

static inline struct finding found(enum weir_tcp_event event, enum weir_reason reason)
{
    return (struct finding){(uint8_t)event, (uint8_t)reason};
}

static inline struct finding refuse(enum weir_reason reason)
{
    return found(WEIR_TCP_EV_REFUSE, reason);
}

static inline struct finding inert(enum weir_reason reason)
{
    return found(WEIR_TCP_EV_INERT, reason);
}

static inline unsigned int state_of(const struct weir_flow *flow, unsigned int dir)
{
    return weir_tcp_pairs.state[flow->pair][dir];
}

static bool state_over(unsigned int state)
{
    return state == WEIR_TCP_CLOSED || state == WEIR_TCP_TIME_WAIT;
}

static inline struct finding stray(enum weir_reason reason)
{
    return found(WEIR_TCP_EV_STRAY, reason);
}

/* Neither end holds the connection any more: a SYN may begin the next one (RFC 9293 3.6.1). */
static bool pair_over(const struct weir_flow *flow)
{
    return state_over(state_of(flow, WEIR_ORIG)) && state_over(state_of(flow, WEIR_RESP));
}

static bool pair_dead(const struct weir_flow *flow)
{
    return state_of(flow, WEIR_ORIG) == WEIR_TCP_CLOSED &&
           state_of(flow, WEIR_RESP) == WEIR_TCP_CLOSED;
}

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

/*
 * Whether such a SYN counted, its receiver's answer will tell: a SYN-ACK of it opens the
 * connection. Until then its number stands where y's time stamp stood, which no closed connection
 * needs; its lowest bit is set, since 0 means none.
 */
static void syn_remember(struct weir_peer *y, const struct weir_segment *seg)
{
    y->flags &= (uint8_t)~WEIR_PEER_TS;
    y->ts = seg->seq | 1U;
}

/* Does this SYN-ACK of x answer a SYN that was remembered? */
static bool syn_answered(const struct weir_peer *x, const struct weir_segment *seg)
{
    return !(x->flags & WEIR_PEER_TS) && x->ts == ((seg->ack - 1) | 1U);
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
    return x->end - 1 - seg->seq <= SYN_REACH && !weir_seq_after(weir_segment_end(seg), x->end);
}

static struct finding classify_syn(struct weir_flow *flow, unsigned int dir,
                                   const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (flow->pair == WEIR_PAIR_NEW)
        return found(WEIR_TCP_EV_SYN, WEIR_REASON_NONE);
    if (pair_over(flow)) {
        if (!pair_dead(flow) && !time_wait_takes(x, seg) &&
            (state_of(flow, !dir) == WEIR_TCP_TIME_WAIT || syn_of_old(x, seg))) {
            syn_remember(y, seg);
            return stray(WEIR_REASON_SYN_TIME_WAIT);
        }
        return found(WEIR_TCP_EV_SYN, WEIR_REASON_NONE);
    }
    if ((x->flags & WEIR_PEER_SEEN) && !(x->flags & WEIR_PEER_PROVEN)) {
        if (syn_repeated(x, y, seg))
            return found(WEIR_TCP_EV_SYN, WEIR_REASON_RETRANSMISSION);
        if (!(y->flags & WEIR_PEER_SEEN)) /* never answered: x has given up and tries anew */
            return found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
    }
    if (!(x->flags & WEIR_PEER_SEEN) && !(y->flags & WEIR_PEER_PROVEN)) /* simultaneous open */
        return found(WEIR_TCP_EV_SYN, WEIR_REASON_NONE);
    y->flags |= WEIR_PEER_CHALL;
    return stray(WEIR_REASON_SYN_CHALLENGE);
}

/* The SYN of y that this acknowledgement is for: the tracked one, an earlier one of y, or none. */
enum syn_match { SYN_NOT_MINE, SYN_TRACKED, SYN_EARLIER };

/* Not heard yet, but its SYN has been answered: see commit_answer. */
static bool known_from_answer(const struct weir_peer *x)
{
    return !(x->flags & WEIR_PEER_SEEN) && x->edge != 0;
}

static enum syn_match acknowledges_syn(const struct weir_peer *y, const struct weir_peer *x,
                                       uint32_t ack)
{
    if ((x->flags & WEIR_PEER_PROVEN) || known_from_answer(x)) /* y.ack is an acknowledgement */
        return ack == y->end ? SYN_TRACKED : SYN_NOT_MINE;
    /* Until x is seen, y.ack holds y's initial sequence number, and x an earlier attempt's end. */
    if (ack - (y->ack + 1) <= y->end - (y->ack + 1))
        return SYN_TRACKED;
    if ((x->flags & WEIR_PEER_UNSURE) && ack == x->end)
        return SYN_EARLIER;
    return SYN_NOT_MINE;
}

/* Take the SYN of x for one that was never sent: undoes commit_first_syn for y. */
static void forget_syn(struct weir_peer *x, struct weir_peer *y)
{
    x->flags &= (uint8_t)~WEIR_PEER_SEEN;
    x->edge = 0;
    y->edge -= y->ack;
}

static struct finding classify_syn_ack(struct weir_flow *flow, unsigned int dir,
                                       const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (pair_over(flow)) {
        if (syn_answered(x, seg))
            return found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
        x->flags |= WEIR_PEER_CHALL; /* a SYN that did not count has been answered: see reopen */
        return stray(WEIR_REASON_AFTER_CLOSE);
    }
    if (!(x->flags & WEIR_PEER_SEEN) && !(y->flags & WEIR_PEER_PROVEN)) {
        switch (acknowledges_syn(y, x, seg->ack)) {
        case SYN_EARLIER:
            y->ack = seg->ack - 1;
            y->end = seg->ack;
            return found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
        case SYN_TRACKED:
            return found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
        default:
            return stray(WEIR_REASON_SYN_ACK_OTHER);
        }
    }
    if (!(y->flags & WEIR_PEER_SEEN) && !(x->flags & WEIR_PEER_PROVEN) && syn_repeated(x, y, seg))
        return found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE); /* y's SYN took another way */
    if (y->end - seg->ack <= SYN_REACH) {
        if (state_of(flow, !dir) == WEIR_TCP_SYN_SENT && syn_overtaken(x, seg) &&
            acknowledges_syn(y, x, seg->ack) == SYN_TRACKED)
            return found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
        if ((x->flags & (WEIR_PEER_SEEN | WEIR_PEER_PROVEN)) == WEIR_PEER_SEEN &&
            syn_repeated(x, y, seg))
            return found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_RETRANSMISSION);
        if ((x->flags & WEIR_PEER_PROVEN) && syn_overtaken(x, seg))
            return inert(WEIR_REASON_OLD_DUPLICATE);
    }
    if (x->flags & WEIR_PEER_PROVEN) {
        y->flags |= WEIR_PEER_CHALL;
        return stray(WEIR_REASON_SYN_CHALLENGE);
    }
    if (!(y->flags & WEIR_PEER_PROVEN) && seg->ack == y->end &&
        state_of(flow, !dir) == WEIR_TCP_SYN_RECEIVED) {
        forget_syn(x, y); /* x has given up its own attempt, and takes that of y */
        return found(WEIR_TCP_EV_SYN_ACK, WEIR_REASON_NONE);
    }
    return stray(WEIR_REASON_SYN_ACK_OTHER);
}

/* RFC 5961 3.2: exactly the next sequence number, as far as a middlebox can know it. */
static bool rst_exact(const struct weir_flow *flow, unsigned int dir,
                      const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    unsigned int state = state_of(flow, !dir);

    if (seg->seq == x->end) /* all that x sent has arrived */
        return true;
    if ((y->flags & WEIR_PEER_SEEN) && seg->seq == y->ack) /* or only what y has acknowledged */
        return true;
    /* y may never have received the SYN-ACK: in SYN-SENT the ACK decides, 3.10.7.3. */
    if ((seg->flags & WEIR_TCP_ACK) && seg->ack == y->end &&
        (y->flags & (WEIR_PEER_SEEN | WEIR_PEER_PROVEN)) == WEIR_PEER_SEEN &&
        (state == WEIR_TCP_ESTABLISHED || state == WEIR_TCP_CLOSE_WAIT))
        return true;
    /* Some stacks leave their FIN out of account; ends that have taken the FIN allow for it. */
    return (x->flags & WEIR_PEER_FIN) && seg->seq == x->end - 1 &&
           (state == WEIR_TCP_CLOSE_WAIT || state == WEIR_TCP_LAST_ACK ||
            state == WEIR_TCP_CLOSING);
}

static struct finding classify_rst(struct weir_flow *flow, unsigned int dir,
                                   const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (flow->pair == WEIR_PAIR_DEAD) {
        if (!((x->flags | y->flags) & WEIR_PEER_SEEN))
            return found(WEIR_TCP_EV_RST, WEIR_REASON_NONE);
        return rst_exact(flow, dir, seg) ? inert(WEIR_REASON_AFTER_CLOSE)
                                         : stray(WEIR_REASON_AFTER_CLOSE);
    }
    if (state_of(flow, !dir) == WEIR_TCP_TIME_WAIT)
        return refuse(WEIR_REASON_RST_TIME_WAIT);
    if (state_of(flow, !dir) == WEIR_TCP_SYN_SENT) { /* RFC 9293 3.10.7.3: the ACK decides */
        if (!(seg->flags & WEIR_TCP_ACK)) /* an abort in SYN-RECEIVED, 3.10.5: y ignores it */
            return stray(WEIR_REASON_RST_INEXACT);
        switch (acknowledges_syn(y, x, seg->ack)) {
        case SYN_TRACKED:
            return found(WEIR_TCP_EV_RST, WEIR_REASON_NONE);
        case SYN_EARLIER:
            return stray(WEIR_REASON_RST_INEXACT);
        default:
            return refuse(WEIR_REASON_RST_OUTSIDE);
        }
    }
    if (rst_exact(flow, dir, seg))
        return found(WEIR_TCP_EV_RST, WEIR_REASON_NONE);
    /* Number 0 answers a SYN, 3.10.7.1: one of y's come late; y has gone on and ignores it. */
    if ((seg->flags & WEIR_TCP_ACK) && seg->seq == 0 && y->end - seg->ack <= SYN_REACH)
        return stray(WEIR_REASON_RST_INEXACT);
    if ((y->flags & WEIR_PEER_SEEN) &&
        (weir_seq_after(seg->seq, y->edge) ||
         !weir_seq_reaches(seg->seq, x->end - weir_window_slack(flow, !dir))))
        return refuse(WEIR_REASON_RST_OUTSIDE);
    y->flags |= WEIR_PEER_CHALL;
    return (y->flags & WEIR_PEER_SEEN) ? inert(WEIR_REASON_RST_INEXACT)
                                       : stray(WEIR_REASON_RST_INEXACT);
}

/* Known only from what the other end has sent, its SYN included. */
static bool unheard(const struct weir_peer *peer)
{
    return (peer->flags & WEIR_PEER_UNSURE) && !(peer->flags & WEIR_PEER_PROVEN);
}

/*
 * The windows of a connection of which one end was adopted mid-stream or is never heard: what x
 * acknowledges teaches how far y has sent, within the window that x itself has offered.
 */
static enum weir_reason window_learn(struct weir_flow *flow, unsigned int dir,
                                     const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (!(y->flags & WEIR_PEER_SEEN) || unheard(y))
        y->edge = x->end + WEIR_WINDOW_MAX;
    if (!((x->flags & WEIR_PEER_PROVEN) | (y->flags & WEIR_PEER_SEEN))) {
        y->end = seg->ack; /* the first word there is of y's numbers */
    } else if (weir_seq_after(seg->ack, y->end)) {
        if ((x->flags & WEIR_PEER_PROVEN) && weir_seq_after(seg->ack, x->edge + 1))
            return WEIR_REASON_ACK_ABOVE;
        y->end = seg->ack;
    } else if (seg->ack == y->end && !unheard(y) && (y->flags & WEIR_PEER_SEEN) &&
               !(seg->opts & WEIR_SEG_SACK)) {
        y->flags &= (uint8_t)~WEIR_PEER_UNSURE; /* all that y sent has been acknowledged */
    }
    return weir_window_check(flow, dir, seg);
}

/*
 * A FIN must stand at the end of all that its sender has sent (RFC 9293 3.10.4). Not beyond the end
 * that is known: an ACK sent after the FIN has its number, and may have overtaken it.
 */
static bool fin_misplaced(const struct weir_peer *x, uint32_t end)
{
    return weir_seq_after(x->end, end);
}

/* Why a segment that passes is not a plain one. Only called when it repeats or probes something. */
static enum weir_reason oddity(const struct weir_flow *flow, unsigned int dir,
                               const struct weir_segment *seg, uint32_t end)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];

    if (end == y->edge + 1 && seg->len == 1)
        return WEIR_REASON_WINDOW_PROBE;
    if (seg->seq + 1 == y->ack && x->end == y->ack && seg->len <= 1 && !(seg->flags & WEIR_TCP_FIN))
        return WEIR_REASON_KEEP_ALIVE;
    if (end != seg->seq && !weir_seq_after(end, x->end) && (x->flags & WEIR_PEER_SEEN))
        return WEIR_REASON_RETRANSMISSION;
    return WEIR_REASON_NONE;
}

/* Within the windows: what it tells. */
/*
 * An ACK without text stands at the end of what its sender had sent. Has that grown since, and has
 * nothing new been acknowledged, then it is older than what has passed; unless it is a keep-alive.
 */
static inline bool bare_overtaken(const struct weir_peer *x, const struct weir_segment *seg,
                                  uint32_t end)
{
    return end == seg->seq && (x->flags & WEIR_PEER_FIN) && weir_seq_after(x->end, end) &&
           seg->ack == x->ack;
}

static inline struct finding judge_ack(const struct weir_flow *flow, unsigned int dir,
                                       const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    uint32_t end = weir_segment_end(seg);
    unsigned int fin = seg->flags & WEIR_TCP_FIN;
    enum weir_reason reason = WEIR_REASON_NONE;
    bool overtaken, acks_fin;

    if ((x->flags & WEIR_PEER_FIN) && weir_seq_after(end, x->end))
        return refuse(WEIR_REASON_AFTER_FIN);
    if (fin && fin_misplaced(x, end))
        return refuse(WEIR_REASON_AFTER_FIN);
    if ((seg->opts & WEIR_SEG_TS) && (x->flags & WEIR_PEER_TS) &&
        __builtin_expect(weir_seq_after(x->ts, seg->tsval), 0))
        return inert(WEIR_REASON_PAWS);
    /* As long as neither has sent more than a SYN of its own, x.ack is no acknowledgement. */
    overtaken = ((x->flags & WEIR_PEER_PROVEN) || (x->flags & y->flags & WEIR_PEER_SEEN)) &&
                weir_seq_after(x->ack, seg->ack);
    if (overtaken && !weir_seq_after(end, x->end) && !(fin && !(x->flags & WEIR_PEER_FIN)))
        return inert(WEIR_REASON_OLD_DUPLICATE);
    if (bare_overtaken(x, seg, end))
        return inert(WEIR_REASON_OLD_DUPLICATE);
    if (!weir_seq_after(end, x->end) || end == y->edge + 1)
        reason = oddity(flow, dir, seg, end);
    if (__builtin_expect(x->flags & WEIR_PEER_CHALL, 0) && seg->seq == x->end && end == x->end &&
        seg->ack == x->ack)
        reason = WEIR_REASON_CHALLENGE_ACK;
    if (fin && overtaken && (y->flags & WEIR_PEER_FIN) && x->ack == y->end)
        return found(WEIR_TCP_EV_FIN_LATE, reason);
    acks_fin = (y->flags & WEIR_PEER_FIN) && (overtaken ? x->ack : seg->ack) == y->end;
    /* ACK, ACK_FIN, FIN, FIN_FIN stand in this order. */
    return found((enum weir_tcp_event)(WEIR_TCP_EV_ACK + acks_fin + 2 * fin), reason);
}

/*
 * x is heard first with a segment that follows its SYN-ACK, and acknowledges y's SYN. What it sent
 * before that lies below, by no more than a first window unscaled.
 */
static struct finding hear_past_syn(struct weir_flow *flow, unsigned int dir,
                                    const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];
    struct weir_peer before[2] = {*x, *y};
    uint8_t scale = flow->win[dir];
    struct finding finding;
    enum weir_reason reason;

    x->flags &= (uint8_t)~WEIR_PEER_UNSURE;
    x->end = seg->seq;
    weir_window_set_scale(flow, dir, WEIR_WSCALE_UNKNOWN);
    y->ack = seg->seq - UINT16_MAX;
    y->edge += seg->seq;
    reason = weir_window_check(flow, dir, seg);
    finding = reason == WEIR_REASON_NONE ? judge_ack(flow, dir, seg) : refuse(reason);
    if (finding.event == WEIR_TCP_EV_REFUSE) {
        *x = before[0];
        *y = before[1];
        flow->win[dir] = scale;
    }
    return finding;
}

/*
 * x acknowledges, and no SYN of y has been seen. If x's own SYN may be one that came before, so may
 * its answer: then the number that follows the SYN is evidence enough.
 */
static struct finding classify_unanswered(const struct weir_peer *x, const struct weir_peer *y,
                                          const struct weir_segment *seg)
{
    if (!(y->flags & WEIR_PEER_UNSURE))
        return refuse(WEIR_REASON_HANDSHAKE);
    return seg->seq == x->end ? found(WEIR_TCP_EVENTS, WEIR_REASON_NONE)
                              : stray(WEIR_REASON_HALF_OPEN_ACK);
}

/* Segments that carry an ACK and neither SYN nor RST, from an end whose peer is in SYN-SENT or that
 * has itself only sent a SYN. WEIR_TCP_EVENTS: go on to the windows. */
static struct finding classify_opening(struct weir_flow *flow, unsigned int dir,
                                       const struct weir_segment *seg,
                                       enum weir_midstream midstream)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];

    if (!(x->flags & WEIR_PEER_SEEN) && state_of(flow, !dir) == WEIR_TCP_SYN_SENT) {
        if (weir_segment_end(seg) == seg->seq || (x->flags & WEIR_PEER_UNSURE) ||
            acknowledges_syn(y, x, seg->ack) != SYN_TRACKED)
            return stray(WEIR_REASON_HALF_OPEN_ACK);
        return hear_past_syn(flow, dir, seg); /* its SYN-ACK was lost before it came here */
    }
    if (!(y->flags & WEIR_PEER_SEEN) && state_of(flow, dir) == WEIR_TCP_SYN_SENT &&
        midstream != WEIR_MIDSTREAM_ONE_WAY)
        return classify_unanswered(x, y, seg);
    if ((x->flags & WEIR_PEER_SEEN) && (y->flags & WEIR_PEER_SEEN) &&
        weir_seq_after(x->ack, seg->ack))
        return refuse(WEIR_REASON_ACK_BELOW);
    return found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
}

/* What has been learnt from a segment that then does not count is forgotten again. */
static struct finding classify_unsure(struct weir_flow *flow, unsigned int dir,
                                      const struct weir_segment *seg)
{
    struct weir_peer *y = &flow->peer[!dir];
    struct weir_peer before = *y;
    enum weir_reason reason = window_learn(flow, dir, seg);
    struct finding finding =
        reason == WEIR_REASON_NONE ? judge_ack(flow, dir, seg) : refuse(reason);

    if (finding.event == WEIR_TCP_EV_INERT || finding.event == WEIR_TCP_EV_STRAY ||
        weir_tcp_step(&weir_tcp_pairs, flow->pair, dir, finding.event).action != WEIR_TCP_ACT_PASS)
        *y = before;
    return finding;
}

/*
 * After a RST. Whoever has not received it yet goes on, and the windows stand still: what lies
 * outside them may be an honest endpoint's all the same, and passes, but proves no life.
 */
static struct finding classify_dead(const struct weir_flow *flow, unsigned int dir,
                                    const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    bool known =
        (x->flags & y->flags & WEIR_PEER_SEEN) && !((x->flags | y->flags) & WEIR_PEER_UNSURE);

    if (known && weir_window_check(flow, dir, seg) != WEIR_REASON_NONE)
        return stray(WEIR_REASON_AFTER_CLOSE);
    return inert(WEIR_REASON_AFTER_CLOSE);
}

/* Its SYN has not passed here, or passed as one of before: known from what answers it. */
static bool syn_presumed(const struct weir_peer *peer)
{
    return (peer->flags & WEIR_PEER_SEEN) && unheard(peer);
}

/*
 * The first that x sends after its SYN. Where a SYN is presumed, the answer to it may have been an
 * old one come late as well, and the connection before goes on: what does not fit passes then.
 */
static struct finding classify_first(struct weir_flow *flow, unsigned int dir,
                                     const struct weir_segment *seg, enum weir_midstream midstream)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    bool presumed = syn_presumed(x) || syn_presumed(y);
    struct finding finding = classify_opening(flow, dir, seg, midstream);

    if (finding.event == WEIR_TCP_EVENTS && (y->flags & WEIR_PEER_SEEN) &&
        !(y->flags & WEIR_PEER_UNSURE)) {
        enum weir_reason reason = weir_window_check(flow, dir, seg);

        finding = reason == WEIR_REASON_NONE ? judge_ack(flow, dir, seg) : refuse(reason);
    } else if (finding.event == WEIR_TCP_EVENTS) {
        finding = classify_unsure(flow, dir, seg);
    }
    if (finding.event == WEIR_TCP_EV_REFUSE && presumed)
        return stray(WEIR_REASON_HALF_OPEN_ACK);
    return finding;
}

static inline struct finding classify_ack(struct weir_flow *flow, unsigned int dir,
                                          const struct weir_segment *seg,
                                          enum weir_midstream midstream)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    enum weir_reason reason;

    if (__builtin_expect(pair_dead(flow), 0))
        return classify_dead(flow, dir, seg);
    if (__builtin_expect(!(x->flags & WEIR_PEER_PROVEN), 0))
        return classify_first(flow, dir, seg, midstream);
    if (__builtin_expect((y->flags & (WEIR_PEER_SEEN | WEIR_PEER_UNSURE)) != WEIR_PEER_SEEN, 0))
        return classify_unsure(flow, dir, seg);
    reason = weir_window_check(flow, dir, seg);
    if (__builtin_expect(reason != WEIR_REASON_NONE, 0))
        return refuse(reason);
    return judge_ack(flow, dir, seg);
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
    bool answered = known_from_answer(x);
    uint32_t next = (seg->flags & WEIR_TCP_ACK) ? seg->ack : answered ? y->end : y->ack + 1;
    bool adopted = y->flags & WEIR_PEER_UNSURE;

    x->flags &= (uint8_t)~WEIR_PEER_UNSURE;
    x->end = weir_segment_end(seg);
    weir_window_set_scale(flow, dir, (seg->opts & WEIR_SEG_WS) ? seg->wscale : WEIR_WSCALE_UNKNOWN);
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

static void commit_syn(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg)
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
            weir_window_set_scale(flow, dir,
                                  (seg->opts & WEIR_SEG_WS) ? seg->wscale : WEIR_WSCALE_UNKNOWN);
            scale_negotiate(flow);
        }
    }
    x->flags |= WEIR_PEER_SEEN;
    if ((seg->opts & WEIR_SEG_TS) && (seg->flags & WEIR_TCP_ACK) && seg->tsecr != 0) {
        y->ts = seg->tsecr;
        y->flags |= WEIR_PEER_TS;
    }
}

/* y has echoed a time stamp of x: from now on older ones of x are old duplicates (RFC 7323 5.3). */
static inline void commit_echo(struct weir_peer *y, const struct weir_segment *seg)
{
    if ((seg->opts & WEIR_SEG_TS) && seg->tsecr != 0 &&
        (!(y->flags & WEIR_PEER_TS) || weir_seq_after(seg->tsecr, y->ts))) {
        y->ts = seg->tsecr;
        y->flags |= WEIR_PEER_TS;
    }
}

static inline void commit_ack(struct weir_flow *flow, unsigned int dir,
                              const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];
    uint32_t end = weir_segment_end(seg);
    uint32_t offered = weir_window_offered(flow, dir, seg);
    /* The first ACK of an end whose peer has not spoken: nothing stored is worth keeping. */
    bool first =
        unheard(x) || (!(x->flags & WEIR_PEER_PROVEN) && !(x->flags & y->flags & WEIR_PEER_SEEN));

    if (weir_seq_after(end, x->end))
        x->end = end;
    if (first || weir_seq_after(seg->ack, x->ack))
        x->ack = seg->ack;
    if (first || weir_seq_after(seg->ack + offered, x->edge))
        x->edge = seg->ack + offered;
    weir_window_widen(flow, dir, offered);
    commit_echo(y, seg);
    x->flags |= (uint8_t)(WEIR_PEER_SEEN | ((seg->flags & WEIR_TCP_FIN) ? WEIR_PEER_FIN : 0) |
                          (seg->len ? WEIR_PEER_DATA : WEIR_PEER_ACK));
    x->flags &= (uint8_t)~WEIR_PEER_CHALL;
}

/* A RST tells nothing of the numbers of an end that has sent nothing else. */
static void commit_rst(struct weir_peer *x)
{
    if (!(x->flags & WEIR_PEER_SEEN))
        x->flags |= WEIR_PEER_SEEN | WEIR_PEER_UNSURE;
}

struct weir_outcome weir_tcp_track(struct weir_flow *flow, unsigned int dir,
                                   const struct weir_segment *seg, enum weir_midstream midstream)
{
    struct finding finding;
    struct weir_tcp_step step;

    if (__builtin_expect(!(seg->flags & (WEIR_TCP_SYN | WEIR_TCP_RST)), 1))
        finding = classify_ack(flow, dir, seg, midstream);
    else if (seg->flags & WEIR_TCP_RST)
        finding = classify_rst(flow, dir, seg);
    else if (seg->flags & WEIR_TCP_ACK)
        finding = classify_syn_ack(flow, dir, seg);
    else
        finding = classify_syn(flow, dir, seg);

    if (finding.event == WEIR_TCP_EVENTS)
        return (struct weir_outcome){WEIR_TCP_ACT_OPEN, finding.reason,
                                     (seg->flags & WEIR_TCP_ACK) ? WEIR_TCP_EV_SYN_ACK
                                                                 : WEIR_TCP_EV_SYN};
    step = weir_tcp_step(&weir_tcp_pairs, flow->pair, dir, finding.event);
    if (__builtin_expect(step.action != WEIR_TCP_ACT_PASS, 0)) {
        if (step.action == WEIR_TCP_ACT_REFUSE && finding.event != WEIR_TCP_EV_REFUSE)
            finding.reason = WEIR_REASON_STATE;
        return (struct weir_outcome){step.action, finding.reason, finding.event};
    }
    flow->pair = step.next;
    if (finding.event >= WEIR_TCP_EV_ACK && finding.event <= WEIR_TCP_EV_FIN_LATE)
        commit_ack(flow, dir, seg);
    else if (finding.event == WEIR_TCP_EV_SYN || finding.event == WEIR_TCP_EV_SYN_ACK)
        commit_syn(flow, dir, seg);
    else if (finding.event == WEIR_TCP_EV_RST)
        commit_rst(&flow->peer[dir]);
    return (struct weir_outcome){WEIR_TCP_ACT_PASS, finding.reason, finding.event};
}

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
    flow->peer[WEIR_ORIG].flags = extra[WEIR_ORIG];
    flow->peer[WEIR_RESP].flags = (uint8_t)(extra[WEIR_RESP] ^ (opener ? WEIR_PEER_EXTRA : 0));
}

void weir_tcp_reopen(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg)
{
    bool unanswered = !(flow->peer[!dir].flags & WEIR_PEER_SEEN) && !pair_over(flow);
    /* It may be the old one come late, or one that has passed before as a challenge: see below. */
    bool known = (flow->peer[dir].flags & (WEIR_PEER_SEEN | WEIR_PEER_UNSURE)) == WEIR_PEER_SEEN;
    bool late = !unanswered && ((known && flow->peer[dir].end - 1 - seg->seq <= SYN_REACH) ||
                                (flow->peer[!dir].flags & WEIR_PEER_CHALL));
    uint32_t earlier = unanswered ? flow->peer[dir].end : weir_segment_end(seg);

    if (seg->flags & WEIR_TCP_ACK) {
        forget_peers(flow, !dir);
        weir_tcp_begin(flow, (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_HALF, WEIR_RESP}, seg);
        return;
    }
    forget_peers(flow, dir);
    weir_tcp_begin(flow, (struct weir_birth){WEIR_REASON_NONE, WEIR_PAIR_NEW, WEIR_ORIG}, seg);
    if (unanswered || late) {
        flow->peer[WEIR_RESP].end = earlier;
        flow->peer[WEIR_RESP].flags |= WEIR_PEER_UNSURE;
    }
}
