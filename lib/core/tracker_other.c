/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Anything but TCP: both ends, their packets, and when the last one passed; associations of SCTP;
 * ICMP errors, which belong to the flow whose packet they quote.
 */
#include "core/account.h"
#include "core/sctp.h"
#include "core/tcp_window.h"
#include "core/tracker_in.h"

static const uint8_t kind_timeout[] = {
    [WEIR_KIND_UDP] = WEIR_TIMEOUT_UDP_UNREPLIED,
    [WEIR_KIND_ICMP] = WEIR_TIMEOUT_ICMP,
    [WEIR_KIND_OTHER] = WEIR_TIMEOUT_OTHER,
};

static const uint8_t sctp_timeout[] = {
    [WEIR_SCTP_OPENING] = WEIR_TIMEOUT_SCTP_OPENING,
    [WEIR_SCTP_ESTABLISHED] = WEIR_TIMEOUT_SCTP_ESTABLISHED,
    [WEIR_SCTP_CLOSING] = WEIR_TIMEOUT_SCTP_CLOSING,
};

static enum weir_sctp_state sctp_state(const struct weir_flow *flow)
{
    enum weir_sctp_state state = WEIR_SCTP_OPENING;

    while (state < WEIR_SCTP_CLOSING && sctp_timeout[state] + WEIR_PAIR_OTHER != flow->pair)
        state++;
    return state;
}

/* False where the packet is refused: its fate is settled. */
static bool track_sctp(struct weir_tracker *tracker, const struct weir_place *at, unsigned int dir,
                       const struct weir_passage *p)
{
    enum weir_sctp_state state = sctp_state(at->flow);
    enum weir_reason reason = weir_sctp_track(at->flow, dir, &p->packet->sctp, &state);

    if (reason != WEIR_REASON_NONE) {
        weir_fate_by_reason(p, reason, WEIR_CLASS_INVALID);
        weir_place_refused(tracker, at, dir, p->packet->pieces, (uint8_t)reason);
        weir_fate_flow(tracker, p->fate, at, dir);
        return false;
    }
    tracker->counters.pair[at->flow->pair]--;
    at->flow->pair = (uint8_t)(WEIR_PAIR_OTHER + sctp_timeout[state]);
    tracker->counters.pair[at->flow->pair]++;
    return true;
}

void weir_track_other(struct weir_tracker *tracker, const struct weir_place *at, unsigned int dir,
                      const struct weir_passage *p)
{
    if (p->packet->kind == WEIR_KIND_SCTP && !track_sctp(tracker, at, dir, p))
        return;
    at->flow->peer[dir].flags |= WEIR_PEER_SEEN;
    if (!(at->flow->peer[dir].flags & WEIR_PEER_DATA)) {
        at->flow->peer[dir].flags |= WEIR_PEER_DATA;
        weir_history_add(at->cold, dir, WEIR_LETTER_DATA);
    }
    weir_account_pieces(at->flow, at->cold, &tracker->annex, dir, p->packet->pieces,
                        p->packet->ip_len);
    if (p->time_us >= weir_flow_last(at->flow, p->time_us))
        weir_flow_set_last(at->flow, p->time_us);
    weir_fate_by_reason(p, WEIR_REASON_NONE,
                        weir_flow_both_heard(at->flow) ? WEIR_CLASS_ESTABLISHED : WEIR_CLASS_NEW);
    weir_fate_flow(tracker, p->fate, at, dir);
}

void weir_begin_other(struct weir_tracker *tracker, const struct weir_passage *p)
{
    struct weir_place at;

    if (p->packet->kind == WEIR_KIND_SCTP && !weir_sctp_tag_possible(&p->packet->sctp)) {
        weir_fate_by_reason(p, WEIR_REASON_SCTP_TAG, WEIR_CLASS_INVALID);
        return;
    }
    if (!weir_place_new(tracker, p, &at)) {
        weir_fate_by_reason(p, WEIR_REASON_TABLE_FULL, WEIR_CLASS_NEW);
        return;
    }
    at.flow->pair =
        (uint8_t)(WEIR_PAIR_OTHER + (p->packet->kind == WEIR_KIND_SCTP
                                         ? sctp_timeout[weir_sctp_begin(&p->packet->sctp)]
                                         : kind_timeout[p->packet->kind]));
    weir_flow_set_originator(at.flow, p->packet->swapped);
    weir_place_begin(tracker, &at, p);
    weir_track_other(tracker, &at, WEIR_ORIG, p);
}

/*
 * Is the segment that the error quotes one that its sender may have in flight (RFC 5927 4.1)? Where
 * that end has not been heard, or may have sent more than has passed, nobody can tell how far. A
 * message about the path's MTU always may pass: a connection that misses it stands still.
 */
static bool quoted_in_flight(const struct weir_flow *flow, unsigned int dir,
                             const struct weir_packet *packet)
{
    const struct weir_peer *x = &flow->peer[!dir]; /* who sent the quoted segment */
    uint32_t slack = weir_window_slack(flow, dir);
    uint32_t beyond = (x->flags & WEIR_PEER_UNSURE) ? slack : 0;

    if (flow->pair >= WEIR_PAIR_OTHER || packet->quote.pmtu || !(x->flags & WEIR_PEER_SEEN))
        return true;
    return packet->quote.seq - (x->end - slack) <= slack + beyond;
}

void weir_track_quoted(struct weir_tracker *tracker, const struct weir_place *at,
                       const struct weir_passage *p)
{
    unsigned int dir = weir_flow_dir(at->flow, p->packet->swapped);

    if (quoted_in_flight(at->flow, dir, p->packet)) {
        weir_fate_by_reason(p, WEIR_REASON_NONE, WEIR_CLASS_RELATED);
    } else {
        weir_fate_by_reason(p, WEIR_REASON_ICMP_OUTSIDE, WEIR_CLASS_INVALID);
        weir_place_refused(tracker, at, dir, p->packet->pieces, WEIR_REASON_ICMP_OUTSIDE);
    }
    weir_fate_flow(tracker, p->fate, at, dir);
}
