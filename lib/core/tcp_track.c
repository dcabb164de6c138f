/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a segment to an event, by what is known of both ends; then the step and the commit. Here is
 * what every segment takes, and those with an ACK and neither SYN nor RST.
 */
#include "core/tcp_track.h"

#include "core/tcp_finding.h"
#include "core/tcp_window.h"

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
        bool offered =
            (x->flags & WEIR_PEER_PROVEN) || (x->flags & y->flags & WEIR_PEER_SEEN); /* a SYN-ACK */

        if (offered && weir_seq_after(seg->ack, x->edge + 1))
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

/* It says nothing new; the ACK of a SYN does, but repeats the numbers of the SYN-ACK before it. */
static bool answers_challenge(const struct weir_flow *flow, unsigned int dir,
                              const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];

    return (x->flags & WEIR_PEER_SEEN) && seg->seq == x->end && weir_segment_end(seg) == x->end &&
           seg->ack == x->ack && weir_flow_state(flow, !dir) != WEIR_TCP_SYN_RECEIVED;
}

/* Within the windows: what it tells. */
static inline struct weir_finding judge_ack(const struct weir_flow *flow, unsigned int dir,
                                            const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    uint32_t end = weir_segment_end(seg);
    unsigned int fin = seg->flags & WEIR_TCP_FIN;
    enum weir_reason reason = WEIR_REASON_NONE;
    bool overtaken, acks_fin;

    if (weir_window_stale(flow, dir, end))
        return weir_found_stray(WEIR_REASON_OLD_DUPLICATE);
    if ((x->flags & WEIR_PEER_FIN) && weir_seq_after(end, x->end))
        return weir_found_refused(WEIR_REASON_AFTER_FIN);
    if (fin && fin_misplaced(x, end))
        return weir_found_refused(WEIR_REASON_AFTER_FIN);
    if ((seg->opts & WEIR_SEG_TS) && (x->flags & WEIR_PEER_TS) &&
        __builtin_expect(weir_seq_after(x->ts, seg->tsval), 0))
        return weir_found_inert(WEIR_REASON_PAWS);
    /* As long as neither has sent more than a SYN of its own, x.ack is no acknowledgement. */
    overtaken = ((x->flags & WEIR_PEER_PROVEN) || (x->flags & y->flags & WEIR_PEER_SEEN)) &&
                weir_seq_after(x->ack, seg->ack);
    if (overtaken && !weir_seq_after(end, x->end) && !(fin && !(x->flags & WEIR_PEER_FIN)))
        return weir_found_inert(WEIR_REASON_OLD_DUPLICATE);
    if (bare_overtaken(x, seg, end))
        return weir_found_inert(WEIR_REASON_OLD_DUPLICATE);
    if (!weir_seq_after(end, x->end) || end == y->edge + 1)
        reason = oddity(flow, dir, seg, end);
    if (__builtin_expect(x->flags & WEIR_PEER_CHALL, 0) && answers_challenge(flow, dir, seg))
        reason = WEIR_REASON_CHALLENGE_ACK;
    if (fin && overtaken && (y->flags & WEIR_PEER_FIN) && x->ack == y->end)
        return weir_found(WEIR_TCP_EV_FIN_LATE, reason);
    acks_fin = (y->flags & WEIR_PEER_FIN) && (overtaken ? x->ack : seg->ack) == y->end;
    /* ACK, ACK_FIN, FIN, FIN_FIN stand in this order. */
    return weir_found((enum weir_tcp_event)(WEIR_TCP_EV_ACK + acks_fin + 2 * fin), reason);
}

/*
 * x is heard first with a segment that follows its SYN-ACK, and acknowledges y's SYN. What it sent
 * before that lies below, by no more than a first window unscaled.
 */
static struct weir_finding hear_past_syn(struct weir_flow *flow, unsigned int dir,
                                         const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];
    struct weir_peer before[2] = {*x, *y};
    uint8_t scale = flow->win[dir];
    struct weir_finding finding;
    enum weir_reason reason;

    x->flags &= (uint8_t)~WEIR_PEER_UNSURE;
    x->end = seg->seq;
    weir_window_set_scale(flow, dir, WEIR_WSCALE_UNKNOWN);
    y->ack = seg->seq - UINT16_MAX;
    y->edge += seg->seq;
    reason = weir_window_check(flow, dir, seg);
    finding = reason == WEIR_REASON_NONE ? judge_ack(flow, dir, seg) : weir_found_refused(reason);
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
static struct weir_finding classify_unanswered(const struct weir_peer *x, const struct weir_peer *y,
                                               const struct weir_segment *seg)
{
    if (!(y->flags & WEIR_PEER_UNSURE) && !(x->flags & WEIR_PEER_CHALL))
        return weir_found_refused(WEIR_REASON_HANDSHAKE);
    return seg->seq == x->end ? weir_found(WEIR_TCP_EVENTS, WEIR_REASON_NONE)
                              : weir_found_stray(WEIR_REASON_HALF_OPEN_ACK);
}

