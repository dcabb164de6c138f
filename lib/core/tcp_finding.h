/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of classification have in common: findings, and what a record tells of its ends.
 * tcp_track.c puts the parts together, tcp_syn.c has SYN and SYN-ACK, tcp_rst.c has RST.
 *
 * Throughout, x is the end that sent the segment and y the one that it goes to.
 */
#ifndef WEIR_CORE_TCP_FINDING_H
#define WEIR_CORE_TCP_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/flow.h"
#include "core/reason.h"
#include "core/segment.h"
#include "core/tcp_state.h"

/* A SYN may carry data (RFC 7413): how far its number may lie below the end it gave. */
#define WEIR_SYN_REACH 0xffffU

/* The event and, where it is not a plain one, the reason. Event WEIR_TCP_EVENTS: see the caller. */
struct weir_finding {
    uint8_t event;
    uint8_t reason;
};

static inline struct weir_finding weir_found(enum weir_tcp_event event, enum weir_reason reason)
{
    return (struct weir_finding){(uint8_t)event, (uint8_t)reason};
}

static inline struct weir_finding weir_found_refused(enum weir_reason reason)
{
    return weir_found(WEIR_TCP_EV_REFUSE, reason);
}

static inline struct weir_finding weir_found_inert(enum weir_reason reason)
{
    return weir_found(WEIR_TCP_EV_INERT, reason);
}

static inline struct weir_finding weir_found_stray(enum weir_reason reason)
{
    return weir_found(WEIR_TCP_EV_STRAY, reason);
}

/* SYNs that cross may be of one attempt; or one of one given up, and one of another. */
static inline void weir_expect_attempts(struct weir_peer *x, struct weir_peer *y)
{
    x->flags |= WEIR_PEER_CHALL;
    y->flags |= WEIR_PEER_CHALL;
}

/* A stray of another attempt of x, which y will answer as such: more may be expected of both. */
static inline struct weir_finding weir_found_other(struct weir_peer *x, struct weir_peer *y,
                                                   enum weir_reason reason)
{
    weir_expect_attempts(x, y);
    return weir_found_stray(reason);
}

static inline unsigned int weir_flow_state(const struct weir_flow *flow, unsigned int dir)
{
    return weir_tcp_pairs.state[flow->pair][dir];
}

static inline bool weir_tcp_state_over(unsigned int state)
{
    return state == WEIR_TCP_CLOSED || state == WEIR_TCP_TIME_WAIT;
}

/* Neither end holds the connection any more: a SYN may begin the next one (RFC 9293 3.6.1). */
static inline bool weir_flow_over(const struct weir_flow *flow)
{
    return weir_tcp_state_over(weir_flow_state(flow, WEIR_ORIG)) &&
           weir_tcp_state_over(weir_flow_state(flow, WEIR_RESP));
}

static inline bool weir_flow_dead(const struct weir_flow *flow)
{
    return weir_flow_state(flow, WEIR_ORIG) == WEIR_TCP_CLOSED &&
           weir_flow_state(flow, WEIR_RESP) == WEIR_TCP_CLOSED;
}

/*
 * y will answer what x has sent by a challenge ACK. The mark of an end that has sent nothing but
 * SYNs means another attempt, see tcp_track.c: where y has, it stands with x.
 */
static inline void weir_expect_challenge(struct weir_peer *x, struct weir_peer *y)
{
    ((y->flags & WEIR_PEER_PROVEN) ? y : x)->flags |= WEIR_PEER_CHALL;
}

/* Not heard yet, but its SYN has been answered: see tcp_syn.c. */
static inline bool weir_tcp_known_from_answer(const struct weir_peer *x)
{
    return !(x->flags & WEIR_PEER_SEEN) && x->edge != 0;
}

/* The SYN of y that this acknowledgement is for: the tracked one, an earlier one of y, or none. */
enum weir_syn_match { WEIR_SYN_NOT_MINE, WEIR_SYN_TRACKED, WEIR_SYN_EARLIER };

enum weir_syn_match weir_tcp_acknowledges_syn(const struct weir_peer *y, const struct weir_peer *x,
                                              uint32_t ack);

/* The scale of the SYN that this SYN-ACK of x answers, 0 if it offered none; WEIR_WSCALE_UNKNOWN
 * where that one is not remembered. */
unsigned int weir_tcp_remembered_scale(const struct weir_peer *x, const struct weir_segment *seg);

/* Is this RST "connection refused" for a SYN that met a record of which one end only is known? */
bool weir_tcp_refuses_remembered(const struct weir_flow *flow, unsigned int dir,
                                 const struct weir_segment *seg);

/*
 * What a SYN, a SYN-ACK, a RST tells. WEIR_TCP_EVENTS: it begins a new connection. The record may
 * change even so: a challenge ACK is expected, or a SYN remembered.
 */
struct weir_finding weir_tcp_classify_syn(struct weir_flow *flow, unsigned int dir,
                                          const struct weir_segment *seg);
struct weir_finding weir_tcp_classify_syn_ack(struct weir_flow *flow, unsigned int dir,
                                              const struct weir_segment *seg);
struct weir_finding weir_tcp_classify_rst(struct weir_flow *flow, unsigned int dir,
                                          const struct weir_segment *seg);

/* Note what a SYN or SYN-ACK, a RST that passes has told. */
void weir_tcp_commit_syn(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg);
void weir_tcp_commit_rst(struct weir_peer *x);

#endif
