/* SPDX-License-Identifier: BSD-3-Clause */
/* RST: taken, challenged or refused (RFC 9293 3.5.2, 3.10.7.3; RFC 5961 3, RFC 1337). */
#include "core/tcp_finding.h"
#include "core/tcp_window.h"

/* RFC 5961 3.2: exactly the next sequence number, as far as a middlebox can know it. */
static bool rst_exact(const struct weir_flow *flow, unsigned int dir,
                      const struct weir_segment *seg)
{
    const struct weir_peer *x = &flow->peer[dir];
    const struct weir_peer *y = &flow->peer[!dir];
    unsigned int state = weir_flow_state(flow, !dir);

    if (seg->seq == x->end) /* all that x sent has arrived */
        return true;
    if ((y->flags & WEIR_PEER_SEEN) && seg->seq == y->ack) /* or only what y has acknowledged */
        return true;
    /* y may never have received the SYN-ACK, which is all that x has sent: in SYN-SENT the ACK
     * decides, 3.10.7.3, and what answers a SYN has number 0, 3.10.7.1. */
    if ((seg->flags & WEIR_TCP_ACK) && seg->seq == 0 && seg->ack == y->end &&
        !(x->flags & WEIR_PEER_PROVEN) &&
        (y->flags & (WEIR_PEER_SEEN | WEIR_PEER_PROVEN)) == WEIR_PEER_SEEN &&
        (state == WEIR_TCP_ESTABLISHED || state == WEIR_TCP_CLOSE_WAIT))
        return true;
    /* Some stacks leave their FIN out of account; ends that have taken the FIN allow for it. */
    return (x->flags & WEIR_PEER_FIN) && seg->seq == x->end - 1 &&
           (state == WEIR_TCP_CLOSE_WAIT || state == WEIR_TCP_LAST_ACK ||
            state == WEIR_TCP_CLOSING);
}

struct weir_finding weir_tcp_classify_rst(struct weir_flow *flow, unsigned int dir,
                                          const struct weir_segment *seg)
{
    struct weir_peer *x = &flow->peer[dir];
    struct weir_peer *y = &flow->peer[!dir];

    if (flow->pair == WEIR_PAIR_DEAD) {
        if (!((x->flags | y->flags) & WEIR_PEER_SEEN))
            return weir_found(WEIR_TCP_EV_RST, WEIR_REASON_NONE);
        return rst_exact(flow, dir, seg) ? weir_found_inert(WEIR_REASON_AFTER_CLOSE)
                                         : weir_found_stray(WEIR_REASON_AFTER_CLOSE);
    }
    if (weir_flow_state(flow, !dir) == WEIR_TCP_TIME_WAIT)
        return weir_found_refused(WEIR_REASON_RST_TIME_WAIT);
    if (weir_flow_state(flow, !dir) == WEIR_TCP_SYN_SENT) { /* RFC 9293 3.10.7.3: the ACK decides */
        if (!(seg->flags & WEIR_TCP_ACK)) /* an abort in SYN-RECEIVED, 3.10.5: y ignores it */
            return weir_found_stray(WEIR_REASON_RST_INEXACT);
        switch (weir_tcp_acknowledges_syn(y, x, seg->ack)) {
        case WEIR_SYN_TRACKED:
            return weir_found(WEIR_TCP_EV_RST, WEIR_REASON_NONE);
        case WEIR_SYN_EARLIER:
            return weir_found_stray(WEIR_REASON_RST_INEXACT);
        default:
            return weir_found_refused(WEIR_REASON_RST_OUTSIDE);
        }
    }
    if (rst_exact(flow, dir, seg) || weir_tcp_refuses_remembered(flow, dir, seg))
        return weir_found(WEIR_TCP_EV_RST, WEIR_REASON_NONE);
    /* Number 0 answers a SYN, 3.10.7.1: one of y's come late, and y has gone on and ignores it; or
     * one that passed as a challenge, and x holds the connection no more. */
    if ((seg->flags & WEIR_TCP_ACK) && seg->seq == 0)
        return weir_found_stray(WEIR_REASON_RST_INEXACT);
    /* An abort in SYN-RECEIVED, 3.10.5, of an attempt of x of which nothing has passed but this. */
    if ((seg->flags & WEIR_TCP_ACK) && !((x->flags | y->flags) & WEIR_PEER_PROVEN) &&
        seg->ack == y->end)
        return weir_found_stray(WEIR_REASON_RST_INEXACT);
    /* Beyond the edge there may have been a probe of one octet, and a FIN. */
    if ((y->flags & WEIR_PEER_SEEN) &&
        (weir_seq_after(seg->seq, y->edge + 2) ||
         !weir_seq_reaches(seg->seq, x->end - weir_window_slack(flow, !dir))))
        return weir_found_refused(WEIR_REASON_RST_OUTSIDE);
    weir_expect_challenge(x, y);
    return (y->flags & WEIR_PEER_SEEN) ? weir_found_inert(WEIR_REASON_RST_INEXACT)
                                       : weir_found_stray(WEIR_REASON_RST_INEXACT);
}

/* A RST tells nothing of the numbers of an end that has sent nothing else. */
void weir_tcp_commit_rst(struct weir_peer *x)
{
    if (!(x->flags & WEIR_PEER_SEEN))
        x->flags |= WEIR_PEER_SEEN | WEIR_PEER_UNSURE;
}