/* Segments that carry an ACK and neither SYN nor RST, from an end whose peer is in SYN-SENT or that
 * has itself only sent a SYN. WEIR_TCP_EVENTS: go on to the windows. */
static struct weir_finding classify_opening(struct weir_flow *flow, unsigned int dir,
                                            const struct weir_segment *seg,
                                            enum weir_midstream midstream)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (!(x->flags & WEIR_PEER_SEEN) && weir_flow_state(flow, !dir) == WEIR_TCP_SYN_SENT) {
        if (weir_segment_end(seg) == seg->seq || (x->flags & WEIR_PEER_UNSURE) ||
            weir_tcp_acknowledges_syn(y, x, seg->ack) != WEIR_SYN_TRACKED)
            return weir_found_other(x, y, WEIR_REASON_HALF_OPEN_ACK);
        return hear_past_syn(flow, dir, seg); /* its SYN-ACK was lost before it came here */
    }
    if (!(y->flags & WEIR_PEER_SEEN) && weir_flow_state(flow, dir) == WEIR_TCP_SYN_SENT &&
        midstream != WEIR_MIDSTREAM_ONE_WAY)
        return classify_unanswered(x, y, seg);
    if ((x->flags & WEIR_PEER_SEEN) && (y->flags & WEIR_PEER_SEEN) &&
        weir_seq_after(x->ack, seg->ack))
        return weir_found_refused(WEIR_REASON_ACK_BELOW);
    return weir_found(WEIR_TCP_EVENTS, WEIR_REASON_NONE);
}

/* What has been learnt from a segment that then does not count is forgotten again. */
static struct weir_finding classify_unsure(struct weir_flow *flow, unsigned int dir,
                                           const struct weir_segment *seg)
{
    struct weir_peer *y = &flow->peer[!dir];
    struct weir_peer before = *y;
    enum weir_reason reason = window_learn(flow, dir, seg);
    struct weir_finding finding =
        reason == WEIR_REASON_NONE ? judge_ack(flow, dir, seg) : weir_found_refused(reason);

    if (finding.event == WEIR_TCP_EV_INERT || finding.event == WEIR_TCP_EV_STRAY ||
        weir_tcp_step(&weir_tcp_pairs, flow->pair, dir, finding.event).action != WEIR_TCP_ACT_PASS)
        *y = before;
    return finding;
}

/*
 * After a RST. Whoever has not received it yet goes on, and the windows stand still: what lies
 * outside them may be an honest endpoint's all the same, and passes, but proves no life.
 */
static struct weir_finding classify_dead(const struct weir_flow *flow, unsigned int dir,
                                         const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    bool known =
        (x->flags & y->flags & WEIR_PEER_SEEN) && !((x->flags | y->flags) & WEIR_PEER_UNSURE);

    if (known && (weir_window_check(flow, dir, seg) != WEIR_REASON_NONE ||
                  weir_window_stale(flow, dir, weir_segment_end(seg))))
        return weir_found_stray(WEIR_REASON_AFTER_CLOSE);
    return weir_found_inert(WEIR_REASON_AFTER_CLOSE);
}

/* Its SYN has not passed here, or passed as one of before: known from what answers it. */
static bool syn_presumed(const struct weir_peer *peer)
{
    return (peer->flags & WEIR_PEER_SEEN) && unheard(peer);
}

/* Has y, which has sent more than SYNs, sent what x will challenge? See weir_expect_challenge. */
static bool challenged_by_proven(const struct weir_peer *y)
{
    return (y->flags & WEIR_PEER_CHALL) && (y->flags & WEIR_PEER_PROVEN);
}

/*
 * The first that x sends after its SYN. Where a SYN is presumed, the answer to it may have been an
 * old one come late as well, and the connection before goes on: what does not fit passes then.
 */
static struct weir_finding classify_first(struct weir_flow *flow, unsigned int dir,
                                          const struct weir_segment *seg,
                                          enum weir_midstream midstream)
{
    const struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];
    bool presumed = syn_presumed(x) || syn_presumed(y);
    struct weir_finding finding = classify_opening(flow, dir, seg, midstream);

    if (finding.event == WEIR_TCP_EVENTS && (y->flags & WEIR_PEER_SEEN) &&
        !(y->flags & WEIR_PEER_UNSURE)) {
        enum weir_reason reason = weir_window_check(flow, dir, seg);

        finding =
            reason == WEIR_REASON_NONE ? judge_ack(flow, dir, seg) : weir_found_refused(reason);
    } else if (finding.event == WEIR_TCP_EVENTS) {
        finding = classify_unsure(flow, dir, seg);
    }
    if (finding.event == WEIR_TCP_EV_REFUSE && presumed)
        return weir_found_stray(WEIR_REASON_HALF_OPEN_ACK);
    if (finding.event == WEIR_TCP_EV_ACK && challenged_by_proven(y) &&
        answers_challenge(flow, dir, seg)) {
        y->flags &= (uint8_t)~WEIR_PEER_CHALL;
        finding.reason = WEIR_REASON_CHALLENGE_ACK;
    }
    return finding;
}

