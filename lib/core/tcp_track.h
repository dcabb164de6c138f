/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tracking one TCP segment: classify, check the windows, step the pair, commit. In that order
 * always: a segment that fails changes no state, no window and no timer.
 *
 * Pure functions on one flow record; the caller owns the record, keeps its clock and its tally, and
 * carries out the action. May be called from any thread that owns the record.
 */
#ifndef WEIR_CORE_TCP_TRACK_H
#define WEIR_CORE_TCP_TRACK_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/flow.h"
#include "core/reason.h"
#include "core/segment.h"
#include "core/tcp_state.h"

/* What to do with a segment that belongs to no flow and is not a SYN. */
enum weir_midstream {
    WEIR_MIDSTREAM_LOOSE,   /* adopt the connection, learn its windows */
    WEIR_MIDSTREAM_STRICT,  /* refuse */
    WEIR_MIDSTREAM_ONE_WAY, /* adopt, and expect to see one direction only (asymmetric routing) */
};

struct weir_outcome {
    uint8_t action; /* enum weir_tcp_action */
    uint8_t reason; /* enum weir_reason; NONE for a plain pass */
    uint8_t event;  /* enum weir_tcp_event, for traces and tests */
} __attribute__((aligned(4)));

/* How a segment without a flow opens one. */
struct weir_birth {
    uint8_t reason; /* NONE, or why it may not */
    uint8_t seed;   /* enum weir_tcp_seed */
    uint8_t dir;    /* enum weir_dir of this segment: a SYN-ACK comes from the responder */
} __attribute__((aligned(4)));

/* Decide on a segment without a flow (RFC 9293 3.10.7.1; the SYN's sender is the originator). */
struct weir_birth weir_tcp_birth(const struct weir_segment *seg, enum weir_midstream midstream);

/*
 * Make a zeroed record ready for its first segment, which must be passed to weir_tcp_track next.
 * The key and WEIR_PEER_EXTRA are left alone.
 */
void weir_tcp_begin(struct weir_flow *flow, struct weir_birth birth,
                    const struct weir_segment *seg);

/*
 * Take the record of a connection that is over, or that was never answered, for a new one that
 * begins with this SYN, sent by end dir, or with this SYN-ACK of end dir, the answer to a SYN that
 * had passed as the old one come late. The sender of the SYN becomes the originator, so that dir
 * may mean the other end afterwards: see weir_flow_dir. Where the old SYN was never answered its
 * number is remembered, since the answer to come may be the answer to it; where this SYN may be the
 * old one come late, that is remembered, since its sender may go on acknowledging in the old
 * connection. Both ends are marked: until they have said more than SYNs, what does not fit may be
 * of the connection before, and passes (WEIR_REASON_OTHER_ATTEMPT).
 */
void weir_tcp_reopen(struct weir_flow *flow, unsigned int dir, const struct weir_segment *seg);

/*
 * Track a segment sent in direction dir.
 *
 * Returns the action: PASS (the record is up to date), REFUSE (the record is as before), or OPEN
 * (the record is as before; the segment begins a new connection: report the old one, call
 * weir_tcp_reopen, then this again, in the direction that the segment then has).
 */
struct weir_outcome weir_tcp_track(struct weir_flow *flow, unsigned int dir,
                                   const struct weir_segment *seg, enum weir_midstream midstream);

/*
 * Does a segment with this outcome show that the connection lives, so that its clock starts anew?
 * Not if it was refused, nor if nothing ties it to the connection's sequence numbers.
 */
static inline bool weir_outcome_touches(struct weir_outcome outcome)
{
    return outcome.event != WEIR_TCP_EV_REFUSE && outcome.event != WEIR_TCP_EV_STRAY;
}

/*
 * Is this SYN, just tracked in direction dir as no evidence, remembered as one that opens a
 * connection if it is answered? Whoever may not open one must be kept from it now: then call
 * weir_tcp_forget_syn. Only asked where weir_outcome_may_open.
 */
bool weir_tcp_syn_remembered(const struct weir_flow *flow, unsigned int dir,
                             const struct weir_segment *seg);

static inline bool weir_outcome_may_open(struct weir_outcome outcome)
{
    return outcome.reason == WEIR_REASON_SYN_TIME_WAIT ||
           outcome.reason == WEIR_REASON_SYN_CHALLENGE;
}

/* Forget the SYN just tracked in direction dir. */
static inline void weir_tcp_forget_syn(struct weir_flow *flow, unsigned int dir)
{
    flow->peer[!dir].ts = 0;
}

/*
 * Both ends may be in another attempt at the connection than the tracked one: until one of them
 * speaks in this one, what does not fit passes (WEIR_REASON_OTHER_ATTEMPT).
 */
static inline void weir_tcp_expect_attempts(struct weir_flow *flow)
{
    for (unsigned int dir = 0; dir < 2; dir++)
        flow->peer[dir].flags |= WEIR_PEER_CHALL;
}

/*
 * Time stamps expire when a connection is idle (RFC 7323 5.5): before the clock that made them may
 * have come half way round, which takes 24 days by the RFC, but 36 minutes where a host counts
 * microseconds. No segment that old is on its way any more (MSL is 2 minutes, RFC 9293 3.4.2).
 */
#define WEIR_TCP_STAMPS_USEC ((uint64_t)30 * 60 * 1000000)

/* What is known of time stamps no longer holds, nor is a SYN remembered in their place. */
static inline void weir_tcp_forget_stamps(struct weir_flow *flow)
{
    for (unsigned int dir = 0; dir < 2; dir++) {
        flow->peer[dir].flags &= (uint8_t)~WEIR_PEER_TS;
        flow->peer[dir].ts = 0;
    }
}

/* Timeout class of the flow as it stands now. */
static inline unsigned int weir_tcp_timeout(const struct weir_flow *flow)
{
    bool both = flow->peer[WEIR_ORIG].flags & flow->peer[WEIR_RESP].flags & WEIR_PEER_SEEN;

    return both ? weir_tcp_pairs.timeout[flow->pair] : weir_tcp_pairs.timeout_one_way[flow->pair];
}

#endif