static inline struct weir_finding classify_ack(struct weir_flow *flow, unsigned int dir,
                                               const struct weir_segment *seg,
                                               enum weir_midstream midstream)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    enum weir_reason reason;

    if (__builtin_expect(weir_flow_dead(flow), 0))
        return classify_dead(flow, dir, seg);
    if (__builtin_expect(!(x->flags & WEIR_PEER_PROVEN), 0))
        return classify_first(flow, dir, seg, midstream);
    if (__builtin_expect((y->flags & (WEIR_PEER_SEEN | WEIR_PEER_UNSURE)) != WEIR_PEER_SEEN, 0))
        return classify_unsure(flow, dir, seg);
    reason = weir_window_check(flow, dir, seg);
    if (__builtin_expect(reason != WEIR_REASON_NONE, 0))
        return weir_found_refused(reason);
    return judge_ack(flow, dir, seg);
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
    bool newest = first || (weir_seq_reaches(end, x->end) && weir_seq_reaches(seg->ack, x->ack));

    if (!(y->flags & WEIR_PEER_SEEN)) /* nor has what it offered */
        weir_window_set_scale(flow, !dir, WEIR_WSCALE_UNKNOWN);
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
    if (newest) /* one that was overtaken tells nothing of what x has done since */
        x->flags &= (uint8_t)~WEIR_PEER_CHALL;
}

/*
 * Signs of another attempt at the connection have been seen (tcp_syn.c, reopen: both ends are
 * marked), and an end has yet to show by more than a SYN which of them it is in; it never will if
 * it is not to be seen. Or each end was sent a SYN on a live connection and has not answered.
 */
static bool attempts_interleave(const struct weir_flow *flow, enum weir_midstream midstream)
{
    const uint8_t seen = midstream == WEIR_MIDSTREAM_ONE_WAY ? WEIR_PEER_SEEN : 0;
    const uint8_t which = WEIR_PEER_PROVEN | WEIR_PEER_CHALL | seen;
    const uint8_t open = WEIR_PEER_CHALL | seen;
    const uint8_t flags[2] = {flow->peer[0].flags, flow->peer[1].flags};
    const uint8_t not_plain = WEIR_PEER_PROVEN | WEIR_PEER_CHALL;

    if (!(flags[0] & not_plain) || !(flags[1] & not_plain))
        return false;
    return (flags[0] & which) == open || (flags[1] & which) == open ||
           (flags[0] & flags[1] & WEIR_PEER_CHALL);
}

/* Refused, opens, or belongs to another attempt and passes. */
static struct weir_outcome not_taken(const struct weir_flow *flow, struct weir_finding finding,
                                     unsigned int action, enum weir_midstream midstream)
{
    if (action == WEIR_TCP_ACT_REFUSE && attempts_interleave(flow, midstream))
        return (struct weir_outcome){WEIR_TCP_ACT_PASS, WEIR_REASON_OTHER_ATTEMPT,
                                     WEIR_TCP_EV_STRAY};
    if (action == WEIR_TCP_ACT_REFUSE && finding.event != WEIR_TCP_EV_REFUSE)
        finding.reason = WEIR_REASON_STATE;
    return (struct weir_outcome){(uint8_t)action, finding.reason, finding.event};
}

struct weir_outcome weir_tcp_track(struct weir_flow *flow, unsigned int dir,
                                   const struct weir_segment *seg, enum weir_midstream midstream)
{
    struct weir_finding finding;
    struct weir_tcp_step step;

    if (__builtin_expect(!(seg->flags & (WEIR_TCP_SYN | WEIR_TCP_RST)), 1))
        finding = classify_ack(flow, dir, seg, midstream);
    else if (seg->flags & WEIR_TCP_RST)
        finding = weir_tcp_classify_rst(flow, dir, seg);
    else if (seg->flags & WEIR_TCP_ACK)
        finding = weir_tcp_classify_syn_ack(flow, dir, seg);
    else
        finding = weir_tcp_classify_syn(flow, dir, seg);

    if (finding.event == WEIR_TCP_EVENTS)
        return (struct weir_outcome){WEIR_TCP_ACT_OPEN, finding.reason,
                                     (seg->flags & WEIR_TCP_ACK) ? WEIR_TCP_EV_SYN_ACK
                                                                 : WEIR_TCP_EV_SYN};
    step = weir_tcp_step(&weir_tcp_pairs, flow->pair, dir, finding.event);
    if (__builtin_expect(step.action != WEIR_TCP_ACT_PASS, 0))
        return not_taken(flow, finding, step.action, midstream);
    flow->pair = step.next;
    if (finding.event >= WEIR_TCP_EV_ACK && finding.event <= WEIR_TCP_EV_FIN_LATE)
        commit_ack(flow, dir, seg);
    else if (finding.event == WEIR_TCP_EV_SYN || finding.event == WEIR_TCP_EV_SYN_ACK)
        weir_tcp_commit_syn(flow, dir, seg);
    else if (finding.event == WEIR_TCP_EV_RST)
        weir_tcp_commit_rst(&flow->peer[dir]);
    return (struct weir_outcome){WEIR_TCP_ACT_PASS, finding.reason, finding.event};
}
